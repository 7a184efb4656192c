"""A process that calls itself, and its memory, markup and escape sequences: the screen shows the
text, makes no element of it, and complains of nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import ConsoleMessage

from tests.browser.live import Live, up
from tests.browser.screen import Screen
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.puppets import Puppet, puppet

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

COMM = "<img src=x>\x1b[1"
MEMFD = '"><img src=x onerror="document.title=1"><script>1</script>\x1b[31m\u202e{{7*7}}'
MADE = """() => document.querySelectorAll(
    'img[src="x"], [onerror], body script:not([src])').length"""


@pytest.fixture(scope="module")
def hostile() -> Iterator[tuple[Live, Puppet]]:
    with extra_pages(MIB2, 3), up() as live, puppet() as one:
        one.do("memfd", 0, 3, MEMFD)
        one.do("touch", 0, [0, 2])
        one.do("call", COMM)
        yield live, one


def shown_as_text(screen: Screen, words: str) -> None:
    """The words are on the screen as they are, and nothing was made of them."""
    body = screen.page.locator("body")
    screen.until(lambda: words in body.inner_text(), words)
    assert screen.page.evaluate(MADE) == 0


def test_names_are_text_wherever_they_are_shown(
    screen: Screen, hostile: tuple[Live, Puppet]
) -> None:
    live, one = hostile
    errors: list[str] = []

    def hear(said: ConsoleMessage) -> None:
        if said.type == "error":
            errors.append(said.text)

    screen.page.on("console", hear)
    screen.page.on("dialog", lambda dialog: errors.append(dialog.message))
    screen.open(f"{live.base}/")
    shown_as_text(screen, "<img src=x>")
    screen.open(live.map_of(one.pid))
    screen.seen("heatmap-canvas")
    shown_as_text(screen, "<img src=x>")
    screen.until(lambda: "onerror=" in screen.page.content(), "the name of the memory")
    assert screen.page.evaluate(MADE) == 0
    assert screen.page.title() != "1"
    assert errors == []
