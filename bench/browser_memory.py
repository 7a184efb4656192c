"""A process with huge pages for `bench/browser.py`: a plain script that does what it is told.

    python bench/browser_memory.py sparse      1 TiB of addresses, MAP_NORESERVE, nothing touched
    python bench/browser_memory.py touched N   N pages of a memfd, touched one by one

It prints a line when it is ready and ends with its standard input. `touched` reads lines: a page
and how many seconds to wait before it touches it, and answers with CLOCK_MONOTONIC in seconds from
before and after the touch; or "empty", which frees all pages.
"""

import ctypes
import mmap
import os
import sys
import time

PAGE = 2 << 20
MFD_HUGETLB_2MB = 4 | 21 << 26
MAP_NORESERVE = 0x4000
MAP_HUGETLB_2MB = 0x40000 | 21 << 26
PUNCH_HOLE_KEEP_SIZE = 3


def sparse() -> None:
    """Map 1 TiB of holes."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE | MAP_HUGETLB_2MB
    memory = mmap.mmap(-1, 1 << 40, flags)
    print("ready", flush=True)
    sys.stdin.read()
    memory.close()


def touched(count: int) -> None:
    """Touch pages as told."""
    fd = os.memfd_create("touched", MFD_HUGETLB_2MB)
    os.ftruncate(fd, count * PAGE)
    memory = mmap.mmap(fd, count * PAGE)
    print("ready", flush=True)
    for line in sys.stdin:
        if line == "empty\n":
            empty(fd, count * PAGE)
            print("empty", flush=True)
            continue
        page, wait_s = line.split()
        time.sleep(float(wait_s))
        before_s = time.monotonic()
        memory[int(page) * PAGE] = 1
        print(before_s, time.monotonic(), flush=True)


def empty(fd: int, length: int) -> None:
    """Free every page of the file."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
    if libc.fallocate(fd, PUNCH_HOLE_KEEP_SIZE, 0, length) != 0:
        raise OSError(ctypes.get_errno(), "fallocate")


if __name__ == "__main__":
    if sys.argv[1] == "sparse":
        sparse()
    else:
        touched(int(sys.argv[2]))
