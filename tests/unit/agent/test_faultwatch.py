"""Whose faults are listened to, and which of them are told."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from hugescope_agent import faultwatch
from hugescope_agent.faultwatch import KEPT_S, FaultWatch
from hugescope_agent.kernel.perf import Samples
from hugescope_agent.kernel.root import Root
from hugescope_wire.vm import MAX_FAULTS, Fault, Faults

RAM = (0x1000, 0x3000)


class MadeRing:
    """Faults by a test's hand."""

    rings: ClassVar[dict[int, MadeRing]] = {}
    refuse: ClassVar[dict[int, int]] = {}

    def __init__(self, tid: int) -> None:
        if number := self.refuse.get(tid):
            raise OSError(number, "no")
        self.rings[tid] = self
        self.waiting: list[tuple[float, int]] = []
        self.lost = 0

    def take(self) -> Samples | None:
        if not self.waiting and not self.lost:
            return None
        times = np.array([at_s for at_s, _ in self.waiting], np.float64)
        addresses = np.array([address for _, address in self.waiting], np.uint64)
        samples = Samples(times, addresses, self.lost)
        self.waiting, self.lost = [], 0
        return samples

    def close(self) -> None:
        for tid, ring in list(self.rings.items()):
            if ring is self:
                del self.rings[tid]


class Host:
    """Processes with threads, and who listens to them."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.watch = FaultWatch(Root(str(place), live=True))

    def thread(self, pid: int, tid: int) -> None:
        (self.place / f"proc/{pid}/task/{tid}").mkdir(parents=True)

    def ended(self, pid: int, tid: int) -> None:
        (self.place / f"proc/{pid}/task/{tid}").rmdir()

    def fault(self, tid: int, at_s: float, address: int) -> None:
        MadeRing.rings[tid].waiting.append((at_s, address))

    def take(self, now_s: float = 10.0) -> Faults | None:
        return self.watch.take({41: [RAM], 51: [RAM, (0x8000, 0x9000)]}, now_s)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(faultwatch, "FaultRing", MadeRing)
    monkeypatch.setattr(MadeRing, "rings", {})
    monkeypatch.setattr(MadeRing, "refuse", {})
    made = Host(tmp_path)
    for pid, tid in ((41, 41), (41, 42), (51, 51)):
        made.thread(pid, tid)
    return made


def told(*faults: tuple[int, float, int], watched: list[int], lost: int = 0) -> Faults:
    records = [Fault(pid=pid, at_s=at_s, address=address) for pid, at_s, address in faults]
    return Faults(watched=watched, faults=records, lost=lost)


def test_faults_on_its_mappings_are_told_by_time(host: Host) -> None:
    host.watch.follow({41: None, 51: None}, ())
    assert host.take() == told(watched=[41, 51])
    assert host.take() is None
    host.fault(41, 2.0, 0x1FFF)
    host.fault(42, 1.0, 0x1000)
    host.fault(42, 1.5, 0x3000)
    host.fault(51, 1.0, 0x8ABC)
    seen = ((41, 1.0, 0x1000), (41, 2.0, 0x1FFF), (51, 1.0, 0x8ABC))
    assert host.take() == told(*seen, watched=[41, 51])


def test_who_is_told_of_no_more_is_said_once(host: Host) -> None:
    host.watch.follow({41: None}, ())
    host.take()
    host.watch.follow({}, ())
    assert host.take() == told(watched=[])
    assert host.take() is None
    assert MadeRing.rings == {}


def test_threads_that_come_are_listened_to_and_the_last_of_those_that_end_is_told(
    host: Host,
) -> None:
    host.watch.follow({41: None}, ())
    host.thread(41, 43)
    host.take()
    host.fault(43, 1.0, 0x1000)
    host.ended(41, 43)
    assert host.take() == told((41, 1.0, 0x1000), watched=[41])
    assert sorted(MadeRing.rings) == [41, 42]


def test_a_thread_that_left_meanwhile_is_passed_over(host: Host) -> None:
    MadeRing.refuse[42] = errno.ESRCH
    host.watch.follow({41: None}, ())
    assert host.take() == told(watched=[41])
    assert host.watch.limits() == []


def test_a_process_that_may_not_be_listened_to_is_said(host: Host) -> None:
    MadeRing.refuse[42] = errno.EACCES
    host.watch.follow({41: None, 51: None}, ())
    assert host.take() == told(watched=[51])
    (limit,) = host.watch.limits()
    assert (limit.capability, "process 41" in limit.reason) == ("page_faults", True)
    assert sorted(MadeRing.rings) == [51]
    host.watch.follow({51: None}, {41})
    assert host.watch.limits() == []


def test_more_threads_than_are_listened_to(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faultwatch, "MAX_RINGS", 1)
    host.watch = FaultWatch(Root(str(host.place), live=True))
    host.watch.follow({41: None}, ())
    assert host.take() is None
    (limit,) = host.watch.limits()
    assert "threads" in limit.reason


def test_some_files_are_left_for_all_else(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (2, 2))
    watch = FaultWatch(Root(str(host.place), live=True))
    watch.follow({41: None}, ())
    (limit,) = watch.limits()
    assert "1 in all" in limit.reason


def test_what_there_was_no_room_for_is_counted(host: Host) -> None:
    host.watch.follow({41: None}, ())
    MadeRing.rings[41].lost = 5
    for _ in range(MAX_FAULTS + 3):
        host.fault(42, 1.0, 0x1000)
    seen = host.take()
    assert seen is not None
    assert (len(seen.faults), seen.lost) == (MAX_FAULTS, 8)
    assert host.take() is None


def test_the_last_faults_before_the_flag_was_seen_are_told_from_the_switch_on(host: Host) -> None:
    host.watch.follow({}, {41})
    assert host.take(10.0) is None
    host.fault(42, 9.8, 0x1000)
    host.fault(42, 10.1, 0x1001)
    host.fault(41, 10.1, 0x1002)
    assert host.take(10.2) is None
    host.watch.follow({41: 10.0}, ())
    host.fault(41, 10.3, 0x2000)
    assert host.take(10.4) == told((41, 10.1, 0x1001), (41, 10.3, 0x2000), watched=[41])
    assert not host.watch.ran(41)


@pytest.mark.parametrize(
    ("function", "address", "more", "seen"),
    [
        ("handle_userfault", 0x1002, None, [0x1002]),
        ("do_poll", 0x1002, None, []),
        ("handle_userfault", 0x9999, None, []),
        ("handle_userfault", 0x1002, 0x2002, [0x2002]),
    ],
    ids=["waits", "went on", "elsewhere", "for another"],
)
def test_of_the_main_thread_that_is_told_which_it_waits_for(
    host: Host, function: str, address: int, more: int | None, seen: list[int]
) -> None:
    task = host.place / "proc/41/task/41"
    (task / "wchan").write_text(function)
    (task / "status").write_text("voluntary_ctxt_switches:\t7\n")
    (host.place / "proc/41/task/42/wchan").write_text("do_poll")
    host.watch.follow({}, {41})
    host.fault(41, 9.9, 0x1001)
    host.fault(41, 10.1, address)
    host.take(10.2)
    host.watch.follow({41: 10.0}, ())
    if more is not None:
        host.fault(41, 10.3, more)
    faults = host.take(10.4)
    assert faults is not None
    assert [one.address for one in faults.faults] == seen
    assert host.take(10.5) is None


def test_where_the_switch_is_not_known_nothing_of_before_is_told(host: Host) -> None:
    host.watch.follow({}, {41})
    host.fault(42, 10.1, 0x1001)
    host.take(10.2)
    host.watch.follow({41: None}, ())
    assert host.take(10.3) == told(watched=[41])


def test_a_guest_that_runs_without_a_post_copy_is_known_by_its_old_faults(host: Host) -> None:
    host.watch.follow({}, {41})
    host.fault(42, 10.1, 0x1000)
    host.take(10.2)
    host.take(10.0 + KEPT_S)
    assert not host.watch.ran(41)
    host.take(10.2 + KEPT_S)
    assert host.watch.ran(41)
    assert not host.watch.ran(51)


def test_half_of_the_room_is_left_for_those_that_are_told(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faultwatch, "MAX_RINGS", 4)
    host.watch = FaultWatch(Root(str(host.place), live=True))
    host.thread(51, 52)
    host.thread(51, 53)
    host.watch.follow({}, {51})
    assert host.take() is None
    assert host.watch.limits() == []
    host.watch.follow({51: None}, ())
    assert host.take() == told(watched=[51])
    assert sorted(MadeRing.rings) == [51, 52, 53]
