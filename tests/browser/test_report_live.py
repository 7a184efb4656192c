"""Findings, accounts and one page, from the real kernel to the screen."""

from collections.abc import Iterator

import pytest

from tests.browser.live import Live, toucher, up
from tests.browser.screen import Screen
from tests.kernel import cases
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.test_report_truth import HELD, account, look

pytestmark = [pytest.mark.browser, pytest.mark.kernel]


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """This machine, for tests that each look at a process of their own."""
    with up() as running:
        yield running


def test_a_shared_table_leads_to_its_cells_and_to_who_maps_them(screen: Screen) -> None:
    # The first report is of the moment when the agent starts, so the case is there before it.
    with (
        extra_pages(MIB2, 3),
        cases.running("table_and_twin", script=HELD) as case,
        up() as (base, host_id),
    ):
        screen.open(f"{base}/#/host/{host_id}")
        line = screen.seen("findings").get_by_test_id("finding")
        shared = line.filter(has_text="in a page table that several processes share")
        table = screen.seen(shared.filter(has_text=f"({case.pid})"))
        table.locator("summary").click()
        table.get_by_test_id("place").first.click()
        screen.cells()
        screen.shows("page", "3 through a shared page table")
        screen.click_cell(0)
        screen.shows("page", "shared page table", *(str(pid) for pid in case.pids))


def test_the_account_on_screen_follows_the_kernel(screen: Screen, live: Live) -> None:
    with toucher() as process:
        screen.open(f"{live.base}/#/host/{live.host_id}")
        panel = screen.page.locator(f"[data-testid=account][data-size='{MIB2}']")
        mapped = panel.locator("tr[data-part=mapped] td").first

        def as_it_is() -> bool:
            return screen.texts(mapped) == [f"{account(look()['report'])['mapped']:,}"]

        # Each time against a look of its own: what else the machine maps may change as well.
        screen.until(as_it_is, "the mapped pages")
        process.touch(3)
        process.touch(4)
        screen.until(as_it_is, "two mapped pages more")


def test_a_click_on_a_cell_asks_the_agent(screen: Screen, live: Live) -> None:
    with toucher() as process:
        process.touch(5)
        screen.open(live.map_of(process.pid) + "?cells=5")
        screen.shows("page", str(process.pid))
        screen.shows("page-state", "mapped")
