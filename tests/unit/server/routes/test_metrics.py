"""Metrics over HTTP: who may have them, and in which format."""

from __future__ import annotations

import pytest
from starlette.routing import Route

from hugescope_server.auth.principal import Role
from tests import access
from tests.unit.server.made_server import http_client
from tests.unit.server.metrics.made_metrics import OPENMETRICS, Site, whole_site
from tests.unit.server.test_every_route import HTTP, METHODS, OPEN, SOCKETS, handshake, path_of


@pytest.fixture
def site() -> Site:
    return whole_site()


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (f"{OPENMETRICS},text/plain;version=0.0.4;q=0.5", "application/openmetrics-text"),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4"),
        ("*/*", "text/plain; version=0.0.4"),
    ],
)
async def test_the_format_is_what_was_asked_for(site: Site, accept: str, content_type: str) -> None:
    async with http_client(site.app, access.bearer(Role.METRICS)) as client:
        answer = await client.get("/metrics", headers={"accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(content_type)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.endswith("# EOF\n") == ("openmetrics" in content_type)
    assert "hugescope_pool_free_bytes" in answer.text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
async def test_people_may_have_them_too(site: Site, role: Role) -> None:
    async with http_client(site.app, access.bearer(role)) as client:
        assert (await client.get("/metrics")).status_code == 200


async def test_a_stranger_gets_none(site: Site) -> None:
    async with http_client(site.app, {}) as client:
        answer = await client.get("/metrics")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_logged_in")


@pytest.mark.parametrize("route", HTTP, ids=path_of)
async def test_its_token_is_for_metrics_alone(site: Site, route: Route) -> None:
    path = path_of(route)
    async with http_client(site.app, access.bearer(Role.METRICS)) as client:
        for method in METHODS:
            if path != "/metrics" and (method, path) not in OPEN:
                assert (await client.request(method, path)).status_code == 403


@pytest.mark.parametrize("path", [path_of(one) for one in SOCKETS])
async def test_its_token_opens_no_socket(path: str) -> None:
    shown = {name.lower(): text for name, text in access.bearer(Role.METRICS).items()}
    (start, _) = await handshake(path, shown)
    assert start["status"] == 403


async def test_its_token_logs_nobody_in(site: Site) -> None:
    async with http_client(site.app, {}) as client:
        answer = await client.post("/api/v1/login", json={"secret": access.token(Role.METRICS)})
    assert answer.status_code == 401
