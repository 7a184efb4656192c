"""Connections as uvicorn serves them, with bounds on what a peer can hold open or make it keep.

uvicorn waits without end for the head of a request, reads without end what is left of the body of
one that was answered, writes a line of the log for each request that is none, and answers pings of
a websocket whether or not the peer reads the answers. Here a connection without a request in work
ends `REQUEST_S` after it came or after its last answer, whatever trickles in (a long answer goes on
while its peer takes any of it); and of a websocket whose peer does not read no more is read than
has come.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

import h11
from starlette.datastructures import MutableHeaders
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from hugescope_server.delivery import delivery
from hugescope_server.fewlines import FewLines
from hugescope_server.guard import add_page_headers
from hugescope_server.settings import ServerSettings
from hugescope_wire.messages import AGENT_PATH

REQUEST_S: Final = 10.0
"""For a request's head to come, the first of a connection or a later one."""

READ_BYTES: Final = 1 << 14
"""Room for what is read at once. asyncio asks for 256 KiB each time and keeps the little that came
where all of it had its place: with hundreds of messages a second the heap gets holes.
"""


class RequestInTime(H11Protocol):
    """HTTP in which a peer that sends no whole request is cut off.

    It is h11 also where uvicorn would find a faster parser: that one has no bound on headers.
    """

    request_s = REQUEST_S

    _deadline: asyncio.TimerHandle | None = None
    _taken_bytes = 0
    _upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        if hasattr(transport, "max_size"):
            transport.max_size = READ_BYTES
        super().connection_made(transport)
        self._wait_or_work()

    def data_received(self, data: bytes) -> None:
        """Go on waiting, or stop with a request that came."""
        super().data_received(data)
        self._wait_or_work()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for what is left of this one."""
        super().on_response_complete()
        self._wait_or_work()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        super().connection_lost(exc)
        self._stop_waiting()

    def timeout_keep_alive_handler(self) -> None:
        """Close it, but not while an answer is on its way: with TLS what is left would be cut half
        a minute later, however steadily it is taken.
        """
        if delivery(self.transport).left:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        else:
            super().timeout_keep_alive_handler()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Leave the connection to the websocket."""
        self._upgraded = True
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, with the headers of every answer."""
        headers = MutableHeaders({"Content-Type": "text/plain; charset=utf-8"})
        headers["Connection"] = "close"
        add_page_headers(headers, None)
        answer: tuple[h11.Event, ...] = (
            h11.Response(status_code=400, headers=headers.raw, reason=b"Bad Request"),
            h11.Data(data=msg.encode("ascii")),
            h11.EndOfMessage(),
        )
        self.transport.write(b"".join(self.conn.send(event) or b"" for event in answer))
        self.transport.close()

    def _wait_or_work(self) -> None:
        works = self.cycle is not None and not self.cycle.response_complete
        if works or self._upgraded or self.transport.is_closing():
            self._stop_waiting()
        elif self._deadline is None:
            self._wait()

    def _wait(self) -> None:
        self._taken_bytes = delivery(self.transport).taken
        self._deadline = self.loop.call_later(self.request_s, self._wait_or_cut)

    def _wait_or_cut(self) -> None:
        """On a slow link the last answer may take long: it is not cut while any of it is taken."""
        taken, left = delivery(self.transport)
        if left and taken > self._taken_bytes:
            self._wait()
        else:
            self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def websocket_protocol(settings: ServerSettings) -> type[WebSocketsSansIOProtocol]:
    """uvicorn has one limit for all websockets: the viewers' small one, raised for agents here."""

    class Websocket(WebSocketsSansIOProtocol):
        def handle_connect(self, event: Request) -> None:
            if event.path.partition("?")[0] == AGENT_PATH:
                self.conn.max_message_size = settings.max_agent_message_bytes
            super().handle_connect(event)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if not self.writable.is_set() and not self.transport.is_closing():
                # Else each ping that comes leaves a pong in memory.
                self.transport.pause_reading()

        def resume_writing(self) -> None:
            super().resume_writing()
            if not self.read_paused and not self.transport.is_closing():
                self.transport.resume_reading()

        async def send(self, message: ASGISendEvent) -> None:
            await super().send(message)
            if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
                # The handshake was answered, with a refusal; uvicorn would log that it was not.
                self.handshake_complete = True

    return Websocket


class FewWarnings(logging.Filter):
    """Lets so many warnings of uvicorn's through that a stranger does not fill the log, and has
    the next one say how many there were besides.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._few = FewLines(clock)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is written."""
        if record.levelno != logging.WARNING:
            return True
        more = self._few.more()
        if more:
            record.msg, record.args = f"{record.getMessage()}{more}", None
        return more is not None
