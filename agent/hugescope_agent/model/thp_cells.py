"""Cells of a THP mapping from what pagemap, kpageflags and PAGEMAP_SCAN say: pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.folios import PMD_ORDER, PMD_PAGES, Folios
from hugescope_agent.kernel.pagemap import (
    EXCLUSIVE_BIT,
    PAGE_IS_HUGE,
    PFN_MASK,
    PRESENT_BIT,
    UFFD_WP_BIT,
)
from hugescope_agent.kernel.vma import HugeVma
from hugescope_wire.cells import U8, U16, U32, CellFlag, CellState

ORDERS: Final = PMD_ORDER + 1
"""Base pages, and folios of 2 to 512 pages."""

_SWAP_BIT: Final = 62
_GUARD_BIT: Final = 58
_SWAP_TYPES: Final = 32
_FIRST_SPECIAL_TYPE: Final = 23
"""Of the 32 swap types those from here on are poison, migration and markers (MAX_SWAPFILES)."""

_MARKER_TYPE: Final = 31

Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ThpCells:
    """What was read of some cells: columns as in `Cells`, and those of `ThpMapping`, of one length.

    Attributes:
        count_pfn: the page whose mapcount stands for the cell, the first that is of a folio of a
            PMD's size, u64; 0: none does.
        head_pfn, last_pfn: where the first and the last of its folios of a PMD's size begin, u64;
            0: there is none, or it is not known.
    """

    state: U8
    mapped_pages: U32
    flags: U8
    count_pfn: Words
    head_pfn: Words
    last_pfn: Words
    folio_pages: U16
    swapped: U16
    lost: U16
    zero_huge: Mask


def classify(words: Words, folios: Folios | None) -> ThpCells:
    """Cells from their pagemap entries, u64[cells, PMD_PAGES], 0 outside of the VMA.

    None of them is known to be mapped by a PMD, so what may be is `full`. `folios` is of the
    present entries in order (see `present_pfns`); None where PFNs or flags cannot be read: what
    then follows from contiguity or from nothing at all is marked inferred.
    """
    present = bit(words, PRESENT_BIT)
    count = present.sum(axis=1, dtype=np.uint32)
    protected = bit(words, UFFD_WP_BIT)
    swapped, lost = _not_present(words, present)
    if folios is None:
        state, inferred = _without_folios(words, count)
        count_pfn = last_pfn = np.zeros(len(words), np.uint64)
        folio_pages = np.zeros((len(words), ORDERS), np.uint16)
        zero_huge = np.zeros(len(words), np.bool_)
    else:
        state, shown, folio_pages, zero_huge = _with_folios(words, present, count, folios)
        count_pfn, last_pfn = shown
        inferred = np.zeros(len(words), np.bool_)
    marker = (count == 0) & (protected & ~swapped & ~lost).any(axis=1)
    exclusive = (bit(words, EXCLUSIVE_BIT) | ~present).all(axis=1) & (count > 0)
    flags = np.where(exclusive, CellFlag.EXCLUSIVE, 0)
    flags |= np.where(protected.any(axis=1), CellFlag.WRITE_PROTECTED, 0)
    flags |= np.where(inferred, CellFlag.INFERRED, 0)
    return ThpCells(
        np.where(marker, CellState.MARKER, state).astype(np.uint8),
        count,
        flags.astype(np.uint8),
        count_pfn,
        _head(count_pfn),
        _head(last_pfn),
        folio_pages,
        swapped.sum(axis=1, dtype=np.uint16),
        lost.sum(axis=1, dtype=np.uint16),
        zero_huge,
    )


def classify_huge(words: Words, zero: Mask, folios_known: bool) -> ThpCells:
    """Cells that a scan found mapped by a PMD, from the first entry of each, u64[cells]."""
    pfn = words & np.uint64(PFN_MASK)
    folio_pages = np.zeros((len(words), ORDERS), np.uint16)
    if folios_known:
        folio_pages[:, PMD_ORDER] = np.where(zero, 0, PMD_PAGES)
    flags = np.where(bit(words, EXCLUSIVE_BIT), CellFlag.EXCLUSIVE, 0)
    flags |= np.where(bit(words, UFFD_WP_BIT), CellFlag.WRITE_PROTECTED, 0)
    pfn = np.where(zero, np.uint64(0), pfn)
    return ThpCells(
        np.full(len(words), CellState.MAPPED, np.uint8),
        np.full(len(words), PMD_PAGES, np.uint32),
        flags.astype(np.uint8),
        pfn,
        _head(pfn),
        _head(pfn),
        folio_pages,
        np.zeros(len(words), np.uint16),
        np.zeros(len(words), np.uint16),
        zero,
    )


def present_pfns(words: Words) -> Words:
    """The PFNs of the present entries, in order; 0 where they are hidden."""
    pfns: Words = words[bit(words, PRESENT_BIT)] & np.uint64(PFN_MASK)
    return pfns


def _with_folios(
    words: Words, present: Mask, count: U32, folios: Folios
) -> tuple[U8, tuple[Words, Words], U16, Mask]:
    """State, first and last PFN of huge folios, pages by order, and cells of the huge page of
    zeros.
    """
    order = np.zeros(words.shape, np.uint8)
    zero = np.zeros(words.shape, np.bool_)
    back = np.zeros(words.shape, np.uint64)
    order[present], zero[present] = folios.order, folios.zero
    back[present] = present_pfns(words) - folios.head_pfn
    memory = present & ~zero
    huge = memory & (order >= PMD_ORDER)
    huge_count = huge.sum(axis=1)
    # One folio in its own order: entry i shows page i of a folio that is all here.
    in_place = (back == np.arange(PMD_PAGES, dtype=np.uint64)).all(axis=1)
    whole = (huge_count == PMD_PAGES) & in_place & _contiguous(words)
    zero_huge = zero.all(axis=1) & _contiguous(words)
    mixed = huge_count > 0
    state = np.select(
        [whole, zero_huge, mixed & (count == PMD_PAGES), mixed, count > 0],
        [CellState.FULL, CellState.MAPPED, CellState.SPLIT, CellState.PARTIAL, CellState.SMALL],
        CellState.HOLE,
    ).astype(np.uint8)
    rows = np.arange(len(words))
    ends = (huge.argmax(axis=1), PMD_PAGES - 1 - huge[:, ::-1].argmax(axis=1))
    first_pfn, last_pfn = (
        np.where(huge_count > 0, words[rows, at] & np.uint64(PFN_MASK), np.uint64(0)) for at in ends
    )
    cell_of, _ = np.nonzero(memory)
    slots = cell_of * ORDERS + np.minimum(order[memory], PMD_ORDER)
    pages = np.bincount(slots, minlength=len(words) * ORDERS).reshape(-1, ORDERS)
    return state, (first_pfn, last_pfn), pages.astype(np.uint16), zero_huge


def _head(pfns: Words) -> Words:
    """Where the folio of a PMD's size begins that each lies in."""
    heads: Words = pfns - pfns % np.uint64(PMD_PAGES)
    return heads


def _without_folios(words: Words, count: U32) -> tuple[U8, Mask]:
    """State by presence and, where PFNs show, contiguity; which of it is inferred."""
    pfn = words & np.uint64(PFN_MASK)
    visible = (pfn * bit(words, PRESENT_BIT).astype(np.uint64)).any(axis=1)
    all_there = count == PMD_PAGES
    aligned = all_there & _contiguous(words) & (pfn[:, 0] % PMD_PAGES == 0)
    state = np.select(
        [count == 0, aligned | (all_there & ~visible), visible],
        [CellState.HOLE, CellState.FULL, CellState.SMALL],
        CellState.PARTIAL,
    ).astype(np.uint8)
    return state, count > 0


def _contiguous(words: Words) -> Mask:
    pfn = words & np.uint64(PFN_MASK)
    rising: Mask = (pfn == pfn[:, :1] + np.arange(PMD_PAGES, dtype=np.uint64)).all(axis=1)
    return rising & (pfn[:, 0] > 0)


def _not_present(words: Words, present: Mask) -> tuple[Mask, Mask]:
    """Entries of pages in swap, and of pages that are poisoned or migrating; neither are markers
    and guards. Where PFNs are hidden the swap types are too, and nothing counts as lost.
    """
    kind = (words & np.uint64(PFN_MASK)) % np.uint64(_SWAP_TYPES)
    entry = bit(words, _SWAP_BIT) & ~present & ~bit(words, _GUARD_BIT)
    special = kind >= _FIRST_SPECIAL_TYPE
    return entry & ~special, entry & special & (kind != _MARKER_TYPE)


def bit(words: Words, number: int) -> Mask:
    """Which words have this bit."""
    mask: Mask = (words >> np.uint64(number)) & np.uint64(1) != 0
    return mask


def changed_cells(old: bytes, new: bytes, vma: HugeVma) -> Mask:
    """Cells in which two scans of the VMA (see `Scanner.scan`) differ anywhere, bool[cells]."""
    before, after = _ranges(old), _ranges(new)
    borders = np.unique(np.concatenate([before[:, :2].ravel(), after[:, :2].ravel()]))
    differs = _categories_at(before, borders) != _categories_at(after, borders)
    first = borders[:-1][differs[:-1]]
    last = borders[1:][differs[:-1]]
    return _touching(first, last, vma)


def huge_cells(ranges: bytes, vma: HugeVma) -> Mask:
    """Cells that a scan found mapped by a PMD, bool[cells]."""
    rows = _ranges(ranges)
    rows = rows[rows[:, 2] & np.uint64(PAGE_IS_HUGE) != 0]
    return _touching(rows[:, 0], rows[:, 1], vma)


def _ranges(raw: bytes) -> Words:
    return np.frombuffer(raw, np.uint64).reshape(-1, 3)


def _categories_at(rows: Words, addresses: Words) -> Words:
    if not len(rows):
        return np.zeros(len(addresses), np.uint64)
    at = np.searchsorted(rows[:, 0], addresses, side="right") - 1
    inside = (at >= 0) & (addresses < rows[at, 1])
    return np.where(inside, rows[at, 2], np.uint64(0))


def _touching(first_va: Words, last_va: Words, vma: HugeVma) -> Mask:
    """Cells that any of the ranges touches."""
    edges = np.zeros(vma.cell_count + 1, np.int64)
    first = (first_va.astype(np.int64) - vma.first_va) // vma.page_size
    last = -(-(last_va.astype(np.int64) - vma.first_va) // vma.page_size)
    np.add.at(edges, first, 1)
    np.add.at(edges, last, -1)
    touched: Mask = np.cumsum(edges[:-1]) > 0
    return touched
