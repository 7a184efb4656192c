"""The overview: thumbnails that move, search and sort, and charts, of a real agent."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests import access
from tests.browser.conftest import page_of
from tests.browser.live import Live, toucher, up
from tests.browser.screen import Screen
from tests.browser.synthetic import act, synthetic_server
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.commands import command

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

_THUMB = """([pid]) => {
    const canvas = document.querySelector(`a[href*="/pid/${pid}/"] [data-testid=thumb]`);
    if (!canvas?.dataset.cellsAPixel) return null;
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const box = canvas.getBoundingClientRect();
    return {
        pixels: Array.from({ length: data.length / 4 }, (_, at) =>
            data.slice(4 * at, 4 * at + 4).join()),
        columns: canvas.width,
        pixel_px: [box.width / canvas.width, box.height / canvas.height],
        words: canvas.getAttribute('aria-label'),
    };
}"""

_CHART = """([name]) => {
    const plot = document.querySelector(`[data-testid=chart-${name}] .plot`);
    return plot?.data?.map((one) => ({ x: [...one.x], y: [...one.y], text: [...one.text] }));
}"""

HOLDER = """
import mmap, os, sys
name, pages, touched = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
fd = os.memfd_create(name, 4 | 21 << 26)
os.ftruncate(fd, pages << 21)
memory = mmap.mmap(fd, pages << 21)
for page in range(touched):
    memory[page << 21] = 1
print(os.getpid(), flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(
    name: str, pages: int, touched: int, *options: str, program: Path | None = None
) -> Iterator[int]:
    """A process that maps so many huge pages of a memfd of this name; its pid."""
    run = [str(program or sys.executable), "-c", HOLDER, name, str(pages), str(touched), *options]
    with (
        extra_pages(MIB2, pages),
        subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """This machine, for tests that each look at processes of their own."""
    with up() as running:
        yield running


def thumb(screen: Screen, pid: int) -> dict[str, Any] | None:
    """The thumbnail of a process' only mapping now; None before it came."""
    got: dict[str, Any] | None = screen.page.evaluate(_THUMB, [pid])
    return got


def has_pages(screen: Screen, pid: int, words: str, *touched: int) -> dict[str, Any]:
    """The thumbnail once these of 64 pixels differ from the others, and it is called so."""

    def as_wanted(now: dict[str, Any] | None) -> bool:
        if now is None or now["words"] != words or len(now["pixels"]) != 64:
            return False
        hole = now["pixels"][0]
        return all((now["pixels"][at] != hole) == (at in touched) for at in range(64))

    shown = screen.comes_to(lambda: thumb(screen, pid), as_wanted, f"pages {touched}")
    assert shown is not None
    return shown


def order(screen: Screen, *wanted: int, among: tuple[int, ...] = ()) -> None:
    """Return once the table shows these processes in this order; of others only `among` matter."""

    def now() -> list[int]:
        said = [text for text in screen.texts("mapping-pid") if text]
        shown = [int(text.removeprefix("pid ")) for text in said]
        return [pid for pid in shown if pid in (among or wanted)]

    screen.comes_to(now, lambda pids: pids == list(wanted), f"processes {wanted}")


def chart(screen: Screen, name: str) -> list[dict[str, Any]]:
    """What plotly shows in a chart once it was scrolled into sight: x, y and text of each trace."""
    screen.seen(f"chart-{name}").scroll_into_view_if_needed()
    return list(screen.page.evaluate(_CHART, [name]) or [])


def texts(screen: Screen, name: str) -> list[str]:
    """What a chart says of each of its points."""
    return [text for trace in chart(screen, name) for text in trace["text"]]


def line(screen: Screen, name: str) -> list[float]:
    """Values of a chart's first trace, without gaps; none before it was drawn."""
    traces = chart(screen, name) or [{"y": []}]
    return [value for value in traces[0]["y"] if value is not None]


def test_a_thumbnail_shows_what_a_process_touches(screen: Screen, live: Live) -> None:
    with toucher() as process:
        screen.open(f"{live.base}/#/?q={process.pid}")
        has_pages(screen, process.pid, "hole 64")
        process.touch(5)
        process.touch(63)
        shown = has_pages(screen, process.pid, "hole 62, mapped 2", 5, 63)
        assert shown["columns"] == 64
        assert min(shown["pixel_px"]) >= 2
        way = screen.page.locator(f'a[href*="/pid/{process.pid}/"] canvas')
        screen.follow(way, f"/pid/{process.pid}/map/")


def test_search_by_mouse_and_keyboard_stays_in_the_address(screen: Screen, live: Live) -> None:
    with holder("blue-ram", 8, 1) as blue, holder("green-ram", 4, 3) as green:
        both = (blue, green)
        screen.open(live.base)
        order(screen, *sorted(both), among=both)

        screen.seen("search")
        screen.page.keyboard.press("/")
        screen.page.keyboard.type("green-ram")
        order(screen, green, among=both)
        screen.address("q=green-ram")
        screen.shows("found", "1 of ")

        screen.page.reload()
        order(screen, green, among=both)
        screen.comes_to(screen.seen("search").input_value, "green-ram".__eq__, "the words there")

        screen.seen("search").click()
        screen.seen("search").fill(str(blue))
        order(screen, blue, among=both)
        screen.seen("search").fill("no such thing at all")
        screen.shows("no-processes", "matches")
        screen.seen("search").press("Escape")
        order(screen, *sorted(both), among=both)
        screen.leaves("q=")


def test_a_virtual_machine_goes_by_its_name(screen: Screen, live: Live, tmp_path: Path) -> None:
    program = tmp_path / "qemu-system-x86_64"
    program.symlink_to(Path(sys.executable).resolve())
    with holder("pc.ram", 4, 1, "-name", "guest=blue-whale", program=program) as pid:
        screen.open(f"{live.base}/#/?q=blue-whale")
        order(screen, pid)
        screen.shows("processes", "blue-whale", "VM", "qemu-system-x86")


def test_sort_by_mouse_and_keyboard_stays_in_the_address(screen: Screen, live: Live) -> None:
    with holder("blue-ram", 8, 1) as large, holder("green-ram", 4, 3) as full:
        screen.open(live.base)
        screen.seen("sort-size").click()
        order(screen, large, full)
        screen.address("sort=-size")
        screen.seen("sort-share").focus()
        screen.page.keyboard.press("Enter")
        order(screen, full, large)
        head = screen.page.locator("th", has=screen.page.get_by_test_id("sort-share"))
        screen.until(lambda: head.get_attribute("aria-sort") == "descending", "the order told")
        screen.page.keyboard.press("Enter")
        order(screen, large, full)
        screen.page.reload()
        order(screen, large, full)
        screen.address("sort=share")


def test_many_hosts_are_searched_sorted_and_paged(screen: Screen) -> None:
    with synthetic_server() as base:
        act(base, "many-hosts")
        screen.open(base)
        screen.count("host", 40)
        screen.shows("pager", "1–40 of 62")
        screen.page.get_by_role("button", name="next", exact=True).click()
        screen.count("host", 22)

        screen.seen("sort-size").click()
        screen.shows("pager", "1–40 of 62")
        screen.shows("host", "synthetic-a")
        screen.seen("sort-size").click()
        screen.shows("host", re.compile(r"\t2 GiB\t"))
        screen.page.keyboard.press("/")
        screen.page.keyboard.type("synthetic-a postgres")
        screen.count("host", 1)
        screen.shows("found", "1 of 62 hosts")
        screen.seen("host").get_by_role("link").click()
        screen.shows("found", "1 of 7 mappings")


def test_charts_show_how_the_host_goes(screen: Screen, live: Live) -> None:
    # The toucher's pages are all reserved: what is to spare is beside them.
    with extra_pages(MIB2, 8), toucher() as process:
        screen.open(f"{live.base}/#/host/{live.host_id}")
        screen.seen("charts-section").scroll_into_view_if_needed()
        screen.until(lambda: line(screen, "present"), "what is present")
        before = len(screen.until(lambda: line(screen, "changes"), "how it changes"))
        for page in range(8):
            process.touch(page)
        screen.until(lambda: max(line(screen, "changes"), default=0) > 0, "pages that came")
        screen.until(lambda: len(line(screen, "changes")) > before, "points, more each second")
        spare = re.compile(r"[1-9][\d.]* [MG]iB")
        screen.until(lambda: spare.search(str(texts(screen, "spare"))), "what is to spare")
        screen.until(lambda: "cells" in str(chart(screen, "levels")), "bytes by size and state")
        screen.until(lambda: chart(screen, "mapcount"), "cells by mapcount")
        screen.until(lambda: chart(screen, "mappers"), "cells by mappers")

        screen.seen("twin-present").locator("summary").click()
        screen.shows("twin-present", "latest")
        image = screen.seen("chart-present").get_by_role("img").first
        label = lambda: image.get_attribute("aria-label") or ""  # noqa: E731
        screen.comes_to(label, lambda text: "between" in text, "its words")


def test_charts_of_a_replay_say_so_and_can_be_closed(screen: Screen) -> None:
    with command("demo", "--hgm", "--port", "0") as demo:
        url = access.plain(demo.line("%23/host/"))
        screen.open(url.partition("/pid/")[0])
        screen.seen("charts-section").scroll_into_view_if_needed()
        screen.shows("chart-levels", "replay")
        screen.page.locator("[data-testid=charts-section] > summary").click()
        screen.lacks("chart-levels")


@pytest.mark.parametrize("size", [(1280, 800, 1), (1920, 1080, 1), (390, 844, 1), (640, 400, 2)])
def test_no_window_scrolls_sideways(
    chromium: Browser, live: Live, size: tuple[int, int, int], request: pytest.FixtureRequest
) -> None:
    width, height, scale = size
    with holder("blue-ram", 4, 1) as pid:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, device_scale_factor=scale
        )
        screen = page_of(context, request.config)
        screen.open(live.base)
        order(screen, pid)
        screen.seen("charts-section").scroll_into_view_if_needed()
        screen.until(lambda: chart(screen, "present"), "a plot")
        screen.matches(f"document.documentElement.scrollWidth <= {width}", True)
        context.close()
    assert screen.complaints == []
