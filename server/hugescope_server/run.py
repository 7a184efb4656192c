"""Running the server: its listening socket, uvicorn, and how both end."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import ssl
from collections.abc import Callable
from types import FrameType
from typing import Final

import uvicorn

from hugescope_server.app import create_app
from hugescope_server.auth.store import TokenStore
from hugescope_server.connections import FewWarnings, RequestInTime, websocket_protocol
from hugescope_server.errors import CannotListen, PortInUse
from hugescope_server.settings import ServerSettings
from hugescope_server.timeline.shelf import FileShelf

PEER_TIMEOUT_MS: Final = 10_000
"""A peer that acknowledges nothing for so long is cut off: keepalive pings do not end a client that
stopped reading, and its unsent data would keep the connection."""

GOODBYE_S: Final = 1.0
"""For open connections to end after a signal. Then they are cut: a peer that does not read never
ends."""

SHUTDOWN_S: Final = 3
"""For whatever else may hang. The process is to be gone within five seconds."""

BACKLOG: Final = 512

Ready = Callable[[str], None]


def serve(settings: ServerSettings, on_ready: Ready | None = None) -> signal.Signals | None:
    """Serve until SIGTERM or SIGINT; gives the signal.

    Args:
        settings: checked settings.
        on_ready: called with the URL once connections are accepted.

    Raises:
        StateError: the state directory, or a file in it, cannot be used.
        PortInUse: another process listens there.
        CannotListen: the address is not this machine's, the port needs privileges, or the
            certificate or its key cannot be used.
    """
    server = HugescopeServer(settings, on_ready)
    server.run()
    return server.stopped_by


class HugescopeServer:
    """A server that listens from the moment it is made; `run` in any thread, `stop` from any other.

    Attributes:
        url: where it listens.
        store: its tokens.
        stopped_by: the signal that ended it.
    """

    def __init__(
        self,
        settings: ServerSettings,
        on_ready: Ready | None = None,
        recorded: FileShelf | None = None,
    ) -> None:
        app = create_app(settings, recorded=recorded)
        self.store: Final[TokenStore] = app.state.services.access.store
        self.store.check()
        check_tls(settings)
        self._socket = listen(settings)
        scheme = "http" if settings.tls_cert is None else "https"
        self.url: Final = f"{scheme}://{_address(settings.bind_host, self._socket)}"
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                app,
                http=RequestInTime,
                ws=websocket_protocol(settings),
                ws_max_size=settings.max_viewer_message_bytes,
                ws_per_message_deflate=False,
                lifespan="on",
                log_config=None,
                # Below, it logs headers (with tokens and cookies) and addresses with their query.
                log_level=logging.WARNING,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=SHUTDOWN_S,
                backlog=BACKLOG,
                # By default it would believe X-Forwarded-For of anyone on loopback.
                proxy_headers=False,
                ssl_certfile=settings.tls_cert,
                ssl_keyfile=settings.tls_key,
            ),
            lambda: on_ready(self.url) if on_ready is not None else None,
        )

    @property
    def stopped_by(self) -> signal.Signals | None:
        """The signal that ended it, if one did."""
        return self._uvicorn.stopped_by

    def run(self) -> None:
        """Serve until stopped, or until a signal when this is the main thread."""
        log, few = logging.getLogger("uvicorn.error"), FewWarnings()
        log.addFilter(few)
        try:
            self._uvicorn.run(sockets=[self._socket])
        finally:
            log.removeFilter(few)
            self._socket.close()

    def stop(self) -> None:
        """End `run`, soon."""
        self._uvicorn.should_exit = True


class _Uvicorn(uvicorn.Server):
    """uvicorn that says when it accepts, and that a signal ends without ending the process."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.stopped_by: signal.Signals | None = None
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        cut = asyncio.get_running_loop().call_later(GOODBYE_S, self._cut_connections)
        await super().shutdown(sockets)
        cut.cancel()

    def _cut_connections(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """uvicorn would raise the signal again at the end; then no caller could clean up.

        Nor does a second one skip the end of the application, in which history is written: all of
        it has a deadline.
        """
        self.stopped_by = signal.Signals(sig)
        self.should_exit = True


def listen(settings: ServerSettings) -> socket.socket:
    """The listening socket.

    Raises:
        PortInUse: another process listens there.
        CannotListen: anything else that keeps this address and port from being used.
    """
    host, port = settings.bind_host.strip("[]"), settings.port
    where = f"{settings.bind_host} port {port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise CannotListen(f"cannot listen on {where}: {error.strerror}") from None
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it from the socket that accepted them.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, PEER_TIMEOUT_MS)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(
                f"cannot listen on {where}: another process does; stop it or choose another"
            ) from None
        raise CannotListen(f"cannot listen on {where}: {error.strerror}") from None
    return sock


def check_tls(settings: ServerSettings) -> None:
    """See that the certificate and its key, where there are any, can be used.

    Raises:
        CannotListen: naming the files.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            settings.tls_cert, settings.tls_key, password=lambda: ""
        )
    except OSError as error:
        raise CannotListen(
            f"certificate {settings.tls_cert} with key {settings.tls_key}: "
            f"{error.strerror or error}"
        ) from None


def _address(bind_host: str, sock: socket.socket) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(bind_host, bind_host)
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"{host}:{sock.getsockname()[1]}"
