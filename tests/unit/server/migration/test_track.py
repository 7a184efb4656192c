"""A migration from frames to states: every phase, every ending, and nothing stale after it."""

import pytest

from hugescope_server.migration.arrivals import Kind
from tests.unit.server.migration.made_track import assert_nothing_moves, names, precopy, records
from tests.unit.server.migration.made_vms import BEGIN_S, MadeVm, World, event, pair_of, run_event


def test_precopy_switch_over_and_post_copy_as_they_are_seen() -> None:
    world = World()
    _, destination = pair_of(world)
    box = world.boxes[0]
    world.step()
    assert names(world.state()) == ["waiting"]
    begun_s = world.now
    box.free = 1000 + 64
    box.reserved = 64
    for cell in range(40):
        box.free -= 1
        box.reserved -= 1
        destination.come(cell)
        world.step()
    switched_s = world.now + 0.1
    destination.go(*range(20, 30))
    box.free += 10
    world.step()
    destination.listen()
    world.step()
    state = world.state()
    assert names(state) == ["waiting", "precopy", "switchover"]
    assert state.phases[1].began_s == pytest.approx(begun_s + 0.1, abs=0.01)
    assert state.phases[2].began_s == pytest.approx(switched_s, abs=0.01)
    assert state.collapse is not None
    assert (state.collapse.punched, state.collapse.reservations_lost) == (10, 10)
    assert state.collapse.left == 1010
    assert (state.collapse.without_reservation, state.collapse.margin) == (10, 1000)
    for cell in [*range(40, 64), *range(20, 30)]:
        destination.come(cell)
        world.step()
    destination.listen(False)
    world.step()
    state = world.state()
    assert names(state) == ["waiting", "precopy", "switchover", "postcopy", "done"]
    assert all(span.evidence == "seen" for span in state.phases)
    assert [span.ended_s for span in state.phases[:-1]] == [
        span.began_s for span in state.phases[1:]
    ]
    assert (state.precopied, state.sweep + state.demand, state.left) == (40, 34, 0)
    assert_nothing_moves(state)
    kinds = [kind for _, _, kind, _, _ in records(world)]
    assert kinds[:40] == [Kind.PRECOPIED] * 40
    assert kinds[40:50] == [Kind.LEFT] * 10
    assert state.arrivals == 84
    assert state.summary.present == 64


def test_qmp_times_take_the_place_of_what_was_seen() -> None:
    world = World()
    box = world.box(skew_s=7200.0)
    source, destination = box.add(MadeVm(10)), box.add(MadeVm(20, incoming=True))
    source.fill()
    box.frame()
    host_s = world.now + 7200.0
    source.told("setup", event("setup", host_s + 0.05), at_s=host_s + 0.1)
    world.step()
    precopy(world, destination, 30)
    events = [event("setup", host_s + 0.05), event("active", host_s + 0.06)]
    events += [event("postcopy-active", host_s + 3.2), run_event("STOP", host_s + 3.21)]
    destination.go(3, 4, 5)
    world.step()
    source.told("postcopy-active", *events, at_s=host_s + 3.3)
    destination.told("postcopy-active", event("postcopy-active", host_s + 3.25))
    destination.listen()
    world.step()
    for cell in [3, 4, 5, *range(30, 64)]:
        destination.come(cell)
        world.step()
    events.append(event("completed", host_s + 8.0))
    source.told("completed", *events, at_s=host_s + 8.1)
    world.step()
    state = world.state()
    told = [(span.phase, round(span.began_s - BEGIN_S, 2), span.evidence) for span in state.phases]
    assert told == [
        ("waiting", 0.0, "seen"),
        ("precopy", 0.05, "qmp"),
        ("switchover", 3.2, "qmp"),
        ("postcopy", 3.25, "qmp"),
        ("done", 8.0, "qmp"),
    ]
    assert state.summary.source is not None
    assert state.summary.source.qmp == source.qmp


@pytest.mark.parametrize("who", ["source", "destination", "both"])
@pytest.mark.parametrize("listening", [False, True])
def test_an_end_that_dies(who: str, listening: bool) -> None:
    world = World()
    _, destination = pair_of(world)
    precopy(world, destination, 30)
    if listening:
        destination.go(1, 2, 3)
        world.step()
        destination.listen()
        world.step()
        for cell in (50, 1, 2):
            destination.come(cell)
            world.step()
    for pid in {"source": [10], "destination": [20], "both": [10, 20]}[who]:
        world.boxes[0].end(pid)
    died_s = world.now + 0.1
    world.wait(3.0)
    state = world.state()
    early = who == "destination" and not listening
    assert state.summary.phase == ("cancelled" if early else "failed")
    assert state.phases[-1].began_s == pytest.approx(died_s, abs=0.11)
    assert state.summary.source is not None
    assert state.summary.destination is not None
    assert state.summary.source.gone == (who != "destination")
    assert state.summary.destination.gone == (who != "source")
    assert state.summary.present == 30
    assert_nothing_moves(state)
    if early:
        assert "failed" in state.phases[-1].words


def test_cancelled_by_qmp_though_the_destination_died_of_it() -> None:
    world = World()
    source, destination = pair_of(world)
    source.told("active", event("setup", world.now), event("active", world.now), at_s=world.now)
    precopy(world, destination, 20)
    began = [event("setup", BEGIN_S), event("active", BEGIN_S)]
    source.told("cancelled", *began, event("cancelled", world.now), at_s=world.now)
    destination.told("failed", event("failed", world.now + 0.02), at_s=world.now)
    cancelled_s = world.now
    world.step()
    world.boxes[0].end(20)
    world.wait(3.0)
    state = world.state()
    assert names(state)[-1] == "cancelled"
    assert state.phases[-1].began_s == pytest.approx(cancelled_s, abs=0.01)
    assert state.phases[-1].evidence == "qmp"
    assert_nothing_moves(state)


def test_failed_by_qmp() -> None:
    world = World()
    source, destination = pair_of(world)
    source.told("active", event("active", world.now), at_s=world.now)
    precopy(world, destination, 20)
    source.told("failed", event("active", BEGIN_S), event("failed", world.now), error="no link")
    world.step()
    state = world.state()
    assert names(state)[-1] == "failed"
    assert "no link" in state.phases[-1].words


def test_a_precopy_only_migration_is_done_when_qmp_says_so() -> None:
    world = World()
    source, destination = pair_of(world)
    source.told("active", event("active", world.now), at_s=world.now)
    precopy(world, destination, 64)
    assert world.state().summary.phase == "precopy"
    events = [event("active", BEGIN_S), run_event("STOP", world.now)]
    source.told("completed", *events, event("completed", world.now + 0.2), at_s=world.now + 0.2)
    world.step(0.3)
    state = world.state()
    assert names(state) == ["precopy", "switchover", "done"]
    assert (state.precopied, state.sweep, state.demand) == (64, 0, 0)


def test_a_source_that_leaves_after_everything_came_was_done() -> None:
    world = World()
    _, destination = pair_of(world)
    precopy(world, destination, 64)
    world.boxes[0].end(10)
    world.wait(1.0)
    assert world.state().summary.phase == "precopy"
    world.wait(1.0)
    assert world.state().summary.phase == "done"


def test_the_emptying_of_a_qemu_before_its_precopy_is_no_switch_over() -> None:
    world = World()
    _, destination = pair_of(world, pages=256)
    destination.come(0, 1, 5)
    world.step()
    destination.go(0, 1, 5)
    world.step()
    assert world.state().collapse is None
    assert names(world.state()) == ["waiting"]
    precopy(world, destination, 50)
    state = world.state()
    assert names(state)[-1] == "precopy"
    assert state.collapse is None


def test_when_every_page_is_punched_userfaultfd_tells_that_it_was_the_switch_over() -> None:
    world = World()
    _, destination = pair_of(world, pages=2)
    destination.come(0)
    world.step()
    destination.go(0)
    switched_s = world.now + 0.1
    world.step()
    assert world.state().summary.phase == "waiting"
    destination.listen()
    world.step()
    state = world.state()
    assert names(state) == ["waiting", "precopy", "switchover", "postcopy"]
    assert state.phases[2].began_s == pytest.approx(switched_s, abs=0.01)
    assert state.collapse is not None
    assert state.collapse.punched == 1


def test_an_agent_that_goes_away_and_comes_back_anew() -> None:
    world = World()
    _, destination = pair_of(world)
    box = world.boxes[0]
    precopy(world, destination, 20)
    migration = world.only()
    box.leave()
    state = world.state()
    assert state.summary.destination is not None
    assert state.summary.destination.gone
    assert state.summary.phase == "precopy"
    assert_nothing_moves(state)
    box.restart_agent()
    destination.come(*range(20, 30))
    world.step(2.0)
    assert world.only() is migration
    state = world.state()
    assert state.summary.destination is not None
    assert not state.summary.destination.gone
    assert (state.precopied, state.summary.present) == (30, 30)
    assert state.blocks[0].destination == destination.ids[0]
    world.boxes.clear()


def test_a_process_that_ended_while_nobody_looked() -> None:
    world = World()
    _, destination = pair_of(world)
    box = world.boxes[0]
    precopy(world, destination, 20)
    box.leave()
    box.end(20)
    box.restart_agent()
    world.step(2.0)
    assert world.state().summary.phase == "cancelled"


def test_what_a_guest_does_after_the_end_is_not_logged() -> None:
    world = World()
    _, destination = pair_of(world)
    precopy(world, destination, 20)
    destination.listen()
    world.step()
    destination.fill()
    world.step()
    destination.listen(False)
    world.wait(4.0)
    before = str(records(world))
    assert world.state().summary.phase == "done"
    for _ in range(3):
        destination.go(*range(10))
        world.step()
        destination.come(*range(10))
        world.step()
    destination.go(1)
    world.step()
    assert str(records(world)) == before
    assert (world.state().summary.present, world.state().left) == (63, 1)


def test_what_is_over_stays_when_its_destination_migrates_on() -> None:
    world = World()
    source, second = pair_of(world)
    began = [event("setup", BEGIN_S + 0.1), event("active", BEGIN_S + 0.1)]
    precopy(world, second, 30)
    taken = event("postcopy-active", world.now)
    source.told("postcopy-active", *began, taken, at_s=world.now)
    second.told("postcopy-active", event("active", BEGIN_S + 0.1), taken, at_s=world.now)
    second.listen()
    world.step()
    second.fill()
    source.told("completed", *began, taken, event("completed", world.now), at_s=world.now)
    world.step()
    second.listen(False)
    world.step()
    first = world.only()
    before = first.spans
    assert [span.phase for span in before] == [
        "waiting",
        "precopy",
        "switchover",
        "postcopy",
        "done",
    ]
    world.wait(4.0)
    third = world.boxes[0].add(MadeVm(30, incoming=True))
    world.step()
    again = [event("setup", world.now), event("active", world.now)]
    again += [event("postcopy-active", world.now + 0.1)]
    second.told("postcopy-active", *again, at_s=world.now)
    third.listen()
    world.wait(1.0)
    newest, same = world.desk.migrations()
    assert same is first
    assert first.spans == before
    assert newest.phase == "postcopy"


def test_a_migration_that_is_tried_again_with_the_same_destination() -> None:
    world = World()
    source, destination = pair_of(world)
    source.told("active", event("active", world.now), at_s=world.now)
    precopy(world, destination, 10)
    past = [event("active", BEGIN_S), event("cancelled", world.now)]
    source.told("cancelled", *past, at_s=world.now)
    world.wait(5.0)
    assert world.state().summary.phase == "cancelled"
    again = event("setup", world.now)
    source.told("active", *past, again, at_s=world.now)
    world.step()
    state = world.state()
    assert names(state) == ["precopy"]
    assert (state.precopied, state.summary.present) == (10, 10)
    assert state.phases[-1].began_s == pytest.approx(again.at_s, abs=0.01)
