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


def serve_with_agent(
    settings: ServerSettings, agent_arguments: Sequence[str], announce: Callable[[str], None]
) -> None:
    """Serve, with an agent for this host beside it, until a signal.

    Raises:
        CommandError: the port is taken.
    """
    agent: AgentProcess | None = None

    def ready(url: str) -> None:
        nonlocal agent
        server = url.rstrip("/").replace("http", "ws", 1)
        agent = AgentProcess(["--server", server, *agent_arguments], say)
        agent.start()
        announce(url)

    with end_by_exit():
        try:
            serve_until_signal(settings, ready)
        finally:
            if agent is not None:
                agent.stop()


def serve_until_signal(settings: ServerSettings, ready: Callable[[str], None]) -> None:
    """Serve until a signal; `ready` gets the URL once it answers.

    Raises:
        CommandError: the port is taken.
    """
    from hugescope_server.errors import CannotListen
    from hugescope_server.run import serve

    try:
        serve(settings, on_ready=ready)
    except CannotListen as error:
        raise CommandError(f"--port {settings.port}: {error}; give another with --port") from None


def say(line: str) -> None:
    """A line for the person at the terminal, beside what the command prints."""
    print(f"hugescope: {line}", file=sys.stderr, flush=True)
