"""A migration between two made-up hosts that was recorded, at moments before, in and after it."""

import re
from collections.abc import Iterator

import pytest

from tests import access
from tests.browser.made_migration_agent import DESTINATION, NAME, SOURCE
from tests.browser.made_past_migration import (
    DEMANDED,
    ENDED_S,
    FROM,
    PAGES,
    STARTED_S,
    TO,
    there_at,
    write_migration,
)
from tests.browser.screen import Screen
from tests.browser.test_timeline import at, stands
from tests.kernel.commands import command

pytestmark = pytest.mark.browser

PAIR = f"#/migration?pair={FROM}:{SOURCE},{TO}:{DESTINATION}"
MIDDLE_S = 25
AT_SOURCE, AT_DESTINATION = (
    f"[...h.migration.{side}.columns.state].flatMap((one, at) => one === 1 ? [at] : [])"
    for side in ("source", "destination")
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `hugescope replay` answers."""
    paths = map(str, write_migration(tmp_path_factory.mktemp("recordings")))
    with command("replay", *paths, "--port", "0") as server:
        yield access.base_of(server.line("http://"))


def opened(screen: Screen, base: str, after_s: float, where: str) -> None:
    """Go there, until that moment stands."""
    screen.open(at(base, after_s, where))
    stands(screen, after_s)


def test_its_middle_is_shown_as_it_was(screen: Screen, base: str) -> None:
    opened(screen, base, MIDDLE_S, "#/migration")
    screen.lacks("what-to-type", "hugescope agent")
    screen.follow(screen.page.get_by_role("link", name=NAME), "/migration")
    stands(screen, MIDDLE_S)
    screen.shows("phase", "post-copy")
    screen.matches(AT_DESTINATION, sorted(there_at(MIDDLE_S)))
    screen.matches(AT_SOURCE, list(range(PAGES)))
    # How long the phases lasted: time stands, and so do they.
    screen.shows("phases", "pre-copy 7.0 s", "switch-over 1.0 s", "post-copy 11 s")
    screen.shows("figures", f"{len(there_at(MIDDLE_S))} of {PAGES} pages", "faults seen\n2")
    screen.shows("demanded", *(re.compile(rf"\b{page}\b") for page in DEMANDED.values()))
    screen.settle()
    screen.shows("phases", "post-copy 11 s")


def test_each_moment_has_its_phase_and_its_pages(screen: Screen, base: str) -> None:
    opened(screen, base, 9, PAIR)
    screen.shows("phase", "pre-copy")
    screen.shows("phases", "pre-copy 3.0 s")
    screen.matches(AT_DESTINATION, sorted(there_at(9)))
    slider = screen.seen("time-slider")
    for _ in range(4):
        slider.press("ArrowRight")
    stands(screen, 13)
    screen.shows("phase", "switch-over")
    screen.matches(AT_DESTINATION, sorted(there_at(13)))
    slider.press("End")
    screen.shows("phase", "done")
    screen.shows("end-gone", "The source is gone")
    slider.press("Home")
    stands(screen, 0)
    screen.lacks("phase")


def test_overview_and_map_are_of_the_moment(screen: Screen, base: str) -> None:
    opened(screen, base, MIDDLE_S, "#/")
    percent = round(100 * len(there_at(MIDDLE_S)) / PAGES)
    screen.shows("migrations", NAME, "post-copy", f"{percent} % there")
    link = screen.page.get_by_test_id("processes").last.get_by_role("link").first
    screen.follow(link, f"#/host/{TO}/pid/{DESTINATION}/map/")
    stands(screen, MIDDLE_S)
    screen.matches(
        "[...h.mapping.columns.state].flatMap((one, at) => one === 1 ? [at] : [])",
        sorted(there_at(MIDDLE_S)),
    )
    for after_s, words in ((STARTED_S - 1, "No process maps huge pages"), (ENDED_S + 2, "100 %")):
        opened(screen, base, after_s, f"#/host/{TO}")
        screen.shows("host", words)
