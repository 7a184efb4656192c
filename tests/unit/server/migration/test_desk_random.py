"""Hosts that do anything at any time: nothing raises, and what is told stays consistent."""

from __future__ import annotations

import random

import pytest

from hugescope_server.migration.phases import ENDED
from hugescope_wire.cells import CellState
from hugescope_wire.host import Source
from hugescope_wire.migration import PairEnd
from hugescope_wire.vm import Fault
from tests.unit.server.migration.made_track import assert_nothing_moves
from tests.unit.server.migration.made_vms import MIB, UUID, MadeBox, MadeVm, World, event

STATUSES = ["setup", "active", "postcopy-active", "completed", "failed", "cancelled"]
STEPS = 200


def new_vm(box: MadeBox, dice: random.Random) -> None:
    pid = dice.randint(1, 6)
    if pid in box.vms:
        return
    blocks: list[tuple[str | None, int, int]] = [
        (dice.choice([f"m{at}", None]), dice.choice([0, at * 64]) * MIB, dice.choice([8, 32]))
        for at in range(dice.randint(0, 3))
    ]
    vm = MadeVm(
        pid,
        name=dice.choice(["a", "b", None]),
        uuid=dice.choice([UUID, None]),
        incoming=dice.random() < 0.5,
        simulated=dice.random() < 0.3,
        known=dice.random() < 0.9,
        guest=dice.random() < 0.9,
        blocks=blocks,
    )
    if dice.random() < 0.5:
        vm.fill()
    box.add(vm)


def say(box: MadeBox, vm: MadeVm, dice: random.Random) -> None:
    now_s = box.world.now + box.skew_s
    events = [
        event(dice.choice(STATUSES), now_s + dice.uniform(-50, 5))
        for _ in range(dice.randint(0, 3))
    ]
    state = dice.choice(["running", "postmigrate"])
    vm.told(dice.choice(STATUSES), *events, at_s=now_s, run_state=state)


def change_cells(vm: MadeVm, dice: random.Random) -> None:
    if vm.blocks:
        block = dice.randrange(len(vm.blocks))
        pages = vm.blocks[block][2]
        states = [CellState.MAPPED] * 6 + [CellState.HOLE] * 4 + list(CellState)
        some = dice.sample(range(pages), dice.randint(1, pages))
        vm.set(some, dice.choice(states), block)


def something(world: World, dice: random.Random) -> None:
    box, roll = dice.choice(world.boxes), dice.random()
    if roll < 0.08 or not box.vms:
        new_vm(box, dice)
        return
    vm = dice.choice(list(box.vms.values()))
    if roll < 0.10:
        box.end(vm.pid)
    elif roll < 0.16:
        vm.listen(dice.random() < 0.6)
        vm.flags = None if dice.random() < 0.1 else vm.flags
    elif roll < 0.22:
        say(box, vm, dice)
    elif roll < 0.23:
        come_again(box, dice)
    elif roll < 0.25:
        other = dice.choice([one for one in world.boxes if one.vms])
        pid = dice.choice(list(other.vms))
        ends = PairEnd(host_id=box.host_id, pid=vm.pid), PairEnd(host_id=other.host_id, pid=pid)
        world.desk.paired(*ends)
    else:
        change_cells(vm, dice)


def come_again(box: MadeBox, dice: random.Random) -> None:
    """The agent, after a while, or a recording that begins anew."""
    if box.source.kind == "replay" and dice.random() < 0.5:
        box.play_again()
        return
    box.leave()
    if dice.random() < 0.3:
        box.world.now += 601
        box.world.desk.tick()
    box.restart_agent()


def frame(box: MadeBox, dice: random.Random) -> None:
    if not box.vms or dice.random() < 0.7:
        box.frame()
        return
    vm = dice.choice(list(box.vms.values()))
    faults = [
        Fault(
            pid=vm.pid,
            address=vm.start(0) + dice.randrange(80 * MIB),
            at_s=box.monotonic_s + dice.uniform(-3, 1),
        )
        for _ in range(dice.randint(0, 5))
    ]
    box.frame(*faults, watched=[vm.pid])


def check(world: World) -> None:
    ends = []
    for migration in world.desk.migrations():
        state = world.state(migration)
        begins = [span.began_s for span in state.phases]
        assert begins == sorted(begins)
        if state.summary.phase in ENDED:
            assert_nothing_moves(state)
        elif not migration.by_hand:
            ends += [migration.source, migration.destination]
        presence = migration.destination.presence
        if migration.destination.ended_s is None and not migration.destination.lost:
            assert presence.present == len(presence.there())
        assert 0 <= presence.punched_absent <= presence.left
        world.desk.arrivals(migration, 0)
    assert len(ends) == len(set(ends)), "no process is an end of two migrations that go on"


@pytest.mark.parametrize("seed", range(2))
def test_nothing_that_hosts_do_is_too_much(seed: int) -> None:
    dice = random.Random(seed)
    world = World()
    for skew_s in (0.0, -3e5, 60.0):
        world.box(f"h{len(world.boxes)}", skew_s)
    world.boxes[2].source = Source(kind="replay")
    for step in range(STEPS):
        something(world, dice)
        world.now += dice.choice([0.0, 0.1, 0.1, 0.1, 0.5, 3.0, -1.0 if step % 50 == 0 else 0.2])
        for box in world.boxes:
            frame(box, dice)
        if step % 5 == 0:
            check(world)
