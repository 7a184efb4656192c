"""Which device numbers belong to a hugetlbfs, for kernels without PROCMAP_QUERY.

The kernel keeps an internal, invisible hugetlbfs mount for each page size; a hugetlb memfd lives in
it, so an empty one tells its device number and takes no page. Mounted ones stand in mountinfo.
"""

from __future__ import annotations

import os
import re
from typing import Final

_DEVICE: Final = re.compile(r"([0-9]+):([0-9]+)")

Device = tuple[int, int]


def internal(page_sizes: list[int]) -> frozenset[Device]:
    """The kernel's own mounts, of those page sizes that it has."""
    found = set()
    for size in page_sizes:
        flags = os.MFD_HUGETLB | (size.bit_length() - 1) << os.MFD_HUGE_SHIFT
        try:
            fd = os.memfd_create("hugescope-probe", flags | os.MFD_CLOEXEC)
        except OSError:
            continue
        device = os.fstat(fd).st_dev
        os.close(fd)
        found.add((os.major(device), os.minor(device)))
    return frozenset(found)


def mounted(text: str) -> frozenset[Device]:
    """The hugetlbfs of the mountinfo text of a process.

    A line: `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`; the type follows the
    lone dash.
    """
    found = set()
    for line in text.split("\n"):
        mount, _, rest = line.partition(" - ")
        fields = mount.split(" ")
        device = _DEVICE.fullmatch(fields[2]) if len(fields) > 2 else None
        if device is not None and rest.startswith("hugetlbfs "):
            found.add((int(device[1]), int(device[2])))
    return frozenset(found)
