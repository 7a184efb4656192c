"""The desk as a whole: what it costs, what hostile hosts send, what it tells viewers."""

import json
import struct
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from hugescope_server.migration import desk as desk_module
from hugescope_server.migration.follower import MigrationFollower
from hugescope_wire.cells import CellState
from hugescope_wire.messages import TO_VIEWER, parse
from hugescope_wire.migration import (
    FollowMigration,
    MigrationMissing,
    Migrations,
    MigrationState,
    PairEnd,
)
from hugescope_wire.vm import Fault
from tests.unit.server.migration.made_vms import MIB, MadeVm, World, pair_of

GIB = 1 << 30
Message = Migrations | MigrationState | MigrationMissing


class Talk:
    """One viewer's follower of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.follower = MigrationFollower(world.desk)

    def poll(self, after_s: float = 0.5) -> list[Message]:
        self.world.step(after_s)
        out: list[Message] = []
        for text in self.follower.poll(self.world.now):
            message = parse(TO_VIEWER, text)
            assert isinstance(message, Message)
            out.append(message)
        return out

    def state(self) -> MigrationState:
        (state,) = [one for one in self.poll() if isinstance(one, MigrationState)]
        return state


def test_the_list_comes_at_once_and_when_it_changes() -> None:
    world = World()
    talk = Talk(world)
    (first,) = talk.poll()
    assert first == Migrations(migrations=[])
    assert talk.poll() == []
    _, destination = pair_of(world)
    (second,) = talk.poll()
    assert isinstance(second, Migrations)
    (summary,) = second.migrations
    assert (summary.name, summary.phase, summary.pages, summary.present) == (
        "web",
        "waiting",
        64,
        0,
    )
    assert summary.paired_by == ["name", "ram", "incoming"]
    assert talk.poll() == []
    destination.come(4)
    (third,) = talk.poll()
    assert isinstance(third, Migrations)
    assert third.migrations[0].present == 1
    assert talk.follower.wait_s(world.now) <= 0.5


def test_a_state_comes_twice_a_second_with_the_points_that_are_new() -> None:
    world = World()
    _, destination = pair_of(world)
    talk = Talk(world)
    talk.poll()
    talk.follower.receive(FollowMigration(id=world.only().id))
    state = talk.state()
    assert state.begins
    points = list(state.points)
    for cell in range(8):
        destination.come(cell)
        state = talk.state()
        assert not state.begins
        points += state.points
    assert state.summary.present == 8
    whole = world.state()
    assert [one.at_s for one in whole.points[: len(points)]] == [one.at_s for one in points]
    talk.follower.receive(FollowMigration())
    assert not any(isinstance(one, MigrationState) for one in talk.poll())


def test_points_begin_anew_with_a_round() -> None:
    world = World()
    _, destination = pair_of(world, simulated=True)
    talk = Talk(world)
    talk.poll()
    talk.follower.receive(FollowMigration(id=world.only().id))
    assert talk.state().begins
    destination.fill()
    assert not talk.state().begins
    talk.poll()
    destination.go(*range(64))
    state = talk.state()
    assert state.begins
    assert [span.phase for span in state.phases] == ["waiting"]
    destination.come(3)
    assert not talk.state().begins


def test_one_that_is_missing_is_said_once_and_found_when_it_is_there() -> None:
    world = World()
    talk = Talk(world)
    pair = (PairEnd(host_id="h1", pid=10), PairEnd(host_id="h1", pid=20))
    talk.follower.receive(FollowMigration(pair=pair))
    missing = [one for one in talk.poll() if isinstance(one, MigrationMissing)]
    assert [one.code for one in missing] == ["no_such_process"]
    assert talk.poll() == []
    box = world.box()
    box.add(MadeVm(10, name="a"))
    box.add(MadeVm(20, name="b"))
    assert talk.state().summary.paired_by == ["hand", "ram"]
    talk.follower.receive(FollowMigration(id="nope"))
    missing = [one for one in talk.poll() if isinstance(one, MigrationMissing)]
    assert [one.code for one in missing] == ["no_such_migration"]


def test_an_ended_state_is_told_again_seldom() -> None:
    world = World()
    _, destination = pair_of(world, simulated=True)
    destination.fill()
    world.wait(3.0)
    talk = Talk(world)
    talk.follower.receive(FollowMigration(id=world.only().id))
    talk.poll()
    told = [len(talk.poll()) for _ in range(20)]
    assert sum(told) in (1, 2)


def test_two_hosts_with_clocks_hours_apart() -> None:
    world = World()
    here, there = world.box("h1", skew_s=-86_400.0), world.box("h2", skew_s=3600.0)
    source, destination = here.add(MadeVm(10)), there.add(MadeVm(10, incoming=True))
    source.fill()
    world.step()
    destination.come(1)
    world.step()
    state = world.state()
    assert state.phases[-1].phase == "precopy"
    assert state.phases[-1].began_s == pytest.approx(world.now - 0.5, abs=0.01)
    assert state.summary.source is not None
    assert state.summary.destination is not None
    assert (state.summary.source.host_id, state.summary.destination.host_id) == ("h1", "h2")
    there.leave()
    world.boxes.remove(there)
    state = world.state()
    assert state.summary.phase == "precopy"
    assert state.summary.destination is not None
    assert state.summary.destination.gone
    world.now += 700
    world.step()
    assert world.desk.migrations() == [], "how it ended is not known"


def test_blocks_as_both_ends_map_them() -> None:
    world = World()
    box = world.box()
    blocks: list[tuple[str | None, int, int]] = [("m1", 64 * MIB, 16), ("m0", 0, 32)]
    source = box.add(MadeVm(10, blocks=blocks))
    source.fill()
    split: list[tuple[str | None, int, int]] = [("m0", 32 * MIB, 16), ("m1", 64 * MIB, 16)]
    destination = box.add(MadeVm(20, blocks=[*split, ("m0", 0, 16)], incoming=True))
    world.step()
    destination.set([3], block=1)
    destination.set([5], block=0)
    world.step()
    state = world.state()
    first, second = state.blocks
    assert (first.backend, first.offset, first.pages) == ("m0", 0, 32)
    assert (second.backend, second.offset, second.pages) == ("m1", 64 * MIB, 16)
    assert (first.source, second.source) == (source.ids[1], source.ids[0])
    assert (first.destination, second.destination) == (destination.ids[2], destination.ids[1])
    assert second.destination_start == destination.start(1)
    data = world.desk.arrivals(world.only(), 0)
    found = [one[:2] for one in struct.iter_unpack("<IHBBff", data[32:])]
    assert found == [(21, 0), (3, 1)]


def test_mappings_that_overlap_or_lie_nowhere() -> None:
    world = World()
    box = world.box()
    same: list[tuple[str | None, int, int]] = [("m0", 0, 16), ("m0", 0, 16), ("m0", 16 * MIB, 16)]
    odd: list[tuple[str | None, int, int]] = [("x", 3, 4), ("y", 1 << 62, 4)]
    source = box.add(MadeVm(10, blocks=[*same, *odd]))
    source.fill()
    box.add(MadeVm(20, blocks=[*same, *odd], incoming=True))
    world.step()
    state = world.state()
    assert [(one.offset, one.pages) for one in state.blocks] == [(0, 16)]
    assert state.summary.source is not None
    assert state.summary.source.present_pages == 16


def test_faults_from_nowhere() -> None:
    world = World()
    _, destination = pair_of(world, simulated=True)
    box = world.boxes[0]
    destination.come(0)
    world.step()
    start = destination.start(0)
    box.frame(
        Fault(pid=20, address=0, at_s=0.0),
        Fault(pid=99, address=start, at_s=1e18),
        Fault(pid=20, address=(1 << 64) - 1, at_s=-1e300),
        Fault(pid=20, address=start + 5 * destination.page_size, at_s=1e300),
        watched=[20, 99],
    )
    state = world.state()
    assert (state.faults, state.dark) == (1, 1)
    assert state.demanded[0].stalled_s == pytest.approx(0.5, abs=0.01)
    box.frame(Fault(pid=20, address=start, at_s=1.0), watched=[7])
    assert world.state().faults == 1


def test_a_process_that_shrinks_and_one_that_another_takes_the_pid_of() -> None:
    world = World()
    _, destination = pair_of(world)
    box = world.boxes[0]
    destination.come(1, 2)
    world.step()
    box.end(20)
    other = box.add(MadeVm(20, name="other", blocks=[("ram9", 0, 8)]))
    other.fill()
    world.wait(2.0)
    state = world.state()
    assert state.summary.phase == "cancelled"
    assert state.summary.present == 2


def test_a_destination_that_empties_when_it_is_over_is_no_round_of_a_real_vm() -> None:
    world = World()
    _, destination = pair_of(world)
    destination.come(1)
    world.step()
    destination.listen()
    world.step()
    destination.fill()
    world.step()
    destination.listen(False)
    world.step()
    assert world.state().summary.phase == "done"
    destination.go(*range(60))
    world.step()
    state = world.state()
    assert [span.phase for span in state.phases][-1] == "done"
    assert state.summary.present == 4


def test_logs_have_a_bound_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "MAX_LOGGED", 100)
    world = World()
    box = world.box()
    for pid in range(10, 14):
        box.add(MadeVm(pid, name=f"v{pid}", incoming=True)).fill()
    for _ in range(20):
        world.step()
    kept = sum(desk_module._kept(end) for end in world.desk._hosts["h1"].all())
    assert kept <= 100


def test_a_vm_of_four_million_pages() -> None:
    world = World()
    pages = 1 << 22
    _, destination = pair_of(world, pages=pages)
    ends = (destination.ids[0], np.arange(0, pages, 1000))
    destination.come(*ends[1][:2].tolist())
    world.step()
    took_bytes = bytes_of(lambda: step_with(world, destination))
    assert world.state().summary.pages == pages
    assert took_bytes < pages / 4, "a page that came costs no look at the others"


def step_with(world: World, destination: MadeVm) -> None:
    """Publish one page that came, and nothing of what a made host costs."""
    end = world.only().destination
    at = np.array([7])
    destination.cells[0].state[at] = CellState.MAPPED
    look = end.look({destination.ids[0]: (destination.cells[0], at)})
    assert look.arrived.tolist() == [7]
    world.only().look(look, world.desk._hosts["h1"].about)


def bytes_of(work: Callable[[], None]) -> int:
    """The most that it takes at once: what looks at all pages takes a byte of each at least."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_json_of_lists_has_no_readings_of_qmp() -> None:
    world = World()
    source, _ = pair_of(world)
    source.told("active", at_s=world.now)
    world.step()
    world.now += 1
    (summary,) = json.loads(world.desk.list_json())["migrations"]
    assert summary["source"]["qmp"] is None
    assert world.state().summary.source.qmp is not None  # type: ignore[union-attr]


def test_what_is_no_vm_of_a_running_host_is_told_of_ends_that_left() -> None:
    world = World()
    _, destination = pair_of(world, simulated=True)
    destination.come(0)
    world.step()
    box = world.boxes[0]
    box.end(10)
    box.end(20)
    world.wait(2.0)
    summary = world.state().summary
    for end in (summary.source, summary.destination):
        assert end is not None
        assert (end.gone, end.simulated) == (True, True)
        assert end.host_source.kind == "live"
