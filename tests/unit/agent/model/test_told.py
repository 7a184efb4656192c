"""Lost pages in holes: told as poisoned, and read as what they are."""

from __future__ import annotations

import numpy as np

from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.told import LostCells
from hugescope_wire.account import ProcessRef
from hugescope_wire.cells import CellFlag, CellState
from hugescope_wire.report import Poison, PoisonedPage, PoisonPlace
from tests.unit.agent.model.made_model import MIB2, START, set_present, tracked


def lost(*cells: int | None, pid: int = 1, start: int = START) -> Poison:
    """A report that places pages at these cells; None: somewhere in the mapping."""
    places = [
        PoisonPlace(
            process=ProcessRef(pid=pid, comm=None),
            start=start,
            address=None if cell is None else start + cell * MIB2,
            file_offset=None,
            inferred=True,
        )
        for cell in cells
    ]
    page = PoisonedPage(
        page_size=MIB2,
        bad_bytes=None,
        in_pool=None,
        node=None,
        file=None,
        places=places,
        evidence="smaps",
    )
    return Poison(pages=[page], failures=[], hardware_corrupted_bytes=None)


def made() -> TrackedMapping:
    """Page, hole, hole, page."""
    mapping = tracked(7, 4)
    set_present(mapping, [512, None, None, 1024])
    return mapping


def changed(cells: LostCells, poison: Poison, mapping: TrackedMapping) -> list[int]:
    """Which cells are told otherwise after a report."""
    found = cells.place(poison, [(1, "p", [mapping])])
    return [cell for _, index in found for cell in index.tolist()]


def test_holes_with_a_lost_page_are_told_as_poisoned_and_no_other_cell() -> None:
    mapping, cells = made(), LostCells()
    assert changed(cells, lost(0, 1), mapping) == [1]
    told = cells.told(7, mapping.cells)
    assert told.state.tolist() == [
        CellState.MAPPED,
        CellState.POISONED,
        CellState.HOLE,
        CellState.MAPPED,
    ]
    assert told.flags.tolist() == [0, CellFlag.INFERRED, 0, 0]
    assert [cells.holds(mapping, cell) for cell in range(4)] == [False, True, False, False]


def test_what_was_read_stays_as_it_is() -> None:
    mapping, cells = made(), LostCells()
    cells.place(lost(1), [(1, "p", [mapping])])
    cells.told(7, mapping.cells)
    assert mapping.cells.state[1] == CellState.HOLE
    assert mapping.cells.flags[1] == 0


def test_only_what_another_report_tells_otherwise_has_changed() -> None:
    mapping, cells = made(), LostCells()
    cells.place(lost(1), [(1, "p", [mapping])])
    assert changed(cells, lost(1), mapping) == []
    assert changed(cells, lost(2), mapping) == [1, 2]
    assert changed(cells, lost(None), mapping) == [2]
    assert cells.told(7, mapping.cells) is mapping.cells


def test_a_cell_that_gets_a_page_is_told_as_it_is() -> None:
    mapping, cells = made(), LostCells()
    cells.place(lost(1), [(1, "p", [mapping])])
    set_present(mapping, [512, 1536, None, 1024])
    assert np.array_equal(cells.told(7, mapping.cells).state, mapping.cells.state)
    assert not cells.holds(mapping, 1)
    assert changed(cells, lost(None), mapping) == []


def test_places_of_mappings_that_left_are_passed_over() -> None:
    mapping, cells = made(), LostCells()
    assert changed(cells, lost(1, pid=2), mapping) == []
    assert changed(cells, lost(9), mapping) == []
