"""Both maps of a migration on the screen, and how a test acts on them."""

import re

from playwright.sync_api import Locator

from tests.browser.made_migration import MadeMigration
from tests.browser.screen import Point, Screen

PAGES = 256
PER_ROW = 16
"""Of a block of so many pages: the panes have no page tables as rows."""
PRECOPIED, PUNCHED = range(180), range(20, 150)
DARK, SWEPT, DEMANDED, SEEN = 200, range(20, 60), 120, 140
SIDES = ("source", "destination")


def in_postcopy(made: MadeMigration) -> None:
    """Some of the pages came, one was asked for and has not come."""
    made.put("destination", PRECOPIED)
    made.flags("um")
    made.put("destination", PUNCHED, "hole")
    for cell in SWEPT[::10]:
        made.put("destination", range(cell, cell + 10))
    made.put("destination", [DEMANDED])
    made.fault(SEEN)
    made.put("destination", [SEEN])
    made.fault(DARK)


def open_migration(screen: Screen, url: str) -> None:
    """Go there, until both ends are drawn and have their axes."""
    screen.open(url)
    for side in SIDES:
        screen.known(f"h.migration.{side}.complete")
        screen.seen(pane(screen, side).locator(".plot .xtick text"))


def pane(screen: Screen, side: str) -> Locator:
    """One of the two maps."""
    return screen.page.get_by_test_id(f"pane-{side}")


def place_of(screen: Screen, side: str, cell: int) -> Point:
    """The middle of a page on one side."""
    at = screen.known(f"h.migration.{side}.centerOf({cell})")
    return Point(at["x"], at["y"])


def rings(screen: Screen, side: str, name: str, cell: int) -> None:
    """Return once the ring of this name is around a page on this side."""
    frame = (
        f"document.querySelector('[data-testid=pane-{side}] [data-testid={name}]')"
        ".getBoundingClientRect()"
    )
    screen.matches(
        f"((at, frame) => at.x > frame.left && at.x < frame.right"
        f" && at.y > frame.top && at.y < frame.bottom)(h.migration.{side}.centerOf({cell}),"
        f" {frame})",
        True,
    )


def point_at(screen: Screen, side: str, cell: int) -> Point:
    """Move the mouse to a page until the line below the maps speaks of it; where that is."""
    at: list[Point] = []
    wanted = re.compile(rf"page {cell}\b")

    def aim() -> None:
        at[:] = [place_of(screen, side, cell)]
        screen.page.mouse.move(at[0].x, at[0].y - 1)
        screen.page.mouse.move(*at[0])

    def there() -> bool:
        return any(wanted.search(text) for text in screen.texts("readout"))

    screen.again(aim, there, f"the pointer at page {cell} of the {side}")
    return at[0]
