"""The post-copy from frames to states: rounds, faults, dark pages, rates."""

import pytest

from hugescope_server.migration.arrivals import Kind
from hugescope_wire.vm import Fault
from tests.unit.server.migration.made_track import assert_nothing_moves, names, precopy, records
from tests.unit.server.migration.made_vms import MadeVm, World, pair_of


def test_rounds_of_the_demo_begin_anew() -> None:
    world = World()
    _, destination = pair_of(world, simulated=True)
    for _ in range(3):
        world.wait(1.0)
        assert names(world.state()) == ["waiting"]
        assert world.state().arrivals == 0
        for cell in range(64):
            destination.come(cell)
            world.step()
        state = world.state()
        assert names(state) == ["waiting", "postcopy", "done"]
        assert (state.precopied, state.sweep, state.demand) == (0, 64, 0)
        assert state.arrivals == 64
        assert state.collapse is None
        assert_nothing_moves(state)
        world.wait(2.0)
        destination.go(*range(64))
        world.step()
    assert world.state().summary.phase == "waiting"
    assert len(world.desk.migrations()) == 1


def test_a_round_that_is_emptied_in_two_looks() -> None:
    world = World()
    _, destination = pair_of(world, simulated=True)
    precopy(world, destination, 64)
    destination.go(*range(40))
    world.step()
    destination.go(*range(40, 64))
    world.step()
    precopy(world, destination, 10)
    state = world.state()
    assert names(state) == ["waiting", "postcopy"]
    assert (state.sweep, state.demand, state.left) == (10, 0, 54)
    assert [kind for _, _, kind, _, _ in records(world)].count(Kind.PRECOPIED) == 24


def test_a_fault_shows_a_dark_page_until_it_comes() -> None:
    world = World()
    _, destination = pair_of(world, pages=4, page_size=1 << 30, simulated=True)
    box = world.boxes[0]
    destination.come(0)
    world.step()
    world.now += 0.1
    address = destination.start(0) + (2 << 30) + 0x5123
    fault = Fault(pid=20, address=address, at_s=box.monotonic_s - 0.05)
    box.frame(fault, watched=[20])
    faulted_s = world.now - 0.05
    world.wait(8.0)
    state = world.state()
    (dark,) = state.demanded
    assert (state.dark, state.faults, dark.cell, dark.arrived_s) == (1, 1, 2, None)
    assert not dark.inferred
    assert dark.stalled_s == pytest.approx(world.now - faulted_s, abs=0.01)
    destination.come(2)
    world.step()
    state = world.state()
    (page,) = state.demanded
    assert state.dark == 0
    assert page.arrived_s == pytest.approx(world.now - 0.5, abs=0.01)
    assert page.arrived_s is not None
    assert page.stalled_s == pytest.approx(page.arrived_s - faulted_s, abs=0.01)
    assert (state.sweep, state.demand) == (1, 1)
    assert [kind for _, _, kind, _, _ in records(world)] == [Kind.SWEEP, Kind.SEEN_FAULT]
    four, two, one = state.what_if
    assert (four.pages, two.pages, one.pages) == (1, 1, 1)
    assert one.actual
    assert one.wait_s == pytest.approx(512 * two.wait_s)
    assert two.bytes == 2 << 20


def test_a_fault_that_is_told_after_its_page_came() -> None:
    world = World()
    _, destination = pair_of(world, simulated=True)
    box = world.boxes[0]
    precopy(world, destination, 3)
    fault = Fault(pid=20, address=destination.start(0) + 2 * destination.page_size, at_s=0.0)
    fault = fault.model_copy(update={"at_s": box.monotonic_s - 0.02})
    world.now += 0.1
    box.frame(fault, watched=[20])
    state = world.state()
    assert (state.sweep, state.demand, state.faults) == (2, 1, 1)
    assert [kind for _, _, kind, _, _ in records(world)] == [1, 1, 3]
    later = Fault(pid=20, address=destination.start(0), at_s=box.monotonic_s)
    box.frame(later, watched=[20])
    assert (world.state().sweep, world.state().faults) == (2, 2)


@pytest.mark.parametrize(
    ("watched_before", "lost", "demanded"), [(True, 0, 1), (True, 3, 3), (False, 0, 3)]
)
def test_where_all_faults_are_seen_nothing_else_was_demanded(
    watched_before: bool, lost: int, demanded: int
) -> None:
    world = World()
    _, destination = pair_of(world, simulated=True)
    box = world.boxes[0]
    if watched_before:
        box.frame(watched=[20])
    destination.come(0)
    world.step()
    world.now += 0.1
    fault = Fault(pid=20, address=destination.start(0) + 40 * destination.page_size, at_s=0.0)
    fault = fault.model_copy(update={"at_s": box.monotonic_s})
    box.frame(fault, watched=[20], lost=lost)
    for scattered in (40, 30, 20):
        destination.come(scattered)
        world.step()
    state = world.state()
    assert (state.sweep, state.demand) == (4 - demanded, demanded)


def test_missing_since_the_switch_over_or_since_it_was_punched() -> None:
    world = World()
    _, destination = pair_of(world)
    precopy(world, destination, 30)
    destination.go(*range(10))
    world.step()
    switched_s = world.now
    destination.listen()
    world.step()
    world.wait(1.0)
    destination.go(20)
    world.step()
    punched_s = world.now
    world.wait(1.0)
    destination.come(5, 20)
    world.step()
    found = {cell: missing_s for cell, _, kind, _, missing_s in records(world) if kind in (1, 2)}
    assert found[5] == pytest.approx(world.now - 1 - switched_s, abs=0.01)
    assert found[20] == pytest.approx(world.now - 1 - punched_s, abs=0.01)


def test_the_source_inflates() -> None:
    world = World()
    source, destination = pair_of(world)
    source.go(*range(32, 64))
    world.step()
    precopy(world, destination, 5)
    source.come(*range(32, 42))
    world.step()
    assert world.state().inflated_pages == 10


def test_time_left_at_a_steady_rate() -> None:
    world = World()
    _, destination = pair_of(world, pages=400, simulated=True)
    for cell in range(100):
        destination.come(cell)
        world.step()
    state = world.state()
    assert state.time_left is not None
    assert state.time_left.likely_s == pytest.approx(30.0, rel=0.1)
    assert state.time_left.low_s is not None
    assert state.time_left.high_s is not None
    assert state.time_left.likely_s is not None
    assert state.time_left.low_s <= state.time_left.likely_s <= state.time_left.high_s
    assert state.rate_bytes_per_s == pytest.approx(10 * (2 << 20), rel=0.05)
    rates = [point.sweep for point in state.points[1:-1]]
    assert rates == pytest.approx([10.0] * len(rates), rel=0.15)


def test_faults_of_the_switch_over_are_told_once_the_memory_is_seen_to_be_registered() -> None:
    world = World()
    _, destination = pair_of(world)
    box = world.boxes[0]
    precopy(world, destination, 40)
    destination.go(*range(20))
    world.step()
    first_s = box.monotonic_s
    destination.come(7)
    world.step()
    destination.come(8, 9, 30)
    world.step()
    assert world.state().arrivals == 60
    destination.listen()
    world.now += 0.1
    size = destination.page_size
    kept = [Fault(pid=20, address=destination.start(0) + 7 * size, at_s=first_s + 0.05)]
    box.frame(*kept, watched=[20])
    world.wait(0.5)
    state = world.state()
    assert state.arrivals == 63
    assert {cell: kind for cell, _, kind, _, _ in records(world)[60:]} == {7: 3, 8: 1, 9: 1}
    (page,) = [one for one in state.demanded if one.cell == 7]
    assert not page.inferred
    assert page.stalled_s == pytest.approx(0.05, abs=0.01)


def test_a_post_copy_that_is_on_when_watching_begins() -> None:
    world = World()
    box = world.box()
    box.add(MadeVm(10, page_size=1 << 30, blocks=[("ram0", 0, 2)])).fill()
    destination = box.add(MadeVm(20, page_size=1 << 30, blocks=[("ram0", 0, 2)], incoming=True))
    destination.come(0)
    destination.listen()
    box.frame()
    begun_s = world.now
    world.wait(10.0)
    state = world.state()
    assert names(state) == ["postcopy"]
    assert state.phases[0].began_s == pytest.approx(begun_s, abs=0.01)
    assert (state.precopied, state.left) == (1, 1)
    destination.come(1)
    world.step()
    state = world.state()
    assert names(state) == ["postcopy", "done"]
    (_, record) = records(world)
    assert record[4] == pytest.approx(10.6, abs=0.02)
    assert state.rate_bytes_per_s == pytest.approx((1 << 30) / 10.6, rel=0.01)
