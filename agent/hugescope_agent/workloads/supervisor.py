"""Starts the two sides of a post-copy, reads what they say, ends them, and says why they ended.

All of it happens in one thread, :meth:`Supervisor.run`, which lives until both sides are reaped:
the kernel's parent-death signal follows the *thread* that started a process.
"""

import os
import selectors
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hugescope_agent.workloads.child import module_argv, module_environment
from hugescope_agent.workloads.progress import Progress, Side, parse_line

MODULE = "hugescope_agent.workloads.postcopy"
PEER_GONE_STATUS = 75  # EX_TEMPFAIL: ended because the other side did, which is then the cause
END_WAIT_S = 2.0  # from SIGTERM to SIGKILL
READ_BYTES = 65536
ERROR_LINE_LIMIT_BYTES = 4096
MACHINE_NAME = "demo-vm"


@dataclass(frozen=True)
class Ending:
    """How a side ended: exit status (minus a signal's number) and its last line on stderr."""

    name: str
    status: int
    last_error: str


def why_failed(endings: Sequence[Ending]) -> str | None:
    """One line on what went wrong, given the endings in order; None if both ended well."""
    failed = [ending for ending in endings if ending.status]
    causes = [ending for ending in failed if ending.status != PEER_GONE_STATUS] or failed
    if not causes:
        return None
    cause = causes[0]
    signal_number = -cause.status if cause.status < 0 else cause.status - 128
    if cause.status < 0 or cause.status in (128 + signal.SIGINT, 128 + signal.SIGTERM):
        name = signal.Signals(signal_number).name
        hint = ": no huge page was left for a touch" if name == "SIGBUS" else ""
        return f"{cause.name} was ended by {name}{hint}"
    return f"{cause.name}: {cause.last_error or f'ended with status {cause.status}'}"


class Lines:
    """Puts the bytes of a pipe together to whole lines; pure."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that ``data`` completes, without their ends; blank ones left out."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [line for line in whole if line.strip()]

    def end(self) -> list[bytes]:
        """What remains when the pipe has ended."""
        rest, self._rest = self._rest, b""
        return [rest] if rest.strip() else []


def machine_arguments(side: str, number: uuid.UUID) -> list[str]:
    """What a QEMU in a side's place would be started with: by it the agent takes both sides for
    one virtual machine that migrates (model/simulated.py), as it would a real one.
    """
    incoming = ["-incoming", "defer"] if side == "destination" else []
    return ["-name", f"guest={MACHINE_NAME}", "-uuid", str(number), *incoming]


class _Child:
    """One side's process with its two pipes."""

    def __init__(
        self, name: str, arguments: Sequence[str], number: uuid.UUID, peer: socket.socket
    ) -> None:
        side = name.removeprefix("hs-")
        self.name = name
        self.process = subprocess.Popen(
            module_argv(
                MODULE,
                side,
                *arguments,
                f"--peer-fd={peer.fileno()}",
                f"--parent-pid={os.getpid()}",
                *machine_arguments(side, number),
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(peer.fileno(),),
            env=module_environment(),
            process_group=0,  # Ctrl-C goes to the parent, which ends both in order
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.stdout, self.stderr = self.process.stdout, self.process.stderr
        self.last_error = b""
        self._lines = {self.stdout.fileno(): Lines(), self.stderr.fileno(): Lines()}

    @property
    def open_pipes(self) -> list[int]:
        """Descriptors that have not ended."""
        return list(self._lines)

    def read(self, descriptor: int) -> list[bytes]:
        """Read what is there; the lines said on standard output. Ended pipes are dropped."""
        data = os.read(descriptor, READ_BYTES)
        lines = self._lines[descriptor]
        found = lines.feed(data) if data else lines.end()
        if not data:
            del self._lines[descriptor]
        if descriptor == self.stdout.fileno():
            return found
        if found:
            self.last_error = found[-1][:ERROR_LINE_LIMIT_BYTES]
        return []

    def ending(self) -> Ending:
        """Reap it; all its pipes have ended, so it is about to end, too."""
        status = self.process.wait()
        self.close()
        return Ending(self.name, status, self.last_error.decode(errors="replace").strip())

    def close(self) -> None:
        self.stdout.close()
        self.stderr.close()


class Supervisor:
    """Runs the sides ``names`` with the same ``arguments``, joined by a socket, until they end."""

    def __init__(
        self,
        names: tuple[str, str],
        arguments: Sequence[str],
        tell: Callable[[Side | Progress], None],
    ) -> None:
        self._names = names
        self._arguments = arguments
        self._tell = tell
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._children: list[_Child] = []
        self._endings: list[Ending] = []
        self._stopping = False
        self._kill_at_s: float | None = None

    def stop(self) -> None:
        """From any thread: have :meth:`run` end both sides."""
        os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """After :meth:`run` has returned."""
        os.close(self._wake)

    def run(self) -> str | None:
        """Start both sides and wait for their end; why they failed, None if well or stopped."""
        try:
            number = uuid.uuid4()
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with ours, theirs:  # closed here after the start, so that each sees the other's end
                for name, end in zip(self._names, (ours, theirs), strict=True):
                    self._children.append(_Child(name, self._arguments, number, end))
            self._attend()
        except (OSError, ValueError) as error:
            return str(error)
        finally:
            for child in self._children:
                if child.process.returncode is None:
                    child.process.kill()
                    child.process.wait()
                    child.close()
        return None if self._stopping else why_failed(self._endings)

    def _attend(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            for child in self._children:
                for descriptor in child.open_pipes:
                    selector.register(descriptor, selectors.EVENT_READ, child)
            while len(self._endings) < len(self._children):
                for key, _ in selector.select(self._patience_s()):
                    if key.data is None:
                        os.eventfd_read(self._wake)
                        self._stopping = True
                        self._terminate()
                    else:
                        self._hear(selector, key.data, key.fd)
                if self._kill_at_s is not None and time.monotonic() >= self._kill_at_s:
                    self._send(signal.SIGKILL)
                    self._kill_at_s = None

    def _hear(self, selector: selectors.BaseSelector, child: _Child, descriptor: int) -> None:
        for line in child.read(descriptor):
            self._tell(parse_line(line, child.name, child.process.pid))
        if descriptor in child.open_pipes:
            return
        selector.unregister(descriptor)
        if not child.open_pipes:
            self._endings.append(child.ending())
            if self._endings[-1].status == PEER_GONE_STATUS:
                # The other one is ending by itself: a signal now would hide why.
                self._kill_at_s = time.monotonic() + END_WAIT_S
            elif self._endings[-1].status:
                self._terminate()

    def _terminate(self) -> None:
        self._send(signal.SIGTERM)
        self._kill_at_s = time.monotonic() + END_WAIT_S

    def _send(self, number: signal.Signals) -> None:
        for child in self._children:
            child.process.send_signal(number)  # does nothing where it was reaped

    def _patience_s(self) -> float | None:
        if self._kill_at_s is None:
            return None
        return max(0.0, self._kill_at_s - time.monotonic())
