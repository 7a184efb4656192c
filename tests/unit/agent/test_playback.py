"""Playing a recording, with the test's clock."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from hugescope_agent.errors import AgentError, AskError
from hugescope_agent.playback import Playback, load
from hugescope_agent.recording import Recorder, record
from hugescope_wire.host import HostFrame, Source
from hugescope_wire.segments.head import HEAD_BYTES
from tests.unit.agent.follower import Clock
from tests.unit.agent.made_filling import CELLS, HOLD_S, Filling, Viewer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A recording of nine samples, a second apart."""
    clock = Clock()
    file = tmp_path / "made.hsrec"

    def sleep(seconds: float) -> None:
        clock.now_s += seconds

    with Recorder(file) as recorder:
        record(Filling(clock), recorder, 1.0, lambda: recorder.samples > CELLS, sleep, clock)
    return file


def test_a_recording_plays_as_it_was(path: Path) -> None:
    clock, viewer = Clock(), Viewer()
    playback = Playback(load(path), "made up", clock, HOLD_S)
    viewer.take(playback.full())
    assert viewer.present == 0
    for page in range(1, CELLS + 1):
        clock.now_s += 0.5
        assert playback.tick() is None, "not yet"
        clock.now_s += 0.5
        assert viewer.take(playback.tick()) is not None
        assert viewer.present == page
    assert viewer.picture.about is not None
    assert viewer.picture.about.source == Source(kind="replay", name="made up")
    with pytest.raises(AskError):
        playback.page(1, 0, None)


def test_who_comes_later_gets_everything_as_it_is_then(path: Path) -> None:
    clock, viewer = Clock(), Viewer()
    playback = Playback(load(path), "made up", clock, HOLD_S)
    clock.now_s += 5.5
    viewer.take(playback.full())
    assert viewer.present == 5
    clock.now_s += 0.5
    viewer.take(playback.tick())
    assert viewer.present == 6


def test_it_starts_over_and_its_times_go_on(path: Path) -> None:
    clock, viewer = Clock(), Viewer()
    playback = Playback(load(path), "made up", clock, HOLD_S)
    first = playback.full().about
    clock.now_s += CELLS + HOLD_S
    again = viewer.take(playback.tick())
    assert again is not None
    assert isinstance(again.about, HostFrame)
    assert viewer.present == 0
    moved_s = (again.about.taken_at - first.taken_at).total_seconds()
    assert moved_s == CELLS + HOLD_S
    qmp = again.about.processes[0].qmp
    assert qmp is not None
    assert qmp.read_at_s == again.about.taken_at.timestamp() == qmp.events[0].at_s
    clock.now_s += 1
    later = viewer.take(playback.tick())
    assert later is not None
    assert later.about.faults is not None
    assert later.about.faults.faults[0].at_s == later.about.monotonic_s
    assert later.about.report is not None
    assert later.about.report.taken_at == later.about.taken_at


def test_a_replay_that_rests_says_that_it_lives(path: Path) -> None:
    clock, viewer = Clock(), Viewer()
    playback = Playback(load(path), "made up", clock, HOLD_S)
    clock.now_s += CELLS
    whole = viewer.take(playback.full())
    assert whole is not None
    assert playback.tick() is None
    clock.now_s += 1.5
    beat = viewer.take(playback.tick())
    assert beat is not None
    assert beat.blocks == []
    assert (beat.about.taken_at - whole.about.taken_at).total_seconds() == 1.5
    assert playback.tick() is None
    assert viewer.present == CELLS


def test_a_compressed_one_plays_too(path: Path) -> None:
    packed = path.with_suffix(".xz")
    packed.write_bytes(lzma.compress(path.read_bytes()))
    assert packed.stat().st_size < path.stat().st_size
    assert list(load(packed).records()) == list(load(path).records())


def test_a_recording_cut_anywhere_plays_up_to_there(path: Path) -> None:
    data = path.read_bytes()
    first = 8 + HEAD_BYTES + int.from_bytes(data[16:20], "little")
    for length in range(first, len(data), 97):
        path.write_bytes(data[:length])
        clock = Clock()
        playback = Playback(load(path), "made up", clock, HOLD_S)
        viewer = Viewer()
        viewer.take(playback.full())
        clock.now_s += CELLS + 1
        while viewer.take(playback.tick()) is not None:
            pass
        assert viewer.picture.about is not None


def test_what_is_no_recording_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match=r"gone\.hsrec: No such file"):
        load(tmp_path / "gone.hsrec")
    other = tmp_path / "other"
    other.write_bytes(b"text")
    with pytest.raises(AgentError, match="other: it does not begin"):
        load(other)
