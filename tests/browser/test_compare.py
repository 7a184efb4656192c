"""Two looks beside each other, from recordings: the screen says what `hugescope diff` says."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator

from tests import access
from tests.browser.conftest import BOTH_THEMES
from tests.browser.made_agent import FEW, RAM, SMALL, STARTS, VM
from tests.browser.made_recording import BEGAN_S, HOST_ID, MAP, mapped_at, write_recording
from tests.browser.screen import Screen
from tests.browser.test_accessibility import check
from tests.browser.test_timeline import stands
from tests.kernel.commands import command

pytestmark = pytest.mark.browser

OTHER_ID = "other"
MAPPING = f"{SMALL}/{STARTS[FEW]:#x}"
FIRST_S, THEN_S = 10, 40
CHANGED = mapped_at(THEN_S) - mapped_at(FIRST_S)

OTHER_MAPPING = f"{VM}/{STARTS[RAM]:#x}"
SINCE_S, LATER_S = 32, 50
"""The other mapping is there at both."""

FOCUSED = "() => document.activeElement.dataset.testid ?? document.activeElement.tagName"
RANGE = """() => {
    const axes = document.querySelector('[data-testid=pane-a] .plot')?._fullLayout;
    return axes ? axes.yaxis.range.map(at => Math.round(at * 10) / 10) : null;
}"""
ROWS = """table => [...document.querySelectorAll(`[data-testid=${table}] tbody tr`)]
    .map(row => [...row.querySelectorAll('th, td')].map(cell => cell.innerText.trim()))"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The recordings, by the ids that their hosts get."""
    directory = tmp_path_factory.mktemp("recordings")
    return {name: write_recording(directory, f"{name}.hsrec") for name in (HOST_ID, OTHER_ID)}


@pytest.fixture(scope="module")
def base(files: dict[str, Path]) -> Iterator[str]:
    """Where `hugescope replay` answers, with both files."""
    with command("replay", *map(str, files.values()), "--port", "0") as server:
        yield access.base_of(server.line("http://"))


def diff(files: dict[str, Path], a: str, b: str) -> Any:
    """What `hugescope diff` prints; sides as `HOST@+SECONDSs` with what is chosen of it."""
    sides = [side.replace(name, str(files[name]), 1) for side, name in ((a, _id(a)), (b, _id(b)))]
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "hugescope", "diff", *sides, "--json"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert ran.returncode == 1, ran.stderr
    return json.loads(ran.stdout)


def _id(side: str) -> str:
    return side.partition("@")[0]


def address(base: str, a: str, b: str) -> str:
    return f"{base}/#/compare?a={a}&b={b}"


def at(host_id: str, after_s: float, mapping: str = "") -> str:
    """A side as addresses have it."""
    return f"{host_id}{'/' * bool(mapping)}{mapping}@{BEGAN_S + after_s:.0f}"


def rows(screen: Screen, table: str) -> list[list[str]]:
    found: list[list[str]] = screen.page.evaluate(ROWS, table)
    return found


def test_two_moments_are_what_diff_says(screen: Screen, base: str, files: dict[str, Path]) -> None:
    chosen = f"#{SMALL}:{STARTS[FEW]:x}"
    said = diff(files, f"{HOST_ID}@+{FIRST_S}s{chosen}", f"{HOST_ID}@+{THEN_S}s{chosen}")
    (mapping,) = said["mappings"]
    assert mapping["changed"] == CHANGED
    screen.open(address(base, at(HOST_ID, FIRST_S, MAPPING), at(HOST_ID, THEN_S, MAPPING)))
    screen.shows("compare-verdict", f"{said['changed_cells']} cells changed")
    cells = screen.page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('[data-change]')]
            .map(row => [row.dataset.change, Number(row.dataset.cells)]))"""
    )
    true = {f"{one['from']}/{one['to']}": one["cells"] for one in mapping["changes"]}
    assert cells == true | {"same": mapping["compared"] - mapping["changed"]}
    table = rows(screen, "compare-run-table")
    assert len(table) == mapping["run_total"]
    first, last = mapping["runs"][0]["first_a"], mapping["runs"][0]["count"]
    assert table[0][0] == f"{first}–{first + last - 1}"
    assert table[0][4] == "hole"
    assert table[0][5].startswith("mapped")
    screen.shows("facts-a", f"{mapping['a']['mapped_bytes'] >> 20} MiB mapped")
    screen.shows("facts-b", f"{mapping['b']['mapped_bytes'] >> 20} MiB mapped")


def test_keys_lead_from_change_to_change_and_tell_both_states(screen: Screen, base: str) -> None:
    screen.open(address(base, at(HOST_ID, FIRST_S, MAPPING), at(HOST_ID, THEN_S, MAPPING)))
    screen.count("heatmap-canvas", 2)
    screen.seen("pane-a").get_by_test_id("heatmap-canvas").focus()
    screen.page.keyboard.press("Home")
    screen.shows("compare-readout", "cell 0 at", "unchanged")
    screen.page.keyboard.press(".")
    screen.shows("compare-readout", f"cell {mapped_at(FIRST_S)} at", "hole", "mapcount 1")
    screen.count("ring-a", 1)
    screen.count("ring-b", 1)
    screen.page.keyboard.press("End")
    screen.page.keyboard.press(",")
    screen.shows("compare-readout", f"cell {mapped_at(THEN_S) - 1} at")
    screen.page.keyboard.press("Escape")
    screen.count("ring-b", 0)


def test_two_files_lead_to_their_mappings(
    screen: Screen, base: str, files: dict[str, Path]
) -> None:
    said = diff(files, f"{HOST_ID}@+{FIRST_S}s", f"{OTHER_ID}@+{THEN_S}s")
    screen.open(address(base, at(HOST_ID, FIRST_S), at(OTHER_ID, THEN_S)))
    screen.shows("compare-verdict", f"{said['changed_cells']:,} cells changed")
    pairs = rows(screen, "compare-pairs")
    assert [int(row[4]) for row in pairs] == [one["changed"] for one in said["mappings"]]
    assert len(rows(screen, "compare-only-b")) == len(said["only_b"]) == 1
    screen.seen("compare-pairs").locator("a").first.click()
    screen.address(f"b={OTHER_ID}/{MAPPING}")
    screen.shows("compare-verdict", re.compile(rf"^{CHANGED} cells changed"))
    screen.count("heatmap-canvas", 2)


def test_the_map_and_the_time_bar_lead_here(screen: Screen, base: str) -> None:
    screen.open(f"{base}/?t={BEGAN_S + THEN_S}{MAP}")
    stands(screen, THEN_S)
    screen.seen("time-when").locator("a").click()
    screen.address(f"#/compare?a={HOST_ID}/{MAPPING}@{BEGAN_S + THEN_S:.0f}&b={HOST_ID}/{MAPPING}")
    screen.shows("compare-verdict", "The same: 64 cells")
    screen.seen("step-a-10").click()
    screen.shows("compare-verdict", "10 cells changed")
    screen.open(f"{base}/?t={BEGAN_S + THEN_S}{MAP}")
    stands(screen, THEN_S)
    screen.seen("map").get_by_role("link", name="compare…").click()
    screen.shows("compare-verdict", "The same: 64 cells")


def test_what_was_not_recorded_is_said(screen: Screen, base: str) -> None:
    screen.open(address(base, at(HOST_ID, -100, MAPPING), at(HOST_ID, THEN_S, MAPPING)))
    screen.shows("compare-fault", "a: nothing was recorded")


@BOTH_THEMES
def test_nothing_is_in_the_way_of_anyone(screen: Screen, base: str) -> None:
    screen.open(address(base, at(HOST_ID, FIRST_S, MAPPING), at(HOST_ID, THEN_S, MAPPING)))
    screen.shows("compare-verdict", "cells changed")
    screen.count("heatmap-canvas", 2)
    check(screen, "two moments")
    wide = "document.documentElement.scrollWidth <= innerWidth"
    screen.until(lambda: screen.page.evaluate(wide), "a page that is no wider than a phone")


def shows_changed(screen: Screen, since_s: float, until_s: float) -> None:
    """Return once the verdict is that of these moments."""
    cells = mapped_at(until_s) - mapped_at(since_s)
    screen.shows("compare-verdict", re.compile(rf"^{cells} cells changed"))


def go_on(screen: Screen, a: str, b: str) -> None:
    """Another question, on the same page."""
    screen.page.evaluate("hash => location.replace(hash)", f"#/compare?a={a}&b={b}")


def with_axes(screen: Screen) -> Locator:
    """The first map's canvas once both have axes."""
    screen.until(lambda: screen.page.evaluate(RANGE), "axes of the first map")
    return screen.seen("pane-a").get_by_test_id("heatmap-canvas")


def test_focus_cursor_and_plot_outlive_another_moment(screen: Screen, base: str) -> None:
    a = at(HOST_ID, SINCE_S, MAPPING)
    screen.open(address(base, a, at(HOST_ID, THEN_S, MAPPING)))
    shows_changed(screen, SINCE_S, THEN_S)
    with_axes(screen).focus()
    screen.page.keyboard.press("Home")
    screen.page.keyboard.press(".")
    screen.shows("compare-readout", f"cell {mapped_at(SINCE_S)} at")
    screen.page.evaluate("document.querySelector('.plot .main-svg').dataset.kept = 'yes'")
    go_on(screen, a, at(HOST_ID, LATER_S, MAPPING))
    shows_changed(screen, SINCE_S, LATER_S)
    assert screen.page.evaluate(FOCUSED) == "heatmap-canvas"
    assert screen.page.locator("[data-kept]").count() == 1
    screen.shows("compare-readout", f"cell {mapped_at(SINCE_S)} at")
    screen.count("ring-a", 1)
    screen.count("ring-b", 1)
    screen.seen("compare-again").focus()
    screen.page.keyboard.press("Enter")
    go_on(screen, a, at(HOST_ID, THEN_S, MAPPING))
    shows_changed(screen, SINCE_S, THEN_S)
    assert screen.page.evaluate(FOCUSED) == "compare-again"


def test_the_zoom_is_of_one_pair(screen: Screen, base: str) -> None:
    a, b = at(HOST_ID, SINCE_S, MAPPING), at(OTHER_ID, THEN_S, MAPPING)
    screen.open(address(base, a, b))
    shows_changed(screen, SINCE_S, THEN_S)
    with_axes(screen).focus()
    screen.page.keyboard.press("+")
    zoomed = comes_to_rows(screen, lambda rows: rows <= 5)
    screen.seen("compare-swap").click()
    screen.address(f"a={b}&b={a}")
    screen.shows("facts-a", OTHER_ID)
    shows_changed(screen, SINCE_S, THEN_S)
    screen.comes_to(lambda: screen.page.evaluate(RANGE), lambda one: one == zoomed, "the same zoom")
    go_on(screen, at(HOST_ID, SINCE_S, OTHER_MAPPING), at(HOST_ID, THEN_S, OTHER_MAPPING))
    screen.shows("compare-verdict", "The same")
    comes_to_rows(screen, lambda rows: rows > 20)


def comes_to_rows(screen: Screen, wanted: Callable[[float], bool]) -> Any:
    """The first map's range once so many rows are in sight; the mapping of few cells has 8."""
    return screen.comes_to(
        lambda: screen.page.evaluate(RANGE),
        lambda now: now is not None and wanted(abs(now[0] - now[1])),
        "so many rows in sight",
    )


def test_what_one_side_names_is_named_on_both(screen: Screen, base: str) -> None:
    screen.open(address(base, at(HOST_ID, SINCE_S), at(OTHER_ID, THEN_S, MAPPING)))
    shows_changed(screen, SINCE_S, THEN_S)
    screen.address(f"a={at(HOST_ID, SINCE_S, MAPPING)}&b=")
    chosen = f"{HOST_ID}/{MAPPING}"
    screen.comes_to(screen.seen("what-a").input_value, chosen.__eq__, "the mapping chosen")
    url = screen.seen("compare-csv").get_attribute("href")
    status, text = screen.page.evaluate(
        "url => fetch(url).then(async told => [told.status, await told.text()])", url
    )
    assert status == 200, text
    rows = list(csv.DictReader(text.splitlines()))
    assert sum(int(row["count"]) for row in rows) == mapped_at(THEN_S) - mapped_at(SINCE_S)
    screen.seen("what-a").select_option(HOST_ID)
    screen.address(f"a={at(HOST_ID, SINCE_S)}&b={at(OTHER_ID, THEN_S)}")
    screen.seen("compare-pairs")


def test_a_run_is_shown_where_it_is_seen(screen: Screen, base: str) -> None:
    screen.open(address(base, at(HOST_ID, SINCE_S, MAPPING), at(HOST_ID, THEN_S, MAPPING)))
    with_axes(screen)
    screen.page.set_viewport_size({"width": 700, "height": 500})
    run = screen.seen("compare-run-table").get_by_title("show on the map").first
    run.scroll_into_view_if_needed()
    run.click()
    screen.until(
        lambda: screen.page.evaluate(
            """() => {
                const box = document.querySelector('[data-testid=ring-a]')?.getBoundingClientRect();
                const on = box && document.elementsFromPoint(box.x + 2, box.y + 2);
                return on?.[0]?.closest('[data-testid=pane-a]') != null;
            }"""
        ),
        "the first cell of the run, under nothing else",
    )


def test_a_moment_that_is_half_typed_stays(screen: Screen, base: str) -> None:
    a = at(HOST_ID, SINCE_S, MAPPING)
    screen.open(address(base, a, at(HOST_ID, THEN_S, MAPPING)))
    shows_changed(screen, SINCE_S, THEN_S)
    typed = screen.seen("moment-a")
    typed.focus()
    screen.page.keyboard.press("Backspace")
    assert typed.input_value() == ""
    go_on(screen, a, at(HOST_ID, LATER_S, MAPPING))
    shows_changed(screen, SINCE_S, LATER_S)
    assert typed.input_value() == ""
    screen.seen("step-a1").click()
    shows_changed(screen, SINCE_S + 1, LATER_S)
    assert typed.input_value() != ""
    link = screen.seen("facts-a").locator("a").get_attribute("href")
    assert link is not None
    assert f"?t={BEGAN_S + SINCE_S + 1:.0f}#/host/{HOST_ID}/pid/{SMALL}/map/" in link
