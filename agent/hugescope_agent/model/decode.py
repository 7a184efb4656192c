"""From pagemap entries to cells: pure arithmetic on arrays.

Mainline hugetlb entries agree over a huge page, so one word a cell tells all. Under HGM (VmFlags
hm) each 4 KiB has its own entry, and a huge page that is present in full looks the same whether one
entry maps it or 512 do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.pagemap import (
    EXCLUSIVE_BIT,
    FILE_BIT,
    PAGE_IS_PRESENT,
    PAGE_IS_SWAPPED,
    PAGE_IS_WRITTEN,
    PFN_MASK,
    PRESENT_BIT,
    UFFD_WP_BIT,
)
from hugescope_wire.cells import PAGE_BYTES, U8, U32, CellFlag, CellState
from hugescope_wire.levels import PMD_BYTES

Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

CHUNK_PAGES: Final = PMD_BYTES // PAGE_BYTES

_PFN: Final = np.uint64(PFN_MASK)
_MAPPED: Final = np.uint8(CellState.MAPPED)
_MARKER: Final = np.uint8(CellState.MARKER)
_EXCLUSIVE: Final = np.uint8(CellFlag.EXCLUSIVE)
_WRITE_PROTECTED: Final = np.uint8(CellFlag.WRITE_PROTECTED)
_SHARED_TABLE: Final = np.uint8(CellFlag.SHARED_TABLE)
_OF_TABLE: Final = np.uint8(CellFlag.SHARED_TABLE | CellFlag.INFERRED)


@dataclass(frozen=True, slots=True)
class Chunks:
    """The 2 MiB chunks of each cell, u32[cells]; a smaller huge page is one chunk.

    Attributes:
        full: chunks that are present in full.
        stray_pages: present 4 KiB pages of the chunks that are not.
    """

    full: U32
    stray_pages: U32


@dataclass(frozen=True, slots=True)
class Decoded:
    """Columns over the cells decoded, all of one length.

    Attributes:
        head_pfn: of the huge page's first 4 KiB, u64; 0 where nothing is present or PFNs are
            hidden.
        of_file: what is present is the file's page, not a private copy of it.
    """

    state: U8
    mapped_pages: U32
    flags: U8
    head_pfn: Words
    of_file: Mask

    def put(self, index: npt.NDArray[np.intp], values: Decoded) -> None:
        """Write other cells over those at `index`, in place."""
        for column in fields(Decoded):
            getattr(self, column.name)[index] = getattr(values, column.name)


Columns = TypeVar("Columns", Decoded, Chunks)


def joined(parts: Sequence[Columns]) -> Columns:
    """The columns of neighbouring cells, one after the other."""
    names = [column.name for column in fields(parts[0])]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return type(parts[0])(**columns)


def decode_heads(words: Words, page_size: int) -> Decoded:
    """Cells of a mainline mapping from the first pagemap entry of each, u64[cells]."""
    present = _bit(words, PRESENT_BIT)
    protected = _bit(words, UFFD_WP_BIT)
    exclusive = present & _bit(words, EXCLUSIVE_BIT)
    # Typed scalars: most mappings are small, and finding a common type is most of their cost.
    return Decoded(
        np.where(present, _MAPPED, protected * _MARKER),
        present * np.uint32(page_size // PAGE_BYTES),
        exclusive * _EXCLUSIVE | protected * _WRITE_PROTECTED,
        (words & _PFN) * present,
        present & _bit(words, FILE_BIT),
    )


def seen_heads(pfns: Words, categories: U8, page_size: int) -> Decoded:
    """Present cells of a shared mapping whose pages were seen in another one: the entry's own
    write-protect bit is in the scan's categories.
    """
    return Decoded(
        np.full(len(pfns), _MAPPED),
        np.full(len(pfns), np.uint32(page_size // PAGE_BYTES)),
        (categories & PAGE_IS_WRITTEN == 0) * _WRITE_PROTECTED,
        pfns,
        np.ones(len(pfns), np.bool_),
    )


def kept_flags(read: U8, before: U8, present: Mask) -> U8:
    """Flags of cells after another reading, with those that it leaves as they are: of the page
    table, which the join finds. What a shared table maps is exclusive to none: Linux 6.1 says
    otherwise of the sharers.
    """
    shared = (before & _SHARED_TABLE != 0) & present
    kept: U8 = (read & ~(shared * _EXCLUSIVE)) | (before & _OF_TABLE) * shared
    return kept


def decode_entries(words: Words) -> Decoded:
    """Cells of an HGM mapping from every pagemap entry, u64[cells, 4 KiB pages a cell].

    A cell is exclusive when all that is present of it is, write-protected when any entry is. Its
    state is `full` where all of it is present, whatever maps it.
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
    of_file: Mask = np.logical_or.reduce(present & _bit(words, FILE_BIT), axis=1)
    return Decoded(state.astype(np.uint8), count, flags.astype(np.uint8), head, of_file)


def chunks_of(words: Words) -> Chunks:
    """Chunks of HGM cells from every pagemap entry, u64[cells, 4 KiB pages a cell]."""
    size = min(words.shape[1], CHUNK_PAGES)
    count = present_mask(words).reshape(-1, size).sum(axis=1, dtype=np.uint32)
    count = count.reshape(len(words), -1)
    full = count == size
    return Chunks(
        full.sum(axis=1, dtype=np.uint32), np.where(full, 0, count).sum(axis=1, dtype=np.uint32)
    )


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
    mask: Mask = words & np.uint64(1 << bit) != 0
    return mask
