"""Recordings: what goes in comes out, and damage costs what is behind it and no more."""

from __future__ import annotations

import lzma
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_wire.cells import CellState
from hugescope_wire.errors import WireError
from hugescope_wire.frames import FrameKind, encode_frame, encode_scattered
from hugescope_wire.host import HostDelta
from hugescope_wire.recording import MAGIC, encode_record, read_recording
from tests.unit.wire.made_wire import (
    MIB2,
    cells_of,
    full_frame,
    many,
    mapping_info,
    one_mapping,
    whole_row,
)

MAPPED, HOLE = whole_row(CellState.MAPPED), whole_row(CellState.HOLE)


def made() -> list[bytes]:
    """Magic, and the records of a full frame and two deltas."""
    about = one_mapping(mapping_info(1, 4))
    frames = [full_frame(about, {1: cells_of([HOLE] * 4)})]
    for seq in (2, 3):
        delta = HostDelta(taken_at=about.taken_at, monotonic_s=about.monotonic_s + seq)
        cells = cells_of([MAPPED]).state.nonzero()[0] + seq
        block = encode_scattered(1, MIB2, cells, cells_of([MAPPED]))
        frames.append(encode_frame(FrameKind.DELTA, seq, delta, [block]))
    return [MAGIC, *(encode_record(at / 2, frame) for at, frame in enumerate(frames))]


def test_what_goes_in_comes_out() -> None:
    recording = read_recording(b"".join(made()))
    assert recording.damage is None
    assert [record.at_s for record in recording.records] == [0, 0.5, 1]
    kinds = [record.frame.kind for record in recording.records]
    assert kinds == [FrameKind.FULL, FrameKind.DELTA, FrameKind.DELTA]
    assert [len(record.frame.blocks) for record in recording.records] == [1, 1, 1]
    assert recording.length_s == 1


def test_a_compressed_one_is_the_same() -> None:
    data = b"".join(made())
    assert read_recording(lzma.compress(data)) == read_recording(data)


def test_every_truncation_keeps_the_whole_records_before_it() -> None:
    parts = made()
    data = b"".join(parts)
    ends = [sum(map(len, parts[: n + 1])) for n in range(len(parts))]
    for length in range(len(data)):
        whole = sum(end <= length for end in ends[1:])
        if not whole:
            with pytest.raises(WireError) as caught:
                read_recording(data[:length])
            assert caught.value.code == "bad_recording"
            continue
        recording = read_recording(data[:length])
        assert len(recording.records) == whole
        assert (recording.damage is None) == (length in ends)


@given(st.data())
@many
def test_a_flipped_bit_is_found(data: st.DataObject) -> None:
    parts = made()
    raw = bytearray(b"".join(parts))
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    whole = read_recording(b"".join(parts)).records
    try:
        found = read_recording(bytes(raw))
    except WireError:
        return
    assert found.damage is not None
    assert found.records == whole[: len(found.records)]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "does not begin"),
        (MAGIC, "empty"),
        (b"PK\x03\x04" * 9, "does not begin"),
        (MAGIC + made()[2], "not a full one"),
        (MAGIC + struct.pack("<II", 0xFFFFFFFF, 0) + bytes(99), "claims"),
        (MAGIC + encode_record(float("nan"), b""), "its time"),
        (lzma.compress(b"no"), "does not begin"),
    ],
)
def test_what_is_none_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words) as caught:
        read_recording(data)
    assert caught.value.code == "bad_recording"


def test_time_never_goes_back() -> None:
    magic, first, second, _ = made()
    earlier = read_recording(magic + first + encode_record(-1.0, second[16:]))
    assert len(earlier.records) == 1
    assert earlier.damage is not None
    assert "its time" in earlier.damage
