"""How a migration went: about a point a second, and one at its end that stands still."""

from __future__ import annotations

from collections import deque
from typing import Final

from hugescope_server.migration.end import End
from hugescope_server.migration.run import Run
from hugescope_wire.migration import MAX_MIGRATION_POINTS, MigrationPoint

EVERY_S: Final = 1.0
JUST_AFTER_S: Final = 0.001


class Points:
    """The points of one run, oldest first, as JSON: made once for all viewers.

    Points are numbered from 0 on, over all runs; `end` is the number that the next one gets,
    `begin` that of the oldest that is kept of this run.
    """

    def __init__(self) -> None:
        self.end = 0
        self._kept: deque[str] = deque(maxlen=MAX_MIGRATION_POINTS)
        self._at_s: float | None = None
        self._still = False
        self._moved = (0, 0, 0)

    @property
    def begin(self) -> int:
        """The number of the oldest point that is kept."""
        return self.end - len(self._kept)

    def since(self, number: int) -> list[str]:
        """The points from this number on, as JSON, as far as they are kept."""
        return list(self._kept)[max(0, number - self.begin) :]

    def forget(self) -> None:
        """Another run begins."""
        self._kept.clear()
        self._at_s = None
        self._still = False
        self._moved = (0, 0, 0)

    def go_on(self, now_s: float, run: Run, source: End, destination: End) -> None:
        """Make the point that is due at `now_s`, if any; the first call only begins the count."""
        moved = _moved(run)
        if self._at_s is None or now_s < self._at_s - EVERY_S or self._still:
            self._at_s, self._moved, self._still = now_s, moved, False
            return
        if now_s - self._at_s >= EVERY_S:
            self._add(now_s, run, source, destination)

    def stand_still(self, now_s: float, run: Run, source: End, destination: End) -> None:
        """What moved until now, and that nothing moves any more."""
        if self._still:
            return
        if self._at_s is not None and now_s > self._at_s and _moved(run) != self._moved:
            self._add(now_s, run, source, destination)
        self._moved, self._at_s = _moved(run), None
        self._add(now_s + JUST_AFTER_S, run, source, destination)
        self._still = True

    def _add(self, now_s: float, run: Run, source: End, destination: End) -> None:
        moved = _moved(run)
        elapsed_s = now_s - self._at_s if self._at_s is not None else EVERY_S
        rates = [
            round(max(0, now - before) / elapsed_s, 3)
            for now, before in zip(moved, self._moved, strict=True)
        ]
        point = MigrationPoint(
            at_s=round(now_s, 3),
            source_present=source.presence.present,
            destination_present=destination.presence.present,
            sweep=rates[0],
            demand=rates[1],
            punched=rates[2],
            left=destination.presence.left,
            pool_left=run.collapse.spare,
        )
        self._kept.append(point.model_dump_json())
        self.end += 1
        self._at_s, self._moved = now_s, moved


def _moved(run: Run) -> tuple[int, int, int]:
    return run.moved_in_order, run.moved_on_demand, run.moved_out
