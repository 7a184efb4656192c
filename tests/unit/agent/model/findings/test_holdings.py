from typing import Any

import pytest

from hugescope_wire.account import FdHolder, FileRef, Holding
from hugescope_wire.snapshot import ProcessName
from tests.unit.agent.model.findings.made_facts import facts, found, mapping, memfd, only, process
from tests.unit.wire.made_wire import MIB2

FILE = FileRef(kind="hugetlbfs", device="0:50", inode=3, name="/mnt/huge/guest ram")
SEGMENT = FileRef(kind="sysv", device="0:15", inode=65540, name="SYSV00000000")


def holding(**parts: Any) -> Holding:
    facts_: dict[str, Any] = {
        "by": "hugetlbfs",
        "page_size": MIB2,
        "pages": 3,
        "file_pages": 4,
        "file": FILE,
    }
    return Holding(**(facts_ | parts))


def test_a_file_that_nobody_has() -> None:
    finding = only(facts(holdings=[holding()]), "leaked-file")
    assert finding.severity == "notice"
    assert finding.what == (
        "3 pages of 2 MiB (6 MiB) lie in file /mnt/huge/guest ram, which no process maps or has "
        "open."
    )
    assert finding.command == "rm '/mnt/huge/guest ram'"


def test_where_processes_are_hidden_the_file_may_be_somebodys() -> None:
    finding = found(facts(holdings=[holding()], denied=2), "leaked-file")[0]
    assert "no process that could be read maps" in finding.what
    assert finding.command == "fuser -v '/mnt/huge/guest ram'"
    assert finding.advice.startswith("2 processes could not be read")


def test_a_name_that_cannot_be_typed_gives_no_command() -> None:
    odd = FILE.model_copy(update={"name": "/mnt/\x1b[31m"})
    finding = only(facts(holdings=[holding(file=odd)]), "leaked-file")
    assert finding.command is None
    assert "/mnt/\\x1b[31m" in finding.what


def test_a_file_that_somebody_has_open_is_not_leaked() -> None:
    holder = FdHolder(pid=41, comm="qemu", fd=7)
    finding = only(facts(holdings=[holding(holders=[holder])]), "fd-held-pages")
    assert "held by qemu (41) by descriptor 7" in finding.what
    assert finding.command == "ls -l /proc/41/fd/7"


def test_a_holder_has_the_name_that_people_call_it() -> None:
    name = ProcessName(name="web1", kind="vm", source="qemu")
    machine = process(41, comm="qemu").model_copy(update={"name": name})
    holders = [FdHolder(pid=41, comm="qemu", fd=7), FdHolder(pid=42, comm="vhost", fd=8)]
    finding = only(facts(machine, holdings=[holding(holders=holders)]), "fd-held-pages")
    assert "held by web1 (qemu pid 41) by descriptor 7 and vhost (42) by" in finding.what
    assert [item.value for item in finding.evidence if item.name == "held by"] == [
        "web1 (qemu pid 41) by descriptor 7",
        "vhost (42) by descriptor 8",
    ]


def test_a_memfd_held_by_a_descriptor_only() -> None:
    held = holding(by="fd", file=memfd(), holders=[FdHolder(pid=41, comm="qemu", fd=7)])
    finding = only(facts(holdings=[held]), "fd-held-pages")
    assert finding.severity == "notice"
    assert finding.what == (
        "3 pages of 2 MiB (6 MiB) lie in memfd ram and in no page table, held by qemu (41) by "
        "descriptor 7."
    )
    assert finding.pids == [41]


def test_pages_of_a_mapped_file_that_are_in_no_page_table() -> None:
    held = holding(by="mapping", file=memfd(), holders=[FdHolder(pid=41, comm="qemu", fd=None)])
    finding = only(facts(holdings=[held]), "fd-held-pages")
    assert finding.severity == "info"
    assert "held by qemu (41) by a mapping" in finding.what


@pytest.mark.parametrize("by", ["fd", "mapping"])
def test_pages_that_wait_for_uffdio_continue_are_none(by: str) -> None:
    """While a mapping of the same file is registered for minor faults."""
    held = holding(by=by, file=memfd(), holders=[FdHolder(pid=41, comm="qemu", fd=7)])
    waits = process(41, mapping(1, "hh", vm_flags=["rd", "ui"]))
    assert only(facts(waits, holdings=[held]), "userfaultfd-registered")
    other = held.model_copy(update={"file": memfd(inode=8)})
    assert found(facts(waits, holdings=[other]), "fd-held-pages")
    missing = process(41, mapping(1, "hh", vm_flags=["rd", "um"]))
    assert found(facts(missing, holdings=[held]), "fd-held-pages")


def test_an_inferred_number_is_said_to_be_one() -> None:
    held = holding(by="fd", pages=1, inferred=True, file=memfd())
    finding = only(facts(holdings=[held]), "fd-held-pages")
    assert finding.what.startswith("About 1 page of 2 MiB lies in memfd ram")


def test_a_detached_segment() -> None:
    finding = only(facts(holdings=[holding(by="sysv", file=SEGMENT)]), "detached-segment")
    assert finding.command == "ipcrm -m 65540"
    assert "SysV segment 65540, which no process has attached." in finding.what


@pytest.mark.parametrize("by", ["fd", "hugetlbfs", "sysv", "mapping"])
def test_a_file_without_unmapped_pages_holds_none(by: str) -> None:
    assert not found(facts(holdings=[holding(by=by, pages=0)]), "leaked-file")
    assert not found(facts(holdings=[holding(by=by, pages=0)]), "fd-held-pages")
    assert not found(facts(holdings=[holding(by=by, pages=0)]), "detached-segment")


def test_a_segment_that_somebody_has_attached_is_not_detached() -> None:
    held = holding(by="sysv", file=SEGMENT, holders=[FdHolder(pid=41, comm="qemu", fd=None)])
    assert only(facts(holdings=[held]), "fd-held-pages").severity == "info"


def test_each_file_is_one_finding() -> None:
    other = FILE.model_copy(update={"inode": 4})
    assert len(found(facts(holdings=[holding(), holding(file=other)]), "leaked-file")) == 2
