"""The agent as a child of `up` and `demo`: a process of its own, so that its cost and its faults
are its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Final, NoReturn

from hugescope_agent.workloads.child import module_argv

_PR_SET_PDEATHSIG: Final = 1
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 15.0
_STEADY_S: Final = 30.0
"""After an agent that ran so long the waits start over."""

_STOP_S: Final = 5.0


@contextlib.contextmanager
def end_by_exit() -> Iterator[None]:
    """Within, SIGTERM unwinds the stack as Ctrl-C does, so that what was taken is given back."""

    def leave(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class AgentProcess:
    """Keeps an agent running: starts it again when it ends, and ends it with this process, however
    that ends.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        say: Callable[[str], None],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`arguments` go to `hugescope agent`, `environment` is added to this process' own; `say`
        gets a line for people when it had to be restarted.
        """
        self._environment = {**os.environ, **(environment or {})}
        self._command = module_argv("hugescope", "agent", "--quiet", *arguments)
        self._say = say
        self._stop = threading.Event()
        self._starting = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="agent-keeper", daemon=True)

    def start(self) -> None:
        """Start it and see to it from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End it; returns when it is gone."""
        # One that is being started is ended like any other, and none is started after.
        with self._starting:
            self._stop.set()
        if self._process is not None:
            self._process.terminate()
        self._thread.join(_STOP_S)
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    def _keep(self) -> None:
        wait_s = _FIRST_WAIT_S
        while not self._stop.is_set():
            began_s = time.monotonic()
            what = self._run_once()
            if time.monotonic() - began_s > _STEADY_S:
                wait_s = _FIRST_WAIT_S
            if self._stop.is_set():
                return
            self._say(f"{what}; starting it again in {wait_s:.0f} s")
            self._stop.wait(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _run_once(self) -> str:
        """Run one agent to its end; how it ended, in words."""
        parent = os.getpid()
        try:
            # The death signal follows the thread that started the child: this one, which lasts.
            # A session of its own keeps the terminal's Ctrl-C from it: it is ended by `stop`.
            with self._starting:
                if self._stop.is_set():
                    return "the agent was not started"
                self._process = subprocess.Popen(
                    self._command,
                    env=self._environment,
                    preexec_fn=lambda: _die_with(parent),
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
        except OSError as error:
            return f"the agent cannot be started: {error}"
        return f"the agent ended with code {self._process.wait()}"


def _die_with(parent: int) -> None:
    """In the child: be killed when the parent dies, also if it died just now."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
