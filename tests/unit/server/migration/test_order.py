"""Sweep and demand, told apart by the order in which pages come."""

import random

import numpy as np

from hugescope_server.migration.arrivals import Kind
from hugescope_server.migration.order import SweepOrder
from hugescope_server.migration.presence import Presence

COUNT = 4096


class Sorting:
    """A destination, and what each page that came was taken for."""

    def __init__(self, there: set[int] | None = None, count: int = COUNT) -> None:
        self.presence = Presence(count)
        self.order = SweepOrder()
        self.kinds: dict[int, int] = {}
        if there:
            self.presence.come(np.array(sorted(there)))

    def look(self, *cells: int) -> list[int]:
        arrived = np.array(sorted(cells), np.int64)
        kinds: list[int] = self.order.sort(arrived, self.presence).tolist()
        self.presence.come(arrived)
        self.kinds.update(zip(arrived.tolist(), kinds, strict=True))
        return kinds


S, D = Kind.SWEEP, Kind.DEMAND


def test_in_order_from_the_first_missing_page_is_the_sweep() -> None:
    sorting = Sorting({0, 1, 5, 6})
    assert sorting.look(2, 3, 4, 7) == [S] * 4
    assert sorting.look() == []
    assert sorting.look(8, 9) == [S, S]


def test_scattered_pages_are_demanded() -> None:
    sorting = Sorting()
    assert sorting.look(0, 1, 100, 900) == [S, S, D, D]


def test_the_sweep_of_qemu_goes_on_from_behind_a_demanded_page() -> None:
    sorting = Sorting()
    sorting.look(0, 1, 2)
    assert sorting.look(3, 500) == [S, D]
    assert sorting.look(501, 502) == [S, S]
    assert sorting.look(503, 2000) == [S, D]
    assert sorting.look(2001, 2002, 2003) == [S, S, S]
    assert sorting.look(2004, 700, 701, 702) == [D, S, S, S]


def test_it_begins_anew_at_the_first_missing_page_when_it_is_through() -> None:
    sorting = Sorting(set(range(10, COUNT - 4)))
    assert sorting.look(COUNT - 4, COUNT - 3) == [D, S]
    assert sorting.look(COUNT - 2, COUNT - 1) == [S, S]
    assert sorting.look(0, 1) == [S, S]


def test_a_sweep_that_stays_where_it_is_beside_a_guest_that_walks() -> None:
    sorting = Sorting()
    dice = random.Random(1)
    sweep, wanted = 0, set[int]()
    walk: list[int] = []
    for _ in range(400):
        arrived = set()
        for _ in range(3):
            while sorting.presence.is_there(sweep) or sweep in arrived:
                sweep += 1
            arrived.add(sweep)
        if not walk:
            begin = dice.randrange(COUNT)
            walk = list(range(begin, min(COUNT, begin + dice.randint(1, 8))))
        cell = walk.pop(0)
        if not sorting.presence.is_there(cell) and cell not in arrived:
            arrived.add(cell)
            wanted.add(cell)
        sorting.look(*arrived)
    right = sum((kind == D) == (cell in wanted) for cell, kind in sorting.kinds.items())
    assert right / len(sorting.kinds) > 0.97


def test_a_sweep_that_moves_with_a_guest_that_jumps() -> None:
    sorting = Sorting()
    dice = random.Random(2)
    sweep, wanted = 0, set[int]()
    for _ in range(300):
        arrived = set()
        if dice.random() < 0.3:
            cell = dice.randrange(COUNT)
            if not sorting.presence.is_there(cell):
                arrived.add(cell)
                wanted.add(cell)
                sweep = cell
        for _ in range(4):
            while sorting.presence.is_there(sweep % COUNT) or sweep % COUNT in arrived:
                sweep += 1
            arrived.add(sweep % COUNT)
        sorting.look(*arrived)
    right = sum((kind == D) == (cell in wanted) for cell, kind in sorting.kinds.items())
    assert right / len(sorting.kinds) > 0.97


def test_a_burst_of_everything_is_sorted_without_a_loop_over_it() -> None:
    sorting = Sorting(count=1 << 20)
    kinds = sorting.look(*range(0, 1 << 20, 2))
    assert kinds[0] == S
    assert set(kinds[1:]) == {D}
