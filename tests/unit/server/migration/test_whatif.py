"""Demand, and the same demand at other page sizes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugescope_server.migration import demand as demand_module
from hugescope_server.migration.arrivals import Kind, Late
from hugescope_server.migration.demand import Addresses, Demand
from hugescope_server.migration.rates import ArrivalRate
from hugescope_server.migration.whatif import what_if
from hugescope_wire.migration import MAX_DEMANDED

SIZE = 2 << 20
RATE = 100 * 2**20


def demanded(cells: list[int], waited: list[bool] | None = None) -> Demand:
    demand = Demand()
    came(demand, cells, waited)
    return demand


def came(demand: Demand, cells: list[int], waited: list[bool] | None = None) -> None:
    index = np.array(cells, np.int64)
    missing = np.arange(len(cells), dtype=np.float64)
    flags = np.array(waited or [False] * len(cells), np.bool_)
    demand.came(10.0, index, index * SIZE, missing, flags)


def test_the_arithmetic_at_each_size() -> None:
    demand = demanded([0, 1, 511, 512])
    four, two, one = what_if(demand, SIZE, RATE)
    assert (four.page_size, two.page_size, one.page_size) == (4096, 2 << 20, 1 << 30)
    assert (four.actual, two.actual, one.actual) == (False, True, False)
    assert (four.pages, two.pages, one.pages) == (4, 4, 2)
    assert (four.bytes, two.bytes, one.bytes) == (4 * 4096, 4 * SIZE, 2 << 30)
    assert two.wait_s == pytest.approx(0.02)
    assert two.total_wait_s == pytest.approx(0.08)
    assert one.wait_s == pytest.approx(10.24)
    assert one.total_wait_s == pytest.approx(20.48)


def test_another_size_has_a_row_of_its_own() -> None:
    rows = what_if(demanded([3]), 64 << 10, RATE)
    assert [(row.page_size, row.actual) for row in rows][1] == (64 << 10, True)
    assert len(rows) == 4


def test_faults_have_their_true_addresses() -> None:
    demand = Demand()
    demand.fault(1, SIZE + 0x5123, 9.0)
    demand.fault(1, SIZE + 0x5FFF, 9.5)
    demand.fault(1, SIZE + 0x9000, 9.2)
    came(demand, [0, 1], [False, True])
    assert demand.pages(4096) == 3
    assert demand.pages(SIZE) == 2
    seen = next(one for one in demand.waited if one.cell == 1)
    assert (seen.stalled_s, seen.missing_s) == (1.0, 1.0)
    assert not demand.waiting


def test_nothing_is_computed_without_demand_or_rate() -> None:
    assert what_if(Demand(), SIZE, RATE) == []
    assert what_if(demanded([1]), SIZE, None) == []
    assert what_if(demanded([1]), SIZE, 0.0) == []


def test_the_longest_missing_are_listed() -> None:
    demand = demanded(list(range(1000)))
    assert len(demand.waited) == MAX_DEMANDED
    assert [one.cell for one in demand.waited[:2]] == [999, 998]
    came(demand, [5000])
    assert 5000 not in {one.cell for one in demand.waited}


def test_a_fault_that_is_told_late() -> None:
    demand = demanded([4, 7])
    late = Late(Kind.DEMAND, 10.0, 3.0)
    demand.late_fault(7, 7 * SIZE, 7 * SIZE + 0x3000, 9.4, late)
    assert demand.pages(4096) == 2
    seen = next(one for one in demand.waited if one.cell == 7)
    assert seen.stalled_s == pytest.approx(0.6)
    assert len(demand.waited) == 2


NUMBERS = st.lists(st.tuples(st.booleans(), st.integers(0, 3000)), max_size=40)


@settings(max_examples=50, deadline=None)
@given(st.lists(NUMBERS, max_size=6))
def test_addresses_are_a_set(rounds: list[list[tuple[bool, int]]]) -> None:
    addresses, expected = Addresses(), set[int]()
    for changes in rounds:
        for adds, number in changes:
            if adds:
                addresses.add([number])
                expected.add(number)
            else:
                addresses.discard(number)
                expected.discard(number)
        for shift in (0, 4, 9):
            assert addresses.pages(shift) == len({number >> shift for number in expected})
        assert len(addresses) == len(expected)


def test_addresses_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demand_module, "MAX_ADDRESSES", 100)
    monkeypatch.setattr(demand_module, "MAX_CHANGED", 10)
    addresses = Addresses()
    for begin in range(0, 5000, 50):
        addresses.add(range(begin, begin + 50))
        assert len(addresses._changed) <= 10
    assert len(addresses) == 100


def test_rates_of_the_last_ten_seconds() -> None:
    rate = ArrivalRate(100.0)
    assert rate.bytes_per_s() is None
    assert rate.time_left(10, 100.0).likely_s is None
    for second in range(20):
        pages = 5 if second < 10 else (10 if second % 2 else 20)
        rate.note(100.5 + second, pages, pages * SIZE)
    assert rate.bytes_per_s() == pytest.approx((50 + 150) * SIZE / 19.5)
    left = rate.time_left(300, 120.0)
    assert left.likely_s == pytest.approx(300 / 15)
    assert left.low_s == pytest.approx(300 / 20)
    assert left.high_s == pytest.approx(300 / 10)
    assert rate.pages_per_s(120.0) == pytest.approx(15.0)
    slow = rate.time_left(300, 125.0)
    assert slow.high_s is None
    assert rate.time_left(300, 140.0).likely_s is None
