"""Runs the server with what belongs beside it, for `serve`, `up` and `demo`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError

from hugescope.child import AgentProcess, end_by_exit
from hugescope.errors import CommandError

# The server is imported where it is run: the agent and `snapshot` share this command line, and
# an agent on somebody's host should not carry a web framework.
if TYPE_CHECKING:
    from hugescope_server.settings import ServerSettings


def settings_of(host: str | None, port: int | None, allow_remote: bool) -> ServerSettings:
    """The settings by flags, else by environment.

    Raises:
        CommandError: naming the flag or variable that is wrong.
    """
    from hugescope_server.settings import ServerSettings

    given = {"bind_host": host, "port": port, "allow_remote": allow_remote or None}
    try:
        return ServerSettings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        flags = {"bind_host": "--host", "port": "--port"}
        name = str(first["loc"][0]) if first["loc"] else "bind_host"
        message = str(first["msg"]).removeprefix("Value error, ")
        raise CommandError(f"{flags.get(name, name)}: {message}") from None


class Listening:
    """A server that holds its port from the moment it is made, and serves when told to."""

    def __init__(self, settings: ServerSettings) -> None:
        """Take the port.

        Raises:
            CommandError: it cannot be had.
        """
        from hugescope_server.errors import CannotListen
        from hugescope_server.run import HugescopeServer

        self._ready: Callable[[str], None] = say
        try:
            self._server = HugescopeServer(settings, lambda url: self._ready(url))
        except CannotListen as error:
            raise CommandError(f"--port {settings.port}: {error}") from None

    def serve(self, announce: Callable[[str], None], agent: Sequence[str] | None = None) -> None:
        """Serve until a signal; `announce` gets the URL once it answers.

        With `agent`, the arguments of `hugescope agent`, one for this host runs beside it.
        """
        keeper: AgentProcess | None = None

        def ready(url: str) -> None:
            nonlocal keeper
            if agent is not None:
                server = url.rstrip("/").replace("http", "ws", 1)
                keeper = AgentProcess(["--server", server, *agent], say)
                keeper.start()
            announce(url)

        self._ready = ready
        with end_by_exit():
            try:
                self._server.run()
            finally:
                if keeper is not None:
                    keeper.stop()


def say(line: str) -> None:
    """A line for the person at the terminal, beside what the command prints."""
    print(f"hugescope: {line}", file=sys.stderr, flush=True)
