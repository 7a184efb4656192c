"""axe-core on every screen, in both themes and two widths: no serious and no critical violation.

Beside what is drawn it sees names, roles, focus and contrast, so that nobody has to remember them.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import BOTH_THEMES
from tests.browser.made import MadeServer, open_map
from tests.browser.made_agent import HOST as MADE_HOST
from tests.browser.made_agent import LARGE as MADE_LARGE
from tests.browser.made_agent import RAM, TERA, VM, WIDE
from tests.browser.made_migration import MadeMigration, made_migration
from tests.browser.screen import Screen
from tests.browser.synthetic import BUFFERS, FINDINGS, HOST, LARGE, act, synthetic_server

pytestmark = [pytest.mark.browser, BOTH_THEMES]

AXE = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"
SIZES = {"wide": (1280, 800), "narrow": (390, 844)}

RUN_AXE = """async rules => {
    const options = {resultTypes: ["violations"]};
    if (rules) options.runOnly = rules;
    const {violations} = await axe.run(document, options);
    return violations
        .filter(one => one.impact === "serious" || one.impact === "critical")
        .flatMap(({id, nodes}) => nodes.map(node => [id, node.html, node.failureSummary]));
}"""


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """The synthetic server's address."""
    with synthetic_server() as address:
        yield address


def _overview(screen: Screen, base: str) -> None:
    screen.open(base)
    screen.seen("processes")


def _no_host(screen: Screen, base: str) -> None:
    act(base, "no-hosts")
    screen.open(base)
    screen.shows("connection", "live")
    screen.matches("h.hosts.length", 0)


def _many_hosts(screen: Screen, base: str) -> None:
    act(base, "many-hosts")
    screen.open(base)
    screen.matches("h.hosts.length > 60", True)


def _host(screen: Screen, base: str) -> None:
    screen.open(base + HOST)
    screen.seen("findings")
    screen.seen("account")


def _finding(screen: Screen, base: str) -> None:
    _host(screen, base)
    screen.seen("findings").get_by_text("critical 1").click()
    screen.count("finding", 1)
    screen.seen("finding").locator("summary").click()
    screen.seen("place")


def _gone(screen: Screen, base: str) -> None:
    screen.open(base + BUFFERS)
    screen.cells()
    act(base, "host-gone")
    screen.seen("notice")


def _map(where: str) -> Callable[[Screen, str], None]:
    def go(screen: Screen, base: str) -> None:
        screen.open(base + where)
        screen.cells()
        screen.seen("legend")

    return go


def _drawer(where: str, *words: str) -> Callable[[Screen, str], None]:
    def go(screen: Screen, base: str) -> None:
        screen.open(base + where)
        screen.cells()
        screen.shows("page", *words)

    return go


SCREENS: dict[str, Callable[[Screen, str], None]] = {
    "no host": _no_host,
    "overview": _overview,
    "many hosts": _many_hosts,
    "host": _host,
    "finding": _finding,
    "map by state": _map(FINDINGS),
    "map by mapcount": _map(f"{BUFFERS}?color=mapcount"),
    "map by mappers": _map(f"{BUFFERS}?color=mappers"),
    "map by node": _map(f"{BUFFERS}?color=node"),
    "page": _drawer(f"{BUFFERS}?cells=5", "mapcount"),
    "page of 1 GiB": _drawer(f"{LARGE}?cells=0", "512"),
    "host gone": _gone,
}


def _made_host(screen: Screen, made: MadeServer) -> None:
    screen.open(f"{made.base}/#/host/{MADE_HOST}")
    screen.seen("charts-section").scroll_into_view_if_needed()
    screen.seen("charts")


def _made_map(mapping: int, query: str, *seen: str) -> Callable[[Screen, MadeServer], None]:
    def go(screen: Screen, made: MadeServer) -> None:
        pid = WIDE if mapping == TERA else VM
        open_map(screen, made.map_of(pid, mapping, query))
        for name in ("legend", *seen):
            screen.seen(name)

    return go


def _dialog(key: str) -> Callable[[Screen, MadeServer], None]:
    def go(screen: Screen, made: MadeServer) -> None:
        open_map(screen, made.map_of(VM, RAM)).focus()
        screen.page.keyboard.press(key)
        screen.seen(screen.page.get_by_role("dialog"))

    return go


MADE_SCREENS: dict[str, Callable[[Screen, MadeServer], None]] = {
    "charts": _made_host,
    "map by age": _made_map(RAM, "?color=age"),
    "page tables": _made_map(TERA, "?level=pud", "minimap"),
    "half a million cells": _made_map(TERA, ""),
    "filtered": _made_map(RAM, "?show=poisoned,migrating", "show-all"),
    "drawer": _made_map(RAM, "?cells=5", "page-state"),
    "drawer of many": _made_map(RAM, "?cells=5-900", "page"),
    "entries of a page": _made_map(RAM, "?level=pte&cells=2050"),
    "chunks of a page": _made_map(MADE_LARGE, "?level=pmd&cells=1"),
    "extents": _made_map(RAM, "?panel=extents", "extent-table"),
    "help": _dialog("?"),
    "go to": _dialog("g"),
    "export": _dialog("e"),
}


def _migrations(screen: Screen, made: MadeMigration) -> None:
    screen.open(made.base)
    screen.seen("migrations")


def _no_such_migration(screen: Screen, made: MadeMigration) -> None:
    screen.open(f"{made.base}/#/migration/none")
    screen.seen("missing")


def _migration(query: str) -> Callable[[Screen, MadeMigration], None]:
    def go(screen: Screen, made: MadeMigration) -> None:
        screen.open(made.by_hand + query)
        for side in ("source", "destination"):
            screen.known(f"h.migration.{side}.complete")
        for name in ("dark-cell", "qmp", "demanded"):
            screen.seen(name)

    return go


MIGRATION_SCREENS: dict[str, Callable[[Screen, MadeMigration], None]] = {
    "migrations": _migrations,
    "no such migration": _no_such_migration,
    "migration": _migration("&cells=3-40"),
    "order of arrival": _migration("&color=arrival"),
}


@pytest.fixture(scope="module")
def migrating() -> Iterator[MadeMigration]:
    """A server with a migration in post-copy, of which one page is missing."""
    with made_migration((64, 16)) as migration:
        migration.put("destination", range(30))
        migration.flags("um")
        migration.put("destination", range(10), "hole")
        migration.put("destination", range(8))
        migration.fault(9)
        migration.qmp("source", status="postcopy-active")
        yield migration


@pytest.mark.parametrize("name", list(MIGRATION_SCREENS))
def test_no_serious_violation_of_a_migration(
    screen: Screen, migrating: MadeMigration, name: str
) -> None:
    screen.page.emulate_media(reduced_motion="reduce")
    MIGRATION_SCREENS[name](screen, migrating)
    check(screen, name)


@pytest.mark.parametrize("name", list(SCREENS))
def test_no_serious_violation(screen: Screen, base: str, name: str) -> None:
    act(base, "reset")
    screen.page.emulate_media(reduced_motion="reduce")
    SCREENS[name](screen, base)
    check(screen, name)


@pytest.mark.parametrize("name", list(MADE_SCREENS))
def test_no_serious_violation_of_what_is_interactive(
    screen: Screen, made: MadeServer, name: str
) -> None:
    screen.page.emulate_media(reduced_motion="reduce")
    MADE_SCREENS[name](screen, made)
    check(screen, name)


def check(screen: Screen, name: str) -> None:
    """The screen as it is, in each width."""
    screen.page.evaluate(AXE.read_text())
    for size, (width, height) in SIZES.items():
        screen.page.set_viewport_size({"width": width, "height": height})
        screen.matches("innerWidth", width)
        # What is found in the moment of a change is looked at again; what stays is a fault.
        screen.comes_to(
            lambda: list(screen.page.evaluate(RUN_AXE)),
            lambda violations: violations == [],
            f"no violation on the {size} screen: {name}",
        )
