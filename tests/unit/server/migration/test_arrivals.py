"""The log of arrivals."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugescope_server.migration import arrivals
from hugescope_server.migration.arrivals import ArrivalLog, Kind
from tests.unit.server.migration.made_vms import MadeVm, World, pair_of


def log_of(count: int, base_s: float = 1000.0) -> ArrivalLog:
    log = ArrivalLog(base_s)
    for at in range(count):
        log.append(base_s + at, np.array([0]), np.array([at]), Kind.SWEEP, 1.5)
    return log


def header(data: bytes) -> tuple[bytes, int, int, int, float]:
    found: tuple[bytes, int, int, int, float] = struct.unpack_from("<4sIQQd", data)
    return found


def test_the_layout() -> None:
    log = ArrivalLog(1000.0)
    log.append(1002.5, np.array([1, 3]), np.array([7, 9]), Kind.PRECOPIED)
    log.append(1003.5, np.array([0]), np.array([5]), np.array([2], np.uint8), np.array([4.5]))
    data = log.part(1, 2000.0)
    assert header(data) == (b"HSAR", 1, 1, 3, 1000.0)
    first = bytes.fromhex("09000000 0300 00 00 00002040 0000c07f")
    second = bytes.fromhex("05000000 0000 02 00 00006040 00009040")
    assert data[32:] == first + second


def test_what_is_not_settled_is_not_given() -> None:
    log = log_of(3)
    assert header(log.part(0, 1002.1))[3] == 2
    assert log.part(99, 1002.1)[8:24] == struct.pack("<QQ", 2, 2)
    assert header(log.part(0, 1002.4))[3] == 3
    late = log.was_demanded(0, 2, 1001.9)
    assert late is not None
    assert (late.kind, late.missing_s) == (Kind.SWEEP, 1.5)
    assert log.was_demanded(0, 2, 1001.9) is None
    assert log.was_demanded(0, 1, 1001.0) is None


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "MAX_RECORDS", 100)
    log = log_of(101)
    assert (log.begin, log.total, log.kept) == (51, 101, 50)
    assert header(log.part(0, 9999.0))[2:4] == (51, 101)
    many = np.arange(1000)
    log.append(5000.0, many * 0, many, Kind.SWEEP)
    assert log.kept == 50
    assert log.total == 1101


def test_what_was_given_is_not_taken_back_when_a_clock_is_set_back() -> None:
    log = log_of(3)
    assert header(log.part(0, 1002.4))[3] == 3
    assert log.part(3, 1002.1)[8:24] == struct.pack("<QQ", 3, 3)
    log.append(1002.0, np.array([0]), np.array([9]), Kind.SWEEP, 1.5)
    assert log.part(3, 1002.1)[8:24] == struct.pack("<QQ", 3, 3)
    assert header(log.part(3, 1002.5))[2:4] == (3, 4)


def test_who_reads_after_some_were_forgotten_goes_on_from_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(arrivals, "MAX_RECORDS", 100)
    log = log_of(40)
    data = log.part(0, 9999.0)
    read = header(data)[2] + (len(data) - 32) // 16
    assert read == 40
    for at in range(200):
        log.append(2000.0 + at, np.array([0]), np.array([at]), Kind.SWEEP, 1.5)
    data = log.part(read, 9999.0)
    _, _, first, total, base_s = header(data)
    assert (first, base_s) == (log.begin, 1000.0)
    assert first > read
    assert first + (len(data) - 32) // 16 == total == 240


def test_another_run_has_another_base() -> None:
    world = World()
    _, destination = pair_of(world, simulated=True)
    destination.fill()
    world.wait(1.0)
    before = header(world.desk.arrivals(world.only(), 0))
    assert before[3] == 64
    destination.go(*range(64))
    world.wait(1.0)
    after = header(world.desk.arrivals(world.only(), before[3]))
    assert (after[2], after[3]) == (0, 0)
    assert after[4] != before[4]


def test_a_part_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "MAX_SENT", 10)
    log = log_of(25)
    assert len(log.part(3, 9999.0)) == 32 + 160


SOME = st.sets(st.integers(0, 63), max_size=20)


@settings(max_examples=40, deadline=None)
@given(st.lists(SOME, min_size=1, max_size=12), st.integers(0, 12), SOME)
def test_the_log_is_what_changed(looks: list[set[int]], listens_at: int, first: set[int]) -> None:
    """However pages come and go: the last record of each tells whether it is there, and no page
    comes or goes twice in a row.
    """
    world = World()
    box = world.box()
    source = box.add(MadeVm(10))
    source.fill()
    destination = box.add(MadeVm(20, incoming=True))
    destination.come(*first)
    box.frame()
    there = set(first)
    for number, look in enumerate(looks):
        if number == listens_at:
            destination.listen()
        destination.go(*(there - look))
        destination.come(*(look - there))
        there = look
        world.step()
    assert_log_is(world, there)


def assert_log_is(world: World, there: set[int]) -> None:
    world.wait(3.0)
    data = world.desk.arrivals(world.only(), 0)
    state: dict[int, bool] = {}
    last_s = 0.0
    for cell, _, kind, _, after_s, _ in struct.iter_unpack("<IHBBff", data[32:]):
        comes = kind != Kind.LEFT
        assert state.get(cell, False) != comes
        assert after_s >= last_s
        state[cell], last_s = comes, after_s
    assert {cell for cell, comes in state.items() if comes} == there


def test_the_log_of_rounds_is_of_the_present_one() -> None:
    world = World()
    _, destination = pair_of(world, simulated=True)
    for number in range(1, 65):
        destination.come(64 - number)
        world.step()
    assert_log_is(world, set(range(64)))
    destination.go(*range(60))
    world.step()
    assert_log_is(world, {60, 61, 62, 63})
    destination.come(3)
    world.step()
    assert_log_is(world, {3, 60, 61, 62, 63})
