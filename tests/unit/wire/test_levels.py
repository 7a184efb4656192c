"""Bytes by page-table level of mappings that map huge pages whole."""

import numpy as np
import pytest

from hugescope_wire.cells import CellFlag, CellState
from hugescope_wire.levels import mainline_levels, not_captured, thp_levels, thp_undecided

PAGES = np.array([512, 0, 512], np.uint32)
BYTES = 1024 * 4096


@pytest.mark.parametrize(
    ("page_size", "level"),
    [
        (64 << 10, "pte"),
        (2 << 20, "pmd"),
        (32 << 20, "pmd"),
        (512 << 20, "pmd"),
        (1 << 30, "pud"),
        (16 << 30, "pud"),
    ],
)
def test_all_bytes_lie_at_the_level_of_the_page_size(page_size: int, level: str) -> None:
    expected = {"pud": 0, "pmd": 0, "pte": 0, level: BYTES}
    assert mainline_levels(page_size, PAGES).model_dump() == expected


def test_sum_beyond_32_bits() -> None:
    pages = np.full(20_000, 1 << 18, np.uint32)
    assert mainline_levels(1 << 30, pages).pud == 20_000 << 30


def test_nothing_mapped() -> None:
    assert mainline_levels(2 << 20, np.empty(0, np.uint32)).pmd == 0


def test_of_transparent_huge_pages_the_mapped_ones_have_a_pmd() -> None:
    states = [CellState.MAPPED, CellState.SPLIT, CellState.SMALL, CellState.PARTIAL, CellState.HOLE]
    pages = np.array([512, 512, 7, 1, 0], np.uint32)
    found = thp_levels(np.array(states, np.uint8), pages)
    assert found.model_dump() == {"pud": 0, "pmd": 2 << 20, "pte": 520 * 4096}


@pytest.mark.parametrize(
    ("state", "flags", "undecided"),
    [
        (CellState.MAPPED, 0, False),
        (CellState.MAPPED, CellFlag.INFERRED, False),
        (CellState.SMALL, CellFlag.INFERRED, False),
        (CellState.HOLE, 0, False),
        (CellState.HOLE, CellFlag.INFERRED, True),
        (CellState.FULL, 0, True),
    ],
)
def test_cells_that_leave_the_level_open(state: int, flags: int, undecided: bool) -> None:
    states = np.array([CellState.SMALL, state], np.uint8)
    assert thp_undecided(states, np.array([0, flags], np.uint8)) is undecided


def test_a_mapping_of_inferred_holes_was_not_captured() -> None:
    holes = np.zeros(2, np.uint8)
    inferred = np.array([CellFlag.INFERRED, CellFlag.INFERRED | CellFlag.EXCLUSIVE], np.uint8)
    assert not_captured(holes, inferred)
    assert not not_captured(holes, np.array([CellFlag.INFERRED, 0], np.uint8))
    assert not not_captured(np.array([CellState.MAPPED, 0], np.uint8), inferred)
