"""Records whose sums are right, and which tell of times that there are not."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from hugescope.moments import span_words
from hugescope_wire.archive import Archive, open_archive, picture_at
from hugescope_wire.errors import WireError
from hugescope_wire.segments import head
from hugescope_wire.segments.deltas import DeltaReader
from hugescope_wire.segments.head import END_OF_TIME_US, Kind
from hugescope_wire.segments.keys import key_payload
from hugescope_wire.segments.numbers import columns, packed
from hugescope_wire.segments.streams import Packer
from hugescope_wire.segments.writer import gap_of
from hugescope_wire.statehash import state_hash
from tests.unit.wire.made_recording import first_format, made
from tests.unit.wire.segments.made_series import BEGAN_US, parts_of, series

_FIRST_HEAD_BYTES = 16


def opened(place: Path, data: bytes) -> Archive:
    path = place / "made.hsrec"
    path.write_bytes(data)
    return open_archive(path)


@pytest.mark.parametrize(
    "payload",
    [b"", bytes(15), struct.pack("<qq", -1, 5), struct.pack("<qq", 0, END_OF_TIME_US) + b"why"],
)
def test_a_gap_of_no_time_is_a_loss_with_its_reason(tmp_path: Path, payload: bytes) -> None:
    with pytest.raises(WireError, match="a gap"):
        gap_of(payload)
    truth = series(4)
    file = b"".join(parts_of(truth, end=False))
    chain = 0
    for begin, end, *_ in head.heads(file[len(head.MAGIC) :]):
        chain = head.own_sum(file[len(head.MAGIC) :][begin:end])
    gap = head.framed(Kind.GAP, BEGAN_US, BEGAN_US, payload, chain)
    archive = opened(tmp_path, file + gap)
    (loss,) = archive.losses
    assert "a gap" in loss.why
    assert state_hash(picture_at(archive, archive.ended_s)) == truth[-1].hash


def test_a_record_lies_within_time(tmp_path: Path) -> None:
    payload = key_payload(series(1)[0].after)
    last = head.framed(Kind.KEY, END_OF_TIME_US - 1, END_OF_TIME_US - 1, payload, 0)
    assert span_words(opened(tmp_path, head.MAGIC + last)).startswith("5138-")
    late = head.framed(Kind.KEY, BEGAN_US, END_OF_TIME_US, payload, 0)
    assert head.parse(late) is None
    assert list(head.heads(late)) == []
    with pytest.raises(WireError, match="nothing of it can be read"):
        opened(tmp_path, head.MAGIC + late)


def test_a_frame_lies_within_time() -> None:
    numbers = packed([1, 0, 0, *columns([[END_OF_TIME_US - BEGAN_US, 2, 0, 0, 0]])])
    payload = Packer().pack((b"", numbers, b"", b""))
    with pytest.raises(WireError, match="where at most"):
        list(DeltaReader().parts(payload, BEGAN_US))


def test_one_of_the_first_format_lies_within_time(tmp_path: Path) -> None:
    magic, first, second, _ = made()
    late = first_format(1e12, second[_FIRST_HEAD_BYTES:])
    with pytest.raises(WireError, match="its times are"):
        opened(tmp_path, magic + first + late)
