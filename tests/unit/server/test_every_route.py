"""Every route and websocket that the application has refuses who is not logged in.

They are taken from the application itself: a new one is covered without a change here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute
from httpx import AsyncClient
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Message, Scope

from hugescope_server.app import create_app
from hugescope_server.settings import ServerSettings
from hugescope_wire.messages import AGENT_PATH
from tests import access
from tests.unit.server.made_server import http_client

OPEN = {
    ("GET", "/login"),
    ("HEAD", "/login"),
    ("GET", "/login.css"),
    ("HEAD", "/login.css"),
    ("GET", "/login.js"),
    ("HEAD", "/login.js"),
    ("GET", "/api/v1/health"),
    ("HEAD", "/api/v1/health"),
    ("POST", "/api/v1/login"),
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
APP = create_app(ServerSettings())


def flat(routes: list[Any]) -> Iterator[BaseRoute]:
    """Routes of routers within routers too."""
    for route in routes:
        inner = getattr(route, "routes", None) or getattr(
            getattr(route, "original_router", None), "routes", None
        )
        if inner:
            yield from flat(inner)
        else:
            yield route


ALL = list(flat(APP.routes))
HTTP = [one for one in ALL if isinstance(one, Route)]
SOCKETS = [one for one in ALL if isinstance(one, WebSocketRoute)]


def path_of(route: Route | WebSocketRoute) -> str:
    """With something in place of each parameter."""
    return re.sub(r"\{[^}]+\}", "x", route.path)


def test_all_kinds_of_routes_are_known_here() -> None:
    unknown = [one for one in ALL if not isinstance(one, Route | WebSocketRoute)]
    assert unknown == []
    assert {path_of(one) for one in SOCKETS} == {AGENT_PATH, "/api/v1/viewer"}
    assert len(HTTP) >= 18
    assert any(isinstance(one, APIRoute) for one in HTTP)
    assert all(isinstance(one, APIWebSocketRoute) for one in SOCKETS)


def called(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    """What a route calls: itself, and what it depends on."""
    assert dependant.call is not None
    yield dependant.call
    for one in dependant.dependencies:
        yield from called(one)


def test_no_route_takes_a_thread_to_begin_with() -> None:
    """What is no coroutine is run in one of forty threads, each with memory of its own."""
    for route in ALL:
        if isinstance(route, APIRoute | APIWebSocketRoute):
            for call in called(route.dependant):
                assert inspect.iscoroutinefunction(call), (path_of(route), call)


async def status(client: AsyncClient, method: str, path: str) -> tuple[int, str]:
    answer = await client.request(method, path)
    return answer.status_code, answer.text


@pytest.mark.parametrize("route", HTTP, ids=path_of)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer hst_{'0' * 12}_{'A' * 43}"},
        {"Authorization": "Basic YTpi"},
        {"Cookie": "hugescope-80=e30.AAAA"},
        {"Origin": "http://localhost"},
    ],
    ids=["nothing", "empty", "unknown", "basic", "cookie", "page"],
)
async def test_no_route_answers_a_stranger(route: Route, headers: dict[str, str]) -> None:
    path = path_of(route)
    async with http_client(APP, headers) as client:
        for method in METHODS:
            if (method, path) in OPEN:
                continue
            code, text = await status(client, method, path)
            if path == "/" and method in ("GET", "HEAD"):
                assert code == 303
                continue
            assert code == 401, (method, path, text)
            assert method == "HEAD" or '"code":"not_logged_in"' in text


async def test_what_is_open_is_there_and_says_little() -> None:
    async with http_client(APP, {}) as client:
        answers = {
            (method, path): await status(client, method, path)
            for method, path in OPEN
            if method != "POST"
        }
        assert {code for code, _ in answers.values()} == {200}
        assert answers["GET", "/api/v1/health"][1] == '{"status":"ok"}'
        assert (await client.post("/api/v1/login", json={"secret": "x"})).status_code == 401
        assert (await client.get("/", follow_redirects=True)).url.path == "/login"


@pytest.mark.parametrize("path", ["/nothing", "/assets/x.js", "/index.html", "/api/v1/nothing"])
async def test_a_stranger_does_not_learn_what_is_there(path: str) -> None:
    async with http_client(APP, {}) as client:
        assert (await status(client, "GET", path))[0] == 401


@pytest.mark.parametrize("route", HTTP, ids=path_of)
async def test_an_agent_may_ask_nothing_over_http(route: Route) -> None:
    path = path_of(route)
    async with http_client(APP, access.agent_bearer("h1")) as client:
        for method in METHODS:
            if (method, path) not in OPEN:
                assert (await status(client, method, path))[0] == 403


async def handshake(path: str, headers: dict[str, str]) -> list[Message]:
    """What a websocket's handshake is answered with."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    shown = {"host": "localhost", **headers}
    scope: Scope = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "ws",
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 80),
        "subprotocols": [],
        "headers": [(name.encode(), value.encode()) for name, value in shown.items()],
        "extensions": {"websocket.http.response": {}},
    }
    await APP(scope, receive, send)
    return sent


@pytest.mark.parametrize("path", [*map(path_of, SOCKETS), "/api/v1/nothing"])
@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer x"},
        {"authorization": f"Bearer hst_{'0' * 12}_{'A' * 43}"},
        {"authorization": "bearer"},
    ],
)
async def test_no_socket_opens_for_a_stranger(path: str, headers: dict[str, str]) -> None:
    sent = await handshake(path, headers)
    assert sent[0]["type"] == "websocket.http.response.start"
    assert sent[0]["status"] in (401, 403)
    assert not any(one["type"] == "websocket.accept" for one in sent)


@pytest.mark.parametrize("path", [*map(path_of, SOCKETS)])
async def test_a_page_without_a_session_gets_no_socket(path: str) -> None:
    (start, _) = await handshake(path, {"origin": "http://localhost"})
    assert start["status"] == (403 if path == AGENT_PATH else 401)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (AGENT_PATH, access.bearer()),
        ("/api/v1/viewer", access.agent_bearer("h1")),
    ],
)
async def test_each_socket_is_for_its_own(path: str, headers: dict[str, str]) -> None:
    shown = {name.lower(): value for name, value in headers.items()}
    (start, body) = await handshake(path, shown)
    assert start["status"] == 403
    assert b'"code":"wrong_role"' in body["body"]
