"""Takes the pictures of the README from a running demo: `make screenshots`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs

from playwright.sync_api import Browser, StorageState, sync_playwright

HERE = Path(__file__).parent
WIDTH, HEIGHT = 1280, 560
FILLED = f"(window.__hugescope?.mapping?.presentPages ?? 0) / {4 * 2**30 // 4096}"


def log_in(browser: Browser, one_time: str) -> StorageState:
    """What a browser keeps that opened the demo's one-time URL."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(one_time)
    page.get_by_test_id("status-cost").wait_for()
    kept = context.storage_state()
    context.close()
    return kept


def take(
    browser: Browser, kept: StorageState, url: str, name: str, theme: str, height: int = HEIGHT
) -> None:
    """One picture of one page."""
    page = browser.new_page(
        viewport={"width": WIDTH, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        storage_state=kept,
    )
    page.goto(url)
    page.get_by_test_id("status-cost").wait_for()
    if name == "map":
        while not 0.4 < page.evaluate(FILLED) < 0.6:
            page.wait_for_timeout(100)
    time.sleep(1)
    page.screenshot(path=str(HERE / f"{name}-{theme}.png"))
    page.close()


def main() -> None:
    """Run a demo, look at it, end it."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("screenshots: no Chromium on this machine")
    command = [sys.executable, "-m", "hugescope", "demo", "--port", "0", "--size", "4G"]
    command += ["--rate", "192M", "--touches", "24"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        one_time = next(line.strip() for line in demo.stdout if line.startswith("http"))
        time.sleep(2)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            kept = log_in(browser, one_time)
            base, _, asked = one_time.partition("/login#")
            url = f"{base}/{parse_qs(asked)['to'][0]}"
            for theme in ("dark", "light"):
                take(browser, kept, url, "map", theme)
                take(browser, kept, f"{base}/", "overview", theme, height=1240)
        demo.terminate()


if __name__ == "__main__":
    main()
