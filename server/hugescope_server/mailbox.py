"""The protocol with one viewer, without I/O: messages in, messages out, the time passed in.

`poll` gives what is due, and the caller sends all of it before it polls again. So there is no
queue: what changes while a viewer is slow is folded into the next message. Frames of cells need
credit, at most `CREDIT` unacknowledged, and after the first come at the rate that the viewer asked
for, at rate 0 none. Another rate for the same view goes on where the one before was, with the same
`seq` and credit; any other `Subscribe`, an equal one too, begins anew. The overview comes
on common ticks of `OVERVIEW_PERIOD_S`, so that its JSON is built once for all viewers, and at every
fourth tick even when nothing changed, for its ages. On the same ticks goes a host's report, when it
is another than the viewer has.

`seq` restarts with each `Subscribed`, so an ack that was on its way when the viewer subscribed anew
can free credit of the new subscription early. At most `CREDIT` more frames are then on the way,
once.

A viewer may be shown another hub than before (`show`), of another moment. What it asked for stays;
cells go on where their host has the same epoch, and else the viewer finds its mapping in the new
overview and asks again, as after an agent's new start.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from hugescope_server import SERVER_VERSION
from hugescope_server.auth.principal import Principal
from hugescope_server.bus import Bus
from hugescope_server.follower import Follower
from hugescope_server.hub import Hub
from hugescope_server.inbox import Message
from hugescope_server.migration.desk import MigrationDesk
from hugescope_server.migration.follower import MigrationFollower
from hugescope_server.veil.desk import desk_seen_by
from hugescope_server.veil.hub import AnyHost, AnyTrack, seen_by
from hugescope_wire.frames import FrameKind, encode_frame
from hugescope_wire.host import PROTOCOL_VERSION
from hugescope_wire.messages import (
    CREDIT,
    FROM_VIEWER,
    Ack,
    Follow,
    Subscribe,
    Subscribed,
    SubscriptionEnded,
    Unsubscribe,
    ViewerWelcome,
    parse,
)
from hugescope_wire.migration import FollowMigration
from hugescope_wire.view import Viewed

OVERVIEW_PERIOD_S: Final = 0.25
OVERVIEW_AT_LEAST_TICKS: Final = 4

EndCode = Literal[
    "no_such_host", "no_such_mapping", "mapping_gone", "host_restarted", "view_outside"
]


@dataclass(slots=True)
class _Subscription:
    """What one viewer was sent of one mapping.

    Attributes:
        generation: of the track that was announced by `Subscribed`; None: none yet.
        view: the part of it that was announced.
        version: of the host when cells were last sent; None: not yet.
    """

    wish: Subscribe
    generation: int | None = None
    view: Viewed | None = None
    version: int | None = None
    sent: int = 0
    acked: int = 0
    sent_at: float = -math.inf

    def due_at(self) -> float:
        """When the next frame may be sent."""
        if self.version is None:
            return -math.inf
        rate_hz = self.wish.view.rate_hz
        return self.sent_at + 1 / rate_hz if rate_hz else math.inf


class TimeTeller(Protocol):
    """Tells the viewer where in time it is."""

    def poll(self, now: float) -> list[str]:
        """What is due of that."""


class Mailbox:
    """One viewer: what it asked for, and what it was sent; without `desk` nothing of migrations.

    Attributes:
        principal: whose socket this is; None in tests that ask for nobody.
        time: tells of the viewer's place in time; None: nothing does.
    """

    def __init__(
        self, hub: Hub, desk: MigrationDesk | None = None, principal: Principal | None = None
    ) -> None:
        self.principal: Final = principal
        self.time: TimeTeller | None = None
        self._welcomed = False
        self._subscription: _Subscription | None = None
        self._ended: SubscriptionEnded | None = None
        self._follow = Follow(hosts=[])
        self._follow_migration = FollowMigration(id=None, pair=None)
        self._see(hub, desk, None, briefly=False)

    @property
    def bus(self) -> Bus:
        """Where the hosts speak that are shown."""
        return self._hub.bus

    def show(
        self,
        hub: Hub,
        desk: MigrationDesk | None,
        now: Callable[[], float] | None = None,
        *,
        briefly: bool = False,
    ) -> None:
        """Show this from now on, in place of what was shown before.

        Args:
            hub: hosts.
            desk: migrations; None: as they are on screen.
            now: the hub's clock, for ages; None: it is that of `poll`.
            briefly: it will be shown with its past very soon, so statistics wait.
        """
        subscription = self._subscription
        place = None if subscription is None else self._place(subscription)
        self._see(hub, desk, now, briefly=briefly)
        if subscription is None:
            return
        wish = subscription.wish
        host = hub.host(wish.host_id)
        if host is not None and host.epoch == wish.epoch:
            self._subscription = _Subscription(wish)
            return
        self._subscription = None
        if host is None or place is None or host.track_at(*place) is None:
            self._ended = _ended(wish, "mapping_gone", "at this moment it is not there")

    def _see(
        self,
        hub: Hub,
        desk: MigrationDesk | None,
        now: Callable[[], float] | None,
        *,
        briefly: bool,
    ) -> None:
        self._bare_hub, self._hub_now = hub, now
        self._hub = seen_by(hub, self.principal)
        self._overview_version = -1
        self._overview_tick = -math.inf
        self._reports: dict[str, int] = {}
        self._follower = Follower(hub, with_statistics=not briefly)
        self._follower.receive(self._follow)
        self._migrations = (
            None if desk is None else MigrationFollower(desk_seen_by(desk, hub, self.principal))
        )
        if self._migrations is not None:
            self._migrations.receive(self._follow_migration)

    def _place(self, subscription: _Subscription) -> tuple[int, int] | None:
        """Process and address of the mapping that is subscribed to; None: it is not there."""
        host = self._bare_hub.host(subscription.wish.host_id)
        if host is None or host.epoch != subscription.wish.epoch:
            return None
        return host.place_of(subscription.wish.mapping_id)

    @property
    def watching(self) -> str | None:
        """The host whose events may make something due before `wait_s` is over."""
        return None if self._subscription is None else self._subscription.wish.host_id

    def receive(self, text: str) -> None:
        """Take one message of the viewer as it came.

        Raises:
            WireError: `bad_message`, naming the field.
        """
        self.take(parse(FROM_VIEWER, text))

    def is_paced(self, message: Message) -> bool:
        """Whether this answers a frame that was sent and not answered yet: as many come as go."""
        subscription = self._subscription
        if not isinstance(message, Ack) or subscription is None:
            return False
        return subscription.acked < message.seq <= subscription.sent

    def take(self, message: Message) -> None:
        """Take one message of the viewer.

        A subscription takes the place of the one before; where several come before the next `poll`,
        only the last is answered.
        """
        match message:
            case Subscribe() as wish:
                subscription = self._subscription
                if subscription is not None and _only_rate_differs(subscription.wish, wish):
                    subscription.wish = wish
                else:
                    self._subscription = _Subscription(wish)
            case Unsubscribe():
                self._subscription = None
            case Follow() as follow:
                self._follow = follow
                self._follower.receive(follow)
            case FollowMigration() as wish:
                self._follow_migration = wish
                if self._migrations is not None:
                    self._migrations.receive(wish)
            case Ack(seq=seq):
                subscription = self._subscription
                if subscription is not None and seq <= subscription.sent:
                    subscription.acked = max(subscription.acked, seq)

    def poll(self, now: float) -> list[str | bytes]:
        """Messages that are due, in order; the caller sends them all."""
        out: list[str | bytes] = []
        if not self._welcomed:
            self._welcomed = True
            welcome = ViewerWelcome(
                protocol=PROTOCOL_VERSION,
                server_version=SERVER_VERSION,
                server_epoch=self._hub.epoch,
            )
            out.append(welcome.model_dump_json())
        if self.time is not None:
            out += self.time.poll(now)
        if self._ended is not None:
            out.append(self._ended.model_dump_json())
            self._ended = None
        if self._overview_due(now):
            self._overview_version, self._overview_tick = self._hub.version, _tick(now)
            out.append(self._hub.overview_json(self._age_clock(now)))
            out += self._new_reports()
        out += self._follower.poll(now)
        if self._migrations is not None:
            out += self._migrations.poll(now)
        if self._subscription is not None:
            out += self._cells(self._subscription, now)
        return out

    def wait_s(self, now: float) -> float:
        """Seconds until `poll` may give something, if no message and no event come before."""
        due_at = (_tick(now) + 1) * OVERVIEW_PERIOD_S
        due_at = min(due_at, now + self._follower.wait_s(now))
        if self._migrations is not None:
            due_at = min(due_at, now + self._migrations.wait_s(now))
        subscription = self._subscription
        if subscription is not None:
            host = self._hub.host(subscription.wish.host_id)
            if host is not None and host.version != subscription.version:
                paced_until = subscription.due_at()
                if paced_until > now:
                    due_at = min(due_at, paced_until)
        return due_at - now

    def _age_clock(self, now: float) -> float:
        """The present of the hub."""
        return now if self._hub_now is None else self._hub_now()

    def _overview_due(self, now: float) -> bool:
        ticks = _tick(now) - self._overview_tick
        changed = self._hub.version != self._overview_version
        return ticks >= OVERVIEW_AT_LEAST_TICKS or (ticks >= 1 and changed)

    def _new_reports(self) -> list[str]:
        """Of each host whose report this viewer has not got; the hosts that left are forgotten."""
        hosts = self._hub.hosts()
        sent, self._reports = self._reports, {host.host_id: host.report_version for host in hosts}
        return [
            text
            for host in hosts
            if sent.get(host.host_id) != host.report_version and (text := host.report_json())
        ]

    def _cells(self, subscription: _Subscription, now: float) -> list[str | bytes]:
        found = self._find(subscription)
        if isinstance(found, SubscriptionEnded):
            self._subscription = None
            return [found.model_dump_json()]
        host, track = found
        out: list[str | bytes] = []
        wish = subscription.wish
        if track.generation != subscription.generation:
            view = track.viewed(wish.view)
            if view is None:
                self._subscription = None
                count = track.info.cell_count
                message = f"cell {wish.view.first} of {count} cells"
                return [_ended(wish, "view_outside", message).model_dump_json()]
            subscription = _Subscription(wish, track.generation, view)
            self._subscription = subscription
            announced = Subscribed(
                host_id=wish.host_id, epoch=host.epoch, mapping=track.info, view=view
            )
            out.append(announced.model_dump_json())
        if now < subscription.due_at() or subscription.sent - subscription.acked >= CREDIT:
            return out
        frame = _frame(subscription, track, self._age_clock(now))
        subscription.version = host.version
        if frame is not None:
            subscription.sent_at = now
            out.append(frame)
        return out

    def _find(self, subscription: _Subscription) -> tuple[AnyHost, AnyTrack] | SubscriptionEnded:
        wish, announced = subscription.wish, subscription.generation is not None
        host = self._hub.host(wish.host_id)
        if host is None:
            return _ended(wish, "no_such_host", f"no host {wish.host_id} is known here")
        if host.epoch != wish.epoch:
            return _ended(
                wish, "host_restarted", "the agent started anew and numbers mappings anew"
            )
        track = host.tracks.get(wish.mapping_id)
        if track is not None:
            return host, track
        if announced:
            return _ended(wish, "mapping_gone", "the mapping or its process is gone")
        return _ended(wish, "no_such_mapping", f"no mapping {wish.mapping_id} in this host")


def _only_rate_differs(old: Subscribe, new: Subscribe) -> bool:
    same_rate = new.view.model_copy(update={"rate_hz": old.view.rate_hz})
    return old != new and old == new.model_copy(update={"view": same_rate})


def _frame(subscription: _Subscription, track: AnyTrack, now: float) -> bytes | None:
    """The next frame of what changed in view; None when nothing did."""
    assert subscription.view is not None, "a view is announced before anything of it is sent"
    block = track.block_since(subscription.version, subscription.view, now)
    if block is None:
        return None
    subscription.sent += 1
    kind = FrameKind.GROUPS if subscription.view.shift else FrameKind.CELLS
    return encode_frame(kind, subscription.sent, None, [block])


def _tick(now: float) -> int:
    """The number of the last moment at which all viewers look for a new overview."""
    return math.floor(now / OVERVIEW_PERIOD_S)


def _ended(wish: Subscribe, code: EndCode, message: str) -> SubscriptionEnded:
    return SubscriptionEnded(
        host_id=wish.host_id, mapping_id=wish.mapping_id, code=code, message=message
    )
