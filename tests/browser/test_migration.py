"""The screen of a migration: both ends page by page, on a real server with a made-up host."""

import re
from collections.abc import Iterator

import pytest

from tests.browser.made_migration import MadeMigration, made_migration
from tests.browser.made_migration_agent import DESTINATION, GIB, HOST, NAME, SOURCE
from tests.browser.migration_screen import (
    DARK,
    DEMANDED,
    PAGES,
    PER_ROW,
    PRECOPIED,
    PUNCHED,
    SEEN,
    SIDES,
    SWEPT,
    in_postcopy,
    open_migration,
    pane,
    place_of,
    point_at,
    rings,
)
from tests.browser.screen import Screen

pytestmark = pytest.mark.browser

MAPPED, HOLE = 1, 0
INSIDE = """name => {
    const figure = document.querySelector(`[data-testid=${name}]`);
    const [outer, inner] = [figure, figure.querySelector(".plot .main-svg")]
        .map(one => one.getBoundingClientRect());
    return inner.height > 100 && inner.top >= outer.top && inner.bottom <= outer.bottom
        && inner.left >= outer.left && inner.right <= outer.right + 1;
}"""


@pytest.fixture
def made() -> Iterator[MadeMigration]:
    """Both ends, the destination still empty."""
    with made_migration((PAGES, 64)) as migration:
        yield migration


def test_it_is_found_in_the_overview_and_goes_through_its_phases(
    screen: Screen, made: MadeMigration
) -> None:
    screen.open(made.base)
    made.put("destination", range(40))
    screen.shows("migrations", NAME, f"{HOST} {SOURCE}", f"{HOST} {DESTINATION}")
    screen.follow(screen.seen("migrations").get_by_role("link", name=NAME), "#/migration/")
    screen.shows("phase", "pre-copy")
    screen.shows("paired-by", "same UUID", "-incoming")
    screen.seen("source-banner")
    screen.shows("present-source", f"{PAGES} of {PAGES}")
    screen.shows("present-destination", f"40 of {PAGES}")
    made.flags("um")
    screen.shows("registered-destination", "um: missing faults")
    screen.shows("phase", "post-copy")
    screen.shows("phases", "waiting", "pre-copy", "switch-over", "post-copy", "seen")
    made.put("destination", range(40, PAGES))
    made.put("destination", range(64), block=1)
    made.flags()
    screen.shows("phase", "done")
    screen.shows("figure-time-left", "nothing is left")
    screen.shows("figure-sweep", "0 pages/s")
    made.end("source")
    screen.shows("gone-source", "gone")
    screen.shows("end-gone", "source is gone")
    screen.shows("present-source", f"{PAGES} of {PAGES}")


def test_both_ends_are_drawn_as_they_are(screen: Screen, made: MadeMigration) -> None:
    in_postcopy(made)
    open_migration(screen, made.by_hand)
    here = set(PRECOPIED) - set(PUNCHED) | set(SWEPT) | {DEMANDED, SEEN}
    screen.matches("[...h.migration.source.columns.state]", [MAPPED] * PAGES)
    screen.matches(
        "[...h.migration.destination.columns.state]",
        [MAPPED if cell in here else HOLE for cell in range(PAGES)],
    )
    screen.matches(
        f"h.migration.destination.entryOf({PER_ROW + 3})",
        {"row": 1, "column": 3},
    )
    screen.shows("figure-left", f"{PAGES + 64 - len(here)} pages")
    screen.shows("figure-precopied", f"{len(PRECOPIED)} pages")
    screen.shows("figure-punched", f"{len(PUNCHED)} pages")
    screen.address(f"pair={HOST}")


def test_what_is_pointed_at_on_one_side_is_ringed_on_the_other(
    screen: Screen, made: MadeMigration
) -> None:
    in_postcopy(made)
    open_migration(screen, made.by_hand)
    for side, other in (SIDES, SIDES[::-1]):
        point_at(screen, side, 100)
        rings(screen, side, "ring-own", 100)
        rings(screen, other, "ring-linked", 100)
        screen.shows("readout", "page 100 of ram-node0", "0xc800000", "hole")
    screen.again(
        lambda: screen.page.mouse.click(*point_at(screen, "source", 30)),
        lambda: screen.is_at("cells=30"),
        "page 30 selected",
    )
    screen.page.mouse.move(1, 1)
    rings(screen, "destination", "ring-selected", 30)
    rings(screen, "source", "ring-selected", 30)
    screen.page.keyboard.press("Escape")
    screen.leaves("cells=")


def test_the_charts_stay_in_their_place(screen: Screen, made: MadeMigration) -> None:
    in_postcopy(made)
    open_migration(screen, made.by_hand)
    screen.page.locator(".mig-charts").scroll_into_view_if_needed()
    for name in ("arrivals", "present", "left"):
        chart = screen.seen(f"chart-{name}")
        screen.seen(chart.locator(".plot .main-svg"))
        screen.matches(f"({INSIDE})('chart-{name}')", True)


def test_a_new_round_keeps_the_maps_and_the_focus(screen: Screen) -> None:
    with made_migration((8,), simulated=True) as made:
        made.put("destination", range(8))
        open_migration(screen, made.by_hand)
        screen.shows("phase", "done")
        screen.shows("simulated", "SIMULATED")
        screen.matches("h.migration.logged", 8)
        pane(screen, "source").get_by_test_id("heatmap-canvas").focus()
        made.put("destination", range(8), "hole")
        screen.shows("phase", "waiting")
        made.put("destination", [5])
        screen.shows("phase", "post-copy")
        screen.matches("h.migration.logged", 1)
        screen.matches("document.activeElement.id", "mig-cells-source")
        for side in SIDES:
            made.end("source" if side == "source" else "destination")
        screen.shows("end-gone", "source and the destination are gone")
        # No process is there any more that could tell it.
        screen.shows("simulated", "SIMULATED")
        screen.seen("source-banner")


def test_faults_that_are_not_watched_yet_and_that_cannot_be(screen: Screen) -> None:
    with made_migration((64,), watched=False) as made:
        made.put("destination", range(10))
        open_migration(screen, made.by_hand)
        screen.shows("no-faults", "not watched yet")
        screen.shows("figure-faults", "not watched yet")
        made.limit("perf_event_open gives no page faults")
        screen.shows("no-faults", "cannot be seen: perf_event_open gives no page faults")
        screen.shows("figure-faults", "cannot be seen")


def test_a_log_that_does_not_come_is_told_of(screen: Screen, made: MadeMigration) -> None:
    in_postcopy(made)
    screen.page.route("**/arrivals?*", lambda route: route.fulfill(status=500))
    open_migration(screen, f"{made.by_hand}&color=arrival")
    screen.shows("log-gap", "status 500", "not all of it")
    screen.lacks("order-legend")
    screen.page.unroute("**/arrivals?*")
    made.put("destination", [DARK])
    screen.lacks("log-gap")
    screen.seen("order-legend")


def test_zoom_is_one_for_both_and_stands_in_the_address(
    screen: Screen, made: MadeMigration
) -> None:
    in_postcopy(made)
    open_migration(screen, made.by_hand)
    screen.page.get_by_test_id("mig-zoom-in").click()
    screen.address("x=4-12")
    for side in SIDES:
        screen.matches(f"h.migration.{side}.centerOf(0)", None)
        screen.known(f"h.migration.{side}.centerOf({8 * PER_ROW + 8})")
    at = place_of(screen, "source", 8 * PER_ROW + 8)
    screen.page.mouse.move(*at)
    screen.page.mouse.wheel(0, 600)
    screen.leaves("x=4-12")
    screen.page.get_by_test_id("mig-home").click()
    screen.leaves("x=")
    for side in SIDES:
        screen.known(f"h.migration.{side}.centerOf(0)")
    open_migration(screen, f"{made.by_hand}&x=0-8&y=0-8")
    for side in SIDES:
        screen.known(f"h.migration.{side}.centerOf(0)")
        screen.matches(f"h.migration.{side}.centerOf({PAGES - 1})", None)


def test_order_of_arrival_and_what_was_demanded(screen: Screen, made: MadeMigration) -> None:
    in_postcopy(made)
    open_migration(screen, f"{made.by_hand}&color=arrival")
    screen.shows("order-legend", "seconds after the switch-over")
    screen.matches("h.migration.destination.keyOf(0)", "before")
    screen.matches(f"h.migration.destination.keyOf({SWEPT[0]})", "order-1")
    screen.matches(f"h.migration.destination.keyOf({DARK})", "no-page")
    screen.matches("h.migration.source.keyOf(0)", "mapped")
    screen.shows("mig-legend", "demanded, inferred from the order", "demanded, a fault was seen 1")
    screen.shows("demanded", re.compile(rf"{SEEN}\s.*fault seen"))
    point_at(screen, "destination", SEEN)
    screen.shows("readout", "demanded (a fault was seen)", "missing for")
    point_at(screen, "destination", SWEPT[5])
    screen.shows("readout", "in order (inferred)")


def test_a_dark_page_is_plain_and_counts(screen: Screen, made: MadeMigration) -> None:
    in_postcopy(made)
    open_migration(screen, made.by_hand)
    screen.shows("dark-count", "1")
    rings(screen, "destination", "dark-cell", DARK)
    row = screen.page.get_by_test_id("demanded").locator("tbody tr").first

    def dark_s() -> float:
        found = re.search(r"(?:(\d+) min)? ?(?:([\d.]+) s)?\s+dark", screen.shows(row, "dark"))
        assert found is not None
        return 60 * float(found[1] or 0) + float(found[2] or 0)

    first = dark_s()
    screen.comes_to(dark_s, lambda now: now > first, "a longer time of darkness")
    made.put("destination", [DARK])
    screen.lacks("dark-count")
    screen.lacks("dark-cell")
    screen.shows("demanded", re.compile(rf"{DARK}\s.*fault seen"))


def test_blocks_are_chosen(screen: Screen, made: MadeMigration) -> None:
    made.put("destination", range(10), block=1)
    open_migration(screen, f"{made.by_hand}&cells=3")
    screen.page.get_by_test_id("block").select_option("1")
    screen.address("block=1")
    screen.leaves("cells=")
    screen.shows("present-destination", "10 of 64")
    point_at(screen, "source", 0)
    screen.shows("readout", "page 0 of ram-node1", "0x20000000")


@pytest.mark.parametrize("side", SIDES)
def test_an_end_that_is_killed_leaves_nothing_in_flight(
    screen: Screen, made: MadeMigration, side: str
) -> None:
    in_postcopy(made)
    open_migration(screen, made.by_hand)
    screen.shows("dark-count", "1")
    made.end("source" if side == "source" else "destination")
    screen.shows("phase", "failed")
    screen.shows(f"gone-{side}", "gone")
    screen.shows("figure-time-left", "–")
    screen.shows("figure-demand", "0 pages/s")
    screen.matches(f"h.migration.{side}.complete", True)


def test_what_qemu_says_stands_beside(screen: Screen, made: MadeMigration) -> None:
    in_postcopy(made)
    open_migration(screen, made.by_hand)
    screen.lacks("qmp")
    made.qmp("source", status="postcopy-active", run_state="finish-migrate", mbps=800.0)
    screen.shows("qmp", "postcopy-active", "finish-migrate", "not asked")


def test_the_agent_goes_and_then_the_server_and_the_last_picture_stays(
    screen: Screen, made: MadeMigration
) -> None:
    in_postcopy(made)
    open_migration(screen, made.by_hand)
    made.end_agent()
    screen.shows("end-gone", "its agent is away")
    made.end_server()
    screen.shows("notice", "server is away")
    screen.matches("h.migration.destination.complete", True)
    screen.shows("present-source", f"{PAGES} of {PAGES}")


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ("/abc", "no_such_migration"),
        (f"?pair={HOST}:{SOURCE},{HOST}:99", "no_such_process"),
        (f"?pair=nowhere:{SOURCE},{HOST}:{DESTINATION}", "no_such_process"),
    ],
)
def test_what_is_not_there_is_explained(
    screen: Screen, made: MadeMigration, where: str, code: str
) -> None:
    screen.open(f"{made.base}/#/migration{where}")
    screen.seen(screen.page.locator(f"[data-testid=missing][data-code={code}]"))
    screen.shows("what-to-type", "hugescope demo", "hugescope agent --server", "?pair=")
    for nonsense in ("/NO", "?pair=", "?pair=a:b,c", f"?pair={HOST}:{SOURCE},{HOST}:{SOURCE}"):
        screen.open(f"{made.base}/#/migration{nonsense}")
        screen.shows("unknown-route", nonsense, "names no migration")
        screen.shows("what-to-type", "?pair=HOST:PID,HOST:PID")
    screen.open(f"{made.base}/#/migration")
    screen.shows("what-to-type", "hugescope demo")
    screen.lacks("what-to-type", "No migration is seen")
    made.end_server()
    screen.shows("waiting", "Waiting for the server")


def test_the_one_dark_page_of_a_gibibyte(screen: Screen) -> None:
    with made_migration((4,), GIB) as made:
        made.put("destination", [0])
        made.flags("um")
        made.fault(2)
        open_migration(screen, made.by_hand)
        rings(screen, "destination", "dark-cell", 2)
        screen.shows("dark-cell", re.compile(r"\d s"))
        screen.shows("what-if", "computed, not seen")
        made.put("destination", [2])
        screen.lacks("dark-cell")
        screen.shows("demanded", re.compile(r"2\s+0x80000000\s"), "fault seen")
