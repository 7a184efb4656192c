"""What is read of a QEMU: by words of QEMU 10.0, from a socket that says them."""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hugescope_agent.qmp import Event, QmpError, QmpGone
from hugescope_agent.qmpwatch import QmpState, QmpWatch, reading_of, told_events, why_not
from hugescope_wire.vm import MAX_QMP_EVENTS, QmpEvent

PATIENCE_S = 30.0
GREETING = (
    b'{"QMP": {"version": {"qemu": {"micro": 2, "minor": 0, "major": 10}, '
    b'"package": "Debian 1:10.0.2+ds-2+deb13u1~bpo12+1"}, "capabilities": ["oob"]}}\r\n'
)
RUNNING = {"status": "running", "running": True}
UUID = "e6d9c40a-f8aa-4c27-aabe-f4196999b5cb"
POSTCOPY = {
    "expected-downtime": 300,
    "status": "postcopy-active",
    "setup-time": 2,
    "total-time": 2572,
    "ram": {
        "total": 201465856,
        "postcopy-requests": 7,
        "dirty-sync-count": 2,
        "multifd-bytes": 0,
        "pages-per-second": 16448,
        "downtime-bytes": 4,
        "page-size": 4096,
        "remaining": 84414464,
        "postcopy-bytes": 12605616,
        "mbps": 541.2,
        "transferred": 141139968,
        "dirty-pages-rate": 0,
        "normal-bytes": 137363456,
        "normal": 33536,
        "duplicate": 1171,
    },
}
EVENT = {
    "timestamp": {"seconds": 1795423972, "microseconds": 620000},
    "event": "MIGRATION",
    "data": {"status": "postcopy-active"},
}


class MadeQemu:
    """A server of one client, with the pid of this process."""

    def __init__(self, path: Path, answers: dict[str, Any], rounds: int = 2) -> None:
        self.path = str(path)
        self.asked: list[str] = []
        self.twice = threading.Event()
        self._answers = answers
        self._rounds = rounds
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(1)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        with connection, connection.makefile("rwb") as file:
            file.write(GREETING)
            file.flush()
            for line in file:
                name = json.loads(line)["execute"]
                self.asked.append(name)
                if name == "query-migrate" and self.asked.count(name) == 1:
                    file.write(json.dumps(EVENT).encode() + b"\r\n")
                answer = {"return": self._answers.get(name, {}), "id": json.loads(line)["id"]}
                file.write(json.dumps(answer).encode() + b"\r\n")
                file.flush()
                if self.asked.count("query-migrate") >= self._rounds:
                    self.twice.set()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def qemu(path: Path, migration: Mapping[str, Any]) -> Iterator[MadeQemu]:
    answers = {"query-status": RUNNING, "query-migrate": migration, "query-uuid": {"UUID": UUID}}
    made = MadeQemu(path, answers)
    try:
        yield made
    finally:
        made.close()


def test_a_migration_is_read_again_and_again(tmp_path: Path) -> None:
    with qemu(tmp_path / "qmp", POSTCOPY) as server:
        watch = QmpWatch(server.path, lambda: 1795423973.0)
        watch.start()
        try:
            # It was asked the second time, so what it said the first time is told.
            assert server.twice.wait(PATIENCE_S)
            state = watch.state
        finally:
            watch.stop()
    assert (state.pid, state.uuid, state.why_not, state.limit()) == (os.getpid(), UUID, None, None)
    reading = state.reading
    assert reading is not None
    assert (reading.status, reading.run_state, reading.fault) == (
        *("postcopy-active", "running", None),
    )
    assert (reading.read_at_s, reading.remaining_bytes) == (1795423973.0, 84414464)
    assert reading.events == [
        QmpEvent(at_s=1795423972.62, name="MIGRATION", status="postcopy-active")
    ]
    # Read only: it asks, and sets nothing.
    assert set(server.asked) == {
        *("qmp_capabilities", "query-uuid", "query-status", "query-migrate"),
    }


def test_all_figures_have_their_places() -> None:
    reading = reading_of(RUNNING, POSTCOPY, [], 5.0)
    assert reading.model_dump(exclude={"events", "read_at_s"}, exclude_none=True) == {
        "status": "postcopy-active",
        "run_state": "running",
        "total_bytes": 201465856,
        "transferred_bytes": 141139968,
        "remaining_bytes": 84414464,
        "duplicate_pages": 1171,
        "normal_pages": 33536,
        "page_bytes": 4096,
        "postcopy_requests": 7,
        "dirty_sync_count": 2,
        "mbps": 541.2,
        "total_time_ms": 2572,
        "setup_time_ms": 2,
    }


def test_no_migration_is_null() -> None:
    reading = reading_of({"status": "inmigrate"}, {}, [], 5.0)
    assert reading.model_dump(exclude_none=True) == {
        "read_at_s": 5.0,
        "run_state": "inmigrate",
        "events": [],
    }


@pytest.mark.parametrize("value", [True, -1, 1.5, "7", None, [], 1 << 70])
def test_what_is_no_count_is_null(value: object) -> None:
    migration = {"status": value, "total-time": value, "ram": {"total": value}}
    reading = reading_of({}, migration, [], 5.0)
    assert (reading.total_bytes, reading.total_time_ms) == (None, None)


@pytest.mark.parametrize("value", [True, float("inf"), float("nan"), "7", None])
def test_what_is_no_rate_is_null(value: object) -> None:
    assert reading_of({}, {"ram": {"mbps": value}}, [], 5.0).mbps is None


def test_words_are_made_fit_to_travel() -> None:
    long = reading_of({}, {"status": "s" * 999, "error-desc": "e" * 999 + "\n"}, [], 5.0)
    assert (len(long.status or ""), len(long.error or "")) == (64, 256)
    assert reading_of({}, {"error-desc": "a\nb"}, [], 5.0).error == "a\N{REPLACEMENT CHARACTER}b"
    assert reading_of({}, {"ram": "no"}, [], 5.0).total_bytes is None


def test_events_of_a_migration_and_of_a_guest_that_runs() -> None:
    events = [
        Event(1.0, "MIGRATION", {"status": "active"}),
        Event(2.0, "MIGRATION_PASS", {"pass": 1}),
        Event(3.0, "RTC_CHANGE", {"offset": 1}),
        Event(4.0, "RESUME"),
        Event(float("inf"), "STOP"),
        Event(5.0, "MIGRATION" * 20),
        Event(6.0, "MIGRATION\ud800"),
    ]
    told = [(one.at_s, one.name, one.status) for one in told_events(events)]
    assert told == [
        (1.0, "MIGRATION", "active"),
        (2.0, "MIGRATION_PASS", None),
        (4.0, "RESUME", None),
    ]


def caused(number: int, text: str = "QMP at /q: no") -> QmpError:
    error = QmpError(text)
    error.__cause__ = OSError(number, os.strerror(number))
    return error


@pytest.mark.parametrize(
    ("error", "why", "remedy"),
    [
        (caused(errno.EAGAIN), "another client holds it", "one more socket"),
        (QmpError("QMP at /q: no greeting: x"), "another client holds it", "one more socket"),
        (caused(errno.ENOENT), "QMP at /q: no", "start QEMU with -qmp"),
        (caused(errno.ECONNREFUSED), "QMP at /q: no", "start QEMU with -qmp"),
        (caused(errno.EACCES), "QMP at /q: no", "as root"),
        (QmpError("QMP at /q: says it"), "QMP at /q: says it", None),
        (QmpError("QMP at /q: a\ud800\n" + "b" * 999), "a\N{REPLACEMENT CHARACTER}", None),
    ],
)
def test_why_a_socket_is_not_read_and_what_to_do(
    error: QmpError, why: str, remedy: str | None
) -> None:
    said, told = why_not("/q", error)
    assert why in said
    assert len(QmpState("/q", why_not=why).limit().reason) <= 256  # type: ignore[union-attr]
    assert (remedy or "") in (told or "")
    assert (told is None) == (remedy is None)


class Refusing:
    """Plays a socket that somebody else holds; ends the thread after some tries."""

    def __init__(self, watch: list[QmpWatch], tries: int) -> None:
        self.watch, self.tries = watch, tries

    def __call__(self, path: str, timeout_s: float) -> QmpError:
        self.tries -= 1
        if not self.tries:
            self.watch[0].stop()
        error = QmpError(f"QMP at {path}: no greeting")
        error.pid = 4711
        raise error


def test_a_socket_that_is_taken_is_said_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[QmpWatch] = []
    monkeypatch.setattr("hugescope_agent.qmpwatch.AGAIN_S", 0.0)
    monkeypatch.setattr("hugescope_agent.qmpwatch.QmpClient", Refusing(made, 3))
    times = iter([1.0, 2.0, 3.0])
    made.append(QmpWatch("/q", lambda: next(times)))
    made[0].start()
    made[0].join(PATIENCE_S)
    state = made[0].state
    assert state.pid == 4711
    assert state.reading is not None
    # What is said stays the same while nothing changes.
    assert state.reading.read_at_s == 1.0
    assert "another client" in (state.reading.fault or "")
    limit = state.limit()
    assert limit is not None
    assert (limit.capability, limit.reason) == ("qmp", state.reading.fault)


def fails(
    monkeypatch: pytest.MonkeyPatch, path: str, *errors: Exception
) -> tuple[QmpState, list[float]]:
    """What is known of a socket, and the pauses, after it failed so."""
    left = list(errors)
    pauses: list[float] = []

    class Failing:
        def __init__(self, path: str, timeout_s: float) -> None:
            raise left.pop(0)

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if not left:
            watch.stop()

    monkeypatch.setattr("hugescope_agent.qmpwatch.QmpClient", Failing)
    watch = QmpWatch(path, lambda: 1.0)
    monkeypatch.setattr(watch._stopping, "wait", pause)
    watch.start()
    watch.join(PATIENCE_S)
    return watch.state, pauses


def test_a_qemu_that_is_absent_is_looked_for_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = (caused(errno.ENOENT), QmpGone("gone"), caused(errno.EAGAIN), QmpError("no"))
    assert fails(monkeypatch, "/q", *errors)[1] == [1.0, 1.0, 5.0, 5.0]


def test_a_reader_that_fails_leaves_no_old_reading(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    state, _ = fails(monkeypatch, "/q", ValueError("never seen"))
    assert state.reading is not None
    assert state.reading.fault == state.why_not == "QMP at /q: its reader failed"
    assert "never seen" in caplog.text


def test_a_socket_of_any_name_can_be_spoken_of(monkeypatch: pytest.MonkeyPatch) -> None:
    error = QmpError("QMP at /\udcff: no")
    state, _ = fails(monkeypatch, "/\udcff", error)
    limit = state.limit()
    assert limit is not None
    assert limit.reason == "QMP at /\N{REPLACEMENT CHARACTER}: no"
    assert limit.model_dump_json()
    assert state.path == "/\N{REPLACEMENT CHARACTER}"


def test_the_newest_events_are_kept() -> None:
    watch = QmpWatch("/q")
    watch.take_events(Event(float(at), "MIGRATION", {}) for at in range(MAX_QMP_EVENTS + 5))
    assert [one.at_s for one in watch.events][:2] == [5.0, 6.0]
    assert len(watch.events) == MAX_QMP_EVENTS
