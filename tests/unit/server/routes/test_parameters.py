import logging

import pytest

from hugescope_server.app import create_app
from hugescope_server.auth.principal import Role
from hugescope_server.settings import ServerSettings
from tests import access
from tests.unit.server.made_server import http_client

APP = create_app(ServerSettings())


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/hosts?pfn=1",
        "/api/v1/hosts/h1/snapshot?pid=7&pfn=1",
        "/api/v1/hosts/h1/page?pid=7&address=0x1000&pfn=1",
        "/api/v1/hosts/h1/extents?pid=7&start=0x1000&columns=pfn",
        "/api/v1/hosts/h1/extents.csv?pid=7&start=0x1000&limit=5",
        "/api/v1/migrations?pfn=1",
        "/api/v1/migrations/m/arrivals?since=0&from=1",
    ],
)
async def test_nobody_asks_for_what_there_is_not(
    path: str, role: Role, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with http_client(APP, access.bearer(role)) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_parameter")


async def test_the_refusal_is_logged_with_who_and_without_what(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = create_app(ServerSettings())
    asked = f"/api/v1/hosts/h1/snapshot?token={access.token(Role.VIEWER)}"
    async with http_client(app, access.bearer(Role.VIEWER)) as client:
        assert (await client.get(asked)).json()["code"] == "unknown_parameter"
    (line,) = [one.message for one in caplog.records if "snapshot" in one.message]
    assert "(viewer " in line
    assert line.endswith("unknown_parameter")
    assert access.token(Role.VIEWER) not in caplog.text


async def test_known_parameters_are_taken() -> None:
    async with http_client(APP) as client:
        answer = await client.get("/api/v1/hosts/h1/snapshot?pid=7&pid=8")
        assert answer.json()["code"] == "no_such_host"
