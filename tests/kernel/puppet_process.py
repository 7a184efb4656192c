"""A process that does to its huge pages what it is told: ``python puppet_process.py [SLOT FD]``.

It reads one JSON list a line, ``[command, argument...]``, does it, and answers with one JSON
line: a value, or ``{"error": reason}``. It ends with its standard input. It runs as a plain script
and imports nothing of ours. A slot is a mapping at an address of its own.
"""

import ctypes
import json
import mmap
import os
import sys
from collections.abc import Callable

MIB2 = 2 << 20
GIB = 1 << 30
FIRST_ADDRESS = 0x7D0000000000
MAP_FIXED = 0x10
MAP_NORESERVE = 0x4000
MAP_HUGETLB = 0x40000
MREMAP_MAYMOVE_FIXED = 3
PUNCH_HOLE_KEEP_SIZE = 3
FAILED = ctypes.c_void_p(-1).value

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.mremap.argtypes = [
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_void_p,
]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]

FDS: dict[int, int] = {}
PAGES: dict[int, int] = {}
CHILDREN: list[tuple[int, int, int]] = []


def address(slot: int) -> int:
    """Where a slot lies, on a 1 GiB border."""
    return FIRST_ADDRESS + slot * GIB


def check(result: int | None) -> None:
    """Raise what the C library reported."""
    if result is None or result in (-1, FAILED):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def map_slot(slot: int, pages: int, flags: int, fd: int) -> int:
    """Map pages at a slot, in place of what is there."""
    protection = mmap.PROT_READ | mmap.PROT_WRITE
    check(libc.mmap(address(slot), pages * MIB2, protection, flags | MAP_FIXED, fd, 0))
    FDS[slot], PAGES[slot] = fd, pages
    return address(slot)


def memfd(slot: int, pages: int, name: str = "puppet", reserve: bool = True) -> int:
    """A new shared memfd at a slot; the name may hold any bytes, as surrogates."""
    fd = os.memfd_create(name, os.MFD_HUGETLB)
    os.ftruncate(fd, pages * MIB2)
    flags = mmap.MAP_SHARED if reserve else mmap.MAP_SHARED | MAP_NORESERVE
    return map_slot(slot, pages, flags, fd)


def again(slot: int, other: int) -> int:
    """The memfd of one slot at another too."""
    return map_slot(other, PAGES[slot], mmap.MAP_SHARED, FDS[slot])


def private(slot: int, pages: int) -> int:
    """New private anonymous pages at a slot."""
    return map_slot(slot, pages, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB, -1)


def file(slot: int, pages: int, path: str) -> int:
    """A file of a hugetlbfs."""
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    os.ftruncate(fd, pages * MIB2)
    return map_slot(slot, pages, mmap.MAP_SHARED, fd)


def touch(slot: int, cells: list[int]) -> None:
    """Write a byte into pages."""
    for cell in cells:
        ctypes.memset(address(slot) + cell * MIB2, 1, 1)


def punch(slot: int, cell: int) -> None:
    """Free one page of a memfd."""
    check(libc.fallocate(FDS[slot], PUNCH_HOLE_KEEP_SIZE, cell * MIB2, MIB2))


def forget(slot: int, cell: int) -> None:
    """Drop one page from the page table; a memfd keeps it, private memory loses it."""
    check(libc.madvise(address(slot) + cell * MIB2, MIB2, mmap.MADV_DONTNEED))


def unmap(slot: int) -> None:
    """Unmap a slot."""
    check(libc.munmap(address(slot), PAGES[slot] * MIB2))


def cut(slot: int, pages: int) -> int:
    """Unmap the first pages of a slot; the address of what is left."""
    check(libc.munmap(address(slot), pages * MIB2))
    return address(slot) + pages * MIB2


def close(slot: int) -> None:
    """Let go of a slot's memfd; what is unmapped too is free."""
    os.close(FDS.pop(slot))


def move(slot: int, other: int) -> int:
    """Move a slot's mapping to another with mremap."""
    size = PAGES[slot] * MIB2
    check(libc.mremap(address(slot), size, size, MREMAP_MAYMOVE_FIXED, address(other)))
    FDS[other], PAGES[other] = FDS[slot], PAGES[slot]
    return address(other)


def call(name: str) -> None:
    """Take another name."""
    check(libc.prctl(15, os.fsencode(name), 0, 0, 0))


def fork() -> int:
    """Fork a child that touches what it is told, and lives as long as we do."""
    orders_read, orders_write = os.pipe()
    done_read, done_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(orders_write)
        for line in os.fdopen(orders_read):
            touch(*json.loads(line))
            os.write(done_write, b"1")
        os._exit(0)
    os.close(orders_read)
    CHILDREN.append((pid, orders_write, done_read))
    return pid


def child_touch(slot: int, cells: list[int]) -> None:
    """The last child touches pages."""
    _, orders, done = CHILDREN[-1]
    os.write(orders, f"{json.dumps([slot, cells])}\n".encode())
    if os.read(done, 1) != b"1":
        raise OSError("the child is gone")


def child_end() -> None:
    """The last child ends, and is reaped."""
    pid, orders, done = CHILDREN.pop()
    os.close(orders)
    os.close(done)
    os.waitpid(pid, 0)


def become(slot: int) -> None:
    """Become a new program, which maps the slot's memfd and answers when it has."""
    os.set_inheritable(FDS[slot], True)
    arguments = [sys.executable, __file__, str(slot), str(FDS[slot]), str(PAGES[slot])]
    os.execv(sys.executable, arguments)


COMMANDS: dict[str, Callable[..., int | None]] = {
    work.__name__: work
    for work in (
        *(memfd, again, private, file, touch, punch, forget, unmap, cut, close, move, call),
        *(fork, child_touch, child_end, become),
    )
}


def answer(line: str) -> object:
    """Do one command."""
    name, *arguments = json.loads(line)
    try:
        return COMMANDS[name](*arguments)
    except OSError as error:
        return {"error": f"{name}: {error}"}


def main(arguments: list[str]) -> None:
    """Answer command after command; after `become` the mapping comes first."""
    if arguments:
        slot, fd, pages = map(int, arguments)
        print(map_slot(slot, pages, mmap.MAP_SHARED, fd), flush=True)
    # Not an iteration over stdin: what it had read ahead would be lost at exec.
    while line := sys.stdin.readline():
        print(json.dumps(answer(line)), flush=True)
    while CHILDREN:
        child_end()


if __name__ == "__main__":
    main(sys.argv[1:])
