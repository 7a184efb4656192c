"""A host's report on the screen: findings that lead to cells, accounts in numbers, one page.

The hosts are those of the front end's own synthetic server, so that every panel has something to
show; reports of real agents come over the same socket.
"""

import re
from collections.abc import Iterator

import pytest

from tests.browser.screen import Screen
from tests.browser.synthetic import BUFFERS, FINDINGS, HOST, LARGE, OTHER_HOST, synthetic_server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """The synthetic server's address."""
    with synthetic_server() as address:
        yield address


def test_a_finding_leads_to_its_cells(screen: Screen, base: str) -> None:
    screen.open(base + HOST)
    screen.shows("findings", "critical 1")
    screen.seen("findings").get_by_text("critical 1").click()
    screen.count("finding", 1)
    line = screen.seen("finding")
    line.locator("summary").focus()
    screen.page.keyboard.press("Enter")
    screen.seen("place")
    screen.shows(line, "machine check")
    line.get_by_test_id("place").click()
    screen.address(re.compile(r"[?&]cells=47$"))
    screen.cells()
    screen.shows("page", "cell 47")
    screen.shows("page-state", "poisoned")
    screen.rings("selected-cells", 47)


def test_a_finding_says_where_a_mapping_is_no_more(screen: Screen, base: str) -> None:
    screen.open(base + HOST)
    screen.seen("findings").get_by_text("warning 1").click()
    screen.count("finding", 1)
    line = screen.seen("finding")
    line.locator("summary").click()
    screen.shows(line, "not among this host")
    screen.count(line.get_by_test_id("place"), 1)


def test_findings_come_forty_at_a_time_and_an_empty_list_says_when(
    screen: Screen, base: str
) -> None:
    screen.open(base + HOST)
    total = screen.known("h.report.findings.length")
    assert total > 40
    screen.count("finding", 40)
    screen.seen("findings").get_by_text("show more").click()
    screen.count("finding", total)
    screen.open(base + OTHER_HOST)
    screen.shows("no-findings", re.compile(r"No findings\. Looked at \d{4}-\d\d-"))


def test_the_account_shows_every_number_of_the_report(screen: Screen, base: str) -> None:
    screen.open(base + HOST)
    panel = screen.seen(screen.page.locator("[data-testid=account][data-size='2097152']"))
    accounts = screen.known("h.report.accounts.filter(one => one.page_size === 2097152)")
    rows = {
        key: ["unknown" if one[key] is None else f"{one[key]:,}" for one in accounts]
        for key in ("total", "free", "mapped", "poisoned", "reserved", "surplus")
    }
    rows["fd"] = ["1,536", "unknown", "1,000"]
    for key, wanted in rows.items():
        found = panel.locator(f"tr[data-part={key}] td")
        screen.until(lambda: screen.texts(found) == wanted, f"{key}: {wanted}")  # noqa: B023
    screen.count(panel.get_by_role("img"), len(accounts))
    panel.get_by_text("kept without page tables").click()
    screen.shows(panel, "/dev/hugepages/spdk_pid31337map_0")


def test_a_torn_look_says_so(screen: Screen, base: str) -> None:
    screen.open(base + HOST)
    screen.matches("h.report.accounts[0].torn", 5)
    # The synthetic host is no live one: nothing moved in it while it was looked at.
    screen.shows("torn", "The counters and page tables of this capture differ by 5 pages.")


def test_a_click_asks_who_maps_a_cell(screen: Screen, base: str) -> None:
    screen.open(base + BUFFERS)
    screen.cells()
    screen.click_cell(5)
    counts = re.compile(r"mapcount \(kernel\)\s+1\s+mappers\s+2\s+processes\s+2")
    screen.shows("page-counts", counts)
    screen.count(screen.page.get_by_test_id("mapped-by").locator("tbody tr"), 2)
    screen.shows("mapped-by", "not among this host")
    screen.go_to_cell(6)
    screen.page.keyboard.press("Enter")
    screen.address(re.compile(r"[?&]cells=6$"))
    screen.shows("page", re.compile(r"cell 6\b"))


def test_a_link_moves_a_zoomed_map_to_its_cells(screen: Screen, base: str) -> None:
    screen.open(base + FINDINGS)
    screen.cells()
    zoomed = "h.mapping.centerOf(600) && !h.mapping.centerOf(300)"
    screen.drag(600, 650, lambda: screen.store(zoomed), "only a part in sight")
    screen.seen("mapping-findings").locator("summary").first.click()
    screen.seen("finding").locator("summary").click()
    screen.seen("place").click()
    screen.place_of(300)
    screen.shows("page", "cells 300 to 449")


def test_a_large_page_can_be_looked_into(screen: Screen, base: str) -> None:
    screen.open(f"{base}{LARGE}?cells=0")
    screen.shows("parts", "512 × 2 MiB", "60 inferred")
    strip = screen.seen("parts").locator("canvas")
    screen.again(
        lambda: strip.click(position={"x": 105, "y": 5}) if strip.count() else None,
        lambda: screen.is_at("part="),
        "the inside of a chunk",
    )
    screen.address(re.compile(r"[?&]part=10\b"))
    screen.matches("[h.mapping.level, h.mapping.parts.length]", ["pte", 512])
    screen.page.go_back()
    screen.shows("parts", "512 × 2 MiB")


@pytest.mark.parametrize("where", [HOST, f"{LARGE}?cells=0", f"{BUFFERS}?cells=3000-4095"])
def test_nothing_sticks_out_of_a_narrow_window(screen: Screen, base: str, where: str) -> None:
    screen.page.set_viewport_size({"width": 390, "height": 844})
    screen.open(base + where)
    screen.seen("account" if where == HOST else "page")
    closed = screen.page.locator("[data-testid=listing]:not([open]) > summary")

    def unfolded() -> bool:
        if closed.count() > 0:
            closed.first.click()
        return closed.count() == 0

    screen.until(unfolded, "every listing unfolded")
    screen.matches("document.documentElement.scrollWidth <= innerWidth", True)
