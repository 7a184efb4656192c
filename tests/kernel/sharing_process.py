"""Processes that map one memfd of 2 MiB pages as they are told: ``python sharing_process.py SPEC``.

SPEC is JSON: a list of processes, each a list of mappings ``[address, pages, offset in pages,
protection, touched pages]``, protection ``"r"`` or ``"rw"``. The processes are set up one after the
other, and within one in order; touching reads where writing is not allowed. It prints one JSON
line with their pids, and ends with its standard input. It imports nothing of ours.
"""

import ctypes
import json
import mmap
import os
import sys

MIB2 = 2 << 20
MAP_NORESERVE = 0x4000
MAP_FIXED_NOREPLACE = 0x100000

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]


def set_up(fd: int, mappings: list[tuple[int, int, int, str, list[int]]]) -> None:
    """Map and touch as one process is told."""
    for address, pages, offset, protection, touched in mappings:
        allowed = mmap.PROT_READ | (mmap.PROT_WRITE if "w" in protection else 0)
        flags = mmap.MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE
        if libc.mmap(address, pages * MIB2, allowed, flags, fd, offset * MIB2) != address:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        for page in touched:
            place = ctypes.c_char.from_address(address + page * MIB2)
            if "w" in protection:
                place.value = b"x"
            else:
                _ = place.value


def main(spec: list[list[tuple[int, int, int, str, list[int]]]]) -> None:
    """Fork, report, wait for the end."""
    fd = os.memfd_create("hs-sharing", os.MFD_HUGETLB | os.MFD_HUGE_2MB)
    os.ftruncate(fd, max(m[1] + m[2] for mappings in spec for m in mappings) * MIB2)
    done, report = os.pipe()
    life, hold = os.pipe()
    pids = []
    for mappings in spec:
        pid = os.fork()
        if pid == 0:
            os.close(hold)
            set_up(fd, mappings)
            os.write(report, b"1")
            os.read(life, 1)
            os._exit(0)
        pids.append(pid)
        if os.read(done, 1) != b"1":
            raise RuntimeError("a process could not be set up")
    print(json.dumps({"pids": pids}), flush=True)
    sys.stdin.read()
    os.close(hold)
    for pid in pids:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
