"""The report's colours are the app's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from hugescope.report.palette import (
    COLORS,
    HOLE,
    MAPPED,
    MIGRATING,
    OUTSIDE,
    PAINTS,
    PARTIAL,
    PARTIAL_LEVELS,
    POISONED,
    SHARED_TABLE,
    SPARSE,
    THEMES,
    WRITE_PROTECTED,
    cell_paints,
    color_of,
    group_paints,
    mix,
    paint_of,
    state_paint,
)
from hugescope_wire.cells import Cells, CellState
from hugescope_wire.groups import group_cells, numbers_of
from tests.unit.wire.made_wire import GIB, MIB2, Row, cells_of, whole_row

PALETTE = Path(__file__).parents[4] / "frontend/src/lib/palette.ts"


def test_colours_are_those_of_the_app() -> None:
    text = PALETTE.read_text()
    block = text[text.index("const COLORS = ") :]
    block = block[len("const COLORS = ") : block.index("} as const;") + 1]
    block = re.sub(r"(\w+):", r'"\1":', block)
    assert json.loads(re.sub(r",(\s*})", r"\1", block)) == COLORS


def test_every_label_stands_in_the_apps_palette() -> None:
    text = PALETTE.read_text()
    for paint in range(1, PAINTS):
        if paint != MAPPED:
            words = paint_of(paint, MIB2)
            assert f'"{words.key}"' in text
            assert f'"{words.label}"' in text
    assert "mapped by one ${bytes(pageSize)} entry" in text


def test_every_paint_has_a_colour_of_its_own_in_both_themes() -> None:
    for theme in THEMES:
        for page_size in (MIB2, GIB):
            colors = [color_of(paint, theme, page_size) for paint in range(1, PAINTS)]
            assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in colors)
            assert len(set(colors)) == len(colors)
    assert mix("#000000", "#ffffff", 0.5) == "#808080"


def painted(*rows: Row) -> list[int]:
    paints: list[int] = cell_paints(cells_of(list(rows)), MIB2).tolist()
    return paints


def test_cells_by_state_and_flag() -> None:
    assert painted(*(whole_row(state) for state in CellState)) == [
        PARTIAL if state is CellState.PARTIAL else state_paint(state) for state in CellState
    ]
    part = int(CellState.PARTIAL)
    assert painted((1, 1, 1, part, 0, 0), (511, 1, 1, part, 0, 0)) == [
        PARTIAL,
        PARTIAL + PARTIAL_LEVELS - 1,
    ]
    assert painted((512, 1, 1, 1, 4, 0), (512, 1, 1, 1, 6, 0)) == [SHARED_TABLE, WRITE_PROTECTED]
    assert painted((0, 1, 1, 0, 6, 0), (0, 1, 1, 6, 6, 0)) == [HOLE, POISONED]


def grouped(cells: Cells, shift: int) -> list[int]:
    groups = group_cells(cells, 0, shift, numbers_of(0, len(cells), 0, shift))
    paints: list[int] = group_paints(groups, MIB2).tolist()
    return paints


def test_a_group_shows_danger_whatever_else_is_in_it() -> None:
    cells = Cells.holes(1024)
    cells.state[:512] = CellState.MAPPED
    cells.state[3] = CellState.MIGRATING
    assert grouped(cells, 9) == [MIGRATING, HOLE]
    cells.state[4] = CellState.POISONED
    assert grouped(cells, 9) == [POISONED, HOLE]


def test_a_group_shows_what_most_are_and_no_page_vanishes() -> None:
    cells = Cells.holes(24)
    cells.state[:7] = CellState.MAPPED
    cells.state[9] = CellState.SPLIT
    cells.state[16:20] = CellState.MAPPED
    assert grouped(cells, 3) == [MAPPED, SPARSE, MAPPED]
    cells.flags[:7] = 2
    assert grouped(cells, 3)[0] == WRITE_PROTECTED
    cells.state[:8], cells.mapped_pages[:8], cells.flags[:8] = CellState.PARTIAL, 256, 0
    assert grouped(cells, 3)[0] == PARTIAL + PARTIAL_LEVELS // 2


def test_what_no_cell_is_in_is_outside() -> None:
    groups = group_cells(Cells.holes(8), 0, 3, np.array([0, 1]))
    assert group_paints(groups, MIB2).tolist() == [HOLE, OUTSIDE]
