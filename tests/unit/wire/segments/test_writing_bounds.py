"""What is written is never more than what is read: it is shared out among records and segments."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from hugescope_wire.archive import open_archive
from hugescope_wire.segments import deltas, numbers, texts, writer
from hugescope_wire.segments.head import MAGIC, Kind, heads
from tests.unit.wire.segments.made_series import Moment, compare, parts_of, series


@pytest.fixture
def truth() -> list[Moment]:
    return series(14)


def kinds(data: bytes) -> list[Kind]:
    return [kind for _, _, kind, _, _ in heads(data[len(MAGIC) :])]


def compared(place: Path, data: bytes, truth: list[Moment]) -> None:
    path = place / "a.hsrec"
    path.write_bytes(data)
    archive = open_archive(path)
    assert archive.losses == ()
    assert compare(archive, truth) == len(truth)


def test_a_record_holds_no_more_bytes_of_frames_than_are_read(
    tmp_path: Path, truth: list[Moment], monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = max(len(one.frame.data) for one in truth)
    usual = kinds(b"".join(parts_of(truth, batch=7)))
    monkeypatch.setattr(writer, "WRITTEN_FRAMES_BYTES", longest - 1)
    data = b"".join(parts_of(truth, batch=7))
    assert kinds(data).count(Kind.DELTAS) > usual.count(Kind.DELTAS)
    compared(tmp_path, data, truth)


def test_a_segment_ends_where_its_texts_are_many(
    tmp_path: Path, truth: list[Moment], monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = kinds(b"".join(parts_of(truth, key_frames=99)))
    monkeypatch.setattr(deltas, "SEGMENT_SKELETON_BYTES", 1)
    data = b"".join(parts_of(truth, key_frames=99))
    assert kinds(data).count(Kind.KEY) > usual.count(Kind.KEY)
    compared(tmp_path, data, truth)


def test_a_text_of_very_many_numbers_is_stored_as_it_is(
    tmp_path: Path, truth: list[Moment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "MAX_TEXT_NUMBERS", 3)
    compared(tmp_path, b"".join(parts_of(truth)), truth)


def saying_more(one: Moment, number: int, digits: int) -> Moment:
    """Its frame with a field that nobody knows, of a name of its own: so many numbers."""
    data = one.frame.data
    (length,) = struct.unpack_from("<I", data, 16)
    more = b',"%s":"%s"}' % (b"x" * (1 + number), b"0" * digits)
    text = data[20 : 20 + length - 1] + more
    rest = data[20 + length + -length % 4 :]
    whole = data[:16] + struct.pack("<I", len(text)) + text + bytes(-len(text) % 4) + rest
    return replace(one, frame=replace(one.frame, data=whole))


def test_a_batch_of_many_texts_of_many_numbers_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One batch with more numbers than are read of four segments, in texts that all differ."""
    most = 1 << 15
    monkeypatch.setattr(texts, "MAX_SKELETON_NUMBERS", most)
    monkeypatch.setattr(deltas, "SEGMENT_SKELETON_NUMBERS", most >> 2)
    monkeypatch.setattr(writer, "WRITTEN_FRAMES_BYTES", most >> 1)
    truth = [saying_more(one, number, 3000) for number, one in enumerate(series(50))]
    data = b"".join(parts_of(truth, key_frames=99, batch=len(truth)))
    compared(tmp_path, data, truth)
    assert kinds(data).count(Kind.KEY) > 8


def test_what_is_read_has_room_for_what_is_written() -> None:
    """A number takes a byte of a frame at least."""
    record = max(deltas.WRITTEN_FRAMES_BYTES, texts.MAX_TEXT_NUMBERS)
    assert deltas.SEGMENT_SKELETON_NUMBERS + record <= texts.MAX_SKELETON_NUMBERS
    assert 2 * record <= numbers.MAX_NUMBERS
    assert deltas.SEGMENT_SKELETON_BYTES + deltas.MAX_FRAMES_BYTES <= texts.MAX_SKELETON_BYTES
