"""A report from disk, in Chromium with the network off: it draws, and asks nobody for anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.test_accessibility import AXE, RUN_AXE
from tests.unit.hugescope.eventful import HOSTILE, eventful
from tests.unit.hugescope.recorded import ran

pytestmark = pytest.mark.browser

PLOTS = 7
LIMIT_MS = 60_000


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("report")
    output = directory / "report.html"
    done = ran("report", eventful(directory / "r.hsrec"), "-o", output)
    assert done.exit_code == 0, done.exception
    return output


@pytest.fixture(
    scope="module", params=[("light", 1280), ("dark", 390)], ids=["light", "dark-and-narrow"]
)
def opened(request: pytest.FixtureRequest, chromium: Browser, path: Path) -> Iterator[Page]:
    """The page, drawn; whatever it asked for and complained of is checked at the end."""
    theme, width = request.param
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme=theme, offline=True
    )
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.on("console", lambda one: complaints.append(one.text))
    page.on("pageerror", lambda one: complaints.append(str(one)))
    page.on("dialog", lambda one: complaints.append(f"dialog: {one.message}"))
    page.goto(path.as_uri())
    # Not wait_for_function: the page's policy lets no test evaluate a string either.
    expect(page.locator("html")).to_have_attribute("data-drawn", str(PLOTS), timeout=LIMIT_MS)
    yield page
    context.close()
    own = [url for url in asked if url == path.as_uri()]
    assert len(own) == 1
    # What plotly draws of a map is an image made in the page.
    assert [url for url in asked if not url.startswith(("data:", "blob:")) and url not in own] == []
    assert complaints == []


def test_it_draws_every_map_and_chart(opened: Page) -> None:
    expect(opened.locator(".js-plotly-plot")).to_have_count(PLOTS)
    expect(opened.locator(".heatmaplayer image")).to_have_count(4)
    expect(opened.locator("#not-drawn")).to_be_hidden()
    widths = opened.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1], "the page itself does not scroll sideways"


def test_no_serious_violation_in_a_report(opened: Page) -> None:
    opened.evaluate(AXE.read_text())
    assert opened.evaluate(RUN_AXE, None) == []


def place_of_cell(page: Page, plot: Locator) -> tuple[float, float]:
    """Row 2, entry 500 in the window, where it is now: cell 2 * 512 - 25 + 500."""
    visible = page.viewport_size
    assert visible is not None
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    if box["x"] + box["width"] > visible["width"]:
        page.locator(".plot-box").nth(4).evaluate("one => { one.scrollLeft = one.scrollWidth; }")
        box = plot.bounding_box()
        assert box is not None
    return box["x"] + box["width"] * 500.5 / 512, box["y"] + box["height"] * 2.5 / 4


def test_a_square_says_what_it_is_as_text(opened: Page) -> None:
    plot = opened.locator(".plot-map").nth(1).locator(".nsewdrag")
    tip = opened.locator("#tip")
    for _ in range(600):
        x, y = place_of_cell(opened, plot)
        # Plotly tells of a square as the pointer comes to it; scrolling hides what it told.
        opened.mouse.move(x - 60, y)
        opened.wait_for_timeout(100)
        opened.mouse.move(x, y)
        if tip.is_visible() and "cell 1,499" in (tip.text_content() or ""):
            break
        opened.wait_for_timeout(100)
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("cell 1,499 at 0x7f00be800000")
    expect(tip).to_contain_text("mapped in full by one 2 MiB entry")
    expect(tip).to_contain_text("mapcount 2 · mappers 3 · node 1")


def test_names_that_are_markup_are_shown_as_they_are(opened: Page) -> None:
    expect(opened.locator("h1")).to_contain_text(f"box{HOSTILE}")
    assert opened.locator("img").count() == 0
    assert opened.title().startswith(f"HugeScope: box{HOSTILE}, 2026-01-02")


def test_colours_follow_the_theme_and_paper_is_light(opened: Page) -> None:
    first = (
        opened.locator(".chart .js-plotly-plot").last.locator(".scatterlayer path.js-line").first
    )

    def stroke() -> str:
        found = re.search(r"stroke: rgb\(([^)]*)\)", first.get_attribute("style") or "")
        return found[1] if found else ""

    light, dark = "36, 80, 184", "104, 153, 250"
    assert stroke() in (light, dark)
    for scheme, color in (("dark", dark), ("light", light), ("dark", dark)):
        opened.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        expect(first).to_have_attribute("style", re.compile(color), timeout=LIMIT_MS)
    opened.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(first).to_have_attribute("style", re.compile(light), timeout=LIMIT_MS)
    opened.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(first).to_have_attribute("style", re.compile(dark), timeout=LIMIT_MS)
