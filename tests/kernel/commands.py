"""Runs `hugescope` commands that stay, and asks the server what it shows, by HTTP alone."""

import http.client
import json
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests import access

PATIENCE_S = 120.0  # only a failure takes so long


class Command:
    """A running command and the lines it has printed."""

    def __init__(
        self, run: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self.process = subprocess.Popen(
            run,
            cwd=cwd,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def line(self, containing: str) -> str:
        """The next line that holds this text."""
        end_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, end_s - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"did not say {containing!r}: {self.said}") from None
            if line is None:
                raise AssertionError(f"ended without saying {containing!r}: {self.said}")
            self.said.append(line)
            if containing in line:
                return line

    def rest(self) -> list[str]:
        """All that it said, once it has ended."""
        while (line := self._lines.get(timeout=PATIENCE_S)) is not None:
            self.said.append(line)
        return self.said

    def end(self, number: signal.Signals) -> int:
        """Send it this signal; its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        self.close()
        return code

    def close(self) -> None:
        """Let go of an ended process."""
        self._reader.join(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def command(
    *arguments: str, run: Sequence[str] | None = None, cwd: Path | None = None
) -> Iterator[Command]:
    """Run `hugescope` with these arguments, or `run` in its place, until the block ends.

    An agent gets the token of the host that its arguments name.
    """
    env = None
    if arguments[:1] == ("agent",):
        env = access.agent_environment(arguments[arguments.index("--host-id") + 1])
    running = Command(run or [sys.executable, "-P", "-m", "hugescope", *arguments], cwd, env)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.end(signal.SIGTERM)
        else:
            running.close()


def free_port() -> int:
    """One that nobody listens on now.

    Below those that the kernel gives to whoever asks for any: it must stay free while the server is
    away, and clients that try to connect meanwhile must not meet themselves there.
    """
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("a hundred ports are in use")


def get(url: str) -> Any:
    """What the server answers as JSON; None while it does not, or not well."""
    try:
        with access.opened(url, 10) as answer:
            return json.load(answer)
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError):
        return None


def until(true: Callable[[], Any], what: str) -> Any:
    """What `true()` gives once it gives something."""
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError(f"never came: {what}")


def mappings_of(snapshot: Any, pid: int) -> Any:
    """Address and runs of each mapping of a process in a snapshot; None without it."""
    for process in (snapshot or {}).get("processes", []):
        if process["pid"] == pid:
            return [(one["start"], one["runs"]) for one in process["mappings"]]
    return None


def snapshot_of(pid: int) -> Any:
    """The same from a look of its own."""
    text = subprocess.check_output(
        [sys.executable, "-m", "hugescope", "snapshot", "--json", "--pid", str(pid)]
    )
    return mappings_of(json.loads(text), pid)


def children_of(pid: int) -> list[int]:
    """Every process below this one."""
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                # A process may be named with any bytes.
                stat = Path(f"/proc/{name}/stat").read_bytes()
                parent = int(stat.rpartition(b")")[2].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(name))
    found, due = [], [pid]
    while due:
        below = parents.get(due.pop(), [])
        found += below
        due += below
    return found
