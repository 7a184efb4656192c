"""Which page-table level maps the bytes of a mapping: for mainline hugetlb that of its page size,
always; for transparent huge pages as the states tell.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_wire.cells import PAGE_BYTES, U8, U32, CellFlag, CellState
from hugescope_wire.snapshot import LevelBytes

HGM_FLAG: Final = "hm"
"""VmFlags of a mapping whose huge pages may be mapped in parts."""

PMD_BYTES: Final = 1 << 21
PUD_BYTES: Final = 1 << 30
"""x86-64, and arm64 with 4 KiB base pages."""


def mainline_levels(page_size: int, mapped_pages: U32) -> LevelBytes:
    """Bytes at each level of a mapping whose huge pages are mapped whole or not at all."""
    total = int(mapped_pages.sum(dtype=np.uint64)) * PAGE_BYTES
    return LevelBytes(
        pud=total if page_size >= PUD_BYTES else 0,
        pmd=total if PMD_BYTES <= page_size < PUD_BYTES else 0,
        pte=total if page_size < PMD_BYTES else 0,
    )


def thp_levels(state: U8, mapped_pages: U32) -> LevelBytes:
    """Bytes at each level of a THP mapping: `mapped` cells have a PMD, all others PTEs."""
    by_pmd = int(mapped_pages[state == CellState.MAPPED].sum(dtype=np.uint64)) * PAGE_BYTES
    total = int(mapped_pages.sum(dtype=np.uint64)) * PAGE_BYTES
    return LevelBytes(pud=0, pmd=by_pmd, pte=total - by_pmd)


def thp_undecided(state: U8, flags: U8) -> bool:
    """Whether the cells of a THP mapping leave open what a PMD maps: full ones, and holes that are
    only inferred because a capture holds no entries there.
    """
    return bool(((state == CellState.FULL) | _unseen(state, flags)).any())


def not_captured(state: U8, flags: U8) -> bool:
    """Whether all cells of a mapping are holes only because a capture holds no entries of it."""
    return bool(_unseen(state, flags).all())


def _unseen(state: U8, flags: U8) -> npt.NDArray[np.bool_]:
    unseen: npt.NDArray[np.bool_] = (state == CellState.HOLE) & (flags & CellFlag.INFERRED != 0)
    return unseen
