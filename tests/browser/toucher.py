"""Maps 64 huge pages and touches the page whose number it is told: ``python toucher.py``.

One line in, one line out. Runs as a plain script.
"""

import mmap
import os
import sys

PAGE = 2 << 20
MFD_HUGETLB_2MB = 4 | 21 << 26

fd = os.memfd_create("touched", MFD_HUGETLB_2MB)
os.ftruncate(fd, 64 * PAGE)
memory = mmap.mmap(fd, 64 * PAGE)
print(os.getpid(), flush=True)
for line in sys.stdin:
    memory[int(line) * PAGE] = 1
    print("touched", flush=True)
