"""Pictures of every screen in both themes, from the synthetic server, to be looked at.

python frontend/dev/screenshots.py ONE_TIME_URL OUT_DIR [NAME...]
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
]
WIDE: ViewportSize = {"width": 1280, "height": 720}
NARROW: ViewportSize = {"width": 390, "height": 844}
GUEST = "#/host/synthetic-a/pid/4242/map/7f2a4c000000"
SCREENS = {
    "overview": ("#/", WIDE),
    "overview-b": ("#/host/synthetic-b", WIDE),
    "guest": (GUEST, WIDE),
    "states": ("#/host/synthetic-a/pid/4300/map/7f1204a00000", WIDE),
    "one-gib": ("#/host/synthetic-a/pid/4242/map/7e8000000000", WIDE),
    "half": ("#/host/synthetic-a/pid/4242/map/7f1a50400000", WIDE),
    "alternate": ("#/host/synthetic-a/pid/5100/map/7f333c000000", WIDE),
    "big": ("#/host/synthetic-a/pid/9000/map/600000000000", WIDE),
    "mapcount": ("#/host/synthetic-a/pid/812/map/7f0000000000?color=mapcount", WIDE),
    "mappers": ("#/host/synthetic-a/pid/812/map/7f0000000000?color=mappers", WIDE),
    "node": ("#/host/synthetic-a/pid/812/map/7f0000000000?color=node", WIDE),
    "unknown": ("#/host/synthetic-b/pid/77/map/100200000?color=node", WIDE),
    "report": ("#/host/synthetic-a", WIDE),
    "page": ("#/host/synthetic-a/pid/812/map/7f0000000000?cells=3000-4095", WIDE),
    "page-shared": ("#/host/synthetic-a/pid/812/map/7f0000000000?cells=5", WIDE),
    "page-one-gib": ("#/host/synthetic-a/pid/4242/map/7e8000000000?cells=0", WIDE),
    "page-poisoned": ("#/host/synthetic-a/pid/4242/map/7f1a50400000?cells=47", WIDE),
    "narrow-overview": ("#/", NARROW),
    "narrow-report": ("#/host/synthetic-a", NARROW),
    "narrow-page": ("#/host/synthetic-a/pid/4242/map/7e8000000000?cells=0", NARROW),
    "narrow-guest": (GUEST, NARROW),
    "narrow-states": ("#/host/synthetic-a/pid/4300/map/7f1204a00000", NARROW),
}


def hover(page: Page, x: float, y: float) -> None:
    """Point at a place in the heatmap, in shares of its size."""
    box = page.get_by_test_id("heatmap-canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])


def main() -> None:
    """All screens asked for, light and dark."""
    one_time, out = sys.argv[1], Path(sys.argv[2])
    base = one_time.partition("/login")[0]
    names = sys.argv[3:] or list(SCREENS)
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        login = browser.new_context()
        page = login.new_page()
        page.goto(one_time)
        page.wait_for_url(f"{base}/")
        state = login.storage_state()
        login.close()
        for theme in ("light", "dark"):
            for name in names:
                hash_, size = SCREENS[name]
                context = browser.new_context(
                    viewport=size, color_scheme=theme, storage_state=state
                )
                page = context.new_page()
                page.on("console", lambda message: print("console:", message.text))
                page.on("pageerror", lambda error: print("error:", error))
                page.goto(f"{base}/{hash_}")
                page.wait_for_timeout(1500)
                if name in ("states", "half", "one-gib", "unknown", "narrow-states"):
                    hover(page, 0.35, 0.3)
                    page.wait_for_timeout(300)
                if name.endswith("report"):
                    for line in page.locator("details > summary").all()[:14]:
                        line.click()
                    page.mouse.move(0, 0)
                full = name.startswith(("narrow", "overview", "report", "page"))
                over = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
                if over > 0:
                    print(f"{name}-{theme}: {over} px wider than the window")
                page.screenshot(path=out / f"{name}-{theme}.png", full_page=full)
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
