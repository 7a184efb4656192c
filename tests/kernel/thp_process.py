"""A process that maps, advises and touches memory as it is told, one JSON line after another.

``["mmap", start, size]``, ``["memfd", start, size]``, ``["madvise", start, size, advice]`` and so
on; it answers each with a JSON line, and ends with its standard input. It runs as a plain script
and imports nothing of ours.
"""

import ctypes
import json
import os
import sys
from collections.abc import Callable

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = LIBC.mremap.restype = ctypes.c_void_p
PAGE = 4096
PROT_RW = 3
MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS = 1, 2, 0x20
MAP_NORESERVE, MAP_HUGETLB_2MB = 0x4000, 0x40000 | 21 << 26
MAP_FIXED_NOREPLACE = 0x100000
MREMAP_MAYMOVE_FIXED = 3
SWEEP = ctypes.c_void_p
FAILED = ctypes.c_void_p(-1).value


def check(result: int | None) -> int:
    """What a call gave, unless it failed."""
    if result in (-1, FAILED):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result or 0


def mmap(start: int, size: int, shared: int = 0) -> int:
    """Anonymous memory at an address that must be free."""
    flags = MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | (MAP_SHARED if shared else MAP_PRIVATE)
    where = LIBC.mmap(SWEEP(start), ctypes.c_size_t(size), PROT_RW, flags, -1, ctypes.c_long(0))
    return check(where)


def hugetlb(start: int, size: int) -> int:
    """Hugetlb memory without a page and without a reservation, which takes nothing of the pool."""
    flags = MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_SHARED | MAP_HUGETLB_2MB | MAP_NORESERVE
    where = LIBC.mmap(SWEEP(start), ctypes.c_size_t(size), PROT_RW, flags, -1, ctypes.c_long(0))
    return check(where)


def memfd(start: int, size: int) -> int:
    """A shared memfd at an address that must be free."""
    fd = os.memfd_create("thp-case")
    os.ftruncate(fd, size)
    flags = MAP_SHARED | MAP_FIXED_NOREPLACE
    where = LIBC.mmap(SWEEP(start), ctypes.c_size_t(size), PROT_RW, flags, fd, ctypes.c_long(0))
    return check(where)


def madvise(start: int, size: int, advice: int) -> int:
    """Advise the kernel."""
    return check(LIBC.madvise(SWEEP(start), ctypes.c_size_t(size), advice))


def mprotect(start: int, size: int, protection: int) -> int:
    """Change what may be done with memory."""
    return check(LIBC.mprotect(SWEEP(start), ctypes.c_size_t(size), protection))


def munmap(start: int, size: int) -> int:
    """Give memory back."""
    return check(LIBC.munmap(SWEEP(start), ctypes.c_size_t(size)))


def mremap(start: int, size: int, to: int) -> int:
    """Move memory to another address."""
    length = ctypes.c_size_t(size)
    return check(LIBC.mremap(SWEEP(start), length, length, MREMAP_MAYMOVE_FIXED, SWEEP(to)))


def write(start: int, size: int) -> int:
    """Write a byte into each page."""
    for address in range(start, start + size, PAGE):
        ctypes.c_char.from_address(address).value = b"x"
    return 0


def read(start: int, size: int) -> int:
    """Read a byte of each page."""
    return sum(
        ord(ctypes.c_char.from_address(address).value)
        for address in range(start, start + size, PAGE)
    )


def fork_write(start: int, size: int) -> int:
    """A child that writes there and then idles as long as we do; its pid."""
    done_read, done_write = os.pipe()
    life_read, life_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(life_write)
        write(start, size)
        os.write(done_write, b"1")
        os.read(life_read, 1)
        os._exit(0)
    os.close(life_read)
    os.read(done_read, 1)
    return pid


def disable_thp(on: int) -> int:
    """Give up transparent huge pages in this process, or take them up again."""
    set_thp_disable = 41
    return check(LIBC.prctl(set_thp_disable, on, 0, 0, 0))


OPERATIONS: dict[str, Callable[..., int]] = {
    call.__name__: call
    for call in (
        *(mmap, hugetlb, memfd, madvise, mprotect, munmap, mremap),
        *(write, read, fork_write, disable_thp),
    )
}


def main() -> None:
    """Do as told until there is nothing more to do."""
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer: object = OPERATIONS[name](*arguments)
        except OSError as error:
            answer = {"errno": error.errno, "error": error.strerror}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
