"""What the desk keeps has bounds, whatever hosts come and go and whatever viewers ask for."""

import asyncio
import gc
import math
import weakref

import pytest

from hugescope_server import app as server_app
from hugescope_server.migration import desk as desk_module
from hugescope_server.settings import ServerSettings
from hugescope_wire.migration import MigrationMissing, PairEnd
from hugescope_wire.vm import Fault
from tests.unit.server.migration.made_vms import MadeVm, World, event, pair_of


def ends_of(world: World) -> int:
    return sum(len(host.all()) for host in world.desk._hosts.values())


def named(pid: int, host: str = "h1") -> PairEnd:
    return PairEnd(host_id=host, pid=pid)


def test_hosts_without_machines_leave_nothing() -> None:
    world = World()
    for number in range(20):
        box = world.box(f"h{number}")
        box.add(MadeVm(10, guest=False))
        box.frame()
        box.leave()
    assert world.desk._hosts == {}


def test_of_hosts_that_are_away_the_pictures_are_not_kept() -> None:
    world = World()
    box = world.box()
    box.add(MadeVm(10))
    world.step()
    picture = weakref.ref(world.desk._hosts["h1"]._picture.about)  # type: ignore[union-attr]
    assert picture() is not None
    box.leave()
    # The other one who keeps it, for an agent that comes back.
    world.ingest.forget_left(math.inf)
    world.boxes.clear()
    del box
    gc.collect()
    assert picture() is None
    assert ends_of(world) == 1


def test_of_many_hosts_that_are_away_the_latest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "MAX_AWAY", 3)
    world = World()
    for number in range(10):
        world.now += 1
        box = world.box(f"h{number}")
        box.add(MadeVm(10, incoming=True)).fill()
        box.frame()
        box.leave()
    assert sorted(world.desk._hosts) == ["h7", "h8", "h9"]


def test_hosts_are_forgotten_though_nobody_sends_or_looks() -> None:
    world = World()
    box = world.box()
    box.add(MadeVm(10))
    box.frame()
    box.leave()
    world.now += 601
    world.desk.tick()
    assert world.desk._hosts == {}


def test_a_migration_goes_on_where_its_source_is_not_seen_any_more() -> None:
    world = World()
    here, there = world.box("h1"), world.box("h2")
    here.add(MadeVm(10)).fill()
    destination = there.add(MadeVm(20, incoming=True))
    world.step()
    destination.come(1)
    world.step()
    here.leave()
    world.boxes.remove(here)
    for _ in range(700):
        world.step(1.0)
    assert "h1" not in world.desk._hosts
    assert world.only().phase == "precopy", "it was not seen to end"
    destination.listen()
    world.step()
    destination.fill()
    world.step()
    destination.listen(False)
    world.step()
    state = world.state()
    assert (state.summary.phase, state.left) == ("done", 0)
    assert state.summary.source is not None
    assert state.summary.source.gone


def test_a_pair_that_waits_is_forgotten_with_the_host_of_its_source() -> None:
    world = World()
    here, there = world.box("h1"), world.box("h2")
    here.add(MadeVm(10)).fill()
    there.add(MadeVm(20, incoming=True))
    world.step()
    here.leave()
    world.boxes.remove(here)
    world.step(700.0)
    assert world.desk.migrations() == []
    third = world.box("h3")
    third.add(MadeVm(30)).fill()
    world.step()
    assert world.only().source.process.pid == 30


def done(world: World, source: MadeVm, destination: MadeVm) -> None:
    destination.come(1)
    world.step()
    destination.listen()
    world.step()
    destination.fill()
    world.step()
    destination.listen(False)
    world.step()
    source.told("completed", event("active", world.now - 1), event("completed", world.now))
    world.step()
    assert world.only().phase == "done"


def test_what_is_done_and_forgotten_is_not_paired_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    source, destination = pair_of(world)
    done(world, source, destination)
    end = world.only().destination
    monkeypatch.setattr(desk_module, "MAX_LOGGED", 1)
    world.wait(2.0)
    assert world.desk.migrations() == []
    assert end.log is None, "what nobody can ask for is not kept"
    third = world.boxes[0].add(MadeVm(30, incoming=True))
    world.wait(2.0)
    assert world.only().destination.process.pid == third.pid
    assert world.only().source.process.pid == destination.pid
    for pid in (10, 20, 30):
        world.boxes[0].end(pid)
    world.wait(4.0)
    assert len(world.desk._forgotten) <= 1
    world.boxes[0].add(MadeVm(40, incoming=True)).fill()
    world.boxes[0].add(MadeVm(41)).fill()
    world.wait(2.0)
    assert world.only().source.process.pid == 41


def test_of_what_is_over_only_what_is_told_is_kept() -> None:
    world = World()
    _, destination = pair_of(world, simulated=True)
    box = world.boxes[0]
    address = destination.start(0) + 5 * destination.page_size
    box.frame(Fault(pid=20, address=address, at_s=box.monotonic_s), watched=[20])
    world.wait(1.0)
    destination.come(5, 9)
    world.step()
    destination.go(9)
    world.step()
    destination.fill()
    world.step()
    migration = world.only()
    assert migration.run._left_s is not None
    before = world.state()
    world.wait(5.0)
    after = world.state()
    assert migration.run._left_s is None
    assert migration.run.demand.addresses == 0
    assert before.what_if
    assert (after.what_if, after.demanded) == (before.what_if, before.demanded)


def test_a_viewers_pairs_give_way_before_what_is_seen() -> None:
    world = World()
    box = world.box()
    for pid in range(10, 40):
        box.add(MadeVm(pid, name=f"v{pid}", blocks=[("ram0", 0, 1)])).fill()
        box.add(MadeVm(pid + 1000, name=f"v{pid}", blocks=[("ram0", 0, 1)], incoming=True))
    world.step()
    world.step()
    seen = set(world.desk.migrations())
    assert len(seen) == 30
    for left in range(10, 40):
        for further in (1, 2, 3):
            world.desk.paired(named(left), named(1010 + (left + further) % 30))
    assert len(world.desk.migrations()) == 64
    assert seen <= set(world.desk.migrations())


def test_pairs_that_cannot_be_leave_no_ends() -> None:
    world = World()
    pair_of(world)
    box = world.boxes[0]
    box.add(MadeVm(30, guest=False, blocks=[(None, 0, 8)]))
    world.step()
    before = ends_of(world)
    for left, right in ((10, 10), (10, 30), (30, 20), (30, 30), (20, 99)):
        assert isinstance(world.desk.paired(named(left), named(right)), MigrationMissing)
        assert ends_of(world) == before


async def test_a_server_that_nobody_asks_forgets_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_app, "FORGET_EVERY_S", 0.0)
    world = World()
    made = server_app.create_app(ServerSettings(), wall_clock=lambda: world.now)
    async with made.router.lifespan_context(made):
        services = made.state.services
        world.ingest, world.desk = services.ingest, services.desk
        box = world.box()
        box.add(MadeVm(10))
        box.frame()
        box.leave()
        assert world.desk._hosts
        world.now += 601
        for _ in range(100):
            await asyncio.sleep(0)
        assert world.desk._hosts == {}
