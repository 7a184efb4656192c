"""Views of a mapping through a real server: groups as the snapshot's cells count up, and rates."""

import asyncio
import json
import random
import urllib.request

import pytest

from hugescope_wire.messages import Refusal
from hugescope_wire.snapshot import Snapshot
from hugescope_wire.view import Shift, View
from tests import access
from tests.integration.live_server import LiveViewer, agent, live_server, viewer
from tests.unit.server.made_host import MadeHost
from tests.unit.wire.made_groups import groups_by_number, plain_groups, rows_of_runs
from tests.unit.wire.made_wire import Row, rows_of

COUNT = 9000
COLUMN = 201
FIRST, END = 1000, 6000
"""The range that is viewed: its ends lie within groups."""


def made_host(seed: int) -> MadeHost:
    host = MadeHost(random.Random(seed))
    host.add(7, COUNT, COLUMN)
    return host


async def rows_of_snapshot(url: str) -> list[Row]:
    """All cells of the mapping, as scripts read them."""

    def fetch() -> bytes:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        where = f"{url}/api/v1/hosts/h1/snapshot"
        asked = urllib.request.Request(where, headers=access.bearer())
        with opener.open(asked, timeout=30) as answer:
            body: bytes = answer.read()
            return body

    snapshot = Snapshot.model_validate_json(await asyncio.to_thread(fetch))
    return rows_of_runs(snapshot.processes[0].mappings[0].runs)


def shows(browser: LiveViewer, rows: list[Row]) -> bool:
    """Whether what the viewer has is what these cells give for its view."""
    seen = browser.seen
    assert seen.subscribed is not None
    view = seen.subscribed.view
    if not view.shift:
        assert seen.cells is not None
        return rows_of(seen.cells) == rows[view.first : view.first + view.count]
    first = (view.first + COLUMN) >> view.shift
    last = (view.first + view.count - 1 + COLUMN) >> view.shift
    assert seen.groups is not None
    numbers = range(first, last + 1)
    plain = plain_groups(rows, COLUMN, view.shift)
    return groups_by_number(numbers, seen.groups) == {n: plain[n] for n in numbers}


async def sees_another_frame(browser: LiveViewer, frames: int) -> None:
    await browser.until(lambda: browser.seen.frames == frames, f"frame {frames}")


@pytest.mark.parametrize("shift", [0, 3, 6, 9])
async def test_a_range_is_as_the_snapshot_has_it(shift: Shift) -> None:
    host = made_host(shift)
    with live_server() as url:
        async with agent(url, host) as link, viewer(url) as part, viewer(url) as whole:
            await link.send(host.full())
            for browser, view in (
                (part, View(first=FIRST, count=END - FIRST, shift=shift)),
                (whole, View(shift=shift)),
            ):
                await browser.sees_host(host.epoch)
                await browser.subscribe(1, view=view)
            rows = await rows_of_snapshot(url)
            assert shows(part, rows)
            assert shows(whole, rows)
            assert part.seen.subscribed is not None
            viewed = part.seen.subscribed.view
            assert viewed.first <= FIRST
            assert viewed.first + viewed.count >= END
            assert viewed.count < END - FIRST + 2 * (1 << shift)
            for _ in range(30):
                at = [host.rng.randrange(COUNT) for _ in range(host.rng.choice((1, 40, 900)))]
                await link.send(host.change_cells(1, at))
            last = rows_of(host.cells[1])
            await part.until(lambda: shows(part, last), "the last changes")
            await whole.until(lambda: shows(whole, last), "the last changes")
            assert await rows_of_snapshot(url) == last


async def test_hold_and_resume() -> None:
    host = made_host(5)
    held, live = View(shift=3, rate_hz=0), View(shift=3, rate_hz=60)
    with live_server() as url:
        async with agent(url, host) as link, viewer(url) as browser, viewer(url) as other:
            await link.send(host.full())
            for one in (browser, other):
                await one.sees_host(host.epoch)
                await one.subscribe(1, view=live)
            before = rows_of(host.cells[1])
            await browser.wish(1, view=held)
            # Messages are taken in order, so an answer to a later one tells that it is held.
            await browser.wish(1, view=held.model_copy(update={"shift": 6}))
            await browser.until(lambda: browser.seen.subscriptions == 2, "the other view")
            await browser.until(lambda: not browser.seen.empty, "its first picture")
            for at in range(0, COUNT, 300):
                await link.send(host.change_cells(1, [at]))
            after = rows_of(host.cells[1])
            await other.until(lambda: shows(other, after), "the changes, by one that does not hold")
            assert browser.seen.frames == 2
            assert shows(browser, before)
            await browser.wish(1, view=live.model_copy(update={"shift": 6}))
            await browser.until(lambda: shows(browser, after), "all changes at once")
            assert browser.seen.subscriptions == 2
            assert browser.seen.frames == 3


async def test_slower_rates_give_fewer_frames() -> None:
    host = made_host(6)
    with live_server() as url:
        async with agent(url, host) as link, viewer(url) as slow, viewer(url) as fast:
            await link.send(host.full())
            for browser, rate_hz in ((slow, 0.5), (fast, 60.0)):
                await browser.sees_host(host.epoch)
                await browser.subscribe(1, view=View(shift=3, rate_hz=rate_hz))
            for at in range(40):
                await link.send(host.change_cells(1, [at * 200]))
                await sees_another_frame(fast, at + 2)
            last = rows_of(host.cells[1])
            await slow.until(lambda: shows(slow, last), "the last change")
            assert shows(fast, last)
            assert fast.seen.frames == 41
            assert slow.seen.frames < fast.seen.frames


async def test_a_view_outside_ends_and_the_viewer_may_ask_again() -> None:
    host = made_host(7)
    with live_server() as url:
        async with agent(url, host) as link, viewer(url) as browser:
            await link.send(host.full())
            await browser.sees_host(host.epoch)
            await browser.wish(1, view=View(first=COUNT))
            await browser.until(lambda: browser.seen.ended is not None, "the end")
            assert browser.seen.ended is not None
            assert browser.seen.ended.code == "view_outside"
            await browser.subscribe(1, view=View(first=COUNT - 1))
            assert shows(browser, rows_of(host.cells[1]))


@pytest.mark.parametrize(
    "view",
    ['{"shift":4}', '{"first":-1}', '{"count":0}', '{"rate_hz":1e999}', '{"rate_hz":-1}', "7"],
)
async def test_hostile_views_end_the_connection_with_a_reason(view: str) -> None:
    host = made_host(8)
    with live_server() as url:
        async with agent(url, host) as link, viewer(url) as browser:
            await link.send(host.full())
            await browser.sees_host(host.epoch)
            wish = browser.seen.wish("h1", 1).model_dump()
            text = json.dumps({**wish, "view": "VIEW"}).replace('"VIEW"', view)
            await browser.socket.send(text)
            await browser.until(lambda: browser.seen.refusal is not None, "a refusal")
            refusal = browser.seen.refusal
            assert isinstance(refusal, Refusal)
            assert refusal.code == "bad_message"
            assert "view" in refusal.message
