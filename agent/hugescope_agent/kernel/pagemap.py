"""/proc/PID/pagemap: one little-endian u64 for each 4 KiB of address space, and the PAGEMAP_SCAN
ioctl.

Bits (Documentation/admin-guide/mm/pagemap.rst): 0-54 PFN (0 without CAP_SYS_ADMIN), 56 exclusive,
57 uffd-wp, 61 file or shared, 62 swap, 63 present. In a mainline hugetlb mapping all entries of a
huge page agree, so one u64 a huge page loses nothing; under HGM each 4 KiB has its own.

PAGEMAP_SCAN (Linux 6.7, include/uapi/linux/fs.h) takes 12 u64: size, flags, start, end, walk_end,
vec, vec_len, max_pages, category_inverted, category_mask, category_anyof_mask, return_mask, and
fills vec with (start, end, categories) ranges. It never gives PFNs. `walk_end` is stale after a
complete scan of more than 512 internal ranges (seen on 6.12 and 6.18), so a scan goes on only while
the vector came back full, from its last range.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Sequence
from itertools import repeat
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from hugescope_agent.errors import BadCapture, ProcessGone
from hugescope_agent.kernel import captured_scan
from hugescope_agent.kernel.captured_scan import CapturedScan
from hugescope_agent.kernel.root import Root
from hugescope_wire.cells import PAGE_BYTES

PFN_MASK: Final = (1 << 55) - 1
EXCLUSIVE_BIT: Final = 56
UFFD_WP_BIT: Final = 57
FILE_BIT: Final = 61
PRESENT_BIT: Final = 63
ENTRY_BYTES: Final = 8
PAGE_SHIFT: Final = 12

PAGEMAP_SCAN: Final = 0xC0606610
PAGE_IS_WRITTEN: Final = 0x02
PAGE_IS_PRESENT: Final = 0x08
PAGE_IS_SWAPPED: Final = 0x10
PAGE_IS_HUGE: Final = 0x40
_ASKED: Final = PAGE_IS_WRITTEN | PAGE_IS_PRESENT | PAGE_IS_SWAPPED | PAGE_IS_HUGE
_POPULATED: Final = PAGE_IS_PRESENT | PAGE_IS_SWAPPED
_SCAN_ARG: Final = struct.Struct("<12Q")
_RANGE_WORDS: Final = 3
_RANGE_BYTES: Final = _RANGE_WORDS * 8
_RANGE: Final = struct.Struct("<3Q")
_RANGES: Final = 2048
_FEW_RANGES: Final = 8
"""Most mappings have a few; one by one these cost less than the arithmetic on arrays."""

_READ_PAGES: Final = 1 << 18
"""Entries in one pread of a whole range: the 2 MiB that a 1 GiB page needs."""

Words = npt.NDArray[np.uint64]

Held = Literal["data", "gap", "beyond"]
"""What a captured file has of a range: some data or its end; nothing, in a sparse file; it ends
before.
"""


def read_words(fd: int, offsets: Sequence[int]) -> bytes:
    """One u64 at each byte offset; shorter than 8 bytes each where the file ends.

    A pread a word: the words lie 4 KiB and more apart, and the kernel works for every word that is
    read.
    """
    return b"".join(map(os.pread, repeat(fd), repeat(ENTRY_BYTES), offsets))


class Pagemap:
    """An open pagemap; stays bound to the mm that opened it."""

    def __init__(self, root: Root, pid: int) -> None:
        """Open it.

        Raises:
            ProcessError: by the kernel's answer.
        """
        self._name = f"proc/{pid}/pagemap"
        self._root = root
        self._captured: CapturedScan | None = None
        if not root.live:
            self._captured = captured_scan.read(root, pid)
        try:
            self._fd = root.open(self._name)
        except OSError as error:
            raise root.process_error(error, self._name) from None

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._fd)

    def words_at(self, addresses: npt.NDArray[np.integer]) -> Words:
        """The entry of each virtual address, u64 of the same length.

        Raises:
            ProcessGone: the file of a live process ended: its mm is gone.
            BadCapture: the file of a captured tree ended; says where.
        """
        offsets = (addresses >> PAGE_SHIFT) * ENTRY_BYTES
        raw = self._read(offsets.tolist())
        return np.frombuffer(raw, np.uint64)

    def words_in(self, start: int, end: int, *, padded: bool = False) -> Words:
        """Every entry from virtual address `start` up to `end`, u64; errors as in `words_at`.

        With `padded` a captured file may end earlier, as it does behind the last mapping that was
        captured; the entries behind its end are 0.
        """
        parts = []
        first, last = start >> PAGE_SHIFT, end >> PAGE_SHIFT
        for page in range(first, last, _READ_PAGES):
            want = min(_READ_PAGES, last - page) * ENTRY_BYTES
            got = self._pread(want, page * ENTRY_BYTES)
            if len(got) != want:
                if self._root.live or not padded:
                    raise self._ended(page * ENTRY_BYTES + len(got))
                got += bytes(want - len(got))
            parts.append(np.frombuffer(got, np.uint64))
        return np.concatenate(parts) if parts else np.empty(0, np.uint64)

    def held(self, start: int, end: int) -> Held:
        """What a captured file has between two virtual addresses; process errors by kind.

        A file system that knows no gaps shows data everywhere.
        """
        first, last = (at // PAGE_BYTES * ENTRY_BYTES for at in (start, end))
        try:
            size = os.fstat(self._fd).st_size
            if size <= first:
                return "beyond"
            if size < last or os.lseek(self._fd, first, os.SEEK_DATA) < last:
                return "data"
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise self._root.process_error(error, self._name) from None
        return "gap"

    def _pread(self, size: int, offset: int) -> bytes:
        try:
            return os.pread(self._fd, size, offset)
        except OSError as error:
            raise self._root.process_error(error, self._name) from None

    def _read(self, offsets: list[int]) -> bytes:
        try:
            raw = read_words(self._fd, offsets)
        except OSError as error:
            raise self._root.process_error(error, self._name) from None
        if len(raw) != len(offsets) * ENTRY_BYTES:
            short = (at for at in offsets if len(os.pread(self._fd, ENTRY_BYTES, at)) < ENTRY_BYTES)
            raise self._ended(next(short, offsets[-1]))
        return raw

    def _ended(self, offset: int) -> ProcessGone | BadCapture:
        if self._root.live:
            return ProcessGone(f"{self._name}: the process left")
        return BadCapture(
            f"{self._name}: ends before byte {offset + ENTRY_BYTES}, in the entry of address "
            f"{offset // ENTRY_BYTES << PAGE_SHIFT:#x}, which is inside a mapping"
        )

    @property
    def is_captured_scan(self) -> bool:
        """Whether `scan` gives what was captured, which is what there is to know of entries."""
        return self._captured is not None

    def scan(self, scanner: Scanner, start: int, end: int) -> bytes:
        """Populated ranges by PAGEMAP_SCAN, as `Scanner.scan`; process errors by kind.

        In a captured tree as they were captured.
        """
        if self._captured is not None:
            return self._captured.scan(start, end)
        try:
            return scanner.scan(self._fd, start, end)
        except OSError as error:
            raise self._root.process_error(error, self._name) from None


class Scanner:
    """PAGEMAP_SCAN with one argument block and one range vector for its whole life.

    Not for use from several threads at once.
    """

    def __init__(self) -> None:
        self._vec = np.zeros(_RANGES * _RANGE_WORDS, np.uint64)
        self._bytes = self._vec.view(np.uint8)
        self._address = self._vec.ctypes.data
        self._arg = bytearray(_SCAN_ARG.size)

    def scan(self, fd: int, start: int, end: int) -> bytes:
        """Populated ranges of [start, end): triples of u64 (start, end, categories), rising.

        The same page tables give the same bytes, so that two looks compare as bytes. OSError as it
        comes.
        """
        count = self._fill(fd, start, end)
        if count < _RANGES:
            return self._bytes[: count * _RANGE_BYTES].tobytes()
        parts = []
        while count == _RANGES:
            parts.append(self._bytes.tobytes())
            count = self._fill(fd, int(self._vec[-2]), end)
        parts.append(self._bytes[: count * _RANGE_BYTES].tobytes())
        return b"".join(parts)

    def _fill(self, fd: int, start: int, end: int) -> int:
        arg = self._arg
        _SCAN_ARG.pack_into(
            arg, 0, 96, 0, start, end, 0, self._address, _RANGES, 0, 0, 0, _POPULATED, _ASKED
        )
        return fcntl.ioctl(fd, PAGEMAP_SCAN, arg) if start < end else 0


def cell_categories(
    ranges: bytes, start: int, page_size: int, cell_count: int
) -> npt.NDArray[np.uint8]:
    """The PAGE_IS_* categories of each cell, u8[cell_count], from what `Scanner.scan` gave; 0 where
    empty.
    """
    categories = np.zeros(cell_count, np.uint8)
    if len(ranges) <= _FEW_RANGES * _RANGE_BYTES:
        for begin, end, kind in _RANGE.iter_unpack(ranges):
            categories[(begin - start) // page_size : -((start - end) // page_size)] = kind & 0xFF
        return categories
    words = np.frombuffer(ranges, np.uint64).reshape(-1, _RANGE_WORDS)
    first = ((words[:, 0] - np.uint64(start)) // np.uint64(page_size)).astype(np.int64)
    last = -(-(words[:, 1] - np.uint64(start)).astype(np.int64) // page_size)
    lengths = last - first
    index = np.repeat(first - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    categories[index] = np.repeat(words[:, 2].astype(np.uint8), lengths)
    return categories


def pagemap_scan_works(fd: int) -> bool:
    """Probe on an open pagemap: ENOTTY before Linux 6.7 and on a plain file."""
    try:
        Scanner().scan(fd, 0x10000, 0x11000)
    except OSError:
        return False
    return True
