"""Recordings that are brought to a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from hugescope_server.app import create_app
from hugescope_server.auth.principal import Role
from hugescope_server.routes.services import Services
from hugescope_server.settings import ServerSettings
from tests import access
from tests.unit.server.made_server import http_client
from tests.unit.wire.made_recording import made

PATH = "/api/v1/recordings"
DATA = b"".join(made())


@pytest.fixture
def app() -> FastAPI:
    return create_app(ServerSettings(max_recordings=2, max_recording_bytes=len(DATA) + 100))


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with http_client(app) as client:
        yield client
    services_of(app).past.close()


def services_of(app: FastAPI) -> Services:
    services = app.state.services
    assert isinstance(services, Services)
    return services


def files_of(app: FastAPI) -> list[Path]:
    directory = services_of(app).past.brought.directory
    return [] if directory is None else sorted(directory.iterdir())


async def test_a_recording_becomes_a_host(app: FastAPI, browser: AsyncClient) -> None:
    answer = await browser.post(PATH, params={"name": "my box.hsrec"}, content=DATA)
    assert answer.status_code == 201
    body = answer.json()
    assert (body["host_id"], body["place"], body["lost"]) == ("my-box", "#/host/my-box", [])
    (host,) = (await browser.get("/api/v1/history")).json()["hosts"]
    assert host["name"] == "my box.hsrec"
    assert (host["since_s"], host["until_s"]) == (body["since_s"], body["until_s"])
    seen = await browser.get("/api/v1/hosts/my-box/snapshot", params={"at_s": body["since_s"]})
    assert seen.status_code == 200
    assert services_of(app).past.span(0.0) == (body["since_s"], body["until_s"])


async def test_names_are_unlike_and_room_is_bounded(app: FastAPI, browser: AsyncClient) -> None:
    names = [
        (await browser.post(PATH, params={"name": "a.hsrec"}, content=DATA)).json()["host_id"]
        for _ in range(2)
    ]
    assert names == ["a", "a-2"]
    answer = await browser.post(PATH, content=DATA)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_recordings")
    async with http_client(app, access.bearer(Role.ADMIN)) as admin:
        assert (await admin.delete("/api/v1/history/a")).status_code == 204
    assert (await browser.post(PATH, content=DATA)).json()["host_id"] == "recording"
    assert len(files_of(app)) == 2
    services_of(app).past.close()
    assert files_of(app) == []


@pytest.mark.parametrize("data", [b"", b"no recording", DATA[:30]])
async def test_what_is_none_is_refused(app: FastAPI, browser: AsyncClient, data: bytes) -> None:
    answer = await browser.post(PATH, content=data)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_recording")
    assert files_of(app) == []
    assert (await browser.get("/api/v1/history")).json()["hosts"] == []


async def test_what_is_torn_is_taken_and_says_what_is_lost(browser: AsyncClient) -> None:
    body = (await browser.post(PATH, content=DATA[:-3])).json()
    assert len(body["lost"]) == 1
    assert "cut off" in body["lost"][0]["why"]


@pytest.mark.parametrize("stated", [True, False])
async def test_what_is_too_big_is_refused(app: FastAPI, browser: AsyncClient, stated: bool) -> None:
    data = DATA + bytes(200)

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(data), 100):
            yield data[at : at + 100]
            await asyncio.sleep(0)

    answer = await browser.post(PATH, content=data if stated else pieces())
    assert (answer.status_code, answer.json()["code"]) == (413, "recording_too_big")
    assert files_of(app) == []


async def test_a_viewer_brings_nothing(app: FastAPI) -> None:
    async with http_client(app, access.bearer(Role.VIEWER)) as viewer:
        answer = await viewer.post(PATH, content=DATA)
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_role")


async def test_a_name_is_short(browser: AsyncClient) -> None:
    answer = await browser.post(PATH, params={"name": "x" * 201}, content=DATA)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")
