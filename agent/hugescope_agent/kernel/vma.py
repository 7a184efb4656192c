"""A VMA of huge pages, hugetlb or transparent ones, from whichever file told of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from hugescope_wire.snapshot import Backing, BackingKind

_DELETED: Final = " (deleted)"
_SHARED_ANONYMOUS: Final = ("/dev/zero", "[anon_shmem:")
"""How the kernel calls the file behind a shared anonymous mapping, and one that was given a name
by prctl.
"""


@dataclass(frozen=True, slots=True)
class HugeVma:
    """One VMA; its identity within a process' life.

    Attributes:
        start, end: virtual addresses in bytes; those of a hugetlb VMA are multiples of `page_size`.
        page_size: bytes of a huge page of its hstate, or of a PMD where `kind` is "thp".
        shared: VM_SHARED or VM_MAYSHARE, the `s` in maps.
        offset: bytes into the file or segment.
        device: (major, minor) of the file system that the pages live in; (0, 0) without a file.
        path: as the kernel prints it, with " (deleted)" where it does.
    """

    start: int
    end: int
    page_size: int
    shared: bool
    offset: int
    device: tuple[int, int]
    inode: int
    path: str
    kind: Literal["hugetlb", "thp"] = "hugetlb"

    @property
    def first_va(self) -> int:
        """Where cell 0 begins: `start`, rounded down where a THP mapping begins in mid-cell."""
        return self.start - self.start % self.page_size

    @property
    def cell_count(self) -> int:
        """Cells that the VMA touches, the first and the last one perhaps in part."""
        return -(-(self.end - self.first_va) // self.page_size)

    @property
    def has_file(self) -> bool:
        """Also one of no name, and a SysV segment, whose inode may be 0: the first one's id."""
        return self.device != (0, 0) or self.inode != 0

    @property
    def backing(self) -> Backing:
        """What is mapped, told from the path.

        Kernel: hugetlb_file_setup() names the files of its internal mounts "anon_hugepage",
        "memfd:NAME" and "SYSV%08x"; they are unlinked from the start. Everything else is a file of
        a mounted hugetlbfs. shmem names its own likewise, and "/dev/zero" what is shared anonymous.
        """
        kind: BackingKind
        name: str | None = self.path.removesuffix(_DELETED)
        if self.kind == "thp" and (not self.has_file or self.path.startswith(_SHARED_ANONYMOUS)):
            kind, name = "anonymous", None if self.path.startswith("/dev/zero") else name or None
        elif self.path == f"/anon_hugepage{_DELETED}":
            kind, name = "anonymous", None
        elif self.path.startswith("/memfd:") and self.path.endswith(_DELETED):
            kind, name = "memfd", (name or "").removeprefix("/memfd:")
        elif re.fullmatch(r"/SYSV[0-9a-f]{8} \(deleted\)", self.path):
            kind, name = "sysv", (name or "").removeprefix("/")
        else:
            # The kernel gives no path that is longer than PATH_MAX.
            kind, name = "hugetlbfs" if self.kind == "hugetlb" else "file", name or None
        inode = None if self.kind == "thp" and not self.has_file else self.inode
        return Backing(kind=kind, name=name, inode=inode, offset=self.offset)


def unescape_path(raw: bytes) -> str:
    """A path of maps or smaps, in which the kernel escapes the newline and nothing else."""
    return raw.replace(b"\\012", b"\n").decode("utf-8", "replace")
