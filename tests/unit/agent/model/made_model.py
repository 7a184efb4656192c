"""Mappings as the sampler keeps them, and a kernel's files as plain dictionaries."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.kpage import KpageFiles
from hugescope_agent.kernel.nodes import NodeMap
from hugescope_agent.kernel.pagemap import Pagemap, Scanner
from hugescope_agent.kernel.smaps import SmapsVma
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.join import Mappers
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.reader import CellReader
from hugescope_wire.cells import UNKNOWN_COUNT, CellState

MIB2 = 2 << 20
GIB = 1 << 30
START = 0x7E0000000000
PRESENT = 1 << 63
SUSPECT = 0x52
MARKER = 0x50
MAPPED = 0x4E
KPF_HUGE = 1 << 17
KPF_HWPOISON = 1 << 19


def huge_vma(cell_count: int, **other: Any) -> HugeVma:
    """A shared memfd mapping."""
    page_size = other.pop("page_size", MIB2)
    start = other.pop("start", START)
    facts: dict[str, Any] = {
        "shared": True,
        "offset": 0,
        "device": (0, 17),
        "inode": 7,
        "path": "/memfd:ram (deleted)",
    }
    return HugeVma(start, start + cell_count * page_size, page_size, **(facts | other))


def smaps_of(vma: HugeVma, flags: str = "rd wr sh ht", **levels: int | None) -> SmapsVma:
    """What smaps says; `levels` are pud, pmd and pte in bytes."""
    pud, pmd, pte = (levels.get(name) for name in ("pud", "pmd", "pte"))
    return SmapsVma(vma, tuple(flags.split()), pud, pmd, pte)


def tracked(number: int, cell_count: int, hgm: bool = False, **other: Any) -> TrackedMapping:
    """A mapping of which nothing was read yet."""
    vma = huge_vma(cell_count, **other)
    return TrackedMapping(number, vma, smaps_of(vma, "rd wr sh ht hm") if hgm else None)


def set_present(mapping: TrackedMapping, pfns: list[int | None]) -> npt.NDArray[np.uint64]:
    """Map cells as given: None is a hole, 0 present with a hidden PFN. Gives the old heads back."""
    before = mapping.head_pfn.copy()
    mapping.head_pfn[:] = [pfn or 0 for pfn in pfns]
    mapping.cells.state[:] = [CellState.HOLE if pfn is None else CellState.MAPPED for pfn in pfns]
    mapping.cells.mappers[mapping.cells.state == CellState.HOLE] = UNKNOWN_COUNT
    mapping.presence_changed()
    return before


@dataclass
class FakeKernel:
    """pagemap, scanner and kpage files over dictionaries: words by address, counts by PFN."""

    words: dict[int, int] = field(default_factory=dict)
    categories: dict[int, int] = field(default_factory=dict)
    count: dict[int, int] = field(default_factory=dict)
    flag: dict[int, int] = field(default_factory=dict)
    page_size: int = MIB2

    def map(self, cell: int, pfn: int, count: int = 1) -> None:
        """A page mapped at a cell."""
        address = START + cell * self.page_size
        self.words[address] = PRESENT | pfn
        self.categories[address] = MAPPED
        self.count[pfn] = count
        self.flag[pfn] = KPF_HUGE

    def unmap(self, cell: int, category: int = 0) -> None:
        """No page there any more; a category of suspects or markers may stay."""
        address = START + cell * self.page_size
        self.words.pop(address, None)
        self.categories.pop(address, None)
        if category:
            self.categories[address] = category

    @property
    def is_captured_scan(self) -> bool:
        return False

    def scan(self, _scanner: Scanner, start: int, end: int) -> bytes:
        """As Pagemap.scan."""
        return b"".join(
            struct.pack("<3Q", address, address + self.page_size, category)
            for address, category in sorted(self.categories.items())
            if start <= address < end
        )

    def words_at(self, addresses: npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
        """As Pagemap.words_at."""
        return np.array([self.words.get(at, 0) for at in addresses.tolist()], np.uint64)

    def words_in(self, start: int, end: int) -> npt.NDArray[np.uint64]:
        """As Pagemap.words_in; a word given for a huge page's head stands for that entry alone."""
        return np.array([self.words.get(at, 0) for at in range(start, end, 4096)], np.uint64)

    def map_parts(self, cell: int, pfn: int, pages: range) -> None:
        """4 KiB pages of a huge page, entry by entry; the rest of the cell is empty."""
        start = START + cell * self.page_size
        for page in range(self.page_size // 4096):
            self.words.pop(start + page * 4096, None)
        for page in pages:
            self.words[start + page * 4096] = PRESENT | (pfn + page)
            self.count[pfn + page] = 1

    def counts_in(self, first_pfn: int, count: int) -> npt.NDArray[np.uint64]:
        """As KpageFiles.counts_in."""
        return np.array([self.count.get(first_pfn + at, 0) for at in range(count)], np.uint64)

    def counts(self, pfns: npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
        """As KpageFiles.counts."""
        return np.array([self.count.get(pfn, 0) for pfn in pfns.tolist()], np.uint64)

    def flags(self, pfns: npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
        """As KpageFiles.flags."""
        return np.array([self.flag.get(pfn, 0) for pfn in pfns.tolist()], np.uint64)

    def pagemap(self) -> Pagemap:
        """This, as what it stands in for."""
        return cast("Pagemap", self)

    def reader(self, *, scan: bool = True, kpage: bool = True) -> CellReader:
        """A reader of this kernel."""
        files = cast("KpageFiles", self) if kpage else None
        return CellReader(
            cast("Scanner", self) if scan else None,
            files,
            NodeMap.of_spans([(1, 1 << 20, 0), (1 << 20, 1 << 30, 1)]),
            Mappers(MIB2, files),
        )
