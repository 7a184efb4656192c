"""The screen of a migration in every phase: what axe-core finds, and that all fits into it."""

import pytest

from tests.browser.conftest import BOTH_THEMES
from tests.browser.made_migration import MadeMigration, made_migration
from tests.browser.migration_screen import open_migration
from tests.browser.screen import Screen
from tests.browser.test_accessibility import check

pytestmark = [pytest.mark.browser, BOTH_THEMES]

PAGES, SMALL = 64, 16
# A phone, and 1280 x 800 at 200 %.
NARROW = ((390, 844), (640, 400))


def is_in(screen: Screen, phase: str) -> None:
    """Look at the screen once it is in this phase."""
    screen.page.set_viewport_size({"width": 1280, "height": 800})
    screen.shows("phase", phase)
    screen.seen("figures")
    check(screen, phase)
    for width, height in NARROW:
        screen.page.set_viewport_size({"width": width, "height": height})
        screen.matches(
            f"innerWidth === {width} && document.documentElement.scrollWidth <= {width}", True
        )


def opened(screen: Screen, made: MadeMigration) -> None:
    """Open the migration; nothing on it moves by itself. Both ends are drawn, before one leaves."""
    screen.page.emulate_media(reduced_motion="reduce")
    open_migration(screen, made.by_hand)


def test_from_waiting_to_done(screen: Screen) -> None:
    with made_migration((PAGES, SMALL)) as made:
        opened(screen, made)
        is_in(screen, "waiting")
        made.put("destination", range(30))
        is_in(screen, "pre-copy")
        made.flags("um")
        made.put("destination", range(10), "hole")
        screen.shows("collapse", "punched out")
        made.put("destination", range(8))
        made.fault(9)
        made.qmp("source", status="postcopy-active", mbps=800.0)
        screen.seen("dark-cell")
        is_in(screen, "post-copy")
        made.put("destination", range(PAGES))
        made.put("destination", range(SMALL), block=1)
        made.flags()
        is_in(screen, "done")


def test_cancelled(screen: Screen) -> None:
    with made_migration((PAGES,)) as made:
        made.put("destination", range(30))
        opened(screen, made)
        screen.shows("phase", "pre-copy")
        made.end("destination")
        is_in(screen, "cancelled")


def test_failed_and_then_the_agent_goes(screen: Screen) -> None:
    with made_migration((PAGES,)) as made:
        made.put("destination", range(30))
        made.flags("um")
        opened(screen, made)
        screen.shows("phase", "post-copy")
        made.end("source")
        is_in(screen, "failed")
        made.end_agent()
        screen.shows("end-gone", "source and the destination are gone")
        check(screen, "its agent is away")
