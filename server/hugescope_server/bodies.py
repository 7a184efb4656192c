"""The ASGI layer that bounds bodies of requests, before anything collects them.

A route that takes JSON would have all of it in memory before it asks who sent it. Two routes have
bounds of their own: logging in a smaller one, and a recording that is brought is written to a file
as it comes.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hugescope_server.auth.door import LOGIN_PATH
from hugescope_server.refusal import Denial, refuse

RECORDINGS_PATH: Final = "/api/v1/recordings"

MAX_BODY_BYTES: Final = 1 << 16
"""The largest that any other route takes is a token's description."""

_BOUNDED_BY_THEMSELVES: Final = frozenset({LOGIN_PATH, RECORDINGS_PATH})

BODY_TOO_BIG: Final = "body_too_big"
_MESSAGE: Final = f"a body here has {MAX_BODY_BYTES} bytes at most"


class Bodies:
    """The layer that the module describes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a body that is said to be too long, and end one that turns out to be."""
        if scope["type"] != "http" or scope["path"] in _BOUNDED_BY_THEMSELVES:
            await self._app(scope, receive, send)
            return
        stated = Headers(scope=scope).get("content-length", "")
        if stated.isdecimal() and int(stated) > MAX_BODY_BYTES:
            await refuse(Denial(BODY_TOO_BIG, _MESSAGE, 413), scope, receive, send)
            return
        came_bytes = 0

        async def receive_bounded() -> Message:
            nonlocal came_bytes
            message = await receive()
            came_bytes += len(message.get("body", b""))
            if came_bytes > MAX_BODY_BYTES:
                raise HTTPException(413, _MESSAGE)
            return message

        await self._app(scope, receive_bounded, send)
