"""A viewer in time, with clocks that tests move by hand."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from hugescope_server.bus import LocalBus
from hugescope_server.hub import Hub
from hugescope_server.mailbox import Mailbox
from hugescope_server.migration.desk import MigrationDesk
from hugescope_server.settings import ServerSettings
from hugescope_server.timeline.diary import Diary
from hugescope_server.timeline.past import Past
from hugescope_server.timeline.shelf import FileShelf, Moved, Shelf
from hugescope_server.timeline.traveller import PRESENT_S, Traveller
from hugescope_wire.archive import Archive, picture_at
from hugescope_wire.messages import TO_VIEWER, Overview, ToViewer, parse
from hugescope_wire.travel import TimeState, Travel
from tests.unit.server.timeline.made_time import BEGAN_S, made_archive, made_records

ARCHIVE = made_archive(made_records(random.Random(5), 161))
END_S = ARCHIVE.ended_s
PATIENCE_S = 60.0


class Time:
    """Both clocks."""

    def __init__(self) -> None:
        self.wall_s = END_S + 3600.0
        self.now_s = 1000.0

    def wall(self) -> float:
        return self.wall_s

    def now(self) -> float:
        return self.now_s


class Viewer:
    """A traveller with its mailbox, whose messages are read when a test asks."""

    def __init__(self, past: Past, time: Time) -> None:
        self.time = time
        bus = LocalBus()
        hub = Hub(bus, past.settings, time.now, time.wall)
        desk = MigrationDesk(bus, past.settings.forget_after_s, time.wall)
        self.mailbox = Mailbox(hub, desk)
        self.traveller = Traveller(past, hub, desk, self.mailbox, lambda: None, clock=time.now)
        self.mailbox.time = self.traveller
        self.states: list[TimeState] = []
        self.overview: Overview | None = None

    @property
    def state(self) -> TimeState:
        self.read()
        return self.states[-1]

    def read(self) -> None:
        for message in self.mailbox.poll(self.time.now_s):
            if isinstance(message, str):
                found: ToViewer = parse(TO_VIEWER, message)
                if isinstance(found, TimeState):
                    self.states.append(found)
                if isinstance(found, Overview):
                    self.overview = found

    async def until(self, true: Callable[[TimeState], bool]) -> TimeState:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                self.time.now_s += 0.3
                self.read()
                if self.states and true(self.states[-1]):
                    return self.states[-1]
                await asyncio.sleep(0.001)

    async def goes(self, **wish: Any) -> TimeState:
        """Where it stands once it was asked to go there."""
        self.states.clear()
        self.traveller.travel(Travel.model_validate({"playing": False, **wish}))
        return await self.until(lambda state: state.playing is False or state.problem is not None)


@contextlib.asynccontextmanager
async def viewer(
    shelf: FileShelf | None = None, time: Time | None = None, past: Past | None = None, **more: Any
) -> AsyncIterator[Viewer]:
    time = time or Time()
    made = Viewer(past or past_of(shelf or shelf_of(), time, **more), time)
    task = asyncio.create_task(made.traveller.run())
    try:
        yield made
    finally:
        made.traveller.close()
        task.cancel()
        await asyncio.wait((task,))


def shelf_of(archive: Archive = ARCHIVE) -> FileShelf:
    shelf = FileShelf()
    shelf.add(archive, "h1")
    return shelf


def past_of(
    shelf: FileShelf, time: Time, history: Shelf | None = None, live: bool = True, **more: Any
) -> Past:
    settings = ServerSettings(**more)
    return Past(shelf, Diary(LocalBus(), time.wall), settings, time.wall, history, can_be_live=live)


async def test_who_did_not_travel_is_in_the_present() -> None:
    async with viewer() as one:
        state = one.state
        assert (state.live, state.can_be_live, state.playing, state.speed) == (True, True, True, 1)
        assert state.at_s == one.time.wall_s
        assert (state.since_s, state.until_s) == (ARCHIVE.began_s, END_S)


async def test_a_moment_is_shown_and_stands_still() -> None:
    async with viewer() as one:
        state = await one.goes(at_s=BEGAN_S + 7.3)
        assert (state.live, state.at_s, state.problem) == (False, BEGAN_S + 7.3, None)
        await one.until(lambda _: bool(one.overview and one.overview.hosts))
        assert one.overview is not None
        (host,) = one.overview.hosts
        was = picture_at(ARCHIVE, BEGAN_S + 7.3).about
        assert was is not None
        assert host.taken_at == was.taken_at
        one.time.now_s += 100
        assert one.state.at_s == BEGAN_S + 7.3


async def test_time_goes_on_at_the_speed_that_was_asked_for_and_stops_at_the_end() -> None:
    async with viewer(live=False) as one:
        one.traveller.travel(Travel(at_s=BEGAN_S + 2, speed=4))
        state = await one.until(lambda state: state.at_s > BEGAN_S + 2 and state.speed == 4)
        assert state.playing
        state = await one.until(lambda state: not state.playing)
        assert state.at_s == END_S
        assert not state.live


async def test_back_to_the_present() -> None:
    async with viewer() as one:
        await one.goes(at_s=BEGAN_S + 5)
        one.traveller.travel(Travel(at_s=None))
        state = await one.until(lambda state: state.live)
        assert state.at_s == one.time.wall_s
        await one.until(lambda _: one.overview is not None and not one.overview.hosts)


async def test_there_is_no_present_in_a_replay_and_it_begins_at_once() -> None:
    async with viewer(live=False) as one:
        state = await one.until(lambda state: state.at_s > BEGAN_S)
        assert not state.can_be_live
        one.traveller.travel(Travel(at_s=None))
        state = await one.until(lambda state: state.problem is not None)
        assert "no present" in (state.problem or "")
        assert not state.live


async def test_where_nothing_was_recorded_the_present_stays() -> None:
    async with viewer(FileShelf()) as one:
        state = await one.goes(at_s=BEGAN_S)
        assert (state.live, state.since_s) == (True, None)
        assert "nothing was recorded" in (state.problem or "")


@pytest.mark.parametrize(("asked_s", "at_s"), [(BEGAN_S - 50, BEGAN_S), (END_S + 50, END_S)])
async def test_beyond_what_was_recorded_is_its_end(asked_s: float, at_s: float) -> None:
    async with viewer() as one:
        assert (await one.goes(at_s=asked_s)).at_s == at_s


async def test_only_so_many_travel_and_a_place_is_free_again() -> None:
    time = Time()
    past = past_of(shelf_of(), time, max_travellers=1)
    async with viewer(past=past, time=time) as second:
        async with viewer(past=past, time=time) as first:
            await first.goes(at_s=BEGAN_S + 1)
            refused = await second.goes(at_s=BEGAN_S + 2)
            assert "1 viewers" in (refused.problem or "")
            assert refused.live
            assert (await first.goes(at_s=BEGAN_S + 9)).problem is None
        assert (await second.goes(at_s=BEGAN_S + 2)).problem is None


async def test_it_tells_how_many_wishes_were_followed() -> None:
    async with viewer(live=False) as one:
        state = await one.until(lambda state: state.at_s > BEGAN_S)
        assert state.travelled == 0
        for at_s in (BEGAN_S + 5, BEGAN_S + 7):
            one.traveller.travel(Travel(at_s=at_s, playing=False))
        state = await one.until(lambda state: state.travelled > 0)
        assert (state.travelled, state.at_s) == (2, BEGAN_S + 7)
        one.traveller.travel(Travel(at_s=None))
        state = await one.until(lambda state: state.travelled > 2)
        assert "no present" in (state.problem or "")


async def test_only_the_last_wish_counts() -> None:
    async with viewer() as one:
        for number in range(40):
            one.traveller.travel(Travel(at_s=BEGAN_S + number / 4, playing=False))
            await asyncio.sleep(0)
        state = await one.until(lambda state: not state.live and not state.playing)
        await one.until(lambda state: state.at_s == BEGAN_S + 39 / 4)
        assert state.problem is None


async def test_who_comes_to_the_present_is_there() -> None:
    time = Time()
    past = past_of(FileShelf(), time, history=shelf_of())
    async with viewer(past=past, time=time) as one:
        time.wall_s = END_S + PRESENT_S / 2
        one.traveller.travel(Travel(at_s=END_S - 4, speed=100))
        await one.until(lambda state: not state.live)
        state = await one.until(lambda state: state.live)
        assert state.at_s == time.wall_s


async def test_recordings_of_other_days_are_times_of_their_own() -> None:
    shelf = shelf_of()
    shelf.add(Moved(ARCHIVE, -500_000.0), "old")
    async with viewer(shelf) as one:
        assert one.state.since_s == ARCHIVE.began_s
        state = await one.goes(at_s=BEGAN_S - 500_000 + 3)
        assert (state.since_s, state.until_s) == (BEGAN_S - 500_000, END_S - 500_000)
        assert await hosts_of(one) == ["old"]


async def hosts_of(one: Viewer) -> list[str]:
    await one.until(lambda _: bool(one.overview and one.overview.hosts))
    assert one.overview is not None
    return [host.host_id for host in one.overview.hosts]


async def test_what_is_deleted_is_gone_from_the_screen() -> None:
    shelf, time = shelf_of(), Time()
    shelf.add(ARCHIVE, "h2")
    past = past_of(shelf, time)
    async with viewer(past=past, time=time) as one:
        await one.goes(at_s=BEGAN_S + 5)
        assert await hosts_of(one) == ["h1", "h2"]
        past.shelf.delete("h1")
        past.forget("h1")
        await one.until(lambda _: [host.host_id for host in one.overview.hosts] == ["h2"])  # type: ignore[union-attr]
        assert one.state.at_s == BEGAN_S + 5


async def test_at_rest_it_is_told_no_more_often_than_four_times_a_second() -> None:
    async with viewer(live=False) as one:
        await one.until(lambda state: state.at_s > BEGAN_S)
        one.states.clear()
        one.read()
        for _ in range(100):
            one.time.now_s += 0.01
            one.read()
            await asyncio.sleep(0)
        assert len(one.states) <= 6
