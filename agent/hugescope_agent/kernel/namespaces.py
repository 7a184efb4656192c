"""The mount namespaces of a host: every hugetlbfs that is mounted in any of them, and what had
better not be touched.

A process in a container has mounts of its own, and the files in them hold pages of the same pool.
Each namespace is read once, through one of its processes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from hugescope_agent.kernel import hugetlbfs, mountinfo
from hugescope_agent.kernel.hugetlbfs import HugeFile, HugetlbfsMount, Walk
from hugescope_agent.kernel.mountinfo import Device
from hugescope_agent.kernel.root import Root

_WAITING: Final = frozenset(
    {
        "9p",
        "afs",
        "autofs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "fuse",
        "fuseblk",
        "gfs2",
        "gpfs",
        "lustre",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "smb3",
        "virtiofs",
    }
)
"""File systems in which a stat may wait for another machine or process, for ever."""


@dataclass(frozen=True, slots=True)
class MountView:
    """What all mount namespaces that were read have mounted.

    Attributes:
        hugetlbfs: every mount of one, several of the same file system too.
        waiting: prefixes of paths, each ending in a slash, below which a stat may hang.
        unread: namespaces that could not be read.
    """

    hugetlbfs: tuple[HugetlbfsMount, ...] = ()
    waiting: tuple[str, ...] = ()
    unread: int = 0

    @property
    def devices(self) -> frozenset[Device]:
        """Of every mounted hugetlbfs."""
        return frozenset(mount.device for mount in self.hugetlbfs)

    @property
    def points(self) -> tuple[str, ...]:
        """Prefixes of the paths of files in a mounted hugetlbfs; a file may be mounted itself."""
        points = {mount.point.rstrip("/") for mount in self.hugetlbfs}
        return tuple(sorted({f"{point}/" for point in points} | (points - {""})))


@dataclass(frozen=True, slots=True)
class MountedFiles:
    """The files of all mounted hugetlbfs, each once.

    Attributes:
        cut: mounts with more than was looked at.
        unreached: file systems that could not be walked, by one of their mounts.
    """

    files: list[HugeFile] = field(default_factory=list)
    cut: list[HugetlbfsMount] = field(default_factory=list)
    unreached: list[HugetlbfsMount] = field(default_factory=list)


_OWN: Final = ("self", "1")
"""Whose paths need no prefix to be found: the reader's own, and the host's."""


def survey(root: Root, pids: Iterable[int]) -> MountView:
    """Read the mounts of this process, of pid 1 and of each other namespace among `pids`.

    In a captured tree nothing is mounted.
    """
    if not root.live:
        return MountView()
    found: dict[HugetlbfsMount, None] = {}
    waiting: set[str] = set()
    spaces: set[str] = set()
    failed: set[str] = set()
    texts: set[str] = set()
    for process in (*_OWN, *map(str, pids)):
        space = _namespace(root, process)
        if space in spaces:
            continue
        text = _mountinfo(root, process)
        if text is None and space is not None and _namespace(root, process) == space:
            failed.add(space)
        # Empty is what a process sees that has changed its root directory: ask another one.
        if not text:
            continue
        # Where namespaces are not told, their texts tell them apart: no two mounts share an id. Nor
        # is the root directory of such a process to be had, so another one is welcome later.
        if space is None and text in texts:
            continue
        if space is not None:
            spaces.add(space)
        texts.add(text)
        through = f"proc/{process}/root"
        prefix = "" if process in _OWN else f"/{through}"
        found |= dict.fromkeys(hugetlbfs.mounts(text, through, prefix))
        waiting |= _waiting_points(text)
    return MountView(tuple(found), tuple(sorted(waiting)), len(failed - spaces))


def walk_all(root: Root, view: MountView, limit: int = hugetlbfs.MAX_ENTRIES) -> MountedFiles:
    """Every file in every mounted hugetlbfs, by the first of its mounts that can be reached.

    Paths in another mount namespace than the reader's begin with /proc/PID/root of one in it.
    """
    found = MountedFiles()
    seen: set[tuple[Device, int]] = set()
    reached: list[tuple[Device, str]] = []
    parts: dict[tuple[Device, str], list[HugetlbfsMount]] = {}
    for mount in view.hugetlbfs:
        parts.setdefault((mount.device, mount.base), []).append(mount)
    for part in sorted(parts, key=lambda part: len(part[1])):
        if any(_shows(other, part) for other in reached):
            continue
        for mount in parts[part]:
            looked = hugetlbfs.walk(root, mount, limit)
            if looked is not None:
                reached.append(part)
                _add(found, mount, looked, seen)
                break
        else:
            found.unreached.append(parts[part][0])
    return found


def _shows(other: tuple[Device, str], part: tuple[Device, str]) -> bool:
    """Whether a mount of `other` shows all that one of `part` does."""
    return other[0] == part[0] and part[1].startswith(f"{other[1].rstrip('/')}/")


def _add(
    found: MountedFiles, mount: HugetlbfsMount, looked: Walk, seen: set[tuple[Device, int]]
) -> None:
    for file in looked.files:
        if file.key not in seen:
            seen.add(file.key)
            found.files.append(file)
    if looked.cut:
        found.cut.append(mount)


def _namespace(root: Root, process: str) -> str | None:
    try:
        return root.link(f"proc/{process}/ns/mnt")
    except OSError:
        return None


def _mountinfo(root: Root, process: str) -> str | None:
    try:
        return os.fsdecode(root.read(f"proc/{process}/mountinfo"))
    except OSError:
        return None


def _waiting_points(text: str) -> set[str]:
    return {
        f"{mount.point.rstrip('/')}/"
        for mount in mountinfo.parse(text)
        if mount.type.partition(".")[0] in _WAITING
    }
