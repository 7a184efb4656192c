"""Which page-table level maps the bytes of an HGM mapping, and what that says of its cells.

HGM kernels print HugetlbPudMapped, HugetlbPmdMapped and HugetlbPteMapped in smaps; against what
pagemap shows present they give the number of pages that are present in full and still split, though
not which.
"""

from __future__ import annotations

import numpy as np

from hugescope_agent.kernel.smaps import SmapsVma
from hugescope_wire.cells import PAGE_BYTES, U8, U32, CellState
from hugescope_wire.levels import PUD_BYTES
from hugescope_wire.snapshot import LevelBytes


def hgm_levels(smaps: SmapsVma | None) -> LevelBytes:
    """Bytes at each level of an HGM mapping, as its smaps says; null where smaps does not."""
    if smaps is None:
        return LevelBytes(pud=None, pmd=None, pte=None)
    return LevelBytes(
        pud=smaps.pud_mapped_bytes, pmd=smaps.pmd_mapped_bytes, pte=smaps.pte_mapped_bytes
    )


def settle_full(state: U8, mapped_pages: U32, smaps: SmapsVma, page_size: int) -> U8:
    """States with `full` made `mapped` or `split` where smaps leaves only that; else as they were.

    The kernel counts split pages for the mapping as a whole, so this decides all of its full cells
    or none.
    """
    full = state == CellState.FULL
    count = int(full.sum())
    split = _split_cells(state, mapped_pages, smaps, page_size, count)
    if count == 0 or split not in (0, count):
        return state
    settled = state.copy()
    settled[full] = CellState.MAPPED if split == 0 else CellState.SPLIT
    return settled


def _split_cells(
    state: U8, mapped_pages: U32, smaps: SmapsVma, page_size: int, full: int
) -> int | None:
    """Cells in full by smaller entries; None where smaps and pagemap do not fit together."""
    if page_size >= PUD_BYTES:
        whole = smaps.pud_mapped_bytes
        if whole is None or whole % page_size or whole // page_size > full:
            return None
        return full - whole // page_size
    if smaps.pte_mapped_bytes is None:
        return None
    partial = mapped_pages[state == CellState.PARTIAL].sum(dtype=np.uint64)
    split_bytes = smaps.pte_mapped_bytes - int(partial) * PAGE_BYTES
    if split_bytes % page_size or not 0 <= split_bytes // page_size <= full:
        return None
    return split_bytes // page_size
