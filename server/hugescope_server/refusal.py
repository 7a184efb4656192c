"""Turning a request away before any route sees it: over HTTP, and in a socket's handshake."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from hugescope_server.auth.limits import Allowance
from hugescope_server.errors import ErrorBody

_log: Final = logging.getLogger(__name__)
_LINES_AT_ONCE: Final = 20
_LINE_PERIOD_S: Final = 1.0


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
        self._allowance = Allowance(_LINES_AT_ONCE, _LINE_PERIOD_S, clock)
        self._unsaid = 0

    def add(self, denial: Denial, scope: Scope) -> None:
        """Say it, or count it for the next line."""
        if self._allowance.wait_s("") > 0:
            self._unsaid += 1
            return
        self._allowance.spend("")
        more = f" (and {self._unsaid} more)" if self._unsaid else ""
        self._unsaid = 0
        _log.warning(
            "refused %s %r from %s: %s%s",
            scope["type"],
            scope["path"][:100],
            (scope.get("client") or ("an unknown address",))[0],
            denial.code,
            more,
        )


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
