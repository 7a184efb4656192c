"""One process that holds, promises or waits for huge pages: ``python held_process.py NAME [PATH]``.

As ``case_process.py``: prints one JSON line ``{"pids": [...]}`` or ``{"skip": reason}``, sits idle
until its standard input ends, and imports nothing of the product.
"""

import ctypes
import fcntl
import mmap
import os
import struct
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.kernel import case_process as base

MIB2 = base.MIB2
HUGE = os.MFD_HUGETLB | os.MFD_HUGE_2MB
UFFDIO_REGISTER_MODE_MISSING = 1 << 0
UFFDIO_REGISTER_MODE_MINOR = 1 << 2
UFFD_FEATURE_MINOR_HUGETLBFS = 1 << 9

FDS: list[int] = []


def fd_only(_path: str) -> list[int]:
    """A memfd of 5 pages, 3 of them there, that nobody maps."""
    fd = base.memfd("hs-fd-only", 5 * MIB2, HUGE)
    os.posix_fallocate(fd, 0, 3 * MIB2)
    FDS.append(fd)
    return []


def open_file(path: str) -> list[int]:
    """A hugetlbfs file of 2 pages that is open, and mapped by nobody."""
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    os.ftruncate(fd, 2 * MIB2)
    os.posix_fallocate(fd, 0, 2 * MIB2)
    FDS.append(fd)
    return []


def reserved_untouched(_path: str) -> list[int]:
    """A memfd of 6 pages, mapped and never touched; a private mapping of 3, one of them touched."""
    fd = base.memfd("hs-reserved", 6 * MIB2, HUGE)
    base.hold(mmap.mmap(fd, 6 * MIB2))
    anonymous = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | base.MAP_HUGETLB | base.MAP_HUGE_2MB
    base.touch(base.hold(mmap.mmap(-1, 3 * MIB2, flags=anonymous)), (0,))
    return []


def noreserve(_path: str) -> list[int]:
    """8 pages without a reservation, two of them touched, where the pool holds no more."""
    fd = base.memfd("hs-noreserve", 8 * MIB2, HUGE)
    memory = base.hold(mmap.mmap(fd, 8 * MIB2, flags=mmap.MAP_SHARED | base.MAP_NORESERVE))
    base.touch(memory, (0, 1))
    return []


def map_at(fd: int, start: int, size: int, cells: Iterable[int]) -> None:
    """Map a file at an address, without reservation, and touch some of its pages."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    flags = mmap.MAP_SHARED | base.MAP_NORESERVE | base.MAP_FIXED_NOREPLACE
    if libc.mmap(start, size, mmap.PROT_READ | mmap.PROT_WRITE, flags, fd, 0) != start:
        raise base.Unable(f"{start:#x} cannot be mapped: {os.strerror(ctypes.get_errno())}")
    for cell in cells:
        ctypes.memset(start + cell * MIB2, 1, 1)


def table_and_twin(_path: str) -> list[int]:
    """One file in three processes: two share a PMD table, the third is off the 1 GiB border."""
    fd = base.memfd("hs-twin", base.GIB, HUGE)
    size = base.GIB
    sharer = base.in_child(lambda: map_at(fd, base.TABLE_START, size, (0, 1, 2)))
    twin = base.in_child(lambda: map_at(fd, base.TABLE_START + 5 * MIB2, size, (0, 1)))
    map_at(fd, base.TABLE_START, size, (0, 1, 2))
    return [sharer, twin]


def register(memory: mmap.mmap, size: int, mode: int, features: int) -> int:
    """A userfaultfd that watches a whole mapping."""
    number = base.NR_USERFAULTFD.get(os.uname().machine)
    if number is None:
        raise base.Unable(f"no number of the userfaultfd call on {os.uname().machine}")
    libc = ctypes.CDLL(None, use_errno=True)
    uffd = libc.syscall(number, os.O_CLOEXEC | os.O_NONBLOCK)
    if uffd < 0:
        raise base.Unable(f"no userfaultfd: {os.strerror(ctypes.get_errno())}")
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    try:
        fcntl.ioctl(uffd, base.UFFDIO_API, struct.pack("3Q", base.UFFD_API, features, 0))
        fcntl.ioctl(uffd, base.UFFDIO_REGISTER, struct.pack("4Q", start, size, mode, 0))
    except OSError as error:
        raise base.Unable(f"userfaultfd is refused: {error}") from error
    return int(uffd)


def uffd_missing(_path: str) -> list[int]:
    """4 pages watched for missing ones, one there before; nobody waits."""
    fd = base.memfd("hs-missing", 4 * MIB2, HUGE)
    memory = base.hold(mmap.mmap(fd, 4 * MIB2))
    base.touch(memory, (0,))
    FDS.append(register(memory, 4 * MIB2, UFFDIO_REGISTER_MODE_MISSING, 0))
    return []


def uffd_minor(_path: str) -> list[int]:
    """2 pages that are in the file, and in no page table that is watched for minor faults."""
    fd = base.memfd("hs-minor", 2 * MIB2, HUGE)
    os.posix_fallocate(fd, 0, 2 * MIB2)
    memory = base.hold(mmap.mmap(fd, 2 * MIB2))
    mode, feature = UFFDIO_REGISTER_MODE_MINOR, UFFD_FEATURE_MINOR_HUGETLBFS
    FDS.append(register(memory, 2 * MIB2, mode, feature))
    return []


def uffd_waiting(_path: str) -> list[int]:
    """As ``uffd_missing``, and a thread touches a page that nobody will ever bring."""
    fd = base.memfd("hs-waiting", 2 * MIB2, HUGE)
    memory = base.hold(mmap.mmap(fd, 2 * MIB2))
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    FDS.append(register(memory, 2 * MIB2, UFFDIO_REGISTER_MODE_MISSING, 0))
    # ctypes lets go of the interpreter's lock for the call, so that only this thread waits.
    threading.Thread(target=ctypes.memset, args=(start, 1, 1), daemon=True).start()
    return []


CASES: dict[str, Callable[[str], list[int]]] = {
    work.__name__: work
    for work in (
        fd_only,
        open_file,
        reserved_untouched,
        noreserve,
        table_and_twin,
        uffd_missing,
        uffd_minor,
        uffd_waiting,
    )
}


if __name__ == "__main__":
    base.CASES.update(CASES)
    base.main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
    # A thread that waits for a page would hold up an orderly exit for ever.
    os._exit(0)
