"""What the kernel counts of memory errors: events by node, and the bytes it gave up.

node*/memory_failure/{total,ignored,failed,delayed,recovered} count events since boot, absent on
Linux 6.1; HardwareCorrupted of meminfo is absent without CONFIG_MEMORY_FAILURE.
"""

from __future__ import annotations

import re
from typing import Final

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.decimals import decimal
from hugescope_agent.kernel.root import Root
from hugescope_wire.report import MemoryFailures

_NODES: Final = "sys/devices/system/node"
_NODE: Final = re.compile(r"node([0-9]{1,9})")


def failures(root: Root) -> list[MemoryFailures]:
    """One record a node, by number; null where the kernel has no such counter.

    Raises:
        BadCapture: a counter is no number; names the file.
    """
    nodes = sorted(int(match[1]) for match in map(_NODE.fullmatch, root.names(_NODES)) if match)
    return [
        MemoryFailures(
            node=node,
            total=_count(root, node, "total"),
            ignored=_count(root, node, "ignored"),
            failed=_count(root, node, "failed"),
            delayed=_count(root, node, "delayed"),
            recovered=_count(root, node, "recovered"),
        )
        for node in nodes
    ]


def hardware_corrupted_bytes(root: Root) -> int | None:
    """Bytes lost to memory errors; None where the kernel does not count them.

    A huge page of which 4 KiB are bad counts as 4 KiB.
    """
    return meminfo_bytes(root, "HardwareCorrupted")


def meminfo_bytes(root: Root, name: str) -> int | None:
    """One field of /proc/meminfo in bytes; None where it is not there."""
    text = root.read_text("proc/meminfo") or ""
    match = re.search(rf"^{name}:\s+([0-9]{{1,15}}) kB$", text, re.MULTILINE)
    return int(match[1]) * 1024 if match else None


def _count(root: Root, node: int, counter: str) -> int | None:
    name = f"{_NODES}/node{node}/memory_failure/{counter}"
    text = root.read_text(name)
    if text is None:
        return None
    count = decimal(text)
    if count is None:
        raise BadCapture(f"{name}: {text[:40]!r} is no counter")
    return count
