"""One mapping as the agent keeps it from look to look."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.smaps import SmapsVma
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.levels import hgm_levels
from hugescope_wire.cells import U8, Cells, CellState
from hugescope_wire.host import MappingInfo
from hugescope_wire.levels import HGM_FLAG, mainline_levels

Index = npt.NDArray[np.intp]


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
        smaps_used: the one by which full cells were last told apart.
        ranges: what PAGEMAP_SCAN gave last, to see at a glance that nothing changed; None before
            the first.
        categories: PAGE_IS_* of each cell by that scan, u8[cells].
        head_pfn: of each cell, u64[cells]; 0 where unknown.
        suspects: cells that are poisoned or migrating, and not yet decided.
        cursor: the next cell to be read again in rotation.
    """

    id: int
    vma: HugeVma
    smaps: SmapsVma | None
    cells: Cells = field(init=False)
    head_pfn: npt.NDArray[np.uint64] = field(init=False)
    categories: U8 = field(init=False)
    ranges: bytes | None = None
    smaps_used: SmapsVma | None = None
    suspects: dict[int, Suspect] = field(default_factory=dict)
    cursor: int = 0
    _present: Index | None = None

    def __post_init__(self) -> None:
        count = self.vma.cell_count
        self.cells = Cells.holes(count)
        self.head_pfn = np.zeros(count, np.uint64)
        self.categories = np.zeros(count, np.uint8)

    @property
    def hgm(self) -> bool:
        """Whether parts of a huge page may be mapped here, so that every entry has to be read."""
        return self.smaps is not None and HGM_FLAG in self.smaps.vm_flags

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Cells that map any of their bytes."""
        state = self.cells.state
        return (state >= CellState.MAPPED) & (state <= CellState.PARTIAL)

    @property
    def present_index(self) -> Index:
        """The same as indices, kept until presence changes: a mapping may span millions of cells
        and map none, and a tick in which nothing happens must not pay for them.
        """
        if self._present is None:
            self._present = np.flatnonzero(self.present)
        return self._present

    def presence_changed(self) -> None:
        """Cells came or went."""
        self._present = None

    def info(self) -> MappingInfo:
        """What travels beside the cells."""
        vma, smaps = self.vma, self.smaps
        pages = self.cells.mapped_pages
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
            level_bytes=hgm_levels(smaps) if self.hgm else mainline_levels(vma.page_size, pages),
        )
