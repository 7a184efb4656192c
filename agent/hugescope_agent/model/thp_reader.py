"""Reads the cells of one THP mapping: those that a scan shows changed, and any in rotation.

Nothing here joins pages across processes; `thp_join` does, among the processes asked for. No frame
of a hugetlb pool is touched.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.folios import PMD_PAGES, ZERO_PAGE, read_folios
from hugescope_agent.kernel.kpage import KpageFiles
from hugescope_agent.kernel.nodes import NodeMap
from hugescope_agent.kernel.pagemap import PFN_MASK, PRESENT_BIT, Pagemap, Scanner
from hugescope_agent.model.mapping import Index
from hugescope_agent.model.thp import ThpMapping, settle_full, settle_unread
from hugescope_agent.model.thp_cells import (
    ThpCells,
    bit,
    changed_cells,
    classify,
    classify_huge,
    huge_cells,
    present_pfns,
)
from hugescope_agent.model.thp_parts import thp_parts
from hugescope_wire.cells import (
    MAX_COUNT,
    PAGE_BYTES,
    U8,
    U16,
    UNKNOWN_COUNT,
    UNKNOWN_NODE,
    CellFlag,
    Cells,
    CellState,
)
from hugescope_wire.page import PartRun

_BATCH_CELLS: Final = 256
"""Cells read at once: 1 MiB of entries and as much of flags."""

_TRIES: Final = 3
"""Scans of one look; a mapping that changes all the time is looked at again next time."""

_UNSCANNED_EVERY_S: Final = 1.0
"""Without a scan every entry has to be read: as often as smaps, which it is compared with."""

_SCAN_DUTY: Final = 0.02
"""Most of the time that may go into scans of one mapping: 1 GiB of base pages takes 3 ms."""

_NOTHING: Final = np.empty(0, np.intp)

Words = npt.NDArray[np.uint64]


@dataclass(slots=True)
class ThpReader:
    """What reading needs beside the mapping; `scanner` and `kpage` are None where there is none.

    `live`: a kernel answers; in a captured tree entries may be missing that were never captured.
    """

    scanner: Scanner | None
    kpage: KpageFiles | None
    nodes: NodeMap
    live: bool
    saw_pfn: bool = False

    def look(self, mapping: ThpMapping, pagemap: Pagemap, now_s: float) -> Index:
        """Find and read what changed; the indices of cells whose columns differ now.

        Raises:
            ProcessError, BadCapture: as the files answer.
        """
        if self.scanner is None:
            return self._look_at_all(mapping, pagemap, now_s)
        if now_s < mapping.look_due_s:
            return _NOTHING
        vma, spent_s = mapping.vma, 0.0
        changed = [_NOTHING]
        for _ in range(_TRIES):
            begin_s = time.thread_time()
            ranges = pagemap.scan(self.scanner, vma.start, vma.end)
            spent_s = max(spent_s, time.thread_time() - begin_s)
            dirty, mapping.recheck = mapping.recheck, np.zeros(vma.cell_count, np.bool_)
            if ranges != mapping.ranges:
                dirty |= changed_cells(mapping.ranges or b"", ranges, vma)
                mapping.ranges, mapping.huge = ranges, huge_cells(ranges, vma)
            if not dirty.any():
                break
            changed.append(self.read(mapping, pagemap, np.flatnonzero(dirty)))
        mapping.look_due_s = now_s + spent_s / _SCAN_DUTY
        return np.unique(np.concatenate(changed))

    def read(self, mapping: ThpMapping, pagemap: Pagemap, index: Index) -> Index:
        """Read the cells at `index` again; the indices of those whose columns differ now."""
        changed = [_NOTHING]
        huge = index[mapping.huge[index]]
        if len(huge):
            by_pmd, left = self._read_huge(mapping, pagemap, huge)
            changed.append(by_pmd)
            index = np.concatenate([index[~mapping.huge[index]], left])
            index.sort()
        for first in range(0, len(index), _BATCH_CELLS):
            changed.append(
                self._read_entries(mapping, pagemap, index[first : first + _BATCH_CELLS])
            )
        return np.unique(np.concatenate(changed))

    def parts(self, mapping: ThpMapping, pagemap: Pagemap, cell: int) -> list[PartRun]:
        """The 4 KiB entries of a cell as they are now; errors as in `look`."""
        words = _entries(mapping, pagemap, np.array([cell]))[0]
        pfns = present_pfns(words)
        known = self.kpage is not None and bool(pfns.all())
        folios = read_folios(self.kpage, pfns) if self.kpage is not None and known else None
        state = CellState(int(mapping.cells.state[cell]))
        inferred = bool(mapping.cells.flags[cell] & CellFlag.INFERRED)
        return thp_parts(words, folios, state, inferred=inferred)

    def counted(self, heads: Iterable[int]) -> int | None:
        """The kernel's counts of all 4 KiB of these folios of a PMD's size, summed up; None where
        they cannot be read.

        Raises:
            BadCapture: as the file answers.
        """
        if self.kpage is None:
            return None
        return sum(int(self.kpage.counts_in(head, PMD_PAGES).sum()) for head in heads)

    def _look_at_all(self, mapping: ThpMapping, pagemap: Pagemap, now_s: float) -> Index:
        """Every entry, then what smaps leaves of cells that a PMD may map."""
        last_s, smaps = mapping.read_at_s, mapping.smaps
        fresh = last_s is not None and (not self.live or now_s - last_s < _UNSCANNED_EVERY_S)
        if fresh and smaps is mapping.smaps_read:
            return _NOTHING
        before = mapping.cells.copy()
        self.read(mapping, pagemap, np.arange(mapping.vma.cell_count))
        cells = mapping.cells
        mapping.read_at_s, mapping.smaps_read = now_s, smaps
        counted = 0 if smaps is None else smaps.rss_bytes or 0
        empty = not cells.mapped_pages.any() and not mapping.swapped.any()
        mapping.unread = not self.live and empty and counted > 0
        if mapping.unread:
            settle_unread(mapping)
        else:
            mapping.pmd_known = settle_full(cells.state, cells.flags, smaps)
        return before.differing(cells)

    def _read_huge(
        self, mapping: ThpMapping, pagemap: Pagemap, index: Index
    ) -> tuple[Index, Index]:
        """Cells mapped by a PMD, which one entry tells of; and those that are no longer."""
        vma = mapping.vma
        words = pagemap.words_at(vma.first_va + index * vma.page_size)
        pfn = words & np.uint64(PFN_MASK)
        stands = bit(words, PRESENT_BIT) & (pfn % PMD_PAGES == 0)
        mapping.recheck[index[~stands]] = True
        kept, words = index[stands], words[stands]
        known = self.kpage is not None and bool(pfn[stands].all())
        zero = np.zeros(len(kept), np.bool_)
        if self.kpage is not None and known and len(kept):
            zero = self.kpage.flags(pfn[stands]) & ZERO_PAGE != 0
        elif len(kept):
            mapping.folios_known = False
        node = self.nodes.of(pfn[stands])
        node[(pfn[stands] == 0) | zero] = UNKNOWN_NODE
        changed = self._store(mapping, kept, classify_huge(words, zero, known), node)
        return changed, index[~stands]

    def _read_entries(self, mapping: ThpMapping, pagemap: Pagemap, index: Index) -> Index:
        words = _entries(mapping, pagemap, index)
        pfns = present_pfns(words)
        folios = None
        if self.kpage is not None and bool(pfns.all()):
            folios = read_folios(self.kpage, pfns)
        elif len(pfns):
            mapping.folios_known = False
        found = classify(words, folios)
        node = self._nodes(
            words, pfns, np.zeros(len(pfns), np.bool_) if folios is None else folios.zero
        )
        if self.scanner is not None and folios is not None:
            # What a PMD maps was told apart by the scan.
            found.state[found.state == CellState.FULL] = CellState.SPLIT
        return self._store(mapping, index, found, node)

    def _nodes(self, words: Words, pfns: Words, zero: npt.NDArray[np.bool_]) -> U8:
        """The node that all pages of a cell are on; unknown where they are on several."""
        present = bit(words, PRESENT_BIT)
        known = np.zeros(words.shape, np.bool_)
        known[present] = (pfns > 0) & ~zero
        node = np.zeros(words.shape, np.uint8)
        node[known] = self.nodes.of(words[known] & np.uint64(PFN_MASK))
        lowest = np.where(known, node, np.uint8(UNKNOWN_NODE)).min(axis=1)
        same = known.any(axis=1) & (node.max(axis=1) == lowest)
        return np.where(same, lowest, np.uint8(UNKNOWN_NODE)).astype(np.uint8)

    def _mapcounts(self, pfns: Words) -> U16:
        """The kernel's count of each page; unknown for PFN 0 and for a count of 0."""
        counts = np.full(len(pfns), UNKNOWN_COUNT, np.uint16)
        known = np.flatnonzero(pfns)
        if len(known):
            self.saw_pfn = True
        if self.kpage is not None and len(known):
            values = np.minimum(self.kpage.counts(pfns[known]), MAX_COUNT).astype(np.uint16)
            counts[known] = np.where(values > 0, values, np.uint16(UNKNOWN_COUNT))
        return counts

    def _store(self, mapping: ThpMapping, index: Index, found: ThpCells, node: U8) -> Index:
        cells = mapping.cells
        stays = (mapping.head_pfn[index] == found.head_pfn) & (
            mapping.last_pfn[index] == found.last_pfn
        )
        mappers = np.where(stays, cells.mappers[index], np.uint16(UNKNOWN_COUNT))
        mapping.head_pfn[index], mapping.last_pfn[index] = found.head_pfn, found.last_pfn
        mapping.heads_moved |= not stays.all()
        mapcount = self._mapcounts(found.count_pfn)
        new = Cells(found.mapped_pages, mapcount, mappers, found.state, found.flags, node)
        differs = np.zeros(len(index), np.bool_)
        for column in fields(Cells):
            before, after = getattr(cells, column.name), getattr(new, column.name)
            differs |= before[index] != after
            before[index] = after
        mapping.folio_pages[index] = found.folio_pages
        mapping.swapped[index] = found.swapped
        mapping.lost[index] = found.lost
        mapping.zero_huge[index] = found.zero_huge
        return index[differs]


def _entries(mapping: ThpMapping, pagemap: Pagemap, index: Index) -> Words:
    """The entries of whole cells, u64[cells, PMD_PAGES]; 0 where the VMA does not reach."""
    vma = mapping.vma
    words = np.zeros((len(index), PMD_PAGES), np.uint64)
    flat = words.ravel()
    breaks = np.flatnonzero(np.diff(index) != 1) + 1
    for rows in np.split(np.arange(len(index)), breaks):
        if not len(rows):
            continue
        begin = vma.first_va + int(index[rows[0]]) * vma.page_size
        first = max(begin, vma.start)
        last = min(begin + len(rows) * vma.page_size, vma.end)
        at = int(rows[0]) * PMD_PAGES + (first - begin) // PAGE_BYTES
        found = pagemap.words_in(first, last, padded=True)
        flat[at : at + len(found)] = found
    return words
