"""Transparent huge pages of one mapping: which mappings are looked at, and what their cells are.

A cell is a PMD-sized, aligned region of address space; the first and the last may be cut by the
VMA. `mapped`: one PMD maps it. `split`: it is present in full by PTEs, and pages of a folio of a
PMD's size are among them: mostly all of one, but after a write that followed a fork some pages are
copies, and a part that was moved may meet a part of another. `partial`: the same, and some of its 2
MiB are not present. So the state says what the bytes of the cell say, as in hugetlb mappings: 2 MiB
if and only if `mapped`, `full` or `split`, or `small` in full. What is `split` is what a collapse
takes, which copies anonymous memory to a new folio in any case; which entries are of which folio
the parts of the cell tell. `small`: base pages and smaller folios only. Pages of zeros are present
and are no folio: a region read before it was written may be `mapped` by a PMD without any memory
behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.folios import PMD_PAGES
from hugescope_agent.kernel.smaps import HUGETLB_FLAG, SmapsVma
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.thp_cells import ORDERS
from hugescope_wire.cells import PAGE_BYTES, U8, U16, CellFlag, Cells, CellState
from hugescope_wire.host import MappingInfo
from hugescope_wire.levels import PMD_BYTES, thp_levels
from hugescope_wire.report import ThpFacts
from hugescope_wire.snapshot import LevelBytes

_SPECIAL_FLAGS: Final = frozenset({HUGETLB_FLAG, "pf", "io", "mm"})
"""Device memory and pages of drivers, which may be compound and are no folios of anybody's heap."""

_SPECIAL_NAMES: Final = frozenset({"[vdso]", "[vvar]", "[vvar_vclock]", "[vsyscall]", "[uprobes]"})
_SHMEM: Final = frozenset({"anonymous", "memfd", "sysv"})
Mask = npt.NDArray[np.bool_]


@dataclass(slots=True)
class ThpMapping:
    """A VMA without hugetlb pages, watched for transparent ones; arrays are written in place.

    Attributes:
        id: names it in frames, for the agent's life.
        smaps: what smaps told last; None before and where it could not be read.
        ranges: what PAGEMAP_SCAN gave last; None before the first, and without it.
        head_pfn, last_pfn: as in `ThpCells`.
        heads_moved: these changed since mappings were last counted.
        huge: cells that it found mapped by a PMD; all False without it.
        recheck: cells that changed between scan and read, to be read again at the next look.
        folio_pages: present pages of each cell by the order of their folio, u16[cells, ORDERS].
        swapped: pages of each cell in swap, u16[cells].
        lost: entries of each cell whose page is poisoned or migrating, u16[cells]; smaps counts
            them in Rss.
        zero_huge: cells mapped by the huge page of zeros.
        pmd_known: it is known of every cell whether a PMD maps it.
        folios_known: flags of all present pages could be read.
        unread: a capture holds no page-table entries here, though smaps counts present pages.
        read_at_s: when all was last read without a scan, and `smaps_read` the smaps by which full
            cells were then told apart.
        look_due_s: when a look may cost again: a scan walks every entry of base pages.
        cursor: the next cell to be read again in rotation.
    """

    id: int
    vma: HugeVma
    smaps: SmapsVma | None
    cells: Cells = field(init=False)
    head_pfn: npt.NDArray[np.uint64] = field(init=False)
    last_pfn: npt.NDArray[np.uint64] = field(init=False)
    heads_moved: bool = True
    ranges: bytes | None = None
    huge: Mask = field(init=False)
    recheck: Mask = field(init=False)
    folio_pages: U16 = field(init=False)
    swapped: U16 = field(init=False)
    lost: U16 = field(init=False)
    zero_huge: Mask = field(init=False)
    pmd_known: bool = True
    folios_known: bool = True
    unread: bool = False
    read_at_s: float | None = None
    smaps_read: SmapsVma | None = None
    look_due_s: float = 0.0
    cursor: int = 0

    def __post_init__(self) -> None:
        count = self.vma.cell_count
        self.cells = Cells.holes(count)
        self.head_pfn = np.zeros(count, np.uint64)
        self.last_pfn = np.zeros(count, np.uint64)
        self.huge = np.zeros(count, np.bool_)
        self.recheck = np.zeros(count, np.bool_)
        self.folio_pages = np.zeros((count, ORDERS), np.uint16)
        self.swapped = np.zeros(count, np.uint16)
        self.lost = np.zeros(count, np.uint16)
        self.zero_huge = np.zeros(count, np.bool_)

    @property
    def present(self) -> Mask:
        """Cells that map any of their bytes."""
        state = self.cells.state
        in_part_or_full = (state >= CellState.MAPPED) & (state <= CellState.PARTIAL)
        present: Mask = in_part_or_full | (state == CellState.SMALL)
        return present

    def levels(self) -> LevelBytes:
        """Bytes by level: counted, or, where it cannot be told of every cell, as smaps sums up."""
        pages = self.cells.mapped_pages
        if self.pmd_known and not self.unread:
            return thp_levels(self.cells.state, pages)
        pmd = None if self.smaps is None else pmd_bytes(self.smaps)
        present: int | None = int(pages.sum(dtype=np.uint64)) * PAGE_BYTES
        if self.unread:
            present = None if self.smaps is None else self.smaps.rss_bytes
        pte = None if pmd is None or present is None or present < pmd else present - pmd
        return LevelBytes(pud=0, pmd=pmd, pte=pte)

    def info(self) -> MappingInfo:
        """What travels beside the cells."""
        vma = self.vma
        return MappingInfo(
            id=self.id,
            cell_count=vma.cell_count,
            start=vma.start,
            end=vma.end,
            page_size=vma.page_size,
            kind="thp",
            shared=vma.shared,
            backing=vma.backing,
            vm_flags=None if self.smaps is None else list(self.smaps.vm_flags),
            level_bytes=self.levels(),
        )


def thp_facts(mapping: ThpMapping) -> ThpFacts:
    """What smaps says of the mapping's huge pages beside what was counted.

    `pmd_bytes` counts memory, so it leaves out the huge page of zeros, as smaps does.
    """
    smaps = mapping.smaps
    by_order = mapping.folio_pages.sum(axis=0, dtype=np.uint64).tolist()
    counted = (mapping.cells.state == CellState.MAPPED) & ~mapping.zero_huge
    return ThpFacts(
        anon_huge_bytes=None if smaps is None else smaps.anon_huge_bytes,
        shmem_pmd_bytes=None if smaps is None else smaps.shmem_pmd_bytes,
        file_pmd_bytes=None if smaps is None else smaps.file_pmd_bytes,
        pmd_bytes=int(counted.sum()) * PMD_BYTES
        if mapping.pmd_known and not mapping.unread
        else None,
        folio_bytes={PAGE_BYTES << o: n * PAGE_BYTES for o, n in enumerate(by_order) if n}
        if mapping.folios_known and not mapping.unread
        else None,
        swapped_bytes=None
        if mapping.unread
        else int(mapping.swapped.sum(dtype=np.uint64)) * PAGE_BYTES,
        eligible=None if smaps is None else smaps.thp_eligible,
    )


def pmd_bytes(smaps: SmapsVma) -> int | None:
    """Bytes that PMDs map by smaps; None on a kernel that does not print them."""
    parts = (smaps.anon_huge_bytes, smaps.shmem_pmd_bytes, smaps.file_pmd_bytes)
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


# --- which mappings -----------------------------------------------------------------------------


def is_special(vma: HugeVma, vm_flags: tuple[str, ...]) -> bool:
    """Whether no transparent huge page can be here: hugetlb, device memory, the kernel's pages."""
    return vma.path in _SPECIAL_NAMES or not _SPECIAL_FLAGS.isdisjoint(vm_flags)


def has_whole_cell(vma: HugeVma) -> bool:
    """Whether a PMD could map any of it."""
    return -(-vma.start // PMD_BYTES) * PMD_BYTES + PMD_BYTES <= vma.end


def is_wanted(vma: HugeVma, protection: str, smaps: SmapsVma | None, large_folio: bool) -> bool:
    """Whether the mapping is looked at: all that hold a huge page or a part of a large folio.

    Beyond these, anonymous and shared memory that has room for a huge page and that may be touched
    or was, and files where the kernel says that it would give one.
    """
    if is_special(vma, () if smaps is None else smaps.vm_flags):
        return False
    if large_folio or (smaps is not None and pmd_bytes(smaps)):
        return True
    if not has_whole_cell(vma):
        return False
    if vma.backing.kind not in _SHMEM:
        return smaps is not None and smaps.thp_eligible is True
    used = smaps is None or smaps.rss_bytes != 0 or smaps.swap_bytes not in (0, None)
    return used or protection != "---"


# --- what only sums tell ------------------------------------------------------------------------


def settle_full(state: U8, flags: U8, smaps: SmapsVma | None) -> bool:
    """Without a scan: make full cells `mapped` or `split` in place where the sums of smaps leave
    only that, and mark them inferred elsewhere. Whether nothing is left open.
    """
    full = state == CellState.FULL
    candidates = int(full.sum())
    if candidates == 0:
        return True
    by_pmd = None if smaps is None else pmd_bytes(smaps)
    certain = not (flags[full] & CellFlag.INFERRED).any()
    if by_pmd == candidates * PMD_BYTES:
        state[full] = CellState.MAPPED
        flags[full] &= np.uint8(~CellFlag.INFERRED & 0xFF)
        return True
    if by_pmd == 0 and certain:
        state[full] = CellState.SPLIT
        return True
    flags[full] |= np.uint8(CellFlag.INFERRED)
    return by_pmd == 0


def settle_unread(mapping: ThpMapping) -> None:
    """A capture without the entries of a mapping that smaps counts pages of: say what its sums
    leave only one way for; all else is a hole that is inferred.
    """
    cells, vma, smaps = mapping.cells, mapping.vma, mapping.smaps
    size = vma.end - vma.start
    by_pmd = None if smaps is None else pmd_bytes(smaps)
    filled = smaps is not None and smaps.rss_bytes == size and size % PMD_BYTES == 0
    filled = filled and vma.start % PMD_BYTES == 0
    state = CellState.HOLE
    if filled:
        state = CellState.MAPPED if by_pmd == size else CellState.FULL
    cells.state[:] = state
    cells.mapped_pages[:] = PMD_PAGES if filled else 0
    cells.flags[:] = CellFlag.INFERRED
