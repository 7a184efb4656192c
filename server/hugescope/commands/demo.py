"""`hugescope demo`: a real post-copy on real huge pages, live; or, where that cannot be, a recorded
one.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import Annotated, Final

import typer

from hugescope.child import end_by_exit
from hugescope.commands.agent import SHIPPED_SERIES, host_id_of
from hugescope.commands.serve import AllowRemote, Host, Port
from hugescope.errors import CommandError
from hugescope.serving import Listening, say, settings_of
from hugescope_agent.workloads.errors import WorkloadError
from hugescope_agent.workloads.plan import PostcopyPlan, lease_for
from hugescope_agent.workloads.postcopy import DESTINATION, Postcopy
from hugescope_agent.workloads.sizes import parse_size_bytes, size_text

NAME: Final = "demo"
_FLAGS: Final = {
    "size_bytes": "--size",
    "page_size_bytes": "--page-size",
    "sweep_bytes_per_s": "--rate",
    "touch_per_s": "--touches",
    "pause_s": "--pause",
}
_WATCH_EVERY_S: Final = 1.0
_REPLAY_ID: Final = "replay-hgm-v2-postcopy"
"""The shipped series has one process, 41, with one mapping."""


def run(
    size: Annotated[
        str, typer.Option(help="Memory that migrates; twice as much is needed.")
    ] = "2G",
    page_size: Annotated[str, typer.Option(help="2M or 1G.")] = "2M",
    rate: Annotated[str, typer.Option(help="Bytes a second of the background sweep.")] = "128M",
    touches: Annotated[
        float, typer.Option(min=0, help="Pages a second that the destination touches.")
    ] = 12.0,
    pause: Annotated[float, typer.Option(min=0, help="Seconds between two rounds.")] = 3.0,
    replay: Annotated[bool, typer.Option("--replay", help="Replay the recorded series.")] = False,
    host: Host = None,
    port: Port = None,
    allow_remote: AllowRemote = False,
) -> None:
    """Show a real post-copy on this machine's huge pages in a browser, round after round, until
    stopped.
    """
    plan = _plan(size, page_size, rate, touches, pause)
    listening = Listening(settings_of(host, port, allow_remote))
    with contextlib.ExitStack() as stack:
        stack.enter_context(end_by_exit())
        postcopy = None
        if not replay:
            try:
                postcopy = _start(plan, stack)
            except WorkloadError as error:
                say(f"no real post-copy here: {error}")
                say("replaying a recorded one instead; the screen says so too")
        if postcopy is None:
            replayed = ["--replay", SHIPPED_SERIES, "--host-id", _REPLAY_ID]
            listening.serve(_announce_replay, replayed)
            return
        name = host_id_of(socket.gethostname())
        side = postcopy.sides[DESTINATION]
        path = f"/#/host/{name}/pid/{side.pid}/map/{side.start_va:x}"
        listening.serve(
            lambda url: _announce(url.rstrip("/") + path, postcopy), ["--host-id", name]
        )


def _plan(size: str, page_size: str, rate: str, touches: float, pause: float) -> PostcopyPlan:
    sizes = {}
    for flag, text in (("--size", size), ("--page-size", page_size), ("--rate", rate)):
        try:
            sizes[flag] = parse_size_bytes(text)
        except ValueError as error:
            raise CommandError(f"{flag} {text}: {error}") from None
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if 2 * sizes["--size"] > memory_bytes:
        raise CommandError(
            f"--size {size}: twice that is needed, and this machine has {size_text(memory_bytes)}"
        )
    try:
        return PostcopyPlan(
            size_bytes=sizes["--size"],
            page_size_bytes=sizes["--page-size"],
            sweep_bytes_per_s=float(sizes["--rate"]),
            touch_per_s=touches,
            pause_s=pause,
        )
    except ValueError as error:
        field, _, what = str(error).partition(": ")
        raise CommandError(f"{_FLAGS.get(field, field)}: {what}") from None


def _start(plan: PostcopyPlan, stack: contextlib.ExitStack) -> Postcopy:
    """Take the pages and start both sides; the stack ends both in the right order."""
    if os.geteuid() != 0 and not os.access("/dev/userfaultfd", os.R_OK | os.W_OK):
        raise WorkloadError("userfaultfd and the huge page pools need root")
    leased = lease_for(plan)
    stack.enter_context(leased.lease)
    if leased.notice:
        say(leased.notice)
    postcopy = Postcopy(leased.plan)
    postcopy.start()
    stack.callback(postcopy.stop)
    return postcopy


def _announce(url: str, postcopy: Postcopy) -> None:
    plan = postcopy.plan
    sides = ", ".join(f"{name} pid {pid}" for name, pid in postcopy.pids.items())
    print(f"A real post-copy of {size_text(plan.size_bytes)} runs here: {sides}.")
    print("Ctrl-C ends it and gives the huge pages back. Watch it at", flush=True)
    print(url, flush=True)
    threading.Thread(target=_watch, args=(postcopy,), name="demo-watch", daemon=True).start()


def _announce_replay(url: str) -> None:
    print("A recorded post-copy is replayed, not this machine's memory. Watch it at")
    print(f"{url.rstrip('/')}/#/host/{_REPLAY_ID}/pid/41/map/7e2000000000", flush=True)


def _watch(postcopy: Postcopy) -> None:
    """Say when the post-copy failed; the screen goes on with what is left."""
    try:
        while not postcopy.wait(_WATCH_EVERY_S):
            pass
    except WorkloadError as error:
        say(f"the post-copy ended: {error}")
