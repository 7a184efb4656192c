"""Which full pages are split: by one reading of smaps, and by what earlier looks saw."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.kernel.smaps import SmapsVma
from hugescope_agent.model.decode import Chunks
from hugescope_agent.model.levels import Shown
from hugescope_agent.model.split import SplitCount, SplitTracker
from hugescope_wire.cells import CellState
from tests.unit.agent.model.made_model import GIB, MIB2, huge_vma, smaps_of
from tests.unit.wire.made_wire import several

HOLE, PARTIAL, WHOLE, SPLIT = 0, 7, "whole", "split"
Cell = int | str
"""What really maps a 2 MiB page: so many 4 KiB entries, one entry, or 512."""

NAMES = {CellState.HOLE: "-", CellState.PARTIAL: "p"}
NAMES |= {CellState.FULL: "f", CellState.MAPPED: "w", CellState.SPLIT: "s"}


def shown_of(cells: list[Cell], page_size: int = MIB2) -> Shown:
    """What pagemap shows of them."""
    whole = page_size // 4096
    pages = np.array([cell if isinstance(cell, int) else whole for cell in cells], np.uint32)
    state = np.where(pages == whole, CellState.FULL, np.where(pages > 0, CellState.PARTIAL, 0))
    full = np.where(pages == whole, whole // 512, 0).astype(np.uint32)
    stray = np.where(pages == whole, 0, pages).astype(np.uint32)
    return Shown(state.astype(np.uint8), pages, Chunks(full, stray))


def smaps_for(cells: list[Cell], lost: int = 0) -> SmapsVma:
    """What smaps says of them; `lost` pages have poisoned entries of full size."""
    pte = sum(cell for cell in cells if isinstance(cell, int)) * 4096 + cells.count(SPLIT) * MIB2
    return smaps_of(huge_vma(8), "ht hm", pud=0, pmd=(cells.count(WHOLE) + lost) * MIB2, pte=pte)


class Host:
    """A mapping whose pages really are as given, looked at like a live one."""

    def __init__(self, cell_count: int, *, still: bool = False) -> None:
        self.tracker = SplitTracker(MIB2, cell_count)
        self.still = still
        self.smaps: SmapsVma | None = None
        self.cells: list[Cell] = [0] * cell_count

    def read_smaps(self, lost: int = 0) -> None:
        """The agent reads smaps now."""
        self.smaps = smaps_for(self.cells, lost)

    def look(self, *cells: Cell) -> str:
        """Pages are these now; gives a letter for each state, a capital where inferred."""
        if cells:
            self.cells = list(cells)
        shown = shown_of(self.cells)
        verdict = self.tracker.look(shown, self.smaps, still=self.still)
        letters = [NAMES[CellState(state)] for state in verdict.state.tolist()]
        pairs = zip(letters, verdict.inferred.tolist(), strict=True)
        return "".join(letter.upper() if inferred else letter for letter, inferred in pairs)

    def read_and_look(self, *cells: Cell) -> str:
        """smaps and then a look, of the same moment."""
        self.cells = list(cells)
        self.read_smaps()
        return self.look()

    @property
    def count(self) -> SplitCount:
        return self.tracker.count()


def test_one_look_tells_all_or_none() -> None:
    assert Host(4).read_and_look(WHOLE, WHOLE, 0, 7) == "ww-p"
    host = Host(4)
    assert host.read_and_look(SPLIT, SPLIT, 0, 7) == "ss-p"
    assert host.count == SplitCount(2, 0, 8192)
    host = Host(4)
    assert host.read_and_look(SPLIT, WHOLE, 0, 7) == "FF-p"
    assert host.count == SplitCount(1, 0, 4096)


def test_without_smaps_nothing_is_told() -> None:
    host = Host(2)
    assert host.look(SPLIT, WHOLE) == "ff"
    assert host.count == SplitCount(None, None, None)


def test_a_page_seen_filling_is_split_until_smaps_says_otherwise() -> None:
    host = Host(2)
    host.read_and_look(WHOLE, 500)
    assert host.look(WHOLE, SPLIT) == "wS"
    assert host.count == SplitCount(None, None, None)
    assert host.read_and_look(WHOLE, SPLIT) == "WS"
    assert host.count == SplitCount(1, 0, 4096)
    assert host.read_and_look(WHOLE, WHOLE) == "ww"
    assert host.count == SplitCount(0, 0, 0)


def test_a_page_that_came_at_once_is_not_told() -> None:
    host = Host(2)
    host.read_and_look(WHOLE, 0)
    assert host.look(WHOLE, SPLIT) == "wf"


def test_what_was_whole_stays_whole_and_names_the_other() -> None:
    """The background fill of a post-copy, as in the captured series."""
    host = Host(3, still=True)
    assert host.read_and_look(SPLIT, 12, 9) == "spp"
    assert host.read_and_look(WHOLE, WHOLE, 100) == "wwp"
    assert host.read_and_look(WHOLE, WHOLE, SPLIT) == "WWS"
    assert host.read_and_look(WHOLE, WHOLE, WHOLE) == "www"


def test_seen_filling_names_the_places_among_unknown_ones() -> None:
    host = Host(3)
    host.look(WHOLE, 300, 300)
    assert host.read_and_look(WHOLE, SPLIT, SPLIT) == "WSS"


def test_more_split_pages_than_were_seen_filling() -> None:
    host = Host(4)
    host.look(WHOLE, SPLIT, 300, 300)
    assert host.read_and_look(WHOLE, SPLIT, SPLIT, SPLIT) == "FFSS"
    assert host.count == SplitCount(3, 0, 12288)


def test_fewer_split_pages_than_were_seen_filling() -> None:
    """One was collapsed: which, is not told."""
    host = Host(3)
    host.look(WHOLE, 300, 300)
    assert host.read_and_look(WHOLE, WHOLE, SPLIT) == "FFF"
    assert host.count == SplitCount(1, 0, 4096)


def test_a_collapse_that_filled_a_page_is_not_taken_for_a_fill() -> None:
    """Stages 3 and 4 of the captured trees: as many split pages as were seen filling, yet another
    page. The number of split pages fell though none left, so pages were collapsed.
    """
    host = Host(5, still=True)
    assert host.read_and_look(WHOLE, SPLIT, SPLIT, 100, 3) == "FFFpp"
    assert host.read_and_look(WHOLE, SPLIT, WHOLE, WHOLE, 3) == "FFFFp"
    assert host.count == SplitCount(1, 0, 4096)


def test_a_split_page_that_left_is_no_collapse() -> None:
    host = Host(3)
    host.read_and_look(SPLIT, SPLIT, 5)
    host.look(SPLIT, 0, SPLIT)
    assert host.read_and_look(SPLIT, 0, SPLIT) == "s-s"
    host.look(WHOLE, 3, SPLIT)
    assert host.read_and_look(WHOLE, 3, SPLIT) == "FpF"


def test_a_punched_page_is_forgotten() -> None:
    host = Host(2)
    host.read_and_look(WHOLE, SPLIT)
    host.look(0, SPLIT)
    host.look(SPLIT, SPLIT)
    assert host.read_and_look(SPLIT, SPLIT) == "ss"


def test_numbers_against_all_that_was_known_are_believed() -> None:
    """A page punched and filled again between two looks."""
    host = Host(3)
    host.read_and_look(WHOLE, WHOLE, 9)
    host.look(WHOLE, WHOLE, SPLIT)
    assert host.read_and_look(WHOLE, SPLIT, SPLIT) == "FFF"


def test_an_old_reading_says_nothing_of_new_pages() -> None:
    host = Host(2)
    host.read_and_look(WHOLE, 0)
    for _ in range(3):
        assert host.look(WHOLE, SPLIT) == "wf"
    assert host.count == SplitCount(None, None, None)


def test_a_number_outlives_pages_that_left() -> None:
    host = Host(2)
    host.read_and_look(SPLIT, SPLIT)
    host.look(SPLIT, 17)
    assert host.count == SplitCount(1, 0, 4096)


def test_a_reading_torn_by_faults_still_counts_full_pages() -> None:
    """4 KiB pages came between smaps and the look; no page became full."""
    host = Host(3)
    host.look(WHOLE, 300, SPLIT)
    host.cells = [WHOLE, 305, SPLIT]
    host.read_smaps()
    assert host.look(WHOLE, 310, SPLIT) == "FpF"
    assert host.count == SplitCount(1, 0, 4096)
    host.cells = [WHOLE, 315, WHOLE]
    host.read_smaps()
    assert host.look(WHOLE, 320, WHOLE) == "wpw"


def test_a_reading_torn_by_a_page_that_filled_says_nothing() -> None:
    host = Host(2)
    host.look(WHOLE, 500)
    host.cells = [WHOLE, 505]
    host.read_smaps()
    assert host.look(WHOLE, SPLIT) == "fS"
    assert host.count == SplitCount(None, None, None)


def test_a_first_reading_torn_says_nothing() -> None:
    host = Host(2)
    host.cells = [WHOLE, 5]
    host.read_smaps()
    assert host.look(WHOLE, 6) == "fp"
    assert host.count == SplitCount(None, None, None)


@pytest.mark.parametrize("still", [True, False])
def test_a_lost_page_leaves_the_answer_open_unless_ptes_map_only_parts(still: bool) -> None:
    host = Host(3, still=still)
    host.look(WHOLE, 9, 0)
    host.read_smaps(lost=1)
    assert host.look() == "wp-"
    assert host.count == SplitCount(0, 0, 0)
    host.look(WHOLE, SPLIT, 0)
    host.read_smaps(lost=1)
    host.look()
    assert host.count == SplitCount(None, None, None)


def level_of(tracker: SplitTracker) -> str | None:
    """What maps the chunks, as it is now."""
    return tracker.chunk_level


def test_1_gib_pages() -> None:
    tracker = SplitTracker(GIB, 3)
    vma = huge_vma(3, page_size=GIB)
    smaps = smaps_of(vma, "ht hm", pud=GIB, pmd=511 * MIB2, pte=MIB2 + 9 * 4096)
    shown = shown_of([WHOLE, SPLIT, 9], GIB)
    verdict = tracker.look(shown, smaps, still=True)
    assert verdict.state.tolist() == [CellState.FULL, CellState.FULL, CellState.PARTIAL]
    assert tracker.count() == SplitCount(1, 1, 8192)
    assert level_of(tracker) is None
    below = smaps_of(vma, "ht hm", pud=GIB, pmd=512 * MIB2, pte=9 * 4096)
    tracker.look(shown, below, still=True)
    assert tracker.count() == SplitCount(1, 0, 4096)
    assert level_of(tracker) == "pmd"
    tracker.look(shown_of([WHOLE, SPLIT, 10], GIB), below, still=True)
    assert level_of(tracker) is None
    small = smaps_of(vma, "ht hm", pud=GIB, pmd=0, pte=GIB + 9 * 4096)
    tracker.look(shown, small, still=True)
    assert tracker.count() == SplitCount(1, 512, 513 * 4096)
    assert level_of(tracker) == "pte"


def test_a_kernel_without_the_fields() -> None:
    tracker = SplitTracker(MIB2, 1)
    smaps = smaps_of(huge_vma(1), "ht hm")
    assert tracker.look(shown_of([300]), smaps, still=True).state.tolist() == [CellState.PARTIAL]
    verdict = tracker.look(shown_of([SPLIT]), smaps, still=True)
    assert verdict.state.tolist() == [CellState.SPLIT]
    assert verdict.inferred.tolist() == [True]
    assert tracker.count() == SplitCount(None, None, None)


CELLS = st.lists(st.sampled_from((0, 7, 500, WHOLE, SPLIT)), min_size=3, max_size=3)


@given(st.lists(st.tuples(CELLS, st.booleans()), max_size=8))
@several
def test_no_claim_without_the_flag_is_wrong(steps: list[tuple[list[Cell], bool]]) -> None:
    """Whatever happens between looks: what a reading of this very moment names for certain is so,
    and the number is the number.
    """
    host = Host(3)
    for cells, read in steps:
        if not read:
            host.look(*cells)
            continue
        found = host.read_and_look(*cells)
        for cell, letter in zip(cells, found, strict=True):
            assert {"w": WHOLE, "s": SPLIT}.get(letter, cell) == cell
            assert (letter == "p") == (cell in (7, 500))
        assert host.count == SplitCount(cells.count(SPLIT), 0, cells.count(SPLIT) * 4096)
