"""How fast pages come, and how long until the last one does."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from hugescope_wire.migration import TimeLeft

WINDOW_S: Final = 10


class ArrivalRate:
    """Arrivals in the post-copy, by seconds of the server's clock since its first.

    Attributes:
        begun_s: when the post-copy began.
        bytes: that came since.
    """

    def __init__(self, begun_s: float) -> None:
        self.begun_s: Final = begun_s
        self.bytes = 0
        self._last_s = begun_s
        self._seconds: deque[tuple[int, int]] = deque(maxlen=WINDOW_S + 1)

    def note(self, at_s: float, pages: int, size_bytes: int) -> None:
        """So many pages were seen to have come."""
        if not pages:
            return
        self.bytes += size_bytes
        self._last_s = max(self._last_s, at_s)
        second = self._second(at_s)
        if self._seconds and self._seconds[-1][0] >= second:
            last, before = self._seconds[-1]
            self._seconds[-1] = (last, before + pages)
        else:
            self._seconds.append((second, pages))

    def bytes_per_s(self) -> float | None:
        """From the post-copy's begin to the last arrival; None: nothing came, or all at once."""
        elapsed_s = self._last_s - self.begun_s
        return self.bytes / elapsed_s if self.bytes and elapsed_s > 0 else None

    def time_left(self, left: int, now_s: float) -> TimeLeft:
        """Until `left` pages came. The present second is not over and says nothing of fast or
        slow, unless it is the only one.
        """
        second = self._second(now_s)
        counts = dict(self._seconds)
        first = max(0, second - WINDOW_S)
        whole = [counts.get(one, 0) for one in range(first, second)]
        elapsed_s = now_s - (self.begun_s + first)
        came = sum(whole) + counts.get(second, 0)
        if not came or elapsed_s <= 0:
            return TimeLeft(likely_s=None, low_s=None, high_s=None)
        likely_s = left * elapsed_s / came
        fastest, slowest = max(whole, default=0), min(whole, default=0)
        return TimeLeft(
            likely_s=likely_s,
            low_s=min(likely_s, left / fastest) if fastest else None,
            high_s=max(likely_s, left / slowest) if slowest else None,
        )

    def pages_per_s(self, now_s: float) -> float:
        """Over the last ten seconds."""
        second = self._second(now_s)
        first = max(0, second - WINDOW_S)
        came = sum(pages for one, pages in self._seconds if one >= first)
        elapsed_s = now_s - (self.begun_s + first)
        return came / elapsed_s if elapsed_s > 0 else 0.0

    def _second(self, at_s: float) -> int:
        return max(0, math.floor(at_s - self.begun_s))
