"""What keeps huge pages without a page table, set up by this process and found from outside."""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hugescope_agent.kernel import fds, hugetlbfs, namespaces, sysvipc, userfault
from hugescope_agent.kernel.mountinfo import Device
from hugescope_agent.kernel.process import VmaFinder
from hugescope_agent.kernel.root import Root
from hugescope_agent.kernel.sysvipc import SegmentClues
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.holdings import FileUse, Sightings, file_uses, holdings
from hugescope_agent.workloads.userfault import Userfaultfd
from hugescope_wire.account import Holding
from tests.kernel.cases import (
    GIB,
    MIB2,
    detached_sysv_segment,
    extra_pages,
    mounted_hugetlbfs,
)
from tests.kernel.host_pool import eventually, pagemap

pytestmark = pytest.mark.kernel

ROOT = Root.at("/")
ME = os.getpid()
SIZES = [MIB2, GIB]
MAP_HUGETLB = 0x40000
HUGE = os.MFD_HUGETLB | os.MFD_HUGE_2MB
PUNCH_KEEP_SIZE = 3
KVM_CREATE_VM = 0xAE01
KVM_CREATE_GUEST_MEMFD = 0xC040AED4

libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]


@contextmanager
def memfd(name: str, size_pages: int, pages: int) -> Iterator[int]:
    """A memfd of huge pages, the first ones there and in no page table."""
    fd = os.memfd_create(name, HUGE)
    try:
        os.ftruncate(fd, size_pages * MIB2)
        if pages:
            os.posix_fallocate(fd, 0, pages * MIB2)
        yield fd
    finally:
        os.close(fd)


def own_devices() -> frozenset[Device]:
    """Of the kernel's own mounts."""
    return frozenset(hugetlbfs.internal_by_size(SIZES).values())


def scan() -> tuple[fds.FdScan, namespaces.MountView]:
    """Our own descriptors."""
    view = namespaces.survey(ROOT, [ME])
    devices = own_devices() | view.devices
    return fds.scan_fds(ROOT, [ME], devices, view), view


def my_vmas() -> list[HugeVma]:
    """Our own hugetlb mappings."""
    return VmaFinder(ROOT, procmap_query=True, page_sizes=SIZES).vmas(ME)


def present(vma: HugeVma) -> int:
    """Its pages in the page table, read without any code of ours."""
    words = pagemap(ME, vma.start, vma.end - vma.start)
    return sum(word >> 63 for word in words[:: vma.page_size // 4096])


def all_uses(segments: list[sysvipc.HugeSegment] | None = None) -> list[FileUse]:
    """Everything that this process holds, and what lies in mounts."""
    found, view = scan()
    walked = namespaces.walk_all(ROOT, view)
    mappings = [(ME, vma) for vma in my_vmas()]
    known = [one.file.key for one in found.huge] + [file.key for file in walked.files]
    mapped = fds.mapped_files(ROOT, mappings, known)
    return file_uses(
        Sightings(
            found.huge,
            walked.files,
            mapped.files.values(),
            segments or [],
            mappings,
            found.names,
            hugetlbfs.internal_by_size(SIZES),
        )
    )


def held(name: str | None, segments: list[sysvipc.HugeSegment] | None = None) -> Holding | None:
    """What is held of the one file with this name."""
    uses = [use for use in all_uses(segments) if use.file.name == name]
    shown: dict[tuple[tuple[int, int], int], int] = {}
    for vma in my_vmas():
        key = (vma.device, vma.inode)
        shown[key] = shown.get(key, 0) + present(vma)
    found = holdings(uses, shown)
    assert len(found) <= 1
    return found[0] if found else None


def test_a_memfd_that_only_a_descriptor_holds() -> None:
    with extra_pages(MIB2, 5), memfd("hs-fd-only", 8, 5) as fd:
        one = held("hs-fd-only")
        assert one is not None
        assert (one.by, one.page_size, one.pages, one.file_pages) == ("fd", MIB2, 5, 5)
        assert one.file.kind == "memfd"
        assert [(holder.pid, holder.fd) for holder in one.holders] == [(ME, fd)]
        assert not one.inferred
        libc.fallocate(fd, PUNCH_KEEP_SIZE, MIB2, 2 * MIB2)
        assert (one := held("hs-fd-only")) is not None
        assert one.file_pages == 3


def test_a_memfd_of_base_pages_is_not_held() -> None:
    fd = os.memfd_create("hs-decoy")
    try:
        os.posix_fallocate(fd, 0, MIB2)
        found, _ = scan()
        assert all(one.fd != fd for one in found.huge)
    finally:
        os.close(fd)


def test_open_and_mapped_in_part() -> None:
    """What the mapping shows is no page of the holding; the rest is the descriptor's."""
    with extra_pages(MIB2, 4), memfd("hs-part", 4, 4) as fd, mmap.mmap(fd, 4 * MIB2) as memory:
        memory[0] = memory[2 * MIB2] = 1
        one = held("hs-part")
        assert one is not None
        assert (one.by, one.pages, one.file_pages) == ("fd", 2, 4)
        # A mapping of Python's has a descriptor of its own.
        assert {holder.fd for holder in one.holders} >= {None, fd}
        memory[MIB2] = memory[3 * MIB2] = 1
        assert held("hs-part") is None


def test_a_file_left_in_a_mount() -> None:
    with extra_pages(MIB2, 3), mounted_hugetlbfs(MIB2) as place:
        path = place / "left over.img"
        fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        os.posix_fallocate(fd, 0, 3 * MIB2)
        assert (one := held(str(path))) is not None
        assert (one.by, [holder.fd for holder in one.holders]) == ("hugetlbfs", [fd])
        os.close(fd)
        one = held(str(path))
        assert one is not None
        assert (one.by, one.pages, one.file_pages, one.holders) == ("hugetlbfs", 3, 3, [])
        assert one.file.device == f"{os.major(os.stat(path).st_dev)}:{os.minor(path.stat().st_dev)}"
        assert one.file.inode == path.stat().st_ino


def test_an_unlinked_file_that_is_open() -> None:
    with extra_pages(MIB2, 2), mounted_hugetlbfs(MIB2) as place:
        path = place / "gone"
        fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            os.posix_fallocate(fd, 0, 2 * MIB2)
            path.unlink()
            one = held(str(path))
            assert one is not None
            assert (one.by, one.pages) == ("fd", 2)
            assert [holder.fd for holder in one.holders] == [fd]
        finally:
            os.close(fd)


def test_mounts_and_their_files() -> None:
    """Options, directories, and a limit."""
    with extra_pages(MIB2, 1), mounted_hugetlbfs(MIB2) as place:
        device = hugetlbfs.device_of(place.stat())
        found = [
            mount for mount in namespaces.survey(ROOT, [ME]).hugetlbfs if mount.device == device
        ]
        assert {(mount.page_size, mount.point, mount.min_pages) for mount in found} == {
            (MIB2, str(place), 0)
        }
        inner = place / "in"
        inner.mkdir()
        try:
            for number in range(5):
                (inner / f"{number}").touch()
            fd = os.open(place / "one", os.O_CREAT | os.O_RDWR)
            os.posix_fallocate(fd, 0, MIB2)
            os.close(fd)
            walked = hugetlbfs.walk(ROOT, found[0])
            assert walked is not None
            assert not walked.cut
            assert [(file.path, file.pages) for file in walked.files] == [
                *((str(inner / f"{number}"), 0) for number in range(5)),
                (str(place / "one"), 1),
            ]
            short = hugetlbfs.walk(ROOT, found[0], limit=4)
            assert short is not None
            assert short.cut
            assert len(short.files) <= 4
        finally:
            for file in inner.iterdir():
                file.unlink()
            inner.rmdir()


def test_a_detached_segment() -> None:
    with extra_pages(MIB2, 6), detached_sysv_segment(6, 3) as shmid:
        segments = [one for one in sysvipc.read(ROOT) or [] if one.shmid == shmid]
        clues = SegmentClues(all_seen=True, kernel=os.uname().release)
        huge = sysvipc.huge_segments(segments, SIZES, clues)
        assert [(one.page_size, one.pages, one.inferred) for one in huge] == [(MIB2, 3, False)]
        use = next(use for use in all_uses(huge) if use.detached and use.inode == shmid)
        (one,) = holdings([use], {})
        assert (one.by, one.pages, one.holders) == ("sysv", 3, [])
        assert one.file.name == "SYSV00000000"


def test_a_detached_segment_of_a_huge_page_of_1_gib() -> None:
    with extra_pages(GIB, 1):
        flags = 0o1000 | 0o600 | 0o4000 | 30 << 26
        shmid = libc.shmget(0, ctypes.c_size_t(GIB), flags)
        assert shmid >= 0, os.strerror(ctypes.get_errno())
        try:
            libc.shmat.restype = ctypes.c_void_p
            libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
            libc.shmdt.argtypes = [ctypes.c_void_p]
            address = libc.shmat(shmid, None, 0)
            assert address is not None
            ctypes.memset(address, 1, 1)
            assert libc.shmdt(address) == 0
            segments = [one for one in sysvipc.read(ROOT) or [] if one.shmid == shmid]
            clues = SegmentClues(all_seen=True, kernel=os.uname().release)
            huge = sysvipc.huge_segments(segments, SIZES, clues)
            assert [(one.page_size, one.pages) for one in huge] == [(GIB, 1)]
        finally:
            libc.shmctl(shmid, 0, None)


def test_a_shared_anonymous_mapping_with_pages_in_no_page_table() -> None:
    flags = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | MAP_HUGETLB
    with extra_pages(MIB2, 4), mmap.mmap(-1, 4 * MIB2, flags=flags) as memory:
        for page in range(3):
            memory[page * MIB2] = 1
        assert held(None) is None
        memory.madvise(mmap.MADV_DONTNEED, MIB2, 2 * MIB2)
        one = held(None)
        assert one is not None
        assert (one.by, one.pages, one.file_pages) == ("mapping", 2, 3)
        assert one.file.kind == "anonymous"
        assert [(holder.pid, holder.fd) for holder in one.holders] == [(ME, None)]


def test_map_files_of_this_and_of_another_range() -> None:
    with extra_pages(MIB2, 2), memfd("hs-range", 2, 2) as fd, mmap.mmap(fd, 2 * MIB2):
        vma = next(vma for vma in my_vmas() if vma.backing.name == "hs-range")
        file = fds.mapped_file_use(ROOT, ME, vma.start, vma.end)
        assert file is not None
        assert (file.pages, file.page_size, file.inode) == (2, MIB2, vma.inode)
        assert file.device == vma.device
        assert fds.mapped_file_use(ROOT, ME, vma.start, vma.end + MIB2) is None


def test_a_thread_that_waits_for_a_userfaultfd() -> None:
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB
    with extra_pages(MIB2, 2):
        memory = mmap.mmap(-1, 2 * MIB2, flags=flags)
        start = next(vma.start for vma in my_vmas() if vma.cell_count == 2)
        with Userfaultfd.open() as uffd:
            uffd.handshake()
            uffd.register_missing(start, 2 * MIB2)
            # memset runs without the interpreter's lock.
            thread = threading.Thread(target=ctypes.memset, args=(start, 1, 1))
            assert userfault.waiters(ROOT, ME) == []
            thread.start()
            eventually(lambda: bool(userfault.waiters(ROOT, ME)), "a thread waits")
            first = userfault.waiters(ROOT, ME)
            assert first is not None
            assert [one.tid for one in first] == [thread.native_id]
            found, _ = scan()
            holder = next(one for one in found.uffd if one.fd == uffd.fileno())
            assert (holder.pid, holder.pending, holder.total) == (ME, 1, 1)
            assert uffd.read_faults()
            assert userfault.waiters(ROOT, ME) == first
            found, _ = scan()
            holder = next(one for one in found.uffd if one.fd == uffd.fileno())
            assert (holder.pending, holder.total) == (0, 1)
        thread.join()
        assert userfault.waiters(ROOT, ME) == []
        memory.close()


def test_a_guest_memfd() -> None:
    try:
        kvm = os.open("/dev/kvm", os.O_RDWR)
    except OSError as error:
        pytest.skip(f"no KVM: {error}")
    held_fds = [kvm]
    try:
        vm = fcntl.ioctl(kvm, KVM_CREATE_VM, 0)
        held_fds.append(vm)
        asked = struct.pack("8Q", 4 << 20, *[0] * 7)
        guest = libc.ioctl(vm, ctypes.c_ulong(KVM_CREATE_GUEST_MEMFD), asked)
        if guest < 0:
            pytest.skip(f"no guest_memfd: {os.strerror(ctypes.get_errno())}")
        held_fds.append(guest)
        found, _ = scan()
        (memory,) = found.guest
        assert (memory.pid, memory.fd, memory.size_bytes) == (ME, guest, 4 << 20)
        assert memory.allocated_bytes is None
    finally:
        for fd in reversed(held_fds):
            os.close(fd)


def test_a_file_that_is_none_is_looked_up_once() -> None:
    """A pass reads a link for each descriptor, and follows few of them."""
    read_end, write_end = os.pipe()
    pipes = [os.dup(read_end) for _ in range(100)]
    nulls = [os.open("/dev/null", os.O_RDONLY) for _ in range(100)]
    try:
        view = namespaces.survey(ROOT, [ME])
        devices = own_devices() | view.devices
        looked: list[str] = []
        stat = os.stat

        def counting(path: str, *, dir_fd: int) -> os.stat_result:
            looked.append(path)
            return stat(path, dir_fd=dir_fd)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("hugescope_agent.kernel.fds.os.stat", counting)
            fds.scan_fds(ROOT, [ME], devices, view)
        assert not set(map(str, pipes)) & set(looked)
        assert len(set(map(str, nulls)) & set(looked)) <= 1
    finally:
        for fd in (read_end, write_end, *pipes, *nulls):
            os.close(fd)
