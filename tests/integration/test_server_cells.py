"""From an agent's frames to a viewer's cells, through a real server and real sockets."""

import asyncio
import random

import pytest

from hugescope_server.settings import ServerSettings
from hugescope_wire.messages import Unsubscribe
from tests.integration.live_server import (
    UNHURRIED,
    LiveViewer,
    agent,
    live_server,
    until,
    viewer,
)
from tests.kernel.commands import free_port
from tests.unit.server.made_host import MadeHost
from tests.unit.server.made_viewer import same


def made_host(seed: int, *cell_counts: int) -> MadeHost:
    host = MadeHost(random.Random(seed))
    for count in cell_counts:
        host.add(7, count)
    return host


async def sees_the_end(browser: LiveViewer, host: MadeHost) -> None:
    """Of mapping 1: its last cells, or that it is gone."""
    if 1 in host.cells:
        await browser.until(lambda: same(browser.seen.cells, host.cells[1]), "the last cells")
    else:
        await browser.until(lambda: browser.seen.ended is not None, "the mapping's end")


async def test_full_then_deltas_are_seen_cell_for_cell() -> None:
    host = made_host(1, 64, 5000)
    with live_server() as url:
        async with agent(url, host) as link, viewer(url) as browser:
            await link.send(host.full())
            await browser.sees_host(host.epoch)
            await browser.subscribe(2)
            assert same(browser.seen.cells, host.cells[2])
            for at in range(20):
                await link.send(host.change_cells(2, list(range(at, 5000, 97))))
            await browser.until(lambda: same(browser.seen.cells, host.cells[2]), "all changes")
            await browser.subscribe(1)
            assert same(browser.seen.cells, host.cells[1])
            await browser.socket.send(Unsubscribe().model_dump_json())


@pytest.mark.parametrize("seed", range(4))
async def test_slow_and_fast_viewers_end_with_the_same_cells(seed: int) -> None:
    """Hundreds of random changes, viewers that ack late: what each has at the end is the truth."""
    rng = random.Random(seed)
    host = made_host(seed, 700, 90)
    with live_server() as url:
        async with (
            agent(url, host) as link,
            viewer(url) as fast,
            viewer(url, ack_after_s=0.12) as slow,
        ):
            await link.send(host.full())
            for browser in (fast, slow):
                await browser.sees_host(host.epoch)
                await browser.subscribe(1)
            for _ in range(300):
                await link.send(host.step())
                if 1 not in host.cells:
                    break
                if rng.random() < 0.3:
                    await asyncio.sleep(rng.uniform(0, 0.02))
            for browser in (fast, slow):
                await sees_the_end(browser, host)


async def test_killed_agent_is_gone_and_comes_back() -> None:
    host = made_host(2, 100)
    with live_server() as url:
        async with viewer(url) as browser:
            async with agent(url, host) as link:
                await link.send(host.full())
                await browser.sees_host(host.epoch)
                await browser.subscribe(1)
                link.kill()
                await browser.until(lambda: browser.link() == "gone", "the agent's end")
                assert same(browser.seen.cells, host.cells[1]), "the last picture stays"
            host.change_cells(1, [5, 6])
            async with agent(url, host) as link:
                await link.send(host.full())
                await browser.until(lambda: browser.link() == "live", "the same run again")
                await browser.until(lambda: same(browser.seen.cells, host.cells[1]), "its cells")
                assert browser.seen.ended is None
                link.kill()
            host.restart_agent()
            async with agent(url, host) as link:
                await link.send(host.full())
                await browser.until(lambda: browser.seen.ended is not None, "end of the old epoch")
                assert browser.seen.ended is not None
                assert browser.seen.ended.code == "host_restarted"
                await browser.sees_host(host.epoch)
                await browser.subscribe(1)
                assert same(browser.seen.cells, host.cells[1])


async def test_newer_agent_replaces_the_older() -> None:
    host, twin = made_host(3, 10), made_host(4, 20)
    twin.restart_agent()
    with live_server() as url:
        async with viewer(url) as browser, agent(url, host) as older:
            await older.send(host.full())
            await browser.sees_host(host.epoch)
            async with agent(url, twin) as newer:
                assert (await older.refusal()).code == "replaced"
                await newer.send(twin.full())
                await browser.sees_host(twin.epoch)
                assert browser.link() == "live"


async def test_killed_server_comes_back_for_the_same_clients() -> None:
    """Agent and viewer do nothing but connect again; then the screen shows the truth again."""
    host = made_host(5, 400)
    settings = UNHURRIED.model_copy(update={"port": free_port()})
    with live_server(settings) as url:
        async with agent(url, host) as link, viewer(url) as browser:
            await link.send(host.full())
            await browser.sees_host(host.epoch)
            await browser.subscribe(1)
            assert browser.seen.welcome is not None
            first_epoch = browser.seen.welcome.server_epoch
    host.change_cells(1, list(range(0, 400, 3)))
    with live_server(settings) as url:
        async with viewer(url) as browser, agent(url, host) as link:
            assert browser.seen.welcome is not None
            assert browser.seen.welcome.server_epoch != first_epoch
            assert browser.seen.overview is not None
            assert browser.seen.overview.hosts == []
            await link.send(host.full())
            await browser.sees_host(host.epoch)
            await browser.subscribe(1)
            assert same(browser.seen.cells, host.cells[1])


async def test_silent_agent_is_gone_then_closed() -> None:
    settings = ServerSettings(port=0, late_after_s=0.1, gone_after_s=0.2, agent_silence_s=2.0)
    host = made_host(6, 10)
    with live_server(settings) as url:
        async with viewer(url) as browser, agent(url, host) as link:
            await link.send(host.full())
            await browser.sees_host(host.epoch)
            await browser.until(lambda: browser.link() == "gone", "gone")
            assert (await link.refusal()).code == "silent"


async def test_forgotten_host_leaves_the_overview() -> None:
    settings = ServerSettings(port=0, forget_after_s=0.1)
    host = made_host(7, 10)
    with live_server(settings) as url:
        async with viewer(url) as browser:
            async with agent(url, host) as link:
                await link.send(host.full())
                await browser.sees_host(host.epoch)
            await until(lambda: browser.link() is None, "an overview without the host")
