"""/proc/PID/smaps: what it alone tells of hugetlb VMAs: VmFlags and, on HGM kernels, the levels.

Reading it walks the page tables of the whole process under mmap_lock: never in the fast path. Parsed by field name:
HGM kernels pad their columns two characters wider.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.maps import parse_line
from hugescope_agent.kernel.vma import HugeVma

HGM_FLAG: Final = "hm"
_HUGETLB_FLAG: Final = "ht"
_KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class SmapsVma:
    """One hugetlb VMA of smaps. The level fields are bytes, None on kernels that do not print them."""

    vma: HugeVma
    vm_flags: tuple[str, ...]
    pud_mapped_bytes: int | None
    pmd_mapped_bytes: int | None
    pte_mapped_bytes: int | None


def parse_huge(text: bytes, where: str) -> list[SmapsVma]:
    """The hugetlb VMAs of a smaps file, in address order; `where` is its name, for errors.

    Raises:
        BadCapture: a head line or a field is not what the kernel prints.
    """
    found = []
    head: tuple[bytes, int] | None = None
    fields: dict[bytes, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name, colon, value = line.partition(b":")
        if not colon or b"-" in name:
            head, fields = (line, number), {}
        elif name == b"VmFlags":
            if head is None:
                raise BadCapture(f"{where}:{number}: VmFlags before any mapping")
            flags = tuple(value.decode("ascii", "replace").split())
            if _HUGETLB_FLAG in flags:
                found.append(_smaps_vma(head, fields, flags, where))
        else:
            fields[name] = value
    return found


def _smaps_vma(
    head: tuple[bytes, int], fields: dict[bytes, bytes], flags: tuple[str, ...], where: str
) -> SmapsVma:
    line, number = head
    place = f"{where}:{number}"
    page_size = _bytes(fields, b"KernelPageSize", place)
    if page_size is None:
        raise BadCapture(f"{place}: hugetlb mapping without KernelPageSize")
    vma = parse_line(line, place).as_huge(page_size)
    if page_size < 1 or (vma.end - vma.start) % page_size or vma.end <= vma.start:
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
