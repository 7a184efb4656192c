"""Cells of one mapping from a made-up kernel: what changed, and poison by evidence or time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.model.mapping import Index, TrackedMapping
from hugescope_agent.model.reader import MIGRATION_S, CellReader
from hugescope_wire.cells import UNKNOWN_COUNT, UNKNOWN_NODE, CellFlag, CellState
from tests.unit.agent.model.made_model import (
    KPF_HUGE,
    KPF_HWPOISON,
    MARKER,
    MIB2,
    START,
    SUSPECT,
    FakeKernel,
    tracked,
)
from tests.unit.wire.made_wire import several

HOLE, MAPPED = CellState.HOLE, CellState.MAPPED
MIGRATING, POISONED = CellState.MIGRATING, CellState.POISONED
PFN = 512 * 9


class Watched:
    """A mapping of four cells and a reader, looked at with a clock of the test's."""

    def __init__(self, kernel: FakeKernel, *, scan: bool = True, kpage: bool = True) -> None:
        self.kernel = kernel
        self.mapping: TrackedMapping = tracked(1, 4)
        self.reader: CellReader = kernel.reader(scan=scan, kpage=kpage)
        self.others: list[TrackedMapping] = []

    def look(self, now_s: float = 0.0) -> list[int]:
        """Look once; the cells that changed."""
        self.reader.begin_look()
        return self._settled(self.reader.look(self.mapping, self.kernel.pagemap(), now_s))

    def reread(self, *cells: int) -> list[int]:
        """Read cells again, as the rotation does."""
        index = np.array(cells, np.intp)
        return self._settled(self.reader.read(self.mapping, self.kernel.pagemap(), index))

    def _settled(self, changed: Index) -> list[int]:
        """With the counts, which are read when all cells are."""
        counted = self.reader.mappers.settle([self.mapping, *self.others])
        return list(map(int, np.union1d(changed, counted.get(self.mapping.id, changed))))

    @property
    def states(self) -> list[CellState]:
        return [CellState(state) for state in self.mapping.cells.state.tolist()]

    def flags(self, cell: int) -> CellFlag:
        return CellFlag(int(self.mapping.cells.flags[cell]))


@pytest.fixture
def kernel() -> FakeKernel:
    """Cells 0 and 2 are mapped."""
    kernel = FakeKernel()
    kernel.map(0, PFN, count=3)
    kernel.map(2, (1 << 20) + 512)
    return kernel


@pytest.mark.parametrize("scan", [True, False])
def test_first_look(kernel: FakeKernel, scan: bool) -> None:
    watched = Watched(kernel, scan=scan)
    assert watched.look() == [0, 2]
    cells = watched.mapping.cells
    assert watched.states == [MAPPED, HOLE, MAPPED, HOLE]
    assert cells.mapcount.tolist() == [3, UNKNOWN_COUNT, 1, UNKNOWN_COUNT]
    assert cells.node.tolist() == [0, UNKNOWN_NODE, 1, UNKNOWN_NODE]
    assert cells.mapped_pages.tolist() == [512, 0, 512, 0]
    assert watched.look() == []
    assert watched.reader.saw_pfn


@pytest.mark.parametrize("scan", [True, False])
def test_a_page_that_came_and_one_that_went(kernel: FakeKernel, scan: bool) -> None:
    watched = Watched(kernel, scan=scan)
    watched.look()
    kernel.unmap(0)
    kernel.map(3, 512)
    assert watched.look() == [0, 3]
    assert watched.states == [HOLE, HOLE, MAPPED, MAPPED]


def test_what_a_scan_cannot_see_is_read_in_rotation(kernel: FakeKernel) -> None:
    """A copy on write: another page at the same place."""
    watched = Watched(kernel)
    watched.look()
    kernel.map(0, 1024, count=1)
    assert watched.look() == []
    assert watched.reread(0, 2) == [0]
    assert watched.mapping.head_pfn[0] == 1024
    assert watched.mapping.cells.mapcount[0] == 1


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=12))
@several
def test_scan_and_plain_reading_agree(steps: list[tuple[int, int]]) -> None:
    kernel = FakeKernel()
    with_scan, without = Watched(kernel), Watched(kernel, scan=False)
    for cell, frame in steps:
        if frame:
            kernel.unmap(cell)
            kernel.map(cell, 512 * frame)
        else:
            kernel.unmap(cell)
        with_scan.look()
        with_scan.reread(*np.flatnonzero(with_scan.mapping.present).tolist())
        without.look()
        assert not with_scan.mapping.cells.differing(without.mapping.cells).size


def test_a_page_that_left_between_scan_and_read_is_seen_when_it_is_back(kernel: FakeKernel) -> None:
    """A page under migration, or punched out and faulted in again: both scans look the same."""
    watched = Watched(kernel)
    word = kernel.words.pop(START)
    watched.look()
    kernel.words[START] = word
    for _ in range(3):
        watched.look()
        watched.reread(*np.flatnonzero(watched.mapping.present).tolist())
    assert watched.states[0] is MAPPED


def test_a_page_that_left_while_the_rotation_read_it_is_seen_when_it_is_back(
    kernel: FakeKernel,
) -> None:
    watched = Watched(kernel)
    watched.look()
    word = kernel.words.pop(START)
    watched.reread(0, 2)
    kernel.words[START] = word
    for _ in range(3):
        watched.look()
        watched.reread(*np.flatnonzero(watched.mapping.present).tolist())
    assert watched.states[0] is MAPPED


def test_a_marker(kernel: FakeKernel) -> None:
    kernel.unmap(1, MARKER)
    watched = Watched(kernel)
    assert watched.look() == [0, 1, 2]
    assert watched.states[1] is CellState.MARKER
    assert watched.flags(1) == CellFlag.WRITE_PROTECTED
    assert not watched.mapping.suspects


def test_migration_that_ends_in_time(kernel: FakeKernel) -> None:
    watched = Watched(kernel)
    watched.look(10.0)
    kernel.unmap(0, SUSPECT)
    assert watched.look(10.1) == [0]
    assert (watched.states[0], watched.flags(0)) == (MIGRATING, CellFlag.INFERRED)
    assert watched.look(10.1 + MIGRATION_S * 0.99) == []
    kernel.map(0, 2048)
    assert watched.look(10.1 + MIGRATION_S * 2) == [0]
    assert (watched.states[0], watched.flags(0)) == (MAPPED, CellFlag(0))
    assert not watched.mapping.suspects


def test_migration_that_ends_in_a_hole(kernel: FakeKernel) -> None:
    watched = Watched(kernel)
    kernel.unmap(0, SUSPECT)
    watched.look(10.0)
    kernel.unmap(0)
    assert watched.look(20.0) == [0]
    assert watched.states[0] is HOLE
    assert not watched.mapping.suspects


def test_poison_by_its_duration_is_inferred(kernel: FakeKernel) -> None:
    watched = Watched(kernel)
    watched.look(10.0)
    kernel.unmap(0, SUSPECT)
    watched.look(11.0)
    assert watched.look(11.0 + MIGRATION_S) == [0]
    assert (watched.states[0], watched.flags(0)) == (POISONED, CellFlag.INFERRED)
    assert watched.look(12.0 + MIGRATION_S) == []


def test_poison_by_the_kernel_s_flag_is_certain_and_at_once(kernel: FakeKernel) -> None:
    watched = Watched(kernel)
    watched.look(10.0)
    kernel.unmap(0, SUSPECT)
    kernel.flag[PFN] = KPF_HUGE | KPF_HWPOISON
    assert watched.look(10.1) == [0]
    assert (watched.states[0], watched.flags(0)) == (POISONED, CellFlag(0))


@pytest.mark.parametrize("kpage", [True, False])
def test_poison_that_was_there_before_the_first_look(kernel: FakeKernel, kpage: bool) -> None:
    """Its PFN was never seen: only time tells, and says so."""
    kernel.unmap(0, SUSPECT)
    kernel.flag[PFN] = KPF_HUGE | KPF_HWPOISON
    watched = Watched(kernel, kpage=kpage)
    watched.look(10.0)
    assert watched.states[0] is MIGRATING
    watched.look(10.0 + MIGRATION_S)
    assert (watched.states[0], watched.flags(0)) == (POISONED, CellFlag.INFERRED)


def test_a_second_suspicion_starts_its_own_second(kernel: FakeKernel) -> None:
    watched = Watched(kernel)
    kernel.unmap(0, SUSPECT)
    watched.look(10.0)
    kernel.map(0, PFN)
    watched.look(10.5)
    kernel.unmap(0, SUSPECT)
    assert watched.look(10.9) == [0]
    watched.look(11.5)
    assert watched.states[0] is MIGRATING
    watched.look(11.9)
    assert watched.states[0] is POISONED


def test_poison_that_was_repaired(kernel: FakeKernel) -> None:
    watched = Watched(kernel)
    kernel.unmap(0, SUSPECT)
    watched.look(10.0)
    watched.look(12.0)
    assert watched.states[0] is POISONED
    kernel.map(0, 2048)
    watched.look(13.0)
    assert (watched.states[0], watched.flags(0)) == (MAPPED, CellFlag(0))


def test_a_cell_without_its_page_counts_for_no_mapper_of_it(kernel: FakeKernel) -> None:
    """Its last page may be freed and belong to someone else by now."""
    watched = Watched(kernel)
    watched.look()
    other = tracked(2, 1)
    other.cells.state[:] = MAPPED
    other.presence_changed()
    watched.reader.mappers.replace(other.head_pfn, np.array([PFN], np.uint64))
    other.head_pfn[:] = PFN
    watched.others.append(other)
    watched.reader.mappers.settle([watched.mapping, other])
    assert other.cells.mappers.tolist() == [2]
    kernel.unmap(0, SUSPECT)
    watched.look(10.0)
    watched.look(12.0)
    assert watched.states[0] is POISONED
    assert other.cells.mappers.tolist() == [1]


def test_the_count_of_a_page_that_was_freed_meanwhile_is_unknown(kernel: FakeKernel) -> None:
    """A page that is mapped counts at least once: 0 is no count of it."""
    kernel.flag[PFN] = kernel.count[PFN] = 0
    watched = Watched(kernel)
    watched.look()
    assert watched.mapping.cells.mapcount[0] == UNKNOWN_COUNT


def test_counts_saturate_below_unknown(kernel: FakeKernel) -> None:
    kernel.count[PFN] = 1 << 40
    watched = Watched(kernel)
    watched.look()
    assert watched.mapping.cells.mapcount[0] == UNKNOWN_COUNT - 1


def test_hidden_pfns_give_neither_node_nor_count(kernel: FakeKernel) -> None:
    kernel.words = dict.fromkeys(kernel.words, 1 << 63)
    watched = Watched(kernel)
    watched.look()
    assert watched.states == [MAPPED, HOLE, MAPPED, HOLE]
    assert watched.mapping.cells.mapcount.tolist() == [UNKNOWN_COUNT] * 4
    assert watched.mapping.cells.node.tolist() == [UNKNOWN_NODE] * 4
    assert not watched.reader.saw_pfn


def test_without_kpage_files_counts_are_unknown_and_nodes_known(kernel: FakeKernel) -> None:
    watched = Watched(kernel, kpage=False)
    watched.look()
    assert watched.mapping.cells.mapcount.tolist() == [UNKNOWN_COUNT] * 4
    assert watched.mapping.cells.node.tolist() == [0, UNKNOWN_NODE, 1, UNKNOWN_NODE]


def test_a_page_size_of_its_own() -> None:
    kernel = FakeKernel(page_size=MIB2)
    kernel.map(1, PFN)
    watched = Watched(kernel)
    watched.look()
    assert watched.mapping.cells.mapped_pages.tolist() == [0, 512, 0, 0]
