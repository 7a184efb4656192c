"""What keeps huge pages that no page table maps: files, by everything that was seen to hold them.

A page of a hugetlbfs file stays until the file is punched, truncated or gone; so each page in no
page table belongs to a file, and the file to what keeps it. A file may be kept by several things at
once. The one named in a `Holding` is the one that has to go last for the pages to be free:

1. `sysv`: a segment that nobody has attached. It goes with ipcrm only.
2. `hugetlbfs`: a file with a name in a mount. Closing and unmapping frees nothing; its users are
   listed as holders.
3. `fd`: no name, and an open descriptor, whether it is mapped too or not: any page of it can be
   reached through the descriptor, so no munmap frees it.
4. `mapping`: no name and no descriptor, or an attached segment: only VMAs keep it, whose page
   tables do not hold these pages (MADV_DONTNEED, a fork, a mapping that was never touched).

A segment's inode is its shmid, counted by each IPC namespace for itself, so a segment is told from
another file with the same number by its kind.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from hugescope_agent.kernel.fds import HugeFd
from hugescope_agent.kernel.hugetlbfs import HugeFile
from hugescope_agent.kernel.mountinfo import Device
from hugescope_agent.kernel.sysvipc import HugeSegment
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.owned import FileKey, OwnedMapping, device_text, file_ref
from hugescope_wire.account import FdHolder, FileRef, Holding


@dataclass(frozen=True, slots=True)
class FileUse:
    """One file of a hugetlbfs, internal ones too, and what keeps it.

    Attributes:
        file_pages: huge pages that it holds, in page tables or not.
        size_pages: its length in huge pages; None: not known.
        holders: descriptors and, with `fd` null, processes that map it.
        linked: it has a name in a mounted hugetlbfs.
        detached: a SysV segment that nobody has attached.
        mapped: some VMA maps it, seen or, for an attached segment, unseen.
        inferred: `file_pages`, or that these are huge pages at all, is not certain.
    """

    device: Device | None
    inode: int
    page_size: int
    file_pages: int
    size_pages: int | None
    file: FileRef
    holders: tuple[FdHolder, ...] = ()
    linked: bool = False
    detached: bool = False
    mapped: bool = False
    inferred: bool = False

    @property
    def key(self) -> FileKey | None:
        """Device and inode; None where the device is not known."""
        return None if self.device is None else (self.device, self.inode)


@dataclass(frozen=True, slots=True)
class Sightings:
    """All that was seen of files.

    Attributes:
        fds: open descriptors.
        linked: files of mounted hugetlbfs.
        mapped_files: files by their mappings; those found otherwise need not be among them.
        segments: SysV segments of huge pages.
        mappings: every hugetlb VMA with its pid.
        names: comm by pid.
        internal: device of the kernel's own hugetlbfs by page size, where segments lie.
    """

    fds: Iterable[HugeFd] = ()
    linked: Iterable[HugeFile] = ()
    mapped_files: Iterable[HugeFile] = ()
    segments: Iterable[HugeSegment] = ()
    mappings: Iterable[tuple[int, HugeVma]] = ()
    names: Mapping[int, str | None] = field(default_factory=dict)
    internal: Mapping[int, Device] = field(default_factory=dict)


def file_uses(seen: Sightings) -> list[FileUse]:
    """Every file once, in the order of device and inode.

    A file that is only mapped, and whose pages could not be counted, is not among them; neither is
    what is private and anonymous, which holds no page outside of page tables.
    """
    files: dict[FileKey, HugeFile] = {file.key: file for file in seen.mapped_files}
    holders: dict[FileKey, dict[tuple[int, int | None], None]] = {}
    for one in seen.fds:
        files[one.file.key] = one.file
        holders.setdefault(one.file.key, {})[(one.pid, one.fd)] = None
    linked = {file.key: file for file in seen.linked}
    # The walk knows the name; a descriptor of a file with several may show any.
    files |= linked
    by_map: dict[FileKey, dict[tuple[int, int | None], None]] = {}
    for pid, vma in seen.mappings:
        by_map.setdefault((vma.device, vma.inode), {})[(pid, None)] = None
    found = []
    for key, file in files.items():
        who = holders.get(key, {}) | by_map.get(key, {})
        ref = _ref(file)
        found.append(
            FileUse(
                file.device,
                file.inode,
                file.page_size,
                file.pages,
                _size_pages(file.size_bytes, file.page_size),
                ref,
                _holders(who, seen.names),
                linked=key in linked or (ref.kind == "hugetlbfs" and file.links > 0),
                mapped=key in by_map,
            )
        )
    counted = {use.key for use in found if use.file.kind == "sysv"}
    for use in _segments(seen, by_map):
        if use.key not in counted:
            found.append(use)
        elif use.detached:
            # Mapped and detached: two of one number, or the only mapping went this moment.
            found.append(replace(use, inferred=True))
    return sorted(found, key=lambda use: (use.device or (-1, -1), use.inode, use.file.kind))


def pages_shown(owned: Iterable[OwnedMapping]) -> dict[FileKey, int]:
    """Pages of each file that some page table shows, each page of it once; private copies are none
    of the file's.
    """
    shown: dict[FileKey, list[OwnedMapping]] = {}
    for one in owned:
        shown.setdefault(one.file, []).append(one)
    return {
        key: len(np.unique(np.concatenate([one.shown_offsets() for one in members])))
        for key, members in shown.items()
    }


def holdings(
    uses: Iterable[FileUse],
    mapped_pages_of_file: Mapping[FileKey, int],
    hidden: Collection[FileKey] = (),
) -> list[Holding]:
    """What is left of each file beyond its pages in page tables, where anything is; most first.

    A file read before its page tables can show fewer pages than these: pages moved, and nothing is
    listed. `hidden`: files that page tables show which could not be looked at; what is left of them
    is inferred.
    """
    found = []
    for use in uses:
        # A detached segment has no page tables; mappings with its number belong to another one.
        shown = 0 if use.detached or use.key is None else mapped_pages_of_file.get(use.key, 0)
        pages = use.file_pages - shown
        by = _kept_by(use)
        if pages <= 0 or by is None:
            continue
        found.append(
            Holding(
                by=by,
                page_size=use.page_size,
                pages=pages,
                file_pages=use.file_pages,
                file=use.file,
                holders=list(use.holders),
                inferred=use.inferred or use.key in hidden,
            )
        )
    return sorted(found, key=lambda one: (-one.pages * one.page_size, one.file.inode or 0))


def _kept_by(use: FileUse) -> Literal["fd", "hugetlbfs", "sysv", "mapping"] | None:
    """By the rules above; None: nothing that was seen keeps it."""
    if use.detached:
        return "sysv"
    if use.linked:
        return "hugetlbfs"
    if any(holder.fd is not None for holder in use.holders):
        return "fd"
    return "mapping" if use.mapped else None


def _ref(file: HugeFile) -> FileRef:
    """Named as a mapping of it would be."""
    size = file.page_size
    return file_ref(HugeVma(0, size, size, True, 0, file.device, file.inode, file.path))


def _size_pages(size_bytes: int, page_size: int) -> int:
    return -(-size_bytes // page_size)


def _holders(
    who: Iterable[tuple[int, int | None]], names: Mapping[int, str | None]
) -> tuple[FdHolder, ...]:
    rising = sorted(who, key=lambda one: (one[0], -1 if one[1] is None else one[1]))
    return tuple(FdHolder(pid=pid, comm=names.get(pid), fd=fd) for pid, fd in rising)


def _segments(
    seen: Sightings, by_map: Mapping[FileKey, Mapping[tuple[int, int | None], None]]
) -> Iterable[FileUse]:
    """Segments by their list: those attached are better known by a mapping, where there is one."""
    for huge in seen.segments:
        segment, device = huge.segment, seen.internal.get(huge.page_size)
        attached = segment.attached > 0
        who = by_map.get((device, segment.shmid), {}) if attached and device is not None else {}
        yield FileUse(
            device,
            segment.shmid,
            huge.page_size,
            huge.pages,
            _size_pages(segment.size_bytes, huge.page_size),
            FileRef(
                kind="sysv",
                device=None if device is None else device_text(device),
                inode=segment.shmid,
                name=f"SYSV{segment.key & 0xFFFFFFFF:08x}",
            ),
            _holders(who, seen.names),
            detached=not attached,
            mapped=attached,
            # Attached by somebody whom we do not see, it may be in page tables we do not see.
            inferred=huge.inferred or (attached and not who),
        )
