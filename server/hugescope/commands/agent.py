"""`hugescope agent`: watch this host and send what is seen to a server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import signal
import sys
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from hugescope import __version__
from hugescope.commands.snapshot import RootOption
from hugescope.errors import CommandError
from hugescope.replaying import open_replay
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.link import AgentLink, LinkOptions
from hugescope_agent.sample import SamplerOptions
from hugescope_agent.sampler import Sampler
from hugescope_wire.host import Source

NAME: Final = "agent"
DEFAULT_SERVER: Final = "ws://127.0.0.1:8765"
_CAPTURE_HZ: Final = 1.0
"""A captured tree does not change; once a second keeps its age true."""

ThpPid = Annotated[
    list[int] | None,
    typer.Option(help="Watch this process' transparent huge pages too; may be given again."),
]
Qmp = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SOCKET",
        help="Ask the QEMU at this QMP socket for its migration, read only; may be given again. "
        "A socket serves one client, so give QEMU one for this.",
    ),
]
_ID_REFUSES: Final = re.compile(r"[^A-Za-z0-9._:-]+")


def run(
    server: Annotated[
        str, typer.Option(envvar="HUGESCOPE_SERVER", help="The server's URL, ws:// or wss://.")
    ] = DEFAULT_SERVER,
    root: RootOption = "/",
    host_id: Annotated[
        str | None, typer.Option(envvar="HUGESCOPE_HOST_ID", help="Default: the host's name.")
    ] = None,
    hz: Annotated[float, typer.Option(min=0.1, max=50, help="Looks a second.")] = 10.0,
    budget: Annotated[
        float,
        typer.Option(min=0.001, max=1, help="Share of a core for reading unchanged pages again."),
    ] = 0.01,
    thp_pid: ThpPid = None,
    qmp: Qmp = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Say nothing but what goes wrong.")
    ] = False,
    replay: Annotated[
        str | None,
        typer.Option(
            help="Replay a recording (.hsrec), a series of captured trees (directory or .tar.xz), "
            "or what is shipped: 'shipped', a migration between two QEMUs, or 'hgm'."
        ),
    ] = None,
) -> None:
    """Watch this host's huge pages and send them to a server, until stopped."""
    _check_server(server)
    if quiet:
        for name in ("link", "qmpwatch"):
            logging.getLogger(f"hugescope_agent.{name}").setLevel(logging.ERROR)
    with contextlib.ExitStack() as stack:
        if replay is not None:
            _only_live(qmp, "--replay")
            looker, rate_hz = open_replay(replay, stack)
            name, boot_id = f"replay-{Path(replay).name.split('.')[0]}", None
        else:
            place = Root.at(root)
            files = HostFiles(place)
            stack.callback(files.close)
            rate_hz = hz if place.live else min(hz, _CAPTURE_HZ)
            kind = Source(kind="live") if place.live else Source(kind="capture", name=root)
            if not place.live:
                _only_live(qmp, f"--root {root}, a captured tree")
            options = SamplerOptions(
                rate_hz,
                budget,
                thp_pids=frozenset(thp_pid or ()),
                qmp=tuple(qmp or ()),
                reports=True,
            )
            sampler = Sampler(files, kind, options)
            stack.callback(sampler.close)
            looker = sampler
            name = files.info.name or Path(place.path).name or "host"
            boot_id = files.info.boot_id
        link = LinkOptions(server, host_id_of(host_id or name), __version__, rate_hz)
        if not quiet:
            print(f"hugescope agent: {link.host_id} -> {server}", file=sys.stderr)
        asyncio.run(_until_signal(AgentLink(looker, link, boot_id=boot_id)))


def _only_live(qmp: list[str] | None, instead: str) -> None:
    if qmp:
        raise CommandError(f"--qmp {qmp[0]}: there is no QEMU to ask with {instead}")


def _check_server(server: str) -> None:
    try:
        parts = urlsplit(server)
        known = parts.scheme in ("ws", "wss") and parts.hostname and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise CommandError(f"--server {server}: is no URL such as {DEFAULT_SERVER} or wss://HOST")


def host_id_of(name: str) -> str:
    """A name as the wire takes it for a host."""
    return _ID_REFUSES.sub("-", name)[:128].strip("-") or "host"


async def _until_signal(link: AgentLink) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(link.run(), name="agent-link")
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
