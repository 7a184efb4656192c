"""`hugescope demo`: a real post-copy on real huge pages, live; or, where that cannot be, a recorded
one; or, with `--qemu`, a guest that QEMU migrates.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from hugescope.child import end_by_exit
from hugescope.commands.agent import host_id_of
from hugescope.errors import CommandError
from hugescope.guest_demo import guest_plan, pair_path, show
from hugescope.replaying import HGM, MIGRATION
from hugescope.serving import (
    Address,
    BehindProxy,
    Host,
    Listening,
    Port,
    StateDir,
    TlsCert,
    TlsKey,
    say,
    settings_of,
    tell_once,
)
from hugescope_agent.workloads.errors import WorkloadError
from hugescope_agent.workloads.plan import PostcopyPlan, lease_for
from hugescope_agent.workloads.postcopy import DESTINATION, SOURCE, Postcopy
from hugescope_agent.workloads.qemu.plan import GuestPlan
from hugescope_agent.workloads.sizes import parse_size_bytes, size_text

NAME: Final = "demo"
_FLAGS: Final = {
    "size_bytes": "--size",
    "page_size_bytes": "--page-size",
    "sweep_bytes_per_s": "--rate",
    "precopy_bytes_per_s": "--rate",
    "postcopy_bytes_per_s": "--rate",
    "touch_per_s": "--touches",
    "writes_per_s": "--touches",
    "pause_s": "--pause",
}
_STATE_PREFIX: Final = "hugescope-demo-"
_WATCH_EVERY_S: Final = 1.0
_REPLAY_ID: Final = "replay-qemu-migration"
_HGM_ID: Final = "replay-hgm-v2-postcopy"
"""That series has one process, 41, with one mapping."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the flags say, with defaults for what they do not."""

    size: str
    page_size: str
    rate: str
    touches: float
    pause: float


def run(
    size: Annotated[
        str | None,
        typer.Option(help="Memory that migrates; twice as much is needed.  [default: 2G or 512M]"),
    ] = None,
    page_size: Annotated[str, typer.Option(help="2M or 1G.")] = "2M",
    rate: Annotated[
        str | None,
        typer.Option(help="Bytes a second of the post-copy.  [default: 128M or 16M]"),
    ] = None,
    touches: Annotated[
        float | None,
        typer.Option(min=0, help="Touches a second while it migrates.  [default: 12 or 60]"),
    ] = None,
    pause: Annotated[float, typer.Option(min=0, help="Seconds between two rounds.")] = 3.0,
    qemu: Annotated[
        bool, typer.Option("--qemu", help="Migrate a guest from one QEMU to another.")
    ] = False,
    kernel: Annotated[
        Path | None, typer.Option(help="With --qemu: what the guest boots; else one is found.")
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Replay a recorded migration between two QEMUs.")
    ] = False,
    hgm: Annotated[
        bool,
        typer.Option("--hgm", help="Replay a post-copy 4 KiB at a time, by a kernel with HGM."),
    ] = False,
    host: Host = None,
    port: Port = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    behind_proxy: BehindProxy = False,
    state_dir: StateDir = None,
) -> None:
    """Show a real post-copy on this machine's huge pages in a browser, until stopped.

    With --qemu it is a guest's, precopy first; what it takes is QEMU 8 or newer and a static
    busybox (Debian's qemu-system-x86 and busybox-static).
    """
    kinds = [f for f, on in (("--qemu", qemu), ("--replay", replay), ("--hgm", hgm)) if on]
    if len(kinds) > 1:
        raise CommandError(f"{' and '.join(kinds)}: give one of them")
    if kernel is not None and not qemu:
        raise CommandError("--kernel: only --qemu has a guest that boots it")
    with contextlib.ExitStack() as stack:
        stack.enter_context(end_by_exit())
        if state_dir is None:
            # Who is logged in to a demo need not be known after it.
            state_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_STATE_PREFIX)))
        settings = settings_of(host, port, tls_cert, tls_key, behind_proxy, state_dir)
        if qemu:
            guest = _guest_plan(_asked_of_guest(size, page_size, rate, touches, pause))
            listening = Listening(settings)
            show(guest, kernel, pause, listening, host_id_of(socket.gethostname()))
        elif hgm:
            Listening(settings).serve(_announce_hgm, _HGM_ID, ["--replay", HGM])
        else:
            dots = 12.0 if touches is None else touches
            asked = _Asked(size or "2G", page_size, rate or "128M", dots, pause)
            _show_postcopy(_plan(asked), replay, Listening(settings))


def _asked_of_guest(
    size: str | None, page_size: str, rate: str | None, touches: float | None, pause: float
) -> _Asked:
    big = page_size.strip().upper().startswith("1G")
    return _Asked(
        size or ("1G" if big else "512M"),
        page_size,
        rate or ("128M" if big else "16M"),
        60.0 if touches is None else touches,
        pause,
    )


def _show_postcopy(plan: PostcopyPlan, replay: bool, listening: Listening) -> None:
    with contextlib.ExitStack() as stack:
        postcopy = None
        if not replay:
            try:
                postcopy = _start(plan, stack)
            except WorkloadError as error:
                say(f"no real post-copy here: {error}")
                say("replaying a recorded one instead; the screen says so too")
        if postcopy is None:
            listening.serve(_announce_replay, _REPLAY_ID, ["--replay", MIGRATION])
            return
        name = host_id_of(socket.gethostname())
        listening.serve(lambda address: _announce(address, name, postcopy), name)


def _sizes(asked: _Asked) -> tuple[int, int, float]:
    """Size, page size and rate in bytes."""
    sizes = []
    flags = (("--size", asked.size), ("--page-size", asked.page_size), ("--rate", asked.rate))
    for flag, text in flags:
        try:
            sizes.append(parse_size_bytes(text))
        except ValueError as error:
            raise CommandError(f"{flag} {text}: {error}") from None
    size_bytes, page_size_bytes, rate = sizes
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if 2 * size_bytes > memory_bytes:
        raise CommandError(
            f"--size {asked.size}: twice that is needed, and this machine has"
            f" {size_text(memory_bytes)}"
        )
    return size_bytes, page_size_bytes, float(rate)


def _plan(asked: _Asked) -> PostcopyPlan:
    size_bytes, page_size_bytes, rate = _sizes(asked)
    try:
        return PostcopyPlan(
            size_bytes=size_bytes,
            page_size_bytes=page_size_bytes,
            sweep_bytes_per_s=rate,
            touch_per_s=asked.touches,
            pause_s=asked.pause,
        )
    except ValueError as error:
        raise _flag_error(error) from None


def _guest_plan(asked: _Asked) -> GuestPlan:
    size_bytes, page_size_bytes, rate = _sizes(asked)
    try:
        return guest_plan(size_bytes, page_size_bytes, rate, asked.touches)
    except ValueError as error:
        raise _flag_error(error) from None


def _flag_error(error: ValueError) -> CommandError:
    field, _, what = str(error).partition(": ")
    return CommandError(f"{_FLAGS.get(field, field)}: {what}")


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


def _announce(address: Address, host_id: str, postcopy: Postcopy) -> None:
    plan = postcopy.plan
    source, destination = postcopy.sides[SOURCE], postcopy.sides[DESTINATION]
    sides = ", ".join(f"{name} pid {pid}" for name, pid in postcopy.pids.items())
    print(f"A real post-copy of {size_text(plan.size_bytes)} runs here: {sides}.")
    print("Ctrl-C ends it and gives the huge pages back. Watch it at")
    map_ = f"#/host/{host_id}/pid/{destination.pid}/map/{destination.start_va:x}"
    print(address.one_time(map_))
    tell_once(address)
    print("and then both sides as a migration at")
    print(address.base + pair_path(host_id, source.pid, destination.pid), flush=True)
    threading.Thread(target=_watch, args=(postcopy,), name="demo-watch", daemon=True).start()


def _announce_replay(address: Address) -> None:
    print("A recorded migration between two QEMUs is replayed, not this machine's memory.")
    print("Watch it at")
    print(address.one_time("#/migration"))
    tell_once(address)


def _announce_hgm(address: Address) -> None:
    print("A recorded post-copy is replayed, not this machine's memory. Watch it at")
    print(address.one_time(f"#/host/{_HGM_ID}/pid/41/map/7e2000000000"))
    tell_once(address)


def _watch(postcopy: Postcopy) -> None:
    """Say when the post-copy failed; the screen goes on with what is left."""
    try:
        while not postcopy.wait(_WATCH_EVERY_S):
            pass
    except WorkloadError as error:
        say(f"the post-copy ended: {error}")
