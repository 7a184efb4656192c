"""Which processes are paired, and above all which are not."""

from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugescope_server.migration.end import End
from hugescope_server.migration.pairing import Pair, _unequalled
from hugescope_wire.migration import MigrationMissing, PairEnd
from tests.unit.server.migration.made_vms import MIB, UUID, MadeVm, World, event, pair_of

OTHER = "11111111-2222-3333-4444-555555555555"


def source(pid: int = 10, **facts: Any) -> MadeVm:
    vm = MadeVm(pid, **facts)
    vm.fill()
    return vm


def taker(pid: int = 20, **facts: Any) -> MadeVm:
    return MadeVm(pid, **({"incoming": True} | facts))


def pairs(*vms: MadeVm, hosts: int = 1, steps: int = 2) -> list[tuple[int, int]]:
    """Source and destination of each migration, with the VMs on so many hosts in turn."""
    world = World()
    boxes = [world.box(f"h{number}") for number in range(hosts)]
    for at, vm in enumerate(vms):
        boxes[at % hosts].add(vm)
    for _ in range(steps):
        world.step()
    found = [
        (one.source.process.pid, one.destination.process.pid) for one in world.desk.migrations()
    ]
    return sorted(found)


@pytest.mark.parametrize("hosts", [1, 2])
@pytest.mark.parametrize(
    ("left", "right", "paired"),
    [
        ({}, {}, True),
        ({"name": None, "uuid": UUID}, {"name": None, "uuid": UUID}, True),
        ({"uuid": UUID}, {"name": "other", "uuid": UUID}, True),
        ({"uuid": UUID}, {}, True),
        ({"uuid": UUID}, {"uuid": OTHER}, False),
        ({}, {"name": "other"}, False),
        ({"name": None}, {"name": None}, False),
        ({}, {"incoming": False}, False),
        ({}, {"incoming": False, "flags": ("um",)}, True),
        ({}, {"incoming": False, "flags": ("ui",)}, True),
        ({}, {"incoming": False, "flags": ("uw",)}, False),
        ({"flags": ("um",)}, {}, False),
        ({"incoming": True}, {}, False),
        ({}, {"blocks": [("ram0", 0, 65)]}, False),
        ({}, {"blocks": [("ram1", 0, 64)]}, False),
        ({}, {"blocks": [("ram0", 0, 32), ("ram0", 64 * MIB, 32)]}, True),
        ({}, {"blocks": [("ram0", 0, 32), ("ram1", 64 * MIB, 32)]}, False),
        ({}, {"blocks": [("ram0", 2 * MIB, 64)]}, False),
        ({}, {"page_size": 1 << 30}, False),
    ],
)
def test_two_processes(
    hosts: int, left: dict[str, Any], right: dict[str, Any], paired: bool
) -> None:
    found = pairs(source(**left), taker(**right), hosts=hosts)
    assert found == ([(10, 20)] if paired else [])


def test_two_that_run_and_only_look_alike_are_no_pair() -> None:
    assert pairs(source(10), source(20), source(30)) == []


def test_a_vm_that_boots_is_no_destination() -> None:
    world = World()
    box = world.box()
    box.add(source())
    booting = box.add(MadeVm(20))
    for cell in range(20):
        booting.come(cell)
        world.step()
    assert world.desk.migrations() == []


def test_one_that_fills_where_its_command_line_is_not_known() -> None:
    world = World()
    box = world.box()
    box.add(source())
    filling = box.add(MadeVm(20, known=False))
    world.step()
    assert world.desk.migrations() == []
    filling.come(0, 1)
    world.wait(1.0)
    assert world.only().paired_by == ["name", "ram", "filling"]


def test_of_equal_claims_none() -> None:
    assert pairs(source(10), taker(20), taker(30)) == []
    assert pairs(source(10), source(11), taker(20)) == []


def test_the_better_claim() -> None:
    assert pairs(source(10, uuid=UUID), source(11), taker(20, uuid=UUID)) == [(10, 20)]
    assert pairs(source(10), taker(20, flags=("um",)), taker(30)) == [(10, 20)]


CLAIMS = st.tuples(st.integers(0, 1), st.integers(0, 2))


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.tuples(st.integers(0, 4), st.integers(5, 9)), CLAIMS, max_size=12))
def test_a_pair_is_better_than_any_other_of_its_ends(
    claims: dict[tuple[int, int], tuple[int, int]],
) -> None:
    ends = [cast("End", object()) for _ in range(10)]
    made = [(claim, Pair(ends[left], ends[right], ())) for (left, right), claim in claims.items()]
    expected = [
        pair
        for claim, pair in made
        if all(
            other < claim
            for other, rival in made
            if rival is not pair
            and (rival.source is pair.source or rival.destination is pair.destination)
        )
    ]
    assert _unequalled(made) == expected


def test_what_turns_out_to_be_of_two_equal_claims_is_taken_back() -> None:
    world = World()
    source_vm, destination = pair_of(world)
    world.step()
    assert world.only().source.process.pid == source_vm.pid
    world.boxes[0].add(taker(30))
    world.wait(1.0)
    assert world.desk.migrations() == []
    destination.come(0)
    world.wait(1.0)
    assert world.only().destination.process.pid == 20
    world.wait(2.0)
    assert world.only().destination.process.pid == 20


def test_a_pair_that_moved_pages_stays() -> None:
    world = World()
    _, destination = pair_of(world)
    destination.come(0)
    world.step()
    world.boxes[0].add(taker(30, flags=("um",)))
    world.wait(1.0)
    assert world.only().destination.process.pid == 20


def test_from_host_to_host_to_host() -> None:
    world = World()
    source_vm, second = pair_of(world)
    source_vm.told("active", event("active", world.now), at_s=world.now)
    for cell in range(64):
        second.come(cell)
        world.step()
    done = [event("active", world.now - 1), event("completed", world.now)]
    source_vm.told("completed", *done, at_s=world.now)
    world.step()
    third = world.boxes[0].add(taker(30))
    world.step()
    newest, first = world.desk.migrations()
    ends = [(one.source.process.pid, one.destination.process.pid) for one in (newest, first)]
    assert ends == [(20, 30), (10, 20)]
    third.come(0)
    world.step()
    assert newest.phase == "precopy"
    assert first.phase == "done"


def test_another_destination_after_one_that_was_cancelled() -> None:
    world = World()
    _, destination = pair_of(world)
    destination.come(0)
    world.step()
    world.boxes[0].end(20)
    world.wait(2.0)
    world.boxes[0].add(taker(21))
    world.step()
    newest, first = world.desk.migrations()
    assert (newest.phase, first.phase) == ("waiting", "cancelled")
    assert newest.destination.process.pid == 21


def test_ram_that_grows_before_anything_came() -> None:
    world = World()
    box = world.box()
    box.add(source(blocks=[("ram0", 0, 64), ("ram1", 128 * MIB, 64)]))
    destination = box.add(taker())
    world.step()
    assert world.desk.migrations() == []
    box.end(20)
    grown = taker(blocks=[("ram0", 0, 64), ("ram1", 128 * MIB, 64)])
    grown.pid = destination.pid
    box.add(grown)
    grown.ids = [*destination.ids, grown.ids[1]]
    world.step()
    assert world.only().destination.ram.count == 128


def by_hand(world: World, left: int, right: int, host: str = "h1") -> object:
    return world.desk.paired(PairEnd(host_id=host, pid=left), PairEnd(host_id=host, pid=right))


def test_by_hand_what_nothing_tells() -> None:
    world = World()
    box = world.box()
    giver, other = box.add(source(guest=False)), box.add(MadeVm(20, guest=False))
    world.step()
    assert world.desk.migrations() == []
    found = by_hand(world, 10, 20)
    assert found is world.only()
    assert by_hand(world, 10, 20) is found
    assert world.only().paired_by == ["hand", "name", "ram"]
    other.come(3)
    world.step()
    assert world.only().phase == "precopy"
    assert giver.cells[0].state[0] == 1
    box.end(20)
    world.wait(2.0)
    assert world.only().phase == "cancelled"
    assert by_hand(world, 10, 20) is found


def test_by_hand_what_cannot_be() -> None:
    world = World()
    box = world.box()
    box.add(source())
    box.add(taker(blocks=[("ram0", 0, 32)], name="b"))
    box.add(MadeVm(30, blocks=[]))
    world.step()
    codes = []
    for left, right, host in [(10, 99, "h1"), (10, 20, "h2"), (10, 20, "h1"), (10, 30, "h1")]:
        missing = by_hand(world, left, right, host)
        assert isinstance(missing, MigrationMissing)
        codes.append(missing.code)
    assert codes == ["no_such_process", "no_such_process", "sizes_differ", "no_huge_pages"]
    assert isinstance(by_hand(world, 10, 10), MigrationMissing)
    assert world.desk.migrations() == []
    assert sum(len(ends) for ends in world.desk._hosts["h1"].ends.values()) == 2


def test_by_hand_beside_what_is_paired() -> None:
    world = World()
    _, destination = pair_of(world)
    box = world.boxes[0]
    third = box.add(source(30, name="c"))
    world.step()
    auto = world.only()
    by_hand(world, 30, 20)
    hand, same = world.desk.migrations()
    assert same is auto
    destination.come(1, 2, 3)
    world.step()
    assert (hand.run.precopied, auto.run.precopied) == (3, 3)
    assert third.pid == hand.source.process.pid
    world.now += 601
    world.step()
    assert world.only() is auto


def test_what_was_paired_by_hand_and_then_is_seen() -> None:
    world = World()
    box = world.box()
    box.add(source())
    destination = box.add(MadeVm(20, name="web"))
    world.step()
    hand = by_hand(world, 10, 20)
    destination.listen()
    world.wait(1.0)
    assert world.only() is hand
    assert world.only().paired_by == ["hand", "name", "ram", "userfaultfd"]
    world.now += 601
    world.step()
    assert world.only() is hand


def test_by_hand_gives_way_to_what_is_seen() -> None:
    world = World()
    box = world.box()
    box.add(source())
    box.add(source(11, name="wrong"))
    destination = box.add(MadeVm(20))
    world.step()
    by_hand(world, 11, 20)
    destination.listen()
    world.wait(1.0)
    assert world.only().source.process.pid == 10


def test_at_most_so_many() -> None:
    world = World()
    box = world.box()
    for pid in range(10, 200):
        box.add(source(pid, name=f"v{pid}", blocks=[("ram0", 0, 1)]))
        box.add(taker(pid + 1000, name=f"v{pid}", blocks=[("ram0", 0, 1)]))
    world.step()
    world.step()
    assert len(world.desk.migrations()) == 64


def test_many_that_say_they_are_the_same() -> None:
    assert pairs(*(source(pid) for pid in range(10, 110)), taker(200)) == []
