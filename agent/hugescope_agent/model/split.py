"""Which full pages of an HGM mapping are split: what one reading of smaps proves, and what looks
from before add to it.

pagemap shows a huge page that 512 entries map as one that a single entry maps. smaps gives the
number of the split ones, seldom; looks at pagemap show, often, which pages filled in parts. A page
that was seen partly mapped and is full now was filled by small entries, or collapsed meanwhile;
one that is mapped whole stays so as long as it is full. From that the places follow more often than
from one look.

The promise: `split` and `mapped` without the inferred flag are what the last reading of smaps
proves by itself, for it leaves all full cells or none. What needs the past is flagged, because
between two looks a page may have been collapsed, or punched and filled again. Where the numbers
show that pages were collapsed, and not which, the cells are `full`. Such candidates, of which some
are split and some are not, are inferred too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from hugescope_agent.kernel.smaps import SmapsVma
from hugescope_agent.model.decode import Mask
from hugescope_agent.model.levels import (
    LevelSums,
    Shown,
    Sums,
    freed_bytes,
    nothing_split,
    split_by_own_level,
    sums_of_same_moment,
)
from hugescope_wire.cells import U8, CellState
from hugescope_wire.levels import PMD_BYTES, PUD_BYTES


class Verdict(NamedTuple):
    """States of all cells, u8, and which of them are inferred."""

    state: U8
    inferred: Mask


class SplitCount(NamedTuple):
    """Split cells, full 2 MiB chunks of larger pages that 512 entries map, and what collapsing all
    of them would free (`levels.freed_bytes`); None where it is not known now.
    """

    pages: int | None
    chunks: int | None
    collapse_frees_bytes: int | None


@dataclass(slots=True)
class SplitTracker:
    """Follows the full cells of one HGM mapping from look to look.

    Attributes:
        sums: what smaps said when last read, None where it did not fit the look after it.
    """

    page_size: int
    cell_count: int
    sums: Sums | None = None
    _last: Shown | None = None
    _reading: SmapsVma | None = None
    _level: U8 = field(init=False)
    """FULL, MAPPED or SPLIT of each full cell; FULL of all others."""
    _certain: Mask = field(init=False)
    _counted: Mask = field(init=False)
    """Cells that were full when smaps was read, and are ever since."""
    _open: Mask = field(init=False)
    """Full cells of which some are split and some are not, by the last reading that told."""
    _full_then: int = 0
    _split_then: int = 0
    _moved: bool = False

    def __post_init__(self) -> None:
        self._level = np.full(self.cell_count, CellState.FULL, np.uint8)
        self._certain = np.zeros(self.cell_count, np.bool_)
        self._counted = np.zeros(self.cell_count, np.bool_)
        self._open = np.zeros(self.cell_count, np.bool_)

    def look(self, shown: Shown, smaps: SmapsVma | None, *, still: bool) -> Verdict:
        """Take a look; `smaps` is the reading before it, new when it is another object.

        `still`: nothing moves by itself between smaps and the look, as in a captured tree.
        """
        self._follow(shown)
        if smaps is not None and smaps is not self._reading:
            self.sums = self._judge(shown, smaps, still=still)
            if self.sums is not None:
                self._conclude(shown.full, self.sums.split)
                self._counted = shown.full
                self._open = shown.full & (self._level == CellState.FULL)
                self._full_then, self._split_then = int(shown.full.sum()), self.sums.split
                self._moved = False
        self._reading, self._last = smaps, shown
        full = shown.full
        told = full & (self._level != CellState.FULL)
        inferred = (told & ~self._certain) | self._open
        return Verdict(np.where(full, self._level, shown.state), inferred)

    def count(self) -> SplitCount:
        """How many cells are split now, as far as the last reading of smaps still tells."""
        if self._last is None or self.sums is None:
            return SplitCount(None, None, None)
        full = self._last.full
        if self._full_then == int(self._counted.sum()) == int(full.sum()):
            split = self.sums.split
        elif self._certain[full].all():
            split = int((self._level[full] == CellState.SPLIT).sum())
        else:
            return SplitCount(None, None, None)
        still = self.page_size < PUD_BYTES or not self._moved
        chunks = self.sums.chunks_by_pte if still else None
        return SplitCount(split, chunks, freed_bytes(split, chunks))

    @property
    def chunk_level(self) -> Literal["pmd", "pte"] | None:
        """What maps every full 2 MiB chunk outside of pages that a PUD maps, where all agree."""
        sums = self.sums
        if sums is None or self._moved or sums.chunks_by_pmd is None or sums.chunks_by_pte is None:
            return None
        if (sums.chunks_by_pmd == 0) == (sums.chunks_by_pte == 0):
            return None
        return "pte" if sums.chunks_by_pmd == 0 else "pmd"

    def _follow(self, shown: Shown) -> None:
        """Forget what is full no longer; what was partly mapped and is full now was split then."""
        full, last = shown.full, self._last
        grown = full if last is None else full & ~last.full
        self._level[grown | ~full] = CellState.FULL
        self._certain[grown | ~full] = False
        self._counted, self._open = self._counted & full, self._open & full
        if last is not None:
            self._level[grown & (last.state == CellState.PARTIAL)] = CellState.SPLIT
            self._moved |= not np.array_equal(last.mapped_pages, shown.mapped_pages)

    def _judge(self, shown: Shown, smaps: SmapsVma, *, still: bool) -> Sums | None:
        """The sums of a new reading, where it and the looks around it leave no doubt."""
        levels, last = LevelSums.of(smaps), self._last
        if levels is None or self.page_size < PMD_BYTES:
            return None
        sums = sums_of_same_moment(shown, levels, self.page_size)
        if sums is not None:
            return sums
        unmoved = last is not None and np.array_equal(last.mapped_pages, shown.mapped_pages)
        if (still or unmoved) and nothing_split(shown, levels, self.page_size):
            return Sums.of_cells_only(0, self.page_size)
        if still or last is None or not _only_parts_moved(last, shown, levels):
            return None
        split = split_by_own_level(int(shown.full.sum()), levels, self.page_size)
        return None if split is None else Sums.of_cells_only(split, self.page_size)

    def _conclude(self, full: Mask, split: int) -> None:
        """Name the full cells by the number of split ones, as far as it goes."""
        level = self._level
        if split in (0, int(full.sum())):
            level[full] = CellState.SPLIT if split else CellState.MAPPED
            self._certain[full] = True
            return
        self._certain[full] = False
        open_cells = full & (level != CellState.MAPPED)
        grown = full & (level == CellState.SPLIT)
        left = self._full_then - int(self._counted.sum())
        collapsed = split < self._split_then - left
        if split == int(open_cells.sum()):
            level[open_cells] = CellState.SPLIT
        elif split > int(open_cells.sum()):
            level[full] = CellState.FULL
        elif collapsed or split < int(grown.sum()):
            level[open_cells] = CellState.FULL
        elif split == int(grown.sum()):
            level[open_cells & ~grown] = CellState.MAPPED


def _only_parts_moved(last: Shown, shown: Shown, levels: LevelSums) -> bool:
    """Whether the same cells were full before and after smaps was read, and smaps counts no page
    that pagemap does not show.
    """
    before, after = last.present_bytes, shown.present_bytes
    if not min(before, after) <= levels.total <= max(before, after):
        return False
    return abs(after - before) < PMD_BYTES and np.array_equal(last.full, shown.full)
