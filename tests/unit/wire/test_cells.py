"""Columns of cells against plain rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_wire.cells import (
    FLAG_LABELS,
    UNKNOWN_COUNT,
    UNKNOWN_NODE,
    CellFlag,
    Cells,
    CellState,
)
from tests.unit.wire.made_wire import LABELS, Row, any_rows, cells_of, rows_of, several


def test_numbers_that_travel_never_change_meaning() -> None:
    assert [state.label for state in CellState] == list(LABELS)
    assert list(CellState) == list(range(9))
    flags = {1: "exclusive", 2: "write_protected", 4: "shared_table", 8: "inferred"}
    assert {int(flag): label for flag, label in FLAG_LABELS.items()} == flags


def test_holes_know_nothing_but_that_they_are_holes() -> None:
    assert rows_of(Cells.holes(2)) == [(0, UNKNOWN_COUNT, UNKNOWN_COUNT, 0, 0, UNKNOWN_NODE)] * 2
    assert len(Cells.holes(0)) == 0


@given(any_rows())
@several
def test_run_starts_are_where_neighbours_differ(rows: list[Row]) -> None:
    expected = [at for at in range(len(rows)) if at == 0 or rows[at] != rows[at - 1]]
    assert cells_of(rows).run_starts().tolist() == expected


@given(st.data())
@several
def test_replaced_and_differing_agree(data: st.DataObject) -> None:
    rows = data.draw(any_rows(least=1))
    others = data.draw(any_rows(count=len(rows)))
    index = data.draw(st.lists(st.integers(0, len(rows) - 1), unique=True).map(sorted))
    before, values = cells_of(rows), cells_of([others[at] for at in index])
    after = before.replaced(np.array(index, np.intp), values)
    expected = [others[at] if at in index else row for at, row in enumerate(rows)]
    assert rows_of(after) == expected
    assert rows_of(before) == rows
    changed = [at for at, row in enumerate(rows) if row != expected[at]]
    assert before.differing(after).tolist() == changed


@pytest.mark.parametrize("column", range(6))
def test_a_change_in_any_column_is_a_difference_and_begins_a_run(column: int) -> None:
    row = (512, 1, 1, 1, 0, 0)
    other = tuple(value + (at == column) for at, value in enumerate(row))
    assert cells_of([row, row]).differing(cells_of([row, other])).tolist() == [1]
    assert cells_of([row, other]).run_starts().tolist() == [0, 1]


def test_copy_and_take_share_no_memory() -> None:
    cells = cells_of([(512, 1, 1, 1, 0, 0)] * 3)
    for other in (cells.copy(), cells.take(slice(None)), cells.take(np.array([0, 1, 2]))):
        other.state[:] = 0
        other.mapped_pages[:] = 0
    assert rows_of(cells) == [(512, 1, 1, 1, 0, 0)] * 3


@given(any_rows())
@several
def test_state_counts(rows: list[Row]) -> None:
    states = [row[3] for row in rows]
    assert cells_of(rows).state_counts() == [states.count(state) for state in CellState]


def test_flags_combine() -> None:
    assert CellFlag.EXCLUSIVE | CellFlag.INFERRED == 9
