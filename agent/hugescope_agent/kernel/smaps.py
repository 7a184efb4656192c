"""/proc/PID/smaps: what it alone tells of hugetlb VMAs: VmFlags and, on HGM kernels, the levels.

Reading it walks the page tables of the whole process under mmap_lock: never in the fast path.
Parsed by field name: HGM kernels pad their columns two characters wider.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.maps import parse_line
from hugescope_agent.kernel.vma import HugeVma
from hugescope_wire.cells import PAGE_BYTES
from hugescope_wire.host import MAX_PAGE_BYTES

_HUGETLB_FLAG: Final = b"ht"
_VM_FLAGS: Final = b"\nVmFlags:"
_KIB: Final = 1024
_HIGHEST_USER_VA: Final = 1 << 56
"""Five levels of page tables on x86-64."""


@dataclass(frozen=True, slots=True)
class SmapsVma:
    """One hugetlb VMA of smaps. Level fields are bytes, None on kernels that do not print them."""

    vma: HugeVma
    vm_flags: tuple[str, ...]
    pud_mapped_bytes: int | None
    pmd_mapped_bytes: int | None
    pte_mapped_bytes: int | None


def parse_huge(text: bytes, where: str) -> list[SmapsVma]:
    """The hugetlb VMAs of a smaps file, in address order; `where` is its name, for errors.

    Only their entries are read field by field: VmFlags closes each entry and tells which they are.

    Raises:
        BadCapture: a head line or a field is not what the kernel prints, or the text ends in
        mid-entry.
    """
    found = []
    start = 0
    while (at := text.find(_VM_FLAGS, start)) >= 0:
        end = text.find(b"\n", at + 1)
        end = len(text) if end < 0 else end
        flags = text[at + len(_VM_FLAGS) : end].split()
        if _HUGETLB_FLAG in flags:
            number = text.count(b"\n", 0, start) + 1
            words = tuple(flag.decode("ascii", "replace") for flag in flags)
            found.append(_smaps_vma(text[start:at].split(b"\n"), words, f"{where}:{number}"))
        start = end + 1
    if text[start:].strip():
        raise BadCapture(f"{where}: ends inside the entry of a mapping, at byte {len(text)}")
    return found


def count(text: bytes) -> int:
    """Mappings of any kind that a smaps file tells of."""
    return text.count(_VM_FLAGS)


def _smaps_vma(entry: list[bytes], flags: tuple[str, ...], place: str) -> SmapsVma:
    if not entry:
        raise BadCapture(f"{place}: VmFlags before any mapping")
    fields = dict(line.split(b":", 1) for line in entry[1:] if b":" in line)
    page_size = _bytes(fields, b"KernelPageSize", place)
    if page_size is None:
        raise BadCapture(f"{place}: hugetlb mapping without KernelPageSize")
    if not PAGE_BYTES <= page_size <= MAX_PAGE_BYTES or page_size & (page_size - 1):
        raise BadCapture(f"{place}: KernelPageSize of {page_size} bytes is no page size")
    vma = parse_line(entry[0], place).as_huge(page_size)
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
    )


def _bytes(fields: dict[bytes, bytes], name: bytes, place: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    number, _, unit = value.strip().partition(b" ")
    if unit.strip() != b"kB" or not number.isdigit():
        raise BadCapture(f"{place}: {name.decode()} is {value!r}, expected kB")
    return int(number) * _KIB
