"""From the present of a made-up host into its past and back, on a server that keeps history."""

import re
from collections.abc import Iterator

import pytest

from tests.browser.conftest import BOTH_THEMES
from tests.browser.made import MadeServer, made_server, open_map
from tests.browser.made_agent import RAM, VM
from tests.browser.screen import Screen
from tests.browser.test_accessibility import check

pytestmark = pytest.mark.browser

CELL, BEFORE, AFTER = 3998, 0, 1
STATE = f"h.mapping.columns.state[{CELL}]"
IN_PAST = re.compile(r"\?t=[\d.]+#/")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MadeServer]:
    """A server with a history of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUGESCOPE_HISTORY", "true")
        patch.setenv("HUGESCOPE_HISTORY_DIR", str(tmp_path_factory.mktemp("history")))
        with made_server() as server:
            yield server


def mode(screen: Screen, wanted: str) -> None:
    """Return once the bar says live or past."""
    screen.count(screen.page.locator(f"[data-testid=time][data-mode={wanted}]"), 1)


def test_a_pause_holds_the_past_and_back_leads_to_the_present(
    screen: Screen, made: MadeServer
) -> None:
    made.put(RAM, CELL, "hole")
    open_map(screen, made.map_of(VM, RAM))
    mode(screen, "live")
    screen.matches(STATE, BEFORE)
    screen.count("past", 0)
    screen.seen(screen.page.locator("[data-testid=time-play]:enabled"))
    screen.page.keyboard.press("k")
    mode(screen, "past")
    screen.shows("past", "THE PAST")
    screen.address(IN_PAST)
    made.put(RAM, CELL, "mapped")
    # The present goes on meanwhile, and what is shown does not.
    screen.comes_to(
        lambda: next(iter(screen.texts("time-behind")), ""),
        lambda text: re.match(r"\s*([3-9]|\d\d+)\.?\d* ", text) is not None,
        "a present that goes on",
    )
    screen.matches(STATE, BEFORE)
    held = screen.url()
    screen.page.go_back()
    mode(screen, "live")
    screen.matches(STATE, AFTER)
    screen.leaves("?t=")
    screen.page.go_forward()
    mode(screen, "past")
    screen.matches(STATE, BEFORE)
    screen.seen("time-live").click()
    mode(screen, "live")
    screen.matches(STATE, AFTER)
    screen.open(held)
    mode(screen, "past")
    screen.matches(STATE, BEFORE)
    made.put(RAM, CELL, "hole")


def test_what_plays_comes_back_to_the_present(screen: Screen, made: MadeServer) -> None:
    open_map(screen, made.map_of(VM, RAM))
    mode(screen, "live")
    screen.seen(screen.page.locator("[data-testid=time-play]:enabled"))
    screen.page.keyboard.press("k")
    mode(screen, "past")
    screen.page.keyboard.press("t")
    screen.page.keyboard.press("Home")
    screen.seen("time-speed").select_option("100")
    screen.page.keyboard.press("Escape")
    screen.seen("time-play").click()
    mode(screen, "live")
    screen.leaves("?t=")


@BOTH_THEMES
def test_no_serious_violation_in_the_past(screen: Screen, made: MadeServer) -> None:
    screen.page.emulate_media(reduced_motion="reduce")
    open_map(screen, made.map_of(VM, RAM))
    mode(screen, "live")
    screen.seen(screen.page.locator("[data-testid=time-play]:enabled"))
    screen.page.keyboard.press("k")
    mode(screen, "past")
    check(screen, "the past")


def test_an_address_that_names_no_moment_shows_the_present_and_says_so(
    screen: Screen, made: MadeServer
) -> None:
    open_map(screen, made.map_of(VM, RAM).replace("#", "?t=yesterday#"))
    mode(screen, "live")
    screen.shows("time-said", "t=yesterday in the address names no moment")
    screen.seen(screen.page.locator("[data-testid=time-play]:enabled"))
    screen.page.keyboard.press("k")
    mode(screen, "past")
    screen.lacks("time-said", "yesterday")
    screen.address(IN_PAST)
