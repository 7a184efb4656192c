"""Reads the cells of one mapping: what changed at once, the rest in rotation."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.captured_scan import fresh_cells
from hugescope_agent.kernel.kpage import KPF_HWPOISON, KpageFiles
from hugescope_agent.kernel.nodes import NodeMap
from hugescope_agent.kernel.pagemap import PAGE_IS_SWAPPED, Pagemap, Scanner, cell_categories
from hugescope_agent.model.decode import (
    Decoded,
    Mask,
    chunks_of,
    decode_entries,
    decode_heads,
    is_marker,
    is_present,
    is_suspect,
    joined,
    kept_flags,
    present_mask,
    seen_heads,
)
from hugescope_agent.model.drill import CellLevel, Whole, equal_parts, own_level, parts_of
from hugescope_agent.model.join import Mappers
from hugescope_agent.model.levels import Shown
from hugescope_agent.model.mapping import Index, Suspect, TrackedMapping, as_place
from hugescope_agent.model.seen import SeenPages
from hugescope_agent.model.split import SplitTracker
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
from hugescope_wire.page import PartRun

MIGRATION_S: Final = 1.0
"""A page that is neither present nor gone for longer is poisoned: copying 1 GiB takes less."""

_BATCH_ENTRIES: Final = 1 << 20
"""pagemap entries of an HGM mapping held at once: 8 MiB."""

_IN_FULL: Final = (CellState.MAPPED, CellState.FULL, CellState.SPLIT)

_COLUMNS: Final = tuple(column.name for column in fields(Cells))
_UNKNOWN_COUNT: Final = np.uint16(UNKNOWN_COUNT)
_MAPPED: Final = np.uint8(CellState.MAPPED)
_SWAPPED: Final = np.uint8(PAGE_IS_SWAPPED)

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
    seen: SeenPages = field(default_factory=SeenPages)

    def look(self, mapping: TrackedMapping, pagemap: Pagemap, now_s: float) -> Index:
        """Find and read what changed; the indices of cells whose columns differ now.

        Raises:
            ProcessError, BadCapture: as the files answer.
        """
        changed = self._look(mapping, pagemap, now_s)
        mapping.looked()
        return changed

    def _look(self, mapping: TrackedMapping, pagemap: Pagemap, now_s: float) -> Index:
        if mapping.uncaptured:
            return self._leave_unknown(mapping)
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
            if (categories & _SWAPPED).any():
                suspects = dirty[is_suspect(categories[dirty])]
                since_s = now_s
                if pagemap.is_captured_scan:
                    # A capture does not change: whoever made it looked for a while.
                    fresh = fresh_cells(ranges, vma.start, vma.page_size, vma.cell_count)
                    suspects, since_s = suspects[~fresh[suspects]], -math.inf
                for cell in suspects.tolist():
                    mapping.suspects[cell] = Suspect(since_s, int(mapping.head_pfn[cell]))
            changed = self.read(mapping, pagemap, dirty, once=True)
        if mapping.suspects:
            changed = np.union1d(changed, self._judge(mapping, now_s))
        return changed

    def read(
        self, mapping: TrackedMapping, pagemap: Pagemap, index: Index, *, once: bool = False
    ) -> Index:
        """Read the cells at `index` again; the indices of those whose columns differ now, but for
        what `Mappers.settle` will change. With `once` what this look has seen is not read again.
        """
        if self.scanner is None:
            decoded = self._heads(mapping, pagemap, index)
        else:
            decoded = self._by_category(mapping, pagemap, index, once=once)
        return self._store(mapping, index, decoded)

    def _leave_unknown(self, mapping: TrackedMapping) -> Index:
        """Nothing tells what is there."""
        count = mapping.vma.cell_count
        mapping.splits = None
        unknown = decode_heads(np.zeros(count, np.uint64), mapping.vma.page_size)
        unknown.flags[:] = CellFlag.INFERRED
        return self._store(mapping, np.arange(count), unknown, np.full(count, _UNKNOWN_COUNT))

    def begin_look(self) -> None:
        """What was seen before is old now."""
        self.seen.forget()

    def _heads(self, mapping: TrackedMapping, pagemap: Pagemap, index: Index) -> Decoded:
        vma = mapping.vma
        words = pagemap.words_at(vma.start + index * vma.page_size)
        return decode_heads(words, vma.page_size)

    def _once(self, mapping: TrackedMapping, pagemap: Pagemap, index: Index) -> Decoded:
        """Present cells of a shared mapping: only pages that no other mapping has shown yet."""
        vma = mapping.vma
        pfns = self.seen.of(vma, index)
        unseen = np.flatnonzero(pfns == 0)
        heads = self._heads(mapping, pagemap, index[unseen])
        self.seen.note(vma, index[unseen], heads.head_pfn)
        if len(unseen) == len(index):
            return heads
        # What two mappings show is exclusive to none, whatever Linux 6.1 says of a shared table.
        known = seen_heads(pfns, mapping.categories[index], vma.page_size)
        known.put(unseen, heads)
        return known

    def _by_category(
        self, mapping: TrackedMapping, pagemap: Pagemap, index: Index, *, once: bool
    ) -> Decoded:
        """Only cells that the scan found present have an entry worth a read."""
        categories = mapping.categories[as_place(index)]
        there = is_present(categories)
        everywhere = bool(there.all())
        present = np.arange(len(index)) if everywhere else np.flatnonzero(there)
        heads = (self._once if once and mapping.vma.shared else self._heads)(
            mapping, pagemap, index if everywhere else index[present]
        )
        gone = heads.state != _MAPPED
        if gone.any():
            # It left since the scan, and may be back before the next, which would look the same.
            mapping.categories[index[present[gone]]] = 0
            mapping.ranges = None
        if everywhere:
            return heads
        suspect, marker = is_suspect(categories), is_marker(categories)
        state = np.select([suspect, marker], [CellState.MIGRATING, CellState.MARKER], 0)
        flags = np.select([suspect, marker], [CellFlag.INFERRED, CellFlag.WRITE_PROTECTED], 0)
        whole = Decoded(
            state.astype(np.uint8),
            np.zeros(len(index), np.uint32),
            flags.astype(np.uint8),
            np.zeros(len(index), np.uint64),
            np.zeros(len(index), np.bool_),
        )
        whole.put(present, heads)
        return whole

    def _store(
        self, mapping: TrackedMapping, index: Index, decoded: Decoded, counts: U16 | None = None
    ) -> Index:
        """Take what was read. Without `counts`, mappers and mapcount follow when all is read."""
        cells = mapping.cells
        at = as_place(index)
        heads, pages, old_heads = decoded.head_pfn, decoded.mapped_pages, mapping.head_pfn[at]
        present = pages != 0
        flags, old_flags = decoded.flags, cells.flags[at]
        if old_flags.any():
            flags = kept_flags(flags, old_flags, present)
        told = heads != 0
        self.saw_pfn = self.saw_pfn or bool(told.any())
        resized = cells.mapped_pages[at] != pages
        moved = (old_heads != heads) | resized
        self.mappers.replace(old_heads, heads, counted=counts is None)
        mapping.of_file[at] = decoded.of_file
        differs: Mask = (old_flags != flags) | (cells.state[at] != decoded.state) | moved
        if counts is None and self.scanner is not None and not differs.any():
            # The same page is on the same node, unless the next step of a recorded series knows
            # more of nodes; its counts follow when all is read.
            return NOTHING
        mapping.moved_pages += int(np.count_nonzero(moved))
        mapping.moves += bool(resized.any())
        mapping.head_pfn[at] = heads
        node = self.nodes.of(heads)
        node[~told] = UNKNOWN_NODE
        mapcount = np.where(told, cells.mapcount[at], _UNKNOWN_COUNT) if counts is None else counts
        mappers = np.where(present, cells.mappers[at], _UNKNOWN_COUNT)
        new = Cells(pages, mapcount, mappers, decoded.state, flags, node)
        differs = np.zeros(len(index), np.bool_)
        for name in _COLUMNS:
            before, after = getattr(cells, name), getattr(new, name)
            differs |= before[at] != after
            before[at] = after
        if differs.any():
            mapping.presence_changed()
            if not told.all():
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
                mapping.lost_pfn[cell] = suspect.last_pfn
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
        step = max(1, _BATCH_ENTRIES // pages)
        cells, chunks, counts = [], [], []
        for first in range(0, vma.cell_count, step):
            last = min(first + step, vma.cell_count)
            start, end = (vma.start + at * vma.page_size for at in (first, last))
            words = pagemap.words_in(start, end).reshape(-1, pages)
            cells.append(decode_entries(words))
            chunks.append(chunks_of(words))
            counts.append(self._subpage_counts(words, cells[-1]))
        if mapping.splits is None:
            mapping.splits = SplitTracker(vma.page_size, vma.cell_count)
        decoded = joined(cells)
        shown = Shown(decoded.state, decoded.mapped_pages, joined(chunks))
        verdict = mapping.splits.look(shown, mapping.smaps, still=mapping.still)
        flags = decoded.flags | np.where(verdict.inferred, CellFlag.INFERRED, 0).astype(np.uint8)
        told = replace(decoded, state=verdict.state, flags=flags)
        return self._store(mapping, np.arange(vma.cell_count), told, np.concatenate(counts))

    def drill(
        self, mapping: TrackedMapping, pagemap: Pagemap, cell: int, chunk: int | None = None
    ) -> list[PartRun]:
        """The parts of one hugetlb cell: the 2 MiB chunks of a larger page, or the 4 KiB entries of
        a smaller one or of chunk number `chunk`.

        Reads nothing but the entries of that page, and on mainline nothing at all: the latest look
        says it.

        Raises:
            ProcessError, BadCapture: as pagemap answers.
        """
        page_size = mapping.vma.page_size
        if mapping.uncaptured:
            raise BadCapture("the capture holds no pagemap entries of this mapping")
        state = CellState(int(mapping.cells.state[cell]))
        flags = int(mapping.cells.flags[cell])
        # Beside a shared table it is that which is inferred.
        inferred = flags & (CellFlag.INFERRED | CellFlag.SHARED_TABLE) == CellFlag.INFERRED
        if not mapping.hgm:
            # What is inferred of a page that is there is its page table, not how it is mapped.
            whole = Whole(state, own_level(page_size), inferred and state != CellState.MAPPED)
            return equal_parts(page_size, chunk, whole)
        start = mapping.vma.start + cell * page_size
        words = pagemap.words_in(start, start + page_size)
        seen = CellState(int(decode_entries(words.reshape(1, -1)).state[0]))
        if seen != CellState.FULL or state not in _IN_FULL:
            # It is in part, or filled since the look.
            state, inferred = seen, False
        level = None if mapping.splits is None else mapping.splits.chunk_level
        return parts_of(words, chunk, CellLevel(state, inferred, page_size, level))

    def _subpage_counts(self, words: npt.NDArray[np.uint64], decoded: Decoded) -> U16:
        """The largest count among the 4 KiB pages of each cell that this mapping has present.

        Under HGM a full-size mapping adds one to every subpage and a 4 KiB mapping only to its own,
        so this counts the entries of the 4 KiB that has most of them; others may have fewer.
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
            # What is mapped and counts 0 was not captured, or was freed meanwhile.
            counts[cell] = min(largest, MAX_COUNT) if largest else UNKNOWN_COUNT
        return counts
