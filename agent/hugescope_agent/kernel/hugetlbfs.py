"""Which device numbers belong to a hugetlbfs, for kernels without PROCMAP_QUERY.

The kernel keeps an internal, invisible hugetlbfs mount for each page size; a hugetlb memfd lives in
it, so an empty one tells its device number and takes no page. Mounted ones stand in mountinfo.
"""

from __future__ import annotations

import os
from typing import Final

from hugescope_agent.kernel.root import Root

MFD_HUGETLB: Final = 0x0004
MFD_HUGE_SHIFT: Final = 26

Device = tuple[int, int]


def devices(root: Root, page_sizes: list[int]) -> frozenset[Device]:
    """Every hugetlbfs of the machine that this process can know of."""
    return frozenset(_internal(page_sizes) | mounted(root.read_text("proc/self/mountinfo") or ""))


def mounted(mountinfo: str) -> set[Device]:
    """The hugetlbfs of a mountinfo text.

    A line: `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`; the type follows the
    lone dash.
    """
    found = set()
    for line in mountinfo.split("\n"):
        mount, _, rest = line.partition(" - ")
        fields = mount.split()
        if rest.startswith("hugetlbfs ") and len(fields) > 2:
            major, _, minor = fields[2].partition(":")
            found.add((int(major), int(minor)))
    return found


def _internal(page_sizes: list[int]) -> set[Device]:
    found = set()
    for size in page_sizes:
        flags = MFD_HUGETLB | (size.bit_length() - 1) << MFD_HUGE_SHIFT
        try:
            fd = os.memfd_create("hugescope-probe", flags | os.MFD_CLOEXEC)
        except OSError:
            continue
        device = os.fstat(fd).st_dev
        os.close(fd)
        found.add((os.major(device), os.minor(device)))
    return found
