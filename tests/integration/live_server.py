"""A real server on a free port, and real websocket clients for it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from hugescope_server.run import HugescopeServer
from hugescope_server.settings import ServerSettings
from hugescope_server.timeline.shelf import FileShelf
from hugescope_wire.messages import AGENT_PATH, TO_AGENT, VIEWER_PATH, AgentWelcome, Refusal, parse
from hugescope_wire.view import View
from tests import access
from tests.unit.server.made_host import MadeHost, hello
from tests.unit.server.made_viewer import MadeViewer

PATIENCE_S = 60.0
"""Far beyond what anything here takes: it only ends a test that would hang."""


# An agent here sends when a test says so: its silence means nothing, however slow the machine.
UNHURRIED = ServerSettings(port=0, late_after_s=600, gone_after_s=600, agent_silence_s=600)


@contextlib.contextmanager
def live_server(
    settings: ServerSettings | None = None, shelf: FileShelf | None = None
) -> Iterator[str]:
    """Its URL, from when it accepts connections until the block ends; of recorded hosts only, where
    there is a shelf of them.
    """
    ready = threading.Event()
    server = HugescopeServer(settings or UNHURRIED, lambda _url: ready.set(), shelf)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert ready.wait(PATIENCE_S)
        yield server.url
    finally:
        server.stop()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


async def until(true: Callable[[], bool], what: str) -> None:
    """Wait until `true()`."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            # What is awaited is mostly the state of another thread, which sets no event of ours.
            while not true():  # noqa: ASYNC110
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"never came: {what}") from None


async def close_code(socket: ClientConnection) -> int | None:
    """Read to the end; the code with which the server closed."""
    try:
        while True:
            await asyncio.wait_for(socket.recv(), PATIENCE_S)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else None


def socket_to(url: str, path: str, **more: Any) -> connect:
    """It shows an operator's token, or what `additional_headers` say."""
    more = {"additional_headers": access.bearer(), "open_timeout": PATIENCE_S, **more}
    return connect(
        url.replace("http", "ws", 1) + path, compression=None, max_size=None, proxy=None, **more
    )


def http_to(url: str) -> httpx.AsyncClient:
    """As an operator."""
    shown = access.bearer()
    return httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE_S, headers=shown)


class LiveAgent:
    """An agent's end of the link, without a kernel."""

    def __init__(self, socket: ClientConnection, host: MadeHost) -> None:
        self.socket = socket
        self.host = host

    async def send(self, frame: bytes) -> None:
        await self.socket.send(frame)

    async def refusal(self) -> Refusal:
        """What the server says before it closes."""
        message = await asyncio.wait_for(self.socket.recv(), PATIENCE_S)
        answer = parse(TO_AGENT, message)
        assert isinstance(answer, Refusal)
        with contextlib.suppress(ConnectionClosed):
            await asyncio.wait_for(self.socket.recv(), PATIENCE_S)
        assert self.socket.close_code is not None
        return answer

    def kill(self) -> None:
        """End as a killed process does: no closing handshake."""
        self.socket.transport.abort()


@contextlib.asynccontextmanager
async def agent(url: str, host: MadeHost, host_id: str = "h1") -> AsyncIterator[LiveAgent]:
    """An agent that was welcomed."""
    shown = access.agent_bearer(host_id)
    async with socket_to(url, AGENT_PATH, additional_headers=shown) as socket:
        await socket.send(hello(host_id, host.epoch).model_dump_json())
        welcome = parse(TO_AGENT, await asyncio.wait_for(socket.recv(), PATIENCE_S))
        assert isinstance(welcome, AgentWelcome)
        yield LiveAgent(socket, host)


class LiveViewer:
    """A browser's end: takes what comes in the background, and acks after `ack_after_s`."""

    def __init__(self, socket: ClientConnection, ack_after_s: float) -> None:
        self.socket = socket
        self.seen = MadeViewer()
        self.error: BaseException | None = None
        self._ack_after_s = ack_after_s

    async def run(self) -> None:
        try:
            async for message in self.socket:
                ack = self.seen.take(message)
                if ack is not None:
                    await asyncio.sleep(self._ack_after_s)
                    await self.socket.send(ack.model_dump_json())
        except ConnectionClosed:
            return
        except BaseException as error:
            self.error = error
            raise

    async def subscribe(
        self, mapping_id: int, host_id: str = "h1", view: View | None = None
    ) -> None:
        before = self.seen.subscriptions
        await self.wish(mapping_id, host_id, view)
        await self.until(
            lambda: self.seen.subscriptions > before and not self.seen.empty,
            f"cells of mapping {mapping_id}",
        )

    async def wish(self, mapping_id: int, host_id: str = "h1", view: View | None = None) -> None:
        """Ask for cells, and wait for nothing."""
        wish = self.seen.wish(host_id, mapping_id, view=view)
        await self.socket.send(wish.model_dump_json())

    async def until(self, true: Callable[[], bool], what: str) -> None:
        def settled() -> bool:
            if self.error is not None:
                raise self.error
            return true()

        await until(settled, what)

    async def sees_host(self, epoch: str, host_id: str = "h1") -> None:
        def shown() -> bool:
            overview = self.seen.overview
            return overview is not None and any(
                host.host_id == host_id and host.epoch == epoch for host in overview.hosts
            )

        await self.until(shown, f"{host_id} in epoch {epoch}")

    def link(self, host_id: str = "h1") -> str | None:
        assert self.seen.overview is not None
        return next((h.link for h in self.seen.overview.hosts if h.host_id == host_id), None)


@contextlib.asynccontextmanager
async def viewer(url: str, ack_after_s: float = 0.0) -> AsyncIterator[LiveViewer]:
    """A viewer that was welcomed."""
    async with socket_to(url, VIEWER_PATH) as socket:
        made = LiveViewer(socket, ack_after_s)
        task = asyncio.create_task(made.run())
        try:
            await made.until(lambda: made.seen.overview is not None, "the first overview")
            yield made
        finally:
            task.cancel()
            await asyncio.wait((task,))
