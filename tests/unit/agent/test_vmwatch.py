"""Virtual machines: whose faults are listened to, and which reading of QEMU's belongs to whom."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest

from hugescope_agent import vmwatch
from hugescope_agent.faultwatch import FaultWatch, Ranges
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.model.vm import Told
from hugescope_agent.qmpwatch import QmpState
from hugescope_agent.vmwatch import VmWatch
from hugescope_agent.watch import Watch
from hugescope_wire.vm import Faults, QmpReading, Vm
from tests.unit.agent.tree_builder import (
    HOLE,
    MadeCell,
    MadeMapping,
    MadeProcess,
    MadeTree,
    build,
    mapped,
)

START = 0x7E0000000000
UUID = "0a1b2c3d-0000-4000-8000-00000000beef"
READING = QmpReading(read_at_s=1.0, status="active")
FAULTY = QmpReading(read_at_s=1.0, fault="no")


class MadeQmp:
    """A socket, by the state that the test gave it."""

    def __init__(self, path: str) -> None:
        self.state = STATES[path]

    def start(self) -> None:
        """Nothing runs."""

    stop = start


STATES: dict[str, QmpState] = {}


class MadeFaults(FaultWatch):
    """Notes who is listened to."""

    told: Mapping[int, float | None] = {}
    kept: Collection[int] = ()
    running: frozenset[int] = frozenset()

    def follow(self, told: Mapping[int, float | None], kept: Collection[int]) -> None:
        MadeFaults.told, MadeFaults.kept = dict(told), set(kept)

    def take(self, mappings: Mapping[int, Ranges], now_s: float) -> Faults | None:
        return None

    def ran(self, pid: int) -> bool:
        return pid in self.running


class Host:
    """Machines of a made tree that stands for a live one."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.watches: dict[int, Watch] = {}
        self.files: HostFiles | None = None
        self.vms: VmWatch | None = None
        self.now_s = 100.0
        self.processes: dict[int, MadeProcess] = {}
        self.told: dict[int, Vm | None] = {}

    def add(
        self, pid: int, vm: Vm | None, cells: tuple[MadeCell, ...] = (HOLE,) * 16, um: bool = False
    ) -> None:
        flags = "rd wr sh um ht" if um else "rd wr sh ht"
        self.processes[pid] = MadeProcess((MadeMapping(START, cells, flags=flags),))
        self.told[pid] = vm

    def begin(self, *sockets: str) -> VmWatch:
        build(self.place, MadeTree(self.processes))
        captured = HostFiles(Root.at(str(self.place)))
        for pid, vm in self.told.items():
            watch = self.watches[pid] = Watch.open(captured, pid)
            watch.update(captured.finder.vmas(pid), itertools.count(pid), 0.0)
            watch.said = Told(vm=vm)
            (self.place / f"proc/{pid}/fd").mkdir()
        captured.close()
        self.files = HostFiles(Root(str(self.place), live=True))
        self.vms = VmWatch(self.files, sockets)
        return self.vms

    def tick(self, seconds: float = 1.0) -> set[int]:
        assert self.vms is not None
        self.now_s += seconds
        changed = self.vms.look(self.watches, self.now_s)
        self.vms.faults(self.now_s)
        return changed

    def close(self) -> None:
        for watch in self.watches.values():
            watch.close()
        if self.vms is not None:
            self.vms.close()
        if self.files is not None:
            self.files.close()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setattr("hugescope_agent.kernel.perf.limit", lambda _: None)
    monkeypatch.setattr(Root, "has_own_pids", lambda _: True)
    monkeypatch.setattr(vmwatch, "QmpWatch", MadeQmp)
    monkeypatch.setattr(vmwatch, "FaultWatch", MadeFaults)
    monkeypatch.setattr(MadeFaults, "running", frozenset())
    STATES.clear()
    made = Host(tmp_path / "tree")
    yield made
    made.close()


def test_destinations_are_listened_to_and_nobody_else(host: Host) -> None:
    host.add(41, Vm())
    host.add(42, Vm(), um=True)
    host.add(43, Vm(incoming=True))
    host.add(44, None, um=True)
    host.begin()
    assert host.tick() == set()
    # 42 is registered; 43 waits with empty memory; 44 is no virtual machine.
    assert MadeFaults.told == {42: host.now_s}
    assert MadeFaults.kept == {43}


def test_a_guest_that_came_long_ago_is_left_alone(host: Host) -> None:
    host.add(41, Vm(incoming=True), (mapped(1),) * 3 + (HOLE,) * 13)
    host.begin()
    watch = host.watches[41]
    mapping = watch.mappings[0]
    mapping.cells.state[:3] = 1
    mapping.presence_changed()
    host.tick()
    assert MadeFaults.kept == set()
    mapping.moved_pages += 1
    host.tick()
    assert MadeFaults.kept == {41}
    # A precopy of pages of 1 GiB shows no change for long.
    host.tick(60.0)
    assert MadeFaults.kept == {41}
    host.tick(300.0)
    assert MadeFaults.kept == set()
    mapping.moved_pages += 1
    MadeFaults.running = frozenset({41})
    host.tick()
    assert MadeFaults.kept == set()


@pytest.mark.parametrize("um", [True, False])
def test_faults_of_a_guest_of_kvm_are_not_claimed_to_be_seen(host: Host, um: bool) -> None:
    """That is said of one in a post-copy, and of one that waits for it; not of all others."""
    host.add(41, Vm(incoming=True), um=um)
    host.add(42, Vm())
    vms = host.begin()
    for pid in (41, 42):
        (host.place / f"proc/{pid}/fd/5").symlink_to("anon_inode:kvm-vm")
    host.tick()
    assert (MadeFaults.told, MadeFaults.kept) == ({}, set())
    (limit,) = vms.limits()
    assert limit.capability == "page_faults"
    assert limit.reason.startswith("process 41: KVM")
    host.watches.clear()
    host.tick()
    assert vms.limits() == []


def test_a_reading_goes_to_the_process_that_listens(host: Host) -> None:
    STATES["/a"] = QmpState("/a", 41, None, READING)
    host.add(41, Vm())
    host.add(42, Vm())
    vms = host.begin("/a", "/a")
    assert host.tick() == {41}
    assert host.tick() == set()
    assert host.watches[41].info().qmp == READING
    assert host.watches[42].info().qmp is None
    assert vms.limits() == []


@pytest.mark.parametrize("sockets", [("/a", "/b"), ("/b", "/a")])
def test_of_two_sockets_the_one_that_answers_counts(host: Host, sockets: tuple[str, ...]) -> None:
    STATES["/a"] = QmpState("/a", 41, None, READING)
    STATES["/b"] = QmpState("/b", 41, None, FAULTY, "taken", "another")
    host.add(41, Vm())
    vms = host.begin(*sockets)
    host.tick()
    assert host.watches[41].qmp == READING
    assert [(limit.reason, limit.remedy) for limit in vms.limits()] == [("taken", "another")]


def test_who_listens_may_be_told_by_its_uuid_only(host: Host) -> None:
    STATES["/a"] = QmpState("/a", None, UUID, READING)
    host.add(41, Vm(uuid=UUID))
    host.add(42, Vm())
    host.begin("/a")
    assert host.tick() == {41}


def test_a_uuid_that_two_have_tells_nothing(host: Host) -> None:
    STATES["/a"] = QmpState("/a", None, UUID, READING)
    host.add(41, Vm(uuid=UUID))
    host.add(42, Vm(uuid=UUID))
    vms = host.begin("/a")
    assert host.tick() == set()
    (limit,) = vms.limits()
    assert "not known" in limit.reason


def test_a_qemu_without_huge_pages_is_said(host: Host) -> None:
    STATES["/a"] = QmpState("/a", 77, None, READING)
    host.add(41, Vm())
    vms = host.begin("/a")
    host.tick()
    (limit,) = vms.limits()
    assert "process 77, which maps no huge pages" in limit.reason
