"""What is not known of one host: times of which nothing is known, and a clock that is wrong.

No I/O. Both are told as records, and in words among the host's limits, where people look for what
is missing.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Final

from hugescope_server.apart import Apart
from hugescope_server.bus import Unseen
from hugescope_wire.host import Limit
from hugescope_wire.messages import Gap

MAX_GAPS: Final = 16
TOLD_FOR_S: Final = 600.0
"""As long as timelines reach back."""

TOLD_IN_WORDS: Final = 3
CLOCK_WRONG_S: Final = 5.0
"""Far more than any message takes, and than NTP leaves."""

HELD_UP_S: Final = 1.0
"""A frame that comes so much later than the fastest of late stood still on its way, in a link that
stalled or before a server that did."""

MOST_HELD_UP_S: Final = 20.0
"""An agent gives up a link that moves nothing within fifteen; what seems longer is a clock."""

STOOD_STILL_S: Final = 3.0
"""When each frame of so long seems held up, none was: the host's clock stood still, as that of a
paused machine does, or the way is longer now."""

_WHY: Final = {
    "agent_restarted": "the agent was started anew",
    "host_restarted": "the host was started anew",
    "server_restarted": "the server was started anew",
    "not_kept": "the link was away for longer than the agent keeps what it sees",
    "not_looked": "the agent did not get to look, or could not send",
    "lost": "it was not recorded, or cannot be read any more",
}


def words_of(unseen: Unseen) -> str:
    """Why nothing is known, for people."""
    return unseen.why or _WHY[unseen.reason]


class Gaps:
    """The last times of one host of which nothing is known."""

    def __init__(self) -> None:
        self._gaps: deque[Gap] = deque(maxlen=MAX_GAPS)

    def add(self, unseen: Unseen, since_s: float, until_s: float) -> None:
        """Note one; times are seconds since 1970."""
        since, until = (datetime.fromtimestamp(at_s, UTC) for at_s in (since_s, until_s))
        message = words_of(unseen)
        gap = Gap(since=since, until=until, reason=unseen.reason, message=message)
        self._gaps.append(gap)

    def all(self) -> list[Gap]:
        """Oldest first."""
        return list(self._gaps)

    def limit(self, now_s: float) -> Limit | None:
        """Those of late in words."""
        late = [gap for gap in self._gaps if now_s - gap.until.timestamp() < TOLD_FOR_S]
        if not late:
            return None
        told = [_words(gap) for gap in reversed(late[-TOLD_IN_WORDS:])]
        more = len(late) - len(told)
        others = [f"and {more} more"] if more else []
        return Limit(
            capability="time without a look",
            reason=f"Nothing is known {'; '.join([*told, *others])}. Times are the server's, UTC.",
            cost="What came, went or moved in that time shows as one change at its end",
            remedy=None,
        )


class Clocks:
    """A host's clocks as the server sees them, by frames that did not wait for a link.

    Attributes:
        behind_s: of the host's wall clock; None where its frames are not of now.
    """

    def __init__(self) -> None:
        self.behind_s: float | None = None
        self._wall = Apart()
        self._monotonic = Apart(MOST_HELD_UP_S)
        self._held_up_from: float | None = None

    def see(
        self, live: bool, taken_s: float, monotonic_s: float, now: float, wall_s: float
    ) -> None:
        """Note a frame that came just now, by the server's monotonic clock and since 1970."""
        self._monotonic.see(monotonic_s, now)
        if now - self.moment(monotonic_s, now) < HELD_UP_S:
            self._held_up_from = None
        elif self._held_up_from is None:
            self._held_up_from = now
        elif now - self._held_up_from >= STOOD_STILL_S:
            self._monotonic, self._held_up_from = Apart(MOST_HELD_UP_S), None
            self._monotonic.see(monotonic_s, now)
        self._wall.see(taken_s, wall_s)
        self.behind_s = self._wall.least_s if live else None

    def moment(self, monotonic_s: float, now: float) -> float:
        """A time of the host's monotonic clock on the server's; never later than now."""
        least_s = self._monotonic.least_s
        return now if least_s is None else min(now, monotonic_s + least_s)

    def made_at(self, monotonic_s: float, now: float) -> float:
        """When a frame that came now was made, by the server's clock; now where it was not held up.

        What takes less than `HELD_UP_S` is the usual way of a frame, and no reason to doubt it.
        """
        moment = self.moment(monotonic_s, now)
        return moment if now - moment >= HELD_UP_S else now

    def limit(self) -> Limit | None:
        """A wrong clock in words."""
        if self.behind_s is None or abs(self.behind_s) < CLOCK_WRONG_S:
            return None
        where = "behind" if self.behind_s > 0 else "ahead of"
        return Limit(
            capability="clock",
            reason=f"The host's clock is {abs(self.behind_s):.0f} s {where} the server's",
            cost="Times that the host itself tells are wrong by as much beside others; "
            "ages are by the server's clock alone and right",
            remedy="Run an NTP client, such as chrony, on both",
        )


def _words(gap: Gap) -> str:
    since, until = (f"{at:%H:%M:%S}" for at in (gap.since, gap.until))
    return f"from {since} to {until}: {gap.message}"
