"""What watching costs: the agent measures itself and says so in every report."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from hugescope_wire.host import AgentCost

_WINDOW: Final = 20
"""Ticks looked back on: two seconds at the usual 10 Hz."""

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class CostMeter:
    """Wall time of ticks and CPU of the whole agent process over the last `_WINDOW` ticks."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ticks: deque[tuple[float, float, float]] = deque(maxlen=_WINDOW)
        self._begin_s = 0.0
        self._cells = 0

    def begin(self) -> None:
        """A tick begins."""
        self._begin_s = time.perf_counter()

    def end(self, cells: int) -> None:
        """It ended; `cells` are watched."""
        wall_s = time.perf_counter() - self._begin_s
        self._ticks.append((self._clock(), time.process_time(), wall_s))
        self._cells = cells

    def read(self, refresh_s: float | None) -> AgentCost | None:
        """The figures; None before two ticks."""
        if len(self._ticks) < 2:
            return None
        (first_s, first_cpu_s, _), (last_s, last_cpu_s, _) = self._ticks[0], self._ticks[-1]
        span_s = max(last_s - first_s, 1e-9)
        walls = [wall_s for _, _, wall_s in self._ticks]
        return AgentCost(
            cpu_percent=round(100 * (last_cpu_s - first_cpu_s) / span_s, 3),
            tick_ms=round(1000 * sum(walls) / len(walls), 3),
            tick_hz=round((len(self._ticks) - 1) / span_s, 2),
            rss_bytes=_rss_bytes(),
            cells=self._cells,
            refresh_s=refresh_s,
        )


def _rss_bytes() -> int | None:
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE_BYTES
    except OSError:
        return None
