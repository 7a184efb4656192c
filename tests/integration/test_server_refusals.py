"""What a real server refuses, and that it goes on serving the others."""

import asyncio
import contextlib
import random

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hugescope_server.errors import PortInUse
from hugescope_server.run import serve
from hugescope_server.settings import ServerSettings
from hugescope_wire.frames import encode_range
from hugescope_wire.messages import AGENT_PATH, VIEWER_PATH, Refusal
from tests import access
from tests.integration.live_server import (
    PATIENCE_S,
    agent,
    close_code,
    live_server,
    socket_to,
    viewer,
)
from tests.unit.server.made_host import PAGE_SIZE, MadeHost, hello
from tests.unit.server.made_viewer import same


def made_host(*cell_counts: int) -> MadeHost:
    host = MadeHost(random.Random(1))
    for count in cell_counts:
        host.add(7, count)
    return host


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        (VIEWER_PATH, {"Origin": "https://evil.example"}, "origin_not_allowed"),
        (VIEWER_PATH, {"Origin": "null"}, "origin_not_allowed"),
        (VIEWER_PATH, {"Origin": "http://localhost:1"}, "origin_not_allowed"),
        (AGENT_PATH, {"Origin": "own"}, "origin_not_allowed"),
        (AGENT_PATH, {"Origin": "https://evil.example"}, "origin_not_allowed"),
    ],
)
async def test_foreign_origin(path: str, headers: dict[str, str], code: str) -> None:
    with live_server() as url:
        known = access.agent_bearer("h1") if path == AGENT_PATH else access.bearer()
        sent = {name: url if value == "own" else value for name, value in headers.items()} | known
        with pytest.raises(InvalidStatus) as caught:
            async with socket_to(url, path, additional_headers=sent):
                pass
        assert caught.value.response.status_code == 403
        assert f'"code":"{code}"'.encode() in caught.value.response.body
        page = {"Origin": url} | access.bearer()
        async with socket_to(url, VIEWER_PATH, additional_headers=page) as own:
            assert b"welcome" in (await own.recv(decode=False))


async def test_rebound_host_name() -> None:
    with live_server() as url:
        port = url.rpartition(":")[2]
        with pytest.raises(InvalidStatus) as caught:
            async with socket_to(f"http://rebound.example:{port}", VIEWER_PATH, host="127.0.0.1"):
                pass
        assert b"host_not_allowed" in caught.value.response.body


async def test_port_in_use() -> None:
    with live_server() as url, pytest.raises(PortInUse):
        serve(ServerSettings(port=int(url.rpartition(":")[2])))


async def test_sizes_differ_by_socket() -> None:
    settings = ServerSettings(port=0, max_agent_message_bytes=200_000)
    host = made_host(20_000)
    with live_server(settings) as url:
        async with viewer(url) as browser, agent(url, host) as link:
            frame = host.full()
            assert settings.max_viewer_message_bytes < len(frame) < 200_000
            await link.send(frame)
            await browser.sees_host(host.epoch)
            await link.send(bytes(200_001))
            assert await close_code(link.socket) == 1009
            async with socket_to(url, VIEWER_PATH) as loud:
                await loud.send("x" * (settings.max_viewer_message_bytes + 1))
                assert await close_code(loud) == 1009
            await browser.until(lambda: browser.link() == "gone", "an overview after all that")


async def test_bad_frame_is_refused_and_the_last_good_picture_stays() -> None:
    host = made_host(50)
    with live_server() as url:
        async with viewer(url) as browser, agent(url, host) as link:
            await link.send(host.full())
            await browser.sees_host(host.epoch)
            await browser.subscribe(1)
            foreign = encode_range(77, PAGE_SIZE, host.cells[1])
            await link.send(host.delta([foreign]))
            refusal = await link.refusal()
            assert refusal.code == "bad_block"
            assert "77" in refusal.message
            await browser.until(lambda: browser.link() == "gone", "the agent's end")
            assert same(browser.seen.cells, host.cells[1])
            async with agent(url, host) as again:
                host.change_cells(1, [3])
                await again.send(host.full())
                await browser.until(lambda: same(browser.seen.cells, host.cells[1]), "recovery")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{}", "bad_message"),
        (b"HSF1", "bad_message"),
        (hello(protocol=99).model_dump_json(), "unsupported_protocol"),
        (None, "no_hello"),
    ],
)
async def test_bad_hello(message: str | bytes | None, code: str) -> None:
    settings = ServerSettings(port=0, hello_deadline_s=PATIENCE_S if message else 0.05)
    with live_server(settings) as url:
        shown = access.agent_bearer("h1")
        async with socket_to(url, AGENT_PATH, additional_headers=shown) as socket:
            if message is not None:
                await socket.send(message)
            answer = await asyncio.wait_for(socket.recv(), PATIENCE_S)
            assert Refusal.model_validate_json(answer).code == code
            await asyncio.wait_for(socket.wait_closed(), PATIENCE_S)


@pytest.mark.parametrize("message", ["{", b"binary", '{"type":"ack","seq":"x"}'])
async def test_bad_message_of_a_viewer(message: str | bytes) -> None:
    with live_server() as url:
        async with viewer(url) as other, viewer(url) as bad:
            await bad.socket.send(message)
            await bad.until(lambda: bad.seen.refusal is not None, "the refusal")
            assert bad.seen.refusal is not None
            assert bad.seen.refusal.code == "bad_message"
            with contextlib.suppress(ConnectionClosed):
                await asyncio.wait_for(bad.socket.wait_closed(), PATIENCE_S)
            assert bad.socket.close_code == 1008
            before = other.seen.overviews
            await other.until(lambda: other.seen.overviews > before, "overviews for the other")


async def test_unknown_socket_is_refused() -> None:
    with live_server() as url:
        with pytest.raises(InvalidStatus) as caught:
            async with socket_to(url, "/api/v1/nothing"):
                pass
        assert caught.value.response.status_code in (403, 404)


async def test_a_viewer_that_never_rests_is_told_to_come_again_later() -> None:
    """Until then only the latest of what it asks for is answered, and others are served."""
    settings = ServerSettings(port=0, viewer_messages_hz=20)
    host = made_host(50)
    with live_server(settings) as url:
        async with agent(url, host) as link, viewer(url) as other:
            await link.send(host.full())
            await other.sees_host(host.epoch)
            async with socket_to(url, VIEWER_PATH) as hasty:
                with contextlib.suppress(ConnectionClosed):
                    for _ in range(5000):
                        await hasty.send('{"type":"unsubscribe"}')
                assert await close_code(hasty) == 1013
            await other.subscribe(1)
            assert same(other.seen.cells, host.cells[1])


async def test_a_viewer_that_sends_in_bursts_is_served() -> None:
    host = made_host(50, 60)
    with live_server() as url:
        async with agent(url, host) as link, viewer(url) as browser:
            await link.send(host.full())
            await browser.sees_host(host.epoch)
            for _ in range(100):
                await browser.wish(1)
            await browser.wish(2)
            await browser.until(lambda: same(browser.seen.cells, host.cells[2]), "the last wish")
