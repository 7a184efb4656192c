"""The agents' websocket: a thin shell around `ingest.py`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from hugescope_server import SERVER_VERSION
from hugescope_server.auth.principal import Principal
from hugescope_server.ingest import LARGE_FRAME_BYTES, AgentSession
from hugescope_server.questions import Questions
from hugescope_server.routes.services import PrincipalDep, Services, ServicesDep
from hugescope_server.routes.sockets import receive, refuse
from hugescope_wire.errors import WireError
from hugescope_wire.frames import decode_frame
from hugescope_wire.host import PROTOCOL_VERSION
from hugescope_wire.messages import (
    AGENT_HELLO,
    AGENT_PATH,
    AgentHello,
    AgentWelcome,
    Refusal,
    Taken,
    parse,
)

router: Final = APIRouter()
_log: Final = logging.getLogger(__name__)

TAKEN_EVERY_S: Final = 1.0
"""An agent keeps so much longer what it has sent."""


@router.websocket(AGENT_PATH)
async def agent_socket(socket: WebSocket, services: ServicesDep, principal: PrincipalDep) -> None:
    """Take the frames of one agent until it leaves, errs, is silent or is replaced."""
    await socket.accept()
    try:
        await _serve(socket, services, principal)
    except WireError as error:
        await refuse(socket, Refusal(code=error.code, message=error.message))
    except WebSocketDisconnect as end:
        if end.reason:
            _log.warning("an agent left: %s", end.reason)


async def _serve(socket: WebSocket, services: Services, principal: Principal) -> None:
    hello = await _hello(socket, services)
    if hello.host_id != principal.host_id:
        _log.warning(
            "host %s: refused (wrong_host): token %s is for host %s",
            hello.host_id,
            principal.token_id,
            principal.host_id,
        )
        raise WireError(
            "wrong_host",
            f"this token is for host {principal.host_id}, and the agent says it is {hello.host_id}",
        )
    try:
        async with asyncio.timeout(None) as until_replaced:
            await _take_frames(socket, services, hello, lambda: until_replaced.reschedule(0.0))
    except TimeoutError:
        raise WireError("replaced", f"a newer agent speaks for {hello.host_id} now") from None


async def _hello(socket: WebSocket, services: Services) -> AgentHello:
    deadline_s = services.settings.hello_deadline_s
    text = await _receive(socket, deadline_s, "no_hello")
    if not isinstance(text, str):
        raise WireError("bad_message", "the first message must be a hello, as text")
    return parse(AGENT_HELLO, text)


async def _take_frames(
    socket: WebSocket, services: Services, hello: AgentHello, on_replaced: Callable[[], None]
) -> None:
    questions = Questions(socket.send_text, services.settings.answer_deadline_s)
    try:
        session = services.ingest.join(hello, on_replaced, questions)
    except WireError as error:
        _log.warning("host %s: not taken (%s): %s", hello.host_id, error.code, error.message)
        raise
    try:
        await socket.send_text(_welcome(session).model_dump_json())
        how = "goes on" if session.resumed_at is not None else "begins"
        _log.info("host %s: agent %s connected, %s", hello.host_id, hello.agent_version, how)
        told_at = services.clock()
        while True:
            data = await _receive(socket, services.settings.agent_silence_s, "silent")
            await _take(session, questions, data)
            now = services.clock()
            if session.keeps_frames and now - told_at >= TAKEN_EVERY_S:
                told_at = now
                await _tell(socket, Taken(seq=session.seq), services.settings.send_deadline_s)
    except WireError as error:
        _log.warning("host %s: refused (%s): %s", hello.host_id, error.code, error.message)
        raise
    finally:
        session.leave()
        questions.close()
        _log.info("host %s: agent left", hello.host_id)


def _welcome(session: AgentSession) -> AgentWelcome:
    return AgentWelcome(
        protocol=PROTOCOL_VERSION,
        server_version=SERVER_VERSION,
        tells_taken=session.keeps_frames,
        seq=session.resumed_at,
    )


async def _tell(socket: WebSocket, message: Taken, deadline_s: float) -> None:
    """Send a message to an agent that reads.

    Raises:
        WireError: `stalled` when it did not in time.
    """
    try:
        async with asyncio.timeout(deadline_s) as scope:
            await socket.send_text(message.model_dump_json())
    except TimeoutError:
        if scope.expired():
            raise WireError("stalled", f"the agent read nothing for {deadline_s:g} s") from None
        raise


async def _take(session: AgentSession, questions: Questions, data: str | bytes) -> None:
    """Frames come as binary, answers as text."""
    if isinstance(data, str):
        questions.take(data)
        return
    frame = None
    if len(data) >= LARGE_FRAME_BYTES:
        frame = await asyncio.to_thread(decode_frame, data)
    session.take(data, frame)


async def _receive(socket: WebSocket, deadline_s: float, code: str) -> str | bytes:
    """The next message.

    Raises:
        WireError: `code` when none came in time.
    """
    # Made before the wait: inside it an outer deadline would look like this one.
    late = WireError(code, f"nothing came for {deadline_s:g} s")
    scope = asyncio.timeout(deadline_s)
    try:
        async with scope:
            return await receive(socket)
    except TimeoutError:
        if scope.expired():
            raise late from None
        raise
