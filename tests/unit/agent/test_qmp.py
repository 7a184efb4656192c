"""QMP against a socket that answers as a test tells it to."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hugescope_agent.qmp import (
    MAX_EVENTS,
    MAX_MESSAGE_BYTES,
    Event,
    Messages,
    QmpClient,
    QmpError,
    QmpGone,
    QmpRefused,
    event_of,
)

GREETING: dict[str, Any] = {"QMP": {"version": {}, "capabilities": []}}
Answer = Callable[[dict[str, Any]], list[dict[str, Any]] | None]
"""What is said upon a command; None: hang up."""


def event(name: str = "MIGRATION", seconds: int = 7, **data: Any) -> dict[str, Any]:
    stamp = {"seconds": seconds, "microseconds": 250_000}
    return {"timestamp": stamp, "event": name, "data": data}


def obeying(command: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"return": {}, "id": command["id"]}]


@contextmanager
def talker(path: Path, line: bytes) -> Iterator[Path]:
    """One that greets, obeys its first command, and then says this and nothing else, for ever."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(json.dumps(GREETING).encode() + b"\n" + b'{"return": {}, "id": 1}\n')
            try:
                while True:
                    connection.sendall(line)
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield path
    finally:
        listener.close()
        thread.join(10)


@contextmanager
def qemu(
    path: Path, answer: Answer = obeying, greeting: dict[str, Any] | None = GREETING
) -> Iterator[Path]:
    """A QMP socket at `path` with one client; every message in two pieces."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def say(connection: socket.socket, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\r\n"
        connection.sendall(data[:5])
        connection.sendall(data[5:])

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as commands:
            if greeting is not None:
                say(connection, greeting)
            for line in commands:
                said = answer(json.loads(line))
                if said is None:
                    return
                for message in said:
                    say(connection, message)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield path
    finally:
        listener.close()
        thread.join(10)


def test_a_command_has_its_arguments_and_its_answer(tmp_path: Path) -> None:
    asked = []

    def answer(command: dict[str, Any]) -> list[dict[str, Any]]:
        asked.append(command)
        return [{"return": {"status": "active"}, "id": command["id"]}]

    with qemu(tmp_path / "q", answer) as path, QmpClient(path) as client:
        assert client.execute("query-migrate") == {"status": "active"}
        assert client.execute("migrate", {"uri": "unix:x"}) == {"status": "active"}
    names = [(one["execute"], one.get("arguments")) for one in asked]
    assert names == [
        ("qmp_capabilities", None),
        ("query-migrate", None),
        ("migrate", {"uri": "unix:x"}),
    ]


def test_events_come_between_answers_and_are_taken_once(tmp_path: Path) -> None:
    def answer(command: dict[str, Any]) -> list[dict[str, Any]]:
        return [event(status=command["execute"]), *obeying(command)]

    with qemu(tmp_path / "q", answer) as path, QmpClient(path) as client:
        client.execute("cont")
        first, second = client.events(wait_s=10)
        assert (first.status, second.status) == ("qmp_capabilities", "cont")
        assert second == Event(7.25, "MIGRATION", {"status": "cont"})
        assert client.events() == []


def test_of_many_events_the_latest_are_kept(tmp_path: Path) -> None:
    def answer(command: dict[str, Any]) -> list[dict[str, Any]]:
        return [*(event(seconds=number) for number in range(MAX_EVENTS + 9)), *obeying(command)]

    with qemu(tmp_path / "q", answer) as path, QmpClient(path) as client:
        taken = client.events()
    assert [one.at_s for one in taken[::1023]] == [9.25, 1032.25]


def test_a_refusal_says_what_was_refused_and_why(tmp_path: Path) -> None:
    def answer(command: dict[str, Any]) -> list[dict[str, Any]]:
        if command["execute"] == "qmp_capabilities":
            return obeying(command)
        error = {"class": "CommandNotFound", "desc": "no such command"}
        return [{"error": error, "id": command["id"]}]

    with qemu(tmp_path / "q", answer) as path, QmpClient(path) as client:
        with pytest.raises(QmpRefused, match=f"QMP at {path}: fly: no such command") as caught:
            client.execute("fly")
        assert caught.value.kind == "CommandNotFound"


def test_an_answer_that_came_too_late_is_not_the_next_ones(tmp_path: Path) -> None:
    late: list[dict[str, Any]] = []

    def answer(command: dict[str, Any]) -> list[dict[str, Any]]:
        answers = [{"return": {"of": command["execute"]}, "id": command["id"]}]
        if command["execute"] == "slow":
            late.extend(answers)
            return []
        return [*late, *answers]

    with qemu(tmp_path / "q", answer) as path, QmpClient(path, timeout_s=10) as client:
        client._timeout_s = 0.05
        with pytest.raises(QmpError, match=r"slow has no answer within 0\.05 s"):
            client.execute("slow")
        client._timeout_s = 10
        assert client.execute("quick") == {"of": "quick"}


def test_a_qemu_that_ends_is_told_after_its_last_events(tmp_path: Path) -> None:
    last: Answer = lambda command: (  # noqa: E731
        [*obeying(command), event(status="completed")] if command["id"] == 1 else None
    )
    with qemu(tmp_path / "q", last) as path, QmpClient(path) as client:
        with pytest.raises(QmpGone, match="the connection ended"):
            client.execute("quit")
        (one,) = client.events()
        assert one.status == "completed"
        with pytest.raises(QmpGone):
            client.events(wait_s=10)


@pytest.mark.parametrize(
    ("greeting", "words"),
    [
        ({"hello": 1}, "which is not QMP"),
        ({"event": "X"}, "an event that is not as QMP has it"),
        (None, "serves one client at a time within 0.05 s"),
    ],
)
def test_what_greets_otherwise_is_no_qemu(tmp_path: Path, greeting: Any, words: str) -> None:
    timeout_s = 0.05 if greeting is None else 10
    with qemu(tmp_path / "q", greeting=greeting) as path, pytest.raises(QmpError, match=words):
        QmpClient(path, timeout_s)


@pytest.mark.parametrize(
    ("line", "timeout_s", "words"),
    [
        (json.dumps(event("STOP")).encode() + b"\n", 0.2, "has no answer"),
        (b'{"return": {}, "id": 0}' + b" " * 8192 + b"\n", 0.2, "has no answer"),
        (b"{}\n", 0.2, "has no answer|much that it was not asked for"),
        (b"x" * 4096, 60, "a message of more than"),
    ],
)
def test_who_never_stops_talking_keeps_nobody(
    tmp_path: Path, line: bytes, timeout_s: float, words: str
) -> None:
    with talker(tmp_path / "q", line) as path, QmpClient(path, timeout_s=60) as client:
        client._timeout_s = timeout_s

        def read() -> None:
            client.events()
            client.execute("query-status")

        with pytest.raises(QmpError, match=words):
            read()


def test_a_missing_socket_is_named(tmp_path: Path) -> None:
    with pytest.raises(QmpError, match=f"QMP at {tmp_path}/none: No such file"):
        QmpClient(tmp_path / "none")


def test_what_is_returned_must_be_an_object(tmp_path: Path) -> None:
    def answer(command: dict[str, Any]) -> list[dict[str, Any]]:
        value: Any = {} if command["execute"] == "qmp_capabilities" else [1]
        return [{"return": value, "id": command["id"]}]

    with (
        qemu(tmp_path / "q", answer) as path,
        QmpClient(path) as client,
        pytest.raises(QmpError, match=r"query-cpus-fast returned \[1\], expected an object"),
    ):
        client.execute("query-cpus-fast")


@pytest.mark.parametrize("data", [b"{\n", b"[1]\n", b'"x"\n', b"\xff\n", b"[" * 100_000 + b"\n"])
def test_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no message of QMP"):
        Messages().feed(data)


def test_a_message_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="more than"):
        Messages().feed(b" " * (MAX_MESSAGE_BYTES + 1))


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": None},
        {"timestamp": {"seconds": "x"}},
        {"timestamp": {"seconds": 10**400, "microseconds": 0}},
        {"data": 3},
    ],
)
def test_an_event_must_be_one(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="an event that is not as QMP has it"):
        event_of(event() | change)


def test_an_event_without_data_or_status() -> None:
    assert event_of({**event("STOP"), "data": None}) == Event(7.25, "STOP", {})
    assert event_of(event(status=3)).status is None
