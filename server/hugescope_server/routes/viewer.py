"""The viewers' websocket: a thin shell around `mailbox.py`.

One task reads, one writes. The writer sends what the mailbox says is due and waits for the socket
to take it; meanwhile nothing piles up, for the mailbox makes messages only when asked. A viewer
that takes nothing for `send_deadline_s` is dropped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from hugescope_server import tasks
from hugescope_server.bus import Bus, HostEvent
from hugescope_server.mailbox import Mailbox
from hugescope_server.routes.services import PrincipalDep, Services, ServicesDep
from hugescope_server.routes.sockets import receive, refuse
from hugescope_wire.errors import WireError
from hugescope_wire.messages import VIEWER_PATH, Refusal

router: Final = APIRouter()
_log: Final = logging.getLogger(__name__)


@router.websocket(VIEWER_PATH)
async def viewer_socket(socket: WebSocket, services: ServicesDep, principal: PrincipalDep) -> None:
    """Serve one viewer until it leaves, errs or stalls."""
    await socket.accept()
    mailbox = Mailbox(services.hub, services.desk, principal)
    nudge = _Nudge(services.hub.bus)
    reader = tasks.start("viewer: read", _read(socket, services, mailbox, nudge))
    writer = tasks.start("viewer: write", _write(socket, services, mailbox, nudge))
    try:
        await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
    finally:
        nudge.follow(None)
        reader.cancel()
        writer.cancel()
    if reader.done() and not reader.cancelled() and (refusal := reader.result()) is not None:
        await asyncio.wait((writer,))
        await refuse(socket, refusal)


class _Nudge:
    """Set whenever the mailbox may have something new."""

    def __init__(self, bus: Bus) -> None:
        self.event: Final = asyncio.Event()
        self._bus = bus
        self._host_id: str | None = None
        self._unsubscribe: Callable[[], None] | None = None

    def follow(self, host_id: str | None) -> None:
        """Be set by events of this host, and no other."""
        if host_id == self._host_id:
            return
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._host_id = host_id
        self._unsubscribe = None if host_id is None else self._bus.subscribe(host_id, self._wake)

    def _wake(self, _event: HostEvent) -> None:
        self.event.set()


async def _read(
    socket: WebSocket, services: Services, mailbox: Mailbox, nudge: _Nudge
) -> Refusal | None:
    """Take messages until the viewer leaves (None) or sends what cannot be taken."""
    limit = services.settings.max_viewer_message_bytes
    try:
        while True:
            text = await receive(socket)
            if not isinstance(text, str):
                raise WireError("bad_message", "viewers send text")
            if len(text) > limit:
                raise WireError("message_too_big", f"{len(text)} characters, at most {limit}")
            mailbox.receive(text)
            nudge.follow(mailbox.watching)
            nudge.event.set()
    except WireError as error:
        return Refusal(code=error.code, message=error.message)
    except WebSocketDisconnect:
        return None


async def _write(socket: WebSocket, services: Services, mailbox: Mailbox, nudge: _Nudge) -> None:
    """Send what is due until the viewer is gone or takes nothing for too long."""
    deadline_s = services.settings.send_deadline_s
    try:
        while True:
            nudge.event.clear()
            for message in mailbox.poll(services.clock()):
                async with asyncio.timeout(deadline_s):
                    await _send(socket, message)
            nudge.follow(mailbox.watching)
            await _wait(nudge.event, mailbox.wait_s(services.clock()))
    except WebSocketDisconnect:
        return
    except TimeoutError:
        _log.info("a viewer took nothing for %g s and was dropped", deadline_s)


async def _send(socket: WebSocket, message: str | bytes) -> None:
    if isinstance(message, str):
        await socket.send_text(message)
    else:
        await socket.send_bytes(message)


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
