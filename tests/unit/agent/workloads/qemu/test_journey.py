"""A guest that moves on and on, with programs of the tests in QEMU's place."""

from __future__ import annotations

import itertools
import json
import os
import threading
from pathlib import Path

import pytest

from hugescope_agent.workloads.errors import GuestFailed
from hugescope_agent.workloads.qemu.initramfs import SAYS_RUNNING
from hugescope_agent.workloads.qemu.journey import Hop, Journey
from tests.unit.agent.workloads.qemu.fakes import PLAN, fake_files

GOOD = {"console": SAYS_RUNNING, "statuses": ["active", "postcopy-active", "completed"]}


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_makes_its_hops_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_QEMU", json.dumps(GOOD))
    hops: list[Hop] = []
    journey = Journey(PLAN, fake_files(tmp_path), tmp_path, pause_s=0, hops=3, tell=hops.append)
    with journey:
        assert journey.wait()
    assert [hop.number for hop in hops] == [1, 2, 3]
    for hop, following in itertools.pairwise(hops):
        assert hop.destination_pid == following.source_pid
    assert not any(lives(pid) for hop in hops for pid in (hop.source_pid, hop.destination_pid))
    assert [path.name for path in journey.watched] == ["qemu-a.watch", "qemu-b.watch"]


def test_it_stops_whatever_it_waits_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = GOOD | {"statuses": ["active", "active", "postcopy-active"]}
    monkeypatch.setenv("FAKE_QEMU", json.dumps(endless))
    journey = Journey(PLAN, fake_files(tmp_path), tmp_path, pause_s=0)
    first = journey.start()
    journey.stop()
    assert not lives(first.source_pid)
    assert not lives(first.destination_pid)
    assert journey.wait()
    journey.stop()


def test_it_stops_while_the_guest_boots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_QEMU", json.dumps(GOOD | {"console": ""}))
    journey = Journey(PLAN, fake_files(tmp_path), tmp_path, pause_s=0)
    failures: list[str] = []

    def start() -> None:
        try:
            journey.start()
        except GuestFailed as failure:
            failures.append(str(failure))

    thread = threading.Thread(target=start)
    thread.start()
    while not (tmp_path / "qemu-a.console").exists():
        thread.join(0.01)
    journey.stop()
    thread.join()
    assert failures == ["it was stopped"]


@pytest.mark.parametrize("died", [{"exit": 1, "stderr": "no huge page"}, {"statuses": ["failed"]}])
def test_a_failure_surfaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, died: dict[str, object]
) -> None:
    monkeypatch.setenv("FAKE_QEMU", json.dumps(GOOD | died))
    journey = Journey(PLAN, fake_files(tmp_path), tmp_path, pause_s=0)

    def travel() -> None:
        with journey:
            journey.wait()

    with pytest.raises(GuestFailed, match=r"no huge page|the migration is failed"):
        travel()


def test_one_that_never_began_can_be_stopped(tmp_path: Path) -> None:
    Journey(PLAN, fake_files(tmp_path), tmp_path, pause_s=0).stop()
