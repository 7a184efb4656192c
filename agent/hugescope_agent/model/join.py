"""How many mappings map each huge page: the truth that the kernel's mapcount misses.

A PMD table that two processes share counts once in mapcount; here every mapping that shows the page
counts. Pages are joined by PFN, or, where PFNs are hidden, by file and offset; private pages then
cannot be joined and stay unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.model.mapping import Index, TrackedMapping
from hugescope_wire.cells import MAX_COUNT, PAGE_BYTES, UNKNOWN_COUNT

_MAX_PFN: Final = 1 << 36
"""256 TiB of physical addresses; a PFN beyond stays unjoined rather than costing a table of its
size.
"""

_NONE: Final = np.empty(0, np.intp)


class Mappers:
    """Mappings by frame, kept up to date as head PFNs come and go."""

    def __init__(self, smallest_page_bytes: int) -> None:
        """Frames are numbered in the smallest huge page size: no two pages share a number."""
        self._shift = np.uint64(max(smallest_page_bytes // PAGE_BYTES, 1).bit_length() - 1)
        self._count = np.zeros(1, np.uint32)
        self._stale = True

    def replace(self, old: npt.NDArray[np.uint64], new: npt.NDArray[np.uint64]) -> None:
        """Some cells mapped `old` and now map `new` (head PFNs, u64, 0 for none); order does not
        matter.
        """
        gone, come = self._frames(old), self._frames(new)
        if np.array_equal(gone, come):
            return
        self._stale = True
        np.subtract.at(self._count, gone, np.uint32(1))
        np.add.at(self._count, come, np.uint32(1))

    def touch(self) -> None:
        """Presence changed somewhere without a PFN to tell by."""
        self._stale = True

    def settle(self, mappings: Iterable[TrackedMapping]) -> dict[int, Index]:
        """Bring the `mappers` columns up to date; the indices that changed, by mapping id."""
        if not self._stale:
            return {}
        self._stale = False
        changed: dict[int, Index] = {}
        hidden: dict[tuple[tuple[int, int], int], list[TrackedMapping]] = defaultdict(list)
        for mapping in mappings:
            pfns = mapping.head_pfn[mapping.present_index]
            if not pfns.all():
                hidden[(mapping.vma.device, mapping.vma.inode)].append(mapping)
                continue
            frames = self._frames(pfns, drop=False)
            counts = np.minimum(self._count[frames], MAX_COUNT).astype(np.uint16)
            counts[frames == 0] = UNKNOWN_COUNT
            self._write(mapping, counts, changed)
        for group in hidden.values():
            for mapping, counts in _by_offset(group):
                self._write(mapping, counts, changed)
        return changed

    @staticmethod
    def _write(
        mapping: TrackedMapping, counts: npt.NDArray[np.uint16], changed: dict[int, Index]
    ) -> None:
        """Set the counts of the present cells; all others have none."""
        present = mapping.present_index
        differs = mapping.cells.mappers[present] != counts
        if differs.any():
            mapping.cells.mappers[present] = counts
            changed[mapping.id] = present[differs]

    def _frames(self, pfns: npt.NDArray[np.uint64], *, drop: bool = True) -> Index:
        frames = np.where(pfns < _MAX_PFN, pfns >> self._shift, 0).astype(np.intp)
        if drop:
            frames = frames[frames != 0]
        top = int(frames.max(initial=0))
        if top >= len(self._count):
            grown = np.zeros(max(top + 1, 2 * len(self._count)), np.uint32)
            grown[: len(self._count)] = self._count
            self._count = grown
        return frames


def _by_offset(
    group: list[TrackedMapping],
) -> list[tuple[TrackedMapping, npt.NDArray[np.uint16]]]:
    """Mappings of one file, joined by offset.

    A private mapping may show the file's page or a copy: which, is not known. So its own count is
    not known, and neither is that of the shared mappings of what it shows.
    """
    pages = {
        mapping.id: mapping.present_index + mapping.vma.offset // mapping.vma.page_size
        for mapping in group
    }
    shared = [pages[mapping.id] for mapping in group if mapping.vma.shared]
    private = [pages[mapping.id] for mapping in group if not mapping.vma.shared]
    shown, count = np.unique(np.concatenate([*shared, _NONE]), return_counts=True)
    count[np.isin(shown, np.concatenate([*private, _NONE]))] = UNKNOWN_COUNT
    columns = []
    for mapping in group:
        counts = np.full(len(mapping.present_index), UNKNOWN_COUNT, np.uint16)
        if mapping.vma.shared:
            joined = count[np.searchsorted(shown, pages[mapping.id])]
            known = np.minimum(joined, MAX_COUNT)
            counts = np.where(joined == UNKNOWN_COUNT, joined, known).astype(np.uint16)
        columns.append((mapping, counts))
    return columns
