"""A host's report on the screen: findings that lead to cells, accounts in numbers, one page.

The hosts are those of the front end's own synthetic server, so that every panel has something to
show; reports of real agents come over the same socket.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.screen import Screen

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
HOST = "#/host/synthetic-a"
BUFFERS = f"{HOST}/pid/812/map/7f0000000000"
LARGE = f"{HOST}/pid/4242/map/7e8000000000"


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """The synthetic server's address."""
    script = ROOT / "frontend/dev/synthetic_server.py"
    run = [sys.executable, str(script), "--port", "0", "--cells", "4096", "--changes", "10"]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.kill()


def test_a_finding_leads_to_its_cells(screen: Screen, base: str) -> None:
    screen.open(base + HOST)
    findings = screen.seen("findings")
    assert "critical 1" in findings.inner_text()
    findings.get_by_text("critical 1").click()
    line = screen.seen("finding")
    assert screen.page.get_by_test_id("finding").count() == 1
    line.locator("summary").focus()
    screen.page.keyboard.press("Enter")
    screen.seen("place")
    assert "machine check" in line.inner_text()
    line.get_by_test_id("place").click()
    screen.until(lambda: screen.page.url.endswith("?cells=47"), "the cell in the address")
    screen.until(screen.states, "the map of it")
    screen.until(lambda: "cell 47" in screen.seen("page").inner_text(), "its page")
    assert "poisoned" in screen.seen("page-state").inner_text()
    ring = screen.seen("selected-cells").bounding_box()
    center = screen.store("h.mapping.centerOf(47)")
    assert ring is not None
    assert ring["x"] < center["x"] < ring["x"] + ring["width"]
    assert ring["y"] < center["y"] < ring["y"] + ring["height"]


def test_a_finding_says_where_a_mapping_is_no_more(screen: Screen, base: str) -> None:
    screen.open(base + HOST)
    screen.seen("findings").get_by_text("warning 1").click()
    line = screen.seen("finding")
    line.locator("summary").click()
    screen.until(lambda: "not among this host" in line.inner_text(), "what is missing")
    assert line.get_by_test_id("place").count() == 1


def test_findings_come_forty_at_a_time_and_an_empty_list_says_when(
    screen: Screen, base: str
) -> None:
    screen.open(base + HOST)
    findings = screen.seen("findings")
    total = screen.store("h.report.findings.length")
    assert screen.page.get_by_test_id("finding").count() == 40 < total
    findings.get_by_text("show more").click()
    screen.until(lambda: screen.page.get_by_test_id("finding").count() == total, "all of them")
    screen.open(f"{base}#/host/synthetic-b")
    assert re.search(
        r"No findings\. Looked at \d{4}-\d\d-", screen.seen("no-findings").inner_text()
    )


def test_the_account_shows_every_number_of_the_report(screen: Screen, base: str) -> None:
    screen.open(base + HOST)
    panel = screen.page.locator("[data-testid=account][data-size='2097152']")
    panel.wait_for()
    accounts = screen.store("h.report.accounts.filter(one => one.page_size === 2097152)")
    for key in ("total", "free", "mapped", "poisoned", "reserved", "surplus"):
        cells = panel.locator(f"tr[data-part={key}] td").all_inner_texts()
        wanted = ["unknown" if one[key] is None else f"{one[key]:,}" for one in accounts]
        assert cells == wanted, key
    assert panel.locator("tr[data-part=fd] td").all_inner_texts() == ["1,536", "unknown", "1,000"]
    assert panel.get_by_role("img").count() == len(accounts)
    panel.get_by_text("kept without page tables").click()
    screen.until(lambda: "/dev/hugepages/spdk_pid31337map_0" in panel.inner_text(), "the file")


def test_a_torn_look_says_so(screen: Screen, base: str) -> None:
    screen.open(base + HOST)
    screen.until(lambda: screen.store("h.report?.accounts[0].torn") == 5, "a torn look")
    words = screen.until(
        lambda: screen.page.get_by_test_id("torn").all_inner_texts(), "it in plain sight"
    )
    # The synthetic host is no live one: nothing moved in it while it was looked at.
    assert words[0] == "The counters and page tables of this capture differ by 5 pages."


def test_a_click_asks_who_maps_a_cell(screen: Screen, base: str) -> None:
    screen.open(base + BUFFERS)
    screen.until(screen.states, "the map")
    screen.page.wait_for_selector(".plot .xtick text")
    at = screen.store("h.mapping.centerOf(5)")
    screen.page.mouse.click(at["x"], at["y"])
    screen.until(lambda: "?cells=" in screen.page.url, "the cell in the address")
    counts = screen.seen("page-counts").inner_text()
    assert re.search(r"mapcount \(kernel\)\s+1\s+mappers\s+2\s+processes\s+2", counts)
    mappers = screen.seen("mapped-by")
    assert mappers.locator("tbody tr").count() == 2
    assert "not among this host" in mappers.inner_text()
    screen.page.keyboard.press("ArrowRight")
    screen.page.keyboard.press("Enter")
    first = re.compile(r"\?cells=(\d+)$")
    cell = first.search(screen.page.url)
    assert cell is not None
    assert f"cell {cell[1]}" in screen.seen("page").inner_text()


def test_a_link_moves_a_zoomed_map_to_its_cells(screen: Screen, base: str) -> None:
    screen.open(f"{base}{HOST}/pid/4300/map/7f1204a00000")
    screen.until(screen.states, "the map")
    screen.page.wait_for_selector(".plot .xtick text")
    left, right = (screen.store(f"h.mapping.centerOf({cell})") for cell in (600, 650))
    screen.page.mouse.move(left["x"], left["y"] - 10)
    screen.page.mouse.down()
    screen.page.mouse.move(right["x"], right["y"] + 10, steps=5)
    screen.page.mouse.up()
    screen.until(lambda: screen.store("h.mapping.centerOf(300)") is None, "only a part in sight")
    screen.seen("mapping-findings").locator("summary").first.click()
    screen.seen("finding").locator("summary").click()
    screen.seen("place").click()
    screen.until(lambda: screen.store("h.mapping.centerOf(300)"), "the first of its cells")
    assert "cell 300" in screen.seen("page").inner_text()


def test_a_large_page_can_be_looked_into(screen: Screen, base: str) -> None:
    screen.open(f"{base}{LARGE}?cells=0")
    parts = screen.seen("parts")
    assert "512 × 2 MiB" in parts.inner_text()
    assert "60 inferred" in parts.inner_text()
    parts.locator("canvas").click(position={"x": 105, "y": 5})
    screen.until(lambda: "inside chunk 10" in screen.seen("page").inner_text(), "one chunk")
    screen.until(lambda: "4 KiB" in screen.seen("parts").inner_text(), "its entries")
    screen.page.get_by_text("whole page").click()
    screen.until(lambda: "2 MiB" in screen.seen("parts").inner_text(), "the page again")


def test_nothing_sticks_out_of_a_narrow_window(screen: Screen, base: str) -> None:
    screen.page.set_viewport_size({"width": 390, "height": 844})
    for where in (HOST, f"{LARGE}?cells=0", f"{BUFFERS}?cells=3000-4095"):
        screen.open(base + where)
        screen.seen("findings" if where == HOST else "page")
        for line in screen.page.locator("[data-testid=listing] > summary").all():
            line.click()
        page = screen.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        assert page <= 0, where
