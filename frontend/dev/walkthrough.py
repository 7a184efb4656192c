"""Goes through the page in Chromium against the synthetic server and checks what it does.

    python frontend/dev/walkthrough.py http://127.0.0.1:8766

Needs a freshly started or reset synthetic server; leaves it reset.
"""

from __future__ import annotations

import sys
import time
import urllib.request
from collections.abc import Callable

from playwright.sync_api import Page, sync_playwright

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
]
GUEST = "#/host/synthetic-a/pid/4242/map/7f2a4c000000"
HALF = "#/host/synthetic-a/pid/4242/map/7f1a50400000"
BASE = sys.argv[1]


def act(name: str) -> None:
    """Make the synthetic server do something."""
    with urllib.request.urlopen(f"{BASE}/dev/{name}") as answer:
        assert answer.status == 200


def until(what: str, check: Callable[[], bool], seconds: float = 15) -> None:
    """The page's CSP forbids eval, with which playwright's own waiting for functions works."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    print("ok:", what)


def handle(page: Page, path: str) -> object:
    """Read from the page's debug handle."""
    return page.evaluate(f"() => window.__hugescope.{path}")


def open_map(page: Page, hash_: str) -> None:
    """Open a map and wait for cells and axes."""
    page.goto(f"{BASE}/{hash_}")
    until(f"cells of {hash_}", lambda: bool(handle(page, "mapping?.complete")))
    until("drawn", lambda: int(str(handle(page, "framesDrawn"))) > 0)
    page.wait_for_selector(".plot .xtick text")


def ticks(page: Page, axis: str) -> list[str]:
    """Labels of an axis."""
    return page.locator(f".plot .{axis}tick text").all_text_contents()


def point(page: Page, x: float, y: float) -> tuple[float, float]:
    """A place in the heatmap, in shares of its size."""
    box = page.get_by_test_id("heatmap-canvas").bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def zooms(page: Page) -> None:
    """Every gesture that moves the axes."""
    open_map(page, GUEST)
    before = ticks(page, "x")
    page.mouse.move(*point(page, 0.25, 0.25))
    page.mouse.down()
    page.mouse.move(*point(page, 0.4, 0.4), steps=5)
    page.mouse.move(*point(page, 0.5, 0.5), steps=5)
    page.mouse.up()
    until("a box zooms in", lambda: ticks(page, "x") != before)
    zoomed = ticks(page, "x")
    page.mouse.move(*point(page, 0.5, 0.5))
    page.mouse.wheel(0, -300)
    until("the wheel zooms on", lambda: ticks(page, "x") != zoomed)
    page.wait_for_timeout(300)
    page.mouse.dblclick(*point(page, 0.5, 0.5))
    until("a double click shows all", lambda: ticks(page, "x") == before)
    page.get_by_test_id("drag").get_by_text("pan").click()
    page.mouse.move(*point(page, 0.5, 0.5))
    page.mouse.wheel(0, -600)
    page.wait_for_timeout(500)
    zoomed = ticks(page, "x")
    page.mouse.down()
    page.mouse.move(*point(page, 0.2, 0.3), steps=8)
    page.mouse.up()
    until("dragging pans", lambda: ticks(page, "x") != zoomed)
    page.get_by_test_id("zoom-home").click()
    until("the button shows all", lambda: ticks(page, "x") == before)


def small_map(page: Page) -> None:
    """A mapping within one table is fitted."""
    open_map(page, HALF)
    fitted = ticks(page, "x")
    page.get_by_test_id("zoom-full").click()
    until("all 512 entries", lambda: "511" in ticks(page, "x"))
    page.get_by_test_id("zoom-home").click()
    until("fitted again", lambda: ticks(page, "x") == fitted)


def keyboard(page: Page) -> None:
    """The cursor by keys, and what is spoken."""
    open_map(page, GUEST)
    canvas = page.get_by_test_id("heatmap-canvas")
    canvas.focus()
    live = page.get_by_test_id("cell-live")
    page.keyboard.press("ArrowRight")
    until("the first cell", lambda: live.inner_text().startswith("cell 0;"))
    page.keyboard.press("ArrowRight")
    until("the next cell", lambda: live.inner_text().startswith("cell 1;"))
    page.keyboard.press("PageDown")
    until("a table further", lambda: live.inner_text().startswith("cell 513;"))
    tooltip = page.get_by_test_id("tooltip")
    assert "0x7f2a8c200000" in tooltip.inner_text(), tooltip.inner_text()
    page.keyboard.press("Escape")
    until("Esc leaves", lambda: tooltip.count() == 0)
    assert page.evaluate("() => document.activeElement.tagName") == "BODY"


def colours(page: Page) -> None:
    """Colour modes live in the address."""
    open_map(page, GUEST)
    page.get_by_test_id("color").get_by_text("node").click()
    until("colour in the address", lambda: page.url.endswith("?color=node"))
    legend = page.get_by_test_id("legend")
    until("legend of nodes", lambda: legend.locator("[data-key='node-0']").count() == 1)
    page.reload()
    until("kept by a reload", lambda: legend.locator("[data-key='node-0']").count() == 1)
    counts = page.evaluate(
        "() => [...document.querySelectorAll('[data-testid=legend] li')].map(e => +e.dataset.count)"
    )
    assert sum(counts) == 32_768, counts


def losses(page: Page) -> None:
    """What goes away, and comes back."""
    open_map(page, GUEST)
    notice = page.get_by_test_id("notice")
    act("restart-agent")
    until("found again after the agent's restart", lambda: handle(page, "mapping.info.id") == 1001)
    until("live again", lambda: handle(page, "phase") == "live" and notice.count() == 0)
    act("drop")
    until(
        "the loss is shown",
        lambda: page.get_by_test_id("connection").get_attribute("data-tone") != "good",
    )
    until("back after the cut", lambda: handle(page, "phase") == "live")
    act("replace-mapping")
    until("another mapping there", lambda: "another one stands" in notice.inner_text())
    assert handle(page, "mapping.complete") is True
    notice.get_by_role("button").click()
    until("which is shown on demand", lambda: handle(page, "mapping?.info.id") == 1501)
    act("end-mapping")
    until("the end is shown", lambda: "The mapping is gone" in notice.inner_text())
    assert handle(page, "mapping.complete") is True
    act("reset")
    until("back from the reset", lambda: handle(page, "phase") in ("live", "ended"))
    open_map(page, GUEST)
    act("host-gone")
    until("the host is gone", lambda: "agent is gone" in notice.inner_text())
    act("reset")


def silence(page: Page) -> None:
    """A server that hangs."""
    page.goto(f"{BASE}/#/")
    age = page.get_by_test_id("picture-age")
    until("fresh", lambda: age.get_attribute("data-tone") == "good")
    act("freeze")
    until("late by itself", lambda: age.get_attribute("data-tone") == "late", 6)
    until("gone by itself", lambda: age.get_attribute("data-tone") == "gone", 12)
    act("reset")
    until("fresh again", lambda: age.get_attribute("data-tone") == "good", 20)


def overview(page: Page) -> None:
    """The first screen."""
    act("no-hosts")
    page.goto(f"{BASE}/#/")
    until("no host yet", lambda: page.get_by_test_id("no-hosts").count() == 1)
    assert f"hugescope agent --server {BASE}" in page.get_by_test_id("no-hosts").inner_text()
    act("reset")
    until("two hosts", lambda: page.get_by_test_id("host").count() == 2)
    assert "kernel has no such counter" in page.get_by_test_id("pools").first.inner_text()
    act("many-hosts")
    until("a table of hosts", lambda: page.get_by_test_id("hosts").count() == 1)
    act("reset")
    until("two hosts again", lambda: page.get_by_test_id("host").count() == 2)
    page.get_by_test_id("mapping-link").nth(1).click()
    until("a link leads to the map", lambda: bool(handle(page, "mapping?.complete")))
    page.get_by_test_id("breadcrumb").get_by_text("synthetic-a").click()
    until("and the breadcrumb back", lambda: page.get_by_test_id("host").count() == 1)
    page.get_by_test_id("theme").get_by_text("dark").click()
    until("dark", lambda: page.evaluate("() => document.documentElement.dataset.theme") == "dark")
    page.reload()
    until(
        "remembered",
        lambda: page.evaluate("() => document.documentElement.dataset.theme") == "dark",
    )


def main() -> None:
    """All parts, each in a page of its own."""
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        for part in (overview, zooms, small_map, keyboard, colours, losses, silence):
            print(f"== {part.__name__}")
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda said: faults.extend([said.text] * (said.type == "error")))
            part(page)
            page.close()
        browser.close()
    faults = [fault for fault in faults if "WebSocket" not in fault]
    assert not faults, faults
    print("all well")


if __name__ == "__main__":
    main()
