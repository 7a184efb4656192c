import json

import numpy as np
import pytest

from hugescope_server.statistics import Timeline
from hugescope_wire.cells import Cells, CellState
from hugescope_wire.follow import MAX_POINTS, Point
from hugescope_wire.snapshot import Pool

POOLS = [
    Pool(page_size=2 << 20, node=None, total=9, free=4, reserved=-5, surplus=0),
    Pool(page_size=2 << 20, node=0, total=9, free=4, reserved=None, surplus=0),
    Pool(page_size=1 << 30, node=None, total=1, free=None, reserved=0, surplus=0),
]


def cells(*states: CellState) -> Cells:
    made = Cells.holes(len(states))
    made.state[:] = states
    return made


def begun(at_s: float = 100.25) -> Timeline:
    timeline = Timeline()
    assert not timeline.is_due(at_s)
    return timeline


def point(timeline: Timeline, now: float) -> Point:
    assert timeline.is_due(now)
    timeline.add(now, 4096, POOLS)
    return Point.model_validate_json(timeline.since(timeline.end - 1)[0])


@pytest.mark.parametrize(
    ("before", "after", "arrived", "left"),
    [
        ("hole", "mapped", 1, 0),
        ("marker", "partial", 1, 0),
        ("hole", "small", 1, 0),
        ("full", "hole", 0, 1),
        ("split", "marker", 0, 1),
        ("mapped", "migrating", 0, 0),
        ("migrating", "poisoned", 0, 0),
        ("migrating", "hole", 0, 1),
        ("hole", "marker", 0, 0),
        ("mapped", "split", 0, 0),
    ],
)
@pytest.mark.parametrize("index", [None, np.array([0], np.uint32)])
def test_what_counts_as_arrived_and_left(
    before: str,
    after: str,
    arrived: int,
    left: int,
    index: np.ndarray | None,
) -> None:
    timeline = begun()
    timeline.count(cells(CellState[before.upper()]), cells(CellState[after.upper()]), index)
    made = point(timeline, 101.25)
    assert (made.arrived, made.left, made.changed) == (arrived, left, 1)


def test_cells_that_were_sent_and_are_the_same_did_not_change() -> None:
    timeline = begun()
    before = cells(CellState.HOLE, CellState.MAPPED, CellState.HOLE)
    after = cells(CellState.MAPPED, CellState.MAPPED, CellState.HOLE)
    after.mapcount[2] = 3
    timeline.count(before, after, np.arange(3))
    made = point(timeline, 101.25)
    assert (made.arrived, made.left, made.changed) == (1, 0, 2)


def test_a_point_in_the_first_frame_of_each_second() -> None:
    timeline = begun(100.25)
    moments = np.arange(100.35, 110, 0.1).tolist()
    due = []
    for now in moments:
        if timeline.is_due(now):
            due.append(point(timeline, now).at_s)
    assert [int(at_s) for at_s in due] == list(range(101, 110))
    assert all(at_s % 1 < 0.11 for at_s in due)


def test_rates_are_over_the_time_that_passed_and_counting_begins_anew() -> None:
    timeline = begun(100.0)
    for _ in range(6):
        timeline.count(cells(CellState.HOLE), cells(CellState.MAPPED), None)
    assert point(timeline, 103.0).arrived == 2, "six in three seconds, spread over the gap"
    assert point(timeline, 104.0).arrived == 0


def test_a_point_has_the_hosts_pools_and_what_is_not_told_stays_null() -> None:
    pools = point(begun(), 101.25).pools
    assert [(pool.page_size, pool.total, pool.free, pool.reserved) for pool in pools] == [
        (2 << 20, 9, 4, -5),
        (1 << 30, 1, None, 0),
    ]


def test_a_timeline_keeps_the_last_points() -> None:
    timeline = begun(0.0)
    for second in range(1, MAX_POINTS + 50):
        point(timeline, float(second))
    assert (timeline.begin, timeline.end) == (49, MAX_POINTS + 49)
    kept = [json.loads(text)["at_s"] for text in timeline.since(0)]
    assert kept == [float(second) for second in range(50, MAX_POINTS + 50)]
    assert len(timeline.since(timeline.end - 2)) == 2
    assert timeline.since(timeline.end) == []
