"""A QEMU's process, with a program of the tests in QEMU's place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hugescope_agent.workloads.errors import GuestFailed
from hugescope_agent.workloads.qemu import machine as module
from hugescope_agent.workloads.qemu.initramfs import SAYS_ALIVE, SAYS_RUNNING
from tests.unit.agent.workloads.qemu.fakes import machine


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_runs_within_its_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with machine(tmp_path, monkeypatch, console=f"{SAYS_RUNNING}\n{SAYS_ALIVE} 64") as one:
        one.wait_until_running()
        one.wait_until_written()
        assert one.execute("query-status") == {}
        one.drain()
        assert [event.status for event in one.events] == ["qmp_capabilities", "query-status"]
        assert one.places.watched.exists()
        pid = one.pid
        assert lives(pid)
        assert not one.ended
    assert one.ended
    assert one.pid == pid
    assert not lives(pid)
    one.stop()


def test_commands_have_their_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with machine(tmp_path, monkeypatch) as one:
        one.execute("migrate", {"uri": "unix:x"})
        commands = one.execute("query-commands-so-far")["commands"]
    assert commands[1:] == [["migrate", {"uri": "unix:x"}]]


def test_what_it_says_when_it_ends_at_once_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine(tmp_path, monkeypatch, exit=1, stderr="warning\nno huge page\n")
    with pytest.raises(GuestFailed, match=r"^QEMU \(source\) ended with status 1: no huge page$"):
        one.start()
    one.stop()


def test_one_that_dies_while_it_is_asked_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with machine(tmp_path, monkeypatch) as one:
        with pytest.raises(GuestFailed, match="ended with status 3"):
            one.execute("quit")
        with pytest.raises(GuestFailed, match="ended with status 3"):
            one.wait_until_running()


def test_a_killed_one_says_by_which_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with machine(tmp_path, monkeypatch) as one:
        one.kill()
        with pytest.raises(GuestFailed, match="was ended by signal 9"):
            one.raise_ended()
        one.kill()


def test_a_guest_that_does_not_boot_has_its_last_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BOOT_WAIT_S", 0.0)
    with (
        machine(tmp_path, monkeypatch, console="one\nKernel panic\n\n") as one,
        pytest.raises(GuestFailed, match=r"the guest to boot; its console says last: Kernel panic"),
    ):
        one.wait_until_running()


def test_what_a_killed_one_left_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with machine(tmp_path, monkeypatch, console=SAYS_RUNNING) as first:
        first.kill()
        assert first.places.watched.exists()
        with machine(tmp_path, monkeypatch) as second:
            assert second.console() == ""
            assert second.pid != first.pid


def test_one_that_was_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = machine(tmp_path, monkeypatch)
    assert one.ended
    one.kill()
    one.drain()
    with pytest.raises(GuestFailed, match="does not run"):
        one.execute("quit")
    with pytest.raises(GuestFailed, match="was not started"):
        _ = one.pid
