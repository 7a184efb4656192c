"""Maps 64 huge pages and touches the page whose number it is told: ``python toucher.py``.

One line in, one line out. Runs as a plain script. The mapping begins at entry 32 of its page table,
always: where the kernel puts one by itself differs from run to run.
"""

import ctypes
import mmap
import os
import sys

PAGE = 2 << 20
PAGES = 64
START = 0x7E8000000000 + 32 * PAGE
MFD_HUGETLB_2MB = 4 | 21 << 26
MAP_FIXED_NOREPLACE = 0x100000

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]

fd = os.memfd_create("touched", MFD_HUGETLB_2MB)
os.ftruncate(fd, PAGES * PAGE)
protection = mmap.PROT_READ | mmap.PROT_WRITE
flags = mmap.MAP_SHARED | MAP_FIXED_NOREPLACE
if libc.mmap(START, PAGES * PAGE, protection, flags, fd, 0) != START:
    sys.exit(f"{START:#x} cannot be mapped: {os.strerror(ctypes.get_errno())}")
print(os.getpid(), flush=True)
for line in sys.stdin:
    ctypes.memset(START + int(line) * PAGE, 1, 1)
    print("touched", flush=True)
