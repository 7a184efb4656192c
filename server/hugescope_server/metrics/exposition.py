"""The answer to a scrape: made in a thread from one view of the hub, one at a time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from hugescope_server import SERVER_VERSION
from hugescope_server.auth.access import Access
from hugescope_server.auth.principal import Role
from hugescope_server.bus import Bus, FrameTaken, HostEvent
from hugescope_server.hub import Clock, Hub
from hugescope_server.metrics.cells import CellCounts
from hugescope_server.metrics.families import Definition, Families
from hugescope_server.metrics.hosts import put_host, put_link
from hugescope_server.metrics.migrations import migrations_now, put_migration
from hugescope_server.metrics.reports import put_report
from hugescope_server.metrics.view import HostView, hosts_now
from hugescope_server.migration.desk import MigrationDesk
from hugescope_wire.migration import MigrationState

BUILD: Final = Definition("hugescope_build", "This server.", kind="info")
HOSTS: Final = Definition("hugescope_server_hosts", "Hosts that are known.", (), "hosts")
SOCKETS: Final = Definition(
    "hugescope_server_sockets", "Open sockets of agents and of viewers.", ("of",), "sockets"
)
FRAMES: Final = Definition("hugescope_server_frames", "Frames taken from agents.", kind="counter")
FRAME_BYTES: Final = Definition(
    "hugescope_server_frame_bytes", "Bytes of these frames.", (), "bytes", "counter"
)
BUILD_TIME: Final = Definition(
    "hugescope_server_collect_seconds", "Time that collecting these numbers took.", (), "seconds"
)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was taken from agents since the server was started."""

    frames: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Scrape(Collector):
    """What one answer tells, as of one moment; a registry reads it."""

    hosts: list[HostView]
    migrations: list[MigrationState]
    sockets: Counter[Role]
    traffic: Traffic
    counts: CellCounts

    def describe(self) -> Iterable[Metric]:
        """Nothing: or a registry would collect everything once before it does."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """All metrics but those of the process."""
        began_s = time.perf_counter()
        out = Families()
        present = [one for one in self.hosts if _is_of_now(one)]
        for host in self.hosts:
            put_link(out, host)
        for host in present:
            put_host(out, host)
            put_report(out, host)
        self.counts.put(out, present)
        for state in self.migrations:
            put_migration(out, state)
        self._put_server(out)
        out.put(BUILD_TIME, [], time.perf_counter() - began_s)
        return out

    def _put_server(self, out: Families) -> None:
        agents = self.sockets[Role.AGENT]
        out.put_info(BUILD, [], version=SERVER_VERSION)
        out.put(HOSTS, [], len(self.hosts))
        out.put(SOCKETS, ["agents"], agents)
        out.put(SOCKETS, ["viewers"], self.sockets.total() - agents)
        out.put(FRAMES, [], self.traffic.frames)
        out.put(FRAME_BYTES, [], self.traffic.size_bytes)


class Metrics:
    """The parts of a running server that are measured.

    Args:
        clock: the hub's.
        wall_clock: the desk's.
    """

    def __init__(
        self,
        bus: Bus,
        hub: Hub,
        desk: MigrationDesk,
        access: Access,
        clock: Clock,
        wall_clock: Clock,
    ) -> None:
        self._hub = hub
        self._desk = desk
        self._access = access
        self._clock = clock
        self._wall_clock = wall_clock
        self._traffic = Traffic()
        self._counts = CellCounts()
        self._turn = asyncio.Lock()
        bus.subscribe(None, self._follow)

    async def exposition(self, accept: str) -> tuple[bytes, str]:
        """All metrics in the format that this Accept header asks for, and its content type."""
        encode, content_type = _encoder_for(accept)
        async with self._turn:
            body = await asyncio.to_thread(_encoded, self._scrape(), encode)
        return body, content_type

    def _scrape(self) -> _Scrape:
        return _Scrape(
            hosts_now(self._hub, self._clock()),
            migrations_now(self._desk, self._wall_clock()),
            self._access.open_sockets(),
            self._traffic,
            self._counts,
        )

    def _follow(self, event: HostEvent) -> None:
        if isinstance(event, FrameTaken):
            before = self._traffic
            self._traffic = Traffic(before.frames + 1, before.size_bytes + len(event.data))


def _encoder_for(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """What this Accept header asks for; where it asks for what there is not, the plain format."""
    try:
        encode, content_type = choose_encoder(accept)
    except TypeError:
        # prometheus_client compares a version that is no number with one that is.
        return choose_encoder("")
    # It says the version back as it came.
    return (encode, content_type) if content_type.isprintable() else choose_encoder("")


def _encoded(scrape: _Scrape, encode: Callable[[Collector], bytes]) -> bytes:
    registry = CollectorRegistry()
    registry.register(scrape)
    ProcessCollector(registry=registry)
    return encode(registry)


def _is_of_now(host: HostView) -> bool:
    return host.link != "gone" and host.about.source.kind == "live"
