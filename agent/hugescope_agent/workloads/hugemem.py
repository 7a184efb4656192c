"""Huge pages in this process: a hugetlb memfd, mapped shared at an address of our choice.

The pattern: every 2 MiB (or every page, where pages are smaller) is filled with one 32-byte unit,
over and over::

    8 bytes "HUGESCOP", u64 seed, u64 offset in the memory, u64 offset in units of the page size

so that any byte seen anywhere says where it belongs. Constants: ``linux/mman.h``,
``linux/falloc.h``.
"""

import ctypes
import errno
import mmap
import os
import struct

from hugescope_agent.workloads.errors import WorkloadError
from hugescope_agent.workloads.sizes import size_text

MAP_FIXED_NOREPLACE = 0x100000
FALLOC_FL_KEEP_SIZE = 0x01
FALLOC_FL_PUNCH_HOLE = 0x02

ALIGNMENT_BYTES = 1 << 30  # one page table of 2 MiB entries, so one row of the map is one row here
ADDRESS_ATTEMPTS = 16
BLOCK_BYTES = 2 << 20
_UNIT = struct.Struct("<8sQQQ")
_MASK64 = (1 << 64) - 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
)
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long)


def pattern_block(seed: int, offset_bytes: int, page_size_bytes: int) -> bytes:
    """The bytes that belong at ``offset_bytes``: one block, see the module's text."""
    page = offset_bytes // page_size_bytes
    unit = _UNIT.pack(b"HUGESCOP", seed & _MASK64, offset_bytes, page)
    return unit * (min(BLOCK_BYTES, page_size_bytes) // _UNIT.size)


class HugeMemory:
    """A hugetlb memfd of ``size_bytes``, mapped MAP_SHARED near ``wanted_va``, as QEMU maps RAM.

    The mapping lasts as long as the process. All its pages are reserved, none is touched.
    """

    def __init__(self, name: str, size_bytes: int, page_size_bytes: int, wanted_va: int) -> None:
        self.size_bytes = size_bytes
        self.page_size_bytes = page_size_bytes
        self.block_bytes = min(BLOCK_BYTES, page_size_bytes)
        order = page_size_bytes.bit_length() - 1
        flags = os.MFD_CLOEXEC | os.MFD_HUGETLB | order << os.MFD_HUGE_SHIFT
        self.descriptor = os.memfd_create(name, flags)
        os.ftruncate(self.descriptor, size_bytes)
        self.start_va = self._map_near(wanted_va)

    def fill(self, seed: int) -> None:
        """Write the pattern into every page."""
        for offset in range(0, self.size_bytes, self.block_bytes):
            block = pattern_block(seed, offset, self.page_size_bytes)
            ctypes.memmove(self.start_va + offset, block, len(block))

    def block_matches(self, offset_bytes: int, seed: int) -> bool:
        """Whether the block at a multiple of ``block_bytes`` holds its pattern; touches it."""
        held = ctypes.string_at(self.start_va + offset_bytes, self.block_bytes)
        return held == pattern_block(seed, offset_bytes, self.page_size_bytes)

    def touch(self, offset_bytes: int) -> int:
        """Read one byte, which faults where the page is absent."""
        return ctypes.c_ubyte.from_address(self.start_va + offset_bytes).value

    def punch(self) -> None:
        """Free every page, in all mappings, and reserve them anew.

        fallocate(PUNCH_HOLE) does it, and so does madvise(MADV_REMOVE); MADV_DONTNEED on a
        shared hugetlb mapping leaves the pages in the file. Either takes the reservations along
        with the pages, and then anybody could take these; mapping the file once more makes them
        again, and they belong to the file, not to that mapping (tried on 6.18).
        """
        mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
        if _libc.fallocate(self.descriptor, mode, 0, self.size_bytes):
            error = ctypes.get_errno()
            raise OSError(error, f"fallocate(PUNCH_HOLE): {os.strerror(error)}")
        again = self._map(0, mmap.MAP_SHARED)
        _libc.munmap(again, self.size_bytes)

    def _map_near(self, wanted_va: int) -> int:
        step = -(-self.size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        for attempt in range(ADDRESS_ATTEMPTS):
            start_va = wanted_va + attempt * step
            try:
                got = self._map(start_va, mmap.MAP_SHARED | MAP_FIXED_NOREPLACE)
            except FileExistsError:
                continue
            if got == start_va:
                return got
            _libc.munmap(got, self.size_bytes)  # before Linux 4.17 the flag is a mere hint
        raise WorkloadError(f"no room for {size_text(self.size_bytes)} from {wanted_va:#x} on")

    def _map(self, start_va: int, flags: int) -> int:
        access = mmap.PROT_READ | mmap.PROT_WRITE
        got: int = _libc.mmap(start_va, self.size_bytes, access, flags, self.descriptor, 0)
        if got != ctypes.c_void_p(-1).value:
            return got
        error = ctypes.get_errno()
        if error == errno.ENOMEM:
            pages = self.size_bytes // self.page_size_bytes
            raise WorkloadError(
                f"{pages} huge pages of {size_text(self.page_size_bytes)} cannot be reserved:"
                " too few are left in the pool, or the cgroup's limit is lower"
            )
        raise OSError(error, f"mmap at {start_va:#x}: {os.strerror(error)}")
