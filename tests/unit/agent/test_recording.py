"""Writing a recording and playing it, with the test's clock."""

from __future__ import annotations

import lzma
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from hugescope_agent.errors import AgentError, AskError
from hugescope_agent.recording import Playback, Recorder, load, record
from hugescope_agent.sample import Sample
from hugescope_wire.cells import Cells, CellState
from hugescope_wire.frames import (
    FrameKind,
    decode_frame,
    encode_frame,
    encode_range,
    encode_scattered,
)
from hugescope_wire.host import HostDelta, HostFrame, ProcessInfo, Source
from hugescope_wire.page import PageDetail
from hugescope_wire.picture import HostPicture
from hugescope_wire.recording import MAX_BYTES
from hugescope_wire.vm import Fault, Faults, QmpEvent, QmpReading
from tests.unit.agent.follower import Clock
from tests.unit.agent.model.findings.made_facts import report
from tests.unit.wire.made_wire import MIB2, mapping_info, one_mapping

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CELLS = 8
HOLD_S = 5.0


class Filling:
    """A host of which a page more is mapped at each look, under a QEMU that says the time."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.began_s = clock.now_s
        self.there = 0

    def full(self) -> Sample:
        about = one_mapping(mapping_info(1, CELLS))
        (process,) = about.processes
        about = about.model_copy(
            update={
                "taken_at": self._now(),
                "monotonic_s": self.clock.now_s,
                "processes": [self._with_qmp(process)],
            }
        )
        return Sample(about, [encode_range(1, MIB2, Cells.holes(CELLS))])

    def tick(self) -> Sample | None:
        if self.there == CELLS:
            return None
        page = Cells.holes(1)
        page.state[:] = CellState.MAPPED
        page.mapped_pages[:] = 512
        block = encode_scattered(1, MIB2, np.array([self.there]), page)
        self.there += 1
        fault = Fault(pid=1, address=0, at_s=self.clock.now_s)
        about = HostDelta(
            taken_at=self._now(),
            monotonic_s=self.clock.now_s,
            report=report().model_copy(update={"taken_at": self._now()}),
            faults=Faults(watched=[1], faults=[fault]),
        )
        return Sample(about, [block])

    def page(self, pid: int, address: int, part: int | None) -> PageDetail:
        raise AssertionError

    def _now(self) -> datetime:
        return BEGAN + timedelta(seconds=self.clock.now_s - self.began_s)

    def _with_qmp(self, process: ProcessInfo) -> ProcessInfo:
        at_s = self._now().timestamp()
        qmp = QmpReading(read_at_s=at_s, events=[QmpEvent(at_s=at_s, name="MIGRATION")])
        return process.model_copy(update={"qmp": qmp})


class Viewer:
    """What a server would have of the samples it gets."""

    def __init__(self) -> None:
        self.picture = HostPicture()

    def take(self, sample: Sample | None) -> Sample | None:
        if sample is not None:
            full = isinstance(sample.about, HostFrame)
            kind = FrameKind.FULL if full else FrameKind.DELTA
            seq = self.picture.seq + 1
            raw = encode_frame(kind, seq, sample.about, sample.blocks)
            self.picture.apply(decode_frame(raw))
        return sample

    @property
    def present(self) -> int:
        (cells,) = self.picture.cells.values()
        return int(np.count_nonzero(cells.state == CellState.MAPPED))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A recording of nine samples, a second apart."""
    clock = Clock()
    file = tmp_path / "made.hsrec"

    def sleep(seconds: float) -> None:
        clock.now_s += seconds

    with Recorder(file, clock) as recorder:
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
    assert load(packed) == load(path)


def test_it_ends_soon_however_seldom_it_looks(tmp_path: Path) -> None:
    clock = Clock()
    ended_s = clock.now_s + 3

    def sleep(seconds: float) -> None:
        clock.now_s += seconds

    with Recorder(tmp_path / "slow", clock) as recorder:
        record(Filling(clock), recorder, 0.1, lambda: clock.now_s >= ended_s, sleep, clock)
    assert recorder.samples == 1
    assert clock.now_s < ended_s + 0.5


def test_a_recording_cut_anywhere_plays_up_to_there(path: Path) -> None:
    data = path.read_bytes()
    first = int.from_bytes(data[8:12], "little") + 24
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


def test_what_is_too_long_for_memory_is_not_read(tmp_path: Path) -> None:
    long = tmp_path / "long.hsrec"
    with long.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(AgentError, match=r"long\.hsrec: longer than"):
        load(long)


def test_no_file_is_written_over(path: Path) -> None:
    with pytest.raises(AgentError, match=r"made\.hsrec: File exists"):
        Recorder(path)


def test_what_is_no_recording_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match=r"gone\.hsrec: No such file"):
        load(tmp_path / "gone.hsrec")
    other = tmp_path / "other"
    other.write_bytes(b"text")
    with pytest.raises(AgentError, match="other: it does not begin"):
        load(other)
