"""What the routes share: one of each for the application, reached from a request or a socket."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Depends
from starlette.requests import HTTPConnection

from hugescope_server.auth.access import Access
from hugescope_server.auth.limits import Allowance
from hugescope_server.auth.principal import Principal, principal_of
from hugescope_server.hub import Clock, Hub
from hugescope_server.ingest import Ingest
from hugescope_server.metrics.exposition import Metrics
from hugescope_server.migration.desk import MigrationDesk
from hugescope_server.settings import ServerSettings
from hugescope_server.timeline.past import Past
from hugescope_server.veil.hub import AnyHub, seen_by

SNAPSHOTS_AT_ONCE: Final = 2
"""A big one keeps a core busy for tenths of a second."""


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one running server."""

    settings: ServerSettings
    clock: Clock
    ingest: Ingest
    hub: Hub
    desk: MigrationDesk
    access: Access
    attempts: Allowance
    past: Past
    metrics: Metrics
    snapshot_slots: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(SNAPSHOTS_AT_ONCE)
    )


async def services_of(connection: HTTPConnection) -> Services:
    """Those of the application that this connection reached."""
    services = connection.app.state.services
    assert isinstance(services, Services)
    return services


ServicesDep = Annotated[Services, Depends(services_of)]
PrincipalDep = Annotated[Principal, Depends(principal_of)]


async def hub_of(services: ServicesDep, principal: PrincipalDep) -> AnyHub:
    """All hosts, as who asks may see them."""
    return seen_by(services.hub, principal)


HubDep = Annotated[AnyHub, Depends(hub_of)]
