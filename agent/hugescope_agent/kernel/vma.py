"""A hugetlb VMA, from whichever file told of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hugescope_wire.snapshot import Backing, BackingKind

_DELETED: Final = " (deleted)"


@dataclass(frozen=True, slots=True)
class HugeVma:
    """One hugetlb VMA; its identity within a process' life.

    Attributes:
        start, end: virtual addresses in bytes, multiples of `page_size`.
        page_size: bytes of a huge page of its hstate.
        shared: VM_SHARED or VM_MAYSHARE, the `s` in maps.
        offset: bytes into the file or segment.
        device: (major, minor) of the hugetlbfs that the pages live in.
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

    @property
    def cell_count(self) -> int:
        """Huge pages that the VMA spans."""
        return (self.end - self.start) // self.page_size

    @property
    def backing(self) -> Backing:
        """What is mapped, told from the path.

        Kernel: hugetlb_file_setup() names the files of its internal mounts "anon_hugepage",
        "memfd:NAME" and "SYSV%08x"; they are unlinked from the start. Everything else is a file of
        a mounted hugetlbfs.
        """
        kind: BackingKind
        name: str | None = self.path.removesuffix(_DELETED)
        if self.path == f"/anon_hugepage{_DELETED}":
            kind, name = "anonymous", None
        elif self.path.startswith("/memfd:") and self.path.endswith(_DELETED):
            kind, name = "memfd", (name or "").removeprefix("/memfd:")
        elif re.fullmatch(r"/SYSV[0-9a-f]{8} \(deleted\)", self.path):
            kind, name = "sysv", (name or "").removeprefix("/")
        else:
            # The kernel gives no path that is longer than PATH_MAX.
            kind, name = "hugetlbfs", name or None
        return Backing(kind=kind, name=name, inode=self.inode, offset=self.offset)


def unescape_path(raw: bytes) -> str:
    """A path of maps or smaps, in which the kernel escapes the newline and nothing else."""
    return raw.replace(b"\\012", b"\n").decode("utf-8", "replace")
