"""The times of a host, brought to the server's clock."""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime
from typing import Final

LATELY_S: Final = 30.0
"""For so long the fastest frame tells how far the clocks are apart."""

BUCKET_S: Final = 1.0

MOST_LATE_S: Final = 10.0
"""A frame that seems later than this was not late: a clock was set, or a replay went elsewhere."""


class HostClock:
    """How far a host's clock is from the server's: frames take a while to come, so the least that
    lately was between a frame's own time and its arrival is nearest.

    All results are seconds since 1970 on the server's clock. They never fall between two frames,
    unless the server's own clock was set back.

    Attributes:
        offset_s: what to add to the host's time.
        at_s: when the last frame was taken.
    """

    def __init__(self) -> None:
        self.offset_s = 0.0
        self.at_s = -math.inf
        self._lately: deque[tuple[float, float]] = deque()
        self._monotonic_s = 0.0

    def see(self, taken_at: datetime, monotonic_s: float, received_s: float) -> float:
        """Note a frame that came at `received_s`; when it was taken."""
        taken_s = taken_at.timestamp()
        apart_s = received_s - taken_s
        if self._lately and abs(apart_s - self.offset_s) > MOST_LATE_S:
            self._lately.clear()
        while self._lately and not received_s - LATELY_S <= self._lately[0][0] <= received_s:
            self._lately.popleft()
        if self._lately and received_s - self._lately[-1][0] < BUCKET_S:
            begun_s, least_s = self._lately[-1]
            self._lately[-1] = (begun_s, min(least_s, apart_s))
        else:
            self._lately.append((received_s, apart_s))
        self.offset_s = min(least_s for _, least_s in self._lately)
        at_s = min(taken_s + self.offset_s, received_s)
        self._monotonic_s = at_s - monotonic_s
        if at_s > self.at_s or at_s < self.at_s - MOST_LATE_S:
            self.at_s = at_s
        return self.at_s

    def of_host(self, host_s: float) -> float:
        """A time of the host's clock."""
        return host_s + self.offset_s

    def of_monotonic(self, monotonic_s: float) -> float:
        """A time of the host's CLOCK_MONOTONIC, by the last frame's."""
        return monotonic_s + self._monotonic_s
