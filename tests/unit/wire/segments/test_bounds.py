"""A small file cannot take much memory: bytes that are asked for are counted, never time."""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from hugescope_wire.archive import open_archive, picture_at
from hugescope_wire.cells import Cells
from hugescope_wire.errors import WireError
from hugescope_wire.host import MAX_CELLS
from hugescope_wire.segments import deltas, distances, head, keys, numbers, streams, texts
from hugescope_wire.segments.head import Kind
from hugescope_wire.segments.keys import key_payload, key_picture
from hugescope_wire.segments.numbers import Bytes, packed
from hugescope_wire.segments.streams import Unpacker, may_exceed
from hugescope_wire.statehash import state_hash
from tests.unit.wire.segments.made_series import BEGAN_US, Moment, series

MIB = 1 << 20
WINDOW_BITS = (15, 12, 12, 9)


def asked_for(do: Callable[[], object]) -> int:
    """Bytes that it held at most, of all that Python, numpy and zlib were asked for."""
    tracemalloc.start()
    try:
        do()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def zeros(mib: int, stream: int) -> bytes:
    """A payload of one stream with so many zeros, packed as a writer does, but not held."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -WINDOW_BITS[stream])
    piece = bytes(MIB)
    part = b"".join(packer.compress(piece) for _ in range(mib)) + packer.flush(zlib.Z_SYNC_FLUSH)
    part = part.removesuffix(b"\x00\x00\xff\xff")
    lengths = [len(part) if number == stream else 0 for number in range(streams.COUNT)]
    return b"".join(length.to_bytes(4, "little") for length in lengths) + part


def written(path: Path, records: list[tuple[Kind, bytes]]) -> Path:
    """A file of these records, a second apart, all sums right."""
    parts, chain = [head.MAGIC], 0
    for number, (kind, payload) in enumerate(records):
        at_us = BEGAN_US + 1_000_000 * number
        record = head.framed(kind, at_us, at_us, payload, chain)
        chain = head.own_sum(record)
        parts.append(record)
    path.write_bytes(b"".join(parts))
    return path


@pytest.fixture
def one() -> Moment:
    return series(1)[0]


@pytest.mark.parametrize("kind", [Kind.DELTAS, Kind.KEY])
def test_what_unpacks_to_too_much_is_a_loss_with_its_time(
    tmp_path: Path, one: Moment, kind: Kind
) -> None:
    """Some KiB that unpack to more than a record may hold, between two good keys."""
    good = key_payload(one.after)
    bomb = zeros(65 if kind is Kind.DELTAS else 5, streams.NUMBERS)
    assert len(bomb) < 400_000
    path = written(tmp_path / "a.hsrec", [(Kind.KEY, good), (kind, bomb), (Kind.KEY, good)])

    def read() -> None:
        archive = open_archive(path)
        began_s = BEGAN_US / 1e6
        loss = archive.losses[0]
        assert (loss.since_s, loss.until_s) == (began_s, began_s + 2)
        assert "unpacks to more than" in loss.why
        assert [record.at_s for record in archive.records()] == [began_s, began_s + 2]
        for at_s in (began_s, began_s + 1, began_s + 2):
            assert state_hash(picture_at(archive, at_s)) == one.hash

    assert asked_for(read) < 16 * MIB


def test_a_file_begins_with_the_first_key_that_is_not_too_large(
    tmp_path: Path, one: Moment
) -> None:
    good = key_payload(one.after)
    path = written(tmp_path / "a.hsrec", [(Kind.KEY, zeros(5, streams.NUMBERS)), (Kind.KEY, good)])
    assert open_archive(path).began_s == BEGAN_US / 1e6 + 1
    alone = written(tmp_path / "b.hsrec", [(Kind.KEY, zeros(5, streams.NUMBERS))])
    with pytest.raises(WireError, match="nothing of it can be read"):
        open_archive(alone)


def test_a_stream_as_long_as_it_may_be_is_read() -> None:
    most = (MIB, MIB, MIB, MIB)
    payload = zeros(1, streams.CODES)
    assert may_exceed(payload, most)
    assert Unpacker(most).unpack(payload)[streams.CODES] == bytes(MIB)
    with pytest.raises(WireError, match="more than 1048575 bytes"):
        Unpacker((MIB, MIB, MIB - 1, MIB)).unpack(payload)
    assert not may_exceed(bytes(16) + payload, most), "lengths of nothing"


@pytest.mark.parametrize("junk_bytes", [0, 1, 3 * MIB])
def test_a_stream_that_ends_is_refused_at_once(
    junk_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """zlib keeps what follows the end, and copies it with each piece that comes."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -WINDOW_BITS[streams.TEXT])
    part = packer.compress(b"text") + packer.flush() + bytes(junk_bytes)
    payload = len(part).to_bytes(4, "little") + bytes(12) + part
    fed: list[int] = []

    def counted(packed: bytes) -> Iterator[bytes]:
        for piece in real(packed):
            fed.append(len(piece))
            yield piece

    real = streams._fed
    monkeypatch.setattr(streams, "_fed", counted)
    most = (MIB, MIB, MIB, MIB)
    for read in (Unpacker(most).unpack, Unpacker(most).skip):
        fed.clear()
        with pytest.raises(WireError, match="ends before its segment"):
            read(payload)
        assert len(fed) == 1


def test_numbers_take_eight_bytes_each(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(4 * MIB)
    assert asked_for(lambda: numbers.unpacked(data)) < 56 * MIB
    monkeypatch.setattr(numbers, "MAX_NUMBERS", 10)

    def refused() -> None:
        with pytest.raises(WireError, match="numbers in a record, at most 10"):
            numbers.unpacked(data)

    assert asked_for(refused) < MIB


def test_numbers_come_back_across_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(5)
    values = (draw.integers(-(1 << 60), 1 << 60, 4000) >> draw.integers(0, 60, 4000)).tolist()
    for piece in (9, 10, 64, 1000):
        monkeypatch.setattr(numbers, "_PIECE_BYTES", piece)
        assert numbers.unpacked(packed(values)).tolist() == values


@pytest.mark.parametrize("low_bits", [0, 1, 13, distances.MAX_LOW_BITS])
def test_distances_take_eight_bytes_each(low_bits: int) -> None:
    count = 150_001
    draw = np.random.default_rng(low_bits)
    values = draw.integers(0, 1 << min(low_bits + 1, 32), count)
    data = distances.coded(values, low_bits)
    assert distances.decoded(data, count, low_bits).tolist() == values.tolist()
    assert asked_for(lambda: distances.decoded(data, count, low_bits)) < 8 * count + 44 * MIB


def test_more_distances_than_cells_are_refused() -> None:
    ones = b"\xff" * (4 * MIB)
    numbers_of = packed([1, 8 * len(ones), 0])
    payload = streams.Packer().pack((b"", numbers_of, bytes(10), ones))

    def read() -> None:
        with pytest.raises(WireError, match="where at most 10 can be"):
            list(deltas.DeltaReader().parts(payload, BEGAN_US))

    assert asked_for(read) < 16 * MIB


def test_a_key_has_no_more_cells_than_a_host(one: Moment) -> None:
    about = one.after.about
    assert about is not None
    text = about.model_dump_json().encode()
    ids = [info.id for process in about.processes for info in process.mappings][:2]
    rows = [number for one_id in ids for number in (one_id, MAX_CELLS // 2 + 1, 1)]
    codes = bytes(2 * (MAX_CELLS // 16 + 1))
    payload = streams.Packer().pack(
        (text + bytes(22), packed([len(text), len(ids), *rows]), codes, b"")
    )
    with pytest.raises(WireError, match=f"where at most {MAX_CELLS // 2 - 1} can be"):
        key_picture(payload)


def test_cells_of_a_key_take_what_cells_take() -> None:
    """1 TiB of 2 MiB pages: eleven bytes each, two of their codes."""
    count, rows = 1 << 19, 300
    text = Bytes(bytes(11 * rows))
    codes = Bytes(bytes(2 * count))
    held: list[Cells] = []
    assert asked_for(lambda: held.append(keys._cells(text, codes, count, rows))) < 24 * count
    assert len(held[0]) == count


def test_texts_of_a_segment_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(skeleton: bytes, many: int) -> None:
        reader = texts.TextReader()
        for number in range(many):
            row = numbers.Numbers(np.array([number, len(skeleton), 0, 0], np.int64))
            reader.read(0, row, Bytes(skeleton))

    read(b"a\x00", 3)
    with pytest.raises(WireError, match="9 numbers in a text, where 2 can be"):
        read(bytes(9), 1)
    monkeypatch.setattr(texts, "MAX_SKELETON_BYTES", 5)
    with pytest.raises(WireError, match="too many different"):
        read(b"a\x00", 3)
