"""The past, as far as this server can show it: what all who travel share."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from hugescope_server import tasks
from hugescope_server.settings import ServerSettings
from hugescope_server.timeline.brought import Brought
from hugescope_server.timeline.diary import Diary
from hugescope_server.timeline.scan import scan
from hugescope_server.timeline.scene import Numbering, Scene
from hugescope_server.timeline.shelf import FileShelf, Shelf, Shelves, spans_of
from hugescope_server.veil.places import Atlas
from hugescope_wire.recording import Loss
from hugescope_wire.travel import LostTime, TimeEvent

READERS_AT_ONCE: Final = 2
"""Threads that read for travellers: they share the interpreter with everything live."""

WARM_UP_S: Final = 120.0
"""Before the moment that is asked for: ages up to there, and so much of timelines. 2 minutes of 1 %
of 32,768 cells changing a second take 0.13 s to play, beside what reading them takes."""

MANY: Final = 8
LEAST_WARM_UP_S: Final = 5.0
"""So many hosts have all of it; more share what those have, and each has a little at least."""

MIGRATION_S: Final = 900.0
"""Of a migration that is on, at most so much is played before the moment that is asked for."""

BEFORE_MIGRATION_S: Final = 5.0

APART_S: Final = 86_400.0
MAX_LOST: Final = 64
MAX_MOMENTS: Final = 4
"""Scenes kept for requests: who pages through extents asks for the same moment again."""


class Visitor(Protocol):
    """Someone who looks at the past."""

    def again(self) -> None:
        """What there is to see changed."""


class Past:
    """What was recorded, and who looks at it.

    Args:
        files: recordings; what viewers bring comes to them.
        diary: what happened.
        settings: `max_travellers` and what hubs need.
        wall_clock: seconds since 1970.
        history: of the present hosts, which goes before all else.
        atlas: of the hub that shows the present, so that a mapping has one place for viewers.
        can_be_live: there is a present beside it.

    Attributes:
        shelf: all of it.
    """

    def __init__(
        self,
        files: FileShelf,
        diary: Diary,
        settings: ServerSettings,
        wall_clock: Callable[[], float],
        history: Shelf | None = None,
        atlas: Atlas | None = None,
        *,
        can_be_live: bool = True,
    ) -> None:
        self.shelf: Final = Shelves([files] if history is None else [history, files])
        self.diary: Final = diary
        self.brought: Final = Brought(files, settings.max_recordings)
        self._files = files
        self._atlas: Final = atlas or Atlas()
        self.settings: Final = settings
        self.wall_clock: Final = wall_clock
        self.can_be_live: Final = can_be_live
        self.readers: Final = asyncio.Semaphore(READERS_AT_ONCE)
        self._scenes: dict[Visitor, Scene] = {}
        self._moments: dict[tuple[float, float, str | None], Scene] = {}
        self._moments_of = 0
        self._lost: dict[tuple[float, float], list[LostTime]] = {}
        self._scanned = 0
        self._spans: tuple[tuple[int, int], list[tuple[float, float]]] | None = None

    @property
    def version(self) -> int:
        """Another when there is more to go to."""
        return self.shelf.version + self.diary.version

    def scenes(self) -> list[Scene]:
        """Those that travellers look at now."""
        return list(self._scenes.values())

    def admits(self, who: Visitor) -> bool:
        """Whether this one may travel; who does already may go on."""
        return who in self._scenes or len(self._scenes) < self.settings.max_travellers

    def looks_at(self, who: Visitor, scene: Scene | None) -> None:
        """Whom this traveller's place belongs to; None: it is back."""
        if scene is None:
            self._scenes.pop(who, None)
        else:
            self._scenes[who] = scene

    def span(self, at_s: float) -> tuple[float, float] | None:
        """The first and the last moment that can be shown around this one. Recordings of other
        days, beside a present, are times of their own.
        """
        spans = self._told_spans()
        return min(spans, key=lambda span: max(span[0] - at_s, at_s - span[1], 0.0), default=None)

    def _told_spans(self) -> list[tuple[float, float]]:
        """Looked for four times a second."""
        key = (self.shelf.version, int(self.wall_clock() * 4))
        if self._spans is None or self._spans[0] != key:
            apart_s = APART_S if self.can_be_live else math.inf
            self._spans = (key, spans_of(self.shelf, apart_s))
            self._lost = {}
        return self._spans[1]

    def lost(self, span: tuple[float, float]) -> list[LostTime]:
        """What is lost of all hosts within that time, in order of time; looked for as rarely."""
        self._told_spans()
        if span not in self._lost:
            self._lost[span] = self._find_lost(*span)
        return self._lost[span]

    def _find_lost(self, since_s: float, until_s: float) -> list[LostTime]:
        found: list[LostTime] = []
        for host_id in self.shelf.hosts():
            within = [
                loss
                for loss in self._losses(host_id)
                if loss.since_s <= until_s and (loss.until_s is None or loss.until_s >= since_s)
            ]
            found += [_told(host_id, loss, until_s) for loss in within[-MAX_LOST:]]
        return sorted(found, key=lambda one: one.since_s)[-MAX_LOST:]

    def lost_of(self, host_id: str, end_s: float) -> list[LostTime]:
        """The last of what is lost of one host; what has no end ends at `end_s`."""
        return [_told(host_id, loss, end_s) for loss in self._losses(host_id)[-MAX_LOST:]]

    def lost_between(self, host_id: str, since_s: float, until_s: float) -> list[LostTime]:
        """The last of what is lost of one host between these moments, which may be borders of a
        loss: those are known.
        """
        between = [
            loss
            for loss in self._losses(host_id)
            if loss.since_s < until_s and (loss.until_s is None or loss.until_s > since_s)
        ]
        return [_told(host_id, loss, until_s) for loss in between[-MAX_LOST:]]

    def _losses(self, host_id: str) -> Sequence[Loss]:
        """In order of time."""
        archive = self.shelf.archive(host_id)
        return () if archive is None else archive.losses

    def happened(self, since_s: float, until_s: float, limit: int) -> tuple[list[TimeEvent], bool]:
        """The newest events of that time that can be gone to, and whether there are older ones."""
        spans = {
            host_id: (archive.began_s, archive.ended_s)
            for host_id in self.shelf.hosts()
            if (archive := self.shelf.archive(host_id)) is not None
        }
        return self.diary.between(spans, since_s, until_s, limit)

    def unknown_at(self, at_s: float, host_id: str | None) -> str | None:
        """Why nothing is known of this host (None: of any) at that moment; None: something is."""
        hosts = self.shelf.hosts() if host_id is None else [host_id]
        why = f"nothing was recorded of {'any host' if host_id is None else host_id} at {at_s}"
        for one in hosts:
            archive = self.shelf.archive(one)
            if archive is None:
                continue
            if not archive.began_s <= at_s <= archive.ended_s + self.settings.gone_after_s:
                continue
            losses = [
                loss
                for loss in archive.losses
                if loss.since_s < at_s and (loss.until_s is None or at_s < loss.until_s)
            ]
            if not losses:
                return None
            why = f"{why}: {losses[0].why}"
        return why

    async def moment(self, at_s: float, warm_up_s: float, host_id: str | None) -> Scene:
        """A scene that requests are answered from; nobody plays it. The last few stay."""
        if self._moments_of != self.shelf.version:
            self._moments.clear()
            self._moments_of = self.shelf.version
        key = (at_s, warm_up_s, host_id)
        scene = self._moments.pop(key, None)
        if scene is None:
            scene = await self.scene(at_s, warm_up_s, host_id=host_id)
        self._moments[key] = scene
        while len(self._moments) > MAX_MOMENTS:
            del self._moments[next(iter(self._moments))]
        return scene

    def changed(self) -> None:
        """Recordings came or went: whoever travels sees it."""
        for visitor in list(self._scenes):
            visitor.again()

    def forget(self, host_id: str) -> None:
        """What was recorded of this host was deleted."""
        self.diary.forget(host_id)
        self._moments.clear()
        self.changed()

    def scan_soon(self) -> None:
        """Look in a thread for what happened in recordings."""
        self._scanned += 1
        tasks.start("scan recordings", self._scan(self._scanned))

    async def _scan(self, number: int) -> None:
        archives = {
            host_id: archive
            for host_id in self._files.hosts()
            if (archive := self._files.archive(host_id)) is not None
        }
        found = await asyncio.to_thread(
            scan, archives, self.settings, lambda: self._scanned == number
        )
        if self._scanned == number:
            for host_id, events in found.items():
                self.diary.replace(host_id, events)

    def close(self) -> None:
        """The server ends."""
        self._scanned += 1
        self.brought.close()

    async def scene(
        self,
        at_s: float,
        warm_up_s: float,
        known: Mapping[str, Numbering] | None = None,
        wanted: Callable[[], bool] = lambda: True,
        tag: str = "p",
        host_id: str | None = None,
    ) -> Scene:
        """All hosts (or one) at this moment, made in a thread; without a warm-up it does not go on.

        Raises:
            Superseded: by `wanted`.
        """
        hosts = self.shelf.hosts() if host_id is None else [host_id]
        least_s = min(warm_up_s, LEAST_WARM_UP_S)
        shared_s = max(least_s, warm_up_s * min(1.0, MANY / max(1, len(hosts))))
        archives = {
            one: (archive, self._begin_s(one, at_s, shared_s))
            for one in hosts
            if (archive := self.shelf.archive(one)) is not None
        }

        def made() -> Scene:
            scene = Scene(self.settings, at_s, tag, self._atlas)
            if warm_up_s:
                scene.begin(archives, known or {}, wanted)
            else:
                pictured = {one: archive for one, (archive, _) in archives.items()}
                scene.begin_briefly(pictured, known or {})
            return scene

        async with self.readers:
            return await asyncio.to_thread(made)

    def _begin_s(self, host_id: str, at_s: float, warm_up_s: float) -> float:
        since_s = at_s - warm_up_s
        began_s = self.diary.migrating_since(host_id, since_s)
        if began_s is None:
            return since_s
        return max(began_s - BEFORE_MIGRATION_S, at_s - MIGRATION_S)


def _told(host_id: str, loss: Loss, end_s: float) -> LostTime:
    """As viewers hear of it; what has no end ends at `end_s`."""
    until_s = end_s if loss.until_s is None else loss.until_s
    return LostTime(
        host_id=host_id,
        since_s=max(0.0, loss.since_s),
        until_s=max(0.0, loss.since_s, until_s),
        why=loss.why,
    )
