"""Recorded hosts at a moment, as a hub and a desk of their own have them.

No I/O but what archives do. A scene is made in a thread and belongs to whoever it is made for: its
clocks stand where it was put, so ages, timelines and phases are those of that moment.
"""

from __future__ import annotations

import heapq
import math
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final

from hugescope_server.bus import AgentJoined, AgentLeft, FrameTaken, LocalBus
from hugescope_server.hub import Hub
from hugescope_server.migration.desk import MigrationDesk
from hugescope_server.migration.ram import is_vm
from hugescope_server.settings import ServerSettings
from hugescope_server.timeline.fold import Folding, Step, folded
from hugescope_server.timeline.player import Player, fault_of
from hugescope_server.veil.places import Atlas
from hugescope_wire.archive import Archive, picture_at
from hugescope_wire.errors import WireError
from hugescope_wire.host import HostFrame, Source
from hugescope_wire.picture import Change, HostPicture

CHAPTER_S: Final = 1.0
"""Frames of so long before the moment are folded: points of timelines are made once a second."""

LAST_S: Final = 5.0
LAST_CHAPTER_S: Final = 0.25
"""In the end, where a second more or less shows in the colours of ages, of so long."""

_BEFORE_S: Final = 86_400.0
"""A scene's own clock begins so long before its moment, so that nothing in it is before 0."""

Numbering = tuple[str, HostFrame]
"""An epoch, and a frame that tells what the numbers of mappings stand for in it."""


class Superseded(Exception):
    """Another moment was asked for meanwhile."""


@dataclass(slots=True)
class SceneClock:
    """Stands until it is set.

    Attributes:
        at_s: seconds since 1970.
        begin_s: where the clock that counts from 0 begins.
    """

    at_s: float
    begin_s: float

    def now(self) -> float:
        """Seconds, for ages and timelines."""
        return self.at_s - self.begin_s

    def wall(self) -> float:
        """Seconds since 1970."""
        return self.at_s


@dataclass(slots=True)
class _Played:
    """One host of a scene.

    Attributes:
        player: None: it stands still for ever.
        epochs: of its present run.
        parted: that nobody tells of it any more was published.
        hidden: to the hub alone it was, for the moment is lost; until a frame comes.
        numbering: as it was published last.
        has_vms: processes that may be ends of migrations.
    """

    archive: Archive
    player: Player | None
    epochs: dict[int, str] = field(default_factory=dict)
    parted: bool = False
    hidden: bool = False
    numbering: Numbering | None = None
    has_vms: bool = False


class Scene:
    """What a hub and a migration desk would have shown at one moment, and what comes after it.

    `read` may be called in a thread while the hub is looked at; `show` and `begin` may not.

    Attributes:
        bus: on which the hub's hosts speak; a viewer's nudge.
    """

    def __init__(
        self, settings: ServerSettings, at_s: float, tag: str = "", atlas: Atlas | None = None
    ) -> None:
        """Empty, at this moment; `tag` is of the ids of its migrations, `atlas` as `Hub` has it."""
        self.clock: Final = SceneClock(at_s, math.floor(at_s) - _BEFORE_S)
        self.bus: Final = LocalBus()
        self.hub: Final = Hub(self.bus, settings, self.clock.now, self.clock.wall, atlas)
        self._desk_bus: Final = LocalBus()
        self.desk: Final = MigrationDesk(
            self._desk_bus, settings.forget_after_s, self.clock.wall, tag
        )
        self._gone_after_s = settings.gone_after_s
        self._forget_after_s = settings.forget_after_s
        self._hosts: dict[str, _Played] = {}
        self._broken: dict[str, str] = {}

    @property
    def numberings(self) -> dict[str, Numbering]:
        """Of every host, as it was shown last."""
        return {
            host_id: played.numbering
            for host_id, played in self._hosts.items()
            if played.numbering is not None
        }

    @property
    def faults(self) -> dict[str, str]:
        """Why nothing more of a host can be read."""
        played = {
            host_id: one.player.fault
            for host_id, one in self._hosts.items()
            if one.player is not None and one.player.fault is not None
        }
        return self._broken | played

    def begin_briefly(
        self, archives: Mapping[str, Archive], known: Mapping[str, Numbering]
    ) -> None:
        """Have a picture of each host, without what was before it and without going on."""
        at_s = self.clock.at_s
        for host_id, archive in archives.items():
            if not archive.began_s <= at_s <= archive.ended_s + self._forget_after_s:
                continue
            try:
                picture = picture_at(archive, at_s)
            except (WireError, OSError) as error:
                self._broken[host_id] = fault_of(error)
                continue
            whole = Change(dict.fromkeys(picture.mappings), frozenset(), about=True, full=True)
            self._hosts[host_id] = _Played(archive, None)
            last_s = min(at_s, archive.ended_s, *_losses_at(archive, at_s))
            self._publish(host_id, Step(last_s, 0, {}, picture, whole), known, (self.bus,))
        self.clock.at_s = at_s
        self._hide()

    def begin(
        self,
        archives: Mapping[str, tuple[Archive, float]],
        known: Mapping[str, Numbering],
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Play hosts up to the clock's moment.

        Args:
            archives: of each host, and from when on it is played; what was before shows in its
                first picture.
            known: epochs that stay, for numbers that stand for the same mappings.
            wanted: asked often; once it is false there is no use in going on.

        Raises:
            Superseded: it is not wanted any more.
        """
        at_s = self.clock.at_s
        since_s = {host_id: begin_s for host_id, (_, begin_s) in archives.items()}
        for host_id, (archive, begin_s) in archives.items():
            self._hosts[host_id] = _Played(archive, Player(archive, begin_s))
        for until_s in _chapters(min(since_s.values(), default=at_s), at_s):
            hosts = [one for one in self._hosts if until_s >= min(since_s[one], at_s)]
            self._play_chapter(hosts, until_s, known)
            if not wanted():
                raise Superseded
        self.clock.at_s = at_s
        self._part()

    def read(self, until_s: float) -> list[tuple[str, Step]]:
        """What comes up to then, in order of time: what `show` takes."""
        found = [
            (host_id, step)
            for host_id, played in self._hosts.items()
            if played.player is not None
            for step in folded(played.player.steps(until_s))
        ]
        return sorted(found, key=lambda one: one[1].at_s)

    def show(self, steps: list[tuple[str, Step]], at_s: float) -> None:
        """Let these happen, and let it be `at_s` then."""
        for host_id, step in steps:
            self._publish(host_id, step, {}, (self.bus, self._desk_bus))
        self.clock.at_s = at_s
        self._part()

    def _play_chapter(
        self, hosts: list[str], until_s: float, known: Mapping[str, Numbering]
    ) -> None:
        """The hub needs a picture a chapter; the desk needs each, where there are VMs."""
        together = {host_id: Folding() for host_id in hosts}
        vms = {host_id for host_id in hosts if self._hosts[host_id].has_vms}
        frames = (
            zip(repeat(host_id), player.steps(until_s))
            for host_id in hosts
            if (player := self._hosts[host_id].player) is not None
        )
        for host_id, step in heapq.merge(*frames, key=lambda one: one[1].at_s):
            together[host_id].add(step)
            if host_id in vms:
                self._publish(host_id, step, known, (self._desk_bus,))
        for host_id, folding in together.items():
            for step in folding.steps():
                both = (self.bus, self._desk_bus)
                self._publish(host_id, step, known, both if host_id not in vms else (self.bus,))

    def _publish(
        self,
        host_id: str,
        step: Step,
        known: Mapping[str, Numbering],
        buses: tuple[LocalBus, ...],
    ) -> None:
        played = self._hosts[host_id]
        event = self._event(host_id, step, known)
        self.clock.at_s = step.at_s
        for bus in buses:
            if played.parted or played.hidden:
                bus.publish(AgentJoined(host_id))
            bus.publish(event)
        played.parted = played.hidden = False

    def _event(self, host_id: str, step: Step, known: Mapping[str, Numbering]) -> FrameTaken:
        played = self._hosts[host_id]
        about = step.picture.about
        assert about is not None, "a frame was applied"
        epoch = played.epochs.get(step.run)
        if epoch is None:
            epoch, of = known.get(host_id, ("", None))
            if of is None or not agree(of, about):
                epoch = f"t{secrets.token_hex(8)}"
            played.epochs = {step.run: epoch}
        played.numbering = (epoch, about)
        if not played.has_vms and step.change.about:
            played.has_vms = any(is_vm(process) for process in about.processes)
        picture = _replayed(step, about, played.archive.name)
        return FrameTaken(host_id, epoch, "", b"", picture, step.change, unseen=step.unseen)

    def _part(self) -> None:
        """Hosts of which nothing came for long, as a server parts with them."""
        for host_id, played in self._hosts.items():
            numbering = played.numbering
            last_s = None if played.player is None else played.player.at_s
            if last_s is None or numbering is None or played.parted:
                continue
            over = played.archive.ended_s <= last_s or numbering[1].source.kind == "live"
            if over and self.clock.at_s - last_s >= self._gone_after_s:
                played.parted = True
                for bus in (self.bus, self._desk_bus):
                    bus.publish(AgentLeft(host_id))
        self._hide()
        self.desk.tick()
        self.hub.forget_gone()

    def _hide(self) -> None:
        """Hosts of which this moment is lost: what is shown of them is of before, however little.
        Migrations follow on what came, as they do of a live host that is silent.
        """
        for host_id, played in self._hosts.items():
            if played.parted or played.hidden or played.numbering is None:
                continue
            if _losses_at(played.archive, self.clock.at_s):
                played.hidden = True
                self.bus.publish(AgentLeft(host_id))


def _chapters(since_s: float, at_s: float) -> list[float]:
    """Where the chapters end; the last one at the moment itself."""
    last = [at_s - number * LAST_CHAPTER_S for number in range(round(LAST_S / LAST_CHAPTER_S))]
    first = math.ceil((at_s - LAST_S - since_s) / CHAPTER_S)
    before = [at_s - LAST_S - number * CHAPTER_S for number in range(max(0, first) + 1)]
    return [end_s for end_s in reversed(last + before) if end_s >= since_s or end_s == at_s]


def _losses_at(archive: Archive, at_s: float) -> list[float]:
    """When those losses began in which the moment lies."""
    return [
        loss.since_s
        for loss in archive.losses
        if loss.since_s < at_s and (loss.until_s is None or at_s < loss.until_s)
    ]


def agree(one: HostFrame, two: HostFrame) -> bool:
    """Whether no number stands for another mapping in the one than in the other."""
    mine, other = _numbers(one), _numbers(two)
    return all(mine[number] == other[number] for number in mine.keys() & other.keys())


def _numbers(about: HostFrame) -> dict[int, tuple[int, int, int, int]]:
    return {
        info.id: (process.pid, info.start, info.end, info.page_size)
        for process in about.processes
        for info in process.mappings
    }


def _replayed(step: Step, about: HostFrame, name: str) -> HostPicture:
    """The picture, saying that it is no present one."""
    update = {"source": Source(kind="replay", name=name), "faults": step.faults}
    picture = step.picture
    return HostPicture(
        picture.seq, about.model_copy(update=update), picture.mappings, picture.cells
    )
