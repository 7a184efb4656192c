"""When a time passed unseen: pure functions of what a viewer was told and of what was true.

The host's timeline has a point for every second in which the agent looked. A time is *known* where
there is a point, and *told* where a gap of the host's summary covers it. At most `limit_s` may be
missing without a word: the server tells a gap from three seconds between two looks on, and a point
stands for one second. So three things count as unseen:

1. A stretch longer than `limit_s` that holds no point and that no gap covers (`stretches`).
2. A point with a sum that was true at no moment of the `lag_s` before it: the picture was older
   than the timeline says (`is_true`).
3. An agent or a server that was started anew while the other was not, and no gap says so
   (`restarts_untold`).

Where both were started anew nobody is left who knows of the time before, and decision 17 says that
it is not told; a viewer sees another `server_epoch` and a timeline that begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Told(NamedTuple):
    """One gap, in seconds of the clock that the points have."""

    since_s: float
    until_s: float
    reason: str


def stretches(
    points_s: Iterable[float], gaps: Iterable[Told], since_s: float, until_s: float, limit_s: float
) -> list[tuple[float, float]]:
    """The times in `since_s` to `until_s` that are longer than allowed, neither known nor told."""
    covered = [(at_s, at_s) for at_s in points_s] + [(gap.since_s, gap.until_s) for gap in gaps]
    found = []
    at_s = since_s
    for begin_s, end_s in sorted([*covered, (until_s, until_s)]):
        if min(begin_s, until_s) - at_s > limit_s:
            found.append((at_s, min(begin_s, until_s)))
        at_s = max(at_s, end_s)
    return found


def is_true(present_bytes: int, least: int, most: int) -> bool:
    """Whether a point's sum lies within what was true around it.

    Any sum between least and most may be seen, since a look takes one mapping after another.
    """
    return least <= present_bytes <= most


def restarts_untold(
    agent_anew: bool, server_anew: bool, gaps: Iterable[Told], since_s: float
) -> list[str]:
    """The reasons that gaps which end after `since_s` should give and do not."""
    reasons = {gap.reason for gap in gaps if gap.until_s >= since_s}
    if agent_anew == server_anew:
        return []
    wanted = "agent_restarted" if agent_anew else "server_restarted"
    return [] if wanted in reasons else [wanted]
