"""One process that holds huge pages in a known pattern: ``python case_process.py NAME [PATH]``.

It sets its mappings up, prints one JSON line ``{"pids": [...]}`` or ``{"skip": reason}``, then
sits idle until its standard input ends, and exits. It runs as a plain script and imports nothing
of ours.
"""

import ctypes
import fcntl
import json
import mmap
import os
import struct
import sys
from collections.abc import Callable, Iterable

MIB2 = 2 << 20
GIB = 1 << 30
MAP_NORESERVE = 0x4000
MAP_HUGETLB = 0x40000
MAP_HUGE_2MB = 21 << 26
MAP_FIXED_NOREPLACE = 0x100000
# On a 1 GiB border, far from where the kernel puts anything by itself.
TABLE_START = 0x7E8000000000

CLONE_NEWIPC = 0x08000000
IPC_PRIVATE = 0
IPC_CREAT = 0o1000
IPC_RMID = 0
SHM_HUGETLB = 0o4000
SHM_HUGE_2MB = 21 << 26

NR_USERFAULTFD = {"x86_64": 323, "aarch64": 282}
UFFDIO_API = 0xC018AA3F
UFFDIO_REGISTER = 0xC020AA00
UFFDIO_WRITEPROTECT = 0xC018AA06
UFFD_API = 0xAA
UFFD_FEATURES = 1 << 0 | 1 << 12  # PAGEFAULT_FLAG_WP, WP_HUGETLBFS_SHMEM
UFFDIO_REGISTER_MODE_WP = 1 << 1
UFFDIO_WRITEPROTECT_MODE_WP = 1 << 0

# Mappings live as long as the process: nothing may unmap one when a name goes out of scope.
HELD: list[mmap.mmap] = []


class Unable(Exception):
    """This kernel or these rights do not allow the case; the message is the reason."""


def memfd(name: str, size_bytes: int, flags: int) -> int:
    """A memfd of a given size."""
    fd = os.memfd_create(name, flags)
    os.ftruncate(fd, size_bytes)
    return fd


def hold(memory: mmap.mmap) -> mmap.mmap:
    """Keep a mapping until the process ends."""
    HELD.append(memory)
    return memory


def touch(memory: mmap.mmap, cells: Iterable[int], page_size: int = MIB2) -> None:
    """Write one byte into each of the huge pages."""
    for cell in cells:
        memory[cell * page_size] = 1


def in_child(work: Callable[[], None]) -> int:
    """Fork a child that does ``work`` and idles while we live; return its pid once it is done."""
    done_read, done_write = os.pipe()
    life_read, life_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(life_write)
        work()
        os.write(done_write, b"1")
        os.read(life_read, 1)
        os._exit(0)
    os.close(done_write)
    os.close(life_read)
    if os.read(done_read, 1) != b"1":
        raise RuntimeError("the child ended before its work was done")
    LIFELINES.append((pid, life_write))
    return pid


LIFELINES: list[tuple[int, int]] = []


def alternating_memfd(_path: str) -> list[int]:
    """64 shared pages, every other one touched; beside it an untouched one and a 4 KiB decoy."""
    huge = os.MFD_HUGETLB | os.MFD_HUGE_2MB
    alternating = memfd("hs-alternating", 64 * MIB2, huge)
    touch(hold(mmap.mmap(alternating, 64 * MIB2)), range(0, 64, 2))
    untouched = memfd("hs-untouched", 4 * MIB2, huge)
    hold(mmap.mmap(untouched, 4 * MIB2))
    decoy = memfd("hs-decoy", 4 * MIB2, 0)
    touch(hold(mmap.mmap(decoy, 4 * MIB2)), range(4))
    return []


def forked_private(_path: str) -> list[int]:
    """Private pages of which a child copies some on write, and shared anonymous ones."""
    anonymous = mmap.MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_2MB
    private = hold(mmap.mmap(-1, 8 * MIB2, flags=anonymous | mmap.MAP_PRIVATE))
    shared = hold(mmap.mmap(-1, 3 * MIB2, flags=anonymous | mmap.MAP_SHARED))
    touch(private, range(6))
    touch(shared, (0,))

    def copy_some() -> None:
        touch(private, (1, 4, 6))
        touch(shared, (0, 1))

    return [in_child(copy_some)]


def aliased_memfd(_path: str) -> list[int]:
    """One memfd mapped twice in one process and once in another, touched in part by each."""
    fd = memfd("hs-alias", 8 * MIB2, os.MFD_HUGETLB | os.MFD_HUGE_2MB)

    def third_mapping() -> None:
        touch(hold(mmap.mmap(fd, 4 * MIB2, offset=2 * MIB2)), (1, 2))

    child = in_child(third_mapping)
    touch(hold(mmap.mmap(fd, 8 * MIB2)), range(4))
    touch(hold(mmap.mmap(fd, 8 * MIB2)), range(2, 6))
    return [child]


def shared_table(_path: str) -> list[int]:
    """1 GiB of shared pages at a 1 GiB border, in two processes that share one PMD table."""
    fd = memfd("hs-table", GIB, os.MFD_HUGETLB | os.MFD_HUGE_2MB)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    flags = mmap.MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE
    protection = mmap.PROT_READ | mmap.PROT_WRITE

    def map_and_touch(cells: Iterable[int]) -> None:
        if libc.mmap(TABLE_START, GIB, protection, flags, fd, 0) != TABLE_START:
            raise Unable(f"{TABLE_START:#x} cannot be mapped: {os.strerror(ctypes.get_errno())}")
        for cell in cells:
            ctypes.memset(TABLE_START + cell * MIB2, 1, 1)

    child = in_child(lambda: map_and_touch((0, 511)))
    map_and_touch((0, 7))
    return [child]


def one_gib_page(_path: str) -> list[int]:
    """A memfd of two 1 GiB pages without reservation, the second one touched."""
    fd = memfd("hs-gib", 2 * GIB, os.MFD_HUGETLB | os.MFD_HUGE_1GB)
    memory = hold(mmap.mmap(fd, 2 * GIB, flags=mmap.MAP_SHARED | MAP_NORESERVE))
    touch(memory, (1,), GIB)
    return []


def hugetlbfs_file(path: str) -> list[int]:
    """A file of 6 pages: shared from its second page on, and its first two pages private."""
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    os.ftruncate(fd, 6 * MIB2)
    touch(hold(mmap.mmap(fd, 5 * MIB2, offset=MIB2)), (0, 3))
    private = hold(mmap.mmap(fd, 2 * MIB2, flags=mmap.MAP_PRIVATE))
    touch(private, (0,))
    _ = private[MIB2]  # A read maps the file's own page, without a copy.
    return []


def sysv_segment(_path: str) -> list[int]:
    """A SysV segment of 4 pages, already marked for removal, two pages touched."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
    flags = IPC_CREAT | 0o600 | SHM_HUGETLB | SHM_HUGE_2MB
    segment = libc.shmget(IPC_PRIVATE, ctypes.c_size_t(4 * MIB2), flags)
    if segment < 0:
        raise Unable(f"no SysV segment of huge pages: {os.strerror(ctypes.get_errno())}")
    address = libc.shmat(segment, None, 0)
    libc.shmctl(segment, IPC_RMID, None)
    if address is None or address == ctypes.c_void_p(-1).value:
        raise Unable(f"the SysV segment cannot be attached: {os.strerror(ctypes.get_errno())}")
    for cell in (0, 2):
        ctypes.memset(address + cell * MIB2, 1, 1)
    return []


def first_sysv_segment(path: str) -> list[int]:
    """The same as the first of an IPC namespace: its id, and so its inode, is 0."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWIPC) != 0:
        raise Unable(f"no IPC namespace of its own: {os.strerror(ctypes.get_errno())}")
    return sysv_segment(path)


def uffd_marker(_path: str) -> list[int]:
    """Of 4 shared pages: 0 and 1 touched, 1 and 2 write-protected; so 2 holds a marker only."""
    fd = memfd("hs-marker", 4 * MIB2, os.MFD_HUGETLB | os.MFD_HUGE_2MB)
    memory = hold(mmap.mmap(fd, 4 * MIB2))
    touch(memory, (0, 1))
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    number = NR_USERFAULTFD.get(os.uname().machine)
    if number is None:
        raise Unable(f"the userfaultfd call's number on {os.uname().machine} is not known here")
    libc = ctypes.CDLL(None, use_errno=True)
    uffd = libc.syscall(number, os.O_CLOEXEC | os.O_NONBLOCK)
    if uffd < 0:
        raise Unable(f"no userfaultfd: {os.strerror(ctypes.get_errno())}")
    mode = UFFDIO_REGISTER_MODE_WP
    try:
        fcntl.ioctl(uffd, UFFDIO_API, struct.pack("3Q", UFFD_API, UFFD_FEATURES, 0))
        fcntl.ioctl(uffd, UFFDIO_REGISTER, struct.pack("4Q", start, 4 * MIB2, mode, 0))
        protect = struct.pack("3Q", start + MIB2, 2 * MIB2, UFFDIO_WRITEPROTECT_MODE_WP)
        fcntl.ioctl(uffd, UFFDIO_WRITEPROTECT, protect)
    except OSError as error:
        raise Unable(f"userfaultfd write-protect of hugetlb is refused: {error}") from error
    return []


CASES: dict[str, Callable[[str], list[int]]] = {
    work.__name__: work
    for work in (
        alternating_memfd,
        forked_private,
        aliased_memfd,
        shared_table,
        one_gib_page,
        hugetlbfs_file,
        sysv_segment,
        first_sysv_segment,
        uffd_marker,
    )
}


def main(name: str, path: str) -> None:
    """Set the case up, say so, idle until standard input ends, let the children end first."""
    try:
        children = CASES[name](path)
    except Unable as reason:
        print(json.dumps({"skip": str(reason)}), flush=True)
        return
    print(json.dumps({"pids": [os.getpid(), *children]}), flush=True)
    sys.stdin.read()
    # All first: a child that was forked later holds the lifelines of those before it.
    for _, life_write in LIFELINES:
        os.close(life_write)
    for pid, _ in LIFELINES:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
