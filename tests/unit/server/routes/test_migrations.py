import struct
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from hugescope_server.app import create_app
from hugescope_server.routes.services import Services
from hugescope_server.settings import ServerSettings
from hugescope_wire.migration import Migrations, MigrationState
from tests.unit.server.made_server import http_client
from tests.unit.server.migration.made_vms import World, pair_of


class Served(World):
    """A world whose desk is that of an application."""

    def __init__(self) -> None:
        super().__init__()
        self.app: FastAPI = create_app(ServerSettings(), wall_clock=lambda: self.now)
        services = self.app.state.services
        assert isinstance(services, Services)
        self.ingest, self.desk = services.ingest, services.desk


@pytest.fixture
def world() -> Served:
    return Served()


@pytest.fixture
async def browser(world: Served) -> AsyncIterator[AsyncClient]:
    async with http_client(world.app) as client:
        yield client


async def test_the_list_and_the_state(world: Served, browser: AsyncClient) -> None:
    empty = await browser.get("/api/v1/migrations")
    assert empty.json() == {"type": "migrations", "migrations": []}
    _, destination = pair_of(world)
    destination.come(1, 2)
    world.step(1.0)
    answer = await browser.get("/api/v1/migrations")
    assert answer.headers["cache-control"] == "no-store"
    (summary,) = Migrations.model_validate_json(answer.content).migrations
    world.step(1.0)
    state = MigrationState.model_validate_json(
        (await browser.get(f"/api/v1/migrations/{summary.id}")).content
    )
    assert state.summary.id == summary.id
    assert state.begins
    assert (state.precopied, state.left) == (2, 62)


async def test_arrivals_are_binary(world: Served, browser: AsyncClient) -> None:
    _, destination = pair_of(world)
    destination.come(1, 2)
    world.step(1.0)
    world.now += 1.0
    path = f"/api/v1/migrations/{world.only().id}/arrivals"
    answer = await browser.get(path)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert struct.unpack_from("<4sIQQ", answer.content) == (b"HSAR", 1, 0, 2)
    assert len(answer.content) == 32 + 2 * 16
    rest = await browser.get(path, params={"since": 1})
    assert rest.content[32:] == answer.content[48:]
    assert len((await browser.get(path, params={"since": 10**18})).content) == 32


async def test_what_is_not_there(world: Served, browser: AsyncClient) -> None:
    for path in ("/api/v1/migrations/x", "/api/v1/migrations/x/arrivals"):
        answer = await browser.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "no_such_migration")
    _, _ = pair_of(world)
    path = f"/api/v1/migrations/{world.only().id}/arrivals"
    assert (await browser.get(path, params={"since": -1})).json()["code"] == "bad_request"
