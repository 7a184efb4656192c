"""The viewers' websocket: a thin shell around `mailbox.py`.

One task reads, no more than `inbox.py` lets through, one writes. The writer sends what the mailbox
says is due and waits for the socket to take it; meanwhile nothing piles up, for the mailbox makes
messages only when asked. A viewer that takes nothing for `send_deadline_s` is dropped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from hugescope_server import tasks
from hugescope_server.bus import Bus, HostEvent
from hugescope_server.inbox import TOO_MANY, Inbox, Message
from hugescope_server.mailbox import Mailbox
from hugescope_server.routes.services import PrincipalDep, Services, ServicesDep
from hugescope_server.routes.sockets import (
    POLICY_VIOLATION,
    TRY_AGAIN_LATER,
    receive,
    refuse,
)
from hugescope_server.timeline.traveller import Traveller
from hugescope_wire.errors import WireError
from hugescope_wire.messages import FROM_VIEWER, VIEWER_PATH, Refusal, parse
from hugescope_wire.travel import Travel

router: Final = APIRouter()
_log: Final = logging.getLogger(__name__)


@router.websocket(VIEWER_PATH)
async def viewer_socket(socket: WebSocket, services: ServicesDep, principal: PrincipalDep) -> None:
    """Serve one viewer until it leaves, errs or stalls."""
    await socket.accept()
    mailbox, nudge = Mailbox(services.hub, services.desk, principal), _Nudge()
    mailbox.time = traveller = Traveller(
        services.past, services.hub, services.desk, mailbox, nudge.event.set, services.clock
    )
    inbox = Inbox(services.settings.viewer_messages_hz)
    viewer = _Viewer(socket, services, mailbox, inbox, nudge, traveller)
    travels = tasks.start("viewer: travel", traveller.run())
    reader = tasks.start("viewer: read", _read(viewer))
    writer = tasks.start("viewer: write", _write(viewer))
    try:
        await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
    finally:
        nudge.follow(mailbox.bus, None)
        traveller.close()
        for task in (travels, reader, writer):
            task.cancel()
    if reader.done() and not reader.cancelled() and (refusal := reader.result()) is not None:
        await asyncio.wait((writer,))
        _log.info("a viewer was refused (%s): %s", refusal.code, refusal.message)
        again = refusal.code == TOO_MANY
        await refuse(socket, refusal, TRY_AGAIN_LATER if again else POLICY_VIOLATION)


class _Nudge:
    """Set whenever the mailbox may have something new."""

    def __init__(self) -> None:
        self.event: Final = asyncio.Event()
        self._bus: Bus | None = None
        self._host_id: str | None = None
        self._unsubscribe: Callable[[], None] | None = None

    def follow(self, bus: Bus, host_id: str | None) -> None:
        """Be set by events of this host on this bus, and no other."""
        if (bus, host_id) == (self._bus, self._host_id):
            return
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._bus, self._host_id = bus, host_id
        self._unsubscribe = None if host_id is None else bus.subscribe(host_id, self._wake)

    def _wake(self, _event: HostEvent) -> None:
        self.event.set()


@dataclass(frozen=True, slots=True)
class _Viewer:
    socket: WebSocket
    services: Services
    mailbox: Mailbox
    inbox: Inbox
    nudge: _Nudge
    traveller: Traveller

    def take(self, messages: list[Message]) -> None:
        """Act on messages."""
        for message in messages:
            if isinstance(message, Travel):
                self.traveller.travel(message)
            else:
                self.mailbox.take(message)

    def follow(self) -> None:
        """Be woken by the host whose cells are shown."""
        self.nudge.follow(self.mailbox.bus, self.mailbox.watching)

    def wait_s(self, now: float) -> float:
        """Seconds until something is due by itself."""
        wait_s, held_s = self.mailbox.wait_s(now), self.inbox.wait_s()
        return wait_s if held_s is None else min(wait_s, held_s)


async def _read(viewer: _Viewer) -> Refusal | None:
    """Take messages until the viewer leaves (None) or sends what cannot be taken."""
    limit = viewer.services.settings.max_viewer_message_bytes
    mailbox, inbox, clock = viewer.mailbox, viewer.inbox, viewer.services.clock
    try:
        while True:
            text = await receive(viewer.socket)
            if not isinstance(text, str):
                raise WireError("bad_message", "viewers send text")
            if len(text) > limit:
                raise WireError("message_too_big", f"{len(text)} characters, at most {limit}")
            message = parse(FROM_VIEWER, text)
            viewer.take(inbox.put(message, clock(), paced=mailbox.is_paced(message)))
            viewer.follow()
            viewer.nudge.event.set()
    except WireError as error:
        return Refusal(code=error.code, message=error.message)
    except WebSocketDisconnect:
        return None


async def _write(viewer: _Viewer) -> None:
    """Send what is due until the viewer is gone or takes nothing for too long."""
    deadline_s = viewer.services.settings.send_deadline_s
    mailbox, nudge, clock = viewer.mailbox, viewer.nudge, viewer.services.clock
    try:
        while True:
            nudge.event.clear()
            viewer.take(viewer.inbox.due(clock()))
            for message in mailbox.poll(clock()):
                async with asyncio.timeout(deadline_s):
                    await _send(viewer.socket, message)
            viewer.follow()
            await _wait(nudge.event, viewer.wait_s(clock()))
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
