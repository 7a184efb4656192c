"""Viewers that stop reading: they hold back no other viewer, and not the server's end either."""

import asyncio
import contextlib
import logging
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from hugescope_server import run
from hugescope_server.settings import ServerSettings
from hugescope_wire.messages import AGENT_PATH, VIEWER_PATH, Ack, Subscribe
from tests import access
from tests.integration.live_server import (
    PATIENCE_S,
    LiveAgent,
    LiveViewer,
    agent,
    live_server,
    socket_to,
    until,
    viewer,
)
from tests.unit.server.made_host import MadeHost, hello
from tests.unit.server.made_viewer import same

CELLS = 120_000
"""A few frames of them are more than the kernel's socket buffers take."""

HALF_A_MESSAGE = b"\x82\xfe\xff\xff" + b"mask" + b"half"
"""A masked binary message of 64 KiB of which four bytes come."""

SERVE = """
import logging
from hugescope_server import run
from hugescope_server.run import serve
from hugescope_server.settings import ServerSettings
# Not for the kernel to end: after ten seconds it would give a stalled peer up by itself.
run.PEER_TIMEOUT_MS = 3_600_000
logging.basicConfig(level=logging.WARNING)
print("ended by", serve(ServerSettings(port=0), lambda url: print(url, flush=True)))
"""


@contextlib.asynccontextmanager
async def stalled_viewer(url: str, epoch: str) -> AsyncIterator[ClientConnection]:
    """One that asks for cells and reads nothing."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    host, _, port = url.removeprefix("http://").rpartition(":")
    await asyncio.get_running_loop().sock_connect(raw, (host, int(port)))
    async with socket_to(url, VIEWER_PATH, sock=raw, ping_interval=None, max_queue=1) as stalled:
        stalled.transport.pause_reading()
        await stalled.send(Subscribe(host_id="h1", mapping_id=1, epoch=epoch).model_dump_json())
        yield stalled
        stalled.transport.abort()


@contextlib.asynccontextmanager
async def stalled_agent(url: str, host_id: str) -> AsyncIterator[ClientConnection]:
    """One that reads nothing, and stops in the middle of a frame."""
    host = MadeHost(random.Random(2))
    host.add(7, 100)
    shown = access.agent_bearer(host_id)
    more = {"additional_headers": shown, "ping_interval": None, "max_queue": 1}
    async with socket_to(url, AGENT_PATH, **more) as stalled:
        stalled.transport.pause_reading()
        await stalled.send(hello(host_id, host.epoch).model_dump_json())
        await stalled.send(host.full())
        stalled.transport.write(HALF_A_MESSAGE)
        yield stalled
        stalled.transport.abort()


def big_host() -> MadeHost:
    host = MadeHost(random.Random(1))
    host.add(7, CELLS)
    return host


async def sees(browser: LiveViewer, host: MadeHost) -> None:
    await browser.until(lambda: same(browser.seen.cells, host.cells[1]), "the present cells")


async def keep_sending(
    link: LiveAgent, stalled: tuple[ClientConnection, ...], enough: Callable[[int], bool]
) -> None:
    """Change cells, which the stalled viewers ack unread, until `enough` of so many times."""
    # The sockets' buffers fill first, with frames that all take their time: 20 s beside other work.
    async with asyncio.timeout(5 * PATIENCE_S):
        for seq in count(1):
            await link.send(link.host.change_cells(1, list(range(0, CELLS, 5))))
            with contextlib.suppress(ConnectionClosed):
                for viewer_socket in stalled:
                    await viewer_socket.send(Ack(seq=seq).model_dump_json())
            await asyncio.sleep(0.05)
            if enough(seq):
                return


async def test_stalled_viewers_hold_back_nobody_and_are_dropped(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not for the kernel to drop: after ten seconds it would, and nothing would be said of them.
    monkeypatch.setattr(run, "PEER_TIMEOUT_MS", 3_600_000)
    caplog.set_level(logging.INFO, "hugescope_server")

    def both_dropped(_times: int) -> bool:
        return caplog.text.count("took nothing") == 2

    host = big_host()
    settings = ServerSettings(port=0, send_deadline_s=10.0)
    with live_server(settings) as url:
        async with agent(url, host) as link, viewer(url) as browser:
            await link.send(host.full())
            await browser.sees_host(host.epoch)
            await browser.subscribe(1)
            async with (
                stalled_viewer(url, host.epoch) as one,
                stalled_viewer(url, host.epoch) as other,
            ):
                await keep_sending(link, (one, other), both_dropped)
                await sees(browser, host)
            await link.send(host.change_cells(1, [1]))
            await sees(browser, host)


@contextlib.contextmanager
def server_process() -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [sys.executable, "-c", SERVE],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


async def test_sigterm_ends_the_server_with_stalled_viewers_and_agents() -> None:
    host = big_host()
    with server_process() as (process, url):
        async with agent(url, host) as link, viewer(url) as browser:
            await link.send(host.full())
            await browser.sees_host(host.epoch)
            async with (
                stalled_viewer(url, host.epoch) as stalled,
                stalled_agent(url, "h2"),
                stalled_agent(url, "h3"),
            ):
                await browser.subscribe(1)
                await browser.until(lambda: browser.link("h3") is not None, "the stalled agents")
                await keep_sending(link, (stalled,), lambda times: times == 40)
                process.send_signal(signal.SIGTERM)
                await asyncio.to_thread(process.wait, PATIENCE_S)
        assert process.stdout is not None
        output = process.stdout.read()
        assert process.returncode == 0, output
        assert "ended by 15" in output
        assert "Traceback" not in output
        assert "running task" not in output, "routes end by themselves"


async def test_sigint_without_clients() -> None:
    with server_process() as (process, _url):
        process.send_signal(signal.SIGINT)
        await asyncio.to_thread(process.wait, PATIENCE_S)
        assert process.stdout is not None
        assert "ended by 2" in process.stdout.read()


async def test_killed_viewers_leave_no_listeners_behind() -> None:
    host = big_host()
    with live_server() as url:
        async with agent(url, host) as link, viewer(url) as stays:
            await link.send(host.full())
            await stays.sees_host(host.epoch)
            for _ in range(5):
                async with viewer(url) as browser:
                    await browser.subscribe(1)
                    browser.socket.transport.abort()
            before = stays.seen.overviews
            await link.send(host.change_cells(1, [2]))
            await until(lambda: stays.seen.overviews > before, "an overview")
