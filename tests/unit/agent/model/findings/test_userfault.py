from typing import Any

import pytest

from hugescope_wire.findings import CellLink
from hugescope_wire.report import UffdHolder, UffdWaiter
from tests.unit.agent.model.findings.made_facts import about, facts, found, mapping, only, process


def waiter(stalled_s: float | None, threads: int = 2) -> UffdWaiter:
    return UffdWaiter(pid=41, comm="qemu", threads=threads, stalled_s=stalled_s)


def holder(pending: int | None, total: int | None = 2, **parts: Any) -> UffdHolder:
    known: dict[str, Any] = {"pid": 43, "comm": "mover", "fd": 5}
    return UffdHolder(pending=pending, total=total, **(known | parts))


def test_registered_mappings_of_a_process_are_one_finding() -> None:
    one = mapping(1, "hh", vm_flags=["rd", "um", "ht"])
    two = mapping(2, "h")
    look = facts(
        process(41, one, two),
        mappings=[about(two, uffd=["minor", "wp"])],
        uffd_holders=[holder(0, 0, pid=41, comm="qemu")],
    )
    finding = only(look, "userfaultfd-registered")
    assert finding.severity == "info"
    assert finding.what == (
        "qemu (41) has 6 MiB in 2 mappings registered with userfaultfd (minor, missing and wp)."
    )
    assert finding.links == [
        CellLink(pid=41, start=one.start),
        CellLink(pid=41, start=two.start),
    ]
    assert finding.evidence[-1].value == "0 faults not read, 0 waiting in all"


@pytest.mark.parametrize("vm_flags", [["rd", "wr", "ht"], None])
def test_nothing_registered(vm_flags: list[str] | None) -> None:
    info = mapping(1, "hh", vm_flags=vm_flags)
    look = facts(process(41, info), mappings=[about(info)], uffd_holders=[holder(0, 0)])
    assert not found(look, "userfaultfd-registered")


def test_threads_that_wait_without_progress() -> None:
    finding = only(
        facts(uffd_waiters=[waiter(1.5)], uffd_holders=[holder(2)]), "userfaultfd-stalled"
    )
    assert finding.severity == "warning"
    assert finding.what == (
        "2 threads of qemu (41) wait for a userfaultfd, for 1.5 s or more without progress."
    )
    assert finding.pids == [41, 43]
    assert finding.evidence[1].name == "userfaultfd 5 of mover (43)"


def test_waiting_for_less_than_a_second_is_the_work_of_post_copy() -> None:
    look = facts(uffd_waiters=[waiter(0.9)], uffd_holders=[holder(3)])
    assert not found(look, "userfaultfd-stalled")


def test_one_look_sees_faults_that_nobody_has_read_and_does_not_call_it_a_stall() -> None:
    look = facts(uffd_waiters=[waiter(None)], uffd_holders=[holder(1)])
    finding = only(look, "userfaultfd-stalled")
    assert finding.severity == "notice"
    assert finding.what == (
        "1 fault that mover (43) gets by userfaultfd 5 was not read when this look was taken."
    )
    assert finding.command == "cat /proc/43/fdinfo/5"


@pytest.mark.parametrize("pending", [0, None])
def test_faults_that_were_read_are_being_answered(pending: int | None) -> None:
    look = facts(uffd_waiters=[waiter(None)], uffd_holders=[holder(pending)])
    assert not found(look, "userfaultfd-stalled")
