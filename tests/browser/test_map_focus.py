"""Where the focus is on a map, and what a map says of what is drawn as one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Route

from tests.browser.made import MadeServer, open_map
from tests.browser.made_agent import RAM, TERA, VM, WIDE
from tests.browser.screen import Screen

pytestmark = pytest.mark.browser
ONE_PAGE = True

FOCUSED = """() => {
    const element = document.activeElement;
    return element?.closest('[data-testid]')?.dataset.testid ?? element?.tagName ?? '';
}"""


def focused(screen: Screen, wanted: str) -> None:
    """Return once this test id, or element without any, has the focus."""
    screen.comes_to(lambda: str(screen.page.evaluate(FOCUSED)), wanted.__eq__, f"focus on {wanted}")


def press(screen: Screen, *keys: str) -> None:
    for key in keys:
        screen.page.keyboard.press(key)


@pytest.mark.parametrize("query", ["", "?cells=1", "?level=pte&cells=1"])
def test_a_fresh_map_has_the_focus(screen: Screen, made: MadeServer, query: str) -> None:
    open_map(screen, made.map_of(VM, RAM, query))
    focused(screen, "heatmap-canvas")
    press(screen, "End")
    screen.shows("tooltip", "entry 511" if "pte" in query else "cell 3,999")


def test_focus_comes_back_from_the_extents(screen: Screen, made: MadeServer) -> None:
    open_map(screen, made.map_of(VM, RAM))
    focused(screen, "heatmap-canvas")
    for close in ("x", "Escape"):
        press(screen, "x")
        screen.seen("extents")
        focused(screen, "extents")
        press(screen, close)
        screen.lacks("extents")
        focused(screen, "heatmap-canvas")
    press(screen, "x")
    screen.seen("extents").get_by_label("close extents").click()
    focused(screen, "heatmap-canvas")


def test_focus_comes_back_with_the_history(screen: Screen, made: MadeServer) -> None:
    open_map(screen, made.map_of(VM, RAM, "?cells=1"))
    focused(screen, "heatmap-canvas")
    press(screen, "Enter")
    screen.shows("parts-heading", "Inside cell 1")
    focused(screen, "heatmap-canvas")
    screen.page.go_back()
    screen.matches("h.mapping.level", "pmd")
    focused(screen, "heatmap-canvas")
    screen.page.go_forward()
    screen.shows("parts-heading", "Inside cell 1")
    focused(screen, "heatmap-canvas")


def test_what_has_the_focus_keeps_it(screen: Screen, made: MadeServer) -> None:
    open_map(screen, made.map_of(VM, RAM, "?cells=1"))
    focused(screen, "heatmap-canvas")
    press(screen, "Enter")
    screen.shows("parts-heading", "Inside cell 1")
    screen.seen("breadcrumb").get_by_role("link").first.focus()
    screen.page.go_back()
    screen.matches("h.mapping.level", "pmd")
    screen.seen(screen.page.locator(".plot .xtick text"))
    focused(screen, "breadcrumb")


def test_zooming_stays_at_what_is_selected(screen: Screen, made: MadeServer) -> None:
    open_map(screen, made.map_of(VM, RAM, "?cells=3950"))
    focused(screen, "heatmap-canvas")
    press(screen, "+", "+", "+")
    screen.address("x=")
    screen.rings("selected-cells", 3950)


def test_a_cell_that_is_shown_with_others(screen: Screen, made: MadeServer) -> None:
    open_map(screen, made.map_of(WIDE, TERA, "?cells=5"))
    screen.matches("h.mapping.view.shift > 0", True)
    title = re.compile(r"cell 5, shown in cells 0 to (7|63)")
    screen.shows(
        "page", title, re.compile(r"of the (8|64) cells shown together.*of cell 5", re.I | re.S)
    )
    screen.seen("drill-down").click()
    screen.address(re.compile(r"level=pte.*cells=5(?!\d)|cells=5&.*level=pte"))


def test_going_to_a_cell_draws_it_by_itself(screen: Screen, made: MadeServer) -> None:
    open_map(screen, made.map_of(WIDE, TERA))
    screen.matches("h.mapping.view.shift > 0", True)
    focused(screen, "heatmap-canvas")
    press(screen, "g")
    screen.seen(screen.page.get_by_role("textbox")).fill("#300123")
    press(screen, "Enter")
    screen.matches("h.mapping.view.shift", 0)
    screen.rings("selected-cells", 300_123)
    screen.shows(screen.page.locator(".totals"), "changed cells/s in view", "present in view")
    press(screen, "Home", "c")
    screen.shows("map-said", "in the part that is loaded")


def test_a_paused_map_keeps_its_colours(screen: Screen, made: MadeServer) -> None:
    canvas = open_map(screen, made.map_of(VM, RAM))
    focused(screen, "heatmap-canvas")
    press(screen, " ")
    screen.seen("paused")
    style = "it => (({filter, outlineStyle}) => [filter, outlineStyle])(getComputedStyle(it))"
    frame = ["none", "dashed"]
    screen.comes_to(lambda: canvas.evaluate(style), frame.__eq__, "all colours in a dashed frame")
    press(screen, " ")
    screen.lacks("paused")


@contextmanager
def held(screen: Screen, name: str) -> Iterator[list[Route]]:
    """Parts of this name that the page asked for and did not get; they come after the block."""
    routes: list[Route] = []
    pattern = re.compile(rf"/{name}-[^/]*\.js$")
    # The page of the tests before this has them already; one that is loaded anew asks again.
    screen.page.route(pattern, lambda route: routes.append(route))
    yield routes
    while routes:
        routes.pop(0).continue_()
    screen.page.unroute(pattern)


def asked(screen: Screen, routes: list[Route], what: str) -> None:
    """Return once the page asked for it."""
    screen.comes_to(lambda: len(routes), lambda count: count > 0, f"{what} asked for")


def test_keys_pressed_before_the_controls_are_there_are_not_lost(
    screen: Screen, made: MadeServer
) -> None:
    with held(screen, "controls") as routes:
        screen.open(made.map_of(VM, RAM))
        asked(screen, routes, "the controls")
        press(screen, "2", "End")
    screen.address("color=mapcount")
    screen.shows("tooltip", "cell 3,999")


def test_zooming_before_there_are_axes_is_not_lost(screen: Screen, made: MadeServer) -> None:
    with held(screen, "plotly[^/]*") as routes:
        screen.open(made.map_of(VM, RAM))
        asked(screen, routes, "plotly")
        focused(screen, "heatmap-canvas")
        screen.seen("drag").get_by_text("pan").click()
        screen.seen("heatmap-canvas").focus()
        press(screen, "+", "+", "d", "Home")
        screen.shows("tooltip", "cell 0")
        screen.rings("cell-ring", 0)
    # As little to the left as shows the first cell, which is in column 96.
    screen.address("x=96-224&y=0-4")
    canvas = screen.seen("heatmap-canvas")
    screen.seen(screen.page.locator(".plot .xtick text"))

    def drag() -> None:
        box = canvas.bounding_box()
        assert box is not None
        screen.page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.5 * box["height"])
        screen.page.mouse.down()
        screen.page.mouse.move(
            box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"], steps=5
        )
        screen.page.mouse.up()

    # As wide as before: dragging moves it, as was asked for before there was anything to drag.
    moved = re.compile(r"x=(?!96-)([\d.]+)-([\d.]+)&y=0-4")
    screen.again(drag, lambda: screen.is_at(moved), "the window moved")
    found = moved.search(screen.address(moved))
    assert found
    assert float(found[2]) - float(found[1]) == pytest.approx(128, abs=0.02)


def test_what_is_typed_before_a_dialog_is_there_is_its_own(
    screen: Screen, made: MadeServer
) -> None:
    with held(screen, "dialogs") as routes:
        open_map(screen, made.map_of(VM, RAM))
        focused(screen, "heatmap-canvas")
        press(screen, "g", "#")
        asked(screen, routes, "the dialogs")
        press(screen, "7", "Escape", "g", "#", "1", "5", "Enter")
    screen.address(re.compile(r"\?cells=15$"))
    screen.rings("selected-cells", 15)


def test_open_extents_leave_the_focus_on_the_map(screen: Screen, made: MadeServer) -> None:
    open_map(screen, made.map_of(VM, RAM, "?cells=1"))
    focused(screen, "heatmap-canvas")
    press(screen, "x")
    focused(screen, "extents")
    screen.seen("heatmap-canvas").focus()
    press(screen, "Enter")
    screen.shows("parts-heading", "Inside cell 1")
    screen.seen("extent-table")
    focused(screen, "heatmap-canvas")
    press(screen, "u")
    screen.matches("h.mapping.level", "pmd")
    screen.seen("extent-table")
    focused(screen, "heatmap-canvas")
