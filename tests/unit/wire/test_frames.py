"""Binary frames: what goes in comes out, in the smallest layout, at the offsets written down."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_wire.cells import Cells, CellState
from hugescope_wire.errors import WireError
from hugescope_wire.frames import (
    Encoding,
    FrameKind,
    decode_frame,
    encode_cells,
    encode_frame,
    encode_range,
    encode_scattered,
    whole_pages,
)
from hugescope_wire.host import HostDelta
from tests.unit.wire.made_wire import (
    GIB,
    MIB2,
    Row,
    any_rows,
    cells_of,
    full_frame,
    host_delta,
    many,
    mapping_info,
    one_mapping,
    rows_of,
    several,
    whole_row,
)

PAGE_SIZES = st.sampled_from((64 << 10, MIB2, 32 << 20, GIB))
MAPPED = whole_row(CellState.MAPPED)
HOLE = whole_row(CellState.HOLE)


def plain_layout(mapping_id: int, page_size: int, first: int, rows: list[Row]) -> list[bytes]:
    """Both layouts of neighbouring cells, from the format's description: dense, then runs."""
    whole = {1, 2, 3}
    in_part = any(row[0] != (page_size // 4096 if row[3] in whole else 0) for row in rows)
    starts = [at for at in range(len(rows)) if at == 0 or rows[at] != rows[at - 1]]
    found = []
    for encoding, kept in ((0, rows), (1, [rows[at] for at in starts])):
        block = struct.pack(
            "<IBBHIII", mapping_id, encoding, in_part, 0, first, len(rows), len(kept)
        )
        if encoding == 1:
            block += struct.pack(f"<{len(kept)}I", *(first + at for at in starts))
        if in_part:
            block += struct.pack(f"<{len(kept)}I", *(row[0] for row in kept))
        for column, letter in ((1, "H"), (2, "H"), (3, "B"), (4, "B"), (5, "B")):
            block += struct.pack(f"<{len(kept)}{letter}", *(row[column] for row in kept))
        found.append(block + bytes(-len(block) % 4))
    return found


@given(st.data(), PAGE_SIZES, st.integers(0, 0xFFFFFFFF), st.integers(0, 1000))
@many
def test_a_range_comes_back(
    data: st.DataObject, page_size: int, mapping_id: int, first: int
) -> None:
    rows = data.draw(any_rows(page_size))
    raw = encode_cells(7, [encode_range(mapping_id, page_size, cells_of(rows), first)])
    frame = decode_frame(raw)
    assert (frame.kind, frame.seq, frame.meta) == (FrameKind.CELLS, 7, None)
    block = frame.blocks[0].decode(first + len(rows), page_size)
    assert (block.mapping_id, block.first, block.index) == (mapping_id, first, None)
    assert rows_of(block.cells) == rows


@given(st.data(), PAGE_SIZES)
@many
def test_scattered_cells_come_back(data: st.DataObject, page_size: int) -> None:
    rows = data.draw(any_rows(page_size))
    size = len(rows)
    index = data.draw(st.sets(st.integers(0, 500), min_size=size, max_size=size).map(sorted))
    block = encode_scattered(9, page_size, np.array(index, np.intp), cells_of(rows))
    decoded = decode_frame(encode_cells(1, [block])).blocks[0].decode(501, page_size)
    assert decoded.index is not None
    assert decoded.index.tolist() == index
    assert rows_of(decoded.cells) == rows


@given(st.data(), PAGE_SIZES, st.integers(0, 1000))
@many
def test_bytes_are_those_of_the_written_format_and_the_smaller_of_two(
    data: st.DataObject, page_size: int, first: int
) -> None:
    rows = data.draw(any_rows(page_size))
    layouts = plain_layout(5, page_size, first, rows)
    block = encode_range(5, page_size, cells_of(rows), first)
    assert block in layouts
    assert len(block) == min(map(len, layouts))


def test_header_at_its_offsets() -> None:
    raw = encode_frame(FrameKind.DELTA, 1 << 63, host_delta(gone_pids=[7]), [b"BLOCK   "])
    assert raw[:8] == b"HSF1\x02\x00\x01\x00"
    seq, length = struct.unpack_from("<QI", raw, 8)
    assert seq == 1 << 63
    assert raw[20 : 20 + length].startswith(b'{"type":"delta"')
    assert raw[20 + length :] == bytes(-length % 4) + b"BLOCK   "


def test_seq_and_meta_come_back() -> None:
    about = one_mapping(mapping_info(3, 2))
    frame = decode_frame(full_frame(about, {3: Cells.holes(2)}, seq=(1 << 64) - 1))
    assert (frame.kind, frame.seq, frame.meta) == (FrameKind.FULL, (1 << 64) - 1, about)
    delta = host_delta(pools=[], gone_pids=[41])
    frame = decode_frame(encode_frame(FrameKind.DELTA, 2, delta, []))
    assert (frame.meta, frame.blocks) == (delta, ())
    assert isinstance(frame.meta, HostDelta)


def test_equal_cells_take_one_row_and_unequal_ones_no_index() -> None:
    alike = encode_range(1, MIB2, cells_of([MAPPED] * 1000))
    assert alike[4] == Encoding.RUNS
    assert len(alike) == 20 + 4 + 7 + 1
    unlike = encode_range(1, MIB2, cells_of([MAPPED, HOLE] * 500))
    assert unlike[4] == Encoding.DENSE
    assert len(unlike) == 20 + 7 * 1000


def test_no_cells_at_all() -> None:
    block = encode_range(1, MIB2, Cells.holes(0))
    assert decode_frame(encode_cells(1, [block])).blocks[0].decode(0, MIB2).cells.state.size == 0


def test_the_last_cell_that_u32_can_name() -> None:
    block = encode_range(1, MIB2, cells_of([MAPPED] * 2), 0xFFFFFFFD)
    decoded = decode_frame(encode_cells(1, [block])).blocks[0].decode(0xFFFFFFFF, MIB2)
    assert rows_of(decoded.cells) == [MAPPED] * 2


def test_too_many_blocks_are_refused_by_the_encoder() -> None:
    with pytest.raises(WireError) as caught:
        encode_cells(1, [b""] * 65536)
    assert caught.value.code == "too_many_blocks"


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_any_buffer_is_decoded(wrap: type[bytes | bytearray | memoryview]) -> None:
    raw = encode_cells(1, [encode_range(1, MIB2, cells_of([MAPPED, HOLE]))])
    frame = decode_frame(wrap(raw))  # type: ignore[arg-type]
    assert rows_of(frame.blocks[0].decode(2, MIB2).cells) == [MAPPED, HOLE]


def test_a_frame_at_an_odd_place_of_a_larger_buffer() -> None:
    raw = encode_cells(1, [encode_range(1, MIB2, cells_of([MAPPED, (7, 1, 1, 4, 0, 0)]))])
    frame = decode_frame(memoryview(b"x" + raw)[1:])
    assert rows_of(frame.blocks[0].decode(2, MIB2).cells) == [MAPPED, (7, 1, 1, 4, 0, 0)]


@given(any_rows(in_page := GIB))
@several
def test_whole_pages_follow_the_state(rows: list[Row]) -> None:
    states = cells_of(rows).state
    expected = [in_page // 4096 if state in (1, 2, 3) else 0 for state in states.tolist()]
    assert whole_pages(states, in_page).tolist() == expected
