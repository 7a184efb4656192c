"""How a host went: a point a second of the last ten minutes, and its cells counted by class.

A point is made in the first frame of each second of the server's clock, and by no timer: of a host
that sends nothing there are no points, and a timeline has a gap instead of a flat line. Rates are
over the time since the point before, so what changed unseen in a gap is spread over it.

Arrivals and departures are those of cells that two frames show: a mapping that comes with pages, or
goes with them, counts as neither, since nobody saw when they came or where they went. What came or
went between two looks of the agent goes unseen too. A cell that is migrating or poisoned has not
lost its page.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_wire.cells import Cells, CellState
from hugescope_wire.follow import MAX_POINTS, Point, PoolPoint
from hugescope_wire.snapshot import Pool

_HAS_PAGE: Final = np.array(
    [state not in (CellState.HOLE, CellState.MARKER) for state in CellState], np.bool_
)


class Timeline:
    """The last points of one host, oldest first, as JSON: made once for all viewers.

    Points are numbered from 0 on; `end` is the number that the next one gets.
    """

    def __init__(self) -> None:
        self.end = 0
        self._points: deque[str] = deque(maxlen=MAX_POINTS)
        self._at_s: float | None = None
        self._arrived = 0
        self._left = 0
        self._changed = 0

    @property
    def begin(self) -> int:
        """The number of the oldest point that is kept."""
        return self.end - len(self._points)

    def since(self, number: int) -> list[str]:
        """The points from this number on, as JSON, as far as they are kept."""
        kept = list(self._points)
        return kept[max(0, number - self.begin) :]

    def count(self, before: Cells, after: Cells, index: npt.NDArray[np.integer] | None) -> None:
        """Note how cells of one mapping changed, those at `index` (None: compare all)."""
        if index is None:
            index = before.differing(after)
        else:
            index = index[before.take(index).differing(after.take(index))]
        had, has = _HAS_PAGE[before.state[index]], _HAS_PAGE[after.state[index]]
        self._changed += len(index)
        self._arrived += int(np.count_nonzero(has & ~had))
        self._left += int(np.count_nonzero(had & ~has))

    def is_due(self, now: float) -> bool:
        """Whether a frame taken at `now` makes a point. The first frame only begins the count."""
        if self._at_s is None:
            self._at_s = now
            return False
        return math.floor(now) > math.floor(self._at_s)

    def add(self, now: float, present_bytes: int, pools: Iterable[Pool]) -> None:
        """Make the point that is due at `now`, after the frame's changes were counted."""
        assert self._at_s is not None, "no frame came before"
        elapsed_s = now - self._at_s
        point = Point(
            at_s=round(now, 3),
            present_bytes=present_bytes,
            arrived=round(self._arrived / elapsed_s, 3),
            left=round(self._left / elapsed_s, 3),
            changed=round(self._changed / elapsed_s, 3),
            pools=[_pool_point(pool) for pool in pools if pool.node is None],
        )
        self._points.append(point.model_dump_json())
        self.end += 1
        self._at_s = now
        self._arrived = self._left = self._changed = 0


def _pool_point(pool: Pool) -> PoolPoint:
    return PoolPoint(
        page_size=pool.page_size, total=pool.total, free=pool.free, reserved=pool.reserved
    )
