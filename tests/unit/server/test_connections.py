"""What a peer can hold open or make the server keep, without a network."""

import asyncio
import logging
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from hugescope_server.connections import (
    READ_BYTES,
    FewWarnings,
    RequestInTime,
    websocket_protocol,
)
from hugescope_server.settings import ServerSettings

HEAD = b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n"
UPGRADE = (
    b"GET /api/v1/viewer HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PING = b"\x89\x80\x00\x00\x00\x00"


class MadeTransport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.reading = True
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_write_buffer_size(self) -> int:
        return 0

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        return default


async def never_answers(_scope: Any, _receive: Any, _send: Any) -> None:
    raise AssertionError("no request is served here")


def config() -> uvicorn.Config:
    made = uvicorn.Config(
        never_answers,
        http=RequestInTime,
        ws=websocket_protocol(ServerSettings()),
        log_config=None,
    )
    made.load()
    return made


def connection() -> tuple[RequestInTime, MadeTransport]:
    protocol, transport = RequestInTime(config(), ServerState(), {}), MadeTransport()
    protocol.connection_made(transport)  # type: ignore[arg-type]
    return protocol, transport


def deadline(protocol: RequestInTime) -> Any:
    return protocol._deadline


async def test_a_connection_has_a_deadline_that_what_trickles_in_does_not_move() -> None:
    protocol, _ = connection()
    first = deadline(protocol)
    assert first is not None
    for piece in (HEAD[:5], HEAD[5:], b"X-A: b\r\n"):
        protocol.data_received(piece)
        assert deadline(protocol) is first
    protocol.connection_lost(None)
    assert deadline(protocol) is None
    assert first.cancelled()


async def test_little_room_is_made_for_what_is_read() -> None:
    """In asyncio's own transport."""
    loop = asyncio.get_running_loop()
    came: asyncio.Future[Any] = loop.create_future()

    class Told(RequestInTime):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            came.set_result(transport)

    server = await loop.create_server(lambda: Told(config(), ServerState(), {}), "127.0.0.1", 0)
    async with server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        transport = await came
        assert transport.max_size == READ_BYTES
        transport.abort()
        writer.close()


async def test_a_websocket_is_left_to_its_own_rules() -> None:
    protocol, transport = connection()
    first = deadline(protocol)
    protocol.data_received(UPGRADE)
    assert first.cancelled()
    assert deadline(protocol) is None
    transport.protocol.connection_lost(None)


async def test_what_is_no_request_is_refused_with_the_headers_of_every_answer() -> None:
    protocol, transport = connection()
    protocol.data_received(b"\x16\x03\x01\r\n\r\n")
    head, _, body = transport.written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-security-policy: default-src 'self'" in head
    assert b"x-content-type-options: nosniff" in head
    assert body
    assert transport.closed
    assert deadline(protocol) is None


async def test_no_more_is_read_of_a_websocket_whose_peer_does_not_read() -> None:
    protocol, transport = connection()
    protocol.data_received(UPGRADE)
    socket = transport.protocol
    await socket.send({"type": "websocket.accept"})
    before = len(transport.written)
    socket.data_received(PING)
    assert transport.reading
    assert len(transport.written) > before
    socket.pause_writing()
    socket.data_received(PING)
    assert not transport.reading
    socket.resume_writing()
    assert transport.reading
    socket.connection_lost(None)


def test_a_stranger_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    few = FewWarnings(lambda: now)
    log = logging.getLogger("made.up")
    log.addFilter(few)
    for _ in range(1000):
        log.warning("no request, %d%%", 100)
    assert len(caplog.records) == 20
    log.error("this is always said")
    now += 1.0
    log.warning("no request, %d%%", 100)
    assert len(caplog.records) == 22
    assert caplog.records[-1].getMessage() == "no request, 100% (and 980 more)"
    now += 1.0
    log.warning("no request")
    assert caplog.records[-1].getMessage() == "no request"
