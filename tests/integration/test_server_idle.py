"""A stranger that sends no whole request keeps no connection of a real server."""

from __future__ import annotations

import asyncio

import pytest

from hugescope_server.connections import RequestInTime
from tests.integration.live_server import PATIENCE_S, live_server

HEAD = b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n"
LONG = b"Content-Length: 1000000000\r\n\r\n"


async def _trickle(writer: asyncio.StreamWriter, piece: bytes) -> None:
    while piece:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.01)


async def _answer_until_cut(url: str, begin: bytes, piece: bytes) -> bytes:
    """What came before the server ended the connection."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(begin)
    trickles = asyncio.create_task(_trickle(writer, piece))
    got = b""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while data := await reader.read(4096):
                got += data
    except ConnectionError:
        pass
    finally:
        trickles.cancel()
        await asyncio.wait((trickles,))
        if not trickles.cancelled():
            # It may have found out first that the connection was cut.
            assert isinstance(trickles.exception(), ConnectionError | None)
        writer.close()
    return got


@pytest.mark.parametrize(
    ("begin", "piece", "answer"),
    [
        pytest.param(b"", b"", b"", id="nothing"),
        pytest.param(HEAD, b"X-A: b\r\n", b"", id="a head without end"),
        pytest.param(HEAD + LONG, b"x", b"HTTP/1.1 413 ", id="a body that nobody wants"),
        pytest.param(HEAD + b"\r\nGE", b"", b"HTTP/1.1 200 ", id="half a second request"),
    ],
)
async def test_who_sends_no_whole_request_is_cut_off(
    begin: bytes, piece: bytes, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RequestInTime, "request_s", 0.3)
    with live_server() as url:
        assert (await _answer_until_cut(url, begin, piece)).startswith(answer)
