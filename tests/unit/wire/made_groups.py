"""Groups counted cell by cell in plain Python, to hold the arrays against."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from hugescope_wire.cells import (
    SEVERAL_NODES,
    UNKNOWN_COUNT,
    UNKNOWN_NODE,
    CellFlag,
    Cells,
    CellState,
)
from hugescope_wire.groups import GroupBlock, Groups
from hugescope_wire.snapshot import Run
from tests.unit.wire.made_wire import Row, rows_of


class PlainGroup(NamedTuple):
    """One group as a block has it; counts by state and by flag."""

    mapped_pages: int
    counts: tuple[int, ...]
    flagged: tuple[int, ...]
    mapcount: int
    mappers: int
    node: int


def plain_groups(rows: Iterable[Row], first_column: int, shift: int) -> dict[int, PlainGroup]:
    """By group number; `rows` are all cells of the mapping, as `made_wire.rows_of` gives them."""
    members: dict[int, list[Row]] = {}
    for cell, row in enumerate(rows):
        members.setdefault((cell + first_column) >> shift, []).append(row)
    return {number: _plain_group(cells) for number, cells in members.items()}


def plain_groups_of(cells: Cells, first_column: int, shift: int) -> dict[int, PlainGroup]:
    """The same of columns."""
    return plain_groups(rows_of(cells), first_column, shift)


def rows_of_runs(runs: Iterable[Run]) -> list[Row]:
    """The cells of a snapshot's runs."""
    rows: list[Row] = []
    for run in runs:
        unknown = (UNKNOWN_COUNT, UNKNOWN_COUNT, UNKNOWN_NODE)
        known = (run.mapcount, run.mappers, run.node)
        numbers = [n if k is None else k for k, n in zip(known, unknown, strict=True)]
        flags = sum(CellFlag[label.upper()] for label in run.flags)
        state = int(CellState[run.state.upper()])
        row = (run.mapped_bytes // 4096, numbers[0], numbers[1], state, flags, numbers[2])
        rows += [row] * run.count
    return rows


def groups_by_number(numbers: Iterable[int], groups: Groups) -> dict[int, PlainGroup]:
    """Columns as plain groups."""
    return {
        int(number): PlainGroup(
            int(groups.mapped_pages[at]),
            tuple(groups.counts[:, at].tolist()),
            tuple(groups.flagged[:, at].tolist()),
            int(groups.mapcount[at]),
            int(groups.mappers[at]),
            int(groups.node[at]),
        )
        for at, number in enumerate(numbers)
    }


def groups_of_block(block: GroupBlock) -> dict[int, PlainGroup]:
    """A decoded block as plain groups."""
    return groups_by_number(block.numbers().tolist(), block.groups)


def _plain_group(rows: list[Row]) -> PlainGroup:
    nodes = {row[5] for row in rows if row[0]}
    known = [[row[column] for row in rows if row[column] != UNKNOWN_COUNT] for column in (1, 2)]
    if not nodes or UNKNOWN_NODE in nodes:
        node = UNKNOWN_NODE
    else:
        node = nodes.pop() if len(nodes) == 1 else SEVERAL_NODES
    return PlainGroup(
        sum(row[0] for row in rows),
        tuple(sum(row[3] == state for row in rows) for state in CellState),
        tuple(
            sum(bool(row[4] & flag) for row in rows)
            for flag in (CellFlag.WRITE_PROTECTED, CellFlag.SHARED_TABLE, CellFlag.INFERRED)
        ),
        max(known[0], default=UNKNOWN_COUNT),
        max(known[1], default=UNKNOWN_COUNT),
        node,
    )
