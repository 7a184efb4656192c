"""One QEMU: starts it, talks to it, and ends it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, NoReturn, Self, TypeVar

from hugescope_agent.qmp import Event, QmpClient, QmpError, QmpGone
from hugescope_agent.workloads.child import module_argv, module_environment
from hugescope_agent.workloads.errors import GuestFailed
from hugescope_agent.workloads.qemu.commandline import GuestFiles, Places, qemu_arguments
from hugescope_agent.workloads.qemu.initramfs import SAYS_ALIVE, SAYS_RUNNING
from hugescope_agent.workloads.qemu.launch import LAUNCH
from hugescope_agent.workloads.qemu.plan import GuestPlan

START_WAIT_S: Final = 60.0
"""Until QEMU listens: an interpreter's start and QEMU's own, on a machine that is very busy."""

BOOT_WAIT_S: Final = 180.0
"""Until the guest has filled its memory; 8 s where a core is free."""

_END_WAIT_S: Final = 5.0
_KILL_WAIT_S: Final = 60.0
"""The kernel frees gigabytes within that; it never should take so long."""

_LOOK_EVERY_S: Final = 0.05
_CONSOLE_TAIL_BYTES: Final = 2048

_T = TypeVar("_T")


class Machine:
    """A QEMU with the guest (`incoming` False), or one that waits to take it in.

    As a context manager it starts it, and ends it whatever happens. It ends with the thread that
    started it, too. Every wait raises GuestFailed as soon as QEMU has ended by itself.
    """

    def __init__(
        self, plan: GuestPlan, files: GuestFiles, places: Places, *, incoming: bool
    ) -> None:
        self.plan = plan
        self.places = places
        self.incoming = incoming
        self.events: list[Event] = []
        """All that it said so far, in order."""
        self._argv = [str(files.qemu), *qemu_arguments(plan, files, places, incoming=incoming)]
        self._process: subprocess.Popen[bytes] | None = None
        self._client: QmpClient | None = None

    @property
    def name(self) -> str:
        """What errors call it."""
        return f"QEMU ({self.places.name})"

    @property
    def pid(self) -> int:
        """Of its process; stays when that has ended."""
        return self._running().pid

    @property
    def ended(self) -> bool:
        """Whether its process has."""
        return self._process is None or self._process.poll() is not None

    @property
    def last_error(self) -> str:
        """The last line that it said on stderr; empty: none."""
        lines = self.places.errors.read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def start(self) -> None:
        """Start it; returns when it answers on its socket."""
        for left in (self.places.driving, self.places.watched, self.places.console):
            left.unlink(missing_ok=True)  # of one that was killed, in the same place
        with self.places.errors.open("wb") as errors:
            self._process = subprocess.Popen(
                module_argv(LAUNCH, str(os.getpid()), *self._argv),
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                env=module_environment(),
                process_group=0,  # Ctrl-C goes to who started it, who ends it in order
            )
        self._until(self.places.watched.exists, START_WAIT_S, "its sockets")
        self._client = self._asking(lambda: QmpClient(self.places.driving, START_WAIT_S))

    def wait_until_running(self) -> None:
        """Wait until the guest has filled its memory and writes."""
        try:
            self._until(lambda: self._said(SAYS_RUNNING), BOOT_WAIT_S, "the guest to boot")
        except GuestFailed as failure:
            lines = self.console().strip().splitlines() or ["nothing"]
            raise GuestFailed(f"{failure}; its console says last: {lines[-1][:160]}") from None

    def wait_until_written(self) -> None:
        """Wait until the guest has written on, as this QEMU's console says."""
        self._until(lambda: self._said(SAYS_ALIVE), BOOT_WAIT_S, "the guest to write on")

    def execute(self, name: str, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A command of QMP; GuestFailed where it is refused or QEMU has ended."""
        client = self._client
        if client is None:
            raise GuestFailed(f"{self.name} does not run")
        answer = self._asking(lambda: client.execute(name, arguments))
        self.events += client.events()
        return answer

    def drain(self) -> None:
        """Take the events that came, also where QEMU has ended since."""
        try:
            if self._client is not None:
                self.events += self._client.events()
        except QmpError:
            return

    def console(self) -> str:
        """What the guest said last."""
        try:
            with self.places.console.open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _CONSOLE_TAIL_BYTES))
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def raise_ended(self) -> NoReturn:
        """Say how it ended, as GuestFailed."""
        raise GuestFailed(self._why_ended())

    def kill(self) -> None:
        """End it as a crash does; from any thread, and also where it has ended or never began."""
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_KILL_WAIT_S)

    def stop(self) -> None:
        """End it; returns when it is gone. Further calls do nothing."""
        if self._client is not None:
            self.drain()
            self._client.close()
            self._client = None
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_END_WAIT_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise GuestFailed(f"{self.name} was not started")
        return self._process

    def _said(self, words: str) -> bool:
        return words in self.console()

    def _until(self, reached: Callable[[], bool], patience_s: float, what: str) -> None:
        give_up_s = time.monotonic() + patience_s
        while not reached():
            if self.ended:
                self.raise_ended()
            if time.monotonic() > give_up_s:
                raise GuestFailed(f"{self.name}: waited {patience_s:.0f} s for {what}")
            time.sleep(_LOOK_EVERY_S)

    def _asking(self, ask: Callable[[], _T]) -> _T:
        try:
            return ask()
        except QmpError as error:
            if isinstance(error, QmpGone):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._running().wait(_END_WAIT_S)
            if self.ended:
                raise GuestFailed(self._why_ended()) from None
            raise GuestFailed(f"{self.name}: {error}") from None

    def _why_ended(self) -> str:
        status = self._running().returncode
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        return f"{self.name} {how}" + (f": {self.last_error}" if self.last_error else "")
