"""Split pages and lost pages of one mapping: exact, or None where smaps is of another moment."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hugescope_agent.model.granularity import lost_pages, split_facts
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.reader import CellReader
from hugescope_wire.cells import CellFlag, CellState
from hugescope_wire.page import PartRun
from hugescope_wire.report import SplitFacts
from tests.unit.agent.model.made_model import (
    MARKER,
    MIB2,
    START,
    SUSPECT,
    FakeKernel,
    smaps_of,
    tracked,
)

PFN = 512 * 9
MIB = 1 << 20


class Watched:
    """A mapping of four cells, with a reader of a made-up kernel."""

    def __init__(self, kernel: FakeKernel, *, hgm: bool = False, scan: bool = False) -> None:
        self.kernel = kernel
        self.mapping: TrackedMapping = tracked(1, 4, hgm=hgm)
        self.reader: CellReader = kernel.reader(scan=scan)

    def smaps(
        self,
        shared: int | None,
        private: int | None = 0,
        *,
        still: bool = False,
        flags: str = "ht",
        **levels: int,
    ) -> None:
        """A reading of smaps, in bytes."""
        entry = dataclasses.replace(
            smaps_of(self.mapping.vma, flags, **levels),
            shared_hugetlb_bytes=shared,
            private_hugetlb_bytes=private,
        )
        self.mapping.take_smaps(entry, still=still)

    def look(self) -> list[int]:
        return list(map(int, self.reader.look(self.mapping, self.kernel.pagemap(), 0.0)))

    def drill(self, cell: int, chunk: int | None = None) -> list[PartRun]:
        return self.reader.drill(self.mapping, self.kernel.pagemap(), cell, chunk)

    @property
    def states(self) -> list[CellState]:
        return [CellState(state) for state in self.mapping.cells.state.tolist()]


@pytest.fixture
def kernel() -> FakeKernel:
    """Cells 0 and 2 are mapped."""
    kernel = FakeKernel()
    kernel.map(0, PFN)
    kernel.map(2, PFN + 512)
    return kernel


@pytest.mark.parametrize(
    ("shared", "private", "lost"),
    [
        (4 * MIB, 0, 0),
        (2 * MIB, 2 * MIB, 0),
        (6 * MIB, 0, 1),
        (4 * MIB, 4 * MIB, 2),
        # More than there are holes, less than is present, no whole page, not printed.
        (10 * MIB, 0, None),
        (2 * MIB, 0, None),
        (5 * MIB, 0, None),
        (None, None, None),
        (4 * MIB, None, None),
    ],
)
def test_pages_that_pagemap_does_not_show(
    kernel: FakeKernel, shared: int | None, private: int | None, lost: int | None
) -> None:
    watched = Watched(kernel)
    watched.smaps(shared, private, still=True)
    watched.look()
    assert lost_pages(watched.mapping) == lost


def test_lost_pages_of_a_live_host_need_a_look_before_and_after(kernel: FakeKernel) -> None:
    watched = Watched(kernel, scan=True)
    assert lost_pages(watched.mapping) is None
    watched.smaps(6 * MIB)
    watched.look()
    assert lost_pages(watched.mapping) is None
    watched.smaps(6 * MIB)
    assert lost_pages(watched.mapping) is None
    watched.look()
    assert lost_pages(watched.mapping) == 1
    kernel.map(3, PFN + 1024)
    watched.look()
    assert lost_pages(watched.mapping) is None


def test_none_lost_needs_no_look_before(kernel: FakeKernel) -> None:
    watched = Watched(kernel, scan=True)
    watched.smaps(4 * MIB)
    watched.look()
    assert lost_pages(watched.mapping) == 0


def test_pages_that_moved_around_smaps_are_not_lost(kernel: FakeKernel) -> None:
    watched = Watched(kernel, scan=True)
    watched.look()
    watched.smaps(4 * MIB)
    kernel.unmap(2)
    watched.look()
    assert lost_pages(watched.mapping) is None


@pytest.mark.parametrize("category", [SUSPECT, MARKER])
def test_a_suspect_is_lost_and_a_marker_is_not_counted(kernel: FakeKernel, category: int) -> None:
    watched = Watched(kernel, scan=True)
    kernel.unmap(2, category)
    watched.look()
    watched.smaps(4 * MIB if category == SUSPECT else 2 * MIB)
    watched.look()
    assert lost_pages(watched.mapping) == (1 if category == SUSPECT else 0)


def test_split_facts_are_of_hgm_mappings_only(kernel: FakeKernel) -> None:
    watched = Watched(kernel)
    watched.look()
    assert split_facts(watched.mapping) is None
    fresh = tracked(1, 4, hgm=True)
    assert split_facts(fresh) == SplitFacts(
        pages=None, chunks=None, placed=0, collapse_frees_bytes=None
    )


@pytest.fixture
def hgm() -> Watched:
    """Cells 0 and 1 are full, cell 2 has 14 pages, cell 3 none."""
    kernel = FakeKernel()
    for cell, count in enumerate((512, 512, 14)):
        kernel.map_parts(cell, PFN + 512 * cell, range(count))
    return Watched(kernel, hgm=True)


def read(watched: Watched, pmd: int, pte: int) -> None:
    """smaps of an HGM kernel, by pages of 2 MiB and of 4 KiB."""
    watched.smaps(
        pmd * MIB2 + pte * 4096, flags="ht hm", pud=0, pmd=pmd * MIB2, pte=pte * 4096, still=False
    )


@pytest.mark.parametrize(
    ("pmd", "facts", "state"),
    [
        (2, (0, 0, 0), CellState.MAPPED),
        (1, (1, 0, 4096), CellState.FULL),
        (0, (2, 2, 8192), CellState.SPLIT),
    ],
)
def test_split_pages_of_one_look(
    hgm: Watched, pmd: int, facts: tuple[int, int, int], state: CellState
) -> None:
    read(hgm, pmd, (2 - pmd) * 512 + 14)
    hgm.look()
    found = split_facts(hgm.mapping)
    assert found is not None
    assert (found.pages, found.placed, found.collapse_frees_bytes) == facts
    assert found.chunks == 0
    assert hgm.states == [state, state, CellState.PARTIAL, CellState.HOLE]
    inferred = CellFlag.INFERRED if state == CellState.FULL else 0
    assert hgm.mapping.cells.flags.tolist() == [inferred, inferred, 0, 0]
    assert hgm.look() == []


def test_candidates_stay_inferred_until_smaps_settles_them(hgm: Watched) -> None:
    read(hgm, 1, 512 + 14)
    hgm.look()
    hgm.kernel.map_parts(3, PFN + 2048, range(512))
    assert hgm.look() == [3]
    inferred = CellFlag.INFERRED
    assert hgm.mapping.cells.flags.tolist() == [inferred, inferred, 0, 0]
    hgm.kernel.map_parts(0, PFN, range(5))
    hgm.look()
    assert hgm.mapping.cells.flags.tolist() == [0, inferred, 0, 0]
    read(hgm, 2, 5 + 14)
    hgm.look()
    assert not hgm.mapping.cells.flags.any()
    assert hgm.states[1] == CellState.MAPPED


def test_a_full_chunk_of_a_partly_mapped_1_gib_page() -> None:
    """67 full chunks, one of them by 512 entries, as in the captured tree; then another comes."""
    gib = 1 << 30
    kernel = FakeKernel(page_size=gib)
    kernel.map_parts(0, 1 << 18, range(67 * 512 + 14))
    watched = Watched(kernel, hgm=True)
    watched.mapping = tracked(1, 1, page_size=gib, hgm=True)
    pte = MIB2 + 14 * 4096
    watched.smaps(0, flags="ht hm", pud=0, pmd=66 * MIB2, pte=pte)
    watched.look()
    assert split_facts(watched.mapping) == SplitFacts(
        pages=0, chunks=1, placed=0, collapse_frees_bytes=4096
    )
    kernel.map_parts(0, 1 << 18, range(68 * 512))
    watched.look()
    assert split_facts(watched.mapping) == SplitFacts(
        pages=0, chunks=None, placed=0, collapse_frees_bytes=None
    )


def test_a_page_that_filled_is_inferred(hgm: Watched) -> None:
    read(hgm, 2, 14)
    hgm.look()
    hgm.kernel.map_parts(2, PFN + 1024, range(512))
    assert hgm.look() == [2]
    assert hgm.states[:3] == [CellState.MAPPED, CellState.MAPPED, CellState.SPLIT]
    assert hgm.mapping.cells.flags[:3].tolist() == [0, 0, CellFlag.INFERRED]
    read(hgm, 2, 512)
    assert hgm.look() == [0, 1]
    assert split_facts(hgm.mapping) == SplitFacts(
        pages=1, chunks=0, placed=0, collapse_frees_bytes=4096
    )
    read(hgm, 3, 0)
    assert hgm.look() == [0, 1, 2]
    assert set(hgm.states[:3]) == {CellState.MAPPED}
    assert not hgm.mapping.cells.flags.any()


def test_a_look_at_settled_pages_changes_nothing(hgm: Watched) -> None:
    """Nor does it make all mappers be counted again."""
    read(hgm, 2, 14)
    hgm.look()
    hgm.reader.mappers.settle([hgm.mapping])
    assert hgm.look() == []
    assert hgm.reader.mappers.settle([hgm.mapping]) == {}
    assert hgm.mapping.moves == 1


def test_lost_pages_of_an_hgm_mapping(hgm: Watched) -> None:
    read(hgm, 2, 14)
    hgm.look()
    assert lost_pages(hgm.mapping) == 0
    read(hgm, 3, 14)
    hgm.look()
    assert lost_pages(hgm.mapping) == 1
    read(hgm, 2, 20)
    hgm.look()
    assert lost_pages(hgm.mapping) is None


def test_the_largest_count_of_what_is_mapped_here(hgm: Watched) -> None:
    """Another mapping of full size counts for each subpage, one of 4 KiB for its own only."""
    for page in range(512):
        hgm.kernel.count[PFN + 1024 + page] = 5
    hgm.kernel.count[PFN + 1024 + 13] = 6
    hgm.kernel.count[PFN + 1024 + 14] = 7
    hgm.look()
    assert hgm.mapping.cells.mapcount[2] == 6


def test_drill_into_hgm_cells(hgm: Watched) -> None:
    read(hgm, 2, 14)
    hgm.look()
    assert [(run.count, run.state, run.level) for run in hgm.drill(0)] == [(512, "mapped", "pmd")]
    assert [(run.count, run.state, run.level) for run in hgm.drill(2)] == [
        (14, "mapped", "pte"),
        (498, "hole", None),
    ]
    assert [(run.count, run.state, run.level) for run in hgm.drill(3)] == [(512, "hole", None)]


def test_drill_sees_what_moved_since_the_look(hgm: Watched) -> None:
    read(hgm, 2, 14)
    hgm.look()
    hgm.kernel.map_parts(2, PFN + 1024, range(512))
    hgm.kernel.map_parts(0, PFN, range(3))
    assert [(run.count, run.level) for run in hgm.drill(2)] == [(512, None)]
    assert [(run.count, run.level) for run in hgm.drill(0)] == [(3, "pte"), (509, None)]


def test_drill_on_mainline_reads_nothing(kernel: FakeKernel) -> None:
    watched = Watched(kernel)
    watched.look()
    kernel.words.clear()
    watched.mapping.cells.flags[0] = CellFlag.SHARED_TABLE | CellFlag.INFERRED
    assert not watched.drill(0)[0].inferred
    assert [(r.count, r.state, r.level) for r in watched.drill(0)] == [(512, "mapped", "pmd")]
    assert [(r.count, r.state, r.level) for r in watched.drill(1)] == [(512, "hole", None)]


def test_entries_lie_where_the_fake_puts_them(hgm: Watched) -> None:
    words = hgm.kernel.words_in(START + 2 * MIB2, START + 3 * MIB2)
    assert np.flatnonzero(words).tolist() == list(range(14))


def test_a_poisoned_1_gib_page_is_one_lost_page() -> None:
    kernel = FakeKernel(page_size=1 << 30)
    kernel.map(0, 1 << 18)
    watched = Watched(kernel)
    watched.mapping = tracked(1, 2, page_size=1 << 30)
    watched.smaps(2 << 30, still=True)
    watched.look()
    assert lost_pages(watched.mapping) == 1
    assert watched.states == [CellState.MAPPED, CellState.HOLE]
    assert [(r.count, r.state) for r in watched.drill(1)] == [(512, "hole")]
    assert [(r.count, r.level) for r in watched.drill(0, 5)] == [(512, "pud")]
