"""Where a command gets what takes privileges from: itself, or an opener, be it one of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Annotated, Final

import typer

from hugescope.errors import CommandError
from hugescope_agent import privileges
from hugescope_agent.errors import BadRoot
from hugescope_agent.kernel.asking import AskedOpener
from hugescope_agent.kernel.root import Root
from hugescope_agent.replay import scratch, unpack
from hugescope_agent.workloads.child import module_argv, module_environment

OpenerOption = Annotated[
    str | None,
    typer.Option(
        "--opener",
        envvar="HUGESCOPE_OPENER",
        metavar="SOCKET",
        help="Have a `hugescope opener` that listens here open what takes privileges.",
    ),
]
DropOption = Annotated[
    str | None,
    typer.Option(
        "--drop-to",
        metavar="USER",
        help="As root: start an opener, and give up all privileges for good.",
    ),
]
_FIRST_QUESTION: Final = "proc/kpagecount"

_scratch: Final[list[tempfile.TemporaryDirectory[str]]] = []
"""What is kept as long as this process."""


def place_of(root: str, opener: str | None, drop: str | None = None) -> Root:
    """The root to read from: through the opener at this socket, if one is named, or through one of
    our own, all privileges dropped, with the name of a user in `drop`.

    Raises:
        BadRoot: there is nothing to be read.
        CommandError: the opener is not there, or not for us; what `drop_to` raises.
    """
    root = _unpacked(root)
    if drop is not None:
        if opener is not None:
            raise CommandError("--drop-to starts an opener of its own: leave --opener away")
        return drop_to(drop, root)
    if opener is None:
        return Root.at(root)
    asked = AskedOpener(opener)
    place = Root.at(root, asked)
    if not place.live:
        raise CommandError(f"--opener {opener}: a captured tree such as {root} takes no privileges")
    _check(asked, f"--opener {opener}")
    return place


def _unpacked(root: str) -> str:
    """A captured tree that is still an archive is unpacked, and gone with this process."""
    if not os.path.isfile(root):  # noqa: PTH113 - a name as Root takes it
        return root
    place = scratch()
    _scratch.append(place)
    trees = unpack(Path(root), Path(place.name))
    if len(trees) != 1:
        has = "no captured tree" if not trees else f"a series of {len(trees)}: see agent --replay"
        raise BadRoot(f"root {root}: holds {has}")
    return str(trees[0])


def drop_to(user: str, root: str) -> Root:
    """Start an opener, give up all privileges, and read through it: both run as `user` from now on.

    It ends with this process, and this process with it.

    Raises:
        AgentError: there is no such user, or nothing to be read.
        CommandError: it takes root to become another user; the opener does not answer.
    """
    uid, gid = privileges.user_id(user)
    if not Root.at(root).live:
        raise CommandError(f"--drop-to {user}: a captured tree such as {root} takes no privileges")
    if os.geteuid() != 0:
        raise CommandError(f"--drop-to {user}: it takes root to have anything to drop")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    fd = theirs.fileno()
    arguments = ("--fd", str(fd), "--user", user, "--root", root)
    # It ends when we do: nobody holds the other end then.
    opener = subprocess.Popen(
        module_argv("hugescope_agent.opener", *arguments),
        stdin=subprocess.DEVNULL,
        pass_fds=[fd],
        env=module_environment(),
    )
    theirs.close()
    privileges.become(uid, gid)
    asked = AskedOpener(ours)
    _check(asked, f"--drop-to {user}")
    threading.Thread(target=_end_with, args=[opener], name="opener-end", daemon=True).start()
    return Root.at(root, asked)


def _check(asked: AskedOpener, what: str) -> None:
    try:
        os.close(asked.open(_FIRST_QUESTION))
    except OSError as error:
        raise CommandError(f"{what}: {_FIRST_QUESTION}: {error.strerror}") from None


def _end_with(opener: subprocess.Popen[bytes]) -> None:
    code = opener.wait()
    print(f"hugescope agent: the opener ended with code {code}", file=sys.stderr)
    os.kill(os.getpid(), signal.SIGTERM)
