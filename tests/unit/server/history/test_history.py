"""What comes over the bus comes back from disk, whatever happens to hosts and clocks."""

from __future__ import annotations

import stat
from itertools import pairwise
from pathlib import Path

import pytest

from hugescope_server.history.history import CLOSED_AFTER_S
from hugescope_wire.archive import picture_at
from hugescope_wire.statehash import state_hash
from tests.unit.open_files import open_files
from tests.unit.server.history.made_history import Sender, World, files_of, read, same


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "history"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_what_was_live_comes_back(directory: Path) -> None:
    async with World(directory).running() as world:
        one, other = Sender(world, "h1"), Sender(world, "h2", seed=2)
        for _ in range(8):
            one.send(11)
            other.send(3)
            await world.write()
        assert world.history.hosts() == ["h1", "h2"]
        for host_id in ("h1", "h2"):
            archive = world.archive(host_id)
            truth = world.truth[host_id]
            assert same(read(archive), truth)
            assert archive.losses == ()
            assert archive.name == "box"
            assert world.history.span(host_id) == (archive.began_s, archive.ended_s)
            for at_s, expected in truth[::17]:
                assert state_hash(picture_at(archive, at_s + 0.01)) == expected
    assert {mode_of(path) for path in (directory, directory / "h1")} == {0o700}
    assert {mode_of(path) for path in files_of(directory)} == {0o600}


async def test_it_can_be_read_while_it_is_written(directory: Path) -> None:
    async with World(directory).running() as world:
        sender = Sender(world)
        sender.send(5)
        await world.write()
        archive = world.archive("h1")
        records = archive.records()
        seen = [next(records) for _ in range(5)]
        sender.send(5)
        await world.write()
        assert len([*seen, *records]) == 10
        assert same(read(archive), world.truth["h1"])


async def test_a_restart_goes_on_and_tells_of_the_time_between(directory: Path) -> None:
    async with World(directory).running() as world:
        Sender(world).send(25)
    truth, last_s = list(world.truth["h1"]), world.now_s
    async with World(directory).running() as world:
        world.now_s = last_s + 100
        await world.write()
        assert world.history.hosts() == ["h1"]
        Sender(world, seed=5).send(12)
        await world.write()
        archive = world.archive("h1")
        assert same(read(archive), [*truth, *world.truth["h1"]])
        (loss,) = archive.losses
        assert loss.since_s == pytest.approx(truth[-1][0], abs=1e-4)
        assert loss.until_s == pytest.approx(world.truth["h1"][0][0], abs=1e-4)
        assert "not running" in loss.why


async def test_what_an_agent_missed_is_told_with_its_reason(directory: Path) -> None:
    async with World(directory).running() as world:
        sender = Sender(world)
        sender.send(12)
        sender.leave()
        sender.host.restart_agent()
        world.now_s += 40
        sender.send(12)
        await world.write()
        (loss,) = world.archive("h1").losses
        assert loss.why == "the agent was started anew"
        assert loss.until_s is not None
        assert loss.until_s - loss.since_s == pytest.approx(40.1, abs=1e-3)
        assert same(read(world.archive("h1")), world.truth["h1"])


async def test_frames_that_waited_for_a_link_stand_where_they_were_made(directory: Path) -> None:
    async with World(directory).running() as world:
        sender = Sender(world)
        sender.send(3)
        began_s = world.wall_s()
        world.now_s += 10
        # The made-up host's clock stands still after its first frame.
        sender.take(sender.host.step(), at_s=began_s)
        await world.write()
        times = [at_s for at_s, _ in read(world.archive("h1"))]
        assert times[-1] == pytest.approx(began_s, abs=0.5)
        assert times == sorted(set(times))


async def test_a_clock_that_is_set_back_stops_nothing(directory: Path) -> None:
    async with World(directory).running() as world:
        sender = Sender(world)
        sender.send(10)
        world.ahead_s -= 3600
        sender.send(10)
        await world.write()
        found = read(world.archive("h1"))
        assert [one for _, one in found] == [one for _, one in world.truth["h1"]]
        times = [at_s for at_s, _ in found]
        assert all(0.05 < b - a < 0.15 for a, b in pairwise(times))
    async with World(directory).running() as world:
        world.ahead_s -= 7200
        Sender(world, seed=3).send(10)
        await world.write()
        again = [at_s for at_s, _ in read(world.archive("h1"))]
        assert len(again) == 30
        assert again == sorted(set(again))


async def test_the_oldest_goes_first_across_hosts(directory: Path) -> None:
    async with World(directory, history_bytes=1 << 20, history_age_s=400).running() as world:
        old, busy = Sender(world, "old"), Sender(world, "busy", seed=2)
        old.send(5)
        await world.write()
        for _ in range(30):
            busy.send(3)
            world.now_s += 50
            await world.write()
        assert world.history.hosts() == ["busy"]
        archive = world.archive("busy")
        assert world.wall_s() - 1100 <= archive.began_s < archive.ended_s
        truth = {one for _, one in world.truth["busy"]}
        assert all(one in truth for _, one in read(archive))
        assert files_of(directory / "old") == []


async def test_no_more_bytes_than_allowed(directory: Path) -> None:
    async with World(directory, history_bytes=1 << 20).running() as world:
        sender = Sender(world)
        sender.host.add(1, 30_000)
        for _ in range(24):
            sender.send(2, full=True)
            world.now_s += 700
            await world.write()
        total = sum(path.stat().st_size for path in files_of(directory))
        assert 1 << 18 < total <= (1 << 20) + (1 << 18), total
        found = read(world.archive("h1"))
        assert same(found, world.truth["h1"][-len(found) :])


async def test_a_host_is_deleted_for_good_and_begins_anew(directory: Path) -> None:
    async with World(directory).running() as world:
        sender = Sender(world)
        sender.send(12)
        await world.write()
        version = world.history.version
        assert world.history.delete("h1")
        assert not world.history.delete("h1")
        assert not world.history.delete("never")
        assert (world.history.archive("h1"), world.history.hosts()) == (None, [])
        assert world.history.version != version
        await world.write()
        assert files_of(directory) == []
        sender.send(5)
        await world.write()
        assert read(world.archive("h1"))[-1][1] == world.truth["h1"][-1][1]


@pytest.mark.parametrize("host_id", ["..", ".lock", ".deleted-1", "a:b", "x" * 128])
async def test_any_host_id_has_a_place_of_its_own(directory: Path, host_id: str) -> None:
    async with World(directory).running() as world:
        Sender(world, host_id).send(3)
        await world.write()
        assert world.history.hosts() == [host_id]
        assert [path.parent.parent for path in files_of(directory)] == [directory]
    async with World(directory).running() as world:
        await world.write()
        assert world.history.hosts() == [host_id]
        assert len(read(world.archive(host_id))) == 3


async def test_a_host_that_is_gone_holds_no_descriptor(directory: Path) -> None:
    """Hosts of a day's life come and go; one that comes back goes on, and the gap is told."""

    def held() -> list[str]:
        # Other tests' recordings may be open as well, until the collector comes by.
        links = (Path(link) for _, link in open_files())
        return sorted({one.parent.name for one in links if one.parent.parent == directory})

    async with World(directory).running() as world:
        gone, stays = Sender(world, "h1"), Sender(world, "h2", seed=2)
        gone.send(5)
        stays.send(5)
        await world.write()
        assert held() == ["h1", "h2"]
        gone.leave()
        world.now_s += world.settings.forget_after_s + CLOSED_AFTER_S + 1
        world.ingest.forget_left(world.now_s)
        stays.send(5)
        await world.write()
        assert held() == ["h2"]
        gone.host.restart_agent()
        gone.send(5)
        await world.write()
        assert held() == ["h1", "h2"]
        assert same(read(world.archive("h1")), world.truth["h1"])
        assert len(world.archive("h1").losses) == 1
