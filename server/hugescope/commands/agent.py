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
from hugescope_agent.errors import AgentError
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.link import AgentLink, LinkOptions, Looker
from hugescope_agent.replay import SHIPPED_NAME, Replay, scratch, shipped_series, steps_of, unpack
from hugescope_agent.sample import SamplerOptions
from hugescope_agent.sampler import Sampler
from hugescope_wire.host import Source

NAME: Final = "agent"
DEFAULT_SERVER: Final = "ws://127.0.0.1:8765"
SHIPPED_SERIES: Final = "shipped"
_CAPTURE_HZ: Final = 1.0
"""A captured tree does not change; once a second keeps its age true."""

_REPLAY_HZ: Final = 4.0
ThpPid = Annotated[
    list[int] | None,
    typer.Option(help="Watch this process' transparent huge pages too; may be given again."),
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
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Say nothing but what goes wrong.")
    ] = False,
    replay: Annotated[
        str | None,
        typer.Option(
            help="Replay a series of captured trees (directory or .tar.xz, or 'shipped')."
        ),
    ] = None,
) -> None:
    """Watch this host's huge pages and send them to a server, until stopped."""
    _check_server(server)
    if quiet:
        logging.getLogger("hugescope_agent.link").setLevel(logging.ERROR)
    with contextlib.ExitStack() as stack:
        if replay is not None:
            source = _replay(replay, stack)
            name, rate_hz = f"replay-{Path(replay).name.split('.')[0]}", _REPLAY_HZ
            looker: Looker = source
        else:
            place = Root.at(root)
            files = HostFiles(place)
            stack.callback(files.close)
            rate_hz = hz if place.live else min(hz, _CAPTURE_HZ)
            kind = Source(kind="live") if place.live else Source(kind="capture", name=root)
            thp_pids = frozenset(thp_pid or ())
            options = SamplerOptions(rate_hz, budget, thp_pids=thp_pids, reports=True)
            sampler = Sampler(files, kind, options)
            stack.callback(sampler.close)
            name, looker = files.info.name or Path(place.path).name or "host", sampler
        link = LinkOptions(server, host_id_of(host_id or name), __version__, rate_hz)
        if not quiet:
            print(f"hugescope agent: {link.host_id} -> {server}", file=sys.stderr)
        asyncio.run(_until_signal(AgentLink(looker, link)))


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


def _replay(series: str, stack: contextlib.ExitStack) -> Replay:
    if series == SHIPPED_SERIES:
        steps, name = shipped_series(Path(stack.enter_context(scratch()))), SHIPPED_NAME
    elif series and Path(series).is_dir():
        steps, name = steps_of(Path(series)), series
    elif Path(series).is_file():
        steps, name = unpack(Path(series), Path(stack.enter_context(scratch()))), series
    else:
        raise CommandError(f"--replay {series}: no such file or directory")
    try:
        replay = Replay(steps, name)
    except AgentError as error:
        raise CommandError(f"--replay {series}: {error}") from None
    stack.callback(replay.close)
    return replay


async def _until_signal(link: AgentLink) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(link.run(), name="agent-link")
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
