"""What the fault runs count as unseen, and which faults they draw."""

from __future__ import annotations

import random

from tests.faults.kinds import KINDS, drawn
from tests.faults.unseen import Told, is_true, restarts_untold, stretches

LIMIT_S = 4.0


def test_points_a_second_apart_leave_nothing_unseen() -> None:
    assert stretches(range(10, 31), [], 10.0, 30.0, LIMIT_S) == []


def test_a_stretch_without_a_point_is_unseen_unless_a_gap_covers_it() -> None:
    points = [10.0, 11.0, 20.0, 21.0]
    assert stretches(points, [], 10.0, 21.0, LIMIT_S) == [(11.0, 20.0)]
    assert stretches(points, [Told(12.0, 19.5, "not_looked")], 10.0, 21.0, LIMIT_S) == []
    half = [Told(11.5, 15.0, "not_looked")]
    assert stretches(points, half, 10.0, 21.0, LIMIT_S) == [(15.0, 20.0)]


def test_a_time_that_ends_without_a_point_is_unseen_too() -> None:
    assert stretches([10.0], [], 10.0, 15.0, LIMIT_S) == [(10.0, 15.0)]
    assert stretches([], [], 10.0, 15.0, LIMIT_S) == [(10.0, 15.0)]
    assert stretches([], [], 10.0, 13.9, LIMIT_S) == []


def test_a_point_is_true_within_what_was_true() -> None:
    assert [is_true(sum_, 3, 5) for sum_ in (2, 3, 5, 6)] == [False, True, True, False]


def test_who_was_started_anew_alone_must_be_told() -> None:
    gap = Told(10.0, 12.0, "agent_restarted")
    assert restarts_untold(True, False, [gap], 9.0) == []
    assert restarts_untold(True, False, [gap], 13.0) == ["agent_restarted"]
    assert restarts_untold(False, True, [gap], 9.0) == ["server_restarted"]
    assert restarts_untold(True, True, [], 9.0) == []
    assert restarts_untold(False, False, [], 9.0) == []


def test_each_kind_comes_first_and_pairs_do_not_undo_each_other() -> None:
    rounds = drawn(random.Random(1), 200, sorted(KINDS))
    assert {kinds[0] for kinds in rounds[: len(KINDS)]} == set(KINDS)
    pairs = [set(kinds) for kinds in rounds if len(kinds) == 2]
    assert len(pairs) > 30
    assert {"kill_server", "lost_disk"} not in pairs
    assert drawn(random.Random(1), 200, sorted(KINDS)) == rounds
