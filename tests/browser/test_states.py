"""What the screen says when not all is well: no host, no agent, no process, no server, no sight."""

import re
import signal
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route

from hugescope_server.auth.principal import Role
from tests import access
from tests.browser.conftest import page_of
from tests.browser.live import HOLE, MAPPED, map_url, only_host, toucher, up
from tests.browser.screen import Screen
from tests.browser.synthetic import BUFFERS, FINDINGS, HOST, act, synthetic_server
from tests.kernel.commands import Command, command, free_port
from tests.kernel.puppets import puppet

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

ONE = [MAPPED] + [HOLE] * 63
WITHOUT_PFN = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]
NARROW = {"width": 390, "height": 844}
AT_200_PERCENT = {"width": 640, "height": 400}


@pytest.fixture(scope="module")
def synthetic() -> Iterator[str]:
    """The synthetic server, for tests that may not be left as they were."""
    with synthetic_server(changes=0) as base:
        yield base


def old_picture(screen: Screen, states: list[int]) -> None:
    """Return once the picture stands there, with these cells, and marked as no longer live."""
    screen.cells(states)
    screen.count(screen.page.locator(".map-box-old"), 1)


def live_picture(screen: Screen, states: list[int]) -> None:
    """Return once the picture is live."""
    screen.cells(states)
    screen.count(screen.page.locator(".map-box-old"), 0)
    screen.lacks("notice")


def agent_of(port: int) -> list[str]:
    """Arguments of an agent for the server at this port."""
    return ["agent", "--server", f"ws://127.0.0.1:{port}", "--host-id", "here"]


def test_no_host_yet_says_what_to_type(screen: Screen, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(access.token(Role.AGENT, "here"))
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with command("serve", "--port", str(port)):
        screen.until(lambda: reachable(base), "the server")
        screen.open(base)
        screen.shows("no-hosts", "hugescope up")
        screen.shows("connection", "live")
        typed = screen.seen("no-hosts").locator("pre").first.inner_text().split()
        assert typed.pop(0) == "hugescope"
        stands_for = {"HOST": "here", "FILE": str(token)}
        typed = [stands_for.get(word, word) for word in typed]
        with command(*typed):
            screen.seen("host")
            screen.lacks("no-hosts")
            screen.open(f"{base}/#/host/elsewhere")
            screen.shows("unknown-host", "elsewhere")


def reachable(base: str) -> bool:
    """Whether a server answers there."""
    try:
        with urllib.request.urlopen(f"{base}/api/v1/health", timeout=5):
            return True
    except OSError:
        return False


def test_an_agent_that_is_late_and_gone(screen: Screen) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    # A silent agent is gone after ten seconds, and who looks seldom would never see it late.
    patient = ["env", "HUGESCOPE_GONE_AFTER_S=3600", *hugescope(), "serve", "--port", str(port)]
    with toucher() as process, command(run=patient):
        screen.until(lambda: reachable(base), "the server")
        process.touch(0)
        with command(*agent_of(port)) as agent:
            screen.open(map_url(base, "here", process.pid))
            live_picture(screen, ONE)
            agent.process.send_signal(signal.SIGSTOP)
            screen.shows("notice", "agent is late", re.compile(r"\d+(\.\d)? s ago"))
            screen.shows("picture-age", "old")
            agent.process.send_signal(signal.SIGCONT)
            live_picture(screen, ONE)
            agent.end(signal.SIGKILL)
            screen.shows("notice", "agent is gone")
            old_picture(screen, ONE)
        screen.page.get_by_test_id("breadcrumb").get_by_role("link").nth(1).click()
        screen.shows("host-link", "agent gone")
        screen.page.go_back()
        old_picture(screen, ONE)


def test_a_lost_server_counts_down(screen: Screen) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with toucher() as process, command(*agent_of(port)):
        process.touch(0)
        with command("serve", "--port", str(port)) as server:
            screen.open(map_url(base, "here", process.pid))
            live_picture(screen, ONE)
            # What tells of the connection comes right after the picture, from the same server.
            screen.seen("legend")
            server.end(signal.SIGKILL)
            screen.shows("notice", "no connection to the server", "last picture")
            screen.shows("connection", re.compile(r"(in \d+ s|now)"))
            old_picture(screen, ONE)
        with command("serve", "--port", str(port)):
            live_picture(screen, ONE)
            screen.shows("connection", "live")


def test_an_ended_process_leaves_its_last_picture(screen: Screen) -> None:
    with up() as live, toucher() as process:
        process.touch(0)
        screen.open(live.map_of(process.pid) + "?panel=extents")
        live_picture(screen, ONE)
        screen.shows("extent-table", "mapped")
        process.process.kill()
        process.process.wait()
        screen.shows("notice", "last picture")
        old_picture(screen, ONE)
        screen.shows("extents-fault", "What follows is what it said last")
        screen.shows("extent-table", "mapped")


def test_an_unmapped_mapping_leaves_its_last_picture(screen: Screen) -> None:
    with up() as live, puppet() as process:
        process.do("memfd", 0, 3, "puppet", False)
        screen.open(live.map_of(process.pid))
        live_picture(screen, [HOLE] * 3)
        process.do("unmap", 0)
        screen.shows("notice", "gone", "last picture")
        old_picture(screen, [HOLE] * 3)


def test_an_agent_that_sees_no_frames_says_how_to_let_it(screen: Screen) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with toucher() as process, command("serve", "--port", str(port)):
        screen.until(lambda: reachable(base), "the server")
        process.touch(0)
        blind = Command(
            [*WITHOUT_PFN, *hugescope(), *agent_of(port)], env=access.agent_environment("here")
        )
        try:
            url = map_url(base, "here", process.pid)
            screen.open(f"{url}?color=mapcount")
            screen.shows("limit-note", "CAP_SYS_ADMIN", "run the agent as root")
            screen.shows("legend", "unknown")
            screen.open(f"{url}?color=state")
            screen.cells(ONE)
            screen.count("limit-note", 0)
            screen.open(f"{base}/#/host/{only_host(base)}")
            screen.shows("limits", "page frame numbers", "run the agent as root")
        finally:
            blind.end(signal.SIGTERM)


def hugescope() -> list[str]:
    """How the command is run from here."""
    return [sys.executable, "-P", "-m", "hugescope"]


def test_a_replay_and_addresses_of_nothing(screen: Screen, synthetic: str) -> None:
    screen.open(f"{synthetic}/{BUFFERS}")
    screen.shows("source-banner", "REPLAY", "not this machine")
    screen.shows(screen.page.locator(".status-source"), "REPLAY")
    screen.open(f"{synthetic}/#/nowhere/at/all")
    screen.shows("unknown-route", "#/nowhere/at/all", "All hosts")
    screen.open(f"{synthetic}/#/host/nobody/pid/1/map/1000")
    screen.shows("notice", "nobody")
    screen.open(f"{synthetic}/{HOST}/pid/1/map/1000")
    screen.shows("notice", "no such mapping")
    screen.page.get_by_role("link", name="All mappings of this host").click()
    screen.seen("host")


def test_another_mapping_at_the_address_is_asked_about(screen: Screen, synthetic: str) -> None:
    # The server's own wording of an ended mapping, and of one that took its place.
    act(synthetic, "reset")
    screen.open(f"{synthetic}/{HOST}/pid/4242/map/7f2a4c000000")
    screen.cells()
    act(synthetic, "replace-mapping")
    screen.shows("notice", "another one stands at its address")
    screen.count(screen.page.locator(".map-box-old"), 1)
    screen.page.get_by_role("button", name="Show the one that is there now").click()
    screen.lacks("notice")
    act(synthetic, "reset")


PLACES = {
    "hosts": "#/",
    "host": HOST,
    "map": FINDINGS,
    "page": f"{BUFFERS}?cells=5",
    "extents": f"{BUFFERS}?panel=extents",
    "nothing": "#/nowhere",
}


@pytest.mark.parametrize("size", ["narrow", "200 %"])
@pytest.mark.parametrize("place", PLACES)
def test_no_screen_scrolls_sideways(
    chromium: Browser, synthetic: str, place: str, size: str, request: pytest.FixtureRequest
) -> None:
    viewport, ratio = (NARROW, 1) if size == "narrow" else (AT_200_PERCENT, 2)
    context = chromium.new_context(viewport=viewport, device_scale_factor=ratio)  # type: ignore[arg-type]
    screen = page_of(context, request.config)
    screen.open(f"{synthetic}/{PLACES[place]}")
    screen.shows("connection", "live")
    if place in ("map", "page", "extents"):
        screen.cells()
    screen.comes_to(
        lambda: screen.page.evaluate("document.documentElement.scrollWidth - innerWidth"),
        lambda over: over <= 0,
        "a page that is no wider than the window",
    )
    context.close()
    assert screen.complaints == []


def test_a_part_of_the_page_that_does_not_come_is_asked_for_again(
    screen: Screen, synthetic: str
) -> None:
    asked: list[str] = []

    def lost(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    screen.page.route("**/assets/map-*.js", lost, times=1)
    screen.open(f"{synthetic}/{BUFFERS}")
    screen.until(lambda: asked, "the map's chunk asked for")
    # Some browsers ask again only once the page is loaded anew, which it does by itself: nothing
    # is evaluated in it meanwhile.
    screen.page.get_by_test_id("breadcrumb").get_by_text("hosts").first.wait_for()
    screen.page.get_by_test_id("heatmap-canvas").wait_for()
    screen.cells()
