"""Cells of THP mappings from made page tables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.kernel.folios import PMD_PAGES, Folios
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.thp_cells import (
    ThpCells,
    Words,
    changed_cells,
    classify,
    classify_huge,
    huge_cells,
    present_pfns,
)
from hugescope_wire.cells import CellFlag, CellState
from tests.unit.wire.made_wire import several

PRESENT, SWAP, GUARD, EXCLUSIVE, PROTECTED = 1 << 63, 1 << 62, 1 << 58, 1 << 56, 1 << 57
HEAD = 512 * 40
PAGES = np.arange(PMD_PAGES, dtype=np.uint64)
PRESENT_AT = np.uint64(PRESENT)


def in_full(head: int = HEAD) -> Words:
    """All entries of a cell, of contiguous PFNs."""
    return PRESENT_AT | (np.uint64(head) + PAGES)


def seen(words: Words, order: int = 9, base: tuple[int, ...] = (), zero: bool = False) -> ThpCells:
    """One cell classified; all PFNs are of aligned folios of one order but those in `base`."""
    pfns = present_pfns(words.reshape(1, -1))
    orders = np.where(np.isin(pfns, base), 0, order).astype(np.uint8)
    heads = pfns >> orders.astype(np.uint64) << orders.astype(np.uint64)
    return classify(words.reshape(1, -1), Folios(orders, heads, np.full(len(pfns), zero)))


def state_of(cells: ThpCells) -> str:
    return CellState(int(cells.state[0])).label


def test_one_folio_in_full() -> None:
    cells = seen(in_full())
    assert state_of(cells) == "full"
    assert cells.count_pfn.tolist() == [HEAD]
    assert cells.folio_pages.tolist() == [[0] * 9 + [512]]


def test_a_part_of_a_folio() -> None:
    words = in_full()
    words[10:20] = 0
    cells = seen(words)
    assert (state_of(cells), int(cells.mapped_pages[0])) == ("partial", 502)


def test_a_folio_with_a_page_copied_on_write() -> None:
    words = in_full()
    words[0] = PRESENT | 7
    cells = seen(words, base=(7,))
    assert (state_of(cells), cells.mapped_pages.tolist()) == ("split", [512])
    assert cells.count_pfn.tolist() == [HEAD + 1]
    assert (cells.head_pfn.tolist(), cells.last_pfn.tolist()) == ([HEAD], [HEAD])
    assert cells.folio_pages.tolist() == [[1, *[0] * 8, 511]]
    words[9] = 0
    assert state_of(seen(words, base=(7,))) == "partial"


def test_two_folios_that_meet_in_a_cell() -> None:
    """A part that was moved lies askew: in full and of huge folios, and never of one PMD."""
    cells = seen(in_full(HEAD + 100))
    assert state_of(cells) == "split"
    assert (cells.head_pfn.tolist(), cells.last_pfn.tolist()) == ([HEAD], [HEAD + 512])


def test_small_folios_and_base_pages() -> None:
    assert state_of(seen(in_full(), order=4)) == "small"
    cells = seen(in_full(), order=4, base=tuple(range(HEAD, HEAD + 16)))
    assert cells.folio_pages.tolist() == [[16, 0, 0, 0, 496, 0, 0, 0, 0, 0]]
    assert cells.count_pfn.tolist() == [0]


def test_zeros_are_present_and_no_memory() -> None:
    huge = seen(in_full(), zero=True)
    assert (state_of(huge), bool(huge.zero_huge[0])) == ("mapped", True)
    base = seen(np.full(PMD_PAGES, PRESENT | 5, np.uint64), order=0, zero=True)
    assert (state_of(base), bool(base.zero_huge[0])) == ("small", False)
    assert not huge.folio_pages.any()
    assert not base.folio_pages.any()


def test_entries_without_a_page() -> None:
    words = np.zeros(PMD_PAGES, np.uint64)
    assert state_of(seen(words)) == "hole"
    words[0] = SWAP | 1 << 5  # in the first swap area
    words[1] = SWAP | 2 << 5 | 27  # migration
    words[2] = SWAP | 31  # marker
    words[3] = SWAP | GUARD | 31
    cells = seen(words)
    assert (state_of(cells), cells.swapped.tolist(), cells.lost.tolist()) == ("hole", [1], [1])
    words[:] = 0
    words[7] = SWAP | PROTECTED | 31
    cells = seen(words)
    assert (state_of(cells), cells.flags.tolist()) == ("marker", [CellFlag.WRITE_PROTECTED])


def test_flags() -> None:
    words = in_full() | np.uint64(EXCLUSIVE)
    assert seen(words).flags.tolist() == [CellFlag.EXCLUSIVE]
    words[3] = (words[3] & ~np.uint64(EXCLUSIVE)) | np.uint64(PROTECTED)
    assert seen(words).flags.tolist() == [CellFlag.WRITE_PROTECTED]


@pytest.mark.parametrize(
    ("words", "state", "inferred"),
    [
        (in_full(), "full", True),
        (in_full(HEAD + 1), "small", True),
        (np.full(PMD_PAGES, PRESENT_AT), "full", True),  # PFNs are hidden
        (np.where(PAGES < 9, PRESENT_AT, np.uint64(0)), "partial", True),
        (np.zeros(PMD_PAGES, np.uint64), "hole", False),
    ],
)
def test_without_flags_of_pages_it_is_inferred(words: Words, state: str, inferred: bool) -> None:
    cells = classify(words.reshape(1, -1), None)
    assert state_of(cells) == state
    assert bool(cells.flags[0] & CellFlag.INFERRED) is inferred
    assert not cells.folio_pages.any()


def test_cells_that_a_pmd_maps() -> None:
    words = np.array([PRESENT | HEAD | EXCLUSIVE, PRESENT | 2 * HEAD], np.uint64)
    cells = classify_huge(words, np.array([False, True]), folios_known=True)
    assert cells.state.tolist() == [CellState.MAPPED] * 2
    assert cells.count_pfn.tolist() == [HEAD, 0]
    assert cells.head_pfn.tolist() == cells.last_pfn.tolist() == [HEAD, 0]
    assert cells.folio_pages[:, 9].tolist() == [512, 0]
    assert cells.flags.tolist() == [CellFlag.EXCLUSIVE, 0]


# --- scans --------------------------------------------------------------------------------------

VMA = HugeVma(0x7E00001FF000, 0x7E0000900000, 2 << 20, False, 0, (0, 0), 0, "", "thp")
FIRST = VMA.first_va
PAGE_COUNT = (VMA.end - VMA.start) // 4096


def scan_of(categories: list[int]) -> bytes:
    """What a scan of the VMA gives, by page."""
    rows: list[int] = []
    for page, category in enumerate(categories):
        address = VMA.start + page * 4096
        if category and rows and rows[-2:] == [address, category]:
            rows[-2] = address + 4096
        elif category:
            rows += [address, address + 4096, category]
    return np.array(rows, np.uint64).tobytes()


Pieces = st.lists(st.tuples(st.integers(1, 700), st.sampled_from([0, 0x08, 0x0A, 0x10])))


def pages_of(pieces: list[tuple[int, int]]) -> list[int]:
    pages = [category for length, category in pieces for _ in range(length)]
    return (pages + [0] * PAGE_COUNT)[:PAGE_COUNT]


@several
@given(old=Pieces, new=Pieces)
def test_cells_that_changed_between_scans(
    old: list[tuple[int, int]], new: list[tuple[int, int]]
) -> None:
    before, after = pages_of(old), pages_of(new)
    expected = [False] * VMA.cell_count
    for page, pair in enumerate(zip(before, after, strict=True)):
        expected[(VMA.start + page * 4096 - FIRST) // VMA.page_size] |= pair[0] != pair[1]
    assert changed_cells(scan_of(before), scan_of(after), VMA).tolist() == expected


def test_cells_that_a_scan_found_huge() -> None:
    pages = [0x08] + [0x48] * 512 + [0x08] * 10 + [0] * 502 + [0x4A] * 512 + [0] * 256
    assert huge_cells(scan_of(pages), VMA).tolist() == [False, True, False, True, False]
    assert not huge_cells(b"", VMA).any()
    assert not changed_cells(b"", b"", VMA).any()
