"""Takes the pictures of the README from a running demo and a replay: `make screenshots`.

The demo is a post-copy of 4 GiB, which takes 8 GiB of huge pages for about a minute, and root.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from playwright.sync_api import Browser, Page, StorageState, sync_playwright

from hugescope_agent import playback
from hugescope_wire.archive import open_archive

HERE: Final = Path(__file__).parent
WIDTH: Final = 1280
DEMO: Final = ("demo", "--port", "0", "--size", "4G", "--rate", "192M", "--touches", "24")
FILLED: Final = f"(window.__hugescope?.mapping?.presentPages ?? 0) / {4 * 2**30 // 4096}"
MIGRATION: Final = Path(playback.__file__).parent / "data" / playback.SHIPPED
INTO_POSTCOPY_S: Final = 12.3
"""Of the recorded migration: most pages were there, and some were being waited for."""

SETTLED_MS: Final = 1500
LOOK_MS: Final = 100
LOOKS: Final = 3000


@contextlib.contextmanager
def running(*words: str) -> Iterator[str]:
    """A command of ours until the block ends; its one-time URL."""
    with (
        tempfile.TemporaryDirectory(prefix="hugescope-pictures-") as state,
        subprocess.Popen(
            [sys.executable, "-m", "hugescope", *words, "--state-dir", state],
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        said = (word for line in process.stdout for word in line.split())
        try:
            if one_time := next((word for word in said if "/login#" in word), None):
                yield one_time
            else:
                sys.exit(f"screenshots: `hugescope {' '.join(words)}` does not run here")
        finally:
            process.terminate()


def log_in(browser: Browser, one_time: str) -> StorageState:
    """What a browser keeps that opened a one-time URL."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(one_time)
    page.get_by_test_id("time").wait_for()
    kept = context.storage_state()
    context.close()
    return kept


class Camera:
    """Takes each picture in both themes, logged in to one server."""

    def __init__(self, browser: Browser, one_time: str) -> None:
        self._browser = browser
        self._kept = log_in(browser, one_time)
        self.base, _, asked = one_time.partition("/login#")
        self.first = f"{self.base}/{unquote(asked.partition('&to=')[2])}"

    def take(self, name: str, url: str, height: int) -> None:
        """Two files."""
        for theme in ("light", "dark"):
            page = self._browser.new_page(
                viewport={"width": WIDTH, "height": height},
                color_scheme="dark" if theme == "dark" else "light",
                reduced_motion="reduce",
                storage_state=self._kept,
            )
            page.goto(url)
            page.get_by_test_id("time").wait_for()
            if name == "migration":
                page.get_by_test_id("migrations").get_by_role("link").click()
            if name != "overview":
                page.locator(".xtick text").first.wait_for()  # axes come after the picture
            page.wait_for_timeout(SETTLED_MS)
            if name == "map":
                half_filled(page)
            page.screenshot(path=str(HERE / f"{name}-{theme}.png"))
            page.close()


def half_filled(page: Page) -> None:
    """Return in the middle of a post-copy."""
    for _ in range(LOOKS):
        if 0.4 < page.evaluate(FILLED) < 0.6:
            return
        page.wait_for_timeout(LOOK_MS)
    sys.exit("screenshots: the demo shows no post-copy; is there room for 8 GiB of huge pages?")


def main() -> None:
    """Run a demo and a replay, and look at them."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("screenshots: no Chromium on this machine")
    if os.geteuid() != 0:
        sys.exit("screenshots: the demo takes huge pages, for which it needs root")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        with running(*DEMO) as one_time:
            camera = Camera(browser, one_time)
            camera.take("map", camera.first, 640)
            camera.take("overview", f"{camera.base}/#/", 1000)
        with running("replay", str(MIGRATION), "--port", "0") as one_time:
            camera = Camera(browser, one_time)
            at_s = open_archive(MIGRATION).began_s + INTO_POSTCOPY_S
            camera.take("migration", f"{camera.base}/?t={at_s:.1f}#/migration", 1000)
        browser.close()


if __name__ == "__main__":
    main()
