"""What `--replay` takes, and what it says of it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from hugescope.errors import CommandError
from hugescope.replaying import open_replay
from hugescope_agent.link import Looker
from hugescope_agent.playback import SHIPPED_NAME
from hugescope_agent.recording import Recorder
from hugescope_agent.sample import Sample
from hugescope_wire.cells import Cells
from hugescope_wire.frames import encode_range
from tests.unit.wire.made_wire import MIB2, mapping_info, one_mapping


def opened(what: str) -> tuple[Looker, float]:
    with contextlib.ExitStack() as stack:
        return open_replay(what, stack)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A recording of two samples."""
    file = tmp_path / "made.hsrec"
    sample = Sample(one_mapping(mapping_info(1, 8)), [encode_range(1, MIB2, Cells.holes(8))])
    with Recorder(file) as recorder:
        recorder.add(sample)
        recorder.add(sample)
    return file


def test_a_whole_recording_is_played_without_a_word(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    looker, _ = opened(str(path))
    assert looker.full().about.source.name == str(path)  # type: ignore[union-attr]
    assert capsys.readouterr().err == ""


def test_one_that_is_cut_off_is_played_and_that_is_said(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_bytes(path.read_bytes()[:-5])
    looker, _ = opened(str(path))
    looker.full()
    assert f"{path}: record at byte" in (said := capsys.readouterr().err)
    assert "is cut off; what comes before it is replayed" in said


def test_what_is_shipped_is_a_whole_migration() -> None:
    looker, rate_hz = opened("shipped")
    assert looker.full().about.source.name == SHIPPED_NAME  # type: ignore[union-attr]
    assert rate_hz > 50


@pytest.mark.parametrize("name", ["none.hsrec", "", "empty"])
def test_what_cannot_be_replayed_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").write_bytes(b"")
    what = str(tmp_path / name) if name else ""
    with pytest.raises(CommandError, match=f"^--replay {what}: "):
        opened(what)
