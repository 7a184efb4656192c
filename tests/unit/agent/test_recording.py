"""Writing a recording, with the test's clock."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hugescope_agent.errors import AgentError
from hugescope_agent.playback import load
from hugescope_agent.recording import Recorder, record
from hugescope_wire.segments.writer import WRITE_EVERY_S
from tests.unit.agent.follower import Clock
from tests.unit.agent.made_filling import BEGAN, CELLS, Filling


def test_it_ends_soon_however_seldom_it_looks(tmp_path: Path) -> None:
    clock = Clock()
    ended_s = clock.now_s + 3

    def sleep(seconds: float) -> None:
        clock.now_s += seconds

    with Recorder(tmp_path / "slow") as recorder:
        record(Filling(clock), recorder, 0.1, lambda: clock.now_s >= ended_s, sleep, clock)
    assert recorder.samples == 1
    assert clock.now_s < ended_s + 0.5


def test_no_file_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "made.hsrec"
    path.write_bytes(b"mine")
    with pytest.raises(AgentError, match=r"made\.hsrec: File exists"):
        Recorder(path)


def test_it_is_for_its_owner_and_there_from_the_first_sample_on(tmp_path: Path) -> None:
    path = tmp_path / "begun.hsrec"
    recorder = Recorder(path)
    recorder.add(Filling(Clock()).full())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (loss,) = load(path).losses
    assert "not ended in order" in loss.why
    recorder.close()
    assert load(path).losses == ()


@pytest.mark.parametrize("step_s", [0.1, 0.3, 0.6, 0.74, 0.75, 2.0, 10.0])
def test_who_is_killed_loses_less_than_a_second(tmp_path: Path, step_s: float) -> None:
    """However seldom it looks: a sample that is not on the disk came a moment ago."""
    clock, path = Clock(), tmp_path / "killed.hsrec"
    filling, recorder = Filling(clock), Recorder(path)
    recorder.add(filling.full())
    times = [BEGAN.timestamp()]
    for number in range(1, CELLS + 1):
        clock.now_s += step_s
        now_s = BEGAN.timestamp() + number * step_s
        ended_s = load(path).ended_s
        assert all(now_s - at_s < WRITE_EVERY_S for at_s in times if at_s > ended_s + 0.001)
        sample = filling.tick()
        assert sample is not None
        recorder.add(sample)
        times.append(now_s)
    recorder.close()


@pytest.mark.parametrize("room", [3, 4, 5])
def test_a_disk_that_fills_costs_what_came_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    clock, path, writes = Clock(), tmp_path / "full.hsrec", 0
    filling, real = Filling(clock), os.write

    def write(fd: int, data: bytes) -> int:
        nonlocal writes
        writes += 1
        return real(fd, data) if writes < room else real(fd, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", write)
    recorder = Recorder(path)
    recorder.add(filling.full())

    def go_on() -> None:
        for _ in range(CELLS):
            clock.now_s += 0.5
            sample = filling.tick()
            assert sample is not None
            recorder.add(sample)
        recorder.close()

    with pytest.raises(AgentError) as caught:
        go_on()
    said = str(caught.value)
    assert "no room for more; recorded until 2026-01-02 03:04:" in said
    assert "samples after that are lost" in said
    archive = load(path)
    assert f"{datetime.fromtimestamp(archive.ended_s, UTC):%H:%M:%S}" in said
    assert "not ended in order" in archive.losses[0].why
