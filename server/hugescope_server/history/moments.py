"""When a host's frames were made, by the server's clock. No I/O."""

from __future__ import annotations

from typing import Final

from hugescope_server.bus import FrameTaken
from hugescope_server.unseen import Clocks

_US: Final = 1_000_000


class Moments:
    """Times of one host's frames, in microseconds since 1970. They always rise: where the server's
    clock was set back, they go on as fast as time passes until it has caught up.
    """

    def __init__(self) -> None:
        self._epoch = ""
        self._clocks = Clocks()
        self._last_us = 0
        self._last_now_s = 0.0

    def of(self, event: FrameTaken, now_s: float, wall_s: float) -> int:
        """The time of a frame that came just now, by the monotonic clock and since 1970; of one
        that had waited for a link, when it was made.
        """
        about = event.picture.about
        assert about is not None, "a frame was applied to the picture"
        if event.epoch != self._epoch:
            self._epoch, self._clocks = event.epoch, Clocks()
        late_s = 0.0
        if event.late:
            late_s = now_s - self._clocks.moment(about.monotonic_s, now_s)
        else:
            live = about.source.kind == "live"
            self._clocks.see(live, about.taken_at.timestamp(), about.monotonic_s, now_s, wall_s)
        made_s = now_s - late_s
        at_us = round((wall_s - late_s) * _US)
        if at_us <= self._last_us:
            passed_us = round((made_s - self._last_now_s) * _US)
            at_us = self._last_us + max(passed_us, 1)
        self._last_us, self._last_now_s = at_us, made_s
        return at_us
