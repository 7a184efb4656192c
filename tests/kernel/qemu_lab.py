"""A guest, QEMUs to move it between, and servers with agents that watch; for tests of migrations.

One guest serves many tests, for its boot takes seconds: `QemuLab.guest` is the QEMU in which it
runs now. What a viewer is told is gathered by `Watcher`, in a thread of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from hugescope_agent.workloads.errors import GuestUnavailable, PoolUnavailable
from hugescope_agent.workloads.pool import PoolLease
from hugescope_agent.workloads.qemu.commandline import GuestFiles, Places
from hugescope_agent.workloads.qemu.files import guest_files
from hugescope_agent.workloads.qemu.machine import Machine
from hugescope_agent.workloads.qemu.plan import GuestPlan
from hugescope_agent.workloads.qemu.scratch import ScratchDirectory
from hugescope_wire.messages import TO_VIEWER, VIEWER_PATH, parse
from hugescope_wire.migration import (
    FollowMigration,
    MigrationMissing,
    Migrations,
    MigrationState,
    MigrationSummary,
)
from tests import access
from tests.integration.live_server import live_server
from tests.kernel.host_pool import GIB, PRESENT, pagemap, skip_without_pool

PATIENCE_S = 120.0  # only a failure takes so long
AHEAD = -10
"""Niceness of agents: so that nothing is seen late on a machine that is busy with other tests."""

SLOTS = ("qemu-a", "qemu-b")
HEADER_BYTES = 32
RECORD = np.dtype(
    [("cell", "<u4"), ("block", "<u2"), ("kind", "u1"), ("z", "u1"), ("at", "<f4"), ("dark", "<f4")]
)
LEFT = 255


class Log(NamedTuple):
    """The arrivals of a migration; times of records count from `base_s`."""

    base_s: float
    records: npt.NDArray[Any]

    def kinds(self, cell: int) -> list[int]:
        """What happened to a page, in order."""
        of_cell = self.records[self.records["cell"] == cell]
        return [int(kind) for kind in of_cell["kind"]]

    def present_at(self, at_s: float) -> int:
        """How many pages were there then."""
        before = self.records[self.records["at"] <= at_s - self.base_s]
        left = int((before["kind"] == LEFT).sum())
        return len(before) - 2 * left


class Watcher:
    """A viewer: the newest list of migrations, and every state of the one that it follows."""

    def __init__(self, url: str, socket: ClientConnection) -> None:
        self.url = url
        self._socket = socket
        self._changed = threading.Condition()
        self._migrations: list[MigrationSummary] = []
        self._states: list[MigrationState] = []
        self._missing: MigrationMissing | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._socket.close()
        self._thread.join(PATIENCE_S)

    def pair(self, source: int, destination: int) -> MigrationSummary:
        """The migration between these processes, once the server has found it by itself."""

        def found() -> MigrationSummary | None:
            return next(filter(None, map(ends_are, self._migrations)), None)

        def ends_are(one: MigrationSummary) -> MigrationSummary | None:
            ends = [one.source and one.source.pid, one.destination and one.destination.pid]
            return one if ends == [source, destination] else None

        summary: MigrationSummary = self._until(found, f"a pair of {source} and {destination}")
        with self._changed:
            self._states = []
        self._socket.send(FollowMigration(id=summary.id).model_dump_json())
        return summary

    def until(self, true: Callable[[MigrationState], bool], what: str) -> MigrationState:
        """The newest state of what is followed, once this is true of it."""

        def found() -> MigrationState | None:
            return self._states[-1] if self._states and true(self._states[-1]) else None

        state: MigrationState = self._until(found, what)
        return state

    def ever(self, true: Callable[[MigrationState], bool], what: str) -> MigrationState:
        """The first state since it was followed of which this is true, though it may be over."""

        def found() -> MigrationState | None:
            return next(filter(true, self._states), None)

        state: MigrationState = self._until(found, what)
        return state

    def log(self, migration: str, until: Callable[[Log], bool], what: str) -> Log:
        """The whole log of arrivals, once this is true of it."""

        def found() -> Log | None:
            log = self._arrivals(migration)
            return log if until(log) else None

        log: Log = self._until(found, what)
        return log

    def _arrivals(self, migration: str) -> Log:
        parts: list[bytes] = []
        records, total, base_s = 0, 1, 0.0
        while records < total:
            url = f"{self.url}/api/v1/migrations/{migration}/arrivals?since={records}"
            with access.opened(url, PATIENCE_S) as answer:
                data = answer.read()
            assert data[:8] == b"HSAR\1\0\0\0"
            since, total = (int.from_bytes(data[at : at + 8], "little") for at in (8, 16))
            assert since == records
            base_s = float(np.frombuffer(data, "<f8", 1, 24)[0])
            parts.append(data[HEADER_BYTES:])
            records += len(parts[-1]) // RECORD.itemsize
            assert parts[-1] or records == total
        return Log(base_s, np.frombuffer(b"".join(parts), RECORD))

    def _until(self, found: Callable[[], Any], what: str) -> Any:
        got: list[Any] = []

        def true() -> bool:
            if self._error is not None:
                raise self._error
            got[:] = [found()]
            return got[0] is not None

        with self._changed:
            # The log of arrivals is asked for anew, though no message came.
            for _ in range(round(PATIENCE_S / 0.5)):
                if self._changed.wait_for(true, 0.5):
                    return got[0]
        newest = self._states[-1] if self._states else self._migrations
        raise AssertionError(f"never came: {what}; {self._missing or ''} the last: {newest}")

    def _read(self) -> None:
        try:
            for text in self._socket:
                if isinstance(text, str):
                    self._take(parse(TO_VIEWER, text))
        except ConnectionClosed:
            return
        except BaseException as error:
            self._error = error
            raise

    def _take(self, message: object) -> None:
        with self._changed:
            if isinstance(message, Migrations):
                self._migrations = message.migrations
            elif isinstance(message, MigrationState):
                self._states.append(message)
            elif isinstance(message, MigrationMissing):
                self._missing = message
            self._changed.notify_all()


@contextmanager
def watched(*words: str) -> Iterator[Watcher]:
    """A server, an agent of this host with these arguments, and a viewer."""
    with live_server() as listening, ExitStack() as stack:
        url = listening.rstrip("/")
        server = url.replace("http", "ws", 1)
        command = [sys.executable, "-P", "-m", "hugescope", "agent", "--quiet"]
        agent = subprocess.Popen(
            [*command, "--server", server, "--host-id", "lab", *words],
            env=access.agent_environment("lab"),
        )
        stack.callback(end, agent)
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, agent.pid, AHEAD)
        viewer = connect(
            server + VIEWER_PATH,
            compression=None,
            max_size=None,
            proxy=None,
            additional_headers=access.bearer(),
            open_timeout=PATIENCE_S,
        )
        watcher = Watcher(url, stack.enter_context(viewer))
        stack.callback(watcher.close)
        yield watcher


def end(process: subprocess.Popen[bytes]) -> None:
    """In order if it can be; one that hangs is killed, and the test fails."""
    process.terminate()
    try:
        process.wait(PATIENCE_S)
    finally:
        process.kill()
        process.wait(PATIENCE_S)


class QemuLab:
    """QEMUs in two places, in one of which the guest runs."""

    def __init__(self, plan: GuestPlan, files: GuestFiles, directory: Path) -> None:
        self.plan = plan
        self._files = files
        self._places = [Places(directory, slot) for slot in SLOTS]
        self._machines: list[Machine] = []
        self._guest: Machine | None = None
        self._waiting: Machine | None = None

    @property
    def watched(self) -> list[Path]:
        """The sockets for a reader."""
        return [places.watched for places in self._places]

    def guest(self) -> Machine:
        """The QEMU in which the guest runs; it is booted where there is none."""
        guest = self._guest
        if guest is None or guest.ended:
            self.close()
            self._guest = guest = self._started(self._places[0], incoming=False)
            # Started now, so that nobody takes its pages while the guest boots.
            self._waiting = self._started(self._places[1], incoming=True)
            guest.wait_until_running()
        return guest

    def destination(self) -> Machine:
        """A QEMU that waits for the guest, in the other place."""
        guest = self.guest()
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            return waiting
        for machine in self._machines:
            if machine is not guest:
                machine.stop()
        place = next(place for place in self._places if place != guest.places)
        self._machines = [guest]
        return self._started(place, incoming=True)

    def moved(self, to: Machine) -> None:
        """The guest runs there now."""
        to.wait_until_written()
        self._guest = to

    def close(self) -> None:
        """End all QEMUs."""
        for machine in self._machines:
            machine.stop()
        self._machines = []
        self._guest = self._waiting = None

    def _started(self, places: Places, *, incoming: bool) -> Machine:
        machine = Machine(self.plan, self._files, places, incoming=incoming)
        self._machines.append(machine)
        machine.start()
        return machine


@contextmanager
def qemu_lab(plan: GuestPlan) -> Iterator[QemuLab]:
    """A lab and the pages for two QEMUs; afterwards they are given back, and no QEMU is left.

    What is missing on the machine is a skip with its reason.
    """
    skip_without_pool(plan.page_size_bytes)
    with ScratchDirectory("hugescope-test-") as scratch:
        try:
            files = guest_files(None, scratch.path, print)
        except GuestUnavailable as error:
            pytest.skip(str(error))
        lease = PoolLease(plan.page_size_bytes, 2 * plan.pages, use_free=False)
        try:
            lease.acquire()
        except PoolUnavailable as error:
            big = plan.page_size_bytes == GIB
            pytest.skip(f"no 1 GiB page to be had: {error}" if big else str(error))
        lab = QemuLab(plan, files, scratch.path)
        try:
            yield lab
        finally:
            lab.close()
            added = lease.added_pages
            assert lease.release() == added
    assert not processes_of(plan)


def processes_of(plan: GuestPlan) -> list[int]:
    """Processes that run this guest."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if plan.uuid.encode() in arguments:
            found.append(int(entry.name))
    return found


def present_pages(machine: Machine) -> list[bool]:
    """Of each page of the guest's RAM, whether /proc/PID/pagemap has it."""
    for line in Path(f"/proc/{machine.pid}/maps").read_text().splitlines():
        if "memory-backend-memfd" in line:
            start, end = (int(text, 16) for text in line.split()[0].split("-"))
            step = machine.plan.page_size_bytes // os.sysconf("SC_PAGE_SIZE")
            return [bool(entry & PRESENT) for entry in pagemap(machine.pid, start, end - start)][
                ::step
            ]
    raise AssertionError(f"process {machine.pid} maps no RAM")
