"""Parts of one huge page, by what is known of its cell and by its pagemap entries."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.model.drill import CellLevel, Parts, Whole, equal_parts, parts_of
from hugescope_wire.cells import CellState
from hugescope_wire.page import PartRun
from tests.unit.agent.model.made_model import GIB, MIB2
from tests.unit.wire.made_wire import several

PRESENT, UFFD_WP = 1 << 63, 1 << 57
FULL, MAPPED, SPLIT, PARTIAL = CellState.FULL, CellState.MAPPED, CellState.SPLIT, CellState.PARTIAL
Row = tuple[int, int, str, str | None, int, bool]


def rows(runs: list[PartRun]) -> list[Row]:
    """first, count, state, level, present bytes, inferred."""
    return [(r.first, r.count, r.state, r.level, r.present_bytes, r.inferred) for r in runs]


def words_of(count: int, *present: range, marked: range = range(0)) -> npt.NDArray[np.uint64]:
    """Entries of a page."""
    words = np.zeros(count, np.uint64)
    for span in present:
        words[span.start : span.stop] = PRESENT | 512
    words[marked.start : marked.stop] |= np.uint64(UFFD_WP)
    return words


@pytest.mark.parametrize(
    ("page_size", "chunk", "level", "count", "part_bytes"),
    [
        (GIB, None, "pud", 512, MIB2),
        (GIB, 511, "pud", 512, 4096),
        (MIB2, None, "pmd", 512, 4096),
        (64 << 10, None, "pte", 16, 4096),
        (32 << 20, None, "pmd", 16, MIB2),
    ],
)
def test_a_mainline_page_is_one_entry(
    page_size: int, chunk: int | None, level: str, count: int, part_bytes: int
) -> None:
    runs = equal_parts(page_size, chunk, Whole(MAPPED, level))  # type: ignore[arg-type]
    assert rows(runs) == [(0, count, "mapped", level, part_bytes, False)]
    assert runs[0].part_bytes == part_bytes


@pytest.mark.parametrize("state", ["hole", "marker", "poisoned", "migrating"])
def test_a_mainline_page_that_is_not_there(state: str) -> None:
    whole = Whole(CellState[state.upper()], "pmd", inferred=state == "poisoned")
    assert rows(equal_parts(MIB2, None, whole)) == [
        (0, 512, state, None, 0, state == "poisoned"),
    ]


def test_entries_of_a_partly_mapped_2_mib_page() -> None:
    words = words_of(512, range(14), range(100, 102), marked=range(100, 110))
    assert rows(parts_of(words, None, CellLevel(PARTIAL, False, MIB2, None))) == [
        (0, 14, "mapped", "pte", 4096, False),
        (14, 86, "hole", None, 0, False),
        (100, 2, "mapped", "pte", 4096, False),
        (102, 8, "marker", None, 0, False),
        (110, 402, "hole", None, 0, False),
    ]


@pytest.mark.parametrize(
    ("state", "inferred", "level"),
    [(MAPPED, False, "pmd"), (MAPPED, True, "pmd"), (SPLIT, True, "pte"), (FULL, False, None)],
)
def test_entries_of_a_full_2_mib_page(state: CellState, inferred: bool, level: str | None) -> None:
    found = parts_of(words_of(512, range(512)), None, CellLevel(state, inferred, MIB2, None))
    assert rows(found) == [(0, 512, "mapped", level, 4096, inferred)]


GIB_PAGE = words_of(1 << 18, range(1024), range(1536, 1550), marked=range(2048, 2050))


@pytest.mark.parametrize(
    ("chunk_level", "state"), [("pmd", "mapped"), ("pte", "split"), (None, "full")]
)
def test_chunks_of_a_partly_mapped_1_gib_page(chunk_level: str | None, state: str) -> None:
    cell = CellLevel(PARTIAL, False, GIB, chunk_level)  # type: ignore[arg-type]
    assert rows(parts_of(GIB_PAGE, None, cell)) == [
        (0, 2, state, chunk_level, MIB2, False),
        (2, 1, "hole", None, 0, False),
        (3, 1, "partial", "pte", 14 * 4096, False),
        (4, 1, "marker", None, 0, False),
        (5, 507, "hole", None, 0, False),
    ]
    assert rows(parts_of(GIB_PAGE, 1, cell)) == [(0, 512, "mapped", chunk_level, 4096, False)]
    assert rows(parts_of(GIB_PAGE, 3, cell)) == [
        (0, 14, "mapped", "pte", 4096, False),
        (14, 498, "hole", None, 0, False),
    ]
    assert rows(parts_of(GIB_PAGE, 4, cell))[0] == (0, 2, "marker", None, 0, False)


@pytest.mark.parametrize(
    ("cell", "state", "level"),
    [
        (CellLevel(MAPPED, False, GIB, "pte"), "mapped", "pud"),
        (CellLevel(FULL, False, GIB, "pte"), "full", None),
        (CellLevel(SPLIT, True, GIB, "pte"), "split", "pte"),
        (CellLevel(SPLIT, False, GIB, "pmd"), "mapped", "pmd"),
        (CellLevel(SPLIT, False, GIB, None), "full", None),
    ],
)
def test_chunks_of_a_full_1_gib_page(cell: CellLevel, state: str, level: str | None) -> None:
    words = words_of(1 << 18, range(1 << 18))
    assert rows(parts_of(words, None, cell)) == [(0, 512, state, level, MIB2, cell.inferred)]
    assert rows(parts_of(words, 7, cell)) == [(0, 512, "mapped", level, 4096, cell.inferred)]


@given(st.lists(st.sampled_from((0, PRESENT | 9, UFFD_WP, PRESENT | UFFD_WP)), max_size=40))
@several
def test_runs_cover_all_entries_as_they_are(some: list[int]) -> None:
    words = np.zeros(512, np.uint64)
    words[: len(some)] = some
    runs = parts_of(words, None, CellLevel(PARTIAL, False, MIB2, None))
    assert [run.first for run in runs] == [
        sum(run.count for run in runs[:at]) for at in range(len(runs))
    ]
    states = [run.state for run in runs for _ in range(run.count)]
    names = {0: "hole", PRESENT | 9: "mapped", UFFD_WP: "marker", PRESENT | UFFD_WP: "mapped"}
    assert states == [names[word] for word in words.tolist()]


def test_folio_sizes_part_runs() -> None:
    """As transparent huge pages have them."""
    nothing = np.zeros(4, np.int64)
    folio = np.array([65536, 65536, 4096, 0])
    state = np.array([MAPPED, MAPPED, CellState.SMALL, CellState.HOLE])
    parts = Parts(state, np.array([1, 1, 1, 0]), 4096 * (state > 0), nothing, folio)
    assert [(run.count, run.folio_bytes, run.state) for run in parts.runs(4096)] == [
        (2, 65536, "mapped"),
        (1, 4096, "small"),
        (1, None, "hole"),
    ]
