"""`hugescope up`: server and agent for this host in one command."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from hugescope.commands.agent import Qmp, ThpPid
from hugescope.commands.serve import AllowRemote, Host, Port, announce
from hugescope.serving import Listening, settings_of
from hugescope_agent.kernel.root import Root

NAME: Final = "up"


def run(
    host: Host = None,
    port: Port = None,
    allow_remote: AllowRemote = False,
    root: Annotated[
        str, typer.Option(envvar="HUGESCOPE_ROOT", help="What the agent reads from.")
    ] = "/",
    thp_pid: ThpPid = None,
    qmp: Qmp = None,
) -> None:
    """Show this host's huge pages in a browser, until stopped."""
    Root.at(root)
    asked = [word for pid in thp_pid or () for word in ("--thp-pid", str(pid))]
    asked += [word for path in qmp or () for word in ("--qmp", path)]
    Listening(settings_of(host, port, allow_remote)).serve(announce, ["--root", root, *asked])
