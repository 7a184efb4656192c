"""A guest that moves from one QEMU to another and on, over and over: what `demo --qemu` shows.

All of it happens in one thread, which lives until both QEMUs are reaped: the kernel's parent-death
signal follows the thread that started a process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from hugescope_agent.workloads.errors import GuestFailed, WorkloadError
from hugescope_agent.workloads.qemu.commandline import GuestFiles, Places
from hugescope_agent.workloads.qemu.machine import BOOT_WAIT_S, START_WAIT_S, Machine
from hugescope_agent.workloads.qemu.migration import Migration
from hugescope_agent.workloads.qemu.plan import GuestPlan

SLOTS: Final = ("qemu-a", "qemu-b")
"""The QEMUs take turns in them, so that a reader of their sockets has two paths to know."""

_READY_WAIT_S: Final = BOOT_WAIT_S + 2 * START_WAIT_S
_STOP_WAIT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Hop:
    """One migration: its number from 1, and the processes of both ends."""

    number: int
    source_pid: int
    destination_pid: int


class Journey:
    """Moves the guest from :meth:`start` to :meth:`stop`, `hops` times (None: until stopped).

    Before and after each hop it rests `pause_s`. `tell` gets each hop, in the thread that moves the
    guest, when both its ends are there. A QEMU that fails surfaces as GuestFailed from
    :meth:`start` or :meth:`wait`.
    """

    def __init__(
        self,
        plan: GuestPlan,
        files: GuestFiles,
        directory: Path,
        *,
        pause_s: float,
        hops: int | None = None,
        tell: Callable[[Hop], None] = lambda hop: None,
    ) -> None:
        self.plan = plan
        self._files = files
        self._places = tuple(Places(directory, slot) for slot in SLOTS)
        self._pause_s = pause_s
        self._hops = hops
        self._tell = tell
        self._machines: list[Machine] = []
        self._first: Hop | None = None
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._run, name="journey", daemon=True)

    @property
    def watched(self) -> list[Path]:
        """The QMP sockets for a reader; each is there whenever a QEMU is in its slot."""
        return [places.watched for places in self._places]

    def start(self) -> Hop:
        """Boot the guest; returns when it runs and the first destination waits for it."""
        self._thread.start()
        there = self._ready.wait(_READY_WAIT_S)
        self._raise_failure()
        if self._stopping.is_set():
            raise GuestFailed("it was stopped")
        if not there or self._first is None:
            raise GuestFailed(f"the guest was not ready within {_READY_WAIT_S:.0f} s")
        return self._first

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until all hops are over (True) or the time is up (False)."""
        self._thread.join(timeout_s)
        self._raise_failure()
        return not self._thread.is_alive()

    def stop(self) -> None:
        """End both QEMUs and wait until they are gone; further calls do nothing."""
        self._stopping.set()
        if self._thread.ident is None:
            return
        for machine in list(self._machines):
            machine.kill()  # whatever the thread waits for then ends at once
        self._thread.join(_STOP_WAIT_S)
        if self._thread.is_alive():
            raise GuestFailed("a QEMU does not end")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise GuestFailed(self._failure)

    def _run(self) -> None:
        failure: str | None = "the thread that moves the guest broke"
        try:
            self._travel()
            failure = None
        except (WorkloadError, OSError) as error:
            failure = None if self._stopping.is_set() else str(error)
        finally:
            for machine in self._machines:
                machine.stop()
            self._failure = failure
            self._ready.set()

    def _travel(self) -> None:
        source = self._started(1)
        # Started now, so that nobody takes its pages while the guest boots.
        destination = self._started(2)
        source.wait_until_running()
        number = 0
        while number != self._hops:
            number += 1
            hop = Hop(number, source.pid, destination.pid)
            self._first = self._first or hop
            self._tell(hop)
            self._ready.set()
            if self._stopping.wait(self._pause_s):
                return
            Migration(source, destination).run()
            if self._stopping.wait(self._pause_s):
                return
            if number != self._hops:
                source.stop()
                self._machines.remove(source)
                source, destination = destination, self._started(number + 2)

    def _started(self, number: int) -> Machine:
        places = self._places[(number - 1) % len(SLOTS)]
        machine = Machine(self.plan, self._files, places, incoming=number > 1)
        self._machines.append(machine)
        machine.start()
        if self._stopping.is_set():
            raise GuestFailed("it was stopped")
        return machine
