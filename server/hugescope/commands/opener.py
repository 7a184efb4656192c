"""`hugescope opener`: opens for an unprivileged reader what takes privileges, and does nothing
else.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Final

import typer

from hugescope_agent.workloads.child import module_argv, module_environment

NAME: Final = "opener"


def run(
    socket: Annotated[
        str | None, typer.Option(metavar="PATH", help="Listen here; absent: a systemd socket.")
    ] = None,
    fd: Annotated[
        int | None, typer.Option(help="An inherited socket: listening, or of one reader.")
    ] = None,
    reader: Annotated[
        str | None, typer.Option(metavar="USER", help="Answer this user only. [default: our own]")
    ] = None,
    user: Annotated[
        str | None, typer.Option(metavar="USER", help="Run as this user, able to look only.")
    ] = None,
    root: Annotated[str, typer.Option(help="The host's root, in a container.")] = "/",
) -> None:
    """Open kernel files for an agent without privileges, from a closed list, for reading."""
    given = {"--socket": socket, "--fd": fd, "--reader": reader, "--user": user, "--root": root}
    words = [f"{flag}={value}" for flag, value in given.items() if value is not None]
    # In place of this process, which has imported far more than what holds capabilities should.
    argv = module_argv("hugescope_agent.opener", *words)
    os.execve(sys.executable, argv, module_environment())  # noqa: S606
