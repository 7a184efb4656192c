"""The guest's whole root: a cpio archive of a static busybox and an /init that writes memory.

The format is `newc` (Documentation/driver-api/early-userspace/buffer-format.rst of Linux): for each
file a header of `070701` and 13 fields of eight hexadecimal digits, its name and its bytes, each
padded to four bytes; the last one is named `TRAILER!!!`.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

SAYS_RUNNING: Final = "hugescope guest: writing"
"""What the guest prints on its console when its memory is filled and it begins to write."""

SAYS_ALIVE: Final = "hugescope guest: wrote"
"""What it prints after every so many writes, with their number."""

FILL: Final = "hugescope_fill_mib"
HOT: Final = "hugescope_hot_mib"
REST: Final = "hugescope_rest_us"
"""Words of the kernel's command line; it hands those it does not know to /init as environment."""

_MAGIC: Final = b"070701"
_TRAILER: Final = "TRAILER!!!"
_EXECUTABLE: Final = stat.S_IFREG | 0o755
_DIRECTORY: Final = stat.S_IFDIR | 0o755
_CONSOLE: Final = stat.S_IFCHR | 0o600
_CONSOLE_NUMBER: Final = (5, 1)

# A write is 4 KiB at a random place, so that it makes one huge page dirty and hardly more. The
# shell has no random number above 32767, so two make one.
_INIT: Final = f"""\
#!/bin/busybox sh
b=/bin/busybox
$b mount -t tmpfs -o size=95% memory /memory
$b dd if=/dev/urandom of=/memory/block bs=1M count=1 2>/memory/log
i=0
while [ $i -lt ${{{FILL}}} ]; do $b cat /memory/block; i=$((i + 1)); done >/memory/guest
echo "{SAYS_RUNNING}"
hot=$(({HOT} * 256))
first=$((({FILL} - {HOT}) * 256))
n=0
while :; do
    page=$((first + (RANDOM * 32768 + RANDOM) % hot))
    $b dd if=/memory/block of=/memory/guest bs=4096 count=1 seek=$page conv=notrunc 2>/memory/log
    n=$((n + 1))
    [ $((n % 64)) -eq 0 ] && echo "{SAYS_ALIVE} $n"
    [ ${{{REST}}} -gt 0 ] && $b usleep ${{{REST}}}
done
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive; `device` is the major and minor number of a device node."""

    name: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def archive(entries: Iterable[Entry]) -> bytes:
    """The entries as a `newc` archive; directories must come before what is in them."""
    parts = [_member(number, entry) for number, entry in enumerate(entries, 1)]
    return b"".join([*parts, _member(0, Entry(_TRAILER, 0))])


def initramfs(busybox: bytes) -> bytes:
    """The archive that boots to the guest's workload, around the bytes of a static busybox."""
    return archive(
        [
            *(Entry(name, _DIRECTORY) for name in ("bin", "dev", "memory")),
            Entry("dev/console", _CONSOLE, device=_CONSOLE_NUMBER),
            Entry("dev/urandom", stat.S_IFCHR | 0o444, device=(1, 9)),
            Entry("bin/busybox", _EXECUTABLE, busybox),
            Entry("init", _EXECUTABLE, _INIT.encode()),
        ]
    )


def _member(number: int, entry: Entry) -> bytes:
    name = entry.name.encode() + b"\0"
    links, device = 1, (0, 0)
    fields = (
        *(number, entry.mode, 0, 0, links, 0, len(entry.data)),
        *(*device, *entry.device, len(name), 0),
    )
    header = _MAGIC + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name) + _padded(entry.data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
