"""Squares of a mapping: where they lie, what they say, and that no bad page is overlooked."""

from __future__ import annotations

import numpy as np
import pytest

from hugescope.report.figures import heatmap, row_address
from hugescope.report.maps import MARK_COLUMNS, MAX_SQUARES, Grid, grid_of
from hugescope.report.palette import HOLE, MAPPED, OUTSIDE, POISONED
from hugescope_wire.cells import Cells, CellState
from tests.unit.wire.made_wire import GIB, MIB2, cells_of, mapping_info, whole_row

TABLE = 512


def grid(count: int, before: int = 0, mapped: tuple[int, ...] = (), page_size: int = MIB2) -> Grid:
    start = (1 << 46) + before * page_size
    info = mapping_info(1, count, page_size, start=start, end=start + count * page_size)
    cells = Cells.holes(count)
    for at in mapped:
        cells.state[at], cells.mapped_pages[at] = CellState.MAPPED, page_size // 4096
    return grid_of(info, cells)


def test_one_row_is_no_wider_than_the_mapping() -> None:
    one = grid(8, before=500, mapped=(7,))
    assert one.paints.tolist() == [[HOLE] * 7 + [MAPPED]]
    axis = heatmap(one)["layout"]["xaxis"]
    assert axis["ticktext"][0] == "500"


def test_rows_are_page_tables() -> None:
    one = grid(TABLE, before=500, mapped=(0, 12))
    assert one.paints.shape == (2, TABLE)
    assert (one.paints[0, 499], one.paints[0, 500]) == (OUTSIDE, MAPPED)
    assert one.paints[1, 0] == MAPPED
    assert one.codes[0, 499] == -1
    assert row_address(one, 0) == (1 << 46) + 500 * MIB2
    assert row_address(one, 1) == (1 << 46) + TABLE * MIB2


@pytest.mark.parametrize("before", [0, 5, 508])
def test_a_big_mapping_is_coarser_and_every_cell_is_in_one_square(before: int) -> None:
    count = MAX_SQUARES * 4 + 3
    mapped = (0, 4321, count - 1)
    one = grid(count, before, mapped)
    assert one.cells_each == 4
    assert one.paints.size <= MAX_SQUARES + 2 * TABLE
    inside = one.codes >= 0
    assert (inside == (one.paints != OUTSIDE)).all()
    whole = heatmap_places(one)
    for at in mapped:
        (y, x) = whole[at]
        assert any("1 mapped" in line for line in one.words[one.codes[y, x]])
    # The address of a row is that of its first cell.
    y, x = whole[count - 1]
    first = (y * TABLE - one.first_column) * 4 - (before % 4)
    assert row_address(one, y) == max(one.info.start, one.info.start + first * MIB2)


def heatmap_places(one: Grid) -> dict[int, tuple[int, int]]:
    """Square of each cell, by the same arithmetic as report.js."""
    before = (one.info.start // one.info.page_size) % one.cells_each
    places = {}
    for cell in (0, 4321, one.info.cell_count - 1):
        square = (cell + before) // one.cells_each + one.first_column
        places[cell] = divmod(square, one.paints.shape[1])
    return places


def test_cells_in_words() -> None:
    rows = [
        whole_row(CellState.HOLE),
        (512, 2, 3, int(CellState.MAPPED), 1, 1),
        (100, 0xFFFF, 0xFFFF, int(CellState.PARTIAL), 8, 255),
    ]
    one = grid_of(mapping_info(1, 3), cells_of(rows))
    said = [one.words[code] for code in one.codes[0].tolist()]
    assert said == [
        ["hole: nothing is mapped"],
        ["mapped in full by one 2 MiB entry", "mapcount 2 · mappers 3 · node 1", "flags exclusive"],
        [
            "mapped in part, 400 KiB of 2 MiB",
            "mapcount unknown · mappers unknown · node unknown",
            "flags inferred",
        ],
    ]


def test_bad_pages_are_marked_one_by_one_or_all_along() -> None:
    cells = Cells.holes(TABLE)
    cells.state[7] = CellState.POISONED
    cells.state[100:140] = CellState.POISONED
    cells.state[140:142] = CellState.MIGRATING
    marks = grid_of(mapping_info(1, TABLE), cells).marks()
    assert [(mark.column, mark.ring) for mark in marks] == [
        (7, True),
        *((100 + MARK_COLUMNS // 2 + n * MARK_COLUMNS, False) for n in range(5)),
        (140.5, True),
    ]


def test_a_figure_keeps_its_numbers_once() -> None:
    one = grid(1024, mapped=(3,), page_size=GIB)
    figure = heatmap(one)
    assert (
        np.frombuffer(
            __import__("base64").b64decode(figure["data"][0]["z"]["bdata"]), np.uint8
        ).tolist()
        == one.paints.ravel().tolist()
    )
    dark = figure["dark"]["data"][0]
    assert "z" not in dark
    assert dark["colorscale"] != figure["data"][0]["colorscale"]
    assert one.counts[POISONED] == 0
