"""Findings, accounts and one page, from the real kernel to the screen."""

import pytest

from tests.browser.screen import Screen
from tests.browser.test_live import map_url, toucher, up
from tests.kernel import cases
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.test_report_truth import HELD

pytestmark = [pytest.mark.browser, pytest.mark.kernel]


def test_a_shared_table_leads_to_its_cells_and_to_who_maps_them(screen: Screen) -> None:
    with (
        extra_pages(MIB2, 3),
        cases.running("table_and_twin", script=HELD) as case,
        up() as (base, host_id),
    ):
        screen.open(f"{base}/#/host/{host_id}")
        screen.until(lambda: screen.store("!!h.report"), "the first report")
        line = screen.seen("findings").get_by_test_id("finding")
        shared = line.filter(has_text="in a page table that several processes share")
        table = shared.filter(has_text=f"({case.pid})")
        table.wait_for()
        table.locator("summary").click()
        table.get_by_test_id("place").first.click()
        screen.until(screen.states, "the map of it")
        page = screen.seen("page")
        screen.until(lambda: "shared page table" in page.inner_text(), "who maps it, and how")
        words = page.inner_text()
        assert all(str(pid) in words for pid in case.pids)


def test_the_account_on_screen_follows_the_kernel(screen: Screen) -> None:
    with toucher() as process, up() as (base, host_id):
        screen.open(f"{base}/#/host/{host_id}")
        panel = screen.page.locator(f"[data-testid=account][data-size='{MIB2}']")
        panel.wait_for()
        mapped = panel.locator("tr[data-part=mapped] td").first
        before = int(mapped.inner_text())
        process.touch(3)
        process.touch(4)
        screen.until(lambda: mapped.inner_text() == str(before + 2), "two mapped pages more")


def test_a_click_on_a_cell_asks_the_agent(screen: Screen) -> None:
    with toucher() as process, up() as (base, host_id):
        process.touch(5)
        screen.open(map_url(base, host_id, process.pid) + "?cells=5")
        page = screen.seen("page")
        screen.until(lambda: str(process.pid) in page.inner_text(), "who maps the page")
        assert "mapped" in screen.seen("page-state").inner_text()
