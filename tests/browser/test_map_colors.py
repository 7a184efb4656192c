"""Colours of a map whose cells stand still: shades, ages, and squares of many cells."""

import time
from collections import Counter

import numpy as np
import pytest

from hugescope_wire.cells import CellState
from tests.browser.made import MadeServer, open_map
from tests.browser.made_agent import COUNTS, PARTIAL_FROM, RAM, TERA, VM, WIDE, made_mappings
from tests.browser.pixels import look, shows_colors
from tests.browser.screen import Screen

pytestmark = pytest.mark.browser
ONE_PAGE = True

TABLE = 512
AGE_ENDS_S = (1, 3, 10, 30, 60, 180, 600)
"""Classes of age end there, as the legend says."""


def test_what_is_mapped_in_part_has_a_shade_for_each_sixteenth(
    screen: Screen, made: MadeServer
) -> None:
    open_map(screen, made.map_of(VM, RAM))
    cells = [PARTIAL_FROM + level for level in range(16)]

    def reds() -> list[int]:
        now = look(screen, cells)
        ends = [now.swatches.get("hole"), *now.colors, now.swatches.get("split")]
        return [int(color.partition(",")[0]) for color in ends if color is not None]

    def falling(found: list[int]) -> bool:
        return len(found) == 18 and found == sorted(set(found), reverse=True)

    screen.comes_to(reds, falling, "sixteen shades from that of a hole to that of a split page")
    assert look(screen, cells).keys == ["partial"] * 16


def classes_of_age(least_s: float, most_s: float) -> set[str]:
    """Keys of the classes of what is at least and at most so old."""
    first, last = (sum(age_s >= end for end in AGE_ENDS_S) for age_s in (least_s, most_s))
    return {f"age-{at}" for at in range(first, last + 1)}


def test_ages_have_the_colour_of_their_class(screen: Screen, made: MadeServer) -> None:
    open_map(screen, made.map_of(VM, RAM, "?color=age"))
    touched, still = 3300, 100
    shows_colors(screen, {touched: "no-page", still: "age-never"}, "age")
    before_s = time.monotonic()
    made.put(RAM, touched, "mapped")
    screen.until(lambda: (look(screen, [touched]).keys[0] or "").startswith("age-"), "its age")
    after_s = time.monotonic()

    def known_age() -> str | None:
        """The class that it is drawn in, where that is right."""
        least_s = time.monotonic() - after_s
        now = look(screen, [touched, still])
        classes = classes_of_age(least_s, time.monotonic() - before_s)
        drawn = [now.swatches.get(key or "") for key in now.keys] == now.colors
        return now.keys[0] if drawn and now.keys[0] in classes else None

    first = screen.until(known_age, "the class of its age")
    screen.comes_to(known_age, lambda key: key not in (None, first), "the class after that")
    made.put(RAM, touched, "hole")


def test_squares_of_many_cells_have_the_colour_of_most(screen: Screen, made: MadeServer) -> None:
    tera = next(one for one in made_mappings() if one.info.id == TERA)
    classes = {
        first: class_of_table(Counter(tera.cells.state[first : first + TABLE].tolist()))
        for first in range(0, COUNTS[TERA], TABLE)
    }
    # The first and the last of each, and some more.
    by_class = {name: [at for at in classes if classes[at] == name] for name in classes.values()}
    assert set(by_class) >= {"mapped", "sparse", "poisoned"}
    ends = [at for tables in by_class.values() for at in (tables[0], tables[-1])]
    some = {at: classes[at] for at in (*ends, *range(0, COUNTS[TERA], 37 * TABLE))}
    open_map(screen, made.map_of(WIDE, TERA, "?level=pud"))
    screen.matches("h.mapping.level", "pud")
    shows_colors(screen, some, "state of page tables", TABLE)


def class_of_table(states: Counter[int]) -> str:
    """The class of so many cells in these states."""
    if states[CellState.POISONED]:
        return "poisoned"
    if states[CellState.HOLE] > states[CellState.MAPPED]:
        return "sparse" if states[CellState.MAPPED] else "hole"
    return "mapped"


def test_a_whole_map_and_a_part_of_it_have_the_same_colours(
    screen: Screen, made: MadeServer
) -> None:
    """All of it is drawn in pixels of its own, which the browser scales, a part in the screen's."""
    tera = next(one for one in made_mappings() if one.info.id == TERA)
    states = tera.cells.state.reshape(-1, 2, TABLE)
    # Where two rows, of which one line of pixels may be, and eight neighbours are alike.
    alike = (states == states[:, :1, :]).all(1) & (np.arange(TABLE) % 8 == 4)
    middle = np.argwhere(alike[250:262, 246:266]) + np.array([250, 246])
    asked = {
        int(pair * 2 * TABLE + column): CellState(states[pair, 0, column]).label
        for pair, column in middle
        if (states[pair, 0, column - 4 : column + 4] == states[pair, 0, column]).all()
    }
    assert set(asked.values()) == {"hole", "mapped"}
    # Lines of pixels for 1,024 rows, two together.
    screen.page.set_viewport_size({"width": 1280, "height": 1000})
    canvas = open_map(screen, made.map_of(WIDE, TERA, "?level=pmd"))

    def scaled() -> bool:
        return bool(canvas.evaluate("it => it.width !== Math.round(it.clientWidth)"))

    screen.until(scaled, "a canvas with a pixel for each item")
    shows_colors(screen, asked, "state, all of it")
    # Until each row has lines of the screen to itself: one may show either of two that meet in it.
    for _ in range(4):
        canvas.press("+")
    screen.until(lambda: not scaled(), "a canvas with the screen's pixels")
    shows_colors(screen, asked, "state, a part")
    canvas.press("0")
    screen.until(scaled, "a canvas with a pixel for each item again")
    shows_colors(screen, asked, "state, all of it again")
