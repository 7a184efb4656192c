"""Who may speak to this server from a browser, and what its pages may do.

This is an ASGI layer around everything else.

Until there is authentication, whoever can open a connection to the port may look. On loopback that
is every user of this machine, and every web page that one of them has open: pages are what this
layer keeps out.

1. **Host.** The Host header must name this server: localhost, 127.0.0.1, ::1, the address it is
   bound to, or a name from `allowed_hosts`. A page that rebinds its own DNS name to 127.0.0.1 sends
   its own name and is refused. Bound to every address, the server also takes any IP address as
   Host: it cannot be rebound, for a page could only come from that address itself. The port is not
   compared, so that an SSH tunnel from another port works.
2. **Origin.** A request that carries an Origin must carry the Host's own (`http` or `https`, same
   name and port). Another page, another port of localhost, and `null` (sandboxed frames, files) are
   refused, on sockets too, where the browser itself would let them through.
3. **No Origin.** Browsers send one with every websocket. Programs do not:
   agents connect to the agent socket without one, from anywhere, and an Origin there is refused,
   the server's own included, since no page has business there. On the viewer socket a client
   without Origin must come from loopback. Plain HTTP without Origin is a navigation, or a program;
   it is allowed, unless the browser says (`Sec-Fetch-Site`) that another site's page embeds or
   fetches it.
4. **Pages.** Content-Security-Policy and its companions keep the pages to this server's own
   scripts, and other sites from framing them or loading what is here.

Another user of the same machine is not kept out by any of this.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hugescope_server.errors import ErrorBody
from hugescope_server.settings import ServerSettings, is_loopback
from hugescope_wire.messages import AGENT_PATH

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
_ALWAYS_ALLOWED: Final = ("localhost", "127.0.0.1", "::1")
_EVERY_ADDRESS: Final = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a request is refused."""

    code: str
    message: str


class Guard:
    """The ASGI layer that the module describes."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        bind_host = settings.bind_host.lower().strip("[]")
        self._any_address = bind_host in _EVERY_ADDRESS
        self._names = frozenset({*_ALWAYS_ALLOWED, bind_host, *settings.allowed_hosts})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on and add the headers."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        denial = self.denial(scope, headers)
        if denial is not None:
            await _refuse(denial, scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                add_page_headers(MutableHeaders(scope=message), headers["host"])
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def denial(self, scope: Scope, headers: Headers) -> Denial | None:
        """Why this request is refused; None when it is not."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_allowed(hosts[0]):
            shown = ", ".join(hosts)[:200] or "none"
            return Denial(
                "host_not_allowed",
                f"this server does not answer to the Host {shown!r}; "
                "add the name to HUGESCOPE_ALLOWED_HOSTS if it is this server's",
            )
        origins = headers.getlist("origin")
        if not origins:
            return _denial_without_origin(scope, headers)
        if scope["type"] == "websocket" and scope["path"] == AGENT_PATH:
            return Denial("origin_not_allowed", "agents send no Origin, and no page is an agent")
        own = {f"{scheme}://{hosts[0].lower()}" for scheme in ("http", "https")}
        if len(origins) != 1 or origins[0].lower() not in own:
            shown = ", ".join(origins)[:200]
            return Denial("origin_not_allowed", f"a page of {shown!r} may not use this server")
        return None

    def _is_allowed(self, host_header: str) -> bool:
        match = _HOST.fullmatch(host_header)
        if match is None:
            return False
        name = match[1].strip("[]").lower()
        return name in self._names or (self._any_address and _is_address(name))


def add_page_headers(headers: MutableHeaders, host: str) -> None:
    """What every answer tells the browser; `host` is the Host header, already checked."""
    headers["Content-Security-Policy"] = "; ".join(
        (
            "default-src 'self'",
            # plotly and Swagger UI set styles from script.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            # Older browsers do not count websockets of the same host as 'self'.
            f"connect-src 'self' ws://{host} wss://{host}",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"


def _denial_without_origin(scope: Scope, headers: Headers) -> Denial | None:
    if scope["type"] == "http":
        site, mode = headers.get("sec-fetch-site"), headers.get("sec-fetch-mode")
        if site in ("cross-site", "same-site") and mode != "navigate":
            return Denial("origin_not_allowed", "another site's page may not use this server")
        return None
    if scope["path"] == AGENT_PATH:
        return None
    client = scope.get("client")
    if client is None or not is_loopback(client[0]):
        return Denial("origin_required", "viewers from other machines must be pages of this server")
    return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _refuse(denial: Denial, scope: Scope, receive: Receive, send: Send) -> None:
    body = ErrorBody(code=denial.code, message=denial.message)
    response = JSONResponse(body.model_dump(), status_code=403)
    if scope["type"] == "http":
        await response(scope, receive, send)
    elif "websocket.http.response" in scope.get("extensions", {}):
        # Starlette's responses know how to answer a websocket's handshake.
        await response(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": denial.code})
