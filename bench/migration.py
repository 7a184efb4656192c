"""What watching costs a live migration: its total time with an agent beside it, and without.

A guest that writes its memory moves from one QEMU to the next on this machine's huge pages, precopy
and then post-copy, at the speed of a link (1 Gb/s, if not said otherwise). A faster one makes the
time depend on how the machine's cores are shared more than on what is measured. Every other time
an agent watches both ends, also by QMP, and sends to a server. The server runs all the while,
without a viewer. After one move that does not count, moves are made in turn; the total time is
QEMU's own (`total-time` of query-migrate at the source).

    slowdown_ratio      the median with an agent to the median without
    agent_cpu_share     of one core, that the agent took while it watched
    noise_ratio         slowest to fastest of those without an agent: what a ratio can mean at all

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

from hugescope_agent.workloads.errors import WorkloadError
from hugescope_agent.workloads.pool import PoolLease
from hugescope_agent.workloads.qemu.commandline import GuestFiles, Places
from hugescope_agent.workloads.qemu.files import guest_files
from hugescope_agent.workloads.qemu.machine import Machine
from hugescope_agent.workloads.qemu.migration import Migration
from hugescope_agent.workloads.qemu.plan import MIB, GuestPlan
from hugescope_agent.workloads.qemu.scratch import ScratchDirectory
from hugescope_server.auth.principal import Role
from hugescope_server.auth.store import TokenStore

RUNS: Final = 5
LINK_GBIT_PER_S: Final = 1.0
HOST: Final = "bench"
PATIENCE_S: Final = 60.0
SETTLE_S: Final = 1.0
"""Between a process' start and what is measured: an interpreter's start must not be in it."""

HUGESCOPE: Final = (sys.executable, "-m", "hugescope")


def progress(line: str) -> None:
    """For people; the result goes to standard output."""
    print(f"bench-migration: {line}", file=sys.stderr, flush=True)


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A process whose output can be read, ended at the end."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def serve(stack: ExitStack) -> str:
    """The URL of a server of its own."""
    # Inherited by all that is started here.
    os.environ["HUGESCOPE_STATE_DIR"] = stack.enter_context(TemporaryDirectory())
    process = stack.enter_context(running(*HUGESCOPE, "serve", "--port", "0"))
    assert process.stdout is not None
    return process.stdout.readline().split()[-1].rstrip("/")


def token(role: Role, host_id: str | None = None) -> str:
    """One for that server."""
    return TokenStore(Path(os.environ["HUGESCOPE_STATE_DIR"])).create(role, host_id)[0]


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def processes_seen(url: str, operator: str) -> set[int]:
    """The processes with huge pages that the server knows of the agent's host, when it is there."""
    shown = {"Authorization": f"Bearer {operator}"}
    asked = urllib.request.Request(f"{url}/api/v1/hosts", headers=shown)
    with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
        hosts = json.load(answer)["hosts"]
    return {one["pid"] for h in hosts if h["link"] == "live" for one in h["processes"]}


@contextmanager
def watching(url: str, machines: list[Machine]) -> Iterator[Callable[[], float]]:
    """An agent that has told the server of these QEMUs; gives its CPU seconds."""
    server = url.replace("http", "ws", 1)
    words = [word for one in machines for word in ("--qmp", str(one.places.watched))]
    pids = {one.pid for one in machines}
    operator = token(Role.OPERATOR)
    os.environ["HUGESCOPE_TOKEN"] = token(Role.AGENT, HOST)
    with running(
        *HUGESCOPE, "agent", "--quiet", "--server", server, "--host-id", HOST, *words
    ) as agent:
        give_up_s = time.monotonic() + PATIENCE_S
        while not pids <= processes_seen(url, operator):
            if time.monotonic() > give_up_s:
                raise SystemExit("bench-migration: the agent does not see both QEMUs")
            time.sleep(0.1)
        yield lambda: cpu_s(agent.pid)


class Moves:
    """A guest and the moves it makes; `stack` ends the QEMUs."""

    def __init__(self, plan: GuestPlan, files: GuestFiles, directory: Path, url: str) -> None:
        self._plan = plan
        self._files = files
        self._places = [Places(directory, name) for name in ("qemu-a", "qemu-b")]
        self._url = url
        self._started = 0
        self._stack = ExitStack()
        self.agent_shares: list[float] = []

    def __enter__(self) -> Self:
        self._at = self._machine()
        self._at.wait_until_running()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def move(self, *, watched: bool) -> float:
        """Move it once; QEMU's total time in milliseconds."""
        target = self._machine()
        migration = Migration(self._at, target)
        with ExitStack() as stack:
            agent = watching(self._url, [self._at, target])
            spent = stack.enter_context(agent) if watched else None
            time.sleep(SETTLE_S)
            began_s, before_s = time.monotonic(), spent() if spent else 0.0
            migration.run()
            if spent:
                share = (spent() - before_s) / (time.monotonic() - began_s)
                self.agent_shares.append(share)
        figures = migration.figures()
        if "postcopy-active" not in [moment.status for moment in migration.moments()]:
            raise SystemExit("bench-migration: precopy was over before post-copy was asked for")
        target.wait_until_written()
        self._at.stop()
        self._at = target
        return float(figures["total-time"])

    def _machine(self) -> Machine:
        places = self._places[self._started % len(self._places)]
        machine = Machine(self._plan, self._files, places, incoming=self._started > 0)
        self._started += 1
        self._stack.callback(machine.stop)
        machine.start()
        return machine


def measured(moves: Moves, runs: int) -> dict[str, object]:
    """All moves, in turn, and what they come to."""
    moves.move(watched=True)  # the first one of a fresh guest, and the server's first frames
    plain_ms, watched_ms = [], []
    for number in range(1, runs + 1):
        plain_ms.append(moves.move(watched=False))
        watched_ms.append(moves.move(watched=True))
        progress(f"{number}: {plain_ms[-1]:.0f} ms, watched {watched_ms[-1]:.0f} ms")
    plain, watched = statistics.median(plain_ms), statistics.median(watched_ms)
    return {
        "slowdown_ratio": round(watched / plain, 4),
        "noise_ratio": round(max(plain_ms) / min(plain_ms), 4),
        "agent_cpu_share": round(statistics.median(moves.agent_shares[1:]), 4),
        "plain_median_ms": plain,
        "watched_median_ms": watched,
        "plain_ms": plain_ms,
        "watched_ms": watched_ms,
    }


def main() -> None:
    """Move, and print what it took."""
    parser = argparse.ArgumentParser(prog="bench-migration")
    parser.add_argument("--runs", type=int, default=RUNS, help="each way")
    parser.add_argument("--size", type=int, default=1024, help="of the guest, in MiB")
    parser.add_argument("--link", type=float, default=LINK_GBIT_PER_S, help="in Gb/s")
    parser.add_argument("--kernel", type=Path, help="what the guest boots; else one is found")
    options = parser.parse_args()
    try:
        with ExitStack() as stack:
            rate = options.link * 1e9 / 8
            plan = GuestPlan(
                size_bytes=options.size * MIB, precopy_bytes_per_s=rate, postcopy_bytes_per_s=rate
            )
            scratch = stack.enter_context(ScratchDirectory("hugescope-bench-"))
            files = guest_files(options.kernel, scratch.path, progress)
            stack.enter_context(PoolLease(plan.page_size_bytes, 2 * plan.pages, use_free=False))
            url = serve(stack)
            progress("booting the guest")
            moves = stack.enter_context(Moves(plan, files, scratch.path, url))
            figures = measured(moves, options.runs)
    except WorkloadError as error:
        raise SystemExit(f"bench-migration: {error}") from None
    said = {"size_bytes": plan.size_bytes, "link_gbit_per_s": options.link, "runs": options.runs}
    print(json.dumps(said | figures))


if __name__ == "__main__":
    main()
