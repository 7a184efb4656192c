"""The ASGI layer that lets in only who shows a token or a session.

It stands inside the guard (`guard.py`), which has already refused foreign pages. Nothing is open to
strangers but the login page with its two files, logging in, and whether the server answers. `/`
leads a stranger to the login page; everything else answers 401, and a socket is refused in its
handshake. Agents may use the agent socket and nothing else, and nobody else may use that. Who
collects metrics may read those and nothing else.

A token or session that ends takes its open sockets with it, within `END_EVERY_S`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from hugescope_server.auth.access import Access, Place
from hugescope_server.auth.principal import Principal, Role
from hugescope_server.auth.state_dir import StateError
from hugescope_server.refusal import Denial, RefusalLog, refuse
from hugescope_server.settings import ServerSettings
from hugescope_wire.messages import AGENT_PATH

LOGIN_PAGE: Final = "/login"
LOGIN_PATH: Final = "/api/v1/login"
HEALTH_PATH: Final = "/api/v1/health"
METRICS_PATH: Final = "/metrics"

OPEN_TO_READ: Final = frozenset({LOGIN_PAGE, "/login.css", "/login.js", HEALTH_PATH})
"""With GET and HEAD, without a session."""

END_EVERY_S: Final = 1.0
_GOODBYE_S: Final = 2.0
_log: Final = logging.getLogger(__name__)


class Door:
    """The layer that the module describes."""

    def __init__(self, app: ASGIApp, settings: ServerSettings, access: Access) -> None:
        self._app = app
        self._behind_proxy = settings.behind_proxy
        self._access = access
        self._refusals = RefusalLog()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, lead to the login page, or refuse."""
        if scope["type"] not in ("http", "websocket") or _is_open(scope):
            await self._app(scope, receive, send)
            return
        found = self._judge(scope)
        if isinstance(found, Principal):
            if scope["type"] == "websocket":
                await self._while_it_holds(found, scope, receive, send)
            else:
                await self._app(scope, receive, send)
        elif found.status == 401 and _is_front_door(scope):
            # Relative, for a path of a reverse proxy; the browser keeps what follows the #.
            to_login = RedirectResponse("login", 303, {"Cache-Control": "no-store"})
            await to_login(scope, receive, send)
        else:
            self._refusals.add(found, scope)
            await refuse(found, scope, receive, send)

    def _judge(self, scope: Scope) -> Principal | Denial:
        headers = Headers(scope=scope)
        try:
            principal = self._access.principal(headers, place_of(scope, self._behind_proxy))
        except StateError as error:
            _log.error("%s", error)
            return Denial("no_token_store", "the server cannot read its tokens; see its log", 503)
        if principal is None:
            return Denial("not_logged_in", "a token or a session is needed; see /login", 401)
        # For the route, and for the log where it is refused.
        scope.setdefault("state", {})["principal"] = principal
        is_agents = scope["type"] == "websocket" and scope["path"] == AGENT_PATH
        if is_agents != (principal.role is Role.AGENT):
            needed = "needs an agent's token" if is_agents else "is not for agents"
            return Denial("wrong_role", f"this {needed}")
        if principal.role is Role.METRICS and not _is_metrics(scope):
            return Denial("wrong_role", f"this token is for {METRICS_PATH} only")
        return principal

    async def _while_it_holds(
        self, principal: Principal, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve a socket until it ends by itself, or its token or session does."""
        forget = None
        try:
            async with asyncio.timeout(None) as until_ended:
                forget = self._access.add_socket(principal, lambda: until_ended.reschedule(0.0))
                await self._app(scope, receive, send)
        except TimeoutError:
            if not until_ended.expired():
                raise
            _log.info("a socket of %s ended with its token or session", principal.token_id)
            await _close(send)
        finally:
            if forget is not None:
                forget()


async def end_sockets(access: Access) -> None:
    """For ever: end the sockets whose token or session ended."""
    while True:
        await asyncio.sleep(END_EVERY_S)
        access.end_sockets()


def place_of(scope: Scope, behind_proxy: bool) -> Place:
    """As the browser sees it; only a proxy that was said to be there is believed."""
    headers = Headers(scope=scope)
    by_proxy = behind_proxy and headers.get("x-forwarded-proto", "").lower() == "https"
    return Place(headers.get("host", ""), scope["scheme"] in ("https", "wss") or by_proxy)


def _is_open(scope: Scope) -> bool:
    if scope["type"] != "http":
        return False
    if scope["method"] == "POST":
        return bool(scope["path"] == LOGIN_PATH)
    return scope["method"] in ("GET", "HEAD") and scope["path"] in OPEN_TO_READ


def _is_metrics(scope: Scope) -> bool:
    return bool(scope["type"] == "http" and scope["path"] == METRICS_PATH)


def _is_front_door(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["path"] == "/" and scope["method"] in ("GET", "HEAD")


async def _close(send: Send) -> None:
    try:
        async with asyncio.timeout(_GOODBYE_S):
            await send({"type": "websocket.close", "code": 1008, "reason": "session_ended"})
    except (TimeoutError, RuntimeError, OSError):
        # RuntimeError: uvicorn's word for a socket that is closed already.
        return
