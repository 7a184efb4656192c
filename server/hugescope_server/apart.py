"""How far two clocks are apart, as far as messages from one to the other tell."""

from __future__ import annotations

from collections import deque
from typing import Final

LATELY_S: Final = 30.0
"""For so long the fastest message tells how far the clocks are apart."""

BUCKET_S: Final = 1.0

MOST_LATE_S: Final = 10.0
"""A message that seems later than this was not late: a clock was set, or a replay went elsewhere.
"""


class Apart:
    """The least that lately was between a message's own time and its arrival.

    Args:
        most_late_s: a message that seems later than this was not late.

    Attributes:
        least_s: what to add to the other clock's time; None before the first message.
    """

    def __init__(self, most_late_s: float = MOST_LATE_S) -> None:
        self._most_late_s = most_late_s
        self.least_s: float | None = None
        self._lately: deque[tuple[float, float]] = deque()

    def see(self, sent_s: float, received_s: float) -> None:
        """Note a message: its time on the other clock, and its arrival on this one."""
        apart_s = received_s - sent_s
        if self.least_s is not None and abs(apart_s - self.least_s) > self._most_late_s:
            self._lately.clear()
        while self._lately and not received_s - LATELY_S <= self._lately[0][0] <= received_s:
            self._lately.popleft()
        if self._lately and received_s - self._lately[-1][0] < BUCKET_S:
            begun_s, least_s = self._lately[-1]
            self._lately[-1] = (begun_s, min(least_s, apart_s))
        else:
            self._lately.append((received_s, apart_s))
        self.least_s = min(least_s for _, least_s in self._lately)
