"""Runs the server with what belongs beside it, for `serve`, `up` and `demo`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer
from pydantic import ValidationError

from hugescope.child import AgentProcess, end_by_exit
from hugescope.errors import CommandError
from hugescope.plain import visible_lines

# The server is imported where it is run: the agent and `snapshot` share this command line, and
# an agent on somebody's host should not carry a web framework.
if TYPE_CHECKING:
    from hugescope_server.auth.principal import Role
    from hugescope_server.auth.store import TokenStore
    from hugescope_server.settings import ServerSettings
    from hugescope_server.timeline.shelf import FileShelf

Host = Annotated[
    str | None, typer.Option(help="Address to listen on.  [default: 127.0.0.1]", show_default=False)
]
Port = Annotated[
    int | None,
    typer.Option(min=0, max=65535, help="0: any free one.  [default: 8765]", show_default=False),
]
TlsCert = Annotated[
    Path | None, typer.Option(help="Certificate chain, PEM: speak TLS.", show_default=False)
]
TlsKey = Annotated[Path | None, typer.Option(help="Its private key, PEM.", show_default=False)]
BehindProxy = Annotated[
    bool, typer.Option("--behind-proxy", help="A proxy before this server speaks TLS for it.")
]
StateDir = Annotated[
    Path | None,
    typer.Option(
        envvar="HUGESCOPE_STATE_DIR",
        help="Where tokens are kept, as hashes.  [default: ~/.local/state/hugescope]",
        show_default=False,
    ),
]


NoHistory = Annotated[
    bool, typer.Option("--no-history", help="Keep nothing of what hosts sent on disk.")
]


def settings_of(
    host: str | None = None,
    port: int | None = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    behind_proxy: bool = False,
    state_dir: Path | None = None,
    no_history: bool = False,
) -> ServerSettings:
    """The settings by flags, else by environment.

    Raises:
        CommandError: naming the flag or variable that is wrong.
    """
    from hugescope_server.settings import ServerSettings

    given = {
        "bind_host": host,
        "port": port,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "behind_proxy": behind_proxy or None,
        "state_dir": state_dir,
        "history": False if no_history else None,
    }
    try:
        return ServerSettings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        flags = {
            "bind_host": "--host",
            "port": "--port",
            "tls_cert": "--tls-cert",
            "tls_key": "--tls-key",
            "state_dir": "--state-dir",
        }
        name = str(first["loc"][0]) if first["loc"] else "bind_host"
        message = str(first["msg"]).removeprefix("Value error, ")
        for setting in ("tls_cert", "tls_key", "behind_proxy"):
            message = message.replace(setting, f"--{setting.replace('_', '-')}")
        raise CommandError(f"{flags.get(name, name)}: {message}") from None


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server answers, and the way in.

    Attributes:
        base: without a slash at its end.
    """

    base: str
    store: TokenStore

    def one_time(self, fragment: str = "") -> str:
        """A URL that logs one browser in, once, and leads to this place: ``#/...``, or the start.

        Raises:
            CommandError: the state directory cannot be written to.
        """
        with server_errors():
            return one_time_url(self.store, self.base, fragment)


def one_time_url(store: TokenStore, base: str, fragment: str = "", role: Role | None = None) -> str:
    """The same for any server, as an operator if not said otherwise.

    All of it stands behind the #, which browsers send to nobody: it comes into no log.
    """
    from hugescope_server.auth.principal import Role

    to = f"&to={quote(fragment, safe='/')}" if fragment else ""
    return f"{base.rstrip('/')}/login#code={store.new_code(role or Role.OPERATOR)}{to}"


def tell_once(address: Address) -> None:
    """What to know about the one-time URL that was just printed."""
    where = f" --state-dir {address.store.directory}"
    print(f"(once, within 10 minutes; `hugescope token url{where}` prints another)", flush=True)


class Listening:
    """A server that holds its port from the moment it is made, and serves when told to."""

    def __init__(self, settings: ServerSettings, recorded: FileShelf | None = None) -> None:
        """Take the port; with `recorded` these hosts are shown, and no present ones.

        Raises:
            CommandError: it cannot be had, or tokens cannot be kept.
        """
        from hugescope_server.errors import CannotListen
        from hugescope_server.run import HugescopeServer

        self._settings = settings
        self._ready: Callable[[str], None] = say
        try:
            with server_errors():
                self._server = HugescopeServer(settings, lambda url: self._ready(url), recorded)
        except CannotListen as error:
            raise CommandError(f"--port {settings.port}: {error}") from None

    def serve(
        self,
        announce: Callable[[Address], None],
        host_id: str | None = None,
        agent: Sequence[str] = (),
    ) -> None:
        """Serve until a signal; `announce` is called once it answers.

        With `host_id` an agent for it runs beside the server, with `agent` as further arguments.
        """
        keeper: AgentProcess | None = None

        def ready(url: str) -> None:
            nonlocal keeper
            base = url.rstrip("/")
            with server_errors():
                self._server.store.note_url(base)
            if host_id is not None:
                keeper = self._agent(base, host_id, agent)
                keeper.start()
            announce(Address(base, self._server.store))

        self._ready = ready
        with end_by_exit():
            try:
                self._server.run()
            finally:
                if keeper is not None:
                    keeper.stop()

    def _agent(self, base: str, host_id: str, arguments: Sequence[str]) -> AgentProcess:
        """Its token is lent: nothing of it is written, and it ends with this process."""
        from hugescope_server.auth.principal import Role

        token = self._server.store.lend(Role.AGENT, host_id)
        where = ["--server", base.replace("http", "ws", 1), "--host-id", host_id]
        if self._settings.tls_cert is not None:
            where += ["--tls-pin", str(self._settings.tls_cert)]
        return AgentProcess([*where, *arguments], say, {"HUGESCOPE_TOKEN": token})


@contextlib.contextmanager
def server_errors() -> Iterator[None]:
    """What is wrong with the state directory, in one line for the person who typed."""
    from hugescope_server.auth.state_dir import StateError

    try:
        yield
    except StateError as error:
        raise CommandError(str(error)) from None


def say(line: str) -> None:
    """A line for the person at the terminal, beside what the command prints."""
    print(f"hugescope: {visible_lines(line)}", file=sys.stderr, flush=True)
