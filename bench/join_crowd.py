"""The processes that bench/join.py looks at: ``python join_crowd.py LAYOUT PAGES PROCESSES``.

One process forks all the others, says how many cells they have present together, and ends them
with its standard input. It runs as a plain script and imports nothing of ours. Layouts, of PAGES
huge pages of 2 MiB in all:

    windows  memfds of 1 GiB; each process maps a quarter, half or whole of one, shared; every
             fourth one at a 1 GiB border, so that these share page tables
    own      each process has its own share of the pages, private and anonymous
    all      each process maps all of the memfds
"""

import ctypes
import mmap
import os
import sys

PAGE = 2 << 20
GIB = 1 << 30
CELLS = GIB // PAGE
BORDER = 0x7D0000000000
MAP_FIXED_NOREPLACE = 0x100000
MAP_HUGETLB = 0x40000
MAP_HUGE_2MB = 21 << 26

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]


def place(address: int, cells: int, flags: int, fd: int, first: int = 0) -> int:
    """Map and populate so many pages at an address; how many."""
    protection = mmap.PROT_READ | mmap.PROT_WRITE
    flags |= MAP_FIXED_NOREPLACE | mmap.MAP_POPULATE
    if libc.mmap(address, cells * PAGE, protection, flags, fd, first * PAGE) != address:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return cells


def windows(number: int, files: list[tuple[int, int]]) -> int:
    """One window on one file."""
    fd, cells = files[number % len(files)]
    kind = number // len(files) % 4
    if kind == 0:
        return place(BORDER, cells, mmap.MAP_SHARED, fd)
    size = max(1, cells >> (kind - 1))
    first = number % (cells - size + 1)
    return place(BORDER + PAGE, size, mmap.MAP_SHARED, fd, first)


def everything(files: list[tuple[int, int]]) -> int:
    """Every file, one after the other."""
    begin = BORDER + PAGE
    for fd, cells in files:
        begin += place(begin, cells, mmap.MAP_SHARED, fd) * PAGE
    return sum(cells for _, cells in files)


def own(number: int, pages: int, processes: int) -> int:
    """This process' share."""
    cells = pages // processes + (number < pages % processes)
    return place(BORDER, cells, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB, -1)


def memfds(pages: int) -> list[tuple[int, int]]:
    """Files of at most 1 GiB, with their pages."""
    files = []
    for first in range(0, pages, CELLS):
        cells = min(CELLS, pages - first)
        fd = os.memfd_create("bench", os.MFD_HUGETLB | MAP_HUGE_2MB)
        os.ftruncate(fd, cells * PAGE)
        os.posix_fallocate(fd, 0, cells * PAGE)
        files.append((fd, cells))
    return files


def child(
    layout: str, number: int, pages: int, processes: int, files: list[tuple[int, int]]
) -> int:
    """What one process maps: how many cells."""
    if layout == "own":
        return own(number, pages, processes)
    return everything(files) if layout == "all" else windows(number, files)


def main(layout: str, pages: int, processes: int) -> None:
    """Fork, report, wait for the end."""
    files = [] if layout == "own" else memfds(pages)
    told, tell = os.pipe()
    life, hold = os.pipe()
    for number in range(processes):
        if os.fork() == 0:
            os.close(hold)
            cells = child(layout, number, pages, processes, files)
            os.write(tell, cells.to_bytes(8, "little"))
            os.read(life, 1)
            os._exit(0)
    os.close(tell)
    with os.fdopen(told, "rb") as answers:
        present = [int.from_bytes(answers.read(8), "little") for _ in range(processes)]
    print(sum(present) if all(present) else "a process could not map its pages", flush=True)
    sys.stdin.read()
    os.close(hold)
    for _ in range(processes):
        os.wait()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
