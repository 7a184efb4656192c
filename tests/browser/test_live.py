"""The whole path: a process touches a huge page, and it appears on the screen."""

import re
import signal
from collections.abc import Iterator

import pytest

from tests import access
from tests.browser.conftest import BOTH_THEMES
from tests.browser.live import HOLE, MAPPED, Live, map_url, toucher, up
from tests.browser.screen import Color, Screen
from tests.kernel.commands import command, free_port, snapshot_of

pytestmark = [pytest.mark.browser, pytest.mark.kernel]


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """This machine, for tests that each look at a process of their own."""
    with up() as running:
        yield running


@BOTH_THEMES
def test_a_touched_huge_page_appears_on_screen(screen: Screen, live: Live) -> None:
    with toucher() as process:
        screen.open(live.map_of(process.pid))
        screen.cells([HOLE] * 64)
        screen.go_to_cell(5)
        screen.shows("tooltip", "nothing")
        hole = screen.until(lambda: screen.color_of(5), "a hole drawn")

        process.touch(5)
        screen.until(lambda: screen.color_of(5) not in (None, hole), "another colour")
        screen.shows("tooltip", "mapped in full")
        screen.cells([HOLE] * 5 + [MAPPED] + [HOLE] * 58)
        screen.shows("legend", re.compile(r"2 MiB entry\s+1\b"))
        for page in range(0, 64, 3):
            process.touch(page)
        touched = {5, *range(0, 64, 3)}
        screen.cells([MAPPED if page in touched else HOLE for page in range(64)])
        (_, runs), *_ = snapshot_of(process.pid)
        run = next(one for one in runs if one["first"] <= 5 < one["first"] + one["count"])
        screen.shows(
            "tooltip",
            re.compile(rf"mapcount \(kernel\)\s+{run['mapcount']}\b"),
            re.compile(rf"NUMA node\s+{run['node']}\b"),
        )


@BOTH_THEMES
def test_the_colour_follows_what_it_stands_for(screen: Screen, live: Live) -> None:
    with toucher() as process:
        process.touch(5)
        screen.open(live.map_of(process.pid))
        screen.cells([HOLE] * 5 + [MAPPED] + [HOLE] * 58)
        seen: list[Color] = []
        (_, runs), *_ = snapshot_of(process.pid)
        keys = {"state": "mapped", "mapcount": "count-1", "node": f"node-{runs[1]['node']}"}
        for mode in keys:
            if mode != "state":
                screen.page.get_by_text(mode, exact=True).click()
                screen.address(f"color={mode}")
            screen.matches("h.mapping.keyOf(5)", keys[mode])
            # One mapper, and node 0, each have a colour of their own in either theme.
            color = screen.painted(5)
            assert color not in seen
            seen.append(color)


def test_the_overview_shows_pools_and_processes(screen: Screen, live: Live) -> None:
    with toucher() as process:
        process.touch(0)
        screen.open(live.base)
        screen.shows("processes", f"pid {process.pid}", "touched")
        screen.shows("pools", "2 MiB")
        screen.shows("connection", "live")
        screen.shows("status-cost", "%")
        screen.shows("picture-age", "old")
        # Other processes come and go, and the rows with them: only this one's.
        screen.open(f"{live.base}/#/?q={process.pid}")
        way = screen.page.locator(f'a[href*="/pid/{process.pid}/"]')
        screen.follow(way, f"/pid/{process.pid}/map/")
        screen.cells([MAPPED] + [HOLE] * 63)


def test_a_killed_server_and_agent_come_back_on_screen(screen: Screen) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    to_server = ("--server", f"ws://127.0.0.1:{port}", "--host-id", "here")
    with toucher() as process, command("agent", *to_server) as agent:
        with command("serve", "--port", str(port)) as server:
            screen.open(map_url(base, "here", process.pid))
            screen.cells([HOLE] * 64)
            server.end(signal.SIGKILL)
            screen.lacks("connection", "live")
        process.touch(7)
        one = [HOLE] * 7 + [MAPPED] + [HOLE] * 56
        with command("serve", "--port", str(port)):
            screen.cells(one)
            agent.end(signal.SIGKILL)
            process.touch(63)
            with command("agent", *to_server):
                screen.cells([*one[:63], MAPPED])
                screen.shows("connection", "live")


def test_a_replay_says_so_in_plain_sight(screen: Screen) -> None:
    replay = re.compile("replay", re.IGNORECASE)
    with command("demo", "--hgm", "--port", "0") as demo:
        url = access.plain(demo.line("%23/host/"))
        screen.open(url)
        screen.shows("source-banner", replay)
        screen.cells()
        screen.open(url.partition("#")[0])
        screen.shows("source-banner", replay)
