"""All hosts that this server shows, kept up to date from the bus."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Final

from hugescope_server.bus import AgentJoined, AgentLeft, Bus, FrameTaken, HostEvent
from hugescope_server.hoststate import HostState, Link
from hugescope_server.settings import ServerSettings
from hugescope_server.veil.places import Atlas
from hugescope_wire.host import Limit

if TYPE_CHECKING:
    from hugescope_server.veil.hub import VeiledHub

Clock = Callable[[], float]
"""Seconds of a monotonic clock."""


class Hub:
    """The present state of every host, for any number of viewers.

    A host appears with its first full frame and stays `forget_after_s` after its last one.

    Attributes:
        epoch: random, of this run of the server.
        version: rises with everything that a viewer's overview may show.
        atlas: where mappings are shown to those who may not see addresses. Hubs that show the same
            hosts at different times share one.
        veiled: this hub for them (`veil.hub.seen_by`).
    """

    def __init__(
        self,
        bus: Bus,
        settings: ServerSettings,
        clock: Clock,
        wall_clock: Clock = time.time,
        atlas: Atlas | None = None,
    ) -> None:
        self.epoch: Final = secrets.token_hex(8)
        self.bus: Final = bus
        self.version = 0
        self.atlas: Final = atlas or Atlas()
        self.veiled: VeiledHub | None = None
        self._settings = settings
        self._clock = clock
        self._wall_clock = wall_clock
        self._hosts: dict[str, HostState] = {}
        self._told: Limit | None = None
        self._generations: Iterator[int] = count(1)
        bus.subscribe(None, self._follow)

    def host(self, host_id: str) -> HostState | None:
        """The host of this id, if one is known."""
        return self._hosts.get(host_id)

    def overview_json(self, now: float) -> str:
        """An `Overview` of all hosts, in the order of their ids."""
        parts = (host.summary_json(now, self.link(host, now)) for host in self.hosts())
        return f'{{"type":"overview","hosts":[{",".join(parts)}]}}'

    def hosts(self) -> list[HostState]:
        """All hosts, in the order of their ids."""
        return [self._hosts[host_id] for host_id in sorted(self._hosts)]

    def host_ids(self) -> list[str]:
        """Of all hosts, in order."""
        return sorted(self._hosts)

    def link(self, host: HostState, now: float) -> Link:
        """How fresh this host's picture is."""
        return host.link(now, self._settings.late_after_s, self._settings.gone_after_s)

    def tell(self, limit: Limit | None) -> None:
        """What this server itself cannot do now, among the limits of every host."""
        self._told = limit
        self.version += 1
        for host in self._hosts.values():
            host.tell(limit)

    def forget_gone(self) -> None:
        """Drop hosts without an agent whose last frame is older than `forget_after_s`."""
        oldest = self._clock() - self._settings.forget_after_s
        for host in list(self._hosts.values()):
            if not host.connected and host.received_at <= oldest:
                self._forget(host)

    def _forget(self, host: HostState) -> None:
        del self._hosts[host.host_id]
        self.version += 1

    def _follow(self, event: HostEvent) -> None:
        self.version += 1
        host = self._hosts.get(event.host_id)
        match event:
            case FrameTaken():
                if host is None:
                    host = self._new_host(event.host_id)
                host.take(event, self._clock(), self._wall_clock())
            case AgentJoined() | AgentLeft():
                if host is not None:
                    host.connected = isinstance(event, AgentJoined)

    def _new_host(self, host_id: str) -> HostState:
        """Known hosts have a bound too: the one that has been gone longest makes room."""
        if len(self._hosts) >= self._settings.max_hosts:
            gone = [host for host in self._hosts.values() if not host.connected]
            if gone:
                self._forget(min(gone, key=lambda host: host.received_at))
        host = self._hosts[host_id] = HostState(host_id, self._generations)
        host.tell(self._told)
        return host
