"""`hugescope agent`: watch this host and send what is seen to a server."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import re
import signal
import ssl
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlsplit

import typer

from hugescope import __version__
from hugescope.commands.snapshot import RootOption
from hugescope.errors import CommandError
from hugescope.privilege import DropOption, OpenerOption, place_of
from hugescope.replaying import open_replay
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.link import AgentLink, LinkOptions, Looker, pinned
from hugescope_agent.sample import SamplerOptions
from hugescope_agent.sampler import Sampler
from hugescope_wire.host import Source

NAME: Final = "agent"
TOKEN_VARIABLE: Final = "HUGESCOPE_TOKEN"  # noqa: S105 - where it is, not what
DEFAULT_SERVER: Final = "ws://127.0.0.1:8765"
_PEM_END: Final = "-----END CERTIFICATE-----"
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
HostIdOption = Annotated[
    str | None, typer.Option(envvar="HUGESCOPE_HOST_ID", help="Default: the host's name.")
]
_TOKEN: Final = re.compile(r"hst_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")
_ID_REFUSES: Final = re.compile(r"[^A-Za-z0-9._:-]+")


def run(
    server: Annotated[
        str, typer.Option(envvar="HUGESCOPE_SERVER", help="The server's URL, ws:// or wss://.")
    ] = DEFAULT_SERVER,
    root: RootOption = "/",
    host_id: HostIdOption = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="Holds the token that `hugescope token create --role agent` printed, and is read "
            f"again for each connection; without it, ${TOKEN_VARIABLE} does.",
            show_default=False,
        ),
    ] = None,
    tls_pin: Annotated[
        Path | None,
        typer.Option(
            envvar="HUGESCOPE_TLS_PIN",
            help="With wss://: believe the server that shows the first certificate of this PEM "
            "file, whatever its name; else the machine's own authorities are asked.",
            show_default=False,
        ),
    ] = None,
    hz: Annotated[float, typer.Option(min=0.1, max=50, help="Looks a second.")] = 10.0,
    budget: Annotated[
        float,
        typer.Option(min=0.001, max=1, help="Share of a core for reading unchanged pages again."),
    ] = 0.01,
    thp_pid: ThpPid = None,
    qmp: Qmp = None,
    opener: OpenerOption = None,
    drop: DropOption = None,
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
    options = _link(server, token_file, tls_pin)
    if quiet:
        _only_what_goes_wrong()
    with contextlib.ExitStack() as stack:
        if replay is not None:
            watched = _replayed(replay, qmp, drop, stack)
        else:
            pids, sockets = frozenset(thp_pid or ()), tuple(qmp or ())
            look = SamplerOptions(hz, budget, thp_pids=pids, qmp=sockets, reports=True)
            watched = _sampled(place_of(root, opener, drop), root, look, stack)
        name = host_id_of(host_id or watched.name)
        link = options(host_id=name, agent_version=__version__, tick_hz=watched.rate_hz)
        if not quiet:
            print(f"hugescope agent: {link.host_id} -> {server}", file=sys.stderr)
        asyncio.run(_until_signal(AgentLink(watched.looker, link, boot_id=watched.boot_id)))


class _Watched(NamedTuple):
    """What gives samples, how often, and of which host."""

    looker: Looker
    rate_hz: float
    name: str
    boot_id: str | None


def _link(server: str, token_file: Path | None, tls_pin: Path | None) -> Callable[..., LinkOptions]:
    """Options of a link to this server, but for what is looked at."""
    return partial(
        LinkOptions,
        server,
        token=_token(token_file),
        newer_token=partial(token_now, token_file),
        tls=_pinned(tls_pin, server),
    )


def _only_what_goes_wrong() -> None:
    for name in ("link", "qmpwatch"):
        logging.getLogger(f"hugescope_agent.{name}").setLevel(logging.ERROR)


def _replayed(
    replay: str, qmp: Sequence[str] | None, drop: str | None, stack: contextlib.ExitStack
) -> _Watched:
    _only_live(qmp, "--replay")
    if drop is not None:
        raise CommandError(f"--drop-to {drop}: a replay takes no privileges")
    looker, rate_hz = open_replay(replay, stack)
    return _Watched(looker, rate_hz, f"replay-{Path(replay).name.split('.')[0]}", None)


def _sampled(
    place: Root, root: str, options: SamplerOptions, stack: contextlib.ExitStack
) -> _Watched:
    files = HostFiles(place)
    stack.callback(files.close)
    kind = Source(kind="live")
    if not place.live:
        _only_live(options.qmp, f"--root {root}, a captured tree")
        kind = Source(kind="capture", name=root)
        options = replace(options, tick_hz=min(options.tick_hz, _CAPTURE_HZ))
    sampler = Sampler(files, kind, options)
    stack.callback(sampler.close)
    return _Watched(sampler, options.tick_hz, _name(files, place), files.info.boot_id)


def _only_live(qmp: Sequence[str] | None, instead: str) -> None:
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
    if parts.scheme == "ws" and not _is_loopback(parts.hostname or ""):
        raise CommandError(
            f"--server {server}: the token would cross the network in the clear; use wss://, or "
            "an SSH tunnel and ws://127.0.0.1"
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _token(file: Path | None) -> str:
    """From the file, else from the environment: never from an argument, which everyone can see."""
    where = f"${TOKEN_VARIABLE}" if file is None else f"--token-file {file}"
    text = os.environ.pop(TOKEN_VARIABLE, "")
    if file is not None:
        try:
            text = _read_start(file)
        except OSError as error:
            raise CommandError(f"{where}: {error.strerror}") from None
    if _TOKEN.fullmatch(text.strip()) is None:
        raise CommandError(
            f"{where}: holds no token; on the server's machine `hugescope token create --role agent"
            " --host-id HOST` prints one"
        )
    return text.strip()


def token_now(file: Path | None) -> str | None:
    """What the file holds by now; None where that is no token, or may not be read any more."""
    with contextlib.suppress(OSError):
        # A pipe or a terminal gives what it has once, and would make the agent wait for more.
        if file is not None and file.is_file():
            text = _read_start(file).strip()
            return text if _TOKEN.fullmatch(text) else None
    return None


def _read_start(file: Path) -> str:
    return file.read_bytes()[:1024].decode(errors="replace")


def _pinned(file: Path | None, server: str) -> ssl.SSLContext | None:
    if file is None:
        return None
    if not server.startswith("wss:"):
        raise CommandError(f"--tls-pin {file}: is for wss://, and the server is {server}")
    try:
        first, end, _ = file.read_text(errors="replace").partition(_PEM_END)
        return pinned(first + end)
    except OSError as error:  # also what ssl raises
        raise CommandError(f"--tls-pin {file}: {error.strerror or error}") from None


def host_id_of(name: str) -> str:
    """A name as the wire takes it for a host."""
    return _ID_REFUSES.sub("-", name)[:128].strip("-") or "host"


def host_id_at(place: Root, given: str | None) -> str:
    """The id of the host at a root: as given, else by its name."""
    if given is not None:
        return host_id_of(given)
    files = HostFiles(place)
    try:
        return host_id_of(_name(files, place))
    finally:
        files.close()


def _name(files: HostFiles, place: Root) -> str:
    return files.info.name or Path(place.path).name or "host"


async def _until_signal(link: AgentLink) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(link.run(), name="agent-link")
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
