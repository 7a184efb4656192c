"""How many mappings map each huge page, beside the kernel's own count of it.

A PMD table that mappings share counts once in mapcount; here every mapping that shows the page
counts. Pages are joined by PFN, or, where PFNs are hidden, by file and offset; private copies then
cannot be joined and stay unknown.

The kernel's count belongs to a page and not to a mapping of it, so it is read once a page, after
all page tables of a look, whenever a mapping of it came, went or was read again. Mappers and
mapcount are thus of the same moment, as near as two readings can be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.kpage import KpageFiles
from hugescope_agent.model.mapping import Index, TrackedMapping
from hugescope_agent.model.shared_table import SharedTables
from hugescope_wire.cells import MAX_COUNT, PAGE_BYTES, U16, UNKNOWN_COUNT

_MAX_PFN: Final = 1 << 36
"""256 TiB of physical addresses; a PFN beyond stays unjoined rather than costing a table of its
size.
"""

_MOVING_LOOKS: Final = 10
"""A page whose counts changed in one of the last looks, a second of them, counts as moving."""

_MOST_REPLACED: Final = 1 << 16
"""Cells whose sums are put off: a mebibyte of PFNs."""

_SORT_COST: Final = 16
"""To sort a number costs so much more than to look at one byte of a table."""

_NONE: Final = np.empty(0, np.intp)

Pfns = npt.NDArray[np.uint64]
Shown = list[tuple[TrackedMapping, Index | slice, Pfns]]
"""Mappings with their present cells and the head PFNs of these."""


class Mappers:
    """Mappings and the kernel's mapcount by frame, kept up to date as head PFNs come and go."""

    def __init__(self, smallest_page_bytes: int, kpage: KpageFiles | None = None) -> None:
        """Frames are numbered in the smallest huge page size: no two pages share a number.

        Without `kpage` every mapcount stays unknown.
        """
        self._shift = np.uint64(max(smallest_page_bytes // PAGE_BYTES, 1).bit_length() - 1)
        self._below = (np.uint64(1) << self._shift) - np.uint64(1)
        self._kpage = kpage
        self._tables = SharedTables(self)
        self._count = np.zeros(1, np.uint32)
        self._settled = np.zeros(1, np.uint32)
        self._kernel = np.zeros(1, np.uint16)
        self._moved_at = np.zeros(1, np.uint32)
        self._touched: list[Index] = []
        self._replaced: list[tuple[Pfns, Pfns]] = []
        self._replaced_cells = 0
        self._looks = 0
        self._stale = True

    def replace(self, old: Pfns, new: Pfns, *, counted: bool = True) -> None:
        """Some cells were read: they mapped `old` and now map `new` (head PFNs, u64, 0 for none);
        order does not matter. What is the same as before is counted again only where `counted`.

        Raises:
            BadCapture: a PFN lies past the end of kpagecount, so far that it cannot be joined.
        """
        if self._kpage is not None and int(new.max(initial=0)) >= _MAX_PFN:
            self._kpage.counts(new[new >= _MAX_PFN])
        if not counted:
            self._replace(old, new, counted=False)
            return
        # Most mappings are small: their sums are done together.
        self._replaced.append((old.copy(), new.copy()))
        self._replaced_cells += len(new)
        if self._replaced_cells > _MOST_REPLACED:
            self._replace_all()

    def touch(self) -> None:
        """Presence changed somewhere without a PFN to tell by."""
        self._stale = True

    def recount(self, pfns: Pfns) -> None:
        """Read the mapcount of these pages at the next settling."""
        self._touched.append(self._frames(pfns))

    def count(self) -> None:
        """Read the mapcount of every page touched since the last call, each once.

        Raises:
            BadCapture: a PFN lies past the end of kpagecount.
        """
        self._replace_all()
        if not self._touched:
            return
        frames = self._distinct(np.concatenate(self._touched))
        self._touched.clear()
        now, before = self._count[frames], self._settled[frames]
        moved = (before != 0) & (now != before)
        self._settled[frames] = now
        was = self._kernel[frames]
        self._kernel[frames] = 0
        if self._kpage is not None:
            mapped = frames[now != 0]
            values = self._kpage.counts(mapped.astype(np.uint64) << self._shift)
            self._kernel[mapped] = np.minimum(values, MAX_COUNT)
            counts = self._kernel[frames]
            moved |= (was != 0) & (counts != was)
            self._stale |= bool((counts != was).any())
        self._moved_at[frames[moved]] = self._looks + 1

    def settle(
        self, mappings: Iterable[TrackedMapping], *, joined: bool = True
    ) -> dict[int, Index]:
        """Bring `mappers`, `mapcount` and the shared-table flags of all mappings up to date.

        With `joined` False only mapcount: not all processes are there to be counted. Gives the
        indices of the cells that changed, by mapping id.

        Raises:
            BadCapture: as `count`; what was touched then has no mapcount, and a second call works.
        """
        self.count()
        self._looks += 1
        if not self._stale:
            return {}
        self._stale = False
        everything = list(mappings)
        known: Shown = []
        hidden: dict[tuple[tuple[int, int], int], list[TrackedMapping]] = defaultdict(list)
        for mapping in everything:
            place = mapping.present_place
            heads = mapping.head_pfn[place]
            if not len(heads):
                continue
            if heads.all():
                known.append((mapping, place, heads))
            elif mapping.vma.kind == "hugetlb":
                hidden[(mapping.vma.device, mapping.vma.inode)].append(mapping)
        changed = self._settle_by_frame(known, joined=joined)
        if not joined:
            return changed
        for group in hidden.values():
            for mapping, counts in _by_offset(group):
                differs = mapping.cells.mappers[mapping.present_index] != counts
                if differs.any():
                    mapping.cells.mappers[mapping.present_index] = counts
                    changed[mapping.id] = mapping.present_index[differs]
        for number, index in self._tables.settle(everything, changed).items():
            changed[number] = np.union1d(changed.get(number, _NONE), index)
        return changed

    def of(self, pfns: Pfns) -> tuple[U16, U16]:
        """Mappers and mapcount of head PFNs, both u16; `UNKNOWN_COUNT` where not known."""
        self._replace_all()
        frames = self._frames(pfns, drop=False)
        return self._mappers_of(frames), self._mapcount_of(frames)

    def moving(self, pfns: Pfns) -> npt.NDArray[np.bool_]:
        """Pages whose mappers or mapcount changed within the last looks."""
        at = self._moved_at[self._frames(pfns, drop=False)].astype(np.int64)
        moving: npt.NDArray[np.bool_] = (at != 0) & (self._looks - at < _MOVING_LOOKS)
        return moving

    def _settle_by_frame(self, known: Shown, *, joined: bool) -> dict[int, Index]:
        """All mappings at once: a machine has many, and most of them are small."""
        if not known:
            return {}
        frames = self._frames(np.concatenate([heads for _, _, heads in known]), drop=False)
        mapcount = self._mapcount_of(frames)
        kept = np.concatenate([mapping.cells.mapcount[place] for mapping, place, _ in known])
        by_page = [_counts_by_page(mapping) for mapping, _, _ in known]
        lengths = [len(heads) for _, _, heads in known]
        if not all(by_page):
            mapcount = np.where(np.repeat(by_page, lengths), mapcount, kept)
        differs = mapcount != kept
        if joined:
            mappers = self._mappers_of(frames)
            columns = [mapping.cells.mappers[place] for mapping, place, _ in known]
            differs |= mappers != np.concatenate(columns)
        ends = np.cumsum(np.array(lengths, np.intp))
        starts = ends - lengths
        some = np.flatnonzero(np.logical_or.reduceat(differs, starts))
        changed = {}
        for number, begin, end in zip(
            some.tolist(), starts[some].tolist(), ends[some].tolist(), strict=True
        ):
            mapping, place, _ = known[number]
            mapping.cells.mapcount[place] = mapcount[begin:end]
            if joined:
                mapping.cells.mappers[place] = mappers[begin:end]
            changed[mapping.id] = mapping.present_index[differs[begin:end]]
        return changed

    def _replace_all(self) -> None:
        """Do the sums of what was replaced since the last time."""
        if self._replaced:
            olds, news = zip(*self._replaced, strict=True)
            self._replaced.clear()
            self._replaced_cells = 0
            self._replace(np.concatenate(olds), np.concatenate(news), counted=True)

    def _replace(self, old: Pfns, new: Pfns, *, counted: bool) -> None:
        gone = self._frames(old) if old.any() else _NONE
        come = self._frames(new)
        if np.array_equal(gone, come):
            if counted:
                self._touched.append(come)
            return
        self._touched += [gone, come]
        self._stale = True
        np.subtract.at(self._count, gone, np.uint32(1))
        np.add.at(self._count, come, np.uint32(1))

    def _distinct(self, frames: Index) -> Index:
        """The same, rising and each once; by a table of all frames where they are many.

        `np.unique` hashes, which costs seven times as much for a few hundred.
        """
        if len(frames) * _SORT_COST < len(self._count):
            rising = np.sort(frames)
            distinct: Index = rising[np.diff(rising, prepend=-1) != 0]
            return distinct
        there = np.zeros(len(self._count), np.bool_)
        there[frames] = True
        return np.flatnonzero(there)

    def _mappers_of(self, frames: Index) -> U16:
        counts = np.minimum(self._count[frames], MAX_COUNT).astype(np.uint16)
        counts[frames == 0] = UNKNOWN_COUNT
        return counts

    def _mapcount_of(self, frames: Index) -> U16:
        """The kernel's count; a page that was mapped and counts 0 was freed meanwhile: unknown."""
        counts = self._kernel[frames]
        counts[counts == 0] = UNKNOWN_COUNT
        return counts

    def _frames(self, pfns: Pfns, *, drop: bool = True) -> Index:
        """Frame numbers, 0 (or left out, with `drop`) where there is no huge page's head."""
        huge = pfns & self._below == 0
        if int(pfns.max(initial=0)) >= _MAX_PFN:
            huge &= pfns < _MAX_PFN
        frames: Index = ((pfns >> self._shift) * huge).astype(np.intp)
        if drop:
            frames = frames[frames != 0]
        top = int(frames.max(initial=0))
        if top >= len(self._count):
            size = max(top + 1, 2 * len(self._count))
            for name in ("_count", "_settled", "_kernel", "_moved_at"):
                table = getattr(self, name)
                grown = np.zeros(size, table.dtype)
                grown[: len(table)] = table
                setattr(self, name, grown)
        return frames


def _counts_by_page(mapping: TrackedMapping) -> bool:
    """Whether the kernel has one count for each cell's page; else its reader knows its parts."""
    return mapping.vma.kind == "hugetlb" and not mapping.hgm


def _by_offset(group: list[TrackedMapping]) -> list[tuple[TrackedMapping, U16]]:
    """Mappings of one file, joined by offset.

    A private mapping shows the file's page or a copy, as pagemap tells even without PFNs; who else
    shows a copy, after a fork, cannot be told.
    """
    pages, of_file = {}, {}
    for mapping in group:
        present = mapping.present_index
        pages[mapping.id] = present + mapping.vma.offset // mapping.vma.page_size
        of_file[mapping.id] = mapping.of_file[present] | mapping.vma.shared
    shown, count = np.unique(
        np.concatenate([pages[mapping.id][of_file[mapping.id]] for mapping in group]),
        return_counts=True,
    )
    columns = []
    for mapping in group:
        counts = np.full(len(mapping.present_index), UNKNOWN_COUNT, np.uint16)
        joined = of_file[mapping.id]
        at = np.searchsorted(shown, pages[mapping.id][joined])
        counts[joined] = np.minimum(count[at], MAX_COUNT)
        columns.append((mapping, counts))
    return columns
