"""Migrations for who may not see addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from httpx import AsyncClient

from hugescope_server.app import create_app
from hugescope_server.auth.principal import Role
from hugescope_server.hub import Hub
from hugescope_server.routes.services import Services
from hugescope_server.settings import ServerSettings
from hugescope_server.veil.places import UNIT_BYTES
from hugescope_wire.migration import MigrationState
from hugescope_wire.vm import QmpReading
from tests import access
from tests.unit.server.made_server import http_client
from tests.unit.server.migration.made_vms import World, pair_of
from tests.unit.server.veil.peeping import addresses_in

TRUE = [(0x7F00_0000_0000, 0x7FFF_FFFF_FFFF)]


class Served(World):
    """A world whose hub and desk are those of an application."""

    def __init__(self) -> None:
        super().__init__()
        self.app = create_app(ServerSettings(), wall_clock=lambda: self.now)
        services = self.app.state.services
        assert isinstance(services, Services)
        self.ingest, self.desk = services.ingest, services.desk
        self.hub: Hub = services.hub


@pytest.fixture
def world() -> Served:
    return Served()


@pytest.fixture
async def viewer(world: Served) -> AsyncIterator[AsyncClient]:
    async with http_client(world.app, access.bearer(Role.VIEWER)) as client:
        yield client


async def state_of(client: AsyncClient) -> MigrationState:
    """The state of the only migration, and no true address in any answer."""
    listed = await client.get("/api/v1/migrations")
    (summary,) = listed.json()["migrations"]
    answer = await client.get(f"/api/v1/migrations/{summary['id']}")
    arrivals = await client.get(f"/api/v1/migrations/{summary['id']}/arrivals")
    assert arrivals.content.startswith(b"HSAR")
    assert addresses_in(listed.text + answer.text, TRUE) == []
    return MigrationState.model_validate_json(answer.content)


async def test_each_end_is_shown_at_its_own_address(world: Served, viewer: AsyncClient) -> None:
    _, destination = pair_of(world)
    destination.come(1, 2)
    world.step(1.0)
    world.step(1.0)
    state = await state_of(viewer)
    assert [(one.source_start, one.destination_start) for one in state.blocks] == [
        (UNIT_BYTES, UNIT_BYTES)
    ]
    async with http_client(world.app) as operator:
        (summary,) = (await operator.get("/api/v1/migrations")).json()["migrations"]
        text = (await operator.get(f"/api/v1/migrations/{summary['id']}")).text
    assert addresses_in(text, TRUE) != []
    true = MigrationState.model_validate_json(text)
    changed = {"source_start": UNIT_BYTES, "destination_start": UNIT_BYTES}
    assert state.blocks == [true.blocks[0].model_copy(update=changed)]
    assert state.model_copy(update={"blocks": true.blocks}) == true


async def test_the_words_of_qemu_are_looked_through(world: Served, viewer: AsyncClient) -> None:
    _, destination = pair_of(world)
    destination.come(1, 2)
    at, elsewhere = destination.start(0) + (4 << 20), destination.start(0) - (4 << 20)
    error = f"cannot place page at {at:#x} from {elsewhere:#x}: File exists"
    destination.qmp = QmpReading(read_at_s=world.now, status="failed", error=error)
    world.step(1.0)
    world.step(1.0)
    state = await state_of(viewer)
    end = state.summary.destination
    assert end is not None
    assert end.qmp is not None
    shown = UNIT_BYTES + (4 << 20)
    assert end.qmp.error == f"cannot place page at {shown:#x} from (hidden): File exists"
