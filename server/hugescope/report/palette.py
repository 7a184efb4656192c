"""What a cell is painted as by state: classes, colours and words of frontend/src/lib/palette.ts.

A test compares the colours with that file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from hugescope.report.words import size
from hugescope_wire.cells import PAGE_BYTES, U8, CellFlag, Cells, CellState
from hugescope_wire.groups import COUNTED_FLAGS, Groups

Theme = Literal["light", "dark"]
THEMES: Final[tuple[Theme, ...]] = ("light", "dark")

COLORS: Final[dict[Theme, dict[str, str]]] = {
    "light": {
        "hole": "#f1f3f6",
        "reserved": "#aa9b92",
        "large": "#19338b",
        "mapped": "#638cff",
        "split": "#5cccff",
        "shared": "#1b7774",
        "writeProtected": "#fdc30c",
        "migrating": "#cf2200",
        "poisoned": "#710a2f",
        "unknown": "#c3c8cf",
        "flash": "#101418",
    },
    "dark": {
        "hole": "#1b222c",
        "reserved": "#414b4e",
        "large": "#185ee1",
        "mapped": "#6899fa",
        "split": "#a6c4f1",
        "shared": "#02ffba",
        "writeProtected": "#ffff3e",
        "migrating": "#f07a1f",
        "poisoned": "#ac5f97",
        "unknown": "#4a535e",
        "flash": "#ffffff",
    },
}

OUTSIDE: Final = 0
HOLE: Final = 1
MAPPED: Final = 2
FULL: Final = 3
SPLIT: Final = 4
PARTIAL: Final = 5
PARTIAL_LEVELS: Final = 16
SHARED_TABLE: Final = PARTIAL + PARTIAL_LEVELS
WRITE_PROTECTED: Final = SHARED_TABLE + 1
MARKER: Final = SHARED_TABLE + 2
SMALL: Final = SHARED_TABLE + 3
SPARSE: Final = SHARED_TABLE + 4
MIGRATING: Final = SHARED_TABLE + 5
POISONED: Final = SHARED_TABLE + 6
PAINTS: Final = POISONED + 1

_ONE_GIB: Final = 1 << 30
_PAINT_OF_STATE: Final = np.array(
    [HOLE, MAPPED, FULL, SPLIT, PARTIAL, MARKER, POISONED, MIGRATING, SMALL], np.uint8
)
_NO_PAGE: Final = (CellState.HOLE, CellState.MARKER)


@dataclass(frozen=True, slots=True)
class Paint:
    """A class of cells: `pattern` tells it without colour (see parts.css)."""

    key: str
    label: str
    pattern: Literal["none", "diagonal", "cross", "dots"] = "none"


def paint_of(paint: int, page_size: int) -> Paint:
    """The words of a paint; all levels of `partial` have the same."""
    if PARTIAL <= paint < PARTIAL + PARTIAL_LEVELS:
        return Paint("partial", "mapped in part")
    return {
        HOLE: Paint("hole", "hole"),
        MAPPED: Paint("mapped", f"mapped by one {size(page_size)} entry"),
        FULL: Paint("full", "mapped in full, entry size not known"),
        SPLIT: Paint("split", "split: in full by smaller entries"),
        SHARED_TABLE: Paint("shared-table", "through a shared page table"),
        WRITE_PROTECTED: Paint("write-protected", "write-protected (uffd)"),
        MARKER: Paint("marker", "write-protect marker, no page", "dots"),
        SMALL: Paint("small", "base pages, no huge folio"),
        SPARSE: Paint("sparse", "several: most holes, some pages"),
        MIGRATING: Paint("migrating", "in flight (migrating)", "diagonal"),
        POISONED: Paint("poisoned", "poisoned", "cross"),
    }[paint]


def state_paint(state: CellState) -> int:
    """The paint of a state where nothing else is known, as in a legend."""
    paint = int(_PAINT_OF_STATE[state])
    return paint + PARTIAL_LEVELS // 2 if paint == PARTIAL else paint


def color_of(paint: int, theme: Theme, page_size: int) -> str:
    """#rrggbb."""
    colors = COLORS[theme]
    hole, split, protect = colors["hole"], colors["split"], colors["writeProtected"]
    mapped = colors["large" if page_size >= _ONE_GIB else "mapped"]
    if PARTIAL <= paint < PARTIAL + PARTIAL_LEVELS:
        return mix(hole, split, 0.25 + 0.6 * (paint - PARTIAL + 1) / PARTIAL_LEVELS)
    return {
        HOLE: hole,
        MAPPED: mapped,
        FULL: mix(mapped, hole, 0.35),
        SPLIT: split,
        SHARED_TABLE: colors["shared"],
        WRITE_PROTECTED: protect,
        MARKER: mix(protect, hole, 0.5),
        SMALL: colors["reserved"],
        SPARSE: mix(hole, mapped, 0.45),
        MIGRATING: colors["migrating"],
        POISONED: colors["poisoned"],
    }[paint]


def mix(a: str, b: str, share: float) -> str:
    """`share` of b, the rest of a."""
    parts = [
        int(int(a[at : at + 2], 16) * (1 - share) + int(b[at : at + 2], 16) * share + 0.5)
        for at in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)


def cell_paints(cells: Cells, page_size: int) -> U8:
    """The paint of each cell."""
    paints: U8 = _PAINT_OF_STATE[cells.state]
    part = cells.state == CellState.PARTIAL
    paints[part] += _level(cells.mapped_pages[part] * PAGE_BYTES / page_size)
    present = ~np.isin(cells.state, (*_NO_PAGE, CellState.POISONED, CellState.MIGRATING))
    paints[present & (cells.flags & CellFlag.SHARED_TABLE != 0)] = SHARED_TABLE
    paints[present & (cells.flags & CellFlag.WRITE_PROTECTED != 0)] = WRITE_PROTECTED
    return paints


def group_paints(groups: Groups, page_size: int) -> U8:
    """The paint of each group: poisoned, then migrating, always win, else what most cells are; a
    page among holes has a paint of its own. A group without any cell is outside.
    """
    counts = groups.counts.astype(np.int64)
    # Of equals the higher paint wins: a page before a hole.
    winner = (counts * PAINTS + _PAINT_OF_STATE[:, None]).argmax(axis=0)
    paints: U8 = _PAINT_OF_STATE[winner]
    pages = counts.sum(axis=0) - counts[list(_NO_PAGE)].sum(axis=0)
    part = winner == CellState.PARTIAL
    paints[part] += _level(_partial_share(groups, counts, page_size)[part])
    has_page = ~np.isin(winner, _NO_PAGE)
    for flag, paint in (
        (CellFlag.SHARED_TABLE, SHARED_TABLE),
        (CellFlag.WRITE_PROTECTED, WRITE_PROTECTED),
    ):
        flagged = groups.flagged[COUNTED_FLAGS.index(flag)].astype(np.int64)
        paints[has_page & (flagged * 2 > pages)] = paint
    paints[(winner == CellState.HOLE) & (pages > 0)] = SPARSE
    paints[counts[CellState.MIGRATING] > 0] = MIGRATING
    paints[counts[CellState.POISONED] > 0] = POISONED
    paints[counts.sum(axis=0) == 0] = OUTSIDE
    return paints


def _level(share: npt.NDArray[np.float64]) -> U8:
    level: U8 = np.clip(share * PARTIAL_LEVELS, 0, PARTIAL_LEVELS - 1).astype(np.uint8)
    return level


def _partial_share(
    groups: Groups, counts: npt.NDArray[np.int64], page_size: int
) -> npt.NDArray[np.float64]:
    """How much of its cells that are mapped in part is mapped."""
    whole = page_size // PAGE_BYTES
    full = counts[[CellState.MAPPED, CellState.FULL, CellState.SPLIT]].sum(axis=0)
    in_part = counts[[CellState.PARTIAL, CellState.SMALL]].sum(axis=0)
    rest = groups.mapped_pages.astype(np.int64) - full * whole
    share: npt.NDArray[np.float64] = np.maximum(0, rest) / np.maximum(1, in_part * whole)
    return share
