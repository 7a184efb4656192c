"""One viewer in time: what it asked for, and the scene that it is shown.

A viewer that did not ask sees the present. One that travels has a scene of its own, which a task
of its own plays; while it stands still, that task waits. A moment is shown twice: as soon as there
is a picture of it, and again with ages, timelines and migrations once those were played; its time
goes on from then.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from hugescope_server.hub import Hub
from hugescope_server.migration.desk import MigrationDesk
from hugescope_server.timeline.past import WARM_UP_S, Past
from hugescope_server.timeline.scene import Numbering, Scene, Superseded
from hugescope_wire.travel import TimeState, Travel

STEP_S: Final = 0.05
"""As often as anyone sees; at most so many events a second come of a host, at any speed."""

LONGEST_STEP_S: Final = 0.25
"""Where reading is slower than the speed asked for, time goes slower."""

NEAR_S: Final = 1.0
"""So little further on, a scene goes on instead of being made anew."""

PRESENT_S: Final = 3.0
"""Who comes so near to the present is there."""

_log: Final = logging.getLogger(__name__)
TOLD_EVERY_S: Final = 0.25
PRESENT_TOLD_EVERY_S: Final = 1.0


class Screen(Protocol):
    """What shows a hub to the viewer: its mailbox."""

    def show(
        self,
        hub: Hub,
        desk: MigrationDesk | None,
        now: Callable[[], float] | None = None,
        *,
        briefly: bool = False,
    ) -> None:
        """Show this from now on."""


class Traveller:
    """One viewer's place in time.

    Args:
        past: where to.
        hub: the present one.
        desk: the present one.
        screen: the viewer's.
        wake: called when there is something new to send.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        past: Past,
        hub: Hub,
        desk: MigrationDesk,
        screen: Screen,
        wake: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._past = past
        self._present = (hub, desk)
        self._screen = screen
        self._wake = wake
        self._clock = clock
        self._tag = f"t{secrets.token_hex(3)}"
        self._wish: Travel | None = None
        self._asked_for = self._travelled = 0
        self._asked = asyncio.Event()
        self._scene: Scene | None = None
        self._playing = True
        self._speed = 1.0
        self._problem: str | None = None
        self._stepped_s = 0.0
        self._told: TimeState | None = None
        self._told_s = 0.0
        self._closed = False
        self._stale = False
        self._brief = False

    def travel(self, wish: Travel) -> None:
        """Go there, in place of where the one before led to."""
        self._asked_for += 1
        self._want(wish)

    def _want(self, wish: Travel) -> None:
        self._wish = wish
        self._asked.set()

    def again(self) -> None:
        """Look at the same moment anew: hosts came or went."""
        self._stale = True
        if self._scene is not None and self._wish is None:
            at_s = self._scene.clock.at_s
            self._want(Travel(at_s=at_s, playing=self._playing, speed=self._speed))

    def close(self) -> None:
        """The viewer left."""
        self._closed = True
        self._past.looks_at(self, None)

    def poll(self, now: float) -> list[str]:
        """A `TimeState`, if one is due."""
        if self._told is not None and now - self._told_s < TOLD_EVERY_S:
            return []
        state = self._state()
        if self._told is not None:
            moved = {"at_s": state.at_s, "until_s": state.until_s}
            same = self._told.model_copy(update=moved) == state
            still = self._told.until_s == state.until_s if state.live else self._told == state
            if same and (still or (state.live and now - self._told_s < PRESENT_TOLD_EVERY_S)):
                return []
        self._told, self._told_s = state, now
        return [state.model_dump_json()]

    async def run(self) -> None:
        """Go where it was asked to, and on from there, until cancelled."""
        if not self._past.can_be_live:
            self._begin()
        while True:
            try:
                await self._next()
            except Exception:  # noqa: BLE001 - the task lives as long as its viewer
                _log.exception("a moment cannot be shown")
                self._brief = self._playing = False
                self._stale = True
                self._refuse("this moment cannot be shown; the server's log says why")

    async def _next(self) -> None:
        self._asked.clear()
        wish, self._wish = self._wish, None
        if wish is not None:
            number = self._asked_for
            try:
                await self._go(wish)
            finally:
                if self._wish is None:
                    self._travelled = number
                    self._tell()
        elif self._scene is not None and self._brief:
            await self._warm_up(self._scene)
        elif self._scene is not None and self._playing:
            await self._play(self._scene)
        else:
            await self._asked.wait()

    def _begin(self) -> None:
        span = self._past.span(0.0)
        if span is not None and self._wish is None:
            self._want(Travel(at_s=max(0.0, span[0])))

    async def _go(self, wish: Travel) -> None:
        self._problem = None
        if wish.at_s is None:
            if self._past.can_be_live:
                self._return()
            else:
                self._refuse("there is no present here: what is shown are recordings")
            return
        span = self._past.span(wish.at_s)
        if span is None:
            self._refuse("nothing was recorded yet that could be shown")
            return
        if not self._past.admits(self):
            most = self._past.settings.max_travellers
            self._refuse(f"{most} viewers look at the past already, as many as this server lets")
            return
        at_s = min(max(wish.at_s, span[0]), span[1])
        scene, stale, self._stale = self._scene, self._stale, False
        if scene and not (stale or self._brief) and 0 <= at_s - scene.clock.at_s <= NEAR_S:
            await self._advance(scene, at_s)
        else:
            # From near by the picture on screen does until it is there with all its past.
            near = scene is not None and abs(at_s - scene.clock.at_s) <= PRESENT_S
            if not await self._seek(at_s, WARM_UP_S if near else 0.0):
                return
        self._playing, self._speed = wish.playing, wish.speed
        self._stepped_s = self._clock()
        self._tell()

    async def _warm_up(self, scene: Scene) -> None:
        """Show what was shown briefly with its past; its time goes on from then."""
        if not await self._seek(scene.clock.at_s, WARM_UP_S) and self._wish is None:
            self._brief = self._playing = False
            self._stale = True
        self._stepped_s = self._clock()

    async def _seek(self, at_s: float, warm_up_s: float) -> bool:
        """Make the scene of that moment, and show it; whether there is one."""
        past, before = self._past, self._scene
        known: Mapping[str, Numbering] = {} if before is None else before.numberings
        try:
            scene = await past.scene(at_s, warm_up_s, known, self._wanted, self._tag)
        except Superseded:
            return False
        problem = _problem(scene)
        if problem is not None and not scene.hub.hosts():
            self._refuse(problem)
            return False
        self._problem = problem or self._problem
        self._brief = not warm_up_s
        self._show(scene)
        return True

    def _wanted(self) -> bool:
        return self._wish is None and not self._closed

    def _show(self, scene: Scene) -> None:
        if self._closed:
            return
        self._scene = scene
        self._past.looks_at(self, scene)
        desk = None if self._brief else scene.desk
        self._screen.show(scene.hub, desk, scene.clock.now, briefly=self._brief)
        self._tell()

    async def _play(self, scene: Scene) -> None:
        """One step, and what is left of its time."""
        began_s = self._clock()
        passed_s = min(began_s - self._stepped_s, LONGEST_STEP_S)
        self._stepped_s = began_s
        await self._advance(scene, scene.clock.at_s + passed_s * self._speed)
        span = self._past.span(scene.clock.at_s)
        if span is None or scene.clock.at_s >= span[1]:
            near = span is not None and self._past.wall_clock() - span[1] < PRESENT_S
            if near and self._past.can_be_live:
                self._return()
            else:
                self._playing = False
                self._tell()
            return
        left_s = STEP_S - (self._clock() - began_s)
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                await self._asked.wait()
        except TimeoutError:
            return

    async def _advance(self, scene: Scene, at_s: float) -> None:
        span = self._past.span(scene.clock.at_s)
        until_s = at_s if span is None else min(at_s, span[1])
        until_s = max(until_s, scene.clock.at_s)
        async with self._past.readers:
            steps = await asyncio.to_thread(scene.read, until_s)
        scene.show(steps, until_s)
        self._problem = _problem(scene) or self._problem
        self._wake()

    def _return(self) -> None:
        """To the present."""
        self._brief = False
        if self._scene is not None:
            self._scene = None
            self._past.looks_at(self, None)
            self._screen.show(*self._present)
        self._playing, self._speed = True, 1.0
        self._tell()

    def _refuse(self, problem: str) -> None:
        self._problem = problem
        self._tell()

    def _tell(self) -> None:
        """At once."""
        self._told = None
        self._wake()

    def _state(self) -> TimeState:
        past, scene = self._past, self._scene
        live = scene is None and past.can_be_live
        at_s = past.wall_clock() if scene is None else scene.clock.at_s
        span = past.span(at_s if scene is not None or live else 0.0)
        if scene is None and span is not None and not live:
            at_s = span[0]
        since_s, until_s = (None, None) if span is None else span
        return TimeState(
            live=live,
            can_be_live=past.can_be_live,
            at_s=at_s,
            playing=self._playing,
            speed=self._speed,
            since_s=since_s,
            until_s=until_s,
            lost=[] if span is None else past.lost(span),
            events_version=past.version,
            travelled=self._travelled,
            problem=self._problem,
        )


def _problem(scene: Scene) -> str | None:
    """What of it cannot be read."""
    return "; ".join(f"{host_id}: {fault}" for host_id, fault in scene.faults.items()) or None
