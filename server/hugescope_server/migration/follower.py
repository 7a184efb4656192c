"""What one viewer follows of migrations: the list of all, and the state of one.

Without I/O, as `mailbox.py`: on ticks that all viewers share goes what changed, so that it is made
once for all of them. A migration that is not there is said to be missing once, and told of as soon
as it is. Points go on where they were, until another run of the migration begins.
"""

from __future__ import annotations

import math
from typing import Final

from hugescope_server.migration.desk import TICK_S
from hugescope_server.migration.run import Run
from hugescope_server.migration.track import Migration
from hugescope_server.veil.desk import AnyDesk
from hugescope_wire.migration import FollowMigration, MigrationMissing

AGAIN_S: Final = 5.0
"""A state that does not change is told again so seldom."""


class MigrationFollower:
    """One viewer's wish, and what it was sent."""

    def __init__(self, desk: AnyDesk) -> None:
        self._desk = desk
        self._wish: FollowMigration | None = None
        self._tick = -math.inf
        self._list = ""
        self._missing: MigrationMissing | None = None
        self._run: Run | None = None
        self._body = ""
        self._end = 0
        self._sent_s = -math.inf

    def receive(self, wish: FollowMigration) -> None:
        """Follow this in place of what was followed before; the first state comes at once, with
        all points.
        """
        self._wish = None if wish.id is None and wish.pair is None else wish
        self._missing = self._run = None
        self._tick = -math.inf

    def poll(self, now: float) -> list[str]:
        """What is due; the caller sends it all."""
        tick = math.floor(now / TICK_S)
        if tick <= self._tick:
            return []
        self._tick = tick
        out = []
        text = self._desk.list_json()
        if text != self._list:
            self._list = text
            out.append(text)
        if self._wish is not None:
            out += self._state(self._wish, now)
        return out

    def wait_s(self, now: float) -> float:
        """Seconds until `poll` may give something, if no wish comes before."""
        if self._tick == -math.inf:
            return 0.0
        return (math.floor(now / TICK_S) + 1) * TICK_S - now

    def _state(self, wish: FollowMigration, now: float) -> list[str]:
        found = self._find(wish)
        if isinstance(found, MigrationMissing):
            self._run = None
            if found == self._missing:
                return []
            self._missing = found
            return [found.model_dump_json()]
        self._desk.asked(found)
        body, points = self._desk.state_json(found), found.points
        begins = found.run is not self._run or self._end < points.begin
        new = points.since(points.begin if begins else self._end)
        if body == self._body and not begins and not new and now - self._sent_s < AGAIN_S:
            return []
        self._run, self._body, self._end = found.run, body, points.end
        self._missing, self._sent_s = None, now
        return [found.message(body, begins, new)]

    def _find(self, wish: FollowMigration) -> Migration | MigrationMissing:
        if wish.pair is not None:
            return self._desk.paired(*wish.pair)
        found = self._desk.migration(wish.id or "")
        if found is not None:
            return found
        message = "this server knows no such migration, or has forgotten it"
        return MigrationMissing(code="no_such_migration", message=message)
