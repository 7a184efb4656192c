"""Bodies end where they are too long, said or not, and whoever sends them."""

import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from hugescope_server.app import create_app
from hugescope_server.auth.principal import Role
from hugescope_server.bodies import MAX_BODY_BYTES, RECORDINGS_PATH
from hugescope_server.settings import ServerSettings
from tests import access

PIECE = b" " * 8192


class Endless:
    """A body that counts what is taken of it."""

    def __init__(self) -> None:
        self.taken_bytes = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.taken_bytes < 1 << 30:
            self.taken_bytes += len(PIECE)
            yield PIECE


@contextlib.asynccontextmanager
async def client(shown: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(ServerSettings())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", headers=shown, trust_env=False
    ) as http:
        yield http
    app.state.services.past.close()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/v1/tokens"), ("DELETE", "/api/v1/tokens/x")]
)
async def test_a_body_without_end_is_not_collected(role: Role, method: str, path: str) -> None:
    body = Endless()
    headers = {**access.bearer(role), "Content-Type": "application/json"}
    async with client(headers) as http:
        answer = await http.request(method, path, content=body)
    assert answer.status_code in (403, 404, 413)
    assert answer.json()["code"] in ("wrong_role", "no_such_token", "body_too_big")
    assert body.taken_bytes <= MAX_BODY_BYTES + len(PIECE)


async def test_a_body_that_is_said_to_be_too_long_is_not_waited_for() -> None:
    body = Endless()
    headers = {**access.bearer(Role.ADMIN), "Content-Length": str(MAX_BODY_BYTES + 1)}
    async with client(headers) as http:
        answer = await http.post("/api/v1/tokens", content=body)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_big")
    assert body.taken_bytes == 0
    assert "default-src" in answer.headers["content-security-policy"]


async def test_a_recording_has_a_bound_of_its_own() -> None:
    async with client(access.bearer(Role.OPERATOR)) as http:
        answer = await http.post(RECORDINGS_PATH, content=b"x" * (MAX_BODY_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_recording")
