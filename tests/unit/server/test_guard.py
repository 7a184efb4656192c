import re

import pytest
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from hugescope_server.guard import Guard, add_page_headers
from hugescope_server.settings import ServerSettings
from hugescope_wire.messages import AGENT_PATH, VIEWER_PATH

LOCAL = ("127.0.0.1", 5000)
REMOTE = ("192.168.1.9", 5000)


async def nothing(_scope: Scope, _receive: Receive, _send: Send) -> None: ...


def verdict(
    headers: dict[str, str] | list[tuple[str, str]],
    path: str = "/",
    kind: str = "http",
    client: tuple[str, int] | None = LOCAL,
    settings: ServerSettings | None = None,
) -> str | None:
    pairs = list(headers.items()) if isinstance(headers, dict) else headers
    raw = [(name.encode(), value.encode()) for name, value in pairs]
    scope: Scope = {"type": kind, "path": path, "client": client, "headers": raw}
    denial = Guard(nothing, settings or ServerSettings()).denial(scope, Headers(raw=raw))
    return None if denial is None else denial.code


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8765", "LocalHost:1", "127.0.0.1:9000", "[::1]", "[::1]:8765"],
)
def test_own_names(host: str) -> None:
    assert verdict({"host": host}) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8765",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "localhost:x",
        "localhost:123456",
        "localhost;script-src *",
        "local host",
        "user@localhost",
        "[::1",
    ],
)
def test_other_names(host: str) -> None:
    assert verdict({"host": host}) == "host_not_allowed"


def test_host_must_be_there_once() -> None:
    assert verdict({}) == "host_not_allowed"
    assert verdict([("host", "localhost"), ("host", "localhost")]) == "host_not_allowed"


def test_further_names_and_bind_address() -> None:
    named = ServerSettings(
        bind_host="192.168.1.4", behind_proxy=True, allowed_hosts=("server", "fe80::1")
    )
    for host in ("192.168.1.4:8765", "server:8765", "[fe80::1]:8765", "localhost"):
        assert verdict({"host": host}, settings=named) is None
    assert verdict({"host": "192.168.1.5"}, settings=named) == "host_not_allowed"


@pytest.mark.parametrize("bind_host", ["0.0.0.0", "::", "[::]"])
def test_every_address_takes_addresses_but_no_names(bind_host: str) -> None:
    wide = ServerSettings(bind_host=bind_host, behind_proxy=True)
    assert verdict({"host": "192.168.1.5:8765"}, settings=wide) is None
    assert verdict({"host": "[fe80::7]:8765"}, settings=wide) is None
    assert verdict({"host": "rebound.example:8765"}, settings=wide) == "host_not_allowed"


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ("http://localhost:8765", None),
        ("https://localhost:8765", None),
        ("HTTP://LOCALHOST:8765", None),
        ("http://localhost:3000", "origin_not_allowed"),
        ("http://localhost", "origin_not_allowed"),
        ("http://127.0.0.1:8765", "origin_not_allowed"),
        ("https://evil.example", "origin_not_allowed"),
        ("http://localhost:8765.evil.example", "origin_not_allowed"),
        ("ws://localhost:8765", "origin_not_allowed"),
        ("null", "origin_not_allowed"),
        ("", "origin_not_allowed"),
    ],
)
def test_origin(kind: str, origin: str, code: str | None) -> None:
    headers = {"host": "localhost:8765", "origin": origin}
    assert verdict(headers, VIEWER_PATH, kind) == code


def test_two_origins() -> None:
    same = ("origin", "http://localhost")
    headers = [("host", "localhost"), same, same]
    assert verdict(headers, VIEWER_PATH, "websocket") == "origin_not_allowed"


def test_agents_have_no_origin() -> None:
    headers = {"host": "localhost:8765"}
    assert verdict(headers, AGENT_PATH, "websocket", REMOTE) is None
    own = {**headers, "origin": "http://localhost:8765"}
    assert verdict(own, AGENT_PATH, "websocket") == "origin_not_allowed"


@pytest.mark.parametrize("client", [LOCAL, REMOTE, None])
def test_viewers_without_origin_show_a_token(client: tuple[str, int] | None) -> None:
    headers = {"host": "localhost"}
    assert verdict(headers, VIEWER_PATH, "websocket", client) == "origin_required"
    by_cookie = {**headers, "cookie": "hugescope-80=x"}
    assert verdict(by_cookie, VIEWER_PATH, "websocket", client) == "origin_required"
    by_token = {**headers, "authorization": "Bearer x"}
    assert verdict(by_token, VIEWER_PATH, "websocket", client) is None


@pytest.mark.parametrize(
    ("site", "mode", "code"),
    [
        ("same-origin", "cors", None),
        ("none", "navigate", None),
        ("cross-site", "navigate", None),
        ("cross-site", "no-cors", "origin_not_allowed"),
        ("same-site", "no-cors", "origin_not_allowed"),
    ],
)
def test_embedding_by_other_sites(site: str, mode: str, code: str | None) -> None:
    headers = {"host": "localhost", "sec-fetch-site": site, "sec-fetch-mode": mode}
    assert verdict(headers) == code


def test_page_headers() -> None:
    headers = MutableHeaders()
    add_page_headers(headers, "localhost:8765")
    policy = headers["content-security-policy"]
    assert "default-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "connect-src 'self' ws://localhost:8765 wss://localhost:8765;" in policy
    assert not re.search(r"script-src|unsafe-eval", policy)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("host", [b"localhost", b"rebound.example"])
@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_what_is_refused_has_the_headers_too(kind: str, host: bytes) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", host), (b"origin", b"http://evil.example")]
    scope: Scope = {"type": kind, "path": "/", "client": LOCAL, "headers": headers}
    scope["extensions"] = {"websocket.http.response": {}}
    await Guard(nothing, ServerSettings())(scope, receive, send)
    told = Headers(raw=sent[0]["headers"])
    assert sent[0]["status"] == 403
    assert told["x-content-type-options"] == "nosniff"
    assert "rebound.example" not in told["content-security-policy"]


async def test_refused_websocket_without_the_extension_is_closed() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "websocket", "path": "/", "client": LOCAL, "headers": []}
    await Guard(nothing, ServerSettings())(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "host_not_allowed"}]
