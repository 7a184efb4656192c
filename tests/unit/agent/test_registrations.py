"""A userfaultfd that comes or goes asks for VmFlags, and nothing else does."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from hugescope_agent import registrations
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.model.vm import Told
from hugescope_agent.registrations import LOOK_EVERY_S, Registrations
from hugescope_agent.watch import Watch
from hugescope_wire.vm import Vm
from tests.unit.agent.tree_builder import MadeMapping, MadeProcess, MadeTree, build, mapped

START = 0x7E0000000000
PIDS = (41, 42, 43)


class Machines:
    """Three machines; of each one, whether its VmFlags were asked for since."""

    def __init__(self, place: Path) -> None:
        processes = {pid: MadeProcess((MadeMapping(START, (mapped(pid),)),)) for pid in PIDS}
        self.place = build(place, MadeTree(processes))
        self.files = HostFiles(Root.at(str(self.place)))
        self.watches = {pid: Watch.open(self.files, pid) for pid in PIDS}
        for pid, watch in self.watches.items():
            watch.update(self.files.finder.vmas(pid), itertools.count(pid), 0.0)
            watch.said = Told(vm=Vm())
            (self.place / f"proc/{pid}/fd").mkdir(exist_ok=True)
        self.now_s = 100.0
        self.seen = Registrations(Root(str(self.place), live=True))

    def open(self, pid: int, fd: int) -> None:
        (self.place / f"proc/{pid}/fd/{fd}").symlink_to("anon_inode:[userfaultfd]")

    def shut(self, pid: int, fd: int) -> None:
        (self.place / f"proc/{pid}/fd/{fd}").unlink()

    def asked(self, seconds: float = 10.0) -> set[int]:
        """Look after that time; who is to be read, which it then is."""
        return set(self.times(seconds))

    def times(self, seconds: float = 10.0) -> dict[int, int]:
        """The same, with how often at the most."""
        self.now_s += seconds
        self.seen.look(self.watches, self.now_s)
        found = {pid: watch.asked for pid, watch in self.watches.items() if watch.asked}
        for watch in self.watches.values():
            watch.asked = 0
        return found

    def close(self) -> None:
        for watch in self.watches.values():
            watch.close()
        self.files.close()


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    made = Machines(tmp_path / "tree")
    yield made
    made.close()


def test_only_the_machine_whose_userfaultfd_came_or_went_is_asked(machines: Machines) -> None:
    assert machines.asked() == set()
    machines.open(41, 9)
    assert machines.asked() == {41}
    assert machines.asked() == set()
    machines.shut(41, 9)
    assert machines.asked() == {41}
    assert machines.asked() == set()


def test_another_descriptor_in_its_place_is_another(machines: Machines) -> None:
    machines.open(42, 9)
    assert machines.asked() == {42}
    machines.shut(42, 9)
    machines.open(42, 11)
    assert machines.asked() == {42}


def test_the_registration_may_come_long_after_the_userfaultfd(machines: Machines) -> None:
    machines.watches[43].said = Told(vm=Vm(simulated=True))
    machines.asked()
    machines.open(41, 9)
    assert machines.times() == {41: 5, 43: 5}
    machines.shut(41, 9)
    assert machines.times() == {41: 2, 43: 2}


def test_nothing_is_known_of_a_number_that_was_anothers(machines: Machines) -> None:
    machines.open(41, 9)
    machines.asked()
    watches, machines.watches = machines.watches, {}
    machines.asked()
    machines.watches = watches
    assert machines.seen.held(41) is None
    assert machines.asked() == {41}


def test_four_times_a_second_at_most(machines: Machines) -> None:
    machines.asked()
    machines.open(41, 9)
    assert machines.asked(LOOK_EVERY_S / 2) == set()
    # What the looks themselves took may put it off, never by long.
    assert machines.asked(60.0) == {41}


def test_who_holds_it_may_be_another_process(machines: Machines) -> None:
    """A simulated machine gives its userfaultfd away, and so may any other that is registered."""
    machines.watches[43].said = Told(vm=Vm(simulated=True))
    machines.asked()
    machines.open(41, 9)
    assert machines.asked() == {41, 43}
    machines.watches.pop(41).close()
    assert machines.asked() == {43}


def test_it_is_known_until_when_there_was_none(machines: Machines) -> None:
    machines.asked()
    before_s = machines.now_s
    machines.open(41, 9)
    machines.asked()
    held = machines.seen.held(41)
    assert held is not None
    assert (held.without_s, held.fds.userfaultfds) == (before_s, frozenset({9}))
    machines.asked()
    assert (again := machines.seen.held(41)) is not None
    assert again.without_s == before_s


def test_one_that_was_there_from_the_first_look_on(machines: Machines) -> None:
    machines.open(41, 9)
    assert machines.asked() == {41}
    held = machines.seen.held(41)
    assert held is not None
    assert held.without_s is None


def test_descriptors_that_cannot_be_read_tell_nothing(machines: Machines) -> None:
    (machines.place / "proc/42/fd").rmdir()
    assert machines.asked() == set()
    assert machines.seen.held(42) is None
    assert machines.asked() == set()


def test_links_are_left_alone_while_their_number_stays_the_same(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {41: 3, 42: None}
    monkeypatch.setattr(registrations, "fd_count", lambda _, pid: counts.get(pid))
    machines.asked()
    before_s = machines.now_s
    for pid in (41, 42):
        machines.open(pid, 9)
    assert machines.asked(0.5) == {42}
    assert (held := machines.seen.held(41)) is not None
    # One may have come as another went: only the links say that there was none.
    assert (held.seen_s, held.without_s) == (before_s, before_s)
    # Another may have come as one went.
    assert machines.asked(0.6) == {41}
    machines.shut(41, 9)
    counts[41] = 2
    assert machines.asked(0.3) == {41}


def test_of_many_machines_a_number_that_changes_is_seen_at_once(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = dict.fromkeys(PIDS, 3)
    cpu_s = itertools.count(0.0, 0.001)
    monkeypatch.setattr(registrations, "fd_count", lambda _, pid: counts.get(pid))
    monkeypatch.setattr("time.thread_time", lambda: next(cpu_s))
    machines.asked()
    for pid in PIDS:
        machines.open(pid, 9)
    counts[43] = 4
    # There is time for the links of one; a number that changed has to be looked into.
    assert machines.asked() == {41, 43}
    assert machines.asked() == {42}
