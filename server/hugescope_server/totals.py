"""Cells of a mapping by state, kept up with its changes: half a million are never counted again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hugescope_wire.cells import PAGE_BYTES, CellFlag, Cells, CellState
from hugescope_wire.host import MappingInfo
from hugescope_wire.levels import HGM_FLAG, PMD_BYTES, PUD_BYTES
from hugescope_wire.snapshot import LevelBytes

Sums = npt.NDArray[np.int64]


class Totals:
    """The top of the pyramid: sums over all cells of one mapping."""

    def __init__(self, cells: Cells) -> None:
        self._sums = _sums_of(cells)
        self._count = len(cells)

    def replace(self, old: Cells, new: Cells) -> None:
        """Cells that were `old` are `new` now."""
        self._sums = self._sums + _sums_of(new) - _sums_of(old)

    @property
    def state_counts(self) -> list[int]:
        """Cells in each state, indexed by `CellState`."""
        counts: list[int] = self._sums[0].tolist()
        return counts

    @property
    def state_pages(self) -> list[int]:
        """Present 4 KiB pages of the cells in each state, indexed by `CellState`."""
        pages: list[int] = self._sums[1].tolist()
        return pages

    @property
    def mapped_bytes(self) -> int:
        """Present bytes of all cells."""
        return int(self._sums[1].sum()) * PAGE_BYTES

    def levels(self, info: MappingInfo) -> LevelBytes:
        """Bytes at each level, equal to what `hugescope_wire.picture.levels_now` finds in the cells
        themselves.
        """
        counts, pages, inferred = self._sums
        unseen, total = int(inferred[CellState.HOLE]), self.mapped_bytes
        if info.kind == "thp":
            if counts[CellState.FULL] or unseen:
                return info.level_bytes
            by_pmd = int(pages[CellState.MAPPED]) * PAGE_BYTES
            return LevelBytes(pud=0, pmd=by_pmd, pte=total - by_pmd)
        if HGM_FLAG in (info.vm_flags or ()) or unseen == self._count:
            return info.level_bytes
        size = info.page_size
        return LevelBytes(
            pud=total if size >= PUD_BYTES else 0,
            pmd=total if PMD_BYTES <= size < PUD_BYTES else 0,
            pte=total if size < PMD_BYTES else 0,
        )


def _sums_of(cells: Cells) -> Sums:
    """By state: cells, their present 4 KiB pages, and how many of them are inferred."""
    states = len(CellState)
    inferred = cells.flags & CellFlag.INFERRED != 0
    return np.array(
        [
            np.bincount(cells.state, minlength=states),
            np.bincount(cells.state, cells.mapped_pages, states),
            np.bincount(cells.state[inferred], minlength=states),
        ],
        np.int64,
    )
