"""Recorded time: any moment of it is what the frames up to then make."""

from __future__ import annotations

from pathlib import Path

import pytest

from hugescope_wire.archive import open_archive, picture_at
from hugescope_wire.cells import CellState
from hugescope_wire.errors import WireError
from tests.unit.wire.made_recording import made


def mapped_at(path: Path, after_s: float) -> list[int]:
    archive = open_archive(path)
    state = picture_at(archive, archive.began_s + after_s).cells[1].state
    return [int(cell) for cell in (state == CellState.MAPPED).nonzero()[0]]


def test_a_moment_is_what_came_up_to_it(tmp_path: Path) -> None:
    path = tmp_path / "r.hsrec"
    path.write_bytes(b"".join(made()))
    assert mapped_at(path, -5) == []
    assert mapped_at(path, 0.4) == []
    assert mapped_at(path, 0.5) == [2]
    assert mapped_at(path, 99) == [2, 3]


def test_records_between_two_moments(tmp_path: Path) -> None:
    path = tmp_path / "r.hsrec"
    path.write_bytes(b"".join(made()))
    archive = open_archive(path)
    times = [
        record.at_s - archive.began_s for record in archive.records(None, archive.began_s + 0.7)
    ]
    assert times == [0, 0.5]
    assert archive.ended_s - archive.began_s == 1
    assert archive.name == "r.hsrec"


def test_what_was_cut_off_is_a_loss(tmp_path: Path) -> None:
    path = tmp_path / "r.hsrec"
    path.write_bytes(b"".join(made())[:-1])
    (loss,) = open_archive(path).losses
    assert loss.since_s == open_archive(path).began_s + 0.5
    assert loss.until_s is None
    assert "cut off" in loss.why


def test_what_is_no_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.hsrec"
    path.write_bytes(b"nothing")
    with pytest.raises(WireError, match="does not begin as a recording"):
        open_archive(path)
