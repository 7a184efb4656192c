"""`hugescope demo --qemu`: a guest under QEMU on this machine's huge pages, migrated live."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from hugescope.errors import CommandError
from hugescope.serving import Address, Listening, say, tell_once
from hugescope_agent.workloads.errors import PoolUnavailable, WorkloadError
from hugescope_agent.workloads.plan import PostcopyPlan, lease_for
from hugescope_agent.workloads.qemu.files import guest_files
from hugescope_agent.workloads.qemu.journey import Hop, Journey
from hugescope_agent.workloads.qemu.plan import SMALLEST_BYTES, GuestPlan
from hugescope_agent.workloads.qemu.scratch import ScratchDirectory
from hugescope_agent.workloads.sizes import size_text

_WATCH_EVERY_S: Final = 1.0
_ADVICE: Final = "`hugescope demo` without --qemu shows a post-copy that needs no QEMU"


def guest_plan(
    size_bytes: int, page_size_bytes: int, rate_bytes_per_s: float, writes_per_s: float
) -> GuestPlan:
    """The plan of a demo; precopy is twice as fast as post-copy, for it has more to send.

    Raises:
        ValueError: names the field that is off.
    """
    return GuestPlan(
        size_bytes=size_bytes,
        page_size_bytes=page_size_bytes,
        precopy_bytes_per_s=2 * rate_bytes_per_s,
        postcopy_bytes_per_s=rate_bytes_per_s,
        writes_per_s=writes_per_s,
    )


def show(
    plan: GuestPlan, kernel: Path | None, pause_s: float, listening: Listening, host_id: str
) -> None:
    """Run the guest, the server and an agent, until stopped.

    Raises:
        CommandError: it cannot be; says what is missing, and what can be done without it.
    """
    base = ""

    def path(hop: Hop) -> str:
        return pair_path(host_id, hop.source_pid, hop.destination_pid)

    def tell(hop: Hop) -> None:
        if base:
            print(f"Migration {hop.number}: {base}{path(hop)}", flush=True)

    with contextlib.ExitStack() as stack:
        try:
            journey = _journey(plan, kernel, pause_s, stack, tell)
            say("booting the guest; under emulation that takes 10 s or more")
            stack.callback(journey.stop)
            first = journey.start()
        except WorkloadError as error:
            raise CommandError(f"demo --qemu: {error}; {_ADVICE}") from None

        def announce(address: Address) -> None:
            nonlocal base
            base = address.base
            print(
                f"A guest of {size_text(journey.plan.size_bytes)} in pages of"
                f" {size_text(plan.page_size_bytes)} moves from QEMU to QEMU here, first from pid"
                f" {first.source_pid} to pid {first.destination_pid}."
            )
            print("Ctrl-C ends it and gives the huge pages back. All migrations are at")
            print(address.one_time("#/migration"))
            tell_once(address)
            print("and this one at", flush=True)
            print(base + path(first), flush=True)
            watch = threading.Thread(target=_watch, args=(journey,), name="demo-watch", daemon=True)
            watch.start()

        sockets = [word for one in journey.watched for word in ("--qmp", str(one))]
        listening.serve(announce, host_id, sockets)


def _journey(
    plan: GuestPlan,
    kernel: Path | None,
    pause_s: float,
    stack: contextlib.ExitStack,
    tell: Callable[[Hop], None],
) -> Journey:
    """Everything that the guest needs; the stack gives it back in the right order."""
    if os.geteuid() != 0:
        raise WorkloadError("QEMU's post-copy and the huge page pools need root")
    scratch = stack.enter_context(ScratchDirectory("hugescope-qemu-"))
    files = guest_files(kernel, scratch.path, say)
    leased = lease_for(
        PostcopyPlan(size_bytes=plan.size_bytes, page_size_bytes=plan.page_size_bytes)
    )
    stack.enter_context(leased.lease)
    if leased.notice:
        if leased.plan.size_bytes < SMALLEST_BYTES:
            raise PoolUnavailable(leased.notice)
        say(leased.notice)
    fitting = replace(plan, size_bytes=leased.plan.size_bytes)
    return Journey(fitting, files, scratch.path, pause_s=pause_s, tell=tell)


def pair_path(host_id: str, source_pid: int, destination_pid: int) -> str:
    """Where the page shows two processes of one host as a migration."""
    return f"/#/migration?pair={host_id}:{source_pid},{host_id}:{destination_pid}"


def _watch(journey: Journey) -> None:
    """Say when it failed; the screen goes on with what is left."""
    try:
        while not journey.wait(_WATCH_EVERY_S):
            pass
    except WorkloadError as error:
        say(f"the guest's journey ended: {error}")
