"""Turning a request away before any route sees it: over HTTP, and in a socket's handshake."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from hugescope_server.errors import ErrorBody
from hugescope_server.fewlines import FewLines

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a request is refused."""

    code: str
    message: str
    status: int = 403


class RefusalLog:
    """A line for each refusal, but not as many as a stranger likes: who, what and why, never what
    they showed. A path is in it without its query, where a token may stand by mistake.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._few = FewLines(clock)

    def add(self, denial: Denial, scope: Scope) -> None:
        """Say it, or count it for the next line."""
        more = self._few.more()
        if more is None:
            return
        _log.warning(
            "refused %s %r from %s%s: %s%s",
            scope["type"],
            scope["path"][:100],
            (scope.get("client") or ("an unknown address",))[0],
            _who(scope),
            denial.code,
            more,
        )


def _who(scope: Scope) -> str:
    """Whom the door let in; the id of a token or a session is no secret."""
    principal = scope.get("state", {}).get("principal")
    return "" if principal is None else f" ({principal.role} {principal.token_id})"


async def refuse(denial: Denial, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the code and the message; a socket is not accepted."""
    body = ErrorBody(code=denial.code, message=denial.message)
    headers = {"Cache-Control": "no-store"}
    if denial.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    response = JSONResponse(body.model_dump(), denial.status, headers)
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        # Starlette's responses know how to answer a websocket's handshake.
        await response(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": denial.code})
