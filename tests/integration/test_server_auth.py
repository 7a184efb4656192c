"""A real server and who may come in: sockets that end, TLS, restarts, and what the logs hold."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as connect_blocking

from hugescope_agent.link import pinned
from hugescope_server.auth.principal import Role
from hugescope_server.auth.secret import SECRET_PATTERN
from hugescope_server.auth.state_dir import StateError
from hugescope_server.auth.store import TokenStore
from hugescope_server.errors import CannotListen
from hugescope_server.run import HugescopeServer
from hugescope_server.settings import ServerSettings
from hugescope_wire.messages import AGENT_PATH, TO_AGENT, VIEWER_PATH, AgentWelcome, Refusal, parse
from tests import access
from tests.integration.live_server import PATIENCE_S, close_code, live_server, socket_to
from tests.integration.made_certificate import made_certificate
from tests.kernel.commands import free_port
from tests.unit.server.made_host import MadeHost, hello

DAY_S = 86_400.0


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    return TokenStore(tmp_path / "state")


@contextlib.contextmanager
def serving(store: TokenStore, **more: object) -> Iterator[str]:
    given = {"port": 0, "state_dir": store.directory, **more}
    settings = ServerSettings(**given)  # type: ignore[arg-type]
    with live_server(settings) as url:
        yield url


def shown(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def client_of(**more: Any) -> httpx.AsyncClient:
    """One that waits; by itself it would give up after five seconds."""
    return httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S, **more)


async def log_in(url: str, secret: str) -> httpx.Response:
    async with client_of() as client:
        return await client.post(f"{url}/api/v1/login", json={"secret": secret})


def page_of(url: str, answer: httpx.Response) -> dict[str, str]:
    """What a browser with this session sends when its page opens a socket."""
    (cookie,) = answer.cookies.items()
    return {"Origin": url, "Cookie": "=".join(cookie)}


async def refused(url: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as caught:
        async with socket_to(url, path, additional_headers=headers):
            pass
    found = re.search(rb'"code":"(\w+)"', caught.value.response.body or b"")
    assert found is not None
    return caught.value.response.status_code, found[1].decode()


@pytest.mark.parametrize("path", [AGENT_PATH, VIEWER_PATH])
async def test_a_stranger_is_refused_in_the_handshake(store: TokenStore, path: str) -> None:
    revoked, made = store.create(Role.AGENT, "h1")
    store.revoke(made.id)
    with serving(store) as url:
        for headers in (shown("x"), shown(revoked), shown(access.token())):
            assert await refused(url, path, headers) == (401, "not_logged_in")


async def test_an_agent_for_another_host_is_refused(
    store: TokenStore, caplog: pytest.LogCaptureFixture
) -> None:
    token, made = store.create(Role.AGENT, "h1")
    with serving(store) as url:
        async with socket_to(url, AGENT_PATH, additional_headers=shown(token)) as agent:
            await agent.send(hello("h2", "e").model_dump_json())
            answer = parse(TO_AGENT, await asyncio.wait_for(agent.recv(), PATIENCE_S))
            assert isinstance(answer, Refusal)
            assert answer.code == "wrong_host"
            assert await close_code(agent) == 1008
        async with client_of(headers=shown(access.token())) as client:
            assert (await client.get(f"{url}/api/v1/hosts")).status_code == 401
    assert f"host h2: refused (wrong_host): token {made.id} is for host h1" in caplog.text
    assert token not in caplog.text


async def test_what_is_revoked_loses_its_sockets_and_nobody_else_does(store: TokenStore) -> None:
    agents, agent_record = store.create(Role.AGENT, "h1")
    viewers, viewer_record = store.create(Role.OPERATOR)
    others, _ = store.create(Role.OPERATOR)
    with serving(store) as url:
        page = page_of(url, await log_in(url, viewers))
        async with (
            socket_to(url, AGENT_PATH, additional_headers=shown(agents)) as agent,
            socket_to(url, VIEWER_PATH, additional_headers=shown(viewers)) as program,
            socket_to(url, VIEWER_PATH, additional_headers=page) as browser,
            socket_to(url, VIEWER_PATH, additional_headers=shown(others)) as other,
        ):
            await agent.send(hello("h1", "e").model_dump_json())
            welcome = parse(TO_AGENT, await asyncio.wait_for(agent.recv(), PATIENCE_S))
            assert isinstance(welcome, AgentWelcome)
            await agent.send(MadeHost(random.Random(1), epoch="e").full())
            # As the command line does it, in a process of its own.
            elsewhere = TokenStore(store.directory)
            elsewhere.revoke(agent_record.id)
            assert await close_code(agent) == 1008
            elsewhere.revoke(viewer_record.id)
            assert await close_code(program) == 1008
            assert await close_code(browser) == 1008
            assert browser.close_reason == "session_ended"
            for _ in range(3):
                await asyncio.wait_for(other.recv(), PATIENCE_S)
        assert await refused(url, AGENT_PATH, shown(agents)) == (401, "not_logged_in")
        assert await refused(url, VIEWER_PATH, page) == (401, "not_logged_in")


async def test_who_logs_out_loses_the_socket(store: TokenStore) -> None:
    with serving(store) as url:
        answer = await log_in(url, store.new_code(Role.OPERATOR))
        page = page_of(url, answer)
        async with socket_to(url, VIEWER_PATH, additional_headers=page) as browser:
            async with client_of(headers=page) as client:
                assert (await client.post(f"{url}/api/v1/logout")).status_code == 204
            assert await close_code(browser) == 1008


async def test_a_session_outlives_the_server_and_a_one_time_url_does_not(store: TokenStore) -> None:
    code = store.new_code(Role.OPERATOR)
    port = free_port()
    with serving(store, port=port) as url:
        answer = await log_in(url, code)
        assert answer.status_code == 200
    with serving(store, port=port) as url:
        assert (await log_in(url, code)).status_code == 401
        page = page_of(url, answer)
        async with socket_to(url, VIEWER_PATH, additional_headers=page) as browser:
            assert b"welcome" in await asyncio.wait_for(browser.recv(decode=False), PATIENCE_S)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
async def test_a_session_is_of_no_use_to_a_foreign_page(store: TokenStore, origin: str) -> None:
    with serving(store) as url:
        page = page_of(url, await log_in(url, store.new_code(Role.OPERATOR)))
        foreign = page | {"Origin": origin}
        assert await refused(url, VIEWER_PATH, foreign) == (403, "origin_not_allowed")
        without = {"Cookie": page["Cookie"]}
        assert await refused(url, VIEWER_PATH, without) == (403, "origin_required")
        async with client_of(headers=foreign) as client:
            for method, path in (("GET", "hosts"), ("POST", "logout"), ("POST", "login")):
                answer = await client.request(method, f"{url}/api/v1/{path}")
                assert answer.json()["code"] == "origin_not_allowed"
            rebound = {**page, "Host": "rebound.example"}
            answer = await client.get(f"{url}/api/v1/hosts", headers=rebound)
            assert answer.json()["code"] == "host_not_allowed"
            embedded = {"Cookie": page["Cookie"], "Sec-Fetch-Site": "cross-site"}
        async with client_of(headers=embedded) as client:
            answer = await client.get(f"{url}/api/v1/hosts", headers={"Sec-Fetch-Mode": "no-cors"})
            assert answer.json()["code"] == "origin_not_allowed"


async def test_a_slow_login_does_not_stay(store: TokenStore) -> None:
    with serving(store) as url:
        host, _, port = url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"POST /api/v1/login HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 50\r\n\r\n"
            "{".encode()
        )
        answer = await asyncio.wait_for(reader.readline(), PATIENCE_S)
        assert b" 422 " in answer
        writer.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key."""
    return made_certificate(tmp_path_factory.mktemp("tls"))


async def test_tls(store: TokenStore, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    token, _ = store.create(Role.AGENT, "h1")
    with serving(store, tls_cert=cert, tls_key=key) as url:
        assert url.startswith("https://")
        pin = pinned(cert.read_text())
        async with client_of(verify=pin) as browser:
            assert (await browser.get(f"{url}/api/v1/health")).json() == {"status": "ok"}
            secret = {"secret": store.new_code(Role.VIEWER)}
            answer = await browser.post(f"{url}/api/v1/login", json=secret)
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-hugescope-")
            assert "Secure" in cookie
        agents = url.replace("https", "wss", 1) + AGENT_PATH
        more = {
            "additional_headers": shown(token),
            "proxy": None,
            "open_timeout": PATIENCE_S,
        }
        async with connect(agents, ssl=pin, **more) as agent:  # type: ignore[arg-type]
            await agent.send(hello("h1", "e").model_dump_json())
            answer_ = parse(TO_AGENT, await asyncio.wait_for(agent.recv(), PATIENCE_S))
            assert isinstance(answer_, AgentWelcome)
        with pytest.raises(ssl.SSLCertVerificationError):
            async with connect(agents, **more):  # type: ignore[arg-type]
                pass
        plain = url.replace("https", "http", 1)
        with pytest.raises(httpx.HTTPError):
            await log_in(plain, "x")


def test_another_certificate_is_not_believed(
    store: TokenStore, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, key = certificate
    other, _ = made_certificate(tmp_path)
    with serving(store, tls_cert=cert, tls_key=key) as url:
        agents = url.replace("https", "wss", 1) + AGENT_PATH
        with (
            pytest.raises(ssl.SSLCertVerificationError),
            connect_blocking(
                agents, ssl=pinned(other.read_text()), proxy=None, open_timeout=PATIENCE_S
            ),
        ):
            pass


def test_what_cannot_be_used_is_said_before_anything_listens(
    store: TokenStore, certificate: tuple[Path, Path]
) -> None:
    cert, key = certificate
    for one, other in ((cert, cert), (key, key), (cert, Path("/nowhere/key.pem"))):
        settings = ServerSettings(port=0, state_dir=store.directory, tls_cert=one, tls_key=other)
        with pytest.raises(CannotListen, match=str(one)):
            HugescopeServer(settings)
    (store.directory / "tokens.json").write_text("{")
    with pytest.raises(StateError, match=r"tokens\.json: is damaged"):
        HugescopeServer(ServerSettings(port=0, state_dir=store.directory))


async def test_no_log_holds_a_secret(store: TokenStore, caplog: pytest.LogCaptureFixture) -> None:
    """All that a server says, at its most talkative, while everything about tokens happens."""
    caplog.set_level(logging.DEBUG)
    # Clients run in this process too, and would log what they send themselves.
    for name in ("httpx", "httpcore"):
        caplog.set_level(logging.WARNING, name)
    caplog.set_level(logging.INFO, "websockets")
    token, made = store.create(Role.AGENT, "h1")
    viewers, _ = store.create(Role.OPERATOR)
    code = store.new_code(Role.OPERATOR)
    with serving(store) as url:
        answer = await log_in(url, code)
        page = page_of(url, answer)
        await log_in(url, code)
        await log_in(url, viewers[:-1])
        async with socket_to(url, VIEWER_PATH, additional_headers=page):
            await refused(url, f"{AGENT_PATH}?token={token}", shown(token[:-1]))
            await refused(url, f"{VIEWER_PATH}?token={viewers}", page | {"Origin": "null"})
        async with socket_to(url, AGENT_PATH, additional_headers=shown(token)) as agent:
            await agent.send(hello("h2", "e").model_dump_json())
            assert await close_code(agent) == 1008
        async with client_of() as client:
            await client.get(f"{url}/api/v1/hosts?token={viewers}")
            await client.get(f"{url}/?code={code}")
    said = caplog.text
    for line in ("session", "was refused", "not_logged_in", "origin_not_allowed", "wrong_host"):
        assert line in said
    cookie = page["Cookie"].partition("=")[2]
    for secret in (token, viewers, code, cookie, *cookie.split("."), viewers[:-1], token[:-1]):
        assert secret not in said
    assert SECRET_PATTERN.search(said) is None
    assert made.id in said
