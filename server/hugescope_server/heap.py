"""Memory that was freed goes back to the system now and then.

glibc keeps it, for what comes next. Where small things that stay are made among large ones that go,
as with agents that come and go, holes are left in its heap, and what the process holds creeps up
for hours though what it uses does not (docs/decisions/0019).
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable
from typing import Any, Final

EVERY_S: Final = 30.0


def trimmer() -> Callable[[int], Any] | None:
    """glibc's malloc_trim; None: another C library, which may keep less."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


async def give_back() -> None:
    """For as long as the server runs. It takes some milliseconds, of a thread of its own."""
    trim = trimmer()
    while trim is not None:
        await asyncio.sleep(EVERY_S)
        await asyncio.to_thread(trim, 0)
