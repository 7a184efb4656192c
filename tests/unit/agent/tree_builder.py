"""Builds captured trees: the files of a made-up kernel, page tables as sparse files.

What a test says of processes, mappings and pages is written out as the kernel would print it. No
code of the product is used, and `expected_cells` says in plain Python what a reader has to find.
"""

from __future__ import annotations

import shutil
import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

KIB = 1024
MIB2 = 2 << 20
GIB = 1 << 30
BASE = 4096
PRESENT = 1 << 63
SHARED = 1 << 61
UFFD_WP = 1 << 57
EXCLUSIVE = 1 << 56
KPF_HUGE = 1 << 17 | 1 << 15
FRAMES_FROM = 0x1000
"""The first head PFN of `frame`."""


def frame(number: int, page_size: int = MIB2) -> int:
    """The head PFN of the made-up host's n-th huge page of a size."""
    return FRAMES_FROM + number * (page_size // BASE)


@dataclass(frozen=True)
class MadeCell:
    """One huge page of a mapping: `pages` are the present 4 KiB pages of it, None for all.

    `pfn` is its head; 0 with `present` for a page whose PFN the kernel hid from the capturer.
    """

    pfn: int = 0
    present: bool = False
    pages: frozenset[int] | None = None
    exclusive: bool = False
    protected: bool = False

    def words(self, page_count: int) -> list[int]:
        """Its pagemap entries."""
        held = range(page_count) if self.pages is None else self.pages
        flags = EXCLUSIVE * self.exclusive | UFFD_WP * self.protected | PRESENT
        return [
            flags | (self.pfn and self.pfn + at)
            if self.present and at in held
            else UFFD_WP * self.protected
            for at in range(page_count)
        ]

    def page_count(self, page_size: int) -> int:
        """How many 4 KiB pages it maps."""
        if not self.present:
            return 0
        return page_size // BASE if self.pages is None else len(self.pages)


HOLE = MadeCell()
MARKER = MadeCell(protected=True)


def mapped(
    number: int, page_size: int = MIB2, *, exclusive: bool = False, protected: bool = False
) -> MadeCell:
    """A cell that maps the n-th huge page."""
    head = frame(number, page_size)
    return MadeCell(head, True, exclusive=exclusive, protected=protected)


@dataclass(frozen=True)
class MadeMapping:
    """One hugetlb VMA. `levels_kib` are the Pud, Pmd and Pte fields of HGM kernels; `lost_pages` of
    its holes are entries that smaps counts: poisoned, or migrating.
    """

    start: int
    cells: tuple[MadeCell, ...]
    page_size: int = MIB2
    shared: bool = True
    path: str = "/memfd:ram (deleted)"
    inode: int = 7
    offset: int = 0
    device: tuple[int, int] = (0, 17)
    flags: str = "rd wr sh mr mw me ms de ht sd"
    levels_kib: tuple[int, int, int] | None = None
    lost_pages: int = 0

    @property
    def end(self) -> int:
        """The address after the last."""
        return self.start + len(self.cells) * self.page_size

    @property
    def hgm(self) -> bool:
        """Whether parts of its pages may be mapped."""
        return "hm" in self.flags.split()

    def head_line(self) -> str:
        """Its line of maps."""
        line = (
            f"{self.start:08x}-{self.end:08x} rw-{'s' if self.shared else 'p'} {self.offset:08x} "
            f"{self.device[0]:02x}:{self.device[1]:02x} {self.inode} "
        )
        return f"{line:<73}{self.path}"

    def smaps_entry(self) -> str:
        """Its entry of smaps; HGM kernels pad two characters more."""
        wide = 10 if self.levels_kib else 8
        size_kib = (self.end - self.start) // KIB
        present_kib = sum(cell.page_count(self.page_size) for cell in self.cells) * 4
        present_kib += self.lost_pages * self.page_size // KIB
        fields = {
            "Size": size_kib,
            "KernelPageSize": self.page_size // KIB,
            "MMUPageSize": self.page_size // KIB,
            "Rss": 0,
            "Shared_Hugetlb": present_kib if self.shared else 0,
            "Private_Hugetlb": 0 if self.shared else present_kib,
        }
        if self.levels_kib:
            names = ("HugetlbPudMapped", "HugetlbPmdMapped", "HugetlbPteMapped")
            fields |= dict(zip(names, self.levels_kib, strict=True))
        lines = [f"{name + ':':<16}{kib:{wide}} kB" for name, kib in fields.items()]
        return "\n".join([self.head_line(), *lines, "THPeligible:    0", f"VmFlags: {self.flags} "])


@dataclass(frozen=True)
class MadeProcess:
    """One process; beside its hugetlb mappings it has one of small pages."""

    mappings: tuple[MadeMapping, ...]
    comm: str = "qemu"


@dataclass(frozen=True)
class MadeTree:
    """A whole host. `node_of_frame` splits PFNs: below `node_border` node 0, from there node 1."""

    processes: dict[int, MadeProcess] = field(default_factory=dict)
    pools: dict[tuple[int, int | None], tuple[int, int, int | None, int]] = field(
        default_factory=lambda: {(MIB2, None): (64, 60, 0, 0)}
    )
    node_border: int = frame(8)
    kpage: bool = True


SMALL = "00400000-00401000 r--p 00000000 fe:01 10                                 /prog"
SMALL_SMAPS = (
    f"{SMALL}\nSize:                  4 kB\nKernelPageSize:        4 kB\nVmFlags: rd mr mw me"
)


def write_words(path: Path, words: dict[int, int]) -> None:
    """A file of u64, sparse, each at its index."""
    with open(path, "wb") as file:
        expected = -1
        for index, word in sorted(words.items()):
            if index != expected:
                file.seek(index * 8)
            file.write(struct.pack("<Q", word))
            expected = index + 1


def write_process(directory: Path, process: MadeProcess) -> None:
    """proc/PID of one process."""
    directory.mkdir(parents=True)
    (directory / "comm").write_text(f"{process.comm}\n")
    mappings = sorted(process.mappings, key=lambda mapping: mapping.start)
    lines = [SMALL, *(mapping.head_line() for mapping in mappings)]
    (directory / "maps").write_text("\n".join(lines) + "\n")
    entries = [SMALL_SMAPS, *(mapping.smaps_entry() for mapping in mappings)]
    (directory / "smaps").write_text("\n".join(entries) + "\n")
    words: dict[int, int] = {}
    for mapping in mappings:
        page_count = mapping.page_size // BASE
        for at, cell in enumerate(mapping.cells):
            first = (mapping.start + at * mapping.page_size) // BASE
            words |= dict(enumerate(cell.words(page_count), first))
    write_words(directory / "pagemap", words)


def mapcounts(tree: MadeTree) -> Counter[int]:
    """kpagecount of every PFN: an entry of full size counts for each page of it."""
    counts: Counter[int] = Counter()
    for process in tree.processes.values():
        for mapping in process.mappings:
            for cell in mapping.cells:
                if cell.present and cell.pfn:
                    held = range(mapping.page_size // BASE) if cell.pages is None else cell.pages
                    counts.update(cell.pfn + at for at in held)
    return counts


def write_pools(root: Path, tree: MadeTree) -> None:
    """The counters of the pools."""
    for (page_size, node), (total, free, reserved, surplus) in tree.pools.items():
        place = "sys/kernel/mm" if node is None else f"sys/devices/system/node/node{node}"
        directory = root / place / "hugepages" / f"hugepages-{page_size // KIB}kB"
        directory.mkdir(parents=True)
        named = {"nr": total, "free": free, "resv": reserved, "surplus": surplus}
        for name, value in named.items():
            if value is not None:
                (directory / f"{name}_hugepages").write_text(f"{value % (1 << 64)}\n")


def zone(node: int, name: str, start_pfn: int, spanned: int) -> str:
    """One zone of zoneinfo, with some of what else stands there."""
    return (
        f"Node {node}, zone {name:>8}\n  pages free     5\n        boost    0\n"
        f"        spanned  {spanned}\n        present  {spanned}\n      nr_free_pages 5\n"
        f"  node_unreclaimable:  0\n  start_pfn:           {start_pfn}\n"
    )


def build(root: Path, tree: MadeTree) -> Path:
    """Write a tree, in place of what was at `root`; gives `root` back."""
    shutil.rmtree(root, ignore_errors=True)
    proc = root / "proc"
    proc.mkdir(parents=True)
    (proc / "version").write_text("Linux version 6.12.1 (made@up) #1 SMP\n")
    (proc / "zoneinfo").write_text(
        zone(0, "DMA32", 1, tree.node_border - 1) + zone(1, "Normal", tree.node_border, 1 << 24)
    )
    for pid, process in tree.processes.items():
        write_process(proc / str(pid), process)
    if tree.kpage:
        counts = mapcounts(tree)
        # Both files end with the machine's memory, not with the last page in use.
        counts[frame(512)] = 0
        write_words(proc / "kpagecount", dict(counts))
        write_words(proc / "kpageflags", dict.fromkeys(counts, KPF_HUGE))
    write_pools(root, tree)
    return root


Facts = tuple[str, int, int | None, int | None, int | None, frozenset[str]]
"""state, mapped bytes, mapcount, mappers, node, flags."""


def expected_cells(tree: MadeTree) -> dict[int, dict[int, list[Facts]]]:
    """What every cell of every mapping is, by pid and start, for trees whose PFNs are all known."""
    counts = mapcounts(tree)
    cells = [
        cell
        for process in tree.processes.values()
        for mapping in process.mappings
        for cell in mapping.cells
        if cell.present
    ]
    mappers = Counter(cell.pfn for cell in cells)

    def facts(cell: MadeCell, mapping: MadeMapping) -> Facts:
        flags = {"write_protected"} if cell.protected else set()
        if not cell.present:
            return ("marker" if flags else "hole", 0, None, None, None, frozenset(flags))
        flags |= {"exclusive"} if cell.exclusive else set()
        page_count = cell.page_count(mapping.page_size)
        state = "mapped" if page_count * BASE == mapping.page_size else "partial"
        held: Iterable[int] = range(page_count) if cell.pages is None else cell.pages
        count = max(counts[cell.pfn + at] for at in held) if tree.kpage else None
        node = int(cell.pfn >= tree.node_border)
        return (state, page_count * BASE, count, mappers[cell.pfn], node, frozenset(flags))

    return {
        pid: {
            mapping.start: [facts(cell, mapping) for cell in mapping.cells]
            for mapping in process.mappings
        }
        for pid, process in tree.processes.items()
        if process.mappings
    }
