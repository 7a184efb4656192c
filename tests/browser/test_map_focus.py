"""Where the focus is on a map, and what a map says of what is drawn as one."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route

from tests.browser.made import MadeServer, made_server, only_page, open_map
from tests.browser.made_agent import RAM, TERA, VM, WIDE
from tests.browser.screen import Screen

pytestmark = pytest.mark.browser

FOCUSED = """() => {
    const element = document.activeElement;
    return element?.closest('[data-testid]')?.dataset.testid ?? element?.tagName ?? '';
}"""


@pytest.fixture(scope="module")
def made() -> Iterator[MadeServer]:
    with made_server() as server:
        yield server


@pytest.fixture(scope="module")
def screen(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Screen]:
    with only_page(chromium, request.config) as page:
        yield page


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
    style = "it => getComputedStyle(it).filter"
    screen.comes_to(lambda: canvas.evaluate(style), "none".__eq__, "all colours")
    press(screen, " ")
    screen.lacks("paused")


def test_keys_pressed_before_the_controls_are_there_are_not_lost(
    screen: Screen, made: MadeServer
) -> None:
    held: list[Route] = []
    screen.page.route(re.compile(r"/controls-[^/]*\.js$"), lambda route: held.append(route))
    screen.open(made.map_of(VM, RAM))
    screen.comes_to(lambda: len(held), (1).__eq__, "the controls are asked for")
    press(screen, "2")
    held.pop().continue_()
    screen.address("color=mapcount")
    screen.page.unroute_all()
