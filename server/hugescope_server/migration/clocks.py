"""The times of a host, brought to the server's clock."""

from __future__ import annotations

import math
from datetime import datetime

from hugescope_server.apart import MOST_LATE_S, Apart


class HostClock:
    """How far a host's clock is from the server's: frames take a while to come, so the least that
    lately was between a frame's own time and its arrival is nearest.

    All results are seconds since 1970 on the server's clock. They never fall between two frames,
    unless the server's own clock was set back.

    Attributes:
        at_s: when the last frame was taken.
    """

    def __init__(self) -> None:
        self.at_s = -math.inf
        self._apart = Apart()
        self._monotonic_s = 0.0

    @property
    def offset_s(self) -> float:
        """What to add to the host's time."""
        return self._apart.least_s or 0.0

    def see(
        self, taken_at: datetime, monotonic_s: float, received_s: float, late: bool = False
    ) -> float:
        """Note a frame that came at `received_s`; when it was taken. One that is late, since it
        waited for a link, tells nothing of the clocks.
        """
        taken_s = taken_at.timestamp()
        if not late or self._apart.least_s is None:
            self._apart.see(taken_s, received_s)
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
