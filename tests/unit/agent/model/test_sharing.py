"""Sharing groups against set-ups in which it is known who maps what."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.model.join import Mappers
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.sharing import MOST_GROUPS, ProcessMappings, Sharing
from hugescope_wire.cells import UNKNOWN_COUNT, CellState
from hugescope_wire.report import SharingGroup
from tests.unit.agent.model.made_model import FakeKernel, huge_vma, set_present, tracked
from tests.unit.wire.made_wire import several

Facts = tuple[object, ...]


class Host:
    """Processes and their mappings; the kernel counts what they map, and what nobody sees."""

    def __init__(self, kpage: bool = True) -> None:
        self.kernel = FakeKernel()
        self.mappers: Mappers = self.kernel.reader(kpage=kpage).mappers
        self.processes: list[ProcessMappings] = []
        self.unseen: Counter[int] = Counter()

    def process(self, pid: int, *mappings: list[int | None], **vma: Any) -> list[TrackedMapping]:
        """A process whose mappings, of one file, show these pages; 0 is a hidden PFN."""
        made: list[TrackedMapping] = []
        for pages in mappings:
            mapping = tracked(pid * 10 + len(made), len(pages), **vma)
            pfns = [None if page is None else page * 512 for page in pages]
            self.mappers.replace(set_present(mapping, pfns), mapping.head_pfn)
            made.append(mapping)
        self.processes.append((pid, f"p{pid}", made))
        return made

    def settle(self) -> None:
        """Read the counts and join."""
        everything = [mapping for _, _, mappings in self.processes for mapping in mappings]
        heads = Counter(pfn for mapping in everything for pfn in mapping.head_pfn.tolist() if pfn)
        heads.update(self.unseen)
        self.kernel.count = dict(heads)
        self.mappers.touch()
        self.mappers.settle(everything)

    def facts(self, mapping: TrackedMapping, **known: bool) -> set[Facts]:
        """What the groups of a mapping say."""
        groups = Sharing(self.processes, self.mappers, **known).groups(mapping)
        return {said(group) for group in groups}


def said(group: SharingGroup) -> Facts:
    return (group.cells, group.mapcount, group.mappers, group.processes, *group.reasons)


def test_pages_of_one_process_and_of_two() -> None:
    host = Host()
    (first,) = host.process(1, [1, 2, None, 3])
    host.process(2, [2])
    host.settle()
    assert host.facts(first) == {(2, 1, 1, 1), (1, 2, 2, 2)}


def test_nothing_present_has_no_groups() -> None:
    host = Host()
    (first,) = host.process(1, [None, None])
    host.settle()
    assert host.facts(first) == set()


def test_alias() -> None:
    host = Host()
    first, second = host.process(1, [1, 2], [1])
    host.process(2, [1])
    host.settle()
    assert host.facts(first) == {(1, 3, 3, 2, "alias"), (1, 1, 1, 1)}
    assert host.facts(second) == {(1, 3, 3, 2, "alias")}


def test_alias_of_hidden_pages_is_told_by_file_and_offset() -> None:
    host = Host()
    first, second = host.process(1, [0, 0, None], [0])
    host.process(2, [0, None, 0])
    host.settle()
    assert host.facts(first) == {(1, None, 3, 2, "alias"), (1, None, 1, 1)}
    assert host.facts(second) == {(1, None, 3, 2, "alias")}


def test_hidden_private_copies_are_unknown() -> None:
    host = Host()
    (first,) = host.process(1, [0, 0], shared=False)
    host.settle()
    assert host.facts(first) == {(2, None, None, None)}


def test_a_mapping_that_nobody_sees() -> None:
    host = Host()
    (first,) = host.process(1, [1, 2])
    host.unseen.update([512])
    host.settle()
    assert host.facts(first) == {(1, 2, 1, 1, "unseen_mapping"), (1, 1, 1, 1)}
    assert host.facts(first, torn=True) == {(1, 2, 1, 1, "moving"), (1, 1, 1, 1)}


def test_an_average_is_no_reason_for_a_page_mapped_whole() -> None:
    """The average over 512 equal numbers is that number."""
    host = Host()
    (first,) = host.process(1, [1])
    host.unseen.update([512])
    host.settle()
    assert host.facts(first, average_mapcount=True) == {(1, 2, 1, 1, "unseen_mapping")}


def test_counts_that_change_are_moving_for_a_while() -> None:
    host = Host()
    (first,) = host.process(1, [1])
    host.settle()
    host.unseen.update([512])
    host.mappers.recount(first.head_pfn)
    host.settle()
    assert host.facts(first) == {(1, 2, 1, 1, "moving")}
    for _ in range(20):
        host.settle()
    assert host.facts(first) == {(1, 2, 1, 1, "unseen_mapping")}


@pytest.mark.parametrize(
    ("average", "reason"), [(False, "partly_mapped"), (True, "average_mapcount")]
)
def test_parts_of_a_page_are_counted_each_by_itself(average: bool, reason: str) -> None:
    """HGM: two mappings of different 4 KiB, and one that maps all."""
    host = Host()
    mappings = []
    for pid in (1, 2, 3):
        mapping = tracked(pid, 1, hgm=True)
        host.mappers.replace(set_present(mapping, [512]), mapping.head_pfn)
        mapping.cells.state[0] = CellState.FULL if pid == 3 else CellState.PARTIAL
        mapping.cells.mapcount[0] = 2
        host.processes.append((pid, None, [mapping]))
        mappings.append(mapping)
    host.settle()
    for mapping in mappings:
        assert host.facts(mapping, average_mapcount=average) == {(1, 2, 3, 3, reason)}


def test_without_kpagecount_only_the_join_is_told() -> None:
    host = Host(kpage=False)
    first, _ = host.process(1, [1], [1])
    host.settle()
    assert host.facts(first) == {(1, None, 2, 1, "alias")}


def test_many_groups_are_folded() -> None:
    host = Host()
    kinds = MOST_GROUPS + 4
    pages: list[int | None] = [kind + 1 for kind in range(kinds) for _ in range(1)]
    (first,) = host.process(1, [*pages, 100, 101])
    for page in pages:
        assert page is not None
        host.unseen[page * 512] = page
    host.settle()
    groups = Sharing(host.processes, host.mappers).groups(first)
    assert len(groups) == MOST_GROUPS
    assert said(groups[0]) == (2, 1, 1, 1)
    assert said(groups[-1]) == (kinds - MOST_GROUPS + 2, None, None, None, "unseen_mapping")
    assert groups[-1].first == MOST_GROUPS - 2
    assert sum(group.cells for group in groups) == kinds + 2


@given(st.data())
@several
def test_processes_equal_a_plain_count(data: st.DataObject) -> None:
    """Mappings of two files in three processes, their PFNs shown or all hidden."""
    host = Host()
    hidden = data.draw(st.booleans())
    who: dict[tuple[int, int], set[int]] = defaultdict(set)
    made: list[tuple[TrackedMapping, int, int, list[bool]]] = []
    for pid in (1, 2, 3):
        for inode in data.draw(st.lists(st.integers(1, 2), max_size=3)):
            offset = data.draw(st.integers(0, 2))
            there = data.draw(st.lists(st.booleans(), min_size=3, max_size=3))
            mapping = tracked(len(made), 3, inode=inode, offset=offset * (2 << 20))
            pfns = [
                None if not here else 0 if hidden else 512 * (inode * 100 + offset + cell)
                for cell, here in enumerate(there)
            ]
            host.mappers.replace(set_present(mapping, pfns), mapping.head_pfn)
            made.append((mapping, inode, offset, there))
            who_here = [(inode, offset + cell) for cell, here in enumerate(there) if here]
            for page in who_here:
                who[page].add(pid)
            host.processes.append((pid, None, [mapping]))
    merged: dict[int, list[TrackedMapping]] = defaultdict(list)
    for pid, _, mappings in host.processes:
        merged[pid] += mappings
    host.processes = [(pid, None, mappings) for pid, mappings in merged.items()]
    host.settle()
    sharing = Sharing(host.processes, host.mappers)
    for mapping, inode, offset, there in made:
        expected = [len(who[inode, offset + cell]) for cell in np.flatnonzero(there).tolist()]
        assert sharing.processes(mapping).tolist() == expected


def test_an_unknown_cell_has_no_facts() -> None:
    host = Host()
    (first,) = host.process(1, [1, None])
    host.settle()
    sharing = Sharing(host.processes, host.mappers)
    assert sharing.of_cell(first, 1) is None
    found = sharing.of_cell(first, 0)
    assert found is not None
    assert said(found) == (1, 1, 1, 1)
    assert huge_vma(1).cell_count == 1
    assert UNKNOWN_COUNT not in sharing.processes(first)
