"""The extents of a mapping as a table, and what is saved of a map: by mouse and by keyboard."""

import base64
import csv
import io
import re
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Download, Locator

from tests.browser.live import Live, toucher, up
from tests.browser.screen import Screen
from tests.browser.synthetic import BUFFERS, synthetic_server
from tests.kernel.cases import MIB2
from tests.kernel.commands import get, snapshot_of

pytestmark = [pytest.mark.browser, pytest.mark.kernel]

ROWS = 40
COUNTS = ("mapcount", "mappers", "node")

_DECODED = """async data => {
    const image = new Image();
    image.src = 'data:image/png;base64,' + data;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = image.width;
    canvas.height = image.height;
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, image.width, image.height).data;
    return [...new Set(new Uint32Array(pixels.buffer))];
}"""


class Row(NamedTuple):
    """What a row of the table says, as it says it."""

    cells: str
    address: str
    state: str
    mapped: str
    mapcount: str
    mappers: str
    node: str
    flags: str


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """This machine, for tests that each look at a process of their own."""
    with up() as running:
        yield running


def rows(screen: Screen) -> list[Row]:
    """The rows on screen now; none while there is no table."""
    texts = (
        screen.page.get_by_test_id("extent-table")
        .locator("tbody tr")
        .evaluate_all("rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))")
    )
    # Of a memfd there is a file offset, and of no VM no guest offset.
    return [Row(t[0], t[1], t[4], t[5], t[6], t[7], t[8], t[9]) for t in texts]


def row_of(run: dict[str, Any], start: int) -> Row:
    """What the table has to say of a snapshot's run."""
    first, count = run["first"], run["count"]
    cells = str(first) if count == 1 else f"{first}–{first + count - 1}"
    ends = [f"{start + cell * MIB2:#x}" for cell in (first, first + count)]
    size = f"{run['mapped_bytes'] * count >> 20} MiB" if run["mapped_bytes"] else "0 B"
    counts = ("–" if run[what] is None else str(run[what]) for what in COUNTS)
    mapcount, mappers, node = counts
    flags = ", ".join(run["flags"]).replace("_", " ") or "–"
    return Row(cells, "–".join(ends), run["state"], size, mapcount, mappers, node, flags)


def shows_runs(screen: Screen, pid: int) -> list[dict[str, Any]]:
    """Return the runs of a look of its own once the table says the same."""
    (start, runs), *_ = snapshot_of(pid)
    expected = [row_of(run, start) for run in runs]
    screen.comes_to(lambda: rows(screen), lambda found: found == expected, "the snapshot's runs")
    return list(runs)


def extents_url(live: Live, pid: int, more: str = "") -> str:
    """The map of a process with its extents open."""
    return f"{live.map_of(pid)}?panel=extents{more}"


def test_the_table_says_what_a_snapshot_says(screen: Screen, live: Live) -> None:
    with toucher() as process:
        for page in (0, 1, 2, 9, 33):
            process.touch(page)
        screen.open(live.map_of(process.pid))
        screen.seen("heatmap-canvas").focus()
        screen.page.keyboard.press("x")
        screen.address("panel=extents")
        assert len(shows_runs(screen, process.pid)) == 6
        screen.shows("extent-table", "1 to 6 of 6 extents", "64 cells")

        process.touch(40)
        assert len(shows_runs(screen, process.pid)) == 8
        screen.page.keyboard.press("Escape")
        screen.count("extents", 0)


def test_a_filter_is_in_the_address(screen: Screen, live: Live) -> None:
    with toucher() as process:
        for page in (3, 4, 20):
            process.touch(page)
        screen.open(extents_url(live, process.pid))
        switch(screen, "mapped", True)
        cells = ["3–4", "20"]
        screen.comes_to(lambda: [row.cells for row in rows(screen)], cells.__eq__, "mapped ones")
        switch(screen, "poisoned", True)
        switch(screen, "mapped", False)
        screen.shows("extent-table", "No extent is like that")

        screen.open(extents_url(live, process.pid, "&by=hole"))
        cells = ["0–2", "5–19", "21–63"]
        screen.comes_to(lambda: [row.cells for row in rows(screen)], cells.__eq__, "holes")
        screen.seen("by-hole").focus()
        screen.page.keyboard.press("Space")
        screen.comes_to(lambda: len(rows(screen)), (5).__eq__, "all of them")


def switch(screen: Screen, word: str, on: bool) -> None:
    """Click one of the filters once; returns when it is in the address and drawn so."""
    box = screen.seen(f"by-{word}")
    box.click()
    named = re.compile(rf"[?&]by=[^&]*\b{word}\b")
    screen.comes_to(lambda: screen.is_at(named), on.__eq__, f"{word} in the address: {on}")
    screen.comes_to(box.is_checked, on.__eq__, f"{word} drawn as {on}")


def test_only_what_is_in_sight(screen: Screen, live: Live) -> None:
    with toucher() as process:
        process.touch(0)
        process.touch(63)
        # The mapping begins at entry 32 of its page table.
        screen.open(extents_url(live, process.pid, "&by=sight&x=40-64&y=0-1"))
        cells = ["8–31"]
        screen.comes_to(lambda: [row.cells for row in rows(screen)], cells.__eq__, "those in sight")


def test_pages_and_links_of_the_table(screen: Screen, live: Live) -> None:
    with toucher() as process:
        for page in range(0, 64, 2):
            process.touch(page)
        screen.open(extents_url(live, process.pid))

        def first_cells(first: str, count: int) -> None:
            screen.comes_to(
                lambda: ([row.cells for row in rows(screen)][:1], len(rows(screen))),
                lambda found: found == ([first], count),
                f"{count} rows from {first} on",
            )

        first_cells("0", ROWS)
        pager = screen.page.get_by_test_id("extents-pager")
        for name, first, count in (
            ("next", "40", 24),
            ("previous", "0", ROWS),
            ("last", "40", 24),
            ("first", "0", ROWS),
        ):
            pager.get_by_role("button", name=name).click()
            first_cells(first, count)
        link(screen, "0").focus()
        screen.page.keyboard.press("PageDown")
        first_cells("40", 24)
        screen.page.keyboard.press("PageUp")
        first_cells("0", ROWS)

        link(screen, "0").focus()
        screen.page.keyboard.press("ArrowDown")
        screen.page.keyboard.press("ArrowDown")
        screen.until(lambda: focused(screen) == "2", "the third row has the focus")
        screen.page.keyboard.press("Enter")
        screen.address("cells=2")
        screen.seen("page")
        link(screen, "6").click()
        screen.address("cells=6")
        screen.seen("selected-cells")


def link(screen: Screen, cells: str) -> Locator:
    """The link of a row."""
    return screen.seen("extent-table").get_by_role("link", name=cells, exact=True)


def focused(screen: Screen) -> str:
    """The text of what has the focus."""
    return str(screen.page.evaluate("() => document.activeElement.innerText"))


def test_a_csv_holds_all_of_them(screen: Screen, live: Live) -> None:
    with toucher() as process:
        for page in range(0, 64, 2):
            process.touch(page)
        screen.open(extents_url(live, process.pid))
        runs = 64
        screen.shows("extents-csv", str(runs))
        host = f"{live.base}/api/v1/hosts/{live.host_id}"
        start = live.map_of(process.pid).rpartition("/")[2]
        wanted = get(f"{host}/extents?pid={process.pid}&start=0x{start}&limit=1000")["extents"]
        got = table_of(saved(screen, screen.seen("extents-csv")))
        assert len(got) == runs
        for text, extent in zip(got, wanted, strict=True):
            assert int(text["first"]) == extent["first"]
            assert int(text["start"], 16) == extent["start"]
            assert text["state"] == extent["state"]
            assert text["mapcount"] == ("" if extent["mapcount"] is None else "1")
            assert text["flags"].split() == extent["flags"]

        switch(screen, "mapped", True)
        screen.shows("extents-csv", "32")
        got = table_of(saved(screen, screen.seen("extents-csv")))
        assert {text["state"] for text in got} == {"mapped"}
        assert len(got) == 32

        screen.seen("heatmap-canvas").focus()
        screen.page.keyboard.press("e")
        assert len(table_of(saved(screen, screen.seen("export-csv")))) == runs
        assert len(table_of(saved(screen, screen.seen("export-csv-filtered")))) == 32


def saved(screen: Screen, button: Locator) -> Download:
    """What pressing this saves."""
    with screen.page.expect_download() as coming:
        button.click()
    return coming.value


def table_of(download: Download) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    assert download.suggested_filename.endswith(".csv")
    return list(csv.DictReader(io.StringIO(download.path().read_text())))


def test_a_png_holds_the_map(screen: Screen, live: Live) -> None:
    with toucher() as process:
        process.touch(5)
        screen.open(live.map_of(process.pid))
        screen.matches("h.mapping.keyOf(5)", "mapped")
        color = screen.painted(5)
        axes(screen)
        screen.seen("heatmap-canvas").focus()
        screen.page.keyboard.press("e")
        screen.seen("export-png")
        with screen.page.expect_download() as coming:
            screen.page.keyboard.press("Enter")
        download = coming.value
        start = live.map_of(process.pid).rpartition("/")[2]
        name = download.suggested_filename
        assert name.startswith(f"hugescope-{live.host_id}-{process.pid}-0x{start}-")
        assert name.endswith("Z.png")
        screen.shows("export-said", name)
        png = download.path().read_bytes()
        width, height = size_of(png)
        plot = screen.page.get_by_test_id("plot").locator(".main-svg").first.bounding_box()
        assert plot is not None
        assert width == round(plot["width"])
        assert height > plot["height"]
        # Little endian, opaque: the cell's own colour is there, and text, axes and holes beside.
        colors = set(screen.page.evaluate(_DECODED, base64.b64encode(png).decode()))
        word = color.red | color.green << 8 | color.blue << 16 | 0xFF << 24
        assert word in colors
        assert len(colors) > 20


def axes(screen: Screen) -> None:
    """Return once plotly drew its axes, without which there is no picture to save."""
    ticks = screen.page.get_by_test_id("plot").locator("path.xtick")
    screen.comes_to(ticks.count, lambda count: count > 0, "ticks of the axes")


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height, from the header of a PNG."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_a_png_of_a_replay_says_so(screen: Screen) -> None:
    with synthetic_server(changes=0) as base:
        screen.open(f"{base}/{BUFFERS}")
        axes(screen)
        screen.seen("do-export").click()
        png = saved(screen, screen.seen("export-png")).path().read_bytes()
        # The band of the warning, in a colour that nothing else has.
        band = 0xF5 | 0xC5 << 8 | 0x42 << 16 | 0xFF << 24
        assert band in screen.page.evaluate(_DECODED, base64.b64encode(png).decode())
