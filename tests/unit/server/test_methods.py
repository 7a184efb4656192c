"""A method that a path of the API does not take is answered with those that it takes."""

import pytest

from hugescope_server.app import create_app
from hugescope_server.auth.principal import Role
from hugescope_server.settings import ServerSettings
from tests import access
from tests.unit.server.made_server import http_client

APP = create_app(ServerSettings())


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/v1/login", "POST"),
        ("GET", "/api/v1/logout", "POST"),
        ("PUT", "/api/v1/tokens", "GET, POST"),
        ("GET", "/api/v1/tokens/0123456789ab", "DELETE"),
        ("POST", "/api/v1/health", "GET, HEAD"),
        ("DELETE", "/docs", "GET"),
    ],
)
async def test_the_methods_are_named(method: str, path: str, allowed: str) -> None:
    async with http_client(APP, access.bearer(Role.ADMIN)) as client:
        answer = await client.request(method, path)
        assert answer.status_code == 405
        assert answer.headers["allow"] == allowed
        assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/nothing.js", "/api"])
async def test_a_path_that_is_not_there_stays_so(path: str) -> None:
    async with http_client(APP, access.bearer(Role.ADMIN)) as client:
        answer = await client.get(path)
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"


async def test_a_body_that_is_no_text_is_a_bad_request() -> None:
    headers = {**access.bearer(Role.ADMIN), "Content-Type": "application/json"}
    async with http_client(APP, headers) as client:
        answer = await client.post("/api/v1/tokens", content=b'{"\xff": 1}')
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
