import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugescope_agent.workloads.pacing import (
    LONGEST_RUN_PAGES,
    TURN_S,
    PageLedger,
    RoundCopier,
    TokenBucket,
    touch_order,
)


def test_a_bucket_starts_empty_and_says_how_long_to_wait():
    bucket = TokenBucket(rate_per_s=10, portion=5, now_s=100.0)
    assert not bucket.take(100.0)
    assert bucket.wait_s(100.0) == pytest.approx(0.5)
    assert bucket.wait_s(100.3) == pytest.approx(0.2)
    assert not bucket.take(100.4)
    assert bucket.wait_s(100.5) == 0
    assert bucket.take(100.5)
    assert not bucket.take(100.5)


def test_a_bucket_saves_up_two_portions_or_a_quarter_second():
    slow = TokenBucket(rate_per_s=1, portion=5, now_s=0.0)
    assert [slow.take(1000.0) for _ in range(3)] == [True, True, False]
    fast = TokenBucket(rate_per_s=400, portion=5, now_s=0.0)
    assert [fast.take(1000.0) for _ in range(21)] == [True] * 20 + [False]


def test_a_clock_that_stands_still_earns_nothing():
    bucket = TokenBucket(rate_per_s=10, portion=5, now_s=10.0)
    assert bucket.take(10.5)
    assert bucket.wait_s(10.0) == pytest.approx(0.5)


@settings(deadline=None)  # a busy machine is no failure
@given(
    rate=st.floats(1, 1e6),
    portion=st.floats(1, 1e4),
    steps=st.lists(st.floats(0, 0.1), min_size=1, max_size=200),
)
def test_a_bucket_never_lets_more_through_than_its_rate(rate, portion, steps):
    bucket, now, taken = TokenBucket(rate, portion, 0.0), 0.0, 0
    for step in steps:
        now += step
        while bucket.take(now):
            taken += 1
    assert taken * portion <= rate * now * (1 + 1e-9)


def test_a_ledger_counts_each_page_once_and_by_who_brought_it():
    ledger = PageLedger(4)
    ledger.mark_demanded(2)
    ledger.mark_swept(2)
    ledger.mark_swept(0)
    ledger.mark_demanded(0)
    assert (ledger.present, ledger.demanded, ledger.swept) == (2, 1, 1)
    assert [ledger.is_present(page) for page in range(4)] == [True, False, True, False]
    assert not ledger.complete


def test_a_ledger_gives_missing_pages_in_order():
    ledger = PageLedger(4)
    ledger.mark_demanded(1)
    order = []
    while (page := ledger.next_missing()) is not None:
        assert ledger.next_missing() == page
        order.append(page)
        ledger.mark_swept(page)
    assert order == [0, 2, 3]
    assert ledger.complete
    assert ledger.next_missing() is None


class Scene:
    """A clock that only waiting moves, and faults that come at given times."""

    def __init__(self, faults=()):
        self.clock_s = 0.0
        self.faults = sorted(faults)
        self.copied: list[tuple[float, int]] = []

    def faulting_pages(self):
        due = [page for at, page in self.faults if at <= self.clock_s]
        self.faults = [fault for fault in self.faults if fault[0] > self.clock_s]
        return due

    def copy_page(self, page):
        self.copied.append((self.clock_s, page))

    def wait(self, timeout_s):
        until = self.clock_s + max(timeout_s, 0.0001)
        self.clock_s = min([until, *(at for at, _ in self.faults)])

    def now_s(self):
        return self.clock_s


def run(scene: Scene, pages: int, rate_pages_per_s: float) -> PageLedger:
    ledger = PageLedger(pages)
    RoundCopier(scene, ledger, 1, rate_pages_per_s, lambda _: None).run()
    return ledger


def test_the_sweep_goes_in_order_at_its_rate():
    scene = Scene()
    ledger = run(scene, 50, 10)
    assert [page for _, page in scene.copied] == list(range(50))
    assert (ledger.swept, ledger.demanded) == (50, 0)
    for number, (at_s, _) in enumerate(scene.copied, start=1):
        assert at_s == pytest.approx(number / 10, abs=0.001)


def test_a_fault_is_served_at_once_and_before_the_sweep():
    scene = Scene(faults=[(0.3, 7), (0.3, 9), (0.35, 0)])
    ledger = run(scene, 10, 10)
    order = [page for _, page in scene.copied]
    # At 0.3 s the sweep's third page is due, too: the faults go first.
    assert order == [0, 1, 7, 9, 2, 0, 3, 4, 5, 6, 8]
    assert {page: at_s for at_s, page in scene.copied}[9] == pytest.approx(0.3)
    assert (ledger.demanded, ledger.swept) == (2, 8)


def test_faults_do_not_use_up_the_sweeps_rate():
    scene = Scene(faults=[(0.05 * n, 40 + n) for n in range(10)])
    run(scene, 50, 10)
    assert scene.clock_s == pytest.approx(4.0, abs=0.01)


def test_progress_is_reported_while_a_slow_sweep_waits():
    scene, times = Scene(), []
    ledger = PageLedger(1)
    RoundCopier(scene, ledger, 1, 0.5, lambda _: times.append(scene.clock_s)).run()
    assert max(b - a for a, b in pairwise(times)) <= TURN_S + 0.001


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(1, 600), st.integers(0, 2**32))
def test_a_guest_touches_every_page_once(pages, seed):
    order = list(touch_order(pages, random.Random(seed)))
    assert sorted(order) == list(range(pages))


def test_a_guests_touches_are_scattered_runs_of_neighbours():
    order = list(touch_order(512, random.Random(3)))
    steps = Counter(b - a == 1 for a, b in pairwise(order))
    assert steps[False] > 512 / LONGEST_RUN_PAGES
    assert steps[True] > 512 / 2
    assert order == list(touch_order(512, random.Random(3)))
    assert order != list(touch_order(512, random.Random(4)))
