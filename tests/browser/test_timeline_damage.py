"""A damaged recording, played: what is lost is drawn, named, and not taken for what was."""

import re
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests import access
from tests.browser.made_recording import (
    BEGAN_S,
    LENGTH_S,
    LOST_SINCE_S,
    LOST_UNTIL_S,
    MAP,
    mapped_at,
    write_damaged,
)
from tests.browser.screen import Screen
from tests.browser.test_timeline import MAPPED, at, moment, press, stands
from tests.kernel.commands import command

pytestmark = pytest.mark.browser

DAMAGED = MAP.replace("made", "damaged")
WITHIN_S = 12.0
"""Half a second after the last that is known: long before an agent would be called late."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `hugescope replay` answers."""
    path = write_damaged(tmp_path_factory.mktemp("recording"))
    with command("replay", str(path), "--port", "0") as server:
        yield access.base_of(server.line("http://"))


def range_words() -> tuple[str, str]:
    """Both ends of the loss as the page tells them: browser and tests are in one time zone."""
    since, until = (datetime.fromtimestamp(BEGAN_S + at_s) for at_s in (LOST_SINCE_S, LOST_UNTIL_S))
    return f"{since:%F %T.5}", f"{until:%F %T.5}"


def test_what_is_lost_is_named_and_not_shown_as_what_was(screen: Screen, base: str) -> None:
    since, until = range_words()
    screen.open(at(base, LOST_SINCE_S, DAMAGED))
    stands(screen, LOST_SINCE_S)
    screen.matches(MAPPED, mapped_at(LOST_SINCE_S))
    screen.count("time-lost", 1)
    screen.lacks("notice")
    screen.lacks("time-said", "lost")
    press(screen, "ArrowRight", LOST_SINCE_S + 1)
    screen.shows("time-said", "damaged: lost from", since, f"to {until} (19 s)", "sum is wrong")
    screen.shows("notice", "Nothing is known of this moment", "1.0 s before")
    screen.count(screen.page.locator(".map-box-old"), 1)
    screen.comes_to(
        lambda: screen.seen("time-slider").get_attribute("aria-valuetext") or "",
        lambda text: text.endswith(", lost"),
        "the loss told to who does not see it",
    )
    press(screen, "Home", 0)
    screen.lacks("notice")
    screen.lacks("time-said", "lost")


def test_the_lost_range_is_hatched_where_it_lies(screen: Screen, base: str) -> None:
    screen.open(at(base, 5, DAMAGED))
    stands(screen, 5)
    slider, hatch = screen.seen("time-slider"), screen.seen("time-lost")
    line, lost = slider.bounding_box(), hatch.bounding_box()
    assert line is not None
    assert lost is not None
    lasts_s = LENGTH_S - 0.5
    assert lost["x"] - line["x"] == pytest.approx(LOST_SINCE_S / lasts_s * line["width"], abs=2)
    length = (LOST_UNTIL_S - LOST_SINCE_S) / lasts_s * line["width"]
    assert lost["width"] == pytest.approx(length, abs=2)
    screen.page.mouse.move(lost["x"] + lost["width"] / 2, line["y"] + line["height"] / 2)
    screen.shows("time-words", "lost from", range_words()[1], "sum is wrong")


def test_the_whole_host_says_so_and_is_back_after_the_loss(screen: Screen, base: str) -> None:
    screen.open(at(base, WITHIN_S, "#/host/damaged"))
    stands(screen, WITHIN_S)
    screen.shows("host", "agent was gone")
    screen.shows("time-said", "lost from")
    screen.open(at(base, LOST_UNTIL_S, "#/host/damaged"))
    stands(screen, LOST_UNTIL_S)
    screen.shows("host", "agent was live", re.compile(r"Nothing is known from \S+ to \S+"))
    screen.shows("processes", "guest")
    screen.lacks("time-said", "lost")
    assert moment(screen) == pytest.approx(LOST_UNTIL_S, abs=0.1)
