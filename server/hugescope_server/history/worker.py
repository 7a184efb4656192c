"""A thread of its own for work that may hang: a disk's.

The interpreter waits at its end for threads of an executor; for this one it does not.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Final


class Worker:
    """Does one thing after the other."""

    def __init__(self, name: str) -> None:
        self._work: Final[queue.SimpleQueue[Callable[[], None] | None]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def do(self, work: Callable[[], None]) -> asyncio.Future[None]:
        """Have it done; the future is done when it is, with the exception that it raised."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def tell(error: Exception | None) -> None:
            if done.done():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        def run() -> None:
            error: Exception | None = None
            try:
                work()
            except Exception as raised:  # noqa: BLE001 - it is the future's
                error = raised
            if not loop.is_closed():
                loop.call_soon_threadsafe(tell, error)

        self._work.put(run)
        return done

    def end(self) -> None:
        """After what was asked for so far."""
        self._work.put(None)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
