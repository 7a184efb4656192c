"""What a test sees on the screen: texts by their test id, and pixels of the map."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page

PATIENCE_MS = 60_000  # only a failure takes so long

RING_LEAST_PX = 4

_PIXEL = """([x, y]) => {
    const canvas = document.querySelector('[data-testid=heatmap-canvas]');
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    const at = [(x - box.left) * scale, (y - box.top) * canvas.height / box.height];
    return [...canvas.getContext('2d').getImageData(at[0], at[1], 1, 1).data];
}"""


class Pixel(NamedTuple):
    """Red, green, blue and alpha, 0 to 255 each."""

    red: int
    green: int
    blue: int
    alpha: int


class Screen:
    """One page, with what it complained of and which foreign hosts it asked for something."""

    def __init__(self, page: Page) -> None:
        page.set_default_timeout(PATIENCE_MS)
        self.page = page
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._check(request.url))

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            self.foreign.append(url)

    def open(self, url: str) -> None:
        """Go there, also when only what follows the # differs."""
        self.page.goto("about:blank")
        self.page.goto(url)

    def seen(self, name: str) -> Locator:
        """The element of a test id, once it is visible."""
        found = self.page.get_by_test_id(name).first
        found.wait_for()
        return found

    def store(self, expression: str) -> Any:
        """A value of the page's own store; `h` is its debug handle."""
        return self.page.evaluate(f"() => {{ const h = window.__hugescope; return {expression}; }}")

    def until(self, true: Callable[[], Any], what: str) -> Any:
        """What `true()` gives once it gives something."""
        end_s = time.monotonic() + PATIENCE_MS / 1000
        while time.monotonic() < end_s:
            if found := true():
                return found
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never seen: {what}")

    def states(self) -> list[int] | None:
        """The state of every cell of the mapping on screen, from the page's own arrays."""
        got = self.store("h?.mapping?.complete ? [...h.mapping.columns.state] : null")
        return None if got is None else list(got)

    def go_to_cell(self, cell: int) -> None:
        """Move to a cell by keyboard."""
        canvas = self.seen("heatmap-canvas")
        canvas.focus()
        self.page.keyboard.press("Escape")
        canvas.focus()
        self.page.keyboard.press("ArrowRight")
        here = self.cell_in_tooltip()
        key = "ArrowRight" if here < cell else "ArrowLeft"
        for _ in range(abs(cell - here)):
            self.page.keyboard.press(key)
        assert self.cell_in_tooltip() == cell

    def cell_in_tooltip(self) -> int:
        """Which cell the tooltip speaks of."""
        text = self.seen("tooltip").inner_text()
        digits = "".join(c if c.isdigit() else " " for c in text).split()
        return int(digits[0])

    def pixel(self) -> Pixel:
        """The colour of the map's canvas in the cell that the ring is around.

        Where that is may change as the axes come, so it is asked for each time.
        """
        box = self.page.locator(".cell-ring").bounding_box()
        assert box is not None
        # Around a cell of two pixels the ring is wider than the cell, and begins where it begins.
        across = box["width"] / 2 if box["width"] > RING_LEAST_PX else 1
        at = [box["x"] + across, box["y"] + box["height"] / 2]
        return Pixel(*self.page.evaluate(_PIXEL, at))

    def drawn(self) -> Pixel | None:
        """The same, None while nothing is drawn there."""
        pixel = self.pixel()
        return pixel if pixel.alpha == 255 else None
