"""The server's parts without sockets, with a clock that tests move by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from hugescope_server.bus import HostEvent, LocalBus
from hugescope_server.hub import Hub
from hugescope_server.ingest import AgentSession, Ingest
from hugescope_server.settings import ServerSettings
from tests import access
from tests.unit.server.made_host import hello


@dataclass
class MadeServer:
    """Bus, ingest and hub; `now` is their clock."""

    settings: ServerSettings = field(default_factory=ServerSettings)
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.bus = LocalBus()
        self.events: list[HostEvent] = []
        self.hub = Hub(self.bus, self.settings, lambda: self.now)
        self.bus.subscribe(None, self.events.append)
        self.ingest = Ingest(
            self.bus,
            self.settings.max_hosts,
            self.settings.max_cells_per_host,
            clock=lambda: self.now,
        )

    def join(self, host_id: str = "h1", epoch: str = "e1", **more: Any) -> AgentSession:
        return self.ingest.join(hello(host_id, epoch, **more), lambda: None)


def http_client(app: FastAPI, headers: Mapping[str, str] | None = None) -> AsyncClient:
    """A client that calls the application without a socket; its lifespan is not run.

    It shows an operator's token, if `headers` do not say otherwise.
    """
    shown = access.bearer() if headers is None else headers
    transport = ASGITransport(app=app)
    return AsyncClient(transport=transport, base_url="http://localhost", headers=shown)
