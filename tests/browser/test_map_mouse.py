"""Everything that can be done with a map, by mouse alone."""

import re

import pytest
from playwright.sync_api import Locator

from tests.browser.made import MadeServer, open_map
from tests.browser.made_agent import (
    FEW,
    LARGE,
    LOST_IN_TERA,
    MIGRATING,
    NO_ANSWER,
    POISONED,
    RAM,
    SMALL,
    TERA,
    VM,
    WIDE,
)
from tests.browser.screen import Point, Screen

pytestmark = pytest.mark.browser
ONE_PAGE = True

# Two clicks further apart than any double click.
APART_MS = 600
X = re.compile(r"x=[\d.]+-[\d.]+")

_RED = """it => {
    const {width, height} = it;
    const data = it.getContext('2d').getImageData(0, 0, width, height).data;
    let most = 0;
    for (let at = 0; at < data.length; at += 4)
        if (data[at] === 0x71 && data[at + 1] === 0x0a && data[at + 2] === 0x2f) most++;
    return most;
}"""


def opened(screen: Screen, made: MadeServer, query: str = "", mapping: int = RAM) -> Locator:
    """A map with nothing under the mouse."""
    screen.page.mouse.move(2, 2)
    pid = {RAM: VM, LARGE: VM, TERA: WIDE, FEW: SMALL}[mapping]
    return open_map(screen, made.map_of(pid, mapping, query))


def dragging_does(screen: Screen, mode: str) -> None:
    """Choose what dragging does, and return once plotly does it."""
    screen.seen("drag").get_by_text(mode).click()
    cursor = {"zoom": "crosshair", "pan": "move"}[mode]
    read = "() => getComputedStyle(document.querySelector('.plot .nsewdrag')).cursor"
    screen.comes_to(lambda: screen.page.evaluate(read), cursor.__eq__, f"dragging to {mode}")


def share(of: Locator, x: float, y: float) -> Point:
    """A place inside of an element, in shares of its size."""
    box = of.bounding_box()
    assert box is not None
    return Point(box["x"] + x * box["width"], box["y"] + y * box["height"])


def test_pointing_tells_and_clicking_selects(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)
    screen.point_at(2050)
    screen.shows("tooltip", "cell 2,050", "split", "last change")
    screen.page.mouse.move(2, 2)
    screen.lacks("tooltip")
    screen.click_cell(700)
    screen.shows(
        "page",
        "cell 700",
        "mapped in full by one 2 MiB entry",
        "0x57800000 of pc.ram (inferred)",
        "none since this server first saw it",
    )
    screen.shows("page-counts", re.compile(r"processes\s+1"))
    screen.seen("mapped-by").get_by_test_id("place").click()
    screen.address("cells=700")
    screen.rings("selected-cells", 700)
    screen.seen("page").get_by_label("close").click()
    screen.lacks("page")


def test_a_selected_cell_says_when_it_changed(screen: Screen, made: MadeServer) -> None:
    opened(screen, made, "?cells=3990")
    screen.shows("page", "hole: nothing is mapped")
    made.put(RAM, 3990, "mapped")
    screen.shows("page", "mapped in full", re.compile(r"last change\s+\d+(\.\d)? (s|min) ago"))
    made.put(RAM, 3990, "hole")
    screen.shows("page", "hole: nothing is mapped")


def test_shift_click_selects_a_range_and_the_drawer_sums_it(
    screen: Screen, made: MadeServer
) -> None:
    opened(screen, made)
    screen.click_cell(POISONED - 2)
    screen.page.wait_for_timeout(APART_MS)
    screen.page.keyboard.down("Shift")
    screen.again(
        lambda: screen.page.mouse.click(*screen.place_of(MIGRATING)),
        lambda: screen.is_at(f"cells={POISONED - 2}-{MIGRATING}"),
        "a range",
    )
    screen.page.keyboard.up("Shift")
    screen.shows("page", "cells 2,220 to 2,301 (82)", "poisoned 1", "migrating 1", "hole 80")
    screen.seen("zoom-cells").click()
    screen.address("x=")


def test_double_click_looks_inside_or_shows_everything(screen: Screen, made: MadeServer) -> None:
    canvas = opened(screen, made)
    screen.again(
        lambda: screen.page.mouse.dblclick(*screen.place_of(2050)),
        lambda: screen.is_at("level=pte"),
        "the inside of a cell",
    )
    screen.shows("parts-heading", "Inside cell 2,050")
    screen.page.go_back()
    screen.matches("h.mapping.level", "pmd")
    screen.shows("page", "cell 2,050")
    screen.page.get_by_label("zoom in").click()
    # The selected cell stays where it is, at column 98 of 512.
    screen.address("x=49.25-305.25")

    def on_axis() -> None:
        corner = share(canvas, 0, 1)
        screen.page.mouse.dblclick(corner.x + 40, corner.y + 12)

    screen.again(
        on_axis,
        lambda: not screen.is_at("x="),
        "everything after a double click on an axis",
    )


def test_drag_wheel_and_buttons_zoom(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)
    screen.drag(100, 1800, lambda: screen.is_at("x="), "a box zooms in")
    screen.seen("zoom-home").click()
    screen.leaves("x=")
    screen.settle()
    at = share(screen.seen("heatmap-canvas"), 0.5, 0.5)
    screen.page.mouse.move(*at)
    screen.page.mouse.wheel(0, -400)
    zoomed = screen.address(X)
    screen.page.keyboard.down("Shift")
    screen.page.mouse.move(*at)
    screen.page.mouse.down()
    screen.page.mouse.move(at.x - 150, at.y, steps=6)
    screen.page.mouse.up()
    screen.page.keyboard.up("Shift")
    screen.leaves(zoomed)
    same_width(screen, zoomed)
    dragging_does(screen, "pan")
    screen.settle()
    before = screen.address(X)
    screen.page.mouse.move(*at)
    screen.page.mouse.down()
    screen.page.mouse.move(at.x + 100, at.y, steps=6)
    screen.page.mouse.up()
    screen.leaves(before)
    same_width(screen, zoomed)
    screen.page.get_by_label("zoom out").click()
    screen.page.get_by_label("zoom out").click()
    screen.page.get_by_label("zoom out").click()
    screen.leaves("x=")
    dragging_does(screen, "zoom")


def same_width(screen: Screen, zoomed: str) -> None:
    """Return once as many columns are in sight as these words of an address name."""

    def width(x: str) -> float:
        low, high = x.removeprefix("x=").split("-")
        return float(high) - float(low)

    wanted = pytest.approx(width(zoomed), abs=0.05)
    screen.comes_to(lambda: width(screen.address(X)), wanted.__eq__, "the same number of columns")


def test_the_legend_is_the_filter(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)
    line = screen.page.locator("[data-testid=legend] [data-key=split] button")
    shown = screen.known("h.mapping.paints[h.mapping.paint[2050]].color")
    screen.seen(line).click()
    screen.address("show=")
    screen.comes_to(lambda: line.get_attribute("aria-pressed"), "false".__eq__, "switched off")
    screen.comes_to(
        lambda: screen.color_of(2050),
        lambda color: color is not None and "#{:02x}{:02x}{:02x}".format(*color) != shown,
        "a dimmed cell",
    )
    screen.painted(POISONED)
    screen.page.wait_for_timeout(APART_MS)
    line.click()
    screen.leaves("show=")
    screen.page.wait_for_timeout(APART_MS)
    line.dblclick()
    screen.address(re.compile(r"show=split$"))
    screen.seen("show-all").click()
    screen.lacks("show-all")
    screen.leaves("show=")
    line.click(modifiers=["Shift"])
    screen.address(re.compile(r"show=split$"))


def test_legend_counts_live(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)
    screen.shows("legend", re.compile(r"mapped by one 2 MiB entry\s+1,500"))
    made.put(RAM, 3700, "mapped")
    screen.shows("legend", re.compile(r"mapped by one 2 MiB entry\s+1,501"))
    made.put(RAM, 3700, "hole")
    screen.shows("legend", re.compile(r"mapped by one 2 MiB entry\s+1,500"))


def window_is(screen: Screen, across: float, down: float) -> bool:
    """Whether the minimap's window is this large, in shares of the minimap."""
    boxes = [screen.seen(name).bounding_box() for name in ("minimap-window", "minimap")]
    if boxes[0] is None or boxes[1] is None:
        return False
    window, whole = boxes[0], boxes[1]
    wide = abs(window["width"] / whole["width"] - across) < 0.03
    return wide and abs(window["height"] / whole["height"] - down) < 0.05


def test_the_minimap_moves_the_window(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)
    screen.page.get_by_label("zoom in").click()
    screen.address("x=128-384")
    screen.page.get_by_label("zoom in").click()
    screen.address("x=192-320&y=2-6")
    small = screen.seen("minimap")
    screen.again(
        lambda: screen.page.mouse.click(*share(small, 0.98, 0.98)),
        lambda: screen.is_at("x=384-512&y=4-8"),
        "the last corner",
    )

    def drag() -> None:
        screen.page.mouse.move(*share(small, 0.5, 0.5))
        screen.page.mouse.down()
        screen.page.mouse.move(*share(small, 0.1, 0.3), steps=5)
        screen.page.mouse.move(*share(small, 0.02, 0.02), steps=5)
        screen.page.mouse.up()

    screen.again(drag, lambda: screen.is_at("x=0-128&y=0-4"), "the first corner")
    screen.until(lambda: window_is(screen, 0.25, 0.5), "a window of a quarter by a half")
    red = small.locator("canvas")
    screen.comes_to(lambda: red.evaluate(_RED), bool, "the poisoned cell in the minimap")


def test_levels_and_breadcrumb(screen: Screen, made: MadeServer) -> None:
    opened(screen, made, "?cells=2050")
    levels = screen.seen("levels")
    screen.follow(levels.get_by_text("PTE"), "level=pte")
    screen.shows("parts-heading", "Inside cell 2,050")
    crumbs = screen.seen("breadcrumb")
    screen.shows("breadcrumb", "hosts", "made-up", "build-7 100", "PUD tables", "PTE of cell 2,050")
    screen.follow(crumbs.get_by_text("PMD cells"), "level=pmd")
    screen.matches("h.mapping.level", "pmd")
    screen.follow(levels.get_by_text("PUD"), "level=pud")
    screen.matches("h.mapping.level", "pud")
    screen.again(
        lambda: screen.page.mouse.dblclick(*screen.place_of(2000)),
        lambda: screen.is_at("table=4"),
        "the inside of a table",
    )
    screen.matches("h.mapping.table", 4)
    screen.shows("breadcrumb", "PMD of table 4")
    crumbs.get_by_text("0x7f000c000000").click()
    screen.leaves("table=")
    screen.matches("h.mapping.table", None)
    screen.follow(crumbs.get_by_text("build-7"), "q=100")
    screen.seen("processes")


def test_a_page_that_cannot_be_read_says_why(screen: Screen, made: MadeServer) -> None:
    opened(screen, made, f"?cells={NO_ANSWER}")
    screen.shows("page-fault", "went while it was read")
    screen.seen("drill-down").click()
    screen.shows("parts-fault", "went while it was read")


def test_chunks_of_a_large_page(screen: Screen, made: MadeServer) -> None:
    opened(screen, made, "?cells=1", LARGE)
    screen.seen("drill-down").click()
    screen.shows("parts-heading", "512 × 2 MiB")
    screen.known("h.mapping.complete")
    canvas = screen.seen("heatmap-canvas")
    screen.again(
        lambda: screen.page.mouse.dblclick(*share(canvas, 0.001, 0.5)),
        lambda: screen.is_at("part=0"),
        "the inside of a chunk",
    )
    screen.shows("parts-heading", "Inside chunk 0 of cell 1")


def test_buttons(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)
    screen.seen("do-go-to").click()
    screen.seen(screen.page.get_by_role("textbox")).fill("#5")
    screen.seen("go-to").get_by_text("Go", exact=True).click()
    screen.address("cells=5")
    screen.seen("do-pause").click()
    screen.seen("paused").get_by_text("resume").click()
    screen.lacks("paused")
    screen.seen("do-extents").click()
    screen.seen("extents")
    screen.seen("do-extents").click()
    screen.lacks("extents")
    for name in ("export", "help"):
        screen.seen(f"do-{name}").click()
        screen.seen(name).get_by_label("close").click()
        screen.lacks(name)
    screen.seen("color").get_by_text("age").click()
    screen.address("color=age")
    screen.shows("legend", "no change seen")
    screen.seen("color").get_by_text("state").click()
    screen.leaves("color=")


def test_buttons_find_cells(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)
    for way, cell in (("next", "1,500"), ("next", "2,000"), ("previous", "1,999")):
        screen.seen(f"do-{way}-other").click()
        screen.shows("tooltip", f"cell {cell}")
    made.put(RAM, 3500, "mapped")
    screen.matches("h.mapping.keyOf(3500)", "mapped")
    screen.seen("do-next-changed").click()
    screen.shows("tooltip", "cell 3,500")
    made.put(RAM, 3500, "hole")


def test_few_cells_fill_the_plot_or_lie_among_all_entries(screen: Screen, made: MadeServer) -> None:
    opened(screen, made, mapping=LARGE)
    screen.seen("zoom-full").click()
    screen.address("x=0-512")
    screen.seen("zoom-home").click()
    screen.leaves("x=")


_NO_MORE_THAN_PIXELS = """(({view}, {width, height}) => view.count >> view.shift <= width * height)
    (h.mapping, document.querySelector('[data-testid=heatmap-canvas]'))"""


def test_half_a_million_cells(screen: Screen, made: MadeServer) -> None:
    opened(screen, made, mapping=TERA)
    screen.matches("h.mapping.view.shift > 0", True)
    screen.matches(_NO_MORE_THAN_PIXELS, True)
    screen.matches(f"h.mapping.keyOf({LOST_IN_TERA})", "poisoned")
    red = screen.seen("minimap").locator("canvas")
    screen.comes_to(lambda: red.evaluate(_RED), bool, "the poisoned cell in the minimap")
    screen.seen("color").get_by_text("node").click()
    screen.shows("legend-unit", "groups")
    screen.seen("color").get_by_text("state").click()
    # Its legend is shorter: the map moves up.
    screen.shows("legend", "hole")
    screen.settle()
    screen.again(
        lambda: screen.page.mouse.dblclick(*screen.place_of(LOST_IN_TERA)),
        # Not until the cells are there: once they are, a double click goes inside of one.
        lambda: screen.is_at("x="),
        "nearer",
    )
    screen.matches("h.mapping.view.shift", 0)
    screen.matches(_NO_MORE_THAN_PIXELS, True)
    screen.point_at(LOST_IN_TERA)
    screen.shows("tooltip", "poisoned")
    screen.comes_to(lambda: red.evaluate(_RED), bool, "the whole still in the minimap")


def test_when_the_agent_goes_the_page_says_so(screen: Screen, made: MadeServer) -> None:
    opened(screen, made, "?level=pte&cells=2050")
    screen.shows("legend", "hole")
    made.end_agent()
    screen.seen("parts-fault")
    screen.shows("parts-fault", "What is shown is what was read last.")
    screen.shows("legend", "hole")
