"""A real agent's link and a real server, and a network between them that fails."""

import asyncio
import logging
import random

import pytest
from websockets.exceptions import ConnectionClosed

from hugescope_agent.link import AgentLink
from hugescope_agent.outbox import Outbox
from hugescope_server.settings import ServerSettings
from hugescope_wire.messages import AGENT_PATH, TO_AGENT, HostSummary, Refusal, parse
from tests import access
from tests.integration.live_agent import Looker, running_agent
from tests.integration.live_server import (
    PATIENCE_S,
    LiveViewer,
    agent,
    live_server,
    socket_to,
    until,
    viewer,
)
from tests.proxy import Proxy, proxy
from tests.unit.server.made_host import MadeHost, hello
from tests.unit.server.made_viewer import same

# Nothing here depends on how late a busy machine looks, but in the test of just that.
CALM = ServerSettings(port=0, late_after_s=300, gone_after_s=600)


def shown(browser: LiveViewer) -> HostSummary | None:
    overview = browser.seen.overview
    return next((host for host in overview.hosts if host.host_id == "h1"), None)  # type: ignore[union-attr]


async def agree(browser: LiveViewer, looker: Looker, link: AgentLink) -> HostSummary:
    """What the viewer sees, once it is what the agent has."""
    looker.still = True

    def has_all() -> bool:
        host = shown(browser)
        return (
            host is not None
            and not link.outbox.needs_full
            and (host.epoch, host.seq) == (link.epoch, link.outbox.seq)
        )

    await browser.until(has_all, "the last frame")
    await browser.subscribe(1)
    await browser.until(lambda: same(browser.seen.cells, looker.host.cells[1]), "equal cells")
    looker.still = False
    host = shown(browser)
    assert host is not None
    return host


async def more_looks(looker: Looker, count: int = 5) -> None:
    before = looker.looks
    await until(lambda: looker.looks >= before + count, "more looks")


async def lives(browser: LiveViewer, looker: Looker) -> None:
    await browser.until(lambda: shown(browser) is not None, "the host")
    await more_looks(looker)


async def cut(between: Proxy, looker: Looker) -> None:
    """Away for a few looks."""
    between.close()
    await more_looks(looker, 3)
    between.reopen()


async def test_a_cut_is_made_up_for_and_no_gap_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hugescope_agent")
    looker = Looker(1)
    with live_server(CALM) as url:
        async with (
            proxy(url) as between,
            viewer(url) as browser,
            running_agent(between.url, looker) as link,
        ):
            for _ in range(4):
                await lives(browser, looker)
                await cut(between, looker)
                host = await agree(browser, looker, link)
            assert host.gaps == []
            assert host.limits == []
    assert caplog.text.count("from a full frame on") == 1
    assert caplog.text.count("the server has what came before") == 4


async def test_random_faults(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the network does, the viewer has what the agent has soon after."""
    rng, looker = random.Random(7), Looker(2)
    with live_server(CALM) as url:
        async with (
            proxy(url) as between,
            viewer(url) as browser,
            running_agent(between.url, looker) as link,
        ):
            await lives(browser, looker)
            for number in range(40):
                between.delay_s = rng.choice((0.0, 0.0, 0.02))
                fault = rng.choice((between.cut, between.half_open, between.stall))
                fault()
                await asyncio.sleep(rng.uniform(0.0, 0.1))
                between.flow()
                if number % 4 == 3:
                    host = await agree(browser, looker, link)
                    assert {gap.reason for gap in host.gaps} <= {"not_kept"}


async def test_a_ring_that_was_too_small_is_told_as_a_gap() -> None:
    looker = Looker(3)
    with live_server(CALM) as url:
        async with (
            proxy(url) as between,
            viewer(url) as browser,
            running_agent(between.url, looker, Outbox(max_bytes=2000)) as link,
        ):
            await lives(browser, looker)
            between.close()
            await until(
                lambda: link.outbox.dropped > 0 and not link.outbox.resumable, "a full ring"
            )
            idle = looker.looks
            between.reopen()
            host = await agree(browser, looker, link)
            assert looker.looks >= idle
            (gap,) = host.gaps
            assert gap.reason == "not_kept"
            assert gap.since < gap.until
            (limit,) = host.limits
            assert "the link was away for longer than the agent keeps what it sees" in limit.reason


async def test_a_new_agent_and_a_new_server_are_told_as_gaps() -> None:
    looker = Looker(4)
    with live_server(CALM) as url:
        async with viewer(url) as browser:
            async with running_agent(url, looker) as link:
                await lives(browser, looker)
                await agree(browser, looker, link)
            looker.host.restart_agent()
            async with running_agent(url, looker) as link:
                host = await agree(browser, looker, link)
                assert [gap.reason for gap in host.gaps] == ["agent_restarted"]
    looker.host.restart_agent()
    with live_server(CALM) as first, live_server(CALM) as second:
        async with proxy(first) as between, running_agent(between.url, looker) as link:
            async with viewer(first) as browser:
                await lives(browser, looker)
                await agree(browser, looker, link)
            between.aim(second)
            between.cut()
            async with viewer(second) as browser:
                await lives(browser, looker)
                host = await agree(browser, looker, link)
                assert [gap.reason for gap in host.gaps] == ["server_restarted"]


async def test_a_wrong_clock_is_told_and_ages_are_right() -> None:
    looker = Looker(5)
    looker.wrong_s = -3600.0
    with live_server(CALM) as url:
        async with viewer(url) as browser, running_agent(url, looker) as link:
            await lives(browser, looker)
            host = await agree(browser, looker, link)
            assert host.clock_behind_s == pytest.approx(3600, abs=30)
            assert host.age_s < 300
            (limit,) = host.limits
            assert limit.capability == "clock"
            assert "s behind the server's" in limit.reason


async def test_an_agent_that_did_not_look_says_so() -> None:
    looker = Looker(6)
    settings = ServerSettings(port=0, late_after_s=0.5, gone_after_s=600)
    with live_server(settings) as url:
        async with viewer(url) as browser, running_agent(url, looker) as link:
            await lives(browser, looker)
            looker.still = True
            await asyncio.sleep(1.0)
            looker.still = False
            await more_looks(looker)
            host = await agree(browser, looker, link)
            assert {gap.reason for gap in host.gaps} == {"not_looked"}


async def test_a_half_open_link_gives_way_to_the_newest(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    looker = Looker(8)
    with live_server(CALM) as url:
        async with (
            proxy(url) as between,
            viewer(url) as browser,
            running_agent(between.url, looker) as link,
        ):
            await lives(browser, looker)
            between.half_open()
            host = await agree(browser, looker, link)
            assert host.gaps == []
            assert host.link == "live"


async def test_a_version_that_is_refused_is_told_at_both_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with live_server(CALM) as url:
        shown = access.agent_bearer("h1")
        async with socket_to(url, AGENT_PATH, additional_headers=shown) as socket:
            await socket.send(hello(protocol=99).model_dump_json())
            answer = parse(TO_AGENT, await asyncio.wait_for(socket.recv(), PATIENCE_S))
            assert isinstance(answer, Refusal)
            assert answer.code == "unsupported_protocol"
            assert (
                "the agent speaks protocol 99, this server 1: run the same version"
                in answer.message
            )
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(socket.recv(), PATIENCE_S)
        await until(lambda: "the agent speaks protocol 99" in caplog.text, "the server's own log")


async def test_fields_of_a_newer_agent_are_ignored() -> None:
    host = MadeHost(random.Random(1))
    host.add(7, 5)
    newer = hello("h1", host.epoch).model_dump_json()[:-1] + ',"color":"blue","resume":null}'
    with live_server(CALM) as url:
        shown = access.agent_bearer("h1")
        agents = socket_to(url, AGENT_PATH, additional_headers=shown)
        async with agents as socket, viewer(url) as browser:
            await socket.send(newer)
            await asyncio.wait_for(socket.recv(), PATIENCE_S)
            await socket.send(host.full())
            await browser.sees_host(host.epoch)


async def test_an_agent_that_keeps_nothing_is_told_nothing() -> None:
    """One from before `Taken` would take that for nonsense, and leave."""
    host = MadeHost(random.Random(1))
    host.add(7, 5)
    with live_server(CALM) as url:
        async with agent(url, host) as link, viewer(url) as browser:
            await link.send(host.full())
            await browser.sees_host(host.epoch)
            await asyncio.sleep(1.1)
            await link.send(host.delta())
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(link.socket.recv(), 0.3)
