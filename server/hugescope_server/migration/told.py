"""What QEMU says of a migration at either end: when each step of it was, by its events.

Where it sends no events (they are a capability that has to be set), a status that two readings
differ in counts as one, at the time of the later reading.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hugescope_wire.vm import QmpEvent, QmpReading

MAX_EVENTS: Final = 256
MIGRATION: Final = "MIGRATION"
SETUP: Final = frozenset(("setup", "active"))
ENDS: Final = frozenset(("completed", "failed", "cancelled"))
GIVEN_AWAY: Final = "postmigrate"
"""The run state of a guest that another QEMU has now."""


@dataclass(frozen=True, slots=True)
class Told:
    """When QEMU says that each step was, on the server's clock; None: it said nothing of it.

    Attributes:
        stopped: the source's guest stopped, the destination's had not begun.
        postcopy: pages come while the destination's guest runs.
        error: in QEMU's words.
    """

    active: float | None = None
    stopped: float | None = None
    postcopy: float | None = None
    completed: float | None = None
    failed: float | None = None
    cancelled: float | None = None
    error: str | None = None


class QmpSteps:
    """One end's readings as steps, by QEMU's own clock."""

    def __init__(self) -> None:
        self.reading: QmpReading | None = None
        self._events: list[QmpEvent] = []
        self._status: str | None = None

    def take(self, reading: QmpReading | None) -> None:
        """Note the latest reading; None: nothing is read of this end."""
        if reading is None or reading is self.reading:
            return
        first, self.reading = self.reading is None, reading
        known = {(one.at_s, one.name, one.status) for one in self._events}
        new = [one for one in reading.events if (one.at_s, one.name, one.status) not in known]
        for event in new:
            if event.name == MIGRATION:
                self._status = event.status
        if reading.status is not None and reading.status != self._status:
            self._status = reading.status
            # What a first reading finds at its end was over before anybody looked.
            if not (first and reading.status in ENDS):
                new.append(QmpEvent(at_s=reading.read_at_s, name=MIGRATION, status=reading.status))
        self._events = sorted([*self._events, *new], key=lambda one: one.at_s)[-MAX_EVENTS:]

    def last(self) -> list[QmpEvent]:
        """The events of the last migration that there are any of."""
        first, ended = 0, False
        for at, event in enumerate(self._events):
            if event.name == MIGRATION:
                if event.status == "setup" or (ended and event.status not in ENDS):
                    first = at
                ended = event.status in ENDS
        return self._events[first:]


Clock = Callable[[float], float]
"""From a host's clock to the server's."""


def told(
    source: QmpSteps, destination: QmpSteps, clocks: tuple[Clock, Clock], began_s: float
) -> Told:
    """Both ends together, of a run that began at `began_s` on the server's clock.

    What ended before is another migration's, but for a source whose guest was given away: that can
    have been this one only.
    """
    mine = _steps(source.last(), clocks[0])
    theirs = _steps(destination.last(), clocks[1])
    ended = max((mine[one] for one in ENDS if one in mine), default=None)
    given = source.reading is not None and source.reading.run_state == GIVEN_AWAY
    if ended is not None and ended < began_s and not (given and "completed" in mine):
        mine = {}
    theirs = {step: at_s for step, at_s in theirs.items() if step not in ENDS or at_s >= began_s}
    return Told(
        active=_either(mine, theirs, "active"),
        stopped=_stopped(mine),
        postcopy=_postcopy(mine, theirs),
        completed=_either(mine, theirs, "completed"),
        failed=_either(mine, theirs, "failed"),
        cancelled=mine.get("cancelled"),
        error=_error(source) or _error(destination),
    )


def _error(steps: QmpSteps) -> str | None:
    return None if steps.reading is None else steps.reading.error


def _steps(events: list[QmpEvent], clock: Clock) -> dict[str, float]:
    """The first time of each step: a status, `STOP`, or `RESUME`; `active` is setup or active."""
    steps: dict[str, float] = {}
    for event in events:
        name = event.status if event.name == MIGRATION else event.name
        if name in SETUP:
            name = "active"
        if name is not None and not (name in ("STOP", "RESUME") and "active" not in steps):
            steps.setdefault(name, clock(event.at_s))
    return steps


def _either(mine: dict[str, float], theirs: dict[str, float], step: str) -> float | None:
    """The source's time, where it has one."""
    return mine.get(step, theirs.get(step))


def _stopped(mine: dict[str, float]) -> float | None:
    """The guest stops at the source. QEMU says post-copy a moment before it stops it."""
    times = [mine[step] for step in ("STOP", "postcopy-active") if step in mine]
    return min(times, default=None)


def _postcopy(mine: dict[str, float], theirs: dict[str, float]) -> float | None:
    """The destination takes pages for a guest that runs: by its own word, else by the source's."""
    if "postcopy-active" in theirs:
        at_s = theirs["postcopy-active"]
        return max(at_s, mine.get("postcopy-active", at_s))
    if "postcopy-active" not in mine:
        return None
    return max(mine["postcopy-active"], mine.get("STOP", mine["postcopy-active"]))
