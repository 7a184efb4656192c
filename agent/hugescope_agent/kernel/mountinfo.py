r"""/proc/PID/mountinfo: what a mount namespace has mounted where.

A line: `36 35 98:0 /base /place rw,noatime master:1 - ext3 /dev/root rw,errors=continue`: mount id,
parent, device, the part of the file system that is mounted, mount point, options of the mount, any
number of optional fields, a lone dash, type, source, options of the file system. Space, tab,
newline and backslash are escaped as in \040.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_DEVICE: Final = re.compile(r"([0-9]{1,10}):([0-9]{1,10})")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")

Device = tuple[int, int]
"""Major and minor number."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount.

    Attributes:
        base: directory or file of the file system that is mounted; "/" for all of it.
        point: where, as seen from the root directory of the process.
        options: of the file system, not of the mount.
    """

    device: Device
    base: str
    point: str
    type: str
    options: tuple[str, ...]


def parse(text: str) -> Iterator[Mount]:
    """Every mount, in the kernel's order; what is no line of mountinfo is passed over."""
    for line in text.split("\n"):
        mount, _, rest = line.partition(" - ")
        fields, kind = mount.split(" "), rest.split(" ")
        device = _DEVICE.fullmatch(fields[2]) if len(fields) > 4 and len(kind) > 1 else None
        if device is not None:
            options = tuple(kind[2].split(",")) if len(kind) > 2 else ()
            yield Mount(
                (int(device[1]), int(device[2])),
                _unescaped(fields[3]),
                _unescaped(fields[4]),
                kind[0],
                options,
            )


def _unescaped(field: str) -> str:
    return _ESCAPED.sub(lambda escape: chr(int(escape[1], 8)), field) if "\\" in field else field
