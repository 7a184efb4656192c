"""Which full cells are split, where the sums of smaps leave only one answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.model.levels import hgm_levels, settle_full
from hugescope_wire.cells import CellState
from hugescope_wire.snapshot import LevelBytes
from tests.unit.agent.model.made_model import GIB, MIB2, huge_vma, smaps_of
from tests.unit.wire.made_wire import many

HOLE, MAPPED, FULL, SPLIT, PARTIAL = list(CellState)[:5]


def settle(
    cells: list[tuple[CellState, int]], page_size: int = MIB2, **levels: int | None
) -> list[CellState]:
    """The states afterwards, of cells given as state and mapped 4 KiB pages."""
    state = np.array([one for one, _ in cells], np.uint8)
    pages = np.array([count for _, count in cells], np.uint32)
    before = state.copy()
    smaps = smaps_of(huge_vma(max(1, len(cells)), page_size=page_size), "ht hm", **levels)
    settled = settle_full(state, pages, smaps, page_size)
    assert state.tolist() == before.tolist()
    return [CellState(one) for one in settled.tolist()]


TWO_FULL = [(FULL, 512), (PARTIAL, 7), (FULL, 512), (HOLE, 0)]


@pytest.mark.parametrize(
    ("pte", "expected"),
    [
        (7 * 4096, MAPPED),
        (7 * 4096 + 2 * MIB2, SPLIT),
        (7 * 4096 + MIB2, FULL),
        (None, FULL),
        # Nonsense: less than the partly mapped cells hold, more than there is, no whole page.
        (0, FULL),
        (7 * 4096 + 3 * MIB2, FULL),
        (7 * 4096 + 4096, FULL),
        (1 << 70, FULL),
    ],
)
def test_2_mib_cells_by_what_ptes_map(pte: int | None, expected: CellState) -> None:
    assert settle(TWO_FULL, pte=pte, pmd=0, pud=0) == [expected, PARTIAL, expected, HOLE]


@pytest.mark.parametrize(
    ("pud", "expected"),
    [
        (2 * GIB, MAPPED),
        (0, SPLIT),
        (GIB, FULL),
        (None, FULL),
        (3 * GIB, FULL),
        (GIB + 4096, FULL),
        (2 * GIB + 4096, FULL),
    ],
)
def test_1_gib_cells_by_what_puds_map(pud: int | None, expected: CellState) -> None:
    cells = [(FULL, 1 << 18), (PARTIAL, 34318), (FULL, 1 << 18)]
    assert settle(cells, GIB, pud=pud, pmd=0, pte=28 << 10) == [expected, PARTIAL, expected]


def test_nothing_full_nothing_to_settle() -> None:
    assert settle([(PARTIAL, 3), (HOLE, 0)], pte=3 * 4096) == [PARTIAL, HOLE]
    assert settle([], pte=0) == []


@given(
    st.lists(st.sampled_from(("hole", "whole", "split", "partial")), min_size=1, max_size=12),
    st.booleans(),
)
@many
def test_sums_of_a_made_up_mapping(kinds: list[str], large: bool) -> None:
    """A mapping is made, its levels are summed as the kernel does, and no claim goes too far."""
    page_size = GIB if large else MIB2
    pages = page_size // 4096
    cells = {
        "hole": (HOLE, 0),
        "whole": (FULL, pages),
        "split": (FULL, pages),
        "partial": (PARTIAL, 9),
    }
    own = kinds.count("whole") * page_size
    rest = kinds.count("split") * page_size + kinds.count("partial") * 9 * 4096
    levels = {"pud": own, "pmd": 0, "pte": rest} if large else {"pud": 0, "pmd": own, "pte": rest}
    settled = settle([cells[kind] for kind in kinds], page_size, **levels)
    truth = {"hole": HOLE, "whole": MAPPED, "split": SPLIT, "partial": PARTIAL}
    mixed = {"whole", "split"} <= set(kinds)
    for kind, state in zip(kinds, settled, strict=True):
        undecided = mixed and kind in ("whole", "split")
        assert state == (FULL if undecided else truth[kind])


def test_levels_are_null_where_smaps_was_not_read() -> None:
    assert hgm_levels(None) == LevelBytes(pud=None, pmd=None, pte=None)
    smaps = smaps_of(huge_vma(1), pud=0, pmd=MIB2, pte=None)
    assert hgm_levels(smaps) == LevelBytes(pud=0, pmd=MIB2, pte=None)
