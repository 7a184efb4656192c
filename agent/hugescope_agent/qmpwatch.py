"""Reads what QEMUs say of their migrations (QMP), each socket in a thread of its own; nothing is
ever set there.

A socket serves one client: where libvirt or anybody else holds it, that is said, and it is tried
again from time to time. The socket itself tells whose it is.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hugescope_agent.model.qemu import uuid_of
from hugescope_agent.model.vm import printable
from hugescope_agent.qmp import Event, QmpClient, QmpError, QmpGone
from hugescope_wire.host import Limit
from hugescope_wire.vm import MAX_QMP_EVENTS, QmpEvent, QmpReading

log = logging.getLogger(__name__)

ASK_EVERY_S: Final = 0.5
"""While a migration is on."""

IDLE_EVERY_S: Final = 2.0
AGAIN_S: Final = 5.0
"""A client that is turned away waits in a queue of one until the other is done: not too often."""

ABSENT_AGAIN_S: Final = 1.0
"""Where there was no QEMU, or it ended: the next one may begin to migrate soon."""

SAME_FOR_S: Final = 10.0
"""A reading that says nothing new is told so seldom."""

_PATIENCE_S: Final = 3.0
"""QEMU answers from its main loop, which a migration may keep waiting."""

_MOST_TEXT: Final = 256
_MOST_WORD: Final = 64
_MOST_NUMBER: Final = 1e12
"""Of seconds or megabits; neither infinite nor no number."""

_ON: Final = frozenset(
    (
        *("setup", "active", "postcopy-active", "postcopy-paused", "postcopy-recover"),
        *("postcopy-recover-setup", "pre-switchover", "device", "wait-unplug", "cancelling"),
    )
)
"""Statuses in which figures move (qapi/migration.json, MigrationStatus)."""

_RUN_EVENTS: Final = frozenset(
    ("STOP", "RESUME", "SUSPEND", "WAKEUP", "SHUTDOWN", "RESET", "GUEST_PANICKED")
)
_ABSENT: Final = frozenset((errno.ENOENT, errno.ECONNREFUSED))
_BUSY: Final = "no greeting: most likely another client holds it, and it serves one at a time"
_COST: Final = "what QEMU itself says of its migration is not shown"
_SECOND: Final = "give QEMU one more socket: -qmp unix:PATH,server=on,wait=off"


@dataclass(frozen=True, slots=True)
class QmpState:
    """What is known of one socket.

    Attributes:
        path: of the socket, as it may be shown.
        pid: of QEMU, in our PID namespace; None: not known.
        uuid: of the machine; None: it has none, or that is not known.
        reading: None before the first.
        why_not: why it cannot be asked now; None: it can, or was not tried yet.
        remedy: against that.
    """

    path: str
    pid: int | None = None
    uuid: str | None = None
    reading: QmpReading | None = None
    why_not: str | None = None
    remedy: str | None = None

    def limit(self) -> Limit | None:
        """What that costs."""
        if self.why_not is None:
            return None
        return Limit(capability="qmp", reason=self.why_not, cost=_COST, remedy=self.remedy)


class QmpWatch:
    """One socket.

    Attributes:
        state: may be read from any thread.
        events: the newest.
    """

    def __init__(self, path: str, clock: Callable[[], float] = time.time) -> None:
        self.state = QmpState(printable(path) or "")
        self._path = path
        self._clock = clock
        self.events: list[QmpEvent] = []
        self._pause_s = AGAIN_S
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"qmp {path}", daemon=True)

    def start(self) -> None:
        """Connect, read, and connect again after any loss, until stopped."""
        self._thread.start()

    def stop(self) -> None:
        """Soon; the thread holds nothing but its connection."""
        self._stopping.set()

    def join(self, timeout_s: float) -> None:
        """Wait until it has stopped, no longer than that."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with QmpClient(self._path, _PATIENCE_S) as client:
                    self._read(client)
            except QmpError as error:
                self._failed(error)
            except Exception:
                log.exception("QMP at %s: its reader failed, and tries again", self.state.path)
                self._failed(QmpError(f"QMP at {self.state.path}: its reader failed"))
            self._stopping.wait(self._pause_s)

    def _read(self, client: QmpClient) -> None:
        uuid = _uuid(client)
        if client.pid != self.state.pid:
            self.events = []
        while not self._stopping.is_set():
            asked_s = time.monotonic()
            status, migration = client.execute("query-status"), client.execute("query-migrate")
            self.take_events(client.events())
            reading = reading_of(status, migration, self.events, self._clock())
            self._tell(reading, client.pid, uuid)
            pause_s = ASK_EVERY_S if reading.status in _ON else IDLE_EVERY_S
            while time.monotonic() < asked_s + pause_s and not self._stopping.is_set():
                if came := client.events(min(ASK_EVERY_S, pause_s)):
                    self.take_events(came)
                    pause_s = ASK_EVERY_S

    def take_events(self, events: Iterable[Event]) -> None:
        """Keep those that matter, the newest."""
        self.events = [*self.events, *told_events(events)][-MAX_QMP_EVENTS:]

    def _tell(self, reading: QmpReading, pid: int | None, uuid: str | None) -> None:
        before = self.state.reading
        if before is not None and reading.read_at_s < before.read_at_s + SAME_FOR_S:
            same = before.model_copy(update={"read_at_s": reading.read_at_s})
            reading = before if same == reading else reading
        self.state = QmpState(self.state.path, pid, uuid, reading)

    def _failed(self, error: QmpError) -> None:
        why, remedy = why_not(self.state.path, error)
        absent = isinstance(error, QmpGone) or _number_of(error) in _ABSENT
        self._pause_s = ABSENT_AGAIN_S if absent else AGAIN_S
        if self.state.why_not != why:
            log.warning("%s", why)
        pid = error.pid or self.state.pid
        before = self.state.reading
        reading = QmpReading(read_at_s=self._clock(), fault=why, events=list(self.events))
        if before is not None and before.fault == reading.fault:
            reading = before
        self.state = QmpState(self.state.path, pid, self.state.uuid, reading, why, remedy)


def why_not(path: str, error: QmpError) -> tuple[str, str | None]:
    """In words for people, as they may be shown, and what to do."""
    cause, text, number = error.__cause__, printable(str(error)) or "", _number_of(error)
    # EAGAIN: as many clients wait there already as may.
    if isinstance(cause, BlockingIOError | TimeoutError) or "no greeting" in text:
        return f"QMP at {path}: {_BUSY}", _SECOND
    if number in _ABSENT:
        return text, "start QEMU with -qmp unix:PATH,server=on,wait=off, and name PATH"
    if number in (errno.EACCES, errno.EPERM):
        return text, "run the agent as root, or as the user that QEMU runs as"
    return text, None


def reading_of(
    status: Mapping[str, Any],
    migration: Mapping[str, Any],
    events: Iterable[QmpEvent],
    at_s: float,
) -> QmpReading:
    """What query-status and query-migrate returned; what is not as QMP has it is null."""
    ram = migration.get("ram")
    ram = ram if isinstance(ram, Mapping) else {}
    return QmpReading(
        read_at_s=at_s,
        status=_text(migration.get("status"), _MOST_WORD),
        run_state=_text(status.get("status"), _MOST_WORD),
        total_bytes=_count(ram.get("total")),
        transferred_bytes=_count(ram.get("transferred")),
        remaining_bytes=_count(ram.get("remaining")),
        duplicate_pages=_count(ram.get("duplicate")),
        normal_pages=_count(ram.get("normal")),
        page_bytes=_count(ram.get("page-size")),
        postcopy_requests=_count(ram.get("postcopy-requests")),
        dirty_sync_count=_count(ram.get("dirty-sync-count")),
        mbps=_number(ram.get("mbps")),
        total_time_ms=_count(migration.get("total-time")),
        setup_time_ms=_count(migration.get("setup-time")),
        downtime_ms=_count(migration.get("downtime")),
        error=_text(migration.get("error-desc"), _MOST_TEXT),
        events=list(events),
    )


def told_events(events: Iterable[Event]) -> list[QmpEvent]:
    """Those of a migration, and of a guest that stops or runs."""
    return [
        QmpEvent(at_s=one.at_s, name=one.name, status=_text(one.status, _MOST_WORD))
        for one in events
        if one.name.startswith("MIGRATION") or one.name in _RUN_EVENTS
        if len(one.name) <= _MOST_WORD and one.name.isascii() and abs(one.at_s) < _MOST_NUMBER
    ]


def _number_of(error: QmpError) -> int | None:
    cause = error.__cause__
    return cause.errno if isinstance(cause, OSError) else None


def _uuid(client: QmpClient) -> str | None:
    said = client.execute("query-uuid").get("UUID")
    return uuid_of(said) if isinstance(said, str) else None


def _text(value: object, most: int) -> str | None:
    shown = printable(value) if isinstance(value, str) else None
    return None if shown is None else shown[:most]


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < 1 << 63 else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < _MOST_NUMBER else None
