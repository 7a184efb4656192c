"""The bar of time on a replay of a recording whose every moment is known.

How far time has gone while it plays is nobody's promise: tests stop it where they read.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator

from tests import access
from tests.browser.made_recording import (
    BEGAN_S,
    GUEST_AFTER_S,
    HOST_ID,
    LENGTH_S,
    MAP,
    mapped_at,
    write_recording,
)
from tests.browser.screen import Screen
from tests.kernel.commands import command

pytestmark = pytest.mark.browser

ENDED_S = BEGAN_S + LENGTH_S - 0.5
MAPPED = "h.mapping.columns.state.filter(one => one === 1).length"
SECOND = re.compile(r"\d\d:\d\d:\d\d\.\d")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file."""
    return write_recording(tmp_path_factory.mktemp("recording"))


@pytest.fixture(scope="module")
def base(recording: Path) -> Iterator[str]:
    """Where `hugescope replay` answers."""
    with command("replay", str(recording), "--port", "0") as server:
        yield access.base_of(server.line("http://"))


def at(base: str, after_s: float, where: str = MAP) -> str:
    """An address that shows this moment."""
    return f"{base}/?t={BEGAN_S + after_s}{where}"


def opened(screen: Screen, base: str, after_s: float, where: str = MAP) -> Locator:
    """The slider, with that moment on screen."""
    screen.open(at(base, after_s, where))
    stands(screen, after_s)
    return screen.seen("time-slider")


def moment(screen: Screen) -> float | None:
    """Seconds after the beginning that the bar shows; None: there is no bar yet."""
    value = screen.page.evaluate(
        "document.querySelector('[data-testid=time-when] time')?.dateTime ?? null"
    )
    if value is None:
        return None
    return float(screen.page.evaluate("text => Date.parse(text) / 1000", value)) - BEGAN_S


def stands(screen: Screen, after_s: float) -> None:
    """Return once this moment is shown, by the bar and by the address, and stands still."""
    screen.comes_to(
        lambda: moment(screen),
        lambda shown: shown is not None and abs(shown - after_s) < 0.1,
        f"second {after_s} in the bar",
    )
    screen.comes_to(
        lambda: in_address(screen),
        lambda shown: shown is not None and abs(shown - after_s) < 0.1,
        f"second {after_s} in the address",
    )
    screen.count(screen.page.locator("[data-testid=time][data-playing=false]"), 1)


def in_address(screen: Screen) -> float | None:
    """Seconds after the beginning that the address says; None: it says none."""
    asked = parse_qs(urlsplit(screen.url()).query).get("t")
    return None if asked is None else float(asked[0]) - BEGAN_S


def shows_cells(screen: Screen, after_s: float) -> None:
    """Return once the map is that of this moment."""
    screen.matches(MAPPED, mapped_at(after_s))


def press(screen: Screen, key: str, true: float) -> None:
    """A key of the slider, once; then that moment stands."""
    screen.seen("time-slider").press(key)
    stands(screen, true)


def test_an_address_leads_to_its_moment_again_and_again(screen: Screen, base: str) -> None:
    opened(screen, base, 20)
    shows_cells(screen, 20)
    screen.shows("source-banner", "REPLAY of made.hsrec")
    screen.page.reload()
    stands(screen, 20)
    shows_cells(screen, 20)


def test_the_keyboard_moves_by_seconds_and_to_both_ends(screen: Screen, base: str) -> None:
    slider = opened(screen, base, 20)
    press(screen, "ArrowRight", 21)
    shows_cells(screen, 21)
    press(screen, "ArrowLeft", 20)
    press(screen, "Shift+ArrowRight", 30)
    shows_cells(screen, 30)
    press(screen, "Home", 0)
    shows_cells(screen, 0)
    press(screen, "End", LENGTH_S - 0.5)
    shows_cells(screen, LENGTH_S)
    screen.comes_to(
        lambda: slider.get_attribute("aria-valuetext") or "",
        lambda text: SECOND.search(text) is not None,
        "the moment told to who does not see it",
    )


def test_the_mouse_seeks_where_it_presses_and_where_it_drags_to(screen: Screen, base: str) -> None:
    slider = opened(screen, base, 20)
    box = slider.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2

    def x(share: float) -> float:
        return box["x"] + share * box["width"]

    screen.page.mouse.click(x(0.75), y)
    screen.comes_to(
        lambda: in_address(screen),
        lambda shown: shown is not None and abs(shown - 0.75 * (LENGTH_S - 0.5)) < 1,
        "three quarters of the recording",
    )
    screen.page.mouse.move(x(0.75), y)
    screen.page.mouse.down()
    for share in range(75, 9, -1):
        screen.page.mouse.move(x(share / 100), y)
    screen.page.mouse.up()
    screen.comes_to(
        lambda: in_address(screen),
        lambda shown: shown is not None and abs(shown - 0.1 * (LENGTH_S - 0.5)) < 1,
        "the place where the drag ended",
    )
    shown = in_address(screen)
    assert shown is not None
    shows_cells(screen, shown)


def test_it_plays_at_a_speed_and_stands_when_it_is_paused(screen: Screen, base: str) -> None:
    opened(screen, base, 5)
    screen.seen("time-speed").select_option("5")
    screen.seen("time-play").click()
    screen.count(screen.page.locator("[data-testid=time][data-playing=true]"), 1)
    screen.comes_to(
        lambda: moment(screen), lambda shown: shown is not None and shown > 8, "time that goes on"
    )
    screen.known(f"{MAPPED} > {mapped_at(7)}")
    screen.seen("time-play").click()
    screen.count(screen.page.locator("[data-testid=time][data-playing=false]"), 1)
    screen.settle()
    shown = moment(screen)
    assert shown is not None
    stands(screen, shown)
    assert shown > 8
    shows_cells(screen, shown)


def test_what_is_played_ends_and_begins_anew(screen: Screen, base: str) -> None:
    opened(screen, base, LENGTH_S - 3)
    screen.seen("time-speed").select_option("10")
    screen.page.keyboard.press("Escape")
    screen.seen("time-play").click()
    stands(screen, LENGTH_S - 0.5)
    screen.seen("time-play").click()
    screen.comes_to(
        lambda: moment(screen),
        lambda shown: shown is not None and shown < LENGTH_S - 1,
        "the beginning",
    )


def test_keys_reach_the_time_from_anywhere(screen: Screen, base: str) -> None:
    opened(screen, base, 20)
    canvas = screen.seen("heatmap-canvas")
    screen.known("h.mapping.complete")
    canvas.focus()
    playing = screen.page.locator("[data-testid=time][data-playing=true]")
    for key in ("k", " "):
        screen.page.keyboard.press(key)
        screen.count(playing, 1)
        screen.page.keyboard.press(key)
        screen.count(playing, 0)
    screen.page.keyboard.press(">")
    screen.comes_to(
        lambda: screen.seen("time-speed").input_value(), lambda speed: speed == "2", "twice as fast"
    )
    screen.page.keyboard.press("t")
    screen.count(screen.page.locator("[data-testid=time-slider]:focus"), 1)
    screen.page.keyboard.press("?")
    screen.shows("help", "next event", "back to live")


def test_keys_are_told_where_there_is_no_map(screen: Screen, base: str) -> None:
    opened(screen, base, 20, "#/")
    screen.page.keyboard.press("?")
    screen.shows("help", "next event", "play, pause")
    screen.page.keyboard.press("Escape")
    screen.count("help", 0)


def test_events_are_gone_to_and_lead_to_their_place(screen: Screen, base: str) -> None:
    opened(screen, base, 5, f"#/host/{HOST_ID}")
    screen.known("document.querySelectorAll('[data-testid=time-mark]').length")
    screen.page.keyboard.press("n")
    stands(screen, GUEST_AFTER_S + 0.5)
    screen.shows("time-said", "guest")
    screen.shows("processes", "guest")
    press(screen, "Home", 0)
    screen.seen("time-next").click()
    stands(screen, GUEST_AFTER_S + 0.5)
    screen.seen("time-slider").press("End")
    stands(screen, LENGTH_S - 0.5)
    screen.seen("time-previous").click()
    stands(screen, GUEST_AFTER_S + 0.5)


def test_links_of_the_page_stay_at_the_moment_and_back_returns(screen: Screen, base: str) -> None:
    opened(screen, base, 20, "#/")
    screen.follow(screen.page.get_by_test_id("processes").get_by_role("link"), "/map/")
    shows_cells(screen, 20)
    stands(screen, 20)
    press(screen, "ArrowRight", 21)
    screen.page.go_back()
    screen.leaves("/map/")
    stands(screen, 20)
    screen.page.go_forward()
    screen.address("/map/")
    stands(screen, 21)
    shows_cells(screen, 21)


def test_who_maps_a_page_is_not_asked_of_the_past(screen: Screen, base: str) -> None:
    screen.open(at(base, 20, f"{MAP}?cells=3"))
    stands(screen, 20)
    screen.shows("page", "asked of the host, and only as it is")


def test_extents_and_their_table_are_of_the_moment(screen: Screen, base: str) -> None:
    screen.open(at(base, 20, f"{MAP}?panel=extents"))
    stands(screen, 20)
    screen.shows("extent-table", "0–19")
    screen.comes_to(
        lambda: screen.seen("extents-csv").get_attribute("href") or "",
        lambda href: f"at_s={BEGAN_S + 20:.0f}" in href,
        "the moment in the table's address",
    )


def test_a_chosen_file_is_shown(screen: Screen, base: str, tmp_path: Path) -> None:
    opened(screen, base, 20, "#/")
    path = write_recording(tmp_path, "brought.hsrec")
    screen.page.get_by_test_id("recording-file").set_input_files(path)
    screen.address("#/host/brought")
    stands(screen, 0)
    screen.shows("host", "REPLAY of brought.hsrec")


def test_a_file_that_is_dropped_is_shown_or_refused_in_words(
    screen: Screen, base: str, tmp_path: Path
) -> None:
    opened(screen, base, 20, "#/")
    drop(screen, b"no recording", "letter.txt")
    screen.shows("recording-said", "letter.txt", "cannot be shown", "recording")
    drop(screen, write_recording(tmp_path).read_bytes(), "dropped.hsrec")
    screen.address("#/host/dropped")
    stands(screen, 0)
    screen.lacks("recording-said")


def drop(screen: Screen, data: bytes, name: str) -> None:
    """As the browser tells of a file that is let go over the page."""
    screen.page.evaluate(
        """([bytes, name]) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([new Uint8Array(bytes)], name));
            for (const kind of ["dragover", "drop"]) {
                const event = new DragEvent(kind, {dataTransfer, bubbles: true, cancelable: true});
                document.querySelector("main").dispatchEvent(event);
            }
        }""",
        [list(data), name],
    )
