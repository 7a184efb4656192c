"""hugetlbfs: device numbers, mounts, and the files in them.

The kernel keeps an internal, invisible hugetlbfs mount for each page size; a hugetlb memfd lives in
it, so an empty one tells its device number and takes no page. Mounted ones stand in mountinfo, with
the options of fs/hugetlbfs/inode.c, hugetlbfs_show_options(): pagesize in K or M, size and min_size
in bytes. A file's st_blksize is its huge page size and its st_blocks counts its pages exactly.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from hugescope_agent.kernel import mountinfo
from hugescope_agent.kernel.mountinfo import Device

if TYPE_CHECKING:
    # The opener walks too, and is to import little.
    from hugescope_agent.kernel.root import Root

MAX_ENTRIES: Final = 100_000
"""Of one mount: a walk of so many takes a second."""

_TYPE: Final = "hugetlbfs"
_SIZE: Final = re.compile(r"([0-9]{1,19})([KMG]?)")
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_BLOCK_BYTES: Final = 512
_OPEN_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OUT_OF_REACH: Final = frozenset(
    {
        errno.ENOENT,
        errno.ESRCH,
        errno.EACCES,
        errno.EPERM,
        errno.ENOTDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ESTALE,
    }
)


@dataclass(frozen=True, slots=True)
class HugeFile:
    """A file of a hugetlbfs as stat tells of it, an internal mount's too.

    Attributes:
        pages: huge pages that the file holds, in page tables or not.
        size_bytes: its length, of which any part may hold no page.
        links: names that it has; 0 for one that lives by descriptors and mappings only.
        path: as the kernel names it, " (deleted)" and all.
    """

    device: Device
    inode: int
    page_size: int
    pages: int
    size_bytes: int
    links: int
    path: str

    @property
    def key(self) -> tuple[Device, int]:
        """What names it on its host."""
        return self.device, self.inode

    @classmethod
    def of(cls, status: os.stat_result, path: str) -> HugeFile:
        """From a stat of a regular file that is known to lie in a hugetlbfs."""
        return cls(
            device_of(status),
            status.st_ino,
            status.st_blksize,
            status.st_blocks * _BLOCK_BYTES // status.st_blksize,
            status.st_size,
            status.st_nlink,
            printable(path),
        )


@dataclass(frozen=True, slots=True)
class HugetlbfsMount:
    """A mounted hugetlbfs.

    Attributes:
        page_size: bytes; None where the option is not shown.
        base: the part of it that is mounted, "/" for all.
        point: where, in the namespace of the process behind `through`.
        through: below the root that is read from, a process' root directory: `proc/1/root`.
        prefix: what leads there from the reader's own namespace, where it is another:
            `/proc/PID/root`.
        max_bytes: size=, what its files may take; None: no limit.
        min_bytes: min_size=, what is reserved for its files by the mount itself; None: nothing.
    """

    device: Device
    page_size: int | None
    base: str
    point: str
    through: str
    max_bytes: int | None
    min_bytes: int | None
    prefix: str = ""

    @property
    def min_pages(self) -> int:
        """Huge pages that the mount reserves or its files use, at the least."""
        return (self.min_bytes or 0) // self.page_size if self.page_size else 0


@dataclass(frozen=True, slots=True)
class Walk:
    """Files of one mount, by path; `cut`: there is more than was looked at."""

    files: list[HugeFile] = field(default_factory=list)
    cut: bool = False


def device_of(status: os.stat_result) -> Device:
    """Major and minor number of the file system that a file lies in."""
    return os.major(status.st_dev), os.minor(status.st_dev)


def printable(path: str) -> str:
    """A path as it travels: bytes that are no UTF-8 show as replacement characters."""
    return os.fsencode(path).decode("utf-8", "replace")


def internal_by_size(page_sizes: list[int]) -> dict[int, Device]:
    """The kernel's own mounts, of those page sizes that it has."""
    found = {}
    for size in page_sizes:
        flags = os.MFD_HUGETLB | (size.bit_length() - 1) << os.MFD_HUGE_SHIFT
        try:
            fd = os.memfd_create("hugescope-probe", flags | os.MFD_CLOEXEC)
        except OSError:
            continue
        found[size] = device_of(os.fstat(fd))
        os.close(fd)
    return found


def mounts(text: str, through: str = "proc/self/root", prefix: str = "") -> list[HugetlbfsMount]:
    """The hugetlbfs in a mountinfo text; `through` is the root directory of whose it is, and
    `prefix` leads there from the reader's own namespace.
    """
    found = []
    for mount in mountinfo.parse(text):
        if mount.type != _TYPE:
            continue
        options = dict(option.partition("=")[::2] for option in mount.options)
        found.append(
            HugetlbfsMount(
                mount.device,
                _bytes(options.get("pagesize")) or None,
                mount.base,
                mount.point,
                through,
                _bytes(options.get("size")),
                _bytes(options.get("min_size")),
                prefix,
            )
        )
    return found


def _bytes(option: str | None) -> int | None:
    match = _SIZE.fullmatch(option or "")
    return int(match[1]) * _UNITS[match[2]] if match else None


def walk(root: Root, mount: HugetlbfsMount, limit: int = MAX_ENTRIES) -> Walk | None:
    """Every file of a mount. Looks at `limit` entries at most, follows no symbolic link, and leaves
    out what is mounted inside.

    None: the mount is out of reach: a captured tree, gone, not permitted, or hidden below another
    mount.
    """
    if not root.live:
        return None
    if root.asked is not None:
        return _asked(root, mount)
    return files_at(f"{root.path}/{mount.through}{mount.point}", mount, limit)


def files_at(place: str, mount: HugetlbfsMount, limit: int = MAX_ENTRIES) -> Walk | None:
    """As `walk`, of what is at `place`; None too if that is not the file system of `mount`."""
    try:
        top = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _OUT_OF_REACH:
            return None
        raise
    try:
        status = os.fstat(top)
        if device_of(status) != mount.device:
            return None
        if stat.S_ISREG(status.st_mode):
            return Walk([HugeFile.of(status, f"{mount.prefix}{mount.point}")])
        return _walk_below(top, mount, limit)
    finally:
        os.close(top)


def _asked(root: Root, mount: HugetlbfsMount) -> Walk | None:
    """What an opener tells of the mount, if it is still the same file system."""
    try:
        found = root.data("walk", f"{mount.through}{mount.point}")
    except OSError:
        return None
    if found is None or tuple(found[0]) != mount.device:
        return None
    files, cut = found[1]
    walked = (HugeFile(mount.device, *file[1:]) for file in files)
    prefix = mount.prefix
    return Walk([replace(one, path=f"{prefix}{one.path}") for one in walked], bool(cut))


def _walk_below(top: int, mount: HugetlbfsMount, limit: int) -> Walk:
    files: list[HugeFile] = []
    cut, seen, pending = False, 0, ["."]
    place = f"{mount.prefix}{mount.point}".rstrip("/")
    while pending:
        directory = pending.pop()
        names = _entries(top, directory, mount.device, limit - seen)
        cut = cut or names is None or len(names) > limit - seen
        for entry, status in (names or [])[: limit - seen]:
            path = f"{directory}/{entry}"
            if status is None:
                pending.append(path)
            elif stat.S_ISREG(status.st_mode):
                files.append(HugeFile.of(status, f"{place}/{path.removeprefix('./')}"))
        seen += len(names or [])
        if seen >= limit:
            return Walk(sorted(files, key=_path), cut or bool(pending))
    return Walk(sorted(files, key=_path), cut)


def _path(file: HugeFile) -> str:
    return file.path


def _entries(
    top: int, directory: str, device: Device, limit: int
) -> list[tuple[str, os.stat_result | None]] | None:
    """Up to one more than `limit` entries, with the status of all but directories; None: not to be
    read.
    """
    found: list[tuple[str, os.stat_result | None]] = []
    try:
        fd = os.open(directory, _OPEN_DIRECTORY, dir_fd=top)
    except OSError as error:
        if error.errno in _OUT_OF_REACH:
            # One that was removed meanwhile held nothing.
            return [] if error.errno == errno.ENOENT else None
        raise
    try:
        if device_of(os.fstat(fd)) != device:
            return []
        with os.scandir(fd) as entries:
            for entry in entries:
                if len(found) > limit:
                    break
                if entry.is_dir(follow_symlinks=False):
                    found.append((entry.name, None))
                    continue
                try:
                    found.append((entry.name, entry.stat(follow_symlinks=False)))
                except FileNotFoundError:
                    continue
    finally:
        os.close(fd)
    return found
