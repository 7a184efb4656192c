"""The order of a migration's steps, with programs of the tests in QEMU's place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hugescope_agent.workloads.errors import GuestFailed
from hugescope_agent.workloads.qemu.machine import Machine
from hugescope_agent.workloads.qemu.migration import Migration
from tests.unit.agent.workloads.qemu.fakes import machine

THERE = ["setup", "completed"]


@contextmanager
def migration(
    directory: Path, patch: pytest.MonkeyPatch, source: list[str], destination: list[str] = THERE
) -> Iterator[Migration]:
    """Between two QEMUs that say these statuses, one a question."""
    with machine(directory, patch, "source", statuses=source) as one:
        waiting = machine(directory, patch, "destination", incoming=True, statuses=destination)
        with waiting as other:
            yield Migration(one, other)


def commands(machine: Machine) -> list[tuple[str, Any]]:
    """What it was told to do, in order, without questions."""
    found = machine.execute("query-commands-so-far")["commands"]
    return [(name, said) for name, said in found if not name.startswith(("query", "qmp"))]


def test_all_of_it_in_qemus_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statuses = ["setup", "active", "device", "postcopy-active", "postcopy-active", "completed"]
    with migration(tmp_path, monkeypatch, statuses) as one:
        one.run()
        uri = {"uri": f"unix:{tmp_path}/destination.stream"}
        both = [{"capability": name, "state": True} for name in ("events", "postcopy-ram")]
        first = ("migrate-set-capabilities", {"capabilities": both})
        speeds = {
            "max-bandwidth": 64 << 20,
            "max-postcopy-bandwidth": 32 << 20,
            "downtime-limit": 0,
        }
        assert commands(one.source) == [
            first,
            ("migrate-set-parameters", speeds),
            ("migrate", uri),
            ("migrate-start-postcopy", None),
        ]
        assert commands(one.destination) == [first, ("migrate-incoming", uri)]
        moments = one.moments()
        assert {moment.end for moment in moments} == {"source", "destination"}
        assert [moment.at_s for moment in moments] == sorted(moment.at_s for moment in moments)


@pytest.mark.parametrize("status", ["failed", "cancelled", "postcopy-paused"])
def test_one_that_ends_otherwise_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    with (
        migration(tmp_path, monkeypatch, ["active", status]) as one,
        pytest.raises(GuestFailed, match=f"the migration is {status}"),
    ):
        one.run()


def test_a_destination_that_does_not_complete_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        migration(tmp_path, monkeypatch, ["completed"], ["active", "failed"]) as one,
        pytest.raises(GuestFailed, match="the destination does not complete the migration: failed"),
    ):
        one.finish()


def test_a_destination_that_died_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with migration(tmp_path, monkeypatch, ["active"]) as one:
        one.begin()
        one.destination.kill()
        with pytest.raises(GuestFailed, match=r"QEMU \(destination\) was ended by signal 9"):
            one.switch()


def test_precopy_that_completed_by_itself_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with migration(tmp_path, monkeypatch, ["active", "completed"]) as one:
        one.run()
        assert one.figures()["status"] == "completed"


def test_it_can_be_cancelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with migration(tmp_path, monkeypatch, ["active", "cancelling", "cancelled"]) as one:
        one.begin()
        one.cancel()
        assert [name for name, _ in commands(one.source)] == ["migrate", "migrate_cancel"]
