"""Cells: what is known of each huge page of a mapping, as columns of equal length.

A cell is one huge page of one mapping. Columns keep a mapping of half a million cells at eleven
bytes a cell and let runs, differences and counts be found without a Python loop.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum, IntFlag
from typing import Final

import numpy as np
import numpy.typing as npt

PAGE_BYTES: Final = 4096
"""Bytes that one pagemap entry stands for."""

UNKNOWN_COUNT: Final = 0xFFFF
"""In `mapcount` and `mappers`: could not be read. Real counts saturate one below."""

MAX_COUNT: Final = 0xFFFE

UNKNOWN_NODE: Final = 0xFF
"""In `node`: no PFN, or a PFN that no zone spans."""

SEVERAL_NODES: Final = 0xFE
"""In `node` of a group of cells: they are not all on one."""

UNKNOWN_AGE: Final = 0xFFFFFFFF
"""In `changed_ago`: did not change since the server first saw it."""


class CellState(IntEnum):
    """How a huge page stands in the page table; the numbers travel and never change meaning."""

    HOLE = 0
    MAPPED = 1
    FULL = 2
    SPLIT = 3
    PARTIAL = 4
    MARKER = 5
    POISONED = 6
    MIGRATING = 7
    SMALL = 8

    @property
    def label(self) -> str:
        """The word used in JSON, tables and on screen."""
        return self.name.lower()


class CellFlag(IntFlag):
    """What is true of a cell beside its state; the bits travel and never change meaning."""

    EXCLUSIVE = 1
    WRITE_PROTECTED = 2
    SHARED_TABLE = 4
    INFERRED = 8


FLAG_LABELS: Final = {flag: (flag.name or "").lower() for flag in CellFlag}

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
U32 = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Cells:
    """Columns over the cells of one mapping, in address order; all of one length.

    Attributes:
        mapped_pages: present 4 KiB pages of the cell, u32.
        mapcount: the kernel's count, u16, `UNKNOWN_COUNT` where it could not be read; where parts
            of a page may be mapped, the largest of the 4 KiB that are present here.
        mappers: mappings of that page seen by joining all processes, u16, `UNKNOWN_COUNT` likewise.
        state: `CellState`, u8.
        flags: `CellFlag` bits, u8.
        node: NUMA node, u8, `UNKNOWN_NODE` where it could not be told.
    """

    mapped_pages: U32
    mapcount: U16
    mappers: U16
    state: U8
    flags: U8
    node: U8

    def __len__(self) -> int:
        return len(self.state)

    @classmethod
    def holes(cls, count: int) -> Cells:
        """`count` cells that map nothing."""
        return cls(
            mapped_pages=np.zeros(count, np.uint32),
            mapcount=np.full(count, UNKNOWN_COUNT, np.uint16),
            mappers=np.full(count, UNKNOWN_COUNT, np.uint16),
            state=np.zeros(count, np.uint8),
            flags=np.zeros(count, np.uint8),
            node=np.full(count, UNKNOWN_NODE, np.uint8),
        )

    def view(self, part: slice) -> Cells:
        """Neighbouring cells, in the same memory."""
        return Cells(**{name: getattr(self, name)[part] for name in _COLUMNS})

    def take(self, index: npt.NDArray[np.integer] | slice) -> Cells:
        """The cells at `index`, copied."""
        return Cells(**{name: getattr(self, name)[index].copy() for name in _COLUMNS})

    def repeated(self, counts: npt.NDArray[np.integer]) -> Cells:
        """Each cell as often as `counts` says."""
        return Cells(**{name: np.repeat(getattr(self, name), counts) for name in _COLUMNS})

    def copy(self) -> Cells:
        """The same cells in arrays of their own."""
        return self.take(slice(None))

    def replaced(self, index: npt.NDArray[np.integer], values: Cells) -> Cells:
        """These cells with those at `index` taken from `values`; copies, never writes in place."""
        out = self.copy()
        for name in _COLUMNS:
            getattr(out, name)[index] = getattr(values, name)
        return out

    def differing(self, other: Cells) -> npt.NDArray[np.intp]:
        """Indices at which any column differs from `other`, which must be as long."""
        changed = np.zeros(len(self), np.bool_)
        for name in _COLUMNS:
            changed |= getattr(self, name) != getattr(other, name)
        return np.flatnonzero(changed)

    def run_starts(self, beside: U32 | None = None) -> npt.NDArray[np.intp]:
        """Index of the first cell of every run of equal neighbours; empty for no cells.

        A run ends too where `beside`, one more column, differs.
        """
        count = len(self)
        if count == 0:
            return np.empty(0, np.intp)
        edge = np.zeros(count, np.bool_)
        edge[0] = True
        columns = [getattr(self, name) for name in _COLUMNS]
        for column in columns if beside is None else [*columns, beside]:
            edge[1:] |= column[1:] != column[:-1]
        return np.flatnonzero(edge)

    def state_counts(self) -> list[int]:
        """Cells in each state, indexed by `CellState`."""
        return [int(n) for n in np.bincount(self.state, minlength=len(CellState))]


_COLUMNS: Final = tuple(column.name for column in fields(Cells))
