"""A process of very many mappings: ``python many_vmas_process.py COUNT``.

They are base pages of one file, every other one of another protection, so that the kernel can merge
none and passes over none. One huge page stands above them, mapped and touched. It says when it is
ready, and ends with its standard input. It imports nothing of ours.
"""

import ctypes
import mmap
import os
import sys

BASE = 4096
MIB2 = 2 << 20
AT = 0x10000000000
ABOVE = 0x7D0000000000
FIXED = 0x10

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def main(count: int) -> None:
    """Map, say how many there are, wait."""
    fd = os.memfd_create("many")
    os.ftruncate(fd, count * BASE)
    libc.mmap(AT, count * BASE, mmap.PROT_READ, mmap.MAP_SHARED | FIXED, fd, 0)
    for number in range(0, count, 2):
        if libc.mprotect(AT + number * BASE, BASE, 0):
            break
    huge = os.memfd_create("huge", os.MFD_HUGETLB)
    os.ftruncate(huge, 2 * MIB2)
    protection = mmap.PROT_READ | mmap.PROT_WRITE
    libc.mmap(ABOVE, 2 * MIB2, protection, mmap.MAP_SHARED | FIXED, huge, 0)
    ctypes.memset(ABOVE, 1, 1)
    with open("/proc/self/maps", "rb") as maps:
        print(sum(1 for _ in maps), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]))
