"""Thumbnails, statistics and extents through a real server and real sockets."""

import asyncio
import base64
import random

from hugescope_wire.cells import CellState
from hugescope_wire.extents import ExtentPage
from hugescope_wire.follow import FollowedHost, Point
from hugescope_wire.messages import Follow
from hugescope_wire.picture import runs_of
from tests.integration.live_server import (
    PATIENCE_S,
    LiveViewer,
    agent,
    http_to,
    live_server,
    viewer,
)
from tests.unit.server.made_host import MadeHost, mapping_info


def made_host(*cell_counts: int) -> MadeHost:
    host = MadeHost(random.Random(1))
    for count in cell_counts:
        host.add(7, count)
    return host


async def follow(browser: LiveViewer, *mapping_ids: int) -> None:
    wish = FollowedHost(host_id="h1", thumbnails=list(mapping_ids), statistics=True)
    await browser.socket.send(Follow(hosts=[wish]).model_dump_json())


def pictures(browser: LiveViewer) -> dict[int, bytes]:
    """The last thumbnail of each mapping."""
    return {
        thumb.mapping_id: base64.b64decode(thumb.states)
        for message in browser.seen.thumbnails
        for thumb in message.thumbs
    }


def points(browser: LiveViewer) -> list[Point]:
    """All that came so far."""
    return [point for message in browser.seen.statistics for point in message.points]


async def test_followed_thumbnails_and_statistics_come_and_follow_the_host() -> None:
    host = made_host(300, 40)
    with live_server() as url:
        async with agent(url, host) as link, viewer(url) as browser:
            await follow(browser, 1, 2)
            await link.send(host.full())

            def small(number: int) -> bytes:
                return host.cells[number].state.tobytes()

            await browser.until(
                lambda: pictures(browser) == {1: small(1), 2: small(2)}, "both thumbnails"
            )
            await browser.until(lambda: browser.seen.statistics != [], "statistics")
            assert browser.seen.statistics[0].begins
            begun = asyncio.get_running_loop().time()
            # The first point may be of a second that was over before the first change.
            while not any(point.changed for point in points(browser)):
                await link.send(host.change_cells(2, list(range(40))))
                await asyncio.sleep(0.05)
                assert asyncio.get_running_loop().time() < begun + PATIENCE_S
            await browser.until(lambda: pictures(browser)[2] == small(2), "the last thumbnail")
            assert all(point.pools[0].total == 9 for point in points(browser))
            last = browser.seen.statistics[-1].histograms
            assert sum(level.cells for level in last.levels) == 340


async def test_extents_say_what_the_agent_sent() -> None:
    host = made_host(500)
    start = mapping_info(1, 500).start
    asked = f"/api/v1/hosts/h1/extents?pid=7&start={start:#x}&limit=1000"
    with live_server() as url:
        async with (
            agent(url, host) as link,
            viewer(url) as browser,
            http_to(url) as client,
        ):
            assert (await client.get(asked)).json()["code"] == "no_such_host"
            await link.send(host.full())
            await browser.sees_host(host.epoch)
            page = ExtentPage.model_validate_json((await client.get(asked)).content)
            runs = runs_of(host.cells[1])
            shown = [(one.first, one.count, one.state) for one in page.extents]
            assert shown == [(run.first, run.count, run.state) for run in runs]
            whole = asked.replace("extents?", "extents.csv?").replace("&limit=1000", "")
            table = await client.get(whole)
            assert len(table.text.splitlines()) == 1 + len(runs)
            state = CellState(int(host.cells[1].state[0])).label
            some = ExtentPage.model_validate_json(
                (await client.get(f"{asked}&state={state}")).content
            )
            assert some.total == sum(run.state == state for run in runs)
