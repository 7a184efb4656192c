"""Frames from a peer that errs or means harm: a stable code, no other error, little memory."""

import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_wire.cells import CellState
from hugescope_wire.errors import WireError
from hugescope_wire.frames import decode_frame, encode_range, encode_scattered
from hugescope_wire.host import ProcessInfo
from hugescope_wire.picture import HostPicture
from tests.unit.wire.made_wire import (
    MIB2,
    cells_of,
    full_frame,
    host_delta,
    host_frame,
    little_memory,
    many,
    mapping_info,
    one_mapping,
    picture_of,
    whole_row,
)

CODES = {
    "short_frame",
    "bad_magic",
    "bad_kind",
    "bad_json",
    "bad_block",
    "trailing_bytes",
    "bad_seq",
    "no_full_frame",
    "missing_cells",
    "too_many_cells",
}
MAPPED = whole_row(CellState.MAPPED)
HOLE = whole_row(CellState.HOLE)
PART = (7, 1, 1, int(CellState.PARTIAL), 0, 0)


def header(blocks: int, text: bytes = b"", kind: int = 3, magic: bytes = b"HSF1") -> bytes:
    """A frame's header and its JSON."""
    return (
        struct.pack("<4sBBHQI", magic, kind, 0, blocks, 1, len(text)) + text + bytes(-len(text) % 4)
    )


def block(
    encoding: int, first: int, covered: int, rows: int, body: bytes, columns: int = 0
) -> bytes:
    """A block of mapping 1 with any header."""
    return struct.pack("<IBBHIII", 1, encoding, columns, 0, first, covered, rows) + body


def row_columns(rows: int, state: int = 1, flags: int = 0) -> bytes:
    """mapcount, mappers, state, flags and node of equal rows, padded."""
    body = bytes(4 * rows) + bytes([state]) * rows + bytes([flags]) * rows + bytes(rows)
    return body + bytes(-len(body) % 4)


def coded(rows: int, codes: list[int], steps: list[int], far: int = 0, first: int = 0) -> bytes:
    """A coded block of equal rows."""
    head = struct.pack("<IBBHIII", 1, 3, 0, far, first, len(codes), rows)
    body = bytes(4 * rows) + bytes([1]) * rows + bytes(2 * rows) + bytes(codes) + bytes(steps)
    return head + body + bytes(-len(body) % 4)


def u32(*numbers: int) -> bytes:
    """Little-endian u32."""
    return struct.pack(f"<{len(numbers)}I", *numbers)


def show(data: bytes, picture: HostPicture | None = None) -> None:
    """All that a server does with a frame: take it in, count cells and print the state."""
    picture = picture or HostPicture()
    picture.apply(decode_frame(data))
    for cells in picture.cells.values():
        cells.state_counts()
    picture.snapshot().model_dump_json()


def refused(data: bytes, picture: HostPicture | None = None) -> WireError:
    """The error of a frame that must not be taken."""
    with pytest.raises(WireError) as caught:
        show(data, picture)
    assert caught.value.code in CODES
    assert len(caught.value.message) < 400
    return caught.value


def code_of(data: bytes, picture: HostPicture | None) -> str | None:
    """The code by which a frame is refused, None if it is taken; at most a gigabyte is used."""
    try:
        with little_memory(1 << 30):
            show(data, picture)
    except WireError as error:
        return error.code
    return None


def good_frames() -> Iterator[tuple[bytes, HostPicture | None]]:
    """A full frame with every layout and column, and a delta after it with a scattered block."""
    infos = [mapping_info(1, 9), mapping_info(2, 3, vm_flags=None), mapping_info(3, 6)]
    about = host_frame([ProcessInfo(pid=9, comm="a\x00\u2028", mappings=infos)])
    cells = {
        1: cells_of([MAPPED] * 8 + [HOLE]),
        2: cells_of([MAPPED, HOLE, PART]),
        3: cells_of([PART] * 5 + [HOLE]),
    }
    full = full_frame(about, cells)
    yield full, None
    picture = HostPicture()
    picture.apply(decode_frame(full))
    blocks = [
        encode_scattered(1, MIB2, cells_of([MAPPED] * 2).state[:0], cells_of([])),
        encode_scattered(2, MIB2, cells_of([MAPPED] * 2).run_starts(), cells_of([PART])),
        encode_range(3, MIB2, cells_of([HOLE, HOLE]), 2),
    ]
    delta = host_delta(pools=[], gone_pids=[5])
    text = delta.model_dump_json().encode()
    data = bytearray(header(len(blocks), text, kind=2) + b"".join(blocks))
    data[8] = 2
    yield bytes(data), picture


@pytest.mark.parametrize("number", range(2))
def test_every_truncation_is_refused(number: int) -> None:
    data, picture = list(good_frames())[number]
    show(data, picture)
    for length in range(len(data)):
        data_cut, picture = list(good_frames())[number][0][:length], None
        if number:
            picture = picture_of_second()
        refused(data_cut, picture)


def picture_of_second() -> HostPicture:
    """The picture that the second good frame builds on."""
    _, picture = list(good_frames())[1]
    assert picture is not None
    return picture


@given(st.integers(0, 1), st.sets(st.integers(0, 1 << 16), min_size=1, max_size=3))
@many
def test_flipped_bits_are_refused_by_code_or_taken(number: int, bits: set[int]) -> None:
    good, picture = list(good_frames())[number]
    data = bytearray(good)
    for bit in bits:
        data[bit // 8 % len(data)] ^= 1 << bit % 8
    assert code_of(bytes(data), picture) in {None, *CODES}


@given(st.integers(0, 1), st.data())
@many
def test_overwritten_words_are_refused_by_code_or_taken(number: int, data: st.DataObject) -> None:
    good, picture = list(good_frames())[number]
    raw = bytearray(good)
    at = data.draw(st.integers(0, len(raw) // 4 - 1)) * 4
    raw[at : at + 4] = u32(data.draw(st.sampled_from((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF))))
    assert code_of(bytes(raw), picture) in {None, *CODES}


@given(st.binary(max_size=200))
@many
def test_noise_is_refused(noise: bytes) -> None:
    refused(noise)
    refused(header(1) + noise)
    refused(header(1, b"{}", kind=1) + noise)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "short_frame"),
        (b"HSF1", "short_frame"),
        (header(0, magic=b"HSF2"), "bad_magic"),
        (header(0, kind=0), "bad_kind"),
        (header(0, kind=4), "bad_kind"),
        (header(0)[:-4] + u32(0xFFFFFFFF), "short_frame"),
        (header(0, b"{}"), "bad_json"),
        (header(0, b"", kind=1), "bad_json"),
        (header(0, b"\xff", kind=1), "bad_json"),
        (header(0, b"[" * 100_000, kind=1), "bad_json"),
        (header(0, b'{"seq":' * 100_000, kind=2), "bad_json"),
        (header(0) + b"\0", "trailing_bytes"),
        (header(1), "bad_block"),
        (header(0xFFFF), "bad_block"),
        (header(1) + block(4, 0, 0, 0, b""), "bad_block"),
        (header(1) + block(0, 0, 1, 1, row_columns(1), columns=2), "bad_block"),
        (header(1) + block(0, 0, 1, 1, row_columns(1)[:-1]), "bad_block"),
        (header(1) + block(0, 0, 0xFFFFFFFF, 0xFFFFFFFF, b""), "bad_block"),
        (header(1) + block(0, 0, 2, 1, row_columns(1)), "bad_block"),
        (header(1) + block(0, 0xFFFFFFFF, 1, 1, row_columns(1)), "bad_block"),
        (header(1) + block(1, 0, 0, 1, u32(0) + row_columns(1)), "bad_block"),
        (header(1) + block(1, 0, 1, 0, b""), "bad_block"),
        (header(1) + block(1, 0, 2, 3, u32(0, 1, 2) + row_columns(3)), "bad_block"),
        (header(1) + block(1, 0, 2, 2, u32(0, 2) + row_columns(2)), "bad_block"),
        (header(1) + block(1, 1, 2, 2, u32(0, 1) + row_columns(2)), "bad_block"),
        (header(1) + block(1, 0, 3, 2, u32(0, 0) + row_columns(2)), "bad_block"),
        (header(1) + block(1, 0, 9, 3, u32(0, 5, 4) + row_columns(3)), "bad_block"),
        (header(1) + block(2, 0, 1, 2, u32(0, 1) + row_columns(2)), "bad_block"),
        (header(1) + block(2, 0, 2, 2, u32(1, 1) + row_columns(2)), "bad_block"),
        (header(1) + block(2, 0, 2, 2, u32(2, 1) + row_columns(2)), "bad_block"),
        (header(1) + block(0, 0, 1, 1, row_columns(1, state=9)), "bad_block"),
        (header(1) + block(0, 0, 1, 1, row_columns(1, flags=16)), "bad_block"),
        (header(1) + coded(2, [0, 1], [0, 4], far=1), "bad_block"),
        (header(1) + coded(2, [0, 2], [0, 4]), "bad_block"),
        (header(1) + coded(2, [0, 1], [1, 4]), "bad_block"),
        (header(1) + coded(2, [0, 1], [0, 0]), "bad_block"),
        (header(1) + coded(2, [0, 1], [0, 4, 255], far=1), "bad_block"),
        (header(1) + coded(2, [0, 1], [0, 255, 255], far=1), "bad_block"),
        (header(1) + coded(2, [0, 1], [0, 4], first=0xFFFFFFFF), "bad_block"),
        (header(1) + coded(0, [0, 1], [0, 4]), "bad_block"),
        (header(1) + coded(257, [0, 1], [0, 4]), "bad_block"),
    ],
    ids=range(41),
)
def test_code_of_each_fault(data: bytes, code: str) -> None:
    assert refused(data).code == code


@pytest.mark.parametrize(
    "raw",
    [
        block(0, 1, 4, 4, row_columns(4)),
        block(1, 3, 2, 1, u32(3) + row_columns(1)),
        block(1, 0, 5, 1, u32(0) + row_columns(1)),
        block(2, 0, 1, 1, u32(4) + row_columns(1)),
        block(2, 0, 1, 1, u32(0xFFFFFFFF) + row_columns(1)),
        block(0, 0, 4, 4, u32(0, 0, 0, 513) + row_columns(4), columns=1),
    ],
    ids=range(6),
)
def test_cells_outside_the_mapping_are_refused(raw: bytes) -> None:
    text = host_delta().model_dump_json().encode()
    data = bytearray(header(1, text, kind=2) + raw)
    data[8] = 2
    assert refused(bytes(data), picture_of(mapping_info(1, 4), [MAPPED] * 4)).code == "bad_block"


def hostile_full(facts: dict[str, Any], *blocks: bytes) -> bytes:
    """A full frame of one mapping of which `facts` are not what an agent says."""
    about = json.loads(one_mapping(mapping_info(1, 4)).model_dump_json())
    about["processes"][0]["mappings"][0] |= facts
    return header(len(blocks), json.dumps(about).encode(), kind=1) + b"".join(blocks)


@pytest.mark.parametrize("page_size", [1 << 44, 1 << 64, 10**300], ids=["2^44", "2^64", "10^300"])
def test_a_page_size_beyond_any_machine(page_size: int) -> None:
    """The number of 4 KiB pages of such a cell does not fit its column."""
    raw = block(0, 0, 4, 4, row_columns(4))
    refused(hostile_full({"page_size": page_size}, raw))


@pytest.mark.parametrize("cells", [1 << 30, 0xFFFFFFFF])
def test_a_small_frame_cannot_claim_gigabytes_of_cells(cells: int) -> None:
    """One run over four thousand million cells is 300 bytes on the wire and 45 GiB as columns."""
    raw = block(1, 0, cells, 1, u32(0) + row_columns(1))
    with little_memory(1 << 30):
        refused(hostile_full({"cell_count": cells, "end": cells << 21, "start": 0}, raw))


def test_many_small_mappings_cannot_claim_gigabytes_of_cells() -> None:
    """What one mapping may not, a thousand may not either."""
    cells, count = 1 << 22, 1000
    about = json.loads(one_mapping(mapping_info(1, 4)).model_dump_json())
    span = {"cell_count": cells, "start": 0, "end": cells * MIB2}
    one = about["processes"][0]["mappings"][0] | span
    about["processes"][0]["mappings"] = [one | {"id": number} for number in range(count)]
    blocks = b"".join(
        struct.pack("<IBBHIII", number, 1, 0, 0, 0, cells, 1) + u32(0) + row_columns(1)
        for number in range(count)
    )
    with little_memory(1 << 30):
        refused(header(count, json.dumps(about).encode(), kind=1) + blocks)


@pytest.mark.parametrize(
    "facts",
    [
        {"cell_count": 4, "end": 0x7E0400000000 + 5 * MIB2},
        {"end": 0},
        {"page_size": 3 << 20},
        {"page_size": 4097},
    ],
    ids=["too few cells", "end before start", "no multiple", "no power of two"],
)
def test_a_mapping_whose_cells_do_not_cover_it(facts: dict[str, Any]) -> None:
    """A snapshot promises that runs cover every cell of the mapping."""
    refused(hostile_full(facts, block(0, 0, 4, 4, row_columns(4))))


def test_message_of_a_cut_padding_counts_no_negative_bytes() -> None:
    text = host_frame([]).model_dump_json().encode()
    text += b" " * (-len(text) % 4 + 1)
    assert "-" not in refused(header(0, text, kind=1)[:-1]).message


def test_the_error_names_the_field() -> None:
    about = json.loads(one_mapping(mapping_info(1, 4)).model_dump_json())
    about["processes"][0]["mappings"][0]["start"] = -1
    error = refused(header(0, json.dumps(about).encode(), kind=1))
    assert error.code == "bad_json"
    assert error.message.startswith("processes.0.mappings.0.start: ")
