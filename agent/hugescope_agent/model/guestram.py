"""Which mappings of a VMM are its guest's RAM, by what its command line says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.qemu import Backend, RamLayout
from hugescope_wire.snapshot import GuestRam

_CREATED: Final = re.compile(r"qemu_back_mem\.(?P<region>.+)\.[A-Za-z0-9]{6}", re.DOTALL)
"""The file that QEMU makes in a directory (system/physmem.c, file_ram_open). The region is the
backend's id; machine types before 4.0 write it as "/objects/ID", with "_" for "/".
"""

_File = tuple[tuple[int, int], int]
"""Device and inode."""


def guest_ram(layout: RamLayout, vmas: Sequence[HugeVma]) -> dict[HugeVma, GuestRam]:
    """The mappings that are RAM; only those of which it is certain which piece they are."""
    files: dict[_File, list[HugeVma]] = {}
    for vma in vmas:
        if vma.kind == "hugetlb":
            files.setdefault((vma.device, vma.inode), []).append(vma)
    found: dict[HugeVma, list[GuestRam]] = {}
    for piece in layout.pieces:
        backend = piece.backend
        shown = [group for group in files.values() if _holds(group, backend)]
        rivals = [one for one in layout.backends if _looks_like(one, backend)]
        if len(shown) != 1 or len(rivals) != 1:
            continue
        for vma in shown[0]:
            at = vma.offset - backend.file_offset
            if at >= 0 and at + vma.end - vma.start <= _rounded(backend.size_bytes, vma.page_size):
                ram = GuestRam(
                    offset=piece.offset + at, backend=backend.name, low_bytes=layout.low_bytes
                )
                found.setdefault(vma, []).append(ram)
    # Two pieces in one place of a file: the mapping does not tell which.
    return {vma: ram for vma, (ram, *more) in found.items() if not more}


def _holds(mappings: Sequence[HugeVma], backend: Backend) -> bool:
    """Whether the file of these mappings can be this backend's."""
    first = mappings[0]
    name = first.backing.name or ""
    if backend.kind == "memfd":
        telling = first.backing.kind == "memfd" and name == backend.memfd
        return telling and _has_size(mappings, backend)
    if backend.kind != "file" or first.backing.kind != "hugetlbfs":
        return False
    if name == backend.path:
        return True
    created = _CREATED.fullmatch(name.rpartition("/")[2])
    if created is None:
        return False
    if backend.name is None:
        return _has_size(mappings, backend)
    return created["region"] in (backend.name, f"_objects_{backend.name}")


def _looks_like(one: Backend, other: Backend) -> bool:
    """Whether nothing would tell their files apart."""
    if one == other:
        return True
    same_size = one.size_bytes == other.size_bytes
    unnamed = one.kind == "file" and None in (one.name, other.name)
    same_memfd = one.kind == "memfd" and one.memfd == other.memfd
    return one.kind == other.kind and same_size and (same_memfd or unnamed)


def _has_size(mappings: Iterable[HugeVma], backend: Backend) -> bool:
    """Whether these mappings together show the whole of a file of that size, and no more."""
    covered = 0
    page_size = 1
    for vma in sorted(mappings, key=lambda vma: vma.offset):
        if vma.offset > covered:
            return False
        covered = max(covered, vma.offset + vma.end - vma.start)
        page_size = vma.page_size
    return covered == _rounded(backend.size_bytes, page_size)


def _rounded(size_bytes: int, page_size: int) -> int:
    return -(-size_bytes // page_size) * page_size
