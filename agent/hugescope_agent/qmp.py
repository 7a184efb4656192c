"""QEMU's monitor protocol (QMP) on a Unix socket: commands, their answers, and events.

Each message is a JSON object on a line (docs/interop/qmp-spec.rst of QEMU): a greeting with `QMP`,
then `return` or `error` for each command in order, and `event` at any time, with QEMU's own time. A
socket serves one client at a time; who drives a QEMU and who watches it need a socket each.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from hugescope_agent.errors import AgentError

TIMEOUT_S: Final = 5.0
"""For an answer. QEMU gives it from its main loop, which a busy machine may keep waiting."""

MAX_MESSAGE_BYTES: Final = 1 << 20
"""Nothing that is asked here has a longer answer."""

MAX_EVENTS: Final = 1024
"""Kept until somebody takes them; the oldest go first."""

_MAX_WAITING: Final = 1024
"""Answers that nobody asked for, or came too late; what says more is no QEMU."""

_READ_BYTES: Final = 1 << 16
_MOST_READS: Final = 64
"""In one look for events: who says more at once does not keep us."""

_CREDENTIALS: Final = struct.Struct("=iII")
"""struct ucred: pid, uid, gid."""


class QmpError(AgentError):
    """QEMU could not be asked; the text names the socket and says why.

    Attributes:
        pid: who listens there, in our PID namespace; None: that is not known.
    """

    pid: int | None = None


class QmpGone(QmpError):
    """The connection is over: QEMU ended, or closed it."""


class QmpRefused(QmpError):
    """QEMU answered with an error.

    Attributes:
        kind: its class, such as `GenericError` or `CommandNotFound`.
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Event:
    """What QEMU said without being asked.

    Attributes:
        at_s: QEMU's time, seconds since 1970 on its host's clock.
        name: such as `MIGRATION`.
        data: as it came; of a MIGRATION, `status` is in it.
    """

    at_s: float
    name: str
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> str | None:
        """Of a MIGRATION event."""
        status = self.data.get("status")
        return status if isinstance(status, str) else None


class Messages:
    """Puts the bytes of a socket together to messages; pure."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The messages that `data` completes; ValueError for what QMP does not say."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_MESSAGE_BYTES:
            raise ValueError(f"a message of more than {MAX_MESSAGE_BYTES} bytes")
        return [_message(line) for line in lines if line.strip()]


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise ValueError(f"{line[:80]!r}, which is no message of QMP")
    return message


def event_of(message: Mapping[str, Any]) -> Event:
    """The event in a message; ValueError where it has no time or no name."""
    try:
        stamp = message["timestamp"]
        at_s = stamp["seconds"] + stamp["microseconds"] / 1e6
        return Event(float(at_s), str(message["event"]), dict(message.get("data") or {}))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ValueError(f"an event that is not as QMP has it: {dict(message)!r:.120}") from None


class QmpClient:
    """A connection to the QMP socket at `path`; connects and negotiates at once.

    As a context manager it closes at the end. One thread at a time.

    Attributes:
        pid: of QEMU, as `QmpError` has it.

    Raises:
        QmpError: there is no QEMU, or it is busy with another client.
    """

    def __init__(self, path: str | os.PathLike[str], timeout_s: float = TIMEOUT_S) -> None:
        self.path = os.fspath(path)
        self.pid: int | None = None
        self._timeout_s = timeout_s
        self._messages = Messages()
        self._commands = 0
        self._waiting: list[dict[str, Any]] = []
        self._events: list[Event] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._connect()
        except QmpError as error:
            error.pid = self.pid
            self.close()
            raise
        except BaseException:
            self.close()
            raise

    def execute(self, name: str, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run a command; what it returns, empty where that is nothing.

        Raises:
            QmpRefused: QEMU answered with an error.
            QmpGone: it ended before it answered.
            QmpError: no answer within the time, or none that QMP knows.
        """
        self._commands += 1
        command: dict[str, Any] = {"execute": name, "id": self._commands}
        if arguments:
            command["arguments"] = dict(arguments)
        deadline_s = time.monotonic() + self._timeout_s
        self._send(json.dumps(command).encode() + b"\n")
        answer: dict[str, Any] = {}
        while answer.get("id") != self._commands:  # those before came too late for who asked
            answer = self._next(deadline_s, f"{name} has no answer")
        if "error" in answer:
            error = answer["error"] if isinstance(answer["error"], dict) else {}
            kind = str(error.get("class", "unknown"))
            raise QmpRefused(self._says(f"{name}: {error.get('desc', kind)}"), kind)
        returned = answer.get("return")
        if not isinstance(returned, dict):
            raise QmpError(self._says(f"{name} returned {returned!r:.80}, expected an object"))
        return returned

    def events(self, wait_s: float = 0.0) -> list[Event]:
        """Take the events that came since the last call; waits so long where there is none yet.

        Raises:
            QmpGone: QEMU ended, and all events that came before were taken.
        """
        deadline_s = time.monotonic() + wait_s
        try:
            for _ in range(_MOST_READS):
                if not self._receive(0.0):
                    break
            while not self._events and (left_s := deadline_s - time.monotonic()) > 0:
                self._receive(left_s)
        except QmpGone:
            if not self._events:
                raise
        taken, self._events = self._events, []
        return taken

    def close(self) -> None:
        """Close the connection; further calls do nothing."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _connect(self) -> None:
        deadline_s = time.monotonic() + self._timeout_s
        self._socket.settimeout(self._timeout_s)
        try:
            self._socket.connect(self.path)
        except OSError as error:
            raise QmpError(self._says(error.strerror or str(error))) from error
        self.pid = _peer_pid(self._socket)
        greeting = self._next(deadline_s, "no greeting: a QMP socket serves one client at a time")
        if "QMP" not in greeting:
            raise QmpError(self._says(f"greets with {greeting!r:.80}, which is not QMP"))
        self.execute("qmp_capabilities")

    def _send(self, data: bytes) -> None:
        try:
            self._socket.settimeout(self._timeout_s)
            self._socket.sendall(data)
        except TimeoutError:
            raise QmpError(self._says("takes no command")) from None
        except OSError as error:
            raise QmpGone(self._says(f"the connection ended ({error.strerror})")) from None

    def _next(self, deadline_s: float, otherwise: str) -> dict[str, Any]:
        """The next message that is no event."""
        while not self._waiting:
            left_s = deadline_s - time.monotonic()
            # What came meanwhile is read once more, though not from who never stops talking.
            if not self._receive(max(0.0, left_s)) or left_s < -self._timeout_s:
                raise QmpError(self._says(f"{otherwise} within {self._timeout_s:g} s"))
        return self._waiting.pop(0)

    def _receive(self, wait_s: float) -> bool:
        """Read once; False where nothing came in time."""
        self._socket.settimeout(wait_s)
        try:
            data = self._socket.recv(_READ_BYTES)
        except (TimeoutError, BlockingIOError):
            return False
        except OSError as error:
            raise QmpGone(self._says(f"the connection ended ({error.strerror})")) from None
        if not data:
            raise QmpGone(self._says("the connection ended"))
        try:
            for message in self._messages.feed(data):
                if "event" in message:
                    self._events = [*self._events, event_of(message)][-MAX_EVENTS:]
                else:
                    self._waiting.append(message)
        except ValueError as error:
            raise QmpError(self._says(f"said {error}")) from None
        if len(self._waiting) > _MAX_WAITING:
            raise QmpError(self._says("said much that it was not asked for"))
        return True

    def _says(self, what: str) -> str:
        return f"QMP at {self.path}: {what}"


def _peer_pid(connected: socket.socket) -> int | None:
    """Who listens at the other end (SO_PEERCRED); 0 says that it has no number here."""
    pid: int = _CREDENTIALS.unpack(
        connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )[0]
    return pid or None
