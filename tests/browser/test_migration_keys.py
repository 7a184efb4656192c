"""The screen of a migration by keyboard."""

import re
from collections.abc import Iterator

import pytest

from tests.browser.made_migration import MadeMigration, made_migration
from tests.browser.migration_screen import (
    PAGES,
    PER_ROW,
    SIDES,
    in_postcopy,
    open_migration,
    pane,
    place_of,
    point_at,
    rings,
)
from tests.browser.screen import Screen

pytestmark = pytest.mark.browser

# What has the focus: a control by its name, a text by itself.
FOCUSED = """() => {
    const one = document.activeElement;
    return one.id || one.dataset.testid || one.name || one.ariaLabel || one.textContent.trim();
}"""


@pytest.fixture
def made() -> Iterator[MadeMigration]:
    """Both ends, the destination still empty."""
    with made_migration((PAGES, 64)) as migration:
        yield migration


def test_the_keyboard_moves_both(screen: Screen, made: MadeMigration) -> None:
    in_postcopy(made)
    open_migration(screen, f"{made.by_hand}&cells=40")
    canvas = screen.seen(pane(screen, "destination").get_by_test_id("heatmap-canvas"))
    canvas.focus()
    screen.page.keyboard.press("ArrowRight")
    screen.shows("readout", "page 41")
    screen.page.keyboard.press("ArrowDown")
    screen.shows("readout", f"page {41 + PER_ROW}")
    rings(screen, "source", "ring-linked", 41 + PER_ROW)
    screen.comes_to(
        lambda: screen.page.get_by_test_id("readout-live").text_content() or "",
        lambda words: f"page {41 + PER_ROW}" in words,
        "the page spoken",
    )
    screen.page.keyboard.press("Enter")
    screen.address(f"cells={41 + PER_ROW}")
    screen.page.keyboard.press("2")
    screen.address("color=arrival")
    screen.seen("order-legend")
    screen.page.keyboard.press("1")
    screen.leaves("color=")
    # None of two that come right after each other is lost.
    screen.page.keyboard.press("ArrowRight")
    screen.shows("readout", f"page {42 + PER_ROW}")
    screen.page.keyboard.press("2")
    screen.page.keyboard.press("Enter")
    screen.address(re.compile(rf"color=arrival.*cells={42 + PER_ROW}$"))


def test_the_keyboard_stays_where_the_focus_is(screen: Screen, made: MadeMigration) -> None:
    in_postcopy(made)
    open_migration(screen, f"{made.by_hand}&cells=40")
    point_at(screen, "source", 100)
    # The pointer rests on the other side.
    pane(screen, "destination").get_by_test_id("heatmap-canvas").focus()
    screen.page.mouse.move(*place_of(screen, "source", 100))
    screen.page.keyboard.press("ArrowRight")
    rings(screen, "destination", "ring-own", 41)
    rings(screen, "source", "ring-linked", 41)


def test_zoom_by_keyboard_is_of_both(screen: Screen, made: MadeMigration) -> None:
    open_migration(screen, made.by_hand)
    pane(screen, "source").get_by_test_id("heatmap-canvas").focus()
    screen.page.keyboard.press("+")
    screen.address("x=4-12")
    for side in SIDES:
        screen.matches(f"h.migration.{side}.centerOf(0)", None)
    screen.page.keyboard.press("d")
    screen.address("x=6-14")
    screen.page.keyboard.press("-")
    screen.leaves("x=6-14")
    screen.page.keyboard.press("0")
    screen.leaves("x=")
    for side in SIDES:
        screen.known(f"h.migration.{side}.centerOf(0)")


def test_all_of_it_is_reached_by_tab(screen: Screen, made: MadeMigration) -> None:
    in_postcopy(made)
    made.qmp("source", status="postcopy-active")
    open_migration(screen, made.by_hand)
    screen.seen("mig-home")
    for name in ("what-if", "demanded", "qmp"):
        screen.seen(screen.seen(name).locator("table"))
    screen.page.locator(".mig-charts").scroll_into_view_if_needed()
    screen.seen(screen.page.get_by_test_id("mig-charts").locator("summary"))
    wanted = {
        "block",
        "mig-color",
        "mig-drag",
        "mig-zoom-out",
        "mig-zoom-in",
        "mig-home",
        *(f"mig-cells-{side}" for side in SIDES),
        "table: demanded pages",
        "table: at other page sizes",
        "table: QEMU’s own figures",
        "as a table",
    }
    reached: set[str] = set()
    screen.page.get_by_test_id("block").focus()
    for _ in range(60):
        reached.add(str(screen.page.evaluate(FOCUSED)))
        if wanted <= reached:
            return
        screen.page.keyboard.press("Tab")
    assert wanted - reached == set()
