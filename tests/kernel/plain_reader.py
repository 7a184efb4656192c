"""A slow and obvious reading of every pagemap entry: the witness that the product is held against.

It shares no code with the product, needs no ioctl and no numpy, and trusts nothing but files:

- ``proc/PID/smaps`` names the hugetlb VMAs (``VmFlags: ht``) and their page size.
- ``proc/PID/pagemap`` holds one little-endian u64 for each 4 KiB of address space.
  Bits 0-54 are the PFN, 56 exclusive, 57 userfaultfd write-protected, 63 present.
- ``proc/kpageflags`` and ``proc/kpagecount`` hold one little-endian u64 for each PFN.
- ``proc/zoneinfo`` gives the PFN spans of each node.

Source of the formats: Documentation/admin-guide/mm/pagemap.rst and fs/proc/task_mmu.c.
The root is ``/`` for the live kernel or the top of a captured tree.
"""

import re
import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

BASE_PAGE = 4096
PFN_MASK = (1 << 55) - 1
PM_EXCLUSIVE = 1 << 56
PM_UFFD_WP = 1 << 57
PM_PRESENT = 1 << 63
KPF_COMPOUND_HEAD = 1 << 15
KPF_HUGE = 1 << 17

VMA_LINE = re.compile(
    r"([0-9a-f]+)-([0-9a-f]+) ([r-][w-][x-])([ps]) ([0-9a-f]+) [0-9a-f]+:[0-9a-f]+ (\d+) *(.*)"
)


class ReadingError(Exception):
    """A file does not hold what the kernel's format promises; the message names it."""


@dataclass(frozen=True)
class Vma:
    """One hugetlb VMA: addresses and sizes in bytes, level_kb as smaps gives it, or empty."""

    pid: int
    start: int
    end: int
    offset: int
    inode: int
    shared: bool
    path: str
    page_size: int
    vm_flags: tuple[str, ...]
    level_kb: dict[str, int] = field(default_factory=dict, hash=False)

    @property
    def split_allowed(self) -> bool:
        """Whether HGM may map a huge page of this VMA in parts."""
        return "hm" in self.vm_flags

    @property
    def backing(self) -> tuple[str, str]:
        """Kind and bare name of what lies behind the VMA, from the path that maps shows."""
        bare = self.path.removesuffix(" (deleted)")
        if bare.startswith("/memfd:"):
            return "memfd", bare.removeprefix("/memfd:")
        if bare == "/anon_hugepage":
            return "anonymous", "anon_hugepage"
        if re.fullmatch(r"/SYSV[0-9a-f]{8}", bare):
            return "sysv", bare.removeprefix("/")
        return "hugetlbfs", bare


@dataclass(frozen=True)
class Cell:
    """What page tables say of one huge page; head_pfn is None where no PFN can be read."""

    state: str
    mapped_bytes: int
    mapcount: int | None
    node: int | None
    head_pfn: int | None = None
    exclusive: bool = False
    write_protected: bool = False


@dataclass(frozen=True)
class Pool:
    """One pool's counters in pages; node None is the host, a None counter has no file."""

    page_size: int
    node: int | None
    total: int | None
    free: int | None
    reserved: int | None
    surplus: int | None


def read_u64s(path: Path, index: int, count: int) -> list[int]:
    """Read ``count`` u64 from entry ``index`` on; shorter than asked where the file ends."""
    data = b""
    with open(path, "rb", buffering=0) as file:
        file.seek(index * 8)
        while len(data) < count * 8:
            more = file.read(count * 8 - len(data))
            if not more:
                break
            data += more
    whole = len(data) // 8
    return list(struct.unpack(f"<{whole}Q", data[: whole * 8]))


def pids(root: Path) -> list[int]:
    """All process ids under ``root``/proc, in ascending order."""
    return sorted(int(entry.name) for entry in (root / "proc").iterdir() if entry.name.isdigit())


def hugetlb_vmas(root: Path, pid: int) -> list[Vma]:
    """The hugetlb VMAs of a process in address order, from smaps; maps must list each too."""
    process = root / "proc" / str(pid)
    # Surrogates keep a name that is not UTF-8 as it is.
    smaps = (process / "smaps").read_text(errors="surrogateescape").split("\n")
    maps = (process / "maps").read_text(errors="surrogateescape").split("\n")
    found = []
    header: re.Match[str] | None = None
    header_line = ""
    fields: dict[str, str] = {}
    for line in smaps:
        match = VMA_LINE.fullmatch(line)
        if match:
            header, header_line, fields = match, line, {}
            continue
        name, _, value = line.partition(":")
        fields[name] = value.strip()
        if name == "VmFlags" and header is not None and "ht" in value.split():
            if header_line not in maps:
                raise ReadingError(f"{process}/maps lacks the line {header_line!r} of smaps")
            found.append(vma_of(pid, header, fields))
    return found


def vma_of(pid: int, header: re.Match[str], fields: dict[str, str]) -> Vma:
    """One VMA from its smaps header line and the fields below it."""
    start, end, _, sharing, offset, inode, path = header.groups()
    levels = ("HugetlbPudMapped", "HugetlbPmdMapped", "HugetlbPteMapped")
    return Vma(
        pid=pid,
        start=int(start, 16),
        end=int(end, 16),
        offset=int(offset, 16),
        inode=int(inode),
        shared=sharing == "s",
        path=path,
        page_size=int(fields["KernelPageSize"].split()[0]) * 1024,
        vm_flags=tuple(fields["VmFlags"].split()),
        level_kb={name: int(fields[name].split()[0]) for name in levels if name in fields},
    )


def node_spans(root: Path) -> list[tuple[int, int, int]]:
    """(node, first PFN, PFN after the last) of every zone that spans anything."""
    spans = []
    node = spanned = -1
    for line in (root / "proc" / "zoneinfo").read_text().splitlines():
        words = line.replace(",", "").split()
        if words[:1] == ["Node"]:
            node, spanned = int(words[1]), -1
        elif words[:1] == ["spanned"]:
            spanned = int(words[1])
        elif words[:1] == ["start_pfn:"] and spanned > 0:
            spans.append((node, int(words[1]), int(words[1]) + spanned))
    return spans


def node_of(pfn: int, spans: Iterable[tuple[int, int, int]]) -> int | None:
    """The node of a PFN; None where no span, or spans of two nodes, hold it."""
    nodes = {node for node, first, after in spans if first <= pfn < after}
    return nodes.pop() if len(nodes) == 1 else None


def head_pfn(vma: Vma, address: int, entries: list[int]) -> int | None:
    """The PFN of the huge page's first 4 KiB, proved by every present entry; None without PFNs.

    Raises:
        ReadingError: two present entries of one cell disagree on where their huge page begins.
    """
    pfns = {i: entry & PFN_MASK for i, entry in enumerate(entries) if entry & PM_PRESENT}
    if 0 in pfns.values():
        return None
    heads = {pfn - i for i, pfn in pfns.items()}
    if len(heads) != 1:
        raise ReadingError(f"pid {vma.pid}: cell at {address:#x} has several huge pages: {heads}")
    return heads.pop()


def check_flags(root: Path, vma: Vma, address: int, head: int) -> None:
    """Raise where kpageflags says that the PFN is not the head of a huge page."""
    path = root / "proc" / "kpageflags"
    flags = read_u64s(path, head, 1) if path.exists() else []
    wanted = KPF_HUGE | KPF_COMPOUND_HEAD
    if flags and flags[0] & wanted != wanted:
        raise ReadingError(f"pid {vma.pid}: cell at {address:#x}: kpageflags is {flags[0]:#x}")


def mapcount_of(root: Path, vma: Vma, head: int, entries: list[int]) -> int | None:
    """The head's kpagecount; under HGM the largest one of the 4 KiB pages that are present."""
    path = root / "proc" / "kpagecount"
    if not path.exists():
        return None
    counts = read_u64s(path, head, len(entries) if vma.split_allowed else 1)
    if not vma.split_allowed:
        return counts[0] if counts else None
    if len(counts) < len(entries):
        return None
    return max(count for count, entry in zip(counts, entries, strict=True) if entry & PM_PRESENT)


def read_cell(root: Path, vma: Vma, address: int, spans: list[tuple[int, int, int]]) -> Cell:
    """Read one huge page of a VMA, entry by entry.

    A page mapped in full gets the state ``full`` in an HGM VMA, where a look at pagemap cannot
    tell a large entry from many small ones, and ``mapped`` everywhere else.
    """
    pagemap = root / "proc" / str(vma.pid) / "pagemap"
    per_page = vma.page_size // BASE_PAGE
    entries = read_u64s(pagemap, address // BASE_PAGE, per_page)
    if len(entries) < per_page:
        raise ReadingError(f"{pagemap} ends inside the cell at {address:#x}")
    present = sum(1 for entry in entries if entry & PM_PRESENT)
    if present == 0:
        marked = any(entry & PM_UFFD_WP for entry in entries)
        return Cell("marker" if marked else "hole", 0, None, None, write_protected=marked)
    if present < per_page and not vma.split_allowed:
        raise ReadingError(f"{pagemap}: a mainline huge page at {address:#x} is mapped in part")
    head = head_pfn(vma, address, entries)
    if head is not None:
        check_flags(root, vma, address, head)
    in_full = "full" if vma.split_allowed else "mapped"
    return Cell(
        state=in_full if present == per_page else "partial",
        mapped_bytes=present * BASE_PAGE,
        mapcount=None if head is None else mapcount_of(root, vma, head, entries),
        node=None if head is None else node_of(head, spans),
        head_pfn=head,
        exclusive=all(entry & PM_EXCLUSIVE for entry in entries if entry & PM_PRESENT),
        write_protected=all(entry & PM_UFFD_WP for entry in entries if entry & PM_PRESENT),
    )


def full_state(vma: Vma, cells: list[Cell]) -> str:
    """What ``full`` cells of an HGM VMA are, where the bytes at the page's own level decide it.

    They do when they are all of the full pages (``mapped``) or nothing (``split``); anything
    between leaves open which page is which (``full``), and so do missing fields.
    """
    own_level = "HugetlbPmdMapped" if vma.page_size == 2 << 20 else "HugetlbPudMapped"
    own_bytes = vma.level_kb.get(own_level, -1) * 1024
    if own_bytes == sum(cell.mapped_bytes for cell in cells if cell.state == "full"):
        return "mapped"
    return "split" if own_bytes == 0 else "full"


def read_cells(root: Path, vma: Vma) -> list[Cell]:
    """Every cell of a VMA in address order."""
    spans = node_spans(root)
    addresses = range(vma.start, vma.end, vma.page_size)
    cells = [read_cell(root, vma, address, spans) for address in addresses]
    in_full = full_state(vma, cells)
    return [
        Cell(**{**vars(cell), "state": in_full}) if cell.state == "full" else cell for cell in cells
    ]


def read_process(root: Path, pid: int) -> dict[Vma, list[Cell]]:
    """Every hugetlb VMA of a process with its cells."""
    return {vma: read_cells(root, vma) for vma in hugetlb_vmas(root, pid)}


def mappers(readings: Iterable[dict[Vma, list[Cell]]]) -> Counter[int]:
    """How many VMAs, over all the processes read, map each head PFN, in part or in full."""
    count: Counter[int] = Counter()
    for reading in readings:
        for cells in reading.values():
            count.update({cell.head_pfn for cell in cells if cell.head_pfn is not None})
    return count


def pools(root: Path) -> set[Pool]:
    """Every hugetlb pool under sysfs: of the host, and of each node."""
    found = set()
    places: list[tuple[int | None, Path]] = [(None, root / "sys/kernel/mm/hugepages")]
    for directory in (root / "sys/devices/system/node").glob("node[0-9]*"):
        places.append((int(directory.name.removeprefix("node")), directory / "hugepages"))
    for node, place in places:
        for directory in place.glob("hugepages-*kB"):
            size_kb = int(directory.name.removeprefix("hugepages-").removesuffix("kB"))
            counters = [
                int((directory / name).read_text()) if (directory / name).exists() else None
                for name in (
                    "nr_hugepages",
                    "free_hugepages",
                    "resv_hugepages",
                    "surplus_hugepages",
                )
            ]
            found.add(Pool(size_kb * 1024, node, *counters))
    return found
