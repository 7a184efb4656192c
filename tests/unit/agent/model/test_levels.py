"""What the sums of smaps say of cells of the same moment, against mappings made entry by entry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.model.decode import Chunks
from hugescope_agent.model.levels import (
    LevelSums,
    Shown,
    Sums,
    freed_bytes,
    hgm_levels,
    nothing_split,
    split_by_own_level,
    sums_of_same_moment,
)
from hugescope_wire.cells import CellState
from hugescope_wire.snapshot import LevelBytes
from tests.unit.agent.model.made_model import GIB, MIB2, huge_vma, smaps_of
from tests.unit.wire.made_wire import many

HOLE, MAPPED, FULL, SPLIT, PARTIAL = list(CellState)[:5]
Chunk = str | int
"""What maps a chunk: "pmd", "pte" (in full), or so many 4 KiB pages."""


def shown_of(cells: list[tuple[CellState, int]]) -> Shown:
    """Cells of 2 MiB given as state and mapped 4 KiB pages."""
    state = np.array([one for one, _ in cells], np.uint8)
    pages = np.array([count for _, count in cells], np.uint32)
    full = (pages == 512).astype(np.uint32)
    return Shown(state, pages, Chunks(full, np.where(full, 0, pages).astype(np.uint32)))


def shown_of_gib(cells: list[str | list[Chunk]]) -> tuple[Shown, LevelSums]:
    """1 GiB cells, each "pud" or a list of its first chunks, and what smaps says of them."""
    rows = [[512] * 512 if cell == "pud" else [_pages(chunk) for chunk in cell] for cell in cells]
    pages = [sum(row) for row in rows]
    state = [FULL if count == 1 << 18 else PARTIAL if count else HOLE for count in pages]
    full = [row.count(512) for row in rows]
    stray = [count - 512 * chunks for count, chunks in zip(pages, full, strict=True)]
    chunks = Chunks(np.array(full, np.uint32), np.array(stray, np.uint32))
    shown = Shown(np.array(state, np.uint8), np.array(pages, np.uint32), chunks)
    below = [chunk for cell in cells if cell != "pud" for chunk in cell]
    pmd = below.count("pmd") * MIB2
    pud = cells.count("pud") * GIB
    return shown, LevelSums(pud, pmd, sum(pages) * 4096 - pud - pmd)


def _pages(chunk: Chunk) -> int:
    return chunk if isinstance(chunk, int) else 512


TWO_FULL = shown_of([(FULL, 512), (PARTIAL, 7), (FULL, 512), (HOLE, 0)])
PART = 7 * 4096


@pytest.mark.parametrize("split", [0, 1, 2])
def test_2_mib_pages_by_what_ptes_map(split: int) -> None:
    levels = LevelSums(0, (2 - split) * MIB2, PART + split * MIB2)
    sums = sums_of_same_moment(TWO_FULL, levels, MIB2)
    assert sums == Sums(split, 0, 0)
    assert freed_bytes(split, 0) == split * 4096


@pytest.mark.parametrize(
    "levels",
    [
        LevelSums(0, 2 * MIB2, 0),
        LevelSums(0, 0, PART + 3 * MIB2),
        LevelSums(0, MIB2 - 4096, PART + MIB2 + 4096),
        LevelSums(0, 3 * MIB2, PART),
        LevelSums(0, 2 * MIB2, PART + 4096),
        LevelSums(0, 2 * MIB2 + PART, 0),
        LevelSums(0, 1 << 70, 1 << 70),
    ],
)
def test_numbers_of_another_moment_say_nothing(levels: LevelSums) -> None:
    assert sums_of_same_moment(TWO_FULL, levels, MIB2) is None


PMDS: list[Chunk] = ["pmd"] * 512
PTES: list[Chunk] = ["pte"] * 512
MIXED: list[Chunk] = [*PMDS[:500], *PTES[:12]]


@pytest.mark.parametrize(
    ("cells", "split", "by_pte", "by_pmd", "freed_tables"),
    [
        (["pud"], 0, 0, 0, 0),
        (["pud", ["pmd", "pte", 14]], 0, 1, 1, 1),
        ([PMDS], 1, 0, 512, 1),
        ([PTES], 1, 512, 0, 513),
        ([MIXED, "pud"], 1, 12, 500, 13),
        ([MIXED, MIXED], 2, 24, 1000, 26),
        ([PTES, ["pte", 9]], 1, 513, 0, 514),
        ([PMDS, ["pmd", 9]], 1, 0, 513, 1),
        ([MIXED, ["pte", 9]], 1, 13, 500, 14),
        ([PMDS, ["pte"]], 1, 1, 512, 2),
    ],
)
def test_1_gib_pages_and_their_chunks(
    cells: list[str | list[Chunk]], split: int, by_pte: int, by_pmd: int, freed_tables: int
) -> None:
    shown, levels = shown_of_gib(cells)
    assert sums_of_same_moment(shown, levels, GIB) == Sums(split, by_pte, by_pmd)
    assert freed_bytes(split, by_pte) == freed_tables * 4096


def test_what_is_freed_is_unknown_with_the_chunks() -> None:
    assert freed_bytes(1, None) is None
    assert Sums.of_cells_only(1, GIB) == Sums(1, None, None)
    assert Sums.of_cells_only(1, MIB2) == Sums(1, 0, 0)


def test_1_gib_pages_with_nonsense_below() -> None:
    shown, levels = shown_of_gib(["pud", ["pmd", 14]])
    off = levels._replace(pmd=levels.pmd - 4096, pte=levels.pte + 4096)
    assert sums_of_same_moment(shown, off, GIB) is None
    swapped = levels._replace(pmd=levels.pmd + levels.pte, pte=0)
    assert sums_of_same_moment(shown, swapped, GIB) is None


def test_own_level_counts_while_parts_move() -> None:
    assert split_by_own_level(5, LevelSums(0, 3 * MIB2, 77), MIB2) == 2
    assert split_by_own_level(5, LevelSums(0, 3 * MIB2 + 4096, 77), MIB2) is None
    assert split_by_own_level(2, LevelSums(0, 3 * MIB2, 77), MIB2) is None
    assert split_by_own_level(2, LevelSums(GIB, 3 * MIB2, 77), GIB) == 1


def test_nothing_is_split_where_ptes_map_only_parts() -> None:
    """A page whose entry is poisoned counts in smaps and shows in pagemap as a hole."""
    assert nothing_split(TWO_FULL, LevelSums(0, 3 * MIB2, PART), MIB2)
    assert not nothing_split(TWO_FULL, LevelSums(0, 2 * MIB2, PART + MIB2), MIB2)
    assert not nothing_split(TWO_FULL, LevelSums(0, MIB2, PART), MIB2)


@given(st.lists(st.sampled_from(("hole", "whole", "split", "partial")), max_size=12))
@many
def test_sums_of_a_made_up_mapping(kinds: list[str]) -> None:
    """A mapping is made, its levels are summed as the kernel does, and the number comes out."""
    cells = {"hole": (HOLE, 0), "whole": (FULL, 512), "split": (FULL, 512), "partial": (PARTIAL, 9)}
    whole, split, partial = (kinds.count(kind) for kind in ("whole", "split", "partial"))
    levels = LevelSums(0, whole * MIB2, split * MIB2 + partial * 9 * 4096)
    sums = sums_of_same_moment(shown_of([cells[kind] for kind in kinds]), levels, MIB2)
    assert sums == Sums(split, 0, 0)


def test_levels_are_null_where_smaps_was_not_read() -> None:
    assert hgm_levels(None) == LevelBytes(pud=None, pmd=None, pte=None)
    smaps = smaps_of(huge_vma(1), pud=0, pmd=MIB2, pte=None)
    assert hgm_levels(smaps) == LevelBytes(pud=0, pmd=MIB2, pte=None)
    assert LevelSums.of(smaps) is None
    assert LevelSums.of(smaps_of(huge_vma(1), pud=0, pmd=MIB2, pte=4096)) == (0, MIB2, 4096)
