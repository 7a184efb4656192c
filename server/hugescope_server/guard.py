"""Who may speak to this server from a browser, and what its pages may do.

This is an ASGI layer around everything else.

Who may look is the door's matter (`auth/door.py`), inside this layer. But a browser shows its
cookie to this server whichever page asks it to: pages of others are what this layer keeps out.

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
   without Origin must show a Bearer token, which no page can. Plain HTTP without Origin is a
   navigation, or a program; it is allowed, unless the browser says (`Sec-Fetch-Site`) that
   another site's page embeds or fetches it.
4. **Pages.** Content-Security-Policy and its companions keep the pages to this server's own
   scripts, and other sites from framing them or loading what is here.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hugescope_server.refusal import Denial, RefusalLog, refuse
from hugescope_server.settings import ServerSettings
from hugescope_wire.messages import AGENT_PATH

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
_ALWAYS_ALLOWED: Final = ("localhost", "127.0.0.1", "::1")
_EVERY_ADDRESS: Final = ("0.0.0.0", "::")
HOST_NOT_ALLOWED: Final = "host_not_allowed"

_ANSWERS: Final = ("http.response.start", "websocket.http.response.start")
"""The second refuses a websocket in its handshake."""


class Guard:
    """The ASGI layer that the module describes."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        bind_host = settings.bind_host.lower().strip("[]")
        self._any_address = bind_host in _EVERY_ADDRESS
        self._refusals = RefusalLog()
        self._names = frozenset({*_ALWAYS_ALLOWED, bind_host, *settings.allowed_hosts})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on and add the headers."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        denial = self.denial(scope, headers)
        knows_host = denial is None or denial.code != HOST_NOT_ALLOWED

        async def send_with_headers(message: Message) -> None:
            if message["type"] in _ANSWERS:
                host = headers["host"] if knows_host else None
                add_page_headers(MutableHeaders(scope=message), host)
            await send(message)

        if denial is None:
            await self._app(scope, receive, send_with_headers)
        else:
            self._refusals.add(denial, scope)
            await refuse(denial, scope, receive, send_with_headers)

    def denial(self, scope: Scope, headers: Headers) -> Denial | None:
        """Why this request is refused; None when it is not."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_allowed(hosts[0]):
            shown = ", ".join(hosts)[:200] or "none"
            return Denial(
                HOST_NOT_ALLOWED,
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


def add_page_headers(headers: MutableHeaders, host: str | None) -> None:
    """What every answer tells the browser; `host` is the Host header; None: it was not good."""
    # Older browsers do not count websockets of the same host as 'self'.
    sockets = "" if host is None else f" ws://{host} wss://{host}"
    headers["Content-Security-Policy"] = "; ".join(
        (
            "default-src 'self'",
            # plotly and Swagger UI set styles from script.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            f"connect-src 'self'{sockets}",
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
    if not headers.get("authorization", "").lower().startswith("bearer "):
        return Denial("origin_required", "a viewer that is no page must show a Bearer token")
    return None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
