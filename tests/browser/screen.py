"""What a test sees on the screen: texts by their test id, values of the page's store, pixels.

A page draws some time after it was acted on, and how long after is nobody's promise. So nothing
here is read once: `shows`, `count`, `matches` and the like ask again until what is expected is
there, and give back what they found, for a test to go on with.
"""

import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Error, Locator, Page

from tests import access

PATIENCE_MS = 60_000  # only a failure takes so long
AGAIN_MS = 4_000  # long past any double click
POLL_MS = 50
DRAG_PX = 10

# The longest timer between an action and what comes of it waits for 300 ms, and a few may follow on
# each other.
_SETTLED = """async () => {
    for (let round = 0; round < 4; round++) {
        await new Promise(done => setTimeout(done, 500));
        await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    }
}"""

Words = str | re.Pattern[str]
Found = TypeVar("Found")

_STORE = """() => {
    const h = window.__hugescope;
    try {
        return EXPRESSION;
    } catch (error) {
        if (error instanceof TypeError) return null;
        throw error;
    }
}"""

_TEXTS = "all => all.filter(one => one.checkVisibility()).map(one => one.innerText)"

# Where the cell is and what is drawn there are asked in one step: a layout comes between any two.
COLOR = """cell => {
    const at = window.__hugescope?.mapping?.centerOf(cell);
    const canvas = document.querySelector('[data-testid=heatmap-canvas]');
    if (!at || !canvas) return null;
    const box = canvas.getBoundingClientRect();
    const x = Math.floor((at.x - box.left) * canvas.width / box.width);
    const y = Math.floor((at.y - box.top) * canvas.height / box.height);
    const color = [...canvas.getContext('2d').getImageData(x, y, 1, 1).data];
    return color[3] === 255 ? color.slice(0, 3) : null;
}"""


class Color(NamedTuple):
    """Red, green and blue, 0 to 255 each."""

    red: int
    green: int
    blue: int


class Point(NamedTuple):
    """CSS pixels of the window."""

    x: float
    y: float


class Screen:
    """One page, with what it complained of and which foreign hosts it asked for something."""

    def __init__(self, page: Page) -> None:
        page.set_default_timeout(PATIENCE_MS)
        self.page = page
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)
        page.on("request", lambda request: self._check(request.url))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Security Policy" in message.text:
            self.complaints.append(message.text)

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            self.foreign.append(url)

    def open(self, url: str) -> None:
        """Go there, logged in, also when only what follows the # differs."""
        self.page.goto("about:blank")
        self.page.context.add_cookies([access.cookie_of_playwright(url)])
        self.page.goto(url)

    def until(self, true: Callable[[], Found], what: str) -> Found:
        """What `true()` gives once it gives something."""
        found = self._within(PATIENCE_MS, true)
        if not found:
            raise AssertionError(f"never seen: {what}")
        return found

    def again(self, act: Callable[[], object], true: Callable[[], Found], what: str) -> Found:
        """Act until `true()`: for what may move under the pointer.

        It is done again only when nothing came of it, however slow the page is; so `true()` must be
        something that the page does by itself, not what another process has to send first.
        """
        end_s = time.monotonic() + PATIENCE_MS / 1000
        while time.monotonic() < end_s:
            act()
            if found := self._within(AGAIN_MS, true):
                return found
            self.settle()
            if found := true():
                return found
        raise AssertionError(f"never came of it: {what}")

    def settle(self) -> None:
        """Return once all has come that the page makes by itself of what was done before."""
        self.page.evaluate(_SETTLED)

    def _now(self, read: Callable[[], Found]) -> Found | None:
        """What `read()` gives; None while the page is loaded anew, which it may do by itself."""
        try:
            return read()
        except Error as error:
            if "Execution context was destroyed" not in error.message:
                raise
            return None

    def _within(self, patience_ms: float, true: Callable[[], Found]) -> Found | None:
        end_s = time.monotonic() + patience_ms / 1000
        while not (found := self._now(true)) and time.monotonic() < end_s:
            self.page.wait_for_timeout(POLL_MS)
        return found

    def comes_to(
        self,
        read: Callable[[], Found],
        wanted: Callable[[Found], bool],
        what: str,
        patience_ms: float = PATIENCE_MS,
    ) -> Found:
        """What `read()` gives once it is wanted; a failure says what it gave last."""
        last: list[Found] = []

        def there() -> bool:
            last[:] = [read()]
            return wanted(last[0])

        if not self._within(patience_ms, there):
            raise AssertionError(f"never seen: {what}; last seen: {last[0]!r}")
        return last[0]

    def _locator(self, where: str | Locator) -> Locator:
        return self.page.get_by_test_id(where) if isinstance(where, str) else where

    def seen(self, where: str | Locator) -> Locator:
        """The first element of a test id, or of a locator, once it is visible."""
        found = self._locator(where).first
        found.wait_for()
        return found

    def texts(self, where: str | Locator) -> list[str]:
        """What is to be read in each visible element now, without waiting for any."""
        return list(self._locator(where).evaluate_all(_TEXTS))

    def shows(self, where: str | Locator, *words: Words) -> str:
        """The text of the first visible element once it holds each of these words or patterns."""

        def holds(text: str | None) -> bool:
            return text is not None and all(_in(text, word) for word in words)

        def read() -> str | None:
            return next(iter(self.texts(where)), None)

        text = self.comes_to(read, holds, f"{list(words)} in {where}")
        assert text is not None
        return text

    def lacks(self, where: str | Locator, *words: Words) -> None:
        """Return once no visible element holds any of these words; no words: once there is none."""

        def without(texts: list[str]) -> bool:
            return not any(_in(text, word) for text in texts for word in words or ("",))

        self.comes_to(lambda: self.texts(where), without, f"no {list(words)} in {where}")

    def count(self, where: str | Locator, wanted: int) -> None:
        """Return once there are so many."""
        found = self._locator(where)
        self.comes_to(found.count, lambda count: count == wanted, f"{wanted} of {where}")

    def store(self, expression: str) -> Any:
        """A value of the page's own store now; `h` is its debug handle.

        None as long as something on the way to it is not there.
        """
        return self.page.evaluate(_STORE.replace("EXPRESSION", expression))

    def known(self, expression: str) -> Any:
        """A value of the store once it is there and true."""
        return self.until(lambda: self.store(expression), f"{expression} in the store")

    def matches(self, expression: str, wanted: Any) -> None:
        """Return once a value of the store equals this."""
        self.comes_to(
            lambda: self.store(expression),
            lambda value: bool(value == wanted),
            f"{expression} equal to {wanted!r}",
        )

    def address(self, words: Words) -> str:
        """The page's address once it holds these words; a pattern: what it matched."""
        url = self.comes_to(self.url, lambda url: _in(url, words), f"{words} in the address")
        found = re.search(words, url) if isinstance(words, re.Pattern) else None
        return found[0] if found else url

    def leaves(self, words: str) -> None:
        """Return once the page's address holds these words no more."""
        self.comes_to(self.url, lambda url: words not in url, f"an address without {words}")

    def url(self) -> str:
        """The page's address now."""
        return str(self.page.evaluate("location.href"))

    def is_at(self, words: Words) -> bool:
        """Whether the page's address holds these words now."""
        return _in(self.url(), words)

    def states(self) -> list[int] | None:
        """The state of every cell of the mapping on screen, from the page's own arrays."""
        got = self.store("h.mapping.complete ? [...h.mapping.columns.state] : null")
        return None if got is None else list(got)

    def cells(self, wanted: list[int] | None = None) -> list[int]:
        """The states of all cells once they are there, and these if some are given."""
        states = self.comes_to(
            self.states,
            lambda states: states is not None and wanted in (None, states),
            "the cells of the mapping" if wanted is None else f"cells in states {wanted}",
        )
        assert states is not None
        return states

    def place_of(self, cell: int) -> Point:
        """The middle of a cell once it is in sight; it may move until the page stands still."""
        at = self.known(f"h.mapping.centerOf({cell})")
        return Point(at["x"], at["y"])

    def point_at(self, cell: int) -> Point:
        """Move the mouse to a cell until the tooltip speaks of that cell; where that is."""
        at: list[Point] = []

        def aim() -> None:
            at[:] = [self.place_of(cell)]
            # From beside it: an event comes only of a mouse that moves.
            self.page.mouse.move(at[0].x, at[0].y - 1)
            self.page.mouse.move(*at[0])

        self.again(aim, lambda: self.cell_in_tooltip() == cell, f"the pointer at cell {cell}")
        return at[0]

    def click_cell(self, cell: int) -> None:
        """Click a cell until it is the one in the address."""
        chosen = re.compile(rf"[?&]cells={cell}(?![-0-9])")
        self.again(
            lambda: self.page.mouse.click(*self.point_at(cell)),
            lambda: self.is_at(chosen),
            f"cell {cell} selected",
        )

    def follow(self, link: Locator, words: str) -> None:
        """Click a link until the address holds these words: what shows it may be drawn anew."""
        self.again(
            lambda: self.seen(link).click(), lambda: self.is_at(words), f"the way to {words}"
        )

    def drag(self, first: int, last: int, true: Callable[[], Found], what: str) -> Found:
        """Drag the mouse from a little above one cell to a little below another, until `true()`."""

        def across() -> None:
            # Something else may have come of the time before, if the page moved meanwhile.
            if not self.store(f"h.mapping.centerOf({first})"):
                self.seen("zoom-home").click()
            one, other = self.point_at(first), self.place_of(last)
            self.page.mouse.move(one.x, one.y - DRAG_PX)
            self.page.mouse.down()
            self.page.mouse.move(other.x, other.y + DRAG_PX, steps=5)
            self.page.mouse.up()

        return self.again(across, true, what)

    def go_to_cell(self, cell: int) -> None:
        """Move to a cell by keyboard."""
        canvas = self.seen("heatmap-canvas")

        def step() -> None:
            canvas.focus()
            here = self.cell_in_tooltip()
            if here is None:
                self.page.keyboard.press("ArrowRight")
            else:
                for _ in range(abs(cell - here)):
                    self.page.keyboard.press("ArrowRight" if here < cell else "ArrowLeft")

        # What a key does is awaited before another is pressed, or both would count.
        self.again(step, lambda: self.cell_in_tooltip() is not None, "a cell by keyboard")
        self.again(step, lambda: self.cell_in_tooltip() == cell, f"cell {cell} by keyboard")

    def cell_in_tooltip(self) -> int | None:
        """Which cell the tooltip speaks of; None without a tooltip, or where there is no cell."""
        for text in self.texts("tooltip"):
            if found := re.match(r"\s*cell ([\d,]+)", text):
                return int(found[1].replace(",", ""))
        return None

    def rings(self, name: str, cell: int) -> None:
        """Return once the middle of a cell is in the frame of this test id."""
        frame = f"document.querySelector('[data-testid={name}]').getBoundingClientRect()"
        self.matches(
            f"((at, frame) => at.x > frame.left && at.x < frame.right"
            f" && at.y > frame.top && at.y < frame.bottom)(h.mapping.centerOf({cell}), {frame})",
            True,
        )

    def painted(self, cell: int) -> Color:
        """The colour of a cell once it is that of its class, and no flash of a change any more."""
        wanted = f"h.mapping.paints[h.mapping.paint[{cell}]].color"
        color = self.until(lambda: self._same(self.color_of(cell), self.store(wanted)), "its paint")
        assert color is not None
        return color

    @staticmethod
    def _same(color: Color | None, wanted: str | None) -> Color | None:
        return color if color and "#{:02x}{:02x}{:02x}".format(*color) == wanted else None

    def color_of(self, cell: int) -> Color | None:
        """What the map's canvas shows in the middle of a cell now; None while nothing is there."""
        color = self.page.evaluate(COLOR, cell)
        return None if color is None else Color(*color)


def _in(text: str, words: Words) -> bool:
    if isinstance(words, str):
        return words in text
    return words.search(text) is not None
