"""Everything that can be done with a map, by keyboard alone."""

import re

import pytest
from playwright.sync_api import Locator

from tests.browser.made import MadeServer, open_map
from tests.browser.made_agent import FEW, LARGE, RAM, SMALL, TERA, VM, WIDE
from tests.browser.screen import Screen

pytestmark = pytest.mark.browser
ONE_PAGE = True

FIRST_COLUMN = 96
MAPPED = 1500
"""Cells of RAM before its first hole."""


def press(screen: Screen, *keys: str) -> None:
    for key in keys:
        screen.page.keyboard.press(key)


def opened(screen: Screen, made: MadeServer, query: str = "", mapping: int = RAM) -> None:
    """A map whose cells have the focus."""
    pid = {RAM: VM, LARGE: VM, TERA: WIDE, FEW: SMALL}[mapping]
    open_map(screen, made.map_of(pid, mapping, query)).focus()


def spoken(screen: Screen, words: str) -> str:
    """What the live region says, once it begins so."""
    found = screen.page.get_by_test_id("cell-live")
    return screen.comes_to(
        lambda: found.first.text_content() or "",
        lambda text: text.startswith(words),
        f"{words} spoken",
    )


def focused(screen: Screen, test_id: str) -> None:
    """Return once this has the focus."""
    read = "() => document.activeElement?.closest('[data-testid]')?.dataset.testid ?? ''"
    screen.comes_to(
        lambda: str(screen.page.evaluate(read)), lambda name: name == test_id, f"focus on {test_id}"
    )


def tells(screen: Screen, bar: Locator, words: str) -> None:
    """Return once the minimap says this of its window."""
    screen.comes_to(
        lambda: bar.get_attribute("aria-valuetext") or "", lambda text: words in text, words
    )


def test_arrows_move_and_only_the_focused_cell_is_spoken(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)
    for key, cell in (
        ("ArrowRight", 0),
        ("ArrowRight", 1),
        ("ArrowDown", 513),
        ("ArrowUp", 1),
        ("PageDown", 513),
        ("PageUp", 1),
        ("ArrowLeft", 0),
        ("End", 3999),
        ("Home", 0),
    ):
        press(screen, key)
        spoken(screen, f"cell {cell};" if cell < 1000 else f"cell {cell:,};")
    said = spoken(screen, "cell 0;")
    assert "mapped in full by one 2 MiB entry" in said
    assert "ago" not in said
    screen.rings("cell-ring", 0)
    label = "build-7: 4,000 cells in 8 page tables, coloured by state"
    screen.seen(screen.page.get_by_label(label, exact=True))


def test_what_is_spoken_follows_the_cell(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)
    press(screen, "End")
    assert "hole" in spoken(screen, "cell 3,999;")
    made.put(RAM, 3999, "mapped")
    screen.shows("tooltip", "mapped in full", re.compile(r"last change\s+\d+(\.\d)? (s|min) ago"))
    made.put(RAM, 3999, "hole")
    screen.shows("tooltip", "hole")


def test_shift_selects_a_range_and_esc_goes_back_step_by_step(
    screen: Screen, made: MadeServer
) -> None:
    opened(screen, made)
    press(screen, "Home", "Shift+ArrowRight")
    screen.address("cells=0-1")
    press(screen, "Shift+ArrowRight", "Shift+ArrowDown")
    screen.address("cells=0-514")
    screen.shows("page", "cells 0 to 514 (515)", "mapped 515")
    press(screen, "Shift+ArrowUp", "Shift+ArrowLeft")
    screen.address("cells=0-1")
    press(screen, "Escape")
    screen.lacks("page")
    screen.leaves("cells=")
    press(screen, "Escape")
    screen.lacks("tooltip")
    press(screen, "Escape")
    screen.address("level=pud")
    screen.matches("h.mapping.level", "pud")


def test_enter_selects_then_looks_inside_and_back(screen: Screen, made: MadeServer) -> None:
    opened(screen, made, "?cells=2000")
    screen.shows("page", "cell 2,000", "split")
    press(screen, "ArrowRight", "Enter")
    screen.address("cells=2001")
    screen.shows("page", "cell 2,001")
    press(screen, "Enter")
    screen.address("level=pte")
    screen.shows("parts-heading", "Inside cell 2,001", "512 × 4 KiB", re.compile(r"read \d"))
    screen.shows("legend", re.compile(r"by a 4 KiB entry\s+500"), re.compile(r"hole\s+12"))
    screen.known("h.mapping.complete")
    focused(screen, "heatmap-canvas")
    press(screen, "Home", "ArrowRight")
    spoken(screen, "entry 1;")
    press(screen, "Enter")
    screen.shows("page", "entry 1", "a PTE entry")
    press(screen, "Escape")
    screen.shows("page", "cell 2,001")
    for key in ("Escape", "Escape"):
        press(screen, key)
    screen.matches("h.mapping.level", "pmd")
    screen.address("cells=2001")
    press(screen, "Backspace")
    screen.matches("h.mapping.level", "pud")


def test_keys_pressed_at_once_come_to_what_they_would_one_by_one(
    screen: Screen, made: MadeServer
) -> None:
    opened(screen, made, "?cells=2000")
    # Into the page, a part of it, out of it, its table, all tables: five other pictures.
    press(screen, "Home", "End", "Enter", "Enter", "Home", "ArrowRight", "Enter", "Backspace", "u")
    screen.address("level=pud")
    screen.matches("h.mapping.level", "pud")
    press(screen, "Home", "ArrowRight", "Enter", "Enter", "Home", "ArrowRight")
    screen.address("table=1")
    spoken(screen, "cell 417;")


def test_tables_and_one_table(screen: Screen, made: MadeServer) -> None:
    opened(screen, made, "?level=pud")
    press(screen, "Home", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight")
    spoken(screen, "page table 4;")
    screen.shows("tooltip", "poisoned 1", "migrating 1", "split 100")
    press(screen, "Enter")
    screen.shows("page", "page table 4: cells 1,952 to 2,463 (512)", "poisoned 1")
    press(screen, "Enter")
    screen.address("table=4")
    screen.matches("h.mapping.view", {"first": 1952, "count": 512, "shift": 0})
    screen.shows("breadcrumb", "PUD tables", "PMD of table 4")
    press(screen, "Home")
    spoken(screen, "cell 1,952;")
    press(screen, "ArrowUp")
    spoken(screen, "cell 1,952;")
    press(screen, "u")
    screen.matches("h.mapping.level", "pud")


def test_chunks_of_a_large_page(screen: Screen, made: MadeServer) -> None:
    opened(screen, made, "?cells=1", LARGE)
    screen.shows("page", "cell 1")
    press(screen, "Enter")
    screen.shows("parts-heading", "Inside cell 1", "512 × 2 MiB")
    screen.known("h.mapping.complete")
    focused(screen, "heatmap-canvas")
    press(screen, "Home", "ArrowRight", "Enter")
    screen.shows("page", "entry 1")
    press(screen, "Enter")
    screen.shows("parts-heading", "Inside chunk 1 of cell 1", "512 × 4 KiB")
    screen.address(re.compile(r"level=pte.*part=1"))
    screen.shows("breadcrumb", "PMD of cell 1", "PTE of chunk 1")
    press(screen, "u")
    screen.shows("parts-heading", "Inside cell 1")


def test_next_differing_and_next_changed(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)
    press(screen, "Home", ".")
    spoken(screen, f"cell {MAPPED:,};")
    press(screen, ".")
    spoken(screen, "cell 2,000;")
    press(screen, ",")
    spoken(screen, "cell 1,999;")
    press(screen, ",")
    spoken(screen, f"cell {MAPPED - 1:,};")
    made.put(RAM, 3500, "mapped")
    screen.matches("h.mapping.keyOf(3500)", "mapped")
    press(screen, "c")
    spoken(screen, "cell 3,500;")
    made.put(RAM, 3500, "hole")


def test_there_is_no_minimap_of_what_is_in_sight_anyway(screen: Screen, made: MadeServer) -> None:
    opened(screen, made, "?level=pte&cells=2000")
    screen.shows("parts-heading", "Inside cell 2,000")
    press(screen, "m")
    screen.shows("map-said", "no minimap")
    screen.count("minimap", 0)
    focused(screen, "heatmap-canvas")


def test_go_to(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)
    field = screen.page.get_by_role("textbox")
    for entered, cell in (
        ("0x7f000c200000", 1),
        ("7f000c400fff", 2),
        ("+1.5G", 768),
        ("#3999", 3999),
        ("f:0x800000", 4),
    ):
        screen.seen("heatmap-canvas").focus()
        press(screen, "g")
        screen.seen(field).fill(entered)
        press(screen, "Enter")
        screen.address(re.compile(rf"cells={cell}(?!\d)"))
        screen.lacks("go-to")
        screen.shows("page", f"cell {cell:,}")
    press(screen, "g")
    screen.seen(field).fill("1234")
    press(screen, "Enter")
    screen.shows("go-to", "“1234” is not", "+offset")
    field.fill("0x10000")
    press(screen, "Enter")
    screen.shows("go-to", "0x10000", "no huge-page mapping")
    press(screen, "Escape")
    screen.lacks("go-to")
    focused(screen, "heatmap-canvas")
    press(screen, "g")
    screen.seen(field).fill("0x7e8040000000")
    press(screen, "Enter")
    screen.address(re.compile(r"map/7e8000000000\?.*cells=1"))
    screen.shows("page", "cell 1")


def test_typing_is_not_a_command(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)
    # At once: whatever the dialog takes to come, what is typed is its own.
    press(screen, "g", "2", " ", "x", "c", "?")
    field = screen.seen(screen.page.get_by_role("textbox"))
    screen.comes_to(field.input_value, "2 xc?".__eq__, "what was typed")
    field.press_sequentially("5")
    screen.comes_to(field.input_value, "2 xc?5".__eq__, "what was typed after it")
    press(screen, "Escape")
    screen.lacks("go-to")
    press(screen, "Home")
    spoken(screen, "cell 0;")
    assert screen.url() == made.map_of(VM, RAM)
    screen.count("paused", 0)


def test_pan_zoom_and_home(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)

    press(screen, "+", "+")
    screen.address("x=192-320&y=2-6")
    press(screen, "d")
    screen.address("x=224-352")
    press(screen, "a", "a")
    screen.address("x=160-288")
    press(screen, "s")
    screen.address("y=3-7")
    press(screen, "w", "w")
    screen.address("y=1-5")
    press(screen, "-")
    screen.address("x=96-352")
    press(screen, "0")
    screen.leaves("x=")
    press(screen, "+")
    screen.address("x=")
    press(screen, "0")
    screen.leaves("x=")


def test_pause_and_go_on(screen: Screen, made: MadeServer) -> None:
    opened(screen, made, mapping=TERA)
    press(screen, " ")
    screen.shows("paused", "paused")
    screen.shows("do-pause", "resume")
    # The server answers in order: by what it sends of other cells it knows of the pause.
    press(screen, "g", "#", "2", "5", "0", "0", "Enter")
    screen.matches("h.mapping.view.shift", 0)
    screen.matches("h.mapping.keyOf(2500)", "hole")
    made.put(TERA, 2500, "mapped")
    made.put(TERA, 2501, "mapped")
    press(screen, "Home", "ArrowRight")
    spoken(screen, "cell 1;")
    screen.matches("h.mapping.keyOf(2500)", "hole")
    press(screen, " ")
    screen.matches("h.mapping.keyOf(2500)", "mapped")
    screen.lacks("paused")
    made.put(TERA, 2500, "hole")
    made.put(TERA, 2501, "hole")


def test_colours(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)
    for key, mode, words in (
        ("2", "mapcount", "mapcount 2"),
        ("3", "mappers", "mappers 2"),
        ("4", "node", "node 1"),
        ("5", "age", "no change seen"),
    ):
        press(screen, key)
        screen.address(f"color={mode}")
        screen.shows("legend", words)
    press(screen, "1")
    screen.shows("legend", "split")


def test_the_legend_is_the_filter(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)
    press(screen, "f")
    pressed = screen.page.locator("[data-testid=legend] [data-key=poisoned] button")
    screen.comes_to(
        lambda: pressed.evaluate("it => it === document.activeElement"), bool, "focus on the legend"
    )
    press(screen, " ")
    screen.address("show=")
    screen.comes_to(lambda: pressed.get_attribute("aria-pressed"), "false".__eq__, "switched off")
    press(screen, "Enter")
    screen.comes_to(lambda: pressed.get_attribute("aria-pressed"), "true".__eq__, "switched on")
    press(screen, "Shift+Enter")
    screen.address(re.compile(r"show=poisoned$"))
    screen.seen("show-all").focus()
    press(screen, "Enter")
    screen.lacks("show-all")
    screen.leaves("show=")


def test_extents_export_minimap_and_help(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)
    press(screen, "x")
    screen.address("panel=extents")
    screen.seen("extents")
    press(screen, "x")
    screen.lacks("extents")
    screen.seen("heatmap-canvas").focus()
    press(screen, "e")
    screen.shows("export", "PNG", "CSV")
    press(screen, "Escape")
    screen.lacks("export")
    focused(screen, "heatmap-canvas")
    press(screen, "?")
    screen.shows("help", "next cell that is drawn differently", "Shift + these", "go to")
    press(screen, "c")
    press(screen, "Escape")
    screen.lacks("help")
    focused(screen, "heatmap-canvas")


def test_the_minimap_moves_the_window(screen: Screen, made: MadeServer) -> None:
    opened(screen, made)
    press(screen, "+", "+")
    screen.address("y=2-6")
    press(screen, "m")
    focused(screen, "minimap")
    bar = screen.page.get_by_test_id("minimap")
    for key, words in (
        ("ArrowDown", "tables 4 to 7"),
        ("ArrowUp", "tables 2 to 5"),
        ("ArrowRight", "entries 256 to 383"),
        ("ArrowLeft", "entries 192 to 319"),
        ("PageDown", "tables 4 to 7"),
        ("Home", "tables 0 to 3 of 8, entries 0 to 127"),
        ("End", "tables 4 to 7 of 8, entries 384 to 511"),
    ):
        press(screen, key)
        tells(screen, bar, words)
    assert bar.get_attribute("aria-valuenow") == "4"
    screen.address("y=4-8")


def test_half_a_million_cells(screen: Screen, made: MadeServer) -> None:
    opened(screen, made, mapping=TERA)
    screen.matches("h.mapping.view.shift > 0", True)
    press(screen, "Home", "ArrowRight")
    spoken(screen, "cells 8 to 15;")
    press(screen, "Enter")
    screen.address("cells=8-15")
    screen.shows("page", "cells 8 to 15 (8)", "hole 8")
    press(screen, "Enter")
    screen.matches("h.mapping.view.shift", 0)
    spoken(screen, "cell 8;")
