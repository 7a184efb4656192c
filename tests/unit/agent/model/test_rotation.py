"""Cells read again in turn: every present one, none twice at once, as many as the budget allows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.rotation import Rotation
from hugescope_wire.cells import CellState
from tests.unit.agent.model.made_model import tracked
from tests.unit.wire.made_wire import several


def made(*present: list[int], hgm: int | None = None) -> list[TrackedMapping]:
    """Mappings of ten cells each with these present."""
    mappings = [tracked(number, 10, hgm=number == hgm) for number in range(len(present))]
    for mapping, cells in zip(mappings, present, strict=True):
        mapping.cells.state[cells] = CellState.MAPPED
        mapping.presence_changed()
    return mappings


def dealt(rotation: Rotation, mappings: list[TrackedMapping]) -> list[tuple[int, int]]:
    """One deal, as mapping and cell."""
    found = rotation.deal(mappings)
    return [(mapping.id, cell) for mapping, index in found for cell in index.tolist()]


@given(
    st.lists(st.sets(st.integers(0, 9)).map(sorted), max_size=5),
    st.integers(1, 60),
)
@several
def test_every_present_cell_in_turn(present: list[list[int]], budget: int) -> None:
    mappings = made(*present)
    everything = [
        (mapping.id, cell)
        for mapping, cells in zip(mappings, present, strict=True)
        for cell in cells
    ]
    rotation = Rotation(0.0, budget)
    deals = [dealt(rotation, mappings) for _ in range(3 * (len(everything) // budget + 2))]
    for one in deals:
        assert len(one) <= budget
        assert len(set(one)) == len(one)
        assert set(one) <= set(everything)
    # However the rounds fall, so many deals one after the other leave nothing out.
    cycle = -(-len(everything) // budget) + 1
    for first in range(len(deals) - cycle + 1):
        seen = {cell for one in deals[first : first + cycle] for cell in one}
        assert seen == set(everything)


@given(st.lists(st.sets(st.integers(0, 9)).map(sorted), min_size=1, max_size=5), st.data())
@several
def test_exactly_once_a_cycle_when_it_divides(
    present: list[list[int]], data: st.DataObject
) -> None:
    total = sum(map(len, present))
    budgets = [number for number in range(1, total + 1) if total % number == 0] or [1]
    budget = data.draw(st.sampled_from(budgets))
    mappings, rotation = made(*present), Rotation(0.0, budget)
    for _ in range(3):
        cycle = [cell for _ in range(total // budget) for cell in dealt(rotation, mappings)]
        assert len(cycle) == len(set(cycle)) == total


def test_hgm_mappings_are_read_whole_at_every_tick_anyway() -> None:
    assert dealt(Rotation(0.0, 9), made([1], [2], [3], hgm=1)) == [(0, 1), (2, 3)]


def test_nothing_to_deal() -> None:
    rotation = Rotation(0.0, 9)
    assert rotation.deal([]) == []
    assert rotation.deal(made([], [])) == []


def test_a_rotation_of_no_cells_deals_none() -> None:
    """`rotation_cells=0` asks for no rotation at all."""
    assert Rotation(0.0, 0).deal(made([], [1, 2])) == []


def test_mappings_may_vanish_between_deals() -> None:
    rotation, mappings = Rotation(0.0, 4), made([1, 2, 3], [4, 5, 6], [7, 8, 9])
    for keep in (3, 2, 1, 0, 3):
        for _ in range(2):
            found = dealt(rotation, mappings[:keep])
            assert len(found) <= 4
            assert {number for number, _ in found} <= set(range(keep))


def test_cells_may_vanish_between_deals() -> None:
    rotation, (mapping,) = Rotation(0.0, 3), made(list(range(10)))
    assert dealt(rotation, [mapping]) == [(0, 0), (0, 1), (0, 2)]
    mapping.cells.state[2:6] = CellState.HOLE
    mapping.presence_changed()
    assert dealt(rotation, [mapping]) == [(0, 6), (0, 7), (0, 8)]


@pytest.mark.parametrize(
    ("state", "present"),
    [
        (CellState.HOLE, False),
        (CellState.MAPPED, True),
        (CellState.FULL, True),
        (CellState.SPLIT, True),
        (CellState.PARTIAL, True),
        (CellState.MARKER, False),
        (CellState.POISONED, False),
        (CellState.MIGRATING, False),
    ],
)
def test_which_states_are_present(state: CellState, present: bool) -> None:
    (mapping,) = made([])
    mapping.cells.state[5] = state
    mapping.presence_changed()
    assert dealt(Rotation(0.0, 9), [mapping]) == [(0, 5)] * present


def test_the_budget_is_learnt_from_what_cells_cost() -> None:
    rotation = Rotation(0.001)
    for _ in range(200):
        rotation.measured(10, 10 * 1e-6)
    assert rotation.cells_per_tick == pytest.approx(1000, rel=0.01)
    for _ in range(200):
        rotation.measured(10, 10 * 1e-5)
    assert rotation.cells_per_tick == pytest.approx(100, rel=0.01)
    rotation.measured(0, 5.0)
    assert rotation.cells_per_tick == pytest.approx(100, rel=0.01)


def test_the_budget_has_bounds() -> None:
    assert Rotation(0.0).cells_per_tick == 16
    assert Rotation(1e9).cells_per_tick == 1 << 14
    assert Rotation(1e9, 3).cells_per_tick == 3


def test_the_index_is_a_copy() -> None:
    rotation, (mapping,) = Rotation(0.0, 9), made([1, 2])
    ((_, index),) = rotation.deal([mapping])
    index[:] = 0
    assert np.flatnonzero(mapping.present).tolist() == [1, 2]
