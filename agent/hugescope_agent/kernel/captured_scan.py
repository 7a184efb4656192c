"""What PAGEMAP_SCAN said of a captured process: proc/PID/hugescope_scan in a captured tree.

pagemap shows poisoned and migrating pages as holes; only a scan tells them, and a captured file
takes no ioctl. So a capture keeps its answers beside the kernel's files (little-endian):

    8 bytes   "HSSCAN\\0\\1"
    u64       number of ranges
    3 u64 each: start, end, categories, as the ioctl gave them: rising, populated ranges of hugetlb
                mappings only

Bit 63 of categories is the capture's own: set where a page that is neither present nor gone was not
so a second before. Such a page is migrating for all that is known; one without the bit was so all
the time, and counts as poisoned, as it does on a live host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.root import Root
from hugescope_wire.cells import PAGE_BYTES

MAGIC: Final = b"HSSCAN\0\1"
FRESH: Final = 1 << 63
_HEAD_BYTES: Final = 16
_RANGE_BYTES: Final = 24
_HIGHEST_VA: Final = 1 << 57

Ranges = npt.NDArray[np.uint64]
"""u64[count, 3]: start, end, categories."""


@dataclass(frozen=True, slots=True)
class CapturedScan:
    """The ranges of one process, rising and apart."""

    ranges: Ranges

    def scan(self, start: int, end: int) -> bytes:
        """Those that touch [start, end), cut to it, as `Scanner.scan` gives them."""
        first = int(np.searchsorted(self.ranges[:, 1], np.uint64(start), side="right"))
        last = int(np.searchsorted(self.ranges[:, 0], np.uint64(end), side="left"))
        found = self.ranges[first:last].copy()
        found[:, 0] = np.maximum(found[:, 0], np.uint64(start))
        found[:, 1] = np.minimum(found[:, 1], np.uint64(end))
        return found.tobytes()


def name_of(pid: int) -> str:
    """Where it lies below the root."""
    return f"proc/{pid}/hugescope_scan"


def is_there(root: Root) -> bool:
    """Whether a captured tree holds scans at all."""
    return any("hugescope_scan" in root.names(f"proc/{pid}") for pid in root.pids())


def read(root: Root, pid: int) -> CapturedScan | None:
    """That of a process; None where there is none. Errors as in `decode`, others by kind."""
    name = name_of(pid)
    try:
        raw = root.read(name)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise root.process_error(error, name) from None
    return decode(raw, name)


def encode(ranges: Ranges) -> bytes:
    """The file of these ranges, which rise and do not overlap."""
    return MAGIC + len(ranges).to_bytes(8, "little") + ranges.astype("<u8").tobytes()


def decode(raw: bytes, where: str) -> CapturedScan:
    """The opposite of `encode`; `where` is the file's name, for errors.

    Raises:
        BadCapture: it is no such file, was cut, or holds what no scan gives.
    """
    if raw[: len(MAGIC)] != MAGIC:
        raise BadCapture(f"{where}: does not begin as a scan does")
    count = int.from_bytes(raw[len(MAGIC) : _HEAD_BYTES], "little")
    if len(raw) != _HEAD_BYTES + count * _RANGE_BYTES:
        raise BadCapture(f"{where}: {len(raw)} bytes for {count} ranges")
    ranges = np.frombuffer(raw, "<u8", offset=_HEAD_BYTES).astype(np.uint64).reshape(-1, 3)
    borders = ranges[:, :2].ravel()
    if (borders % PAGE_BYTES).any() or (borders > _HIGHEST_VA).any():
        raise BadCapture(f"{where}: a range is not of whole pages of a process")
    if (borders[1:] < borders[:-1]).any() or (ranges[:, 0] == ranges[:, 1]).any():
        raise BadCapture(f"{where}: ranges do not rise")
    return CapturedScan(ranges)


def fresh_cells(
    ranges: bytes, start: int, page_size: int, cell_count: int
) -> npt.NDArray[np.bool_]:
    """Which cells of a mapping carry `FRESH`, of what `CapturedScan.scan` gave."""
    fresh = np.zeros(cell_count, np.bool_)
    for begin, end, kind in np.frombuffer(ranges, np.uint64).reshape(-1, 3).tolist():
        if kind & FRESH:
            fresh[(begin - start) // page_size : -((start - end) // page_size)] = True
    return fresh
