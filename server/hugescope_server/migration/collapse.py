"""What the switch-over cost: pages punched out of the destination, and their reservations.

A page that is punched out of a hugetlb file is free afterwards and its reservation is gone with it:
`free - reserved` of the pool rises, anybody may take it, and the page that comes for that place has
to be taken from the pool like anybody's. A pool that has none may grow (overcommit), and limits of
cgroups may refuse what it has: `limits.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median_low
from typing import Final, Literal

from hugescope_server.migration.limits import CgroupBound
from hugescope_wire.migration import Collapse
from hugescope_wire.snapshot import Pool

TREND_S: Final = 10.0
SETTLING_S: Final = 0.3
SETTLED_S: Final = 1.5
"""Pages go for a moment, and the pool's counters are read at different ones. So what was lost is
the median of looks from so long after it on until so long after it."""

BEFORE: Final = 5
"""Looks before it, of which the median counts too."""

LEAST_TREND_S: Final = 1.0
TEAR_S: Final = 0.3
"""Pool and pages are read at most so far apart."""


def spare(pools: Iterable[Pool], page_size: int) -> int | None:
    """Pages of the host's pool that are free and not reserved; None: not known, or nonsense."""
    for pool in pools:
        if pool.node is None and pool.page_size == page_size:
            if pool.free is None or pool.reserved is None or pool.free < 0 or pool.reserved < 0:
                return None
            return pool.free - pool.reserved
    return None


@dataclass(slots=True)
class _Punched:
    """As in `Collapse`.

    Attributes:
        before: spare pages.
        arrived: pages since, that nothing was reserved for.
        samples: times, and how much more spare pages there were than before, counted back.
    """

    at_s: float
    pages: int
    before: int | None
    arrived: int = 0
    samples: list[tuple[float, int]] = field(default_factory=list)

    @property
    def lost(self) -> int | None:
        """Reservations; None: the pool was not seen."""
        settled = [lost for at_s, lost in self.samples if at_s >= self.at_s + SETTLING_S]
        if settled:
            return median_low(settled)
        return max((lost for _, lost in self.samples), default=None)


class CollapseWatch:
    """The pool of the destination, and the pages that went at the switch-over of one run."""

    def __init__(self) -> None:
        self._spare: deque[tuple[float, int | None]] = deque()
        self._trend: deque[tuple[float, int]] = deque()
        self._punched: _Punched | None = None
        self._reserves = True
        self._growth: int | None = None
        self._bound: CgroupBound | None = None

    @property
    def spare(self) -> int | None:
        """What the pool has for anyone now; None: not seen."""
        return self._spare[-1][1] if self._spare else None

    @property
    def punched(self) -> int:
        """Pages that went."""
        return 0 if self._punched is None else self._punched.pages

    def pages_went(self, at_s: float, pages: int) -> None:
        """Pages that were there were gone in the look at `at_s`; before `pool_seen` of it."""
        if self._punched is None:
            known = [spare for _, spare in self._spare if spare is not None][-BEFORE:]
            self._punched = _Punched(at_s, 0, median_low(known) if known else None)
        self._punched.pages += pages

    def forget_punched(self) -> None:
        """That was no switch-over."""
        self._punched = None
        self._trend.clear()

    def pages_came(self, pages: int) -> None:
        """Pages came since that nothing was reserved for; before `pool_seen`."""
        if self._punched is not None:
            self._punched.arrived += pages

    def limits_seen(self, growth: int | None, bound: CgroupBound | None) -> None:
        """What bounds the pages to come beside the pool's free ones; before `pool_seen`."""
        self._growth, self._bound = growth, bound

    def pool_seen(self, at_s: float, spare: int | None, without: int, reserves: bool) -> None:
        """The pool in a frame. `without`: pages that are to come to places that were punched;
        `reserves`: whether the memory has reservations at all.
        """
        self._reserves = reserves
        self._spare.append((at_s, spare))
        while self._spare and not at_s - TREND_S <= self._spare[0][0] <= at_s:
            self._spare.popleft()
        punched = self._punched
        if punched is None or spare is None:
            return
        if at_s <= punched.at_s + SETTLED_S and punched.before is not None:
            punched.samples.append((at_s, spare + punched.arrived - punched.before))
        if at_s < punched.at_s + SETTLING_S:
            return
        self._trend.append((at_s, spare + (self._growth or 0) - without))
        while not at_s - TREND_S <= self._trend[0][0] <= at_s:
            self._trend.popleft()

    def told(
        self, now_s: float, to_come: int, without: int, pages_per_s: float, ended: bool
    ) -> Collapse | None:
        """What is told of it; None: nothing was punched.

        Args:
            to_come: pages that the destination has not.
            without: of those, the ones in places that were punched.
            pages_per_s: that come now.
            ended: nothing comes any more.
        """
        punched = self._punched
        if punched is None:
            return None
        lost = punched.lost
        left = None if lost is None or punched.before is None else punched.before + lost
        bare = 0 if ended else self._bare(lost, to_come, without)
        margin = None if ended or bare is None else self._pool_margin(bare)
        bound = None if margin is None else self._bound
        fails_s = [
            *self._pool_fails(now_s, margin, bare or 0, pages_per_s),
            *_cgroup_fails(now_s, bound, to_come, bare or 0, pages_per_s),
        ]
        limited_by: Literal["pool", "cgroup"] | None = None if margin is None else "pool"
        if margin is not None and bound is not None and bound.margin < margin:
            margin, limited_by = bound.margin, "cgroup"
        return Collapse(
            at_s=punched.at_s,
            punched=punched.pages,
            reservations_lost=lost,
            left=left,
            without_reservation=bare,
            margin=margin,
            limited_by=limited_by,
            growth=self._growth,
            fails_at_s=min(fails_s, default=None),
        )

    def _pool_margin(self, bare: int) -> int | None:
        return None if self.spare is None else self.spare + (self._growth or 0) - bare

    def _bare(self, lost: int | None, to_come: int, without: int) -> int | None:
        """Pages to come that nothing is reserved for."""
        if not self._reserves:
            return to_come
        if lost is None:
            return None
        return min(to_come, without) if lost > 0 else 0

    def _pool_fails(
        self, now_s: float, margin: int | None, bare: int, pages_per_s: float
    ) -> list[float]:
        """When the pool has no page for the migration; empty: not, as it goes."""
        if margin is None or not bare:
            return []
        others_per_s = self._others_per_s(pages_per_s)
        if margin < 0:
            return _used_up(now_s, margin + bare, pages_per_s + others_per_s)
        if not others_per_s:
            return []
        fails_s = margin / others_per_s
        needs_s = bare / pages_per_s if pages_per_s else None
        return [now_s + fails_s] if needs_s is None or fails_s < needs_s else []

    def _others_per_s(self, pages_per_s: float) -> float:
        """Pages a second that others took from the margin lately. Pages and pool are not read at
        the same moment: what comes meanwhile is no trend.
        """
        if len(self._trend) < 2:
            return 0.0
        (first_s, first), (last_s, last) = self._trend[0], self._trend[-1]
        if last_s - first_s < LEAST_TREND_S or first - last <= TEAR_S * pages_per_s:
            return 0.0
        return (first - last) / (last_s - first_s)


def _cgroup_fails(
    now_s: float, bound: CgroupBound | None, to_come: int, bare: int, pages_per_s: float
) -> list[float]:
    """When a cgroup refuses a page of the migration, by its own pages alone: others in the cgroup
    are not seen often enough for a trend.
    """
    if bound is None or bound.margin >= 0:
        return []
    needed = bare if bound.by_reservation else to_come
    return _used_up(now_s, bound.margin + needed, pages_per_s) if needed else []


def _used_up(now_s: float, left: int, takes_per_s: float) -> list[float]:
    if left <= 0:
        return [now_s]
    return [now_s + left / takes_per_s] if takes_per_s else []
