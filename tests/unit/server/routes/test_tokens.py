from pathlib import Path

import pytest

from hugescope_server.app import create_app
from hugescope_server.auth.principal import Role
from hugescope_server.auth.store import TokenStore
from hugescope_server.settings import ServerSettings
from tests.unit.server.made_server import http_client


async def test_an_admin_makes_lists_and_revokes(tmp_path: Path) -> None:
    app = create_app(ServerSettings(state_dir=tmp_path))
    admin, _ = TokenStore(tmp_path).create(Role.ADMIN)
    async with http_client(app, {"Authorization": f"Bearer {admin}"}) as client:
        wanted = {"role": "agent", "host_id": "h1", "label": "rack 4", "lasts_s": 60}
        made = await client.post("/api/v1/tokens", json=wanted)
        assert made.status_code == 201
        assert made.headers["cache-control"] == "no-store"
        token, about = made.json()["token"], made.json()["about"]
        assert TokenStore(tmp_path).find(token) is not None
        listed = await client.get("/api/v1/tokens")
        assert about in listed.json()["tokens"]
        assert "hash" not in listed.text
        assert token not in listed.text
        gone = await client.delete(f"/api/v1/tokens/{about['id']}")
        assert gone.json()["revoked_at"] is not None
        assert TokenStore(tmp_path).find(token) is None
        again = await client.delete("/api/v1/tokens/000000000000")
        assert (again.status_code, again.json()["code"]) == (404, "no_such_token")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_nobody_else(tmp_path: Path, role: Role) -> None:
    app = create_app(ServerSettings(state_dir=tmp_path))
    token, made = TokenStore(tmp_path).create(role)
    async with http_client(app, {"Authorization": f"Bearer {token}"}) as client:
        for answer in (
            await client.get("/api/v1/tokens"),
            await client.post("/api/v1/tokens", json={"role": "admin"}),
            await client.delete(f"/api/v1/tokens/{made.id}"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "wrong_role")


@pytest.mark.parametrize(
    "wanted",
    [
        {"role": "root"},
        {"role": "agent"},
        {"role": "viewer", "host_id": "h1"},
        {"role": "agent", "host_id": "a b"},
        {"role": "viewer", "label": "\x1b[31m"},
        {"role": "viewer", "lasts_s": 0},
        {"role": "viewer", "lasts_s": 1e300},
    ],
)
async def test_what_cannot_be_made(tmp_path: Path, wanted: dict[str, object]) -> None:
    app = create_app(ServerSettings(state_dir=tmp_path))
    admin, _ = TokenStore(tmp_path).create(Role.ADMIN)
    async with http_client(app, {"Authorization": f"Bearer {admin}"}) as client:
        answer = await client.post("/api/v1/tokens", json=wanted)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")
