"""Pages of shared files whose PFN is known in this look: another mapping need not be asked for it.

A shared mapping's entry holds the file's own page, whoever maps it: copies on write exist in
private mappings only. So a present cell of a shared mapping shows the page that was read, a moment
ago, through another mapping of the same file at the same offset. What was read in an earlier look
is forgotten, for a page may be punched out of a file and another put in its place.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.mapping import Index

_MOST_PAGES: Final = 1 << 22
"""Of one file, from the first to the last one noted: 8 TiB of 2 MiB pages, a table of 32 MiB."""

Pfns = npt.NDArray[np.uint64]
File = tuple[tuple[int, int], int]


class SeenPages:
    """Head PFNs by file and offset. All mappings asked about are shared ones."""

    def __init__(self) -> None:
        self._tables: dict[File, tuple[int, Pfns]] = {}

    def forget(self) -> None:
        """A new look begins."""
        self._tables.clear()

    def of(self, vma: HugeVma, index: Index) -> Pfns:
        """The head PFN behind each cell, u64 of the same length; 0 where it was not seen."""
        found = np.zeros(len(index), np.uint64)
        known = self._tables.get((vma.device, vma.inode))
        if known is None:
            return found
        base, table = known
        at = index + (vma.offset // vma.page_size - base)
        inside = (at >= 0) & (at < len(table))
        found[inside] = table[at[inside]]
        return found

    def note(self, vma: HugeVma, index: Index, pfns: Pfns) -> None:
        """These cells, rising, were read; 0 is a hidden PFN, or a page that left."""
        if not len(index):
            return
        pages = index + vma.offset // vma.page_size
        first, last = int(pages[0]), int(pages[-1]) + 1
        key = (vma.device, vma.inode)
        base, table = self._tables.get(key, (first, np.empty(0, np.uint64)))
        low, high = min(first, base), max(last, base + len(table))
        if high - low > _MOST_PAGES:
            return
        if high - low > len(table):
            grown = np.zeros(high - low, np.uint64)
            grown[base - low : base - low + len(table)] = table
            self._tables[key] = (low, grown)
            base, table = low, grown
        table[pages - base] = pfns
