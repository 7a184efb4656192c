"""One mapping as the agent keeps it from look to look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.smaps import SmapsVma
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.levels import hgm_levels
from hugescope_agent.model.split import SplitTracker
from hugescope_wire.cells import PAGE_BYTES, U8, Cells, CellState
from hugescope_wire.host import MappingInfo
from hugescope_wire.levels import HGM_FLAG, mainline_levels
from hugescope_wire.snapshot import GuestRam, LevelBytes

Index = npt.NDArray[np.intp]

_FIRST_PRESENT: Final = np.uint8(CellState.MAPPED)
_LAST_PRESENT: Final = np.uint8(CellState.PARTIAL)


def as_place(index: Index) -> Index | slice:
    """The same cells, rising, as a slice where they are neighbours."""
    if not len(index) or int(index[-1]) - int(index[0]) + 1 != len(index):
        return index
    return slice(int(index[0]), int(index[-1]) + 1)


class Suspect(NamedTuple):
    """A cell whose page is poisoned or migrating: since when (monotonic seconds), and which page
    was there before (0: not known).
    """

    since_s: float
    last_pfn: int


@dataclass(slots=True)
class TrackedMapping:
    """A VMA with its latest cells; the arrays are written in place.

    Attributes:
        id: names it in frames, for the agent's life.
        smaps: what smaps told last; None while it could not be read.
        uncaptured: a captured tree does not hold its page-table entries; all cells are holes, and
            inferred.
        still: nothing here moves by itself between two readings, as in a captured tree.
        moves: how often what is present was found changed; `looks` how often all was looked at.
        moved_pages: cells so far that were found to map something else, or more or less of it.
        splits: what is known of split pages; None where no huge page can be mapped in parts.
        ranges: what PAGEMAP_SCAN gave last, to see at a glance that nothing changed; None before
            the first.
        categories: PAGE_IS_* of each cell by that scan, u8[cells].
        head_pfn: of each cell, u64[cells]; 0 where unknown.
        of_file: cells that show the file's page rather than a private copy, bool[cells].
        suspects: cells that are poisoned or migrating, and not yet decided.
        lost_pfn: the page that a poisoned cell held last; 0: not known.
        look_due_s: when a look that costs much may be taken again.
        cursor: the next cell to be read again in rotation.
        guest: the guest's RAM that it is; None where it is none, or not known.
    """

    id: int
    vma: HugeVma
    smaps: SmapsVma | None
    cells: Cells = field(init=False)
    head_pfn: npt.NDArray[np.uint64] = field(init=False)
    of_file: npt.NDArray[np.bool_] = field(init=False)
    categories: U8 = field(init=False)
    ranges: bytes | None = None
    uncaptured: bool = False
    still: bool = False
    moves: int = 0
    looks: int = 0
    moved_pages: int = 0
    splits: SplitTracker | None = None
    suspects: dict[int, Suspect] = field(default_factory=dict)
    lost_pfn: dict[int, int] = field(default_factory=dict)
    look_due_s: float = 0.0
    cursor: int = 0
    guest: GuestRam | None = None
    _present: Index | None = None
    _place: Index | slice | None = None
    _moves_before_smaps: int | None = None
    _moves_after_smaps: int | None = None

    def __post_init__(self) -> None:
        count = self.vma.cell_count
        self.cells = Cells.holes(count)
        self.head_pfn = np.zeros(count, np.uint64)
        self.of_file = np.zeros(count, np.bool_)
        self.categories = np.zeros(count, np.uint8)

    @property
    def hgm(self) -> bool:
        """Whether parts of a huge page may be mapped here, so that every entry has to be read."""
        return self.smaps is not None and HGM_FLAG in self.smaps.vm_flags

    def take_smaps(self, smaps: SmapsVma | None, *, still: bool) -> None:
        """A new reading of smaps; the look after it tells whether anything moved around it."""
        self.smaps, self.still = smaps, still
        self._moves_before_smaps = self.moves if self.looks else None
        self._moves_after_smaps = None

    def looked(self) -> None:
        """All cells were looked at."""
        self.looks += 1
        if self._moves_after_smaps is None:
            self._moves_after_smaps = self.moves

    @property
    def unmoved_since_smaps(self) -> bool:
        """Whether the cells are what the look after the reading of smaps found."""
        return self.smaps is not None and self._moves_after_smaps == self.moves

    @property
    def smaps_fits(self) -> bool:
        """Whether smaps speaks of the cells as they are: they were the same before and after it was
        read, and are since.
        """
        return self.unmoved_since_smaps and (self.still or self._moves_before_smaps == self.moves)

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Cells that map any of their bytes."""
        state = self.cells.state
        return (state >= _FIRST_PRESENT) & (state <= _LAST_PRESENT)

    @property
    def present_index(self) -> Index:
        """The same as indices, kept until presence changes: a mapping may span millions of cells
        and map none, and a tick in which nothing happens must not pay for them.
        """
        if self._present is None:
            self._present = np.flatnonzero(self.present)
        return self._present

    @property
    def present_place(self) -> Index | slice:
        """The same, as a slice where they are neighbours: a view instead of a copy."""
        if self._place is None:
            self._place = as_place(self.present_index)
        return self._place

    def presence_changed(self) -> None:
        """Cells came or went."""
        self._present = self._place = None

    def info(self) -> MappingInfo:
        """What travels beside the cells."""
        vma, smaps = self.vma, self.smaps
        return MappingInfo(
            id=self.id,
            cell_count=vma.cell_count,
            start=vma.start,
            end=vma.end,
            page_size=vma.page_size,
            kind="hugetlb",
            shared=vma.shared,
            backing=vma.backing,
            vm_flags=None if smaps is None else list(smaps.vm_flags),
            level_bytes=self._levels(),
            guest=self.guest,
        )

    def _levels(self) -> LevelBytes:
        """Bytes by level: as counted, or as smaps sums them up where only that tells."""
        if self.hgm:
            return hgm_levels(self.smaps)
        pages = self.cells.mapped_pages
        if self.uncaptured:
            counted = None if self.smaps is None else self.smaps.hugetlb_bytes
            if counted is None:
                return LevelBytes(pud=None, pmd=None, pte=None)
            pages = np.array([counted // PAGE_BYTES], np.uint32)
        return mainline_levels(self.vma.page_size, pages)


Footing = dict[int, tuple[TrackedMapping, int, int]]
"""Mappings by id as they were: what had moved so far, and what was present."""


def footing(mappings: Iterable[TrackedMapping]) -> Footing:
    """To ask later what moved since."""
    return {one.id: (one, one.moved_pages, len(one.present_index)) for one in mappings}


def moved_since(before: Footing, mappings: Iterable[TrackedMapping]) -> dict[int, int]:
    """Pages by page size that came, went or were replaced since, with the mappings that hold them
    or in them.
    """
    gone = dict(before)
    moved: Counter[int] = Counter()
    for mapping in mappings:
        _, then, _ = gone.pop(mapping.id, (mapping, 0, 0))
        moved[mapping.vma.page_size] += mapping.moved_pages - then
    for mapping, _, present in gone.values():
        moved[mapping.vma.page_size] += present
    return dict(moved)
