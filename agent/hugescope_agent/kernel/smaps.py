"""/proc/PID/smaps: what it alone tells of VMAs: VmFlags, on HGM kernels the levels of hugetlb ones,
and what of the others is mapped by PMDs.

Reading it walks the page tables of the whole process under mmap_lock: never in the fast path.
Parsed by field name: HGM kernels pad their columns two characters wider.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.decimals import decimal
from hugescope_agent.kernel.maps import parse_line
from hugescope_agent.kernel.vma import HugeVma
from hugescope_wire.cells import PAGE_BYTES
from hugescope_wire.host import MAX_PAGE_BYTES

HUGETLB_FLAG: Final = "ht"
_HUGETLB: Final = HUGETLB_FLAG.encode()
_VM_FLAGS: Final = b"\nVmFlags:"
_FLAGS_LINE: Final = re.compile(rb"\nVmFlags:([^\n]*)\n?")
_HUGE_FIELD: Final = re.compile(
    rb"\n(KernelPageSize|Hugetlb(?:Pud|Pmd|Pte)Mapped|(?:Shared|Private)_Hugetlb):([^\n]*)"
)
_NEWLINE: Final = b"\n"
_KIB: Final = 1024
_HIGHEST_USER_VA: Final = 1 << 56
"""Five levels of page tables on x86-64."""


@dataclass(frozen=True, slots=True)
class SmapsVma:
    """One VMA of smaps. Fields are None on kernels that do not print them.

    The level fields are of hugetlb VMAs, those from `rss_bytes` on of all others only.
    `thp_eligible` is what the kernel says of VmFlags and settings together (THPeligible).
    Shared_Hugetlb and Private_Hugetlb hold migrating entries too, and poisoned ones where the
    kernel counts them; they move with every fault, so they make no difference between readings.
    """

    vma: HugeVma
    vm_flags: tuple[str, ...]
    pud_mapped_bytes: int | None
    pmd_mapped_bytes: int | None
    pte_mapped_bytes: int | None
    rss_bytes: int | None = None
    anonymous_bytes: int | None = None
    anon_huge_bytes: int | None = None
    shmem_pmd_bytes: int | None = None
    file_pmd_bytes: int | None = None
    swap_bytes: int | None = None
    thp_eligible: bool | None = None
    shared_hugetlb_bytes: int | None = field(default=None, compare=False)
    private_hugetlb_bytes: int | None = field(default=None, compare=False)

    @property
    def hugetlb_bytes(self) -> int | None:
        """Both together; None where one is not printed."""
        shared, private = self.shared_hugetlb_bytes, self.private_hugetlb_bytes
        return None if shared is None or private is None else shared + private


def parse_huge(text: bytes, where: str) -> list[SmapsVma]:
    """The hugetlb VMAs of a smaps file, in address order; `where` is its name, for errors.

    Only their entries are read field by field: VmFlags closes each entry and tells which they are.

    Raises:
        BadCapture: a head line or a field is not what the kernel prints, or the text ends in
        mid-entry.
    """
    return [
        _smaps_vma(text[start:end], flags, _Place(text, start, where))
        for start, end, words in _entries(text, where)
        if _HUGETLB in words and HUGETLB_FLAG in (flags := _flags(words))
    ]


def parse_others(text: bytes, where: str) -> list[SmapsVma]:
    """All VMAs but the hugetlb ones, as they are looked at for transparent huge pages; arguments
    and errors as in `parse_huge`.
    """
    return [
        _other_vma(text[start:end], flags, _Place(text, start, where))
        for start, end, words in _entries(text, where)
        if HUGETLB_FLAG not in (flags := _flags(words))
    ]


def _entries(text: bytes, where: str) -> Iterator[tuple[int, int, bytes]]:
    """Each entry: where its text begins and ends, and its VmFlags."""
    start = 0
    for line in _FLAGS_LINE.finditer(text):
        yield start, line.start(), line[1]
        start = line.end()
    if text[start:].strip():
        raise BadCapture(f"{where}: ends inside the entry of a mapping, at byte {len(text)}")


def _flags(words: bytes) -> tuple[str, ...]:
    return tuple(words.decode("ascii", "replace").split())


@dataclass(frozen=True, slots=True)
class _Place:
    """Names an entry in errors, by the file and the line that it begins with: lines are counted
    only where there is an error, or all entries together would count as many as their square.
    """

    text: bytes
    start: int
    where: str

    def __str__(self) -> str:
        return f"{self.where}:{self.text.count(_NEWLINE, 0, self.start) + 1}"


def count(text: bytes) -> int:
    """Mappings of any kind that a smaps file tells of."""
    return text.count(_VM_FLAGS)


def _other_vma(entry: bytes, flags: tuple[str, ...], place: _Place) -> SmapsVma:
    head, fields = _fields(entry, place)
    eligible = fields.get(b"THPeligible", b"").strip()
    return SmapsVma(
        parse_line(head, place).as_thp(),
        flags,
        None,
        None,
        None,
        _bytes(fields, b"Rss", place),
        _bytes(fields, b"Anonymous", place),
        _bytes(fields, b"AnonHugePages", place),
        _bytes(fields, b"ShmemPmdMapped", place),
        _bytes(fields, b"FilePmdMapped", place),
        _bytes(fields, b"Swap", place),
        eligible != b"0" if eligible else None,
    )


def _fields(entry: bytes, place: _Place) -> tuple[bytes, dict[bytes, bytes]]:
    """The head line of an entry, and its other lines by name."""
    head, *lines = entry.split(b"\n")
    if not head:
        raise BadCapture(f"{place}: VmFlags before any mapping")
    return head, dict(line.split(b":", 1) for line in lines if b":" in line)


def _smaps_vma(entry: bytes, flags: tuple[str, ...], place: _Place) -> SmapsVma:
    head = entry.partition(_NEWLINE)[0]
    if not head:
        raise BadCapture(f"{place}: VmFlags before any mapping")
    # Six of some twenty-five lines: to search for these costs a fraction of taking all apart.
    fields = dict(_HUGE_FIELD.findall(entry))
    page_size = _bytes(fields, b"KernelPageSize", place)
    if page_size is None:
        raise BadCapture(f"{place}: hugetlb mapping without KernelPageSize")
    if not PAGE_BYTES <= page_size <= MAX_PAGE_BYTES or page_size & (page_size - 1):
        raise BadCapture(f"{place}: KernelPageSize of {page_size} bytes is no page size")
    vma = parse_line(head, place).as_huge(page_size)
    if vma.end > _HIGHEST_USER_VA:
        raise BadCapture(f"{place}: {vma.end:#x} lies beyond any process")
    if vma.start % page_size or vma.end % page_size:
        raise BadCapture(f"{place}: mapping is no multiple of its page size {page_size}")
    return SmapsVma(
        vma,
        flags,
        _bytes(fields, b"HugetlbPudMapped", place),
        _bytes(fields, b"HugetlbPmdMapped", place),
        _bytes(fields, b"HugetlbPteMapped", place),
        shared_hugetlb_bytes=_bytes(fields, b"Shared_Hugetlb", place),
        private_hugetlb_bytes=_bytes(fields, b"Private_Hugetlb", place),
    )


def _bytes(fields: dict[bytes, bytes], name: bytes, place: _Place) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    number, _, unit = value.strip().partition(b" ")
    kib = decimal(number)
    if unit.strip() != b"kB" or kib is None:
        raise BadCapture(f"{place}: {name.decode()} is {value[:40]!r}, expected kB")
    return kib * _KIB
