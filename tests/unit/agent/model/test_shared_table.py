"""Shared page tables against set-ups in which it is known who shares."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.model.join import Mappers
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_wire.cells import CellFlag, CellState
from tests.unit.agent.model.made_model import GIB, MIB2, FakeKernel, smaps_of, tracked
from tests.unit.wire.made_wire import several

CELLS = GIB // MIB2
BORDER = 0x7E0000000000
SHARED = CellFlag.SHARED_TABLE
GUESS = CellFlag.SHARED_TABLE | CellFlag.INFERRED


class Host:
    """Mappings that use tables: mappings of one table show the same, and count once."""

    def __init__(self, counts: bool = True) -> None:
        self.kernel = FakeKernel()
        reader = self.kernel.reader(kpage=counts)
        self.mappers: Mappers = reader.mappers
        self.mappings: list[TrackedMapping] = []
        self.tables: list[tuple[list[TrackedMapping], dict[int, int]]] = []
        self.unseen: Counter[int] = Counter()

    def table(self, count: int, pages: dict[int, int], **vma: Any) -> list[TrackedMapping]:
        """So many mappings that share one table, which maps page numbers at cells."""
        flags = vma.pop("flags", "rd wr sh ht")
        cells = vma.pop("cells", CELLS)
        users = []
        for _ in range(count):
            mapping = tracked(len(self.mappings) + 1, cells, **({"start": BORDER} | vma))
            mapping.smaps = smaps_of(mapping.vma, flags)
            self.mappings.append(mapping)
            users.append(mapping)
        self.tables.append((users, {}))
        self.show(users, pages)
        return users

    def show(self, users: list[TrackedMapping], pages: dict[int, int]) -> None:
        """What the table of these maps from now on."""
        at = next(at for at, (found, _) in enumerate(self.tables) if found is users)
        self.tables[at] = (users, pages)
        for mapping in users:
            before = mapping.head_pfn.copy()
            mapping.head_pfn[:] = 0
            mapping.cells.state[:] = CellState.HOLE
            for cell, page in pages.items():
                mapping.head_pfn[cell] = 512 * page
                mapping.cells.state[cell] = CellState.MAPPED
            mapping.presence_changed()
            self.mappers.replace(before, mapping.head_pfn)
            self.mappers.touch()

    def settle(self) -> dict[int, list[int]]:
        """Read the counts as the kernel keeps them, and join."""
        counts = Counter(page for _, pages in self.tables for page in pages.values())
        counts.update(self.unseen)
        self.kernel.count = {512 * page: count for page, count in counts.items()}
        changed = self.mappers.settle(self.mappings)
        return {number: index.tolist() for number, index in changed.items()}

    def flags(self, mapping: TrackedMapping) -> dict[int, int]:
        """Flags by cell, where there are any."""
        index = np.flatnonzero(mapping.cells.flags)
        return {int(cell): int(mapping.cells.flags[cell]) for cell in index}


PAGES = {0: 1, 7: 2, 511: 3}


def all_flagged(flag: CellFlag, pages: dict[int, int]) -> dict[int, int]:
    return dict.fromkeys(pages, int(flag))


@pytest.mark.parametrize("sharers", [2, 3, 5])
def test_all_share(sharers: int) -> None:
    host = Host()
    users = host.table(sharers, PAGES)
    changed = host.settle()
    for mapping in users:
        assert host.flags(mapping) == all_flagged(SHARED, PAGES)
        assert changed[mapping.id] == sorted(PAGES)
        assert mapping.cells.mapcount[[0, 7, 511]].tolist() == [1, 1, 1]
        assert mapping.cells.mappers[[0, 7, 511]].tolist() == [sharers] * 3
    assert host.settle() == {}


def test_tables_of_their_own_are_not_flagged() -> None:
    host = Host()
    for _ in range(3):
        host.table(1, PAGES)
    host.settle()
    assert [host.flags(mapping) for mapping in host.mappings] == [{}] * 3


@pytest.mark.parametrize(
    "other",
    [
        {"start": BORDER + MIB2},
        {"cells": CELLS - 1},
        {"offset": MIB2},
        {"inode": 8},
        {"device": (0, 18)},
        {"shared": False},
        {"flags": "rd wr sh ht uw"},
        {"flags": "rd wr sh ht ui"},
    ],
)
def test_a_mapping_that_cannot_share_is_never_flagged(other: dict[str, Any]) -> None:
    """Not at a border, not whole, another part of the file, another file, private, uffd."""
    host = Host()
    pages = {0: 1, 7: 2}
    users = host.table(2, pages)
    (alone,) = host.table(1, pages, **other)
    host.settle()
    assert host.flags(alone) == {}
    assert [host.flags(mapping) for mapping in users] == [all_flagged(SHARED, pages)] * 2


def test_an_empty_region_is_not_flagged_until_it_holds_a_page() -> None:
    host = Host()
    users = host.table(2, {})
    assert host.settle() == {}
    host.show(users, {3: 9})
    assert host.settle() == {users[0].id: [3], users[1].id: [3]}
    assert host.flags(users[1]) == {3: SHARED}
    host.show(users, {3: 9, 4: 10})
    assert host.settle() == {users[0].id: [4], users[1].id: [4]}
    host.show(users, {4: 10})
    host.settle()
    assert CellState.MAPPED not in users[0].cells.state[:4]


def test_without_the_kernel_s_counts_nothing_is_flagged() -> None:
    host = Host(counts=False)
    users = host.table(2, PAGES)
    host.settle()
    assert host.flags(users[0]) == {}


def test_each_region_of_a_mapping_by_itself() -> None:
    """Of a mapping that begins in mid-table only the second region is a whole one."""
    host = Host()
    users = host.table(2, {0: 1, 512: 2}, cells=2 * CELLS)
    late = BORDER + 256 * MIB2
    (other,) = host.table(1, {0: 5, 256: 2}, cells=CELLS + 256, start=late, offset=256 * MIB2)
    host.settle()
    assert host.flags(users[0]) == host.flags(users[1]) == {0: SHARED, 512: GUESS}
    assert host.flags(other) == {256: GUESS}


def test_an_unaligned_mapping_counts_beside_the_table() -> None:
    """As in the captured tree: three mappers, a mapcount of 2."""
    host = Host()
    users = host.table(2, PAGES)
    (apart,) = host.table(1, {6: 2, 510: 3}, start=BORDER + MIB2, offset=MIB2)
    host.settle()
    assert users[0].cells.mappers[[0, 7, 511]].tolist() == [2, 3, 3]
    assert users[0].cells.mapcount[[0, 7, 511]].tolist() == [1, 2, 2]
    assert host.flags(users[1]) == all_flagged(SHARED, PAGES)
    assert host.flags(apart) == {}


def test_two_tables_told_apart_by_what_they_map() -> None:
    host = Host()
    users = host.table(2, {0: 1, 7: 2})
    others = host.table(2, {0: 1, 9: 4})
    (alone,) = host.table(1, {0: 1})
    host.settle()
    for mapping in (*users, *others):
        assert set(host.flags(mapping).values()) == {SHARED}
    assert host.flags(alone) == {}


def test_a_pair_that_is_certain_does_not_hide_one_that_is_not() -> None:
    host = Host()
    users = host.table(2, {0: 1})
    certain = host.table(2, {1: 2})
    (alone,) = host.table(1, {0: 1})
    host.settle()
    assert [host.flags(mapping) for mapping in certain] == [{1: SHARED}] * 2
    assert [host.flags(mapping) for mapping in (*users, alone)] == [{0: GUESS}] * 3


def test_equal_tables_are_told_apart_by_vm_flags_as_a_guess() -> None:
    host = Host()
    users = host.table(2, PAGES)
    (alone,) = host.table(1, PAGES, flags="rd wr sh ht nr sd")
    host.settle()
    assert [host.flags(mapping) for mapping in users] == [all_flagged(GUESS, PAGES)] * 2
    assert host.flags(alone) == {}


def test_equal_tables_that_nothing_tells_apart_are_all_a_guess() -> None:
    host = Host()
    host.table(2, PAGES)
    host.table(1, PAGES)
    host.settle()
    for mapping in host.mappings:
        assert host.flags(mapping) == all_flagged(GUESS, PAGES)


def test_an_unseen_mapping_of_some_pages_hides_nothing() -> None:
    """Whoever it is raises the count of what it maps; the other pages still tell."""
    host = Host()
    users = host.table(2, PAGES)
    host.unseen.update([1])
    host.settle()
    assert host.flags(users[0]) == all_flagged(SHARED, PAGES)


def test_a_table_that_is_shared_no_more() -> None:
    """mprotect gives each its own: no scan shows it, the count does when it is read again."""
    host = Host()
    users = host.table(2, PAGES)
    host.settle()
    first, second = users
    host.tables = [([first], PAGES), ([second], PAGES)]
    host.mappers.recount(first.head_pfn[first.head_pfn != 0])
    changed = host.settle()
    assert changed == {first.id: sorted(PAGES), second.id: sorted(PAGES)}
    assert host.flags(first) == host.flags(second) == {}


def test_one_count_read_again_has_the_others_of_the_region_follow() -> None:
    host = Host()
    first, second = host.table(2, PAGES)
    host.settle()
    host.tables = [([first], PAGES), ([second], PAGES)]
    host.mappers.recount(np.array([512], np.uint64))
    host.settle()
    host.settle()
    assert host.flags(first) == host.flags(second) == {}


def test_the_last_user_of_a_table_shares_it_no_more() -> None:
    host = Host()
    first, second = users = host.table(2, PAGES)
    host.settle()
    host.show(users, {})
    host.mappings.remove(second)
    host.tables = [([first], PAGES)]
    host.show(host.tables[0][0], PAGES)
    host.settle()
    assert host.flags(first) == {}


@given(st.data())
@several
def test_whoever_shares_is_flagged_and_nobody_for_certain_who_does_not(
    data: st.DataObject,
) -> None:
    """Any tables with any pages of one file, at borders and beside them."""
    host = Host()
    sharing: set[int] = set()
    for _ in range(data.draw(st.integers(1, 4))):
        count = data.draw(st.integers(1, 3))
        cells = data.draw(st.sets(st.integers(0, 3)))
        aside = data.draw(st.booleans())
        moved = {"start": BORDER + MIB2} if aside else {}
        users = host.table(1 if aside else count, {cell: cell + 1 for cell in cells}, **moved)
        if len(users) > 1 and cells:
            sharing |= {mapping.id for mapping in users}
    host.settle()
    for mapping in host.mappings:
        flags = set(host.flags(mapping).values())
        assert not flags or flags <= {SHARED, GUESS}
        if mapping.id in sharing:
            assert flags
        elif SHARED in flags:
            raise AssertionError(f"mapping {mapping.id} shares with nobody")
