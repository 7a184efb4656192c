"""/proc/PID/cmdline: the arguments of a process, which stay on this host: they may hold secrets."""

from __future__ import annotations

import os
from typing import Final

from hugescope_agent.kernel.root import Root

_MOST_BYTES: Final = 1 << 18
"""Ten times what libvirt writes for a large machine; what is longer is no VMM's and is not read."""


def arguments(root: Root, pid: int) -> list[str] | None:
    """What the process was started with, or says since that it was.

    None where it cannot be read, or is longer than any VMM's. The kernel ends each argument with a
    NUL. Bytes that are no UTF-8 become U+FFFD.
    """
    try:
        fd = root.open(f"proc/{pid}/cmdline")
    except OSError:
        return None
    text = b""
    try:
        while chunk := os.read(fd, _MOST_BYTES):
            text += chunk
            if len(text) >= _MOST_BYTES:
                return None
    except OSError:
        return None
    finally:
        os.close(fd)
    return [one.decode("utf-8", "replace") for one in text.removesuffix(b"\0").split(b"\0")]


def cgroup(root: Root, pid: int) -> str | None:
    """The text of its cgroup file; None where it cannot be read."""
    return root.read_text(f"proc/{pid}/cgroup")
