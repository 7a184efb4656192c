"""Who is looked through when: everyone once a round, new ones first, watched ones more often."""

from collections import Counter
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.errors import BadCapture, ProcessDenied, ProcessGone, ProcessUnreadable
from hugescope_agent.kernel.root import Root
from hugescope_agent.rounds import Rounds
from hugescope_wire.host import Skipped
from tests.unit.wire.made_wire import several


class FakeRoot:
    """The processes that the test says."""

    def __init__(self, pids: list[int], *, live: bool = True) -> None:
        self.live = live
        self.now = sorted(pids)

    def pids(self) -> list[int]:
        return list(self.now)


def rounds(root: FakeRoot, only: frozenset[int] | None = None, tick_hz: float = 10.0) -> Rounds:
    return Rounds(cast("Root", root), only, tick_hz)


@given(
    st.sets(st.integers(1, 500), min_size=1, max_size=60), st.sampled_from((1.0, 2.0, 5.0, 10.0))
)
@several
def test_everyone_is_dealt_exactly_once_a_round(pids: set[int], tick_hz: float) -> None:
    dealer = rounds(FakeRoot(sorted(pids)), tick_hz=tick_hz)
    dealer.everyone()
    for _ in range(3):
        slices = [dealer.slice(()) for _ in range(round(tick_hz))]
        assert Counter(pid for part in slices for pid in part) == Counter(pids)
        share = -(-len(pids) // round(tick_hz))
        assert all(len(part) <= share for part in slices)


def test_a_round_begins_with_those_that_are_new() -> None:
    root = FakeRoot(list(range(100, 200)))
    dealer = rounds(root)
    dealer.everyone()
    assert len(dealer.slice(())) == 10
    root.now += [500, 501]
    for _ in range(9):
        assert not {500, 501} & set(dealer.slice(()))
    assert {500, 501} <= set(dealer.slice(()))


def test_many_new_ones_are_all_due_at_once() -> None:
    dealer = rounds(FakeRoot(list(range(1, 301))))
    assert len(dealer.slice(())) == 300
    assert dealer.slice(()) == []


def test_watched_ones_are_due_twice_a_second_and_never_twice_a_tick() -> None:
    dealer = rounds(FakeRoot(list(range(1, 101))))
    dealer.everyone()
    seen = Counter[int]()
    for _ in range(20):
        part = dealer.slice((5, 99))
        assert len(part) == len(set(part))
        seen.update(part)
    assert seen[5] >= 4
    assert seen[99] >= 4
    assert seen[50] == 2


def test_only_those_asked_for() -> None:
    dealer = rounds(FakeRoot([1, 2, 3, 4]), frozenset({2, 4, 9}))
    assert dealer.everyone() == [2, 4]
    assert {pid for _ in range(10) for pid in dealer.slice(())} == {2, 4}


def test_nothing_to_deal() -> None:
    dealer = rounds(FakeRoot([]))
    assert [dealer.slice(()) for _ in range(12)] == [[]] * 12


def test_a_capture_deals_everyone_at_every_tick() -> None:
    dealer = rounds(FakeRoot([3, 4], live=False))
    assert [dealer.slice(()) for _ in range(3)] == [[3, 4]] * 3


def test_a_rate_below_one_a_second() -> None:
    dealer = rounds(FakeRoot([3, 4]), tick_hz=0.2)
    assert [sorted(dealer.slice((4,))) for _ in range(3)] == [[3, 4]] * 3


ERRORS = {
    "gone": ProcessGone("proc/3/maps: the process left"),
    "denied": ProcessDenied("proc/3/maps: Permission denied"),
    "failed": ProcessUnreadable("proc/3/maps: Input/output error"),
}


@pytest.mark.parametrize("reason", ERRORS)
def test_what_goes_wrong_is_counted_until_it_goes_well(reason: str) -> None:
    dealer = rounds(FakeRoot([3, 4]))
    for _ in range(2):
        with dealer.counting(3):
            raise ERRORS[reason]
    assert dealer.skipped() == Skipped(**{reason: 1})
    assert dealer.why_skipped(3) == str(ERRORS[reason])
    assert dealer.why_skipped(4) is None
    with dealer.counting(3):
        pass
    assert dealer.skipped() == Skipped()
    assert dealer.why_skipped(3) is None


def test_those_that_left_are_counted_no_more() -> None:
    root = FakeRoot([3, 4])
    dealer = rounds(root)
    for pid in (3, 4):
        with dealer.counting(pid):
            raise ERRORS["denied"]
    root.now = [4]
    dealer.everyone()
    assert dealer.skipped() == Skipped(denied=1)


@pytest.mark.parametrize("live", [True, False])
def test_a_bad_file_ends_a_capture_but_not_a_live_scan(live: bool) -> None:
    dealer = rounds(FakeRoot([3], live=live))
    if live:
        with dealer.counting(3):
            raise BadCapture("proc/3/smaps:7: no line")
        assert dealer.skipped() == Skipped(failed=1)
    else:
        with pytest.raises(BadCapture), dealer.counting(3):
            raise BadCapture("proc/3/smaps:7: no line")


def test_any_other_error_is_a_fault_of_ours_and_is_not_swallowed() -> None:
    dealer = rounds(FakeRoot([3]))
    with pytest.raises(ZeroDivisionError), dealer.counting(3):
        raise ZeroDivisionError
