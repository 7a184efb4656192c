"""A mapping as a picture: rows of page tables, squares of one cell or, of a big one, of several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope.report.palette import (
    MIGRATING,
    OUTSIDE,
    PAINTS,
    POISONED,
    cell_paints,
    group_paints,
)
from hugescope.report.words import FLAG_WORDS, UNKNOWN, integer, size, state_words
from hugescope_wire.cells import (
    PAGE_BYTES,
    SEVERAL_NODES,
    U8,
    UNKNOWN_COUNT,
    UNKNOWN_NODE,
    Cells,
    CellState,
)
from hugescope_wire.groups import COUNTED_FLAGS, MAX_SHIFT, Groups, group_cells, numbers_of
from hugescope_wire.host import MappingInfo
from hugescope_wire.picture import flag_labels
from hugescope_wire.view import TABLE_ENTRIES

MAX_SQUARES: Final = 64 * TABLE_ENTRIES
"""Of one mapping: 64 rows, in which each square is still a pixel or more."""

_NO_PAGE: Final = frozenset(
    {CellState.HOLE, CellState.MARKER, CellState.POISONED, CellState.MIGRATING}
)
"""Whose entries name no page, of which counts and a node could be told."""

Codes = npt.NDArray[np.int32]
_Lines = Callable[[list[int]], list[str]]


MARK_COLUMNS: Final = 8
"""Squares from one mark to the next."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign on the map, at a row and a column that may lie between two."""

    row: int
    column: float
    paint: int
    ring: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """Squares of a mapping.

    Attributes:
        shift: 2**shift cells a square.
        first_column: squares of the first row that lie before the mapping.
        paints: rows x columns, `OUTSIDE` where the mapping is not.
        codes: rows x columns, which of `words` describes the square; -1 outside.
        words: lines about a square, without its place.
    """

    info: MappingInfo
    shift: int
    first_column: int
    paints: U8
    codes: Codes
    words: list[list[str]]

    @property
    def cells_each(self) -> int:
        """Cells that one square stands for; those at the ends may stand for fewer."""
        return 1 << self.shift

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Squares of each paint."""
        return np.bincount(self.paints.ravel(), minlength=PAINTS)

    def marks(self) -> list[Mark]:
        """Where poisoned and migrating cells are marked beside their colour: a stretch that could
        be overlooked with a ring, a longer one all along.
        """
        marks = []
        for row, paints in enumerate(self.paints):
            edges = np.flatnonzero(np.diff(paints, prepend=OUTSIDE, append=OUTSIDE))
            for first, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
                paint = int(paints[first])
                if paint not in (MIGRATING, POISONED):
                    continue
                if end - first < MARK_COLUMNS:
                    marks.append(Mark(row, (first + end - 1) / 2, paint, ring=True))
                else:
                    at = range(first + MARK_COLUMNS // 2, end, MARK_COLUMNS)
                    marks += [Mark(row, column, paint, ring=False) for column in at]
        return marks


def grid_of(info: MappingInfo, cells: Cells) -> Grid:
    """The squares of a mapping, as fine as there is room for."""
    before = (info.start // info.page_size) % TABLE_ENTRIES
    shift = 0
    while (len(cells) >> shift) > MAX_SQUARES and shift < MAX_SHIFT:
        shift += 1
    if shift == 0:
        paints = cell_paints(cells, info.page_size)
        codes, words = _described(_cell_columns(cells), _cell_lines(info.page_size))
        first = before
    else:
        numbers = numbers_of(0, len(cells), before, shift)
        groups = group_cells(cells, before, shift, numbers)
        paints = group_paints(groups, info.page_size)
        codes, words = _described(_group_columns(groups), _group_lines)
        first = int(numbers[0])
    columns = TABLE_ENTRIES
    if first + len(paints) <= columns:
        # One row: no wider than the mapping is.
        columns, first = len(paints), 0
    return Grid(info, shift, first, *_laid_out(paints, codes, first, columns), words)


def _laid_out(paints: U8, codes: Codes, first: int, columns: int) -> tuple[U8, Codes]:
    rows = -(-(first + len(paints)) // columns)
    at = slice(first, first + len(paints))
    painted = np.full(rows * columns, OUTSIDE, np.uint8)
    coded = np.full(rows * columns, -1, np.int32)
    painted[at], coded[at] = paints, codes
    return painted.reshape(rows, columns), coded.reshape(rows, columns)


def _described(columns: npt.NDArray[np.int64], lines: _Lines) -> tuple[Codes, list[list[str]]]:
    """Which kind each row is of, and each kind in words: there are far fewer kinds than rows."""
    kinds, codes = np.unique(columns, axis=0, return_inverse=True)
    return codes.reshape(-1).astype(np.int32), [lines(kind) for kind in kinds.tolist()]


def _cell_columns(cells: Cells) -> npt.NDArray[np.int64]:
    columns = (cells.state, cells.mapped_pages, cells.mapcount, cells.mappers, cells.node)
    return np.stack([np.asarray(c, np.int64) for c in (*columns, cells.flags)], axis=1)


def _cell_lines(page_size: int) -> _Lines:
    def lines(kind: list[int]) -> list[str]:
        state, pages, mapcount, mappers, node, flags = kind
        first = state_words(CellState(state).label, page_size)
        if 0 < pages * PAGE_BYTES < page_size:
            first += f", {size(pages * PAGE_BYTES)} of {size(page_size)}"
        if state in _NO_PAGE:
            return [first]
        return [
            first,
            _counted(mapcount, mappers, node),
            f"flags {', '.join(FLAG_WORDS[one] for one in flag_labels(flags)) or 'none'}",
        ]

    return lines


def _group_columns(groups: Groups) -> npt.NDArray[np.int64]:
    single = (groups.mapped_pages, groups.mapcount, groups.mappers, groups.node)
    columns = (*single, *groups.counts, *groups.flagged)
    return np.stack([np.asarray(c, np.int64) for c in columns], axis=1)


def _group_lines(kind: list[int]) -> list[str]:
    pages, mapcount, mappers, node, *rest = kind
    counts, flagged = rest[: len(CellState)], rest[len(CellState) :]
    states = [
        f"{integer(n)} {state.label}" for state, n in zip(CellState, counts, strict=True) if n
    ]
    flags = [
        f"{integer(n)} {FLAG_WORDS[flag_labels(int(flag))[0]]}"
        for flag, n in zip(COUNTED_FLAGS, flagged, strict=True)
        if n
    ]
    return [
        f"{', '.join(states)}; {size(pages * PAGE_BYTES)} mapped",
        *([f"at most: {_counted(mapcount, mappers, node)}"] if pages else []),
        *([f"flags {', '.join(flags)}"] if flags else []),
    ]


def _counted(mapcount: int, mappers: int, node: int) -> str:
    return (
        f"mapcount {count_words(mapcount)} · mappers {count_words(mappers)} · "
        f"node {node_words(node)}"
    )


def count_words(count: int | None) -> str:
    """A count that may not be known."""
    return UNKNOWN if count is None or count == UNKNOWN_COUNT else integer(count)


def node_words(node: int | None) -> str:
    """A node that may not be known."""
    if node is None or node == UNKNOWN_NODE:
        return UNKNOWN
    return "several" if node == SEVERAL_NODES else str(node)
