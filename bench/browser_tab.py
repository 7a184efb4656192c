"""Headless Chromium, and what its own counters say of a page of ours."""

from __future__ import annotations

import base64
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from playwright.sync_api import Browser, CDPSession, Page, ViewportSize, sync_playwright
from tests import access

Found = TypeVar("Found")

# As the browser tests have them: without, a fresh profile talks to its maker's hosts.
FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WINDOW: Final[ViewportSize] = {"width": 1600, "height": 1080}
"""Large enough for a plot with more pixels than the 524,288 cells of 1 TiB."""

PATIENCE_S: Final = 60.0
_ASK_S: Final = 0.05


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of the machine.

    Raises:
        SystemExit: there is none.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise SystemExit(
            "bench-browser: no Chromium on this machine (Debian: apt-get install chromium)"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Tab:
    """One page, in a context of its own: nothing is cached from one to the next.

    Attributes:
        page: of Playwright.
    """

    def __init__(self, browser: Browser, script: str | None = None) -> None:
        self._browser = browser
        self._context = browser.new_context(viewport=WINDOW, color_scheme="light")
        if script is not None:
            self._context.add_init_script(script)
        self.page: Final[Page] = self._context.new_page()
        self._session: CDPSession = self._context.new_cdp_session(self.page)
        # Time that the thread ran, not of the wall: other processes must not count.
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def open(self, url: str, wait_until: Literal["commit", "load"] = "load") -> None:
        """Go there, logged in."""
        self._context.add_cookies([access.cookie_of_playwright(url)])
        self.page.goto(url, wait_until=wait_until)

    def close(self) -> None:
        """Close the page and forget what it kept."""
        self._context.close()

    def until(self, true: Callable[[], Found], what: str) -> Found:
        """What `true()` gives once it gives something.

        Raises:
            SystemExit: it did not, in a minute.
        """
        end_s = time.monotonic() + PATIENCE_S
        while not (found := true()):
            if time.monotonic() > end_s:
                raise SystemExit(f"bench-browser: never seen: {what}; {self.page.url}")
            self.page.wait_for_timeout(1000 * _ASK_S)
        return found

    def read(self, expression: str) -> Any:  # noqa: ANN401 - JSON of any kind
        """A value of the page's debug handle `h`; None while something on the way is not there."""
        return self.page.evaluate(
            "() => { const h = window.__hugescope; try { return " + expression + "; } "
            "catch (error) { if (error instanceof TypeError) return null; throw error; } }"
        )

    def counters(self) -> dict[str, float]:
        """Chromium's own: TaskDuration and ScriptDuration of the main thread in seconds, ..."""
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return {metric["name"]: metric["value"] for metric in metrics}

    def main_thread_s(self) -> float:
        """CPU seconds of the page's main thread so far."""
        return self.counters()["TaskDuration"]

    def heap_bytes(self) -> int:
        """JavaScript's heap after a collection of garbage."""
        for _ in range(2):
            self._session.send("HeapProfiler.collectGarbage")
        return int(self._session.send("Runtime.getHeapUsage")["usedSize"])

    def rss_bytes(self) -> int:
        """Resident memory of the renderer: of the busiest one, where the browser keeps a spare."""
        session = self._browser.new_browser_cdp_session()
        processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
        session.detach()
        renderers = [one for one in processes if one["type"] == "renderer"]
        pid = max(renderers, key=lambda one: float(one["cpuTime"]))["id"]
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise SystemExit(f"bench-browser: /proc/{pid}/status has no VmRSS")

    def monotonic_at_zero_s(self) -> float:
        """CLOCK_MONOTONIC at the page's time origin, where its performance.now() is 0.

        Chromium's ticks are that clock on Linux, which is checked here: the browser's own time lies
        between two readings of ours around the question.
        """
        before_s = time.monotonic()
        counters = self.counters()
        after_s = time.monotonic()
        if not before_s - 0.005 <= counters["Timestamp"] <= after_s + 0.005:
            raise SystemExit(
                "bench-browser: Chromium's clock is not CLOCK_MONOTONIC here: "
                f"{counters['Timestamp']} is not within {before_s} to {after_s}"
            )
        return counters["NavigationStart"]

    def plotly_url(self) -> str:
        """The chunk with plotly that the page loaded."""
        find = (
            "performance.getEntriesByType('resource').map(one => one.name)"
            ".find(name => /plotly[^/]*[.]js$/.test(name))"
        )
        return str(self.until(lambda: self.read(find), "plotly loaded"))

    def states(self) -> bytes:
        """State of every cell, from the page's own arrays."""
        text = self.page.evaluate(
            """() => {
                const state = window.__hugescope.mapping.columns.state;
                let text = '';
                for (let at = 0; at < state.length; at += 8192) {
                    text += String.fromCharCode(...state.subarray(at, at + 8192));
                }
                return btoa(text);
            }"""
        )
        return base64.b64decode(text)
