"""What both websockets need: receiving either kind of message, and closing with a reason."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from hugescope_wire.messages import Refusal

POLICY_VIOLATION: Final = 1008
TRY_AGAIN_LATER: Final = 1013
GOODBYE_DEADLINE_S: Final = 2.0
"""A refusal is a courtesy: a peer that does not read does not get one."""


async def receive(socket: WebSocket) -> str | bytes:
    """The next message.

    Raises:
        WebSocketDisconnect: the peer is gone.
    """
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006), message.get("reason"))
    text: str | None = message.get("text")
    data: bytes | None = message.get("bytes")
    return text if text is not None else data or b""


async def refuse(socket: WebSocket, refusal: Refusal, close_code: int = POLICY_VIOLATION) -> None:
    """Say why, and close."""
    try:
        async with asyncio.timeout(GOODBYE_DEADLINE_S):
            await socket.send_text(refusal.model_dump_json())
            await socket.close(close_code, refusal.code)
    except (TimeoutError, WebSocketDisconnect, RuntimeError):
        # RuntimeError: Starlette's word for a socket that is closed already.
        return
