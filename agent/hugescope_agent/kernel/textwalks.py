"""Hugetlb VMAs by the text of maps, on kernels before 6.11, which have no PROCMAP_QUERY.

They are those whose file lies in a hugetlbfs, and that tells their page size too: the kernel's own
mounts have one each, and the others say theirs among their options. (Before Linux 4.13 only those
that were mounted with the option say it; the others have the default size.)
"""

from __future__ import annotations

import os
import re
import time
from typing import Final

from hugescope_agent.kernel import hugetlbfs, maps, mountinfo
from hugescope_agent.kernel.maps import MapsLine, VmaWalk
from hugescope_agent.kernel.mountinfo import Device
from hugescope_agent.kernel.root import Root
from hugescope_agent.kernel.vma import HugeVma

_READ_BYTES: Final = 1 << 16
_AT_ONCE: Final = 1 << 16
_ASK_AGAIN_S: Final = 10.0
_DEFAULT_SIZE: Final = re.compile(r"^Hugepagesize:\s+([0-9]{1,10}) kB$", re.MULTILINE)


class TextQuery:
    """Does with text what `maps.VmaQuery` does by asking.

    Args:
        root: a live one.
        page_sizes: of the kernel's hugetlb pages, in bytes.
    """

    counted = "mappings"

    def __init__(self, root: Root, page_sizes: list[int]) -> None:
        self._root = root
        own = hugetlbfs.internal_by_size(page_sizes)
        self._own: dict[Device, int] = {device: size for size, device in own.items()}
        self._mounted: dict[Device, int] = {}
        self._others: dict[Device, float] = {}
        default = _DEFAULT_SIZE.search(root.read_text("proc/meminfo") or "")
        self._default_size = int(default[1]) * 1024 if default else 0

    def huge_vmas(self, maps_fd: int, pid: int) -> list[HugeVma]:
        """Every hugetlb VMA of the process behind `maps_fd`, rising; OSError as it comes."""
        walk = VmaWalk(maps_fd, pid)
        while not self.go_on(walk, _AT_ONCE):
            pass
        return walk.found

    def go_on(self, walk: VmaWalk, most: int) -> bool:
        """Read so many more lines, or few beyond; whether none is left. OSError as it comes."""
        pieces, count, ended = [walk.text], 0, False
        while count < most and not ended:
            piece = os.read(walk.maps_fd, _READ_BYTES)
            count += piece.count(b"\n")
            ended = not piece
            pieces.append(piece)
        text = b"".join(pieces)
        whole = len(text) if ended else text.rfind(b"\n") + 1
        walk.text = text[whole:]
        lines = maps.of_devices(text[:whole], lambda devices: self._huge(walk.pid, devices))
        walk.found += [vma for line in lines if (vma := self._vma(line)) is not None]
        return ended

    def _vma(self, line: MapsLine) -> HugeVma | None:
        """None where it cannot be of such pages: its device number is another's by now."""
        size = self._own.get(line.device) or self._mounted.get(line.device)
        if not size or any(at % size for at in (line.start, line.end, line.offset)):
            return None
        return line.as_huge(size)

    def _huge(self, pid: int, devices: set[Device]) -> set[Device]:
        """Those of them that are a hugetlbfs.

        What is not the kernel's own is looked up among the mounts of the process itself, whose
        mount namespace may be its own; what was none there is asked again after a while, and what
        was one each time, for numbers are given again.
        """
        now_s = time.monotonic()
        asked = {
            device
            for device in devices - self._own.keys()
            if device[0] == 0 and now_s - self._others.get(device, -_ASK_AGAIN_S) >= _ASK_AGAIN_S
        }
        if asked:
            self._learn(self._root.read_text(f"proc/{pid}/mountinfo") or "")
            for device in asked - self._mounted.keys():
                self._others[device] = now_s
        return devices & (self._own.keys() | self._mounted.keys())

    def _learn(self, text: str) -> None:
        """Of what is mounted nowhere here any more what was known holds on."""
        known = {mount.device: mount.page_size for mount in hugetlbfs.mounts(text)}
        for device in {mount.device for mount in mountinfo.parse(text)} - known.keys():
            self._mounted.pop(device, None)
        for device, page_size in known.items():
            self._mounted[device] = page_size or self._default_size
            self._others.pop(device, None)
