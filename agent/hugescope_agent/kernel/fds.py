"""Open descriptors that keep huge pages, or guest memory, without any page table.

Each is a link in /proc/PID/fd. What it says comes from the kernel alone and costs 3.5 us; a stat
follows it to the file and costs 4 us more, and waits for the server where that is a file of a
network. So the link is read first, and only what can be a hugetlbfs file is looked up: a memfd, and
a path, which may be one under any name. There st_dev decides.

Not seen: files that only a thread with descriptors of its own holds (CLONE_FILES unset), those in
flight in a socket, and those registered with an io_uring.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from hugescope_agent.errors import ProcessDenied, ProcessError, ProcessGone
from hugescope_agent.kernel.descriptors import Descriptors, asked_status, descriptors
from hugescope_agent.kernel.hugetlbfs import HugeFile, device_of
from hugescope_agent.kernel.mountinfo import Device
from hugescope_agent.kernel.namespaces import MountView
from hugescope_agent.kernel.process import comm, is_kernel_thread
from hugescope_agent.kernel.root import Root
from hugescope_agent.kernel.vma import HugeVma
from hugescope_wire.report import GuestMemory, UffdHolder

_BLOCK_BYTES: Final = 512
_ANONYMOUS: Final = "anon_inode:"
_MEMFD: Final = "/memfd:"
_UFFD: Final = "anon_inode:[userfaultfd]"
_KVM_VM: Final = "anon_inode:kvm-vm"
_GUEST_MEMFD: Final = re.compile(
    r"(?:anon_inode:|/)\[(?:kvm-gmem|guest[-_]memfd)\](?: \(deleted\))?"
)
"""virt/kvm/guest_memfd.c: an anonymous inode from Linux 6.8 on, later a file of a file system of
its own; the name in brackets is the same.
"""

_PINNING: Final = ("/dev/vfio/", "/dev/iommu", "anon_inode:[vfio", "anon_inode:[io_uring]")
_UFFD_COUNTS: Final = re.compile(r"^(pending|total):[ \t]*([0-9]{1,19})$", re.MULTILINE)

FileKey = tuple[Device, int]


@dataclass(frozen=True, slots=True)
class HugeFd:
    """A descriptor of a hugetlb file, be it a memfd or a file of a mounted hugetlbfs."""

    pid: int
    fd: int
    file: HugeFile


@dataclass(frozen=True, slots=True)
class FdScan:
    """What one pass over descriptors found.

    Attributes:
        names: comm of each process with anything found.
        pinning: processes with vfio, iommufd or io_uring open, which can pin pages.
        denied: processes that these privileges do not let us look into, but for kernel threads.
        unreadable: processes whose descriptors gave any other error.
    """

    huge: list[HugeFd] = field(default_factory=list)
    uffd: list[UffdHolder] = field(default_factory=list)
    guest: list[GuestMemory] = field(default_factory=list)
    names: dict[int, str | None] = field(default_factory=dict)
    pinning: list[int] = field(default_factory=list)
    denied: list[int] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MachineFds:
    """Of a VMM: the numbers of its userfaultfds, and whether KVM runs its guest."""

    userfaultfds: frozenset[int]
    kvm: bool


@dataclass(frozen=True, slots=True)
class MappedFiles:
    """Files by their mappings. `unread`: those whose pages could not be counted, and why."""

    files: dict[FileKey, HugeFile] = field(default_factory=dict)
    unread: dict[FileKey, Literal["denied", "gone"]] = field(default_factory=dict)


def scan_fds(
    root: Root, pids: Iterable[int], devices: frozenset[Device], mounts: MountView
) -> FdScan:
    """Look through the descriptors of processes.

    `devices` are those of every hugetlbfs, internal and mounted. A captured tree can hold links but
    not what they lead to: there hugetlb files are not found, and sizes are unknown.
    """
    return _Pass(root, devices, mounts).over(pids)


def fd_count(root: Root, pid: int) -> int | None:
    """How many descriptors a process has (Linux 6.2: the size of its directory of them); None where
    that is not told.
    """
    try:
        return os.stat(f"{root.path}/proc/{pid}/fd").st_size or None
    except OSError:
        return None


def machine_fds(root: Root, pid: int) -> MachineFds | None:
    """What the descriptors of a VMM tell of its guest's memory, by their links alone; None where
    they cannot be read.
    """
    found, kvm = set[int](), False
    try:
        with descriptors(root, pid) as held:
            for fd, text in held.links():
                if text == _UFFD:
                    found.add(int(fd))
                kvm = kvm or text == _KVM_VM
    except OSError:
        return None
    return MachineFds(frozenset(found), kvm)


def mapped_file_use(root: Root, pid: int, start: int, end: int) -> HugeFile | None:
    """The file behind a hugetlb VMA, from `start` to `end` exactly, with the pages it holds, be
    they in a page table or not: by /proc/PID/map_files, which outlives the name and every
    descriptor.

    None: the VMA is gone, or this is a captured tree.

    Raises:
        ProcessDenied: it takes CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN in the initial namespace.
    """
    if not root.live:
        return None
    name = f"proc/{pid}/map_files/{start:x}-{end:x}"
    try:
        if root.asked is not None:
            path, status = asked_status(root, name)
            return None if status is None else HugeFile.of(status, path)
        path = os.readlink(f"{root.path}/{name}")
        return HugeFile.of(os.stat(f"{root.path}/{name}"), path)
    except OSError as error:
        failure = root.process_error(error, name)
        if isinstance(failure, ProcessDenied):
            raise failure from None
        return None


def mapped_files(
    root: Root, mappings: Iterable[tuple[int, HugeVma]], known: Iterable[FileKey] = ()
) -> MappedFiles:
    """The files behind hugetlb VMAs, given with their pid, each looked at once; those that are
    `known` by descriptor or name are left out, and so is what is private and anonymous: it keeps
    its pages in page tables only.
    """
    found = MappedFiles()
    done = set(known)
    for pid, vma in mappings:
        key = (vma.device, vma.inode)
        if key in done or (not vma.shared and vma.backing.kind == "anonymous"):
            continue
        try:
            file = mapped_file_use(root, pid, vma.start, vma.end)
        except ProcessDenied:
            found.unread[key] = "denied"
            continue
        if file is None or file.key != key:
            found.unread.setdefault(key, "gone")
            continue
        done.add(key)
        found.files[key] = file
        found.unread.pop(key, None)
    return found


def parse_uffd_fdinfo(text: str) -> tuple[int | None, int | None]:
    """Faults that nobody has read yet, and all that wait, from the fdinfo of a userfaultfd; None
    for a count that is not there.
    """
    counts = {name: int(value) for name, value in _UFFD_COUNTS.findall(text)}
    return counts.get("pending"), counts.get("total")


class _Pass:
    """One pass: what was found so far, and the paths that were seen to be no hugetlb files."""

    def __init__(self, root: Root, devices: frozenset[Device], mounts: MountView) -> None:
        self._root = root
        self._devices = devices
        self._named = (_MEMFD, *mounts.points)
        self._waiting = mounts.waiting
        self._plain: set[str] = set()
        self._found = FdScan()

    def over(self, pids: Iterable[int]) -> FdScan:
        for pid in pids:
            try:
                self._process(pid)
            except ProcessGone:
                continue
            except ProcessDenied:
                if not is_kernel_thread(self._root, pid):
                    self._found.denied.append(pid)
            except ProcessError:
                # A captured tree need not hold descriptors.
                if self._root.live:
                    self._found.unreadable.append(pid)
        return self._found

    def _process(self, pid: int) -> None:
        try:
            with descriptors(self._root, pid) as held:
                self._links(pid, held)
        except OSError as error:
            raise self._root.process_error(error, f"proc/{pid}/fd") from None

    def _links(self, pid: int, held: Descriptors) -> None:
        plain = self._plain
        pins = False
        for fd, text in held.links():
            if text in plain:
                continue
            if text.startswith("/"):
                self._path(pid, fd, held, text)
            elif text.startswith(_ANONYMOUS):
                self._anonymous(pid, fd, held, text)
            pins = pins or text.startswith(_PINNING)
        if pins:
            self._found.pinning.append(pid)
            self._name(pid)

    def _path(self, pid: int, fd: str, held: Descriptors, text: str) -> None:
        if text.startswith("/[") and _GUEST_MEMFD.fullmatch(text):
            self._guest_memory(pid, fd, held, text)
            return
        named = text.startswith(self._named)
        if not named and text.startswith(self._waiting):
            return
        status = self._status(fd, held, text)
        if status is None:
            return
        if device_of(status) in self._devices:
            if stat.S_ISREG(status.st_mode):
                self._found.huge.append(HugeFd(pid, int(fd), HugeFile.of(status, text)))
                self._name(pid)
        elif not named and not text.startswith(_PINNING):
            self._plain.add(text)

    def _anonymous(self, pid: int, fd: str, held: Descriptors, text: str) -> None:
        if text == _UFFD:
            info = self._root.read_text(f"proc/{pid}/fdinfo/{fd}")
            pending, total = parse_uffd_fdinfo(info or "")
            holder = UffdHolder(
                pid=pid, comm=self._name(pid), fd=int(fd), pending=pending, total=total
            )
            self._found.uffd.append(holder)
        elif _GUEST_MEMFD.fullmatch(text):
            self._guest_memory(pid, fd, held, text)
        elif not text.startswith(_PINNING):
            self._plain.add(text)

    def _guest_memory(self, pid: int, fd: str, held: Descriptors, text: str) -> None:
        status = self._status(fd, held, text)
        # Linux up to 6.18 counts no blocks for it: then 0 says nothing.
        blocks = 0 if status is None else status.st_blocks
        self._found.guest.append(
            GuestMemory(
                pid=pid,
                comm=self._name(pid),
                fd=int(fd),
                size_bytes=None if status is None else status.st_size,
                allocated_bytes=blocks * _BLOCK_BYTES or None,
            )
        )

    def _status(self, fd: str, held: Descriptors, text: str) -> os.stat_result | None:
        """Of the file behind a link; None: it is closed, or not to be had. In a captured tree a
        link leads to a file of the machine that we run on.
        """
        return held.status(fd, text) if self._root.live else None

    def _name(self, pid: int) -> str | None:
        names = self._found.names
        if pid not in names:
            names[pid] = comm(self._root, pid)
        return names[pid]
