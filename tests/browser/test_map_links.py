"""Deep links: what an address says of a map is on screen, when it is opened and opened again."""

import re
from collections.abc import Callable

import pytest

from tests.browser.made import MadeServer, open_map
from tests.browser.made_agent import (
    FEW,
    HOST,
    LARGE,
    POISONED,
    RAM,
    SMALL,
    STARTS,
    TERA,
    VM,
    WIDE,
)
from tests.browser.screen import Screen

pytestmark = pytest.mark.browser
ONE_PAGE = True

Check = Callable[[Screen], object]


def by_node(screen: Screen) -> None:
    screen.matches("h.mapping.keyOf(900)", "node-1")
    screen.shows("legend", "node 1")


def only_danger(screen: Screen) -> None:
    for key, pressed in (("poisoned", "true"), ("mapped", "false")):
        line = screen.page.locator(f"[data-testid=legend] [data-key={key}] button")
        screen.comes_to(lambda: line.get_attribute("aria-pressed"), pressed.__eq__, key)  # noqa: B023
    screen.seen("show-all")


def a_table(screen: Screen) -> None:
    screen.matches("h.mapping.table", 4)
    screen.shows("breadcrumb", "PMD of table 4")
    screen.shows("page", "cell 2,000")
    screen.rings("selected-cells", 2000)


def all_tables(screen: Screen) -> None:
    screen.matches("h.mapping.level", "pud")
    screen.shows("page", "page table 4: cells 1,952 to 2,463 (512)")


def some_cells(screen: Screen) -> None:
    screen.shows("page", "cells 2,220 to 2,301 (82)")
    screen.rings("selected-cells", POISONED)


def inside_a_page(screen: Screen) -> None:
    screen.shows("parts-heading", "Inside cell 2,050")


def inside_a_chunk(screen: Screen) -> None:
    screen.shows("parts-heading", "Inside chunk 3 of cell 1")
    screen.shows("breadcrumb", "PMD of cell 1", "PTE of chunk 3")


def zoomed(screen: Screen) -> None:
    # Columns 100 to 200 of rows 2 to 6: cell 1,100 is in row 2, column 172.
    screen.known("h.mapping.centerOf(1100)")
    for outside in (0, 1000, 1200):
        screen.matches(f"h.mapping.centerOf({outside})", None)


def split_extents(screen: Screen) -> None:
    screen.shows("extent-table", "2000–2099", "1 to 1 of 1 extents")
    screen.comes_to(screen.seen("by-split").is_checked, bool, "the filter")


def single_cells(screen: Screen) -> None:
    screen.matches("h.mapping.view.shift", 0)
    screen.known("h.mapping.centerOf(300000)")


def nothing_special(screen: Screen) -> None:
    screen.matches("[h.mapping.level, h.mapping.table]", ["pmd", None])
    screen.known("h.mapping.centerOf(0) && h.mapping.centerOf(3999)")
    screen.shows("legend", "split")
    screen.lacks("page")


LINKS: dict[str, tuple[int, str, Check]] = {
    "colours": (RAM, "?color=node", by_node),
    "filter": (RAM, "?show=poisoned,migrating", only_danger),
    "table": (RAM, "?table=4&cells=2000", a_table),
    "tables": (RAM, "?level=pud&cells=1952-2463", all_tables),
    "cells": (RAM, "?cells=2220-2301", some_cells),
    "page": (RAM, "?level=pte&cells=2050", inside_a_page),
    "chunk": (LARGE, "?level=pte&cells=1&part=3", inside_a_chunk),
    "range": (RAM, "?x=100-200&y=2-6", zoomed),
    "range without what is selected": (RAM, "?cells=3900&x=100-200&y=2-6", zoomed),
    "extents": (RAM, "?panel=extents&by=split", split_extents),
    "few of many": (TERA, "?x=400-512&y=580-590", single_cells),
    "nonsense": (RAM, "?color=no&level=no&table=99&cells=99999&x=5-1&y=1-9", nothing_special),
}


@pytest.mark.parametrize("name", list(LINKS))
def test_an_address_shows_what_it_says(screen: Screen, made: MadeServer, name: str) -> None:
    mapping, query, check = LINKS[name]
    url = made.map_of(WIDE if mapping == TERA else VM, mapping, query)
    open_map(screen, url)
    check(screen)
    screen.page.reload()
    check(screen)
    assert screen.url() == url


def test_back_and_forward_go_through_levels(screen: Screen, made: MadeServer) -> None:
    open_map(screen, made.map_of(VM, RAM, "?level=pud"))
    screen.follow(screen.seen("levels").get_by_text("PMD"), "level=pmd")
    screen.matches("h.mapping.level", "pmd")
    # Colours are no step of their own.
    screen.seen("color").get_by_text("age").click()
    screen.address("color=age")
    screen.follow(screen.seen("breadcrumb").get_by_text("made-up"), "#/host/made-up")
    screen.seen("processes")
    screen.page.go_back()
    screen.matches("h.mapping.level", "pmd")
    screen.shows("legend", "no change seen")
    screen.page.go_back()
    screen.matches("h.mapping.level", "pud")
    screen.page.go_forward()
    screen.matches("h.mapping.level", "pmd")
    screen.address(re.compile(r"color=age"))


def test_a_live_page_without_a_history_compares_the_present(
    screen: Screen, made: MadeServer
) -> None:
    mapping = f"{HOST}/{SMALL}/{STARTS[FEW]:#x}"
    screen.open(f"{made.base}/#/compare/host/{HOST}/pid/{SMALL}/map/{STARTS[FEW]:x}")
    screen.address(f"#/compare?a={mapping}&b={mapping}")
    screen.shows("compare-verdict", "The same: 64 cells")
    screen.shows("nothing-kept-a", "only the present")
    step = screen.seen("step-a-10")
    assert step.get_attribute("aria-disabled") == "true"
    step.press("Enter")
    assert screen.is_at(re.compile(re.escape(f"a={mapping}&b={mapping}") + "$"))
