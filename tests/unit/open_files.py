"""What this process holds open, compared so that other tests cannot disturb it.

Counts will not do: what an earlier test left in a cycle of references is closed whenever the
collector comes by, in the middle of another test too.
"""

from __future__ import annotations

import contextlib
import os


def open_files() -> set[tuple[str, str]]:
    """Each descriptor's number with what it leads to."""
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        # The one that listed them is gone by now.
        with contextlib.suppress(FileNotFoundError):
            found.add((fd, os.readlink(f"/proc/self/fd/{fd}")))
    return found
