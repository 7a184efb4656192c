import random

import numpy as np
import pytest

from hugescope_server.pyramid import Pyramid, touched
from hugescope_wire.cells import Cells
from tests.unit.server.made_host import random_cells
from tests.unit.wire.made_groups import groups_by_number, plain_groups_of


class Changing:
    """Cells that change, and a note of when."""

    def __init__(self, seed: int, count: int) -> None:
        self.rng = random.Random(seed)
        self.cells: Cells = random_cells(self.rng, count)
        self.version = 0
        self.changed_in = np.zeros(count, np.uint32)
        self.asked: list[int] = []

    def change(self, count: int) -> None:
        self.version += 1
        at = np.array(sorted(self.rng.sample(range(len(self.cells)), count)))
        self.cells = self.cells.replaced(at, random_cells(self.rng, count))
        self.changed_in[at] = self.version

    def changed_since(self, version: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        self.asked.append(version)
        return np.flatnonzero(self.changed_in > version)


@pytest.mark.parametrize("column", [0, 3, 500])
@pytest.mark.parametrize("count", [1, 13, 3000])
def test_levels_stay_right_in_whatever_order_they_are_asked_for(column: int, count: int) -> None:
    made, pyramid = Changing(count, count), Pyramid(column)
    for _ in range(25):
        made.change(min(count, made.rng.choice((1, 40, 900))))
        for shift in made.rng.sample((3, 6, 9), made.rng.randint(0, 3)):
            groups, first = pyramid.groups(shift, made.cells, made.version, made.changed_since)
            plain = plain_groups_of(made.cells, column, shift)
            numbers = range(first, first + len(groups))
            assert groups_by_number(numbers, groups) == plain


def test_only_what_changed_is_made_again() -> None:
    made, pyramid = Changing(1, 600), Pyramid(0)
    pyramid.groups(9, made.cells, 0, made.changed_since)
    assert made.asked == [], "there is nothing to renew the first time"
    pyramid.groups(9, made.cells, 0, made.changed_since)
    assert made.asked == []
    made.change(1)
    pyramid.groups(9, made.cells, 1, made.changed_since)
    assert set(made.asked) == {0}


def test_touched_names_each_group_once() -> None:
    assert touched(np.array([0, 1, 6, 7, 8, 100]), 2, 3).tolist() == [0, 1, 12]
    assert touched(np.empty(0, np.intp), 2, 3).tolist() == []
