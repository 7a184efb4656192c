"""Reads the cells of one mapping: what changed at once, the rest in rotation."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.kpage import KPF_HWPOISON, KpageFiles
from hugescope_agent.kernel.nodes import NodeMap
from hugescope_agent.kernel.pagemap import Pagemap, Scanner, cell_categories
from hugescope_agent.model.decode import (
    Decoded,
    decode_entries,
    decode_heads,
    is_marker,
    is_present,
    is_suspect,
    present_mask,
)
from hugescope_agent.model.join import Mappers
from hugescope_agent.model.levels import settle_full
from hugescope_agent.model.mapping import Index, Suspect, TrackedMapping
from hugescope_wire.cells import (
    MAX_COUNT,
    PAGE_BYTES,
    U16,
    UNKNOWN_COUNT,
    UNKNOWN_NODE,
    CellFlag,
    Cells,
    CellState,
)

MIGRATION_S: Final = 1.0
"""A page that is neither present nor gone for longer is poisoned: copying 1 GiB takes less."""

_BATCH_ENTRIES: Final = 1 << 20
"""pagemap entries of an HGM mapping held at once: 8 MiB."""

NOTHING: Final = np.empty(0, np.intp)


@dataclass(slots=True)
class CellReader:
    """What reading cells needs beside the mapping; `scanner` and `kpage` are None where there is
    none.
    """

    scanner: Scanner | None
    kpage: KpageFiles | None
    nodes: NodeMap
    mappers: Mappers
    saw_pfn: bool = False

    def look(self, mapping: TrackedMapping, pagemap: Pagemap, now_s: float) -> Index:
        """Find and read what changed; the indices of cells whose columns differ now.

        Raises:
            ProcessError, BadCapture: as the files answer.
        """
        if mapping.hgm:
            return self._look_at_entries(mapping, pagemap)
        if self.scanner is None:
            return self.read(mapping, pagemap, np.arange(mapping.vma.cell_count))
        vma = mapping.vma
        ranges = pagemap.scan(self.scanner, vma.start, vma.end)
        changed = NOTHING
        if ranges != mapping.ranges:
            categories = cell_categories(ranges, vma.start, vma.page_size, vma.cell_count)
            dirty = np.flatnonzero(categories != mapping.categories)
            mapping.ranges, mapping.categories = ranges, categories
            for cell in dirty[is_suspect(categories[dirty])].tolist():
                mapping.suspects[cell] = Suspect(now_s, int(mapping.head_pfn[cell]))
            changed = self.read(mapping, pagemap, dirty)
        if mapping.suspects:
            changed = np.union1d(changed, self._judge(mapping, now_s))
        return changed

    def read(self, mapping: TrackedMapping, pagemap: Pagemap, index: Index) -> Index:
        """Read the cells at `index` again; the indices of those whose columns differ now."""
        if self.scanner is None:
            decoded = self._heads(mapping, pagemap, index)
        else:
            decoded = self._by_category(mapping, pagemap, index)
        return self._store(mapping, index, decoded, self._mapcounts(decoded.head_pfn))

    def _heads(self, mapping: TrackedMapping, pagemap: Pagemap, index: Index) -> Decoded:
        vma = mapping.vma
        words = pagemap.words_at(vma.start + index * vma.page_size)
        return decode_heads(words, vma.page_size)

    def _by_category(self, mapping: TrackedMapping, pagemap: Pagemap, index: Index) -> Decoded:
        """Only cells that the scan found present have an entry worth a read."""
        categories = mapping.categories[index]
        present = np.flatnonzero(is_present(categories))
        heads = self._heads(mapping, pagemap, index[present])
        left = index[present[heads.state != CellState.MAPPED]]
        if len(left):
            # It left since the scan, and may be back before the next, which would look the same.
            mapping.categories[left] = 0
            mapping.ranges = None
        if len(present) == len(index):
            return heads
        suspect, marker = is_suspect(categories), is_marker(categories)
        state = np.select([suspect, marker], [CellState.MIGRATING, CellState.MARKER], 0)
        flags = np.select([suspect, marker], [CellFlag.INFERRED, CellFlag.WRITE_PROTECTED], 0)
        whole = Decoded(
            state.astype(np.uint8),
            np.zeros(len(index), np.uint32),
            flags.astype(np.uint8),
            np.zeros(len(index), np.uint64),
        )
        for column in fields(Decoded):
            getattr(whole, column.name)[present] = getattr(heads, column.name)
        return whole

    def _mapcounts(self, pfns: npt.NDArray[np.uint64]) -> U16:
        """The kernel's count of each head PFN; unknown for PFN 0 and for a count of 0.

        A page that was present a moment ago and now counts 0 was freed between the two reads.
        """
        counts = np.full(len(pfns), UNKNOWN_COUNT, np.uint16)
        known = np.flatnonzero(pfns)
        if len(known):
            self.saw_pfn = True
        if self.kpage is None or not len(known):
            return counts
        values = np.minimum(self.kpage.counts(pfns[known]), MAX_COUNT).astype(np.uint16)
        counts[known] = np.where(values > 0, values, np.uint16(UNKNOWN_COUNT))
        return counts

    def _store(
        self, mapping: TrackedMapping, index: Index, decoded: Decoded, mapcount: U16
    ) -> Index:
        cells = mapping.cells
        node = self.nodes.of(decoded.head_pfn)
        node[decoded.head_pfn == 0] = UNKNOWN_NODE
        self.mappers.replace(mapping.head_pfn[index], decoded.head_pfn)
        mapping.head_pfn[index] = decoded.head_pfn
        present = decoded.mapped_pages > 0
        mappers = np.where(present, cells.mappers[index], np.uint16(UNKNOWN_COUNT))
        new = Cells(decoded.mapped_pages, mapcount, mappers, decoded.state, decoded.flags, node)
        differs = np.zeros(len(index), np.bool_)
        for column in fields(Cells):
            before, after = getattr(cells, column.name), getattr(new, column.name)
            differs |= before[index] != after
            before[index] = after
        if differs.any():
            mapping.presence_changed()
            if bool((decoded.head_pfn == 0).any()):
                self.mappers.touch()
        return index[differs]

    def _judge(self, mapping: TrackedMapping, now_s: float) -> Index:
        """Tell poisoned from migrating: by the last known page's HWPOISON, else by how long it
        lasts.
        """
        changed = []
        for cell, suspect in list(mapping.suspects.items()):
            if not bool(is_suspect(mapping.categories[cell : cell + 1])[0]):
                del mapping.suspects[cell]
                continue
            certain = self._known_poisoned(suspect.last_pfn)
            if certain or now_s - suspect.since_s >= MIGRATION_S:
                del mapping.suspects[cell]
                mapping.cells.state[cell] = CellState.POISONED
                mapping.cells.flags[cell] = 0 if certain else CellFlag.INFERRED
                changed.append(cell)
        return np.array(changed, np.intp)

    def _known_poisoned(self, pfn: int) -> bool:
        if self.kpage is None or pfn == 0:
            return False
        return bool(int(self.kpage.flags(np.array([pfn]))[0]) & KPF_HWPOISON)

    def _look_at_entries(self, mapping: TrackedMapping, pagemap: Pagemap) -> Index:
        """Read every entry of an HGM mapping, in batches of whole cells."""
        vma = mapping.vma
        pages = vma.page_size // PAGE_BYTES
        batch = max(1, _BATCH_ENTRIES // pages)
        before = mapping.cells.copy()
        state = np.empty_like(before.state)
        for first in range(0, vma.cell_count, batch):
            last = min(first + batch, vma.cell_count)
            words = pagemap.words_in(
                vma.start + first * vma.page_size, vma.start + last * vma.page_size
            ).reshape(-1, pages)
            decoded = decode_entries(words)
            counts = self._subpage_counts(words, decoded)
            state[first:last] = decoded.state
            self._store(mapping, np.arange(first, last), decoded, counts)
        cells = mapping.cells
        # Sums of smaps speak of the cells as they were when it was read, and of no others.
        same = np.array_equal(cells.mapped_pages, before.mapped_pages)
        if mapping.smaps is not None and (same or mapping.smaps is not mapping.smaps_used):
            cells.state[:] = settle_full(state, cells.mapped_pages, mapping.smaps, vma.page_size)
            mapping.smaps_used = mapping.smaps
        return before.differing(cells)

    def _subpage_counts(self, words: npt.NDArray[np.uint64], decoded: Decoded) -> U16:
        """The largest count among the 4 KiB pages of each cell that this mapping has present.

        Under HGM a full-size mapping adds one to every subpage and a 4 KiB mapping only to its own.
        """
        counts = np.full(len(words), UNKNOWN_COUNT, np.uint16)
        if bool(decoded.head_pfn.any()):
            self.saw_pfn = True
        if self.kpage is None:
            return counts
        present = present_mask(words)
        for cell in np.flatnonzero(decoded.head_pfn).tolist():
            subpages = self.kpage.counts_in(int(decoded.head_pfn[cell]), words.shape[1])
            largest = int(subpages[present[cell]].max())
            counts[cell] = min(largest, MAX_COUNT)
        return counts
