"""Whose mappings to look for: every process once a second, those with huge pages more often."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from hugescope_agent.errors import BadCapture, ProcessDenied, ProcessError, ProcessGone
from hugescope_agent.kernel.root import Root
from hugescope_wire.host import Skipped

log = logging.getLogger(__name__)

_WATCHED_EVERY_S: Final = 0.5
"""A process that maps huge pages is likely to map more."""

Reason = Literal["gone", "denied", "failed"]


class Rounds:
    """Deals out process ids, and counts those that could not be read.

    In a captured tree every slice is everyone: nothing there moves by itself.
    """

    def __init__(self, root: Root, only: frozenset[int] | None, tick_hz: float) -> None:
        self._root = root
        self._only = only
        self._ticks_a_round = max(1, round(tick_hz))
        self._watched_every = max(1, round(tick_hz * _WATCHED_EVERY_S))
        self._tick = 0
        self._known: set[int] = set()
        self._queue: deque[int] = deque()
        self._share = 1
        self._skipped: dict[int, tuple[Reason, str]] = {}

    def everyone(self) -> list[int]:
        """All processes that may be watched."""
        pids = self._root.pids()
        if self._only is not None:
            pids = [pid for pid in pids if pid in self._only]
        self._known = set(pids)
        self._skipped = {pid: why for pid, why in self._skipped.items() if pid in self._known}
        return pids

    def slice(self, watched: Collection[int]) -> list[int]:
        """Who is due this tick; a round begins with the processes that are new."""
        if not self._root.live:
            return self.everyone()
        if self._tick % self._ticks_a_round == 0:
            old = self._known
            pids = self.everyone()
            pids.sort(key=lambda pid: pid in old)
            self._queue = deque(pids)
            fresh = sum(pid not in old for pid in pids)
            self._share = max(fresh, -(-len(pids) // self._ticks_a_round))
        self._tick += 1
        due = [self._queue.popleft() for _ in range(min(self._share, len(self._queue)))]
        if self._tick % self._watched_every == 0:
            due += [pid for pid in watched if pid not in due]
        return due

    @contextmanager
    def counting(self, pid: int) -> Iterator[None]:
        """Read one process: what goes wrong with it is counted and ends nothing else.

        Raises:
            BadCapture: only in a captured tree, which is bad input as a whole.
        """
        self._skipped.pop(pid, None)
        try:
            yield
        except ProcessGone as error:
            self._skipped[pid] = ("gone", str(error))
        except ProcessDenied as error:
            log.info("process %d skipped: %s", pid, error)
            self._skipped[pid] = ("denied", str(error))
        except (ProcessError, BadCapture) as error:
            if isinstance(error, BadCapture) and not self._root.live:
                raise
            log.info("process %d skipped: %s", pid, error)
            self._skipped[pid] = ("failed", str(error))

    def skipped(self) -> Skipped:
        """Processes that could not be read when last tried."""
        count = Counter(reason for reason, _ in self._skipped.values())
        return Skipped(gone=count["gone"], denied=count["denied"], failed=count["failed"])

    def unread(self) -> list[int]:
        """Processes that are there and could not be read when last tried."""
        return sorted(pid for pid, (why, _) in self._skipped.items() if why != "gone")

    def why_skipped(self, pid: int) -> str | None:
        """Why this process could not be read when last tried; None when it could."""
        skipped = self._skipped.get(pid)
        return None if skipped is None else skipped[1]
