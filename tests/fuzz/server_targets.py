"""Targets: headers, cookies, the token file, and what people type."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Receive, Scope, Send

from hugescope.commands.page import _address
from hugescope.durations import seconds_of
from hugescope.errors import CommandError
from hugescope_agent.workloads.sizes import parse_size_bytes, size_text
from hugescope_server.auth import secret, session
from hugescope_server.auth.access import Access, Place
from hugescope_server.auth.principal import Role
from hugescope_server.auth.records import TokenRecord, session_of
from hugescope_server.auth.state_dir import StateError
from hugescope_server.auth.store import TOKENS_FILE, TokenStore
from hugescope_server.guard import Guard, add_page_headers
from hugescope_server.routes.hosts import _accepts_gzip
from hugescope_server.settings import ServerSettings, is_loopback
from hugescope_wire.messages import AGENT_PATH, VIEWER_PATH
from tests.fuzz.registry import Target, of_text

_SERVER: Final = "hugescope_server"
_NOW: Final = 1_800_000_000.0
_KEY: Final = b"k" * 32


async def _nothing(_scope: Scope, _receive: Receive, _send: Send) -> None: ...


@cache
def _guards() -> tuple[Guard, Guard]:
    wide = ServerSettings(bind_host="0.0.0.0", behind_proxy=True)
    return Guard(_nothing, ServerSettings()), Guard(_nothing, wide)


@cache
def _store() -> TokenStore:
    place = Path(tempfile.mkdtemp(prefix="hugescope-fuzz-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return TokenStore(place, lambda: _NOW)


@cache
def _session() -> TokenRecord:
    return session_of(Role.VIEWER, "", _NOW, _NOW + 60, None)


def _headers(data: bytes) -> None:
    """A line a header, name and value; what gets in has this server's own name and origin."""
    lines = (line.partition(b": ") for line in data.split(b"\n"))
    raw = [(name.lower(), value) for name, _, value in lines]
    headers = Headers(raw=raw)
    for guard in _guards():
        for kind, path in (("http", "/"), ("websocket", VIEWER_PATH), ("websocket", AGENT_PATH)):
            scope: Scope = {"type": kind, "path": path, "headers": raw}
            if guard.denial(scope, headers) is None:
                host = headers["host"]
                assert host.isascii()
                assert host.isprintable()
                assert headers.get("origin", f"http://{host}").lower().endswith(host.lower())
                add_page_headers(MutableHeaders(), host)
    session.cookie_name(headers.get("host", ""), secure=False)
    assert Access(_store(), 60.0).principal(headers, Place("localhost", False)) is None
    _accepts_gzip(headers.get("accept-encoding", ""))


def _cookie(data: bytes) -> None:
    value = data.decode("latin-1")
    good = session.sign(_session(), _KEY)
    assert session.read(value, _KEY, _NOW) is None or value == good


def _secret(text: str) -> None:
    found = secret.parse(text.strip())
    assert found is None or found.hash == secret.hash_of(text.strip())
    assert Access(_store(), 60.0).enter(text) is None


def _token_file(data: bytes) -> None:
    store = _store()
    file = store.directory / TOKENS_FILE
    try:
        file.write_bytes(data)
        for record in TokenStore(store.directory, store.clock).tokens():
            assert (record.role is Role.AGENT) == (record.host_id is not None)
    finally:
        file.unlink()


def _typed(text: str) -> None:
    """Durations, sizes and addresses, as arguments have them."""
    for read, refused in (
        (lambda: seconds_of("--for", text), CommandError),
        (lambda: _address(text), CommandError),
        (lambda: size_text(parse_size_bytes(text)), ValueError),
    ):
        try:
            read()
        except refused:
            continue
    is_loopback(text)


def _token_files() -> list[bytes]:
    with tempfile.TemporaryDirectory() as place:
        store = TokenStore(Path(place) / "state", lambda: _NOW)
        _, parent = store.create(Role.VIEWER, None, "of a test")
        store.create(Role.AGENT, "h1", "", 60.0)
        store.open_session(parent, 60.0)
        store.new_code(Role.ADMIN)
        return [(store.directory / TOKENS_FILE).read_bytes(), b"{}"]


_HEADERS: Final = (
    b"host: localhost:8765\norigin: http://localhost:8765\ncookie: hugescope-80=e30.AAAA",
    b"host: [::1]:1\nauthorization: Bearer hst_000000000000_" + b"A" * 43,
    b"host: 10.0.0.7\nsec-fetch-site: cross-site\naccept-encoding: gzip;q=0.5, br",
)
_TYPED: Final = (b"30s", b"1.5h", b"512M", b"2 MiB", b"7f0000200000", b"0x7f", b"127.0.0.1")

TARGETS: Final = (
    Target(
        "headers",
        _headers,
        lambda: _HEADERS,
        (
            f"{_SERVER}.guard.Guard.denial",
            f"{_SERVER}.guard.add_page_headers",
            f"{_SERVER}.auth.session.cookie_name",
            f"{_SERVER}.auth.access.Access.principal",
            f"{_SERVER}.routes.hosts._accepts_gzip",
        ),
    ),
    Target(
        "cookie",
        _cookie,
        lambda: [session.sign(_session(), _KEY).encode(), b"e30.AAAA"],
        (f"{_SERVER}.auth.session.read", f"{_SERVER}.auth.session.sign"),
    ),
    Target(
        "secret",
        of_text(_secret),
        lambda: [b"hst_000000000000_" + b"A" * 43, b"hsc_0123456789ab_" + b"-_9" * 14 + b"x"],
        (
            f"{_SERVER}.auth.secret.parse",
            f"{_SERVER}.auth.secret.hash_of",
            f"{_SERVER}.auth.access.Access.enter",
            f"{_SERVER}.auth.store.TokenStore.find",
            f"{_SERVER}.auth.store.TokenStore.redeem",
        ),
    ),
    Target(
        "token-file",
        _token_file,
        _token_files,
        (f"{_SERVER}.auth.store.TokenStore.tokens",),
        (StateError,),
    ),
    Target(
        "typed",
        of_text(_typed),
        lambda: _TYPED,
        (
            "hugescope.durations.seconds_of",
            "hugescope.commands.page._address",
            "hugescope_agent.workloads.sizes.parse_size_bytes",
            f"{_SERVER}.settings.is_loopback",
        ),
    ),
)
