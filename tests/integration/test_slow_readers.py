"""Who reads a long answer slowly gets all of it; who reads nothing is cut.

A test makes the looks that a timer would make: how fast this machine is decides nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from hugescope_server.connections import RequestInTime
from hugescope_server.delivery import delivery
from tests.integration.live_server import PATIENCE_S, until
from tests.integration.made_certificate import made_certificate

BODY = bytes(range(256)) * (1 << 16)
STEP = 1 << 20
"""Far more than a client buffers, TLS included: who reads so much has the server send more."""

BUFFER = 1 << 15
"""Far less than the body, so that most of it waits in the server."""

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Unhurried(RequestInTime):
    """Looks when the test says so."""

    request_s = 3600.0

    def look(self) -> None:
        assert self._deadline is not None, "nobody waits for anything"
        self._deadline.cancel()
        self._wait_or_cut()

    @property
    def is_answered(self) -> bool:
        return self.cycle is not None and self.cycle.response_complete

    @property
    def taken_since(self) -> bool:
        return delivery(self.transport).taken > self._taken_bytes


async def one_message(_scope: Any, _receive: Any, send: Any) -> None:
    length = [(b"content-length", str(len(BODY)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": BODY})


@dataclass
class Ends:
    """Both ends of one connection, on which a long answer was given."""

    server: Unhurried
    reader: asyncio.StreamReader


@pytest.fixture(params=["plain", "tls"])
async def ends(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ends]:
    more: dict[str, Any] = {}
    theirs = None
    if request.param == "tls":
        theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        theirs.load_cert_chain(*made_certificate(tmp_path))
        ours = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        more = {"ssl": ours, "server_hostname": "box"}
    config = uvicorn.Config(one_message, http=Unhurried, log_config=None)
    config.load()
    made: list[Unhurried] = []

    def connection() -> Unhurried:
        made.append(Unhurried(config, ServerState(), {}))
        return made[-1]

    loop = asyncio.get_running_loop()
    listening, client = socket.socket(), socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    client.setblocking(False)
    listening.bind(("127.0.0.1", 0))
    server = await loop.create_server(connection, sock=listening, ssl=theirs)
    try:
        await loop.sock_connect(client, listening.getsockname())
        reader, writer = await asyncio.open_connection(sock=client, limit=BUFFER, **more)
        writer.write(REQUEST)
        await until(lambda: bool(made) and made[0].is_answered, "an answer")
        yield Ends(made[0], reader)
        made[0].transport.abort()
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
    finally:
        server.close()


async def test_who_reads_slowly_but_steadily_gets_all_of_it(ends: Ends) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await ends.reader.readuntil(b"\r\n\r\n")
        got = b""
        while len(got) < len(BODY) // 2:
            got += await ends.reader.readexactly(STEP)
            await until(lambda: ends.server.taken_since, "word that it was taken")
            ends.server.look()
            ends.server.timeout_keep_alive_handler()
            assert not ends.server.transport.is_closing()
        got += await ends.reader.readexactly(len(BODY) - len(got))
        assert got == BODY
        await until(lambda: delivery(ends.server.transport).left == 0, "word of the rest")
        ends.server.look()
        assert ends.server.transport.is_closing()


async def test_who_reads_nothing_is_cut(ends: Ends) -> None:
    def cut() -> bool:
        if not ends.server.transport.is_closing():
            ends.server.look()
        return ends.server.transport.is_closing()

    await until(cut, "the end of it")
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        assert len(await asyncio.wait_for(ends.reader.read(), PATIENCE_S)) < len(BODY)
