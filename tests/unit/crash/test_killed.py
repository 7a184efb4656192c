"""Kill -9 at random moments: no wrong picture, no whole record lost, every loss told.

`make crash` does the same with whole processes, and more often.
"""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

import pytest

from tests.unit.crash.killed import (
    check_history,
    check_recording,
    child,
    keep,
    kill_within,
    record,
)
from tests.unit.wire.segments.made_series import BEGAN_US, Moment, series

KILLS = 120
RUNS = 12
"""Of one history that is written on again and again."""


@pytest.fixture(scope="module")
def truth() -> list[Moment]:
    return series(80, seed=11, cells=20)


def test_a_killed_recorder(tmp_path: Path, truth: list[Moment]) -> None:
    draw = random.Random(1)
    read = []
    for number in range(KILLS):
        path = tmp_path / f"{number}.hsrec"
        with child(partial(record, path, truth)) as (pid, reading):
            said = kill_within(pid, reading, draw, 0.05)
        read.append(check_recording(path, truth, said, number))
        path.unlink()
    assert len(set(read)) > 1, "they were killed at different moments"


def test_a_killed_history(tmp_path: Path) -> None:
    draw = random.Random(2)
    pieces = [
        series(80, seed=20 + run, cells=20, began_us=BEGAN_US + run * 60_000_000)
        for run in range(RUNS)
    ]
    for again in range(KILLS // RUNS):
        directory = tmp_path / str(again)
        directory.mkdir()
        runs: list[tuple[list[Moment], int]] = []
        for truth in pieces:
            with child(partial(keep, directory, truth)) as (pid, reading):
                runs.append((truth, kill_within(pid, reading, draw, 0.05)))
        assert check_history(directory, runs, again) > RUNS
