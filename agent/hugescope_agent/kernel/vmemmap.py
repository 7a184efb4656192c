"""Struct pages: what they take, and what the HugeTLB vmemmap optimization (HVO) saves of them.

Each base page has a struct page of 64 bytes, in memory that is there for whole sections of 128 MiB
(x86-64, arm64 with pages of 4 KiB). HVO maps the struct pages of a huge page to one page: a 2 MiB
page has 8 pages of them and frees 7, a 1 GiB page frees 4095. vm.hugetlb_optimize_vmemmap says
whether pages that join a pool from now on are optimized.

vmstat counts that memory: nr_memmap_boot_pages what came at boot, nr_memmap_pages what came later.
Tried on Linux 6.18 with 192 sections: 98304 + 0 without HVO; 98272 + 4, which is 28 less, with 4
optimized pages of 2 MiB; 98272 + 32 when these left the pool. So what the sections need, less the
sum of both, is what is saved. page_ext and memory hot-added on its own terms are counted otherwise;
only a difference that whole optimized pages explain is believed. The page tables that HVO needs
itself, 4 KiB for 64 pages of 2 MiB, stand in no counter.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Final

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.nodes import zone_spans
from hugescope_agent.kernel.root import Root
from hugescope_wire.account import Vmemmap, VmemmapSaving
from hugescope_wire.cells import PAGE_BYTES
from hugescope_wire.snapshot import Pool

_SETTING: Final = "proc/sys/vm/hugetlb_optimize_vmemmap"
_ASKED: Final = re.compile(r"(?:^|\s)hugetlb_free_vmemmap=(\S+)")
_STRUCT_PAGE_BYTES: Final = 64
_SECTION_BYTES: Final = 128 << 20
_SECTION_FRAMES: Final = _SECTION_BYTES // PAGE_BYTES
_SECTION_MEMMAP_PAGES: Final = _SECTION_FRAMES * _STRUCT_PAGE_BYTES // PAGE_BYTES
_KEPT_PAGES: Final = 1
_COUNTERS: Final = re.compile(r"^nr_memmap_(?:boot_)?pages ([0-9]{1,20})$", re.MULTILINE)
_RAM: Final = re.compile(r"^( *)([0-9a-f]{1,16})-([0-9a-f]{1,16}) : System RAM", re.MULTILINE)
_PRESENT: Final = re.compile(r"^[ \t]+present[ \t]+([0-9]{1,16})$", re.MULTILINE)
_DEVICE_ZONE: Final = re.compile(
    r"^Node [0-9]+, zone +Device\n(?: .*\n)*? +spanned +[1-9]", re.MULTILINE
)
_MEMMAP_ON_MEMORY: Final = "sys/module/memory_hotplug/parameters/memmap_on_memory"
_HIGHEST_COUNT: Final = 1 << 62
_MOST_SECTIONS: Final = 1 << 20
"""128 TiB: a captured tree may list anything, and each section takes memory here."""


class NoAnswer(Exception):
    """What was asked cannot be told; the message says why."""


def read(root: Root, pools: Iterable[Pool]) -> Vmemmap:
    """What struct pages take on this host, and what HVO saves; `pools` tell how many pages there
    are to be optimized.

    Raises:
        BadCapture: the setting is not what the kernel writes.
    """
    totals = {p.page_size: max(0, p.total or 0) for p in pools if p.node is None}
    enabled = _enabled(root)
    memmap_pages, saved_pages, reason = None, None, None
    try:
        memmap_pages = counted_pages(root.read_text("proc/vmstat"))
        saved_pages = explained(_needed_pages(root) - memmap_pages, totals)
    except NoAnswer as error:
        reason = str(error)
    asked = _ASKED.search(root.read_text("proc/cmdline") or "")
    if enabled is None and asked:
        reason = f"the kernel was started with hugetlb_free_vmemmap={asked[1]}, but has no HVO"
    return Vmemmap(
        enabled=enabled,
        memmap_bytes=None if memmap_pages is None else memmap_pages * PAGE_BYTES,
        saved_bytes=None if saved_pages is None else saved_pages * PAGE_BYTES,
        sizes=[] if enabled is None else savings(totals),
        reason=reason,
    )


def freed_pages(page_size: int) -> int:
    """Base pages that optimizing one huge page frees; 0 where its struct pages fill no two."""
    return max(0, page_size // PAGE_BYTES * _STRUCT_PAGE_BYTES // PAGE_BYTES - _KEPT_PAGES)


def savings(totals: dict[int, int]) -> list[VmemmapSaving]:
    """What HVO saves of pools with so many pages by page size in bytes, if it is used on all."""
    return [
        VmemmapSaving(
            page_size=size,
            bytes_per_page=freed_pages(size) * PAGE_BYTES,
            at_most_bytes=freed_pages(size) * PAGE_BYTES * pages,
        )
        for size, pages in sorted(totals.items())
        if freed_pages(size)
    ]


def counted_pages(vmstat: str | None) -> int:
    """Base pages that hold struct pages now.

    Raises:
        NoAnswer: this kernel does not count them, the counter has underflowed, or vmstat is None,
            not there.
    """
    if vmstat is None:
        raise NoAnswer("there is no vmstat to be read")
    counts = [int(count) for count in _COUNTERS.findall(vmstat)]
    if len(counts) != 2:
        raise NoAnswer("vmstat does not count the memory of struct pages on this kernel")
    if max(counts) >= _HIGHEST_COUNT:
        raise NoAnswer("vmstat's nr_memmap_pages has underflowed")
    return sum(counts)


def explained(missing_pages: int, totals: dict[int, int]) -> int:
    """`missing_pages` if optimized pages of pools with these totals can be what is missing.

    Raises:
        NoAnswer: they cannot.
    """
    freed = {size: freed_pages(size) for size, pages in totals.items() if pages}
    at_most = sum(freed[size] * totals[size] for size in freed)
    step = math.gcd(*freed.values())
    if missing_pages == 0 or (0 < missing_pages <= at_most and missing_pages % step == 0):
        return missing_pages
    raise NoAnswer(
        f"struct pages take {abs(missing_pages)} pages "
        f"{'less' if missing_pages > 0 else 'more'} than this memory needs, "
        "which optimized huge pages do not explain"
    )


def ram_sections(iomem: str) -> frozenset[int] | None:
    """Sections with memory, by the lines `100000000-63fffffff : System RAM` of /proc/iomem; None
    where addresses are hidden, as they are from all but root.

    Raises:
        NoAnswer: memory was added as a part of a device, or it is more than any machine has.
    """
    ranges = [(int(first, 16), int(last, 16)) for _, first, last in _RAM.findall(iomem)]
    if not any(last for _, last in ranges):
        return None
    if any(indent for indent, _, _ in _RAM.findall(iomem)):
        raise NoAnswer("some memory belongs to a device, and may hold its own struct pages")
    return _sections(
        [(first // _SECTION_BYTES, last // _SECTION_BYTES + 1) for first, last in ranges]
    )


def zone_sections(zoneinfo: str) -> frozenset[int]:
    """Sections with memory, by zones that have no hole of a section's size.

    Raises:
        NoAnswer: there are such holes, or no zones, or it is more than any machine has.
    """
    spans = zone_spans(zoneinfo)
    spanned = sum(end - first for first, end, _ in spans)
    present = sum(map(int, _PRESENT.findall(zoneinfo)))
    if not spans or spanned - present >= _SECTION_FRAMES:
        raise NoAnswer("which memory there is can only be read by root, in /proc/iomem")
    return _sections(
        [(first // _SECTION_FRAMES, -(-end // _SECTION_FRAMES)) for first, end, _ in spans]
    )


def _sections(ranges: Sequence[tuple[int, int]]) -> frozenset[int]:
    """All numbers in ranges that end before their second one."""
    if sum(max(0, end - first) for first, end in ranges) > _MOST_SECTIONS:
        raise NoAnswer("more memory is listed than any machine has")
    return frozenset(section for first, end in ranges for section in range(first, end))


def _needed_pages(root: Root) -> int:
    """Base pages that all struct pages need.

    Raises:
        NoAnswer: which memory there is cannot be told.
    """
    zoneinfo = root.read_text("proc/zoneinfo") or ""
    if _DEVICE_ZONE.search(zoneinfo):
        raise NoAnswer("device memory has struct pages too, whose number is not known")
    if (root.read_text(_MEMMAP_ON_MEMORY) or "N") != "N":
        raise NoAnswer("memory that is added later holds its own struct pages (memmap_on_memory)")
    sections = ram_sections(root.read_text("proc/iomem") or "")
    return len(zone_sections(zoneinfo) if sections is None else sections) * _SECTION_MEMMAP_PAGES


def _enabled(root: Root) -> bool | None:
    text = root.read_text(_SETTING)
    if text is None:
        return None
    if text not in ("0", "1"):
        raise BadCapture(f"{_SETTING}: {text[:40]!r}, expected 0 or 1")
    return text == "1"
