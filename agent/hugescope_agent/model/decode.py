"""From pagemap entries to cells: pure arithmetic on arrays.

Mainline hugetlb entries agree over a huge page, so one word a cell tells all. Under HGM (VmFlags
hm) each 4 KiB has its own entry, and a huge page that is present in full looks the same whether one
entry maps it or 512 do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.pagemap import (
    EXCLUSIVE_BIT,
    PAGE_IS_PRESENT,
    PAGE_IS_SWAPPED,
    PAGE_IS_WRITTEN,
    PFN_MASK,
    PRESENT_BIT,
    UFFD_WP_BIT,
)
from hugescope_wire.cells import PAGE_BYTES, U8, U32, CellFlag, CellState

Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

_ONE: Final = np.uint64(1)
_PFN: Final = np.uint64(PFN_MASK)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Columns over the cells decoded, all of one length.

    Attributes:
        head_pfn: of the huge page's first 4 KiB, u64; 0 where nothing is present or PFNs are
            hidden.
    """

    state: U8
    mapped_pages: U32
    flags: U8
    head_pfn: Words


def decode_heads(words: Words, page_size: int) -> Decoded:
    """Cells of a mainline mapping from the first pagemap entry of each, u64[cells]."""
    present = _bit(words, PRESENT_BIT)
    protected = _bit(words, UFFD_WP_BIT)
    state = np.where(present, CellState.MAPPED, np.where(protected, CellState.MARKER, 0))
    flags = np.where(present & _bit(words, EXCLUSIVE_BIT), CellFlag.EXCLUSIVE, 0)
    flags |= np.where(protected, CellFlag.WRITE_PROTECTED, 0)
    return Decoded(
        state.astype(np.uint8),
        np.where(present, page_size // PAGE_BYTES, 0).astype(np.uint32),
        flags.astype(np.uint8),
        np.where(present, words & _PFN, np.uint64(0)),
    )


def decode_entries(words: Words) -> Decoded:
    """Cells of an HGM mapping from every pagemap entry, u64[cells, 4 KiB pages a cell].

    A cell is exclusive when all that is present of it is, write-protected when any entry is.
    """
    present = _bit(words, PRESENT_BIT)
    protected = _bit(words, UFFD_WP_BIT).any(axis=1)
    count = present.sum(axis=1, dtype=np.uint32)
    pages = words.shape[1]
    state = np.select(
        [count == pages, count > 0, protected],
        [CellState.FULL, CellState.PARTIAL, CellState.MARKER],
        CellState.HOLE,
    )
    exclusive = (_bit(words, EXCLUSIVE_BIT) | ~present).all(axis=1) & (count > 0)
    flags = np.where(exclusive, CellFlag.EXCLUSIVE, 0)
    flags |= np.where(protected, CellFlag.WRITE_PROTECTED, 0)
    first = present.argmax(axis=1)
    pfn = words[np.arange(len(words)), first] & _PFN
    head = np.where((count > 0) & (pfn > 0), pfn - first.astype(np.uint64), np.uint64(0))
    return Decoded(state.astype(np.uint8), count, flags.astype(np.uint8), head)


def present_mask(words: Words) -> Mask:
    """Which pagemap entries are present."""
    return _bit(words, PRESENT_BIT)


def is_present(categories: U8) -> Mask:
    """Cells that PAGEMAP_SCAN found present."""
    mask: Mask = (categories & PAGE_IS_PRESENT) != 0
    return mask


def is_marker(categories: U8) -> Mask:
    """Cells with only a uffd write-protect marker: swapped and not written, by PAGEMAP_SCAN."""
    kind = categories & (PAGE_IS_PRESENT | PAGE_IS_SWAPPED | PAGE_IS_WRITTEN)
    mask: Mask = kind == PAGE_IS_SWAPPED
    return mask


def is_suspect(categories: U8) -> Mask:
    """Cells poisoned or migrating: swapped and written, by PAGEMAP_SCAN. pagemap shows them as
    holes.
    """
    kind = categories & (PAGE_IS_PRESENT | PAGE_IS_SWAPPED | PAGE_IS_WRITTEN)
    mask: Mask = kind == PAGE_IS_SWAPPED | PAGE_IS_WRITTEN
    return mask


def _bit(words: Words, bit: int) -> Mask:
    mask: Mask = (words >> np.uint64(bit)) & _ONE != 0
    return mask
