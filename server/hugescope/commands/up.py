"""`hugescope up`: server and agent for this host in one command."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from hugescope.commands.agent import HostIdOption, Qmp, ThpPid, host_id_at
from hugescope.commands.serve import announce_once
from hugescope.serving import (
    BehindProxy,
    Host,
    Listening,
    NoHistory,
    Port,
    StateDir,
    TlsCert,
    TlsKey,
    settings_of,
)
from hugescope_agent.kernel.root import Root

NAME: Final = "up"


def run(
    host: Host = None,
    port: Port = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    behind_proxy: BehindProxy = False,
    state_dir: StateDir = None,
    no_history: NoHistory = False,
    root: Annotated[
        str, typer.Option(envvar="HUGESCOPE_ROOT", help="What the agent reads from.")
    ] = "/",
    host_id: HostIdOption = None,
    thp_pid: ThpPid = None,
    qmp: Qmp = None,
) -> None:
    """Show this host's huge pages in a browser, until stopped."""
    name = host_id_at(Root.at(root), host_id)
    asked = [word for pid in thp_pid or () for word in ("--thp-pid", str(pid))]
    asked += [word for path in qmp or () for word in ("--qmp", path)]
    settings = settings_of(host, port, tls_cert, tls_key, behind_proxy, state_dir, no_history)
    Listening(settings).serve(announce_once, name, ["--root", root, *asked])
