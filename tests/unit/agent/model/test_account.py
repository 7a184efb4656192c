"""Accounts that close, on the host and on nodes, and say so where they cannot."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.model.account import PoisonCount, PoolLook, accounts, unpoisoned
from hugescope_agent.model.clues import Clues
from hugescope_agent.model.mapped import MappedFrames
from hugescope_agent.model.owned import OwnedMapping
from hugescope_wire.account import HeldPages, Holding, PoolAccount, ProcessRef
from hugescope_wire.snapshot import Pool
from tests.unit.agent.model.made_accounts import KEY, MIB2, frames, holding, owned, pool, private

NONE_HELD = HeldPages(fd=0, hugetlbfs=0, sysv=0, mapping=0)
UNKNOWN = HeldPages(fd=None, hugetlbfs=None, sysv=None, mapping=None)


def account(
    pools: list[Pool], mappings: list[OwnedMapping] | None = None, **other: Any
) -> list[PoolAccount]:
    """The accounts of 2 MiB pages; nothing changed while the look was taken."""
    mapped = MappedFrames.of(mappings or [], MIB2)
    facts: dict[str, Any] = {"before": pools, "after": pools, "mapped": mapped}
    return accounts(PoolLook(**(facts | other)))


def closes(one: PoolAccount) -> bool:
    """Whether the parts that are known, and what is unplaced, sum to the total."""
    held = one.held.model_dump().values()
    parts = [one.free, one.mapped, *held, one.poisoned, one.unattributed, one.unplaced]
    return one.total == sum(part or 0 for part in parts)


def test_every_part_is_counted() -> None:
    holdings = [holding("fd", 2), holding("hugetlbfs", 3), holding("sysv", 4), holding("fd", 1)]
    other_size = holding("fd", 100).model_copy(update={"page_size": 1 << 30})
    (host,) = account(
        [pool(20, 3, reserved=1)],
        [owned(1, "FF."), owned(2, "F..")],
        holdings=[*holdings, other_size],
        poison=PoisonCount(1, {0: 1}),
        overcommit=8,
        looks=2,
    )
    assert (host.free, host.mapped, host.poisoned, host.unattributed) == (3, 2, 1, 4)
    assert host.held == HeldPages(fd=3, hugetlbfs=3, sysv=4, mapping=0)
    assert (host.available, host.overcommit, host.torn, host.looks) == (2, 8, 0, 2)
    assert closes(host)


@pytest.mark.parametrize(
    "odd", [{"free": -5, "reserved": 1}, {"free": 3, "reserved": 99}, {"free": 99, "reserved": 1}]
)
def test_nothing_is_left_by_counters_that_cannot_be(odd: dict[str, int]) -> None:
    """What underflowed, or promises more pages than there are."""
    (host,) = account([pool(8, odd["free"], reserved=odd["reserved"])], [owned(1, "F")])
    assert host.available is None


def test_a_missing_or_odd_counter_is_not_computed_with() -> None:
    (host,) = account([pool(None, 3, reserved=-5)], [owned(1, "F")])
    assert (host.unattributed, host.available, host.poisoned) == (None, None, None)
    assert (host.held, host.mapped, host.candidates) == (UNKNOWN, 1, [])


def test_counters_that_moved_are_torn() -> None:
    (host,) = account([pool(10, 8)], [owned(1, "FF")], before=[pool(10, 5)], moved=2)
    assert (host.torn, host.unattributed) == (3, 0)


def test_more_pages_seen_than_in_use_are_torn_and_still_sum_up() -> None:
    (host,) = account([pool(10, 9)], [owned(1, "FFF")])
    assert (host.unattributed, host.torn) == (-2, 2)
    assert closes(host)
    assert host.candidates == ["2 pages moved between the readings of counters and of page tables"]


def test_copies_with_hidden_pfns_may_be_fewer_and_tear_nothing() -> None:
    """Parent and child share two copies: four are counted, and what is left is not known."""
    family = [private(pid, "AA", pages=[None, None]) for pid in (1, 2)]
    host, node = account([pool(10, 8), pool(10, 8, 0)], family)
    for one in (host, node):
        assert (one.mapped, one.guessed, one.unattributed, one.torn) == (4, 2, None, 0)
    assert host.candidates == []
    (note,) = host.notes
    assert note.startswith("up to 2 pages of those mapped may be counted twice")


def test_beside_a_guess_candidates_are_named_for_what_is_surely_nobody_s() -> None:
    """Five pages in use, one shared copy counted twice: three or four are nobody's."""
    family = [private(pid, "A", pages=[None]) for pid in (1, 2)]
    (host,) = account([pool(10, 5)], family, clues=Clues(pinning=[ProcessRef(pid=9, comm="vm")]))
    assert (host.guessed, host.unattributed) == (1, None)
    assert any("vm (9)" in word for word in host.candidates)


def test_where_descriptors_could_not_be_read_held_pages_are_said_to_be_bounds() -> None:
    clues = Clues(unread_fds=[ProcessRef(pid=1, comm=None)])
    (host,) = account([pool(10, 8)], [owned(1, "FF")], clues=clues)
    assert (host.held, host.unattributed) == (NONE_HELD, 0)
    (note,) = host.notes
    assert note.endswith("at least so many: files open in process 1 could not be looked through")


def test_poison_without_flags_is_unknown_and_among_the_unattributed() -> None:
    mapped = MappedFrames.of([], MIB2)
    assert PoisonCount.of(None, mapped, MIB2).pages is None
    assert PoisonCount.of(None, mapped, MIB2, 0).pages == 0
    (host,) = account([pool(10, 9)], poison=PoisonCount(None), clues=Clues(flags_unread=True))
    assert (host.poisoned, host.unattributed) == (None, 1)
    assert any("kpageflags" in word for word in host.candidates)


def test_poisoned_pages_still_mapped_are_not_counted_twice() -> None:
    mapped = MappedFrames.of([owned(1, "F.F", pages=[0, 7])], MIB2)
    found = PoisonCount.of(frames({7: 1, 8: 1, 9: 0}, good=3), mapped, MIB2)
    assert (found.pages, found.by_node) == (2, {0: 1, 1: 1})


def test_a_poisoned_page_of_a_known_file_leaves_its_holding() -> None:
    left = unpoisoned([holding("fd", 3, inode=8), holding("fd", 3)], {(KEY, MIB2): 1})
    assert [one.pages for one in left] == [3, 2]
    assert unpoisoned([holding("fd", 0)], {(KEY, MIB2): 1})[0].pages == 0


def test_a_poisoned_page_of_an_unknown_file_comes_out_of_the_only_kind() -> None:
    (host,) = account([pool(10, 7)], holdings=[holding("fd", 3)], poison=PoisonCount(1, {0: 1}))
    assert (host.held.fd, host.poisoned, host.unattributed, host.torn) == (2, 1, 0, 0)


def test_where_it_may_be_of_several_kinds_it_counts_as_held() -> None:
    holdings = [holding("fd", 2), holding("sysv", 1)]
    pools = [pool(10, 7), pool(5, 3, 0), pool(5, 4, 1)]
    host, *nodes = account(pools, holdings=holdings, poison=PoisonCount(1, {0: 1}))
    assert (host.held.fd, host.held.sysv, host.poisoned) == (2, 1, 0)
    assert host.unattributed == 0
    assert [node.poisoned for node in nodes] == [0, 0]
    assert all(map(closes, [host, *nodes]))


def test_a_bad_page_in_the_free_list_counts_as_free() -> None:
    (host,) = account([pool(10, 10)], poison=PoisonCount(1, {0: 1}))
    assert (host.free, host.poisoned, host.unattributed, host.torn) == (10, 0, 0, 0)


def test_one_node_with_other_pages_has_all_of_them() -> None:
    mappings = [owned(1, "FF", node=1)]
    pools = [pool(20, 12), pool(10, 10, 0), pool(10, 2, 1)]
    _, first, second = account(pools, mappings, holdings=[holding("fd", 4)])
    assert (first.mapped, first.held, first.unattributed) == (0, NONE_HELD, 0)
    assert (second.mapped, second.held.fd, second.unattributed) == (2, 4, 2)
    assert (second.unplaced, second.mapped_by, second.available) == (None, None, None)


def test_one_kind_of_other_pages_is_known_on_every_node() -> None:
    pools = [pool(20, 15), pool(10, 8, 0), pool(10, 7, 1)]
    _, first, second = account(pools, holdings=[holding("sysv", 5)])
    assert (first.held.sysv, second.held.sysv) == (2, 3)
    assert (first.unattributed, second.unattributed) == (0, 0)


def test_several_kinds_on_several_nodes_are_only_known_as_a_sum() -> None:
    pools = [pool(30, 20), pool(10, 6, 0), pool(10, 5, 1), pool(10, 9, 2)]
    mappings = [owned(1, "F", node=2)]
    _, *nodes = account(pools, mappings, holdings=[holding("fd", 5)], poison=PoisonCount(1, {1: 1}))
    assert [node.unplaced for node in nodes] == [4, 4, None]
    assert [node.poisoned for node in nodes] == [0, 1, 0]
    assert [node.held for node in nodes] == [UNKNOWN, UNKNOWN, NONE_HELD]
    assert all(map(closes, nodes))


def test_pages_of_unknown_node_leave_nodes_unknown() -> None:
    mappings = [private(1, "A", pages=[None], node=0xFF)]
    _, first, _ = account([pool(20, 19), pool(10, 10, 0), pool(10, 9, 1)], mappings)
    assert (first.mapped, first.unplaced, first.unattributed) == (None, None, None)
    _, only = account([pool(20, 19), pool(20, 19, 0)], mappings)
    assert (only.mapped, only.unattributed) == (1, 0)


def test_a_torn_node_says_by_how_much() -> None:
    pools = [pool(20, 18), pool(10, 10, 0), pool(10, 8, 1)]
    host, first, second = account(pools, [owned(1, "FFF", node=0)])
    assert (host.torn, first.torn, second.torn) == (1, 3, 0)
    assert (first.unplaced, second.unplaced) == (-3, 2)
    assert all(map(closes, (host, first, second)))


counts = st.integers(0, 20)


@given(
    total=st.lists(counts, min_size=1, max_size=3),
    free=st.lists(counts, min_size=3, max_size=3),
    mapped=st.lists(st.integers(0, 5), min_size=3, max_size=3),
    held=st.lists(st.tuples(st.sampled_from(("fd", "hugetlbfs", "sysv")), counts), max_size=3),
    bad=st.lists(st.integers(0, 2), max_size=3),
)
def test_the_parts_always_sum_to_the_total(
    total: list[int],
    free: list[int],
    mapped: list[int],
    held: list[tuple[str, int]],
    bad: list[int],
) -> None:
    """Whatever was read, on the host and on every node, known parts and unplaced sum up."""
    nodes = [pool(total[node], free[node], node) for node in range(len(total))]
    host = pool(sum(total), sum(free[: len(total)]))
    mappings = [
        private(
            1 + node,
            "A" * mapped[node],
            pages=[100 * node + number for number in range(mapped[node])],
            node=node,
            inode=node,
        )
        for node in range(len(total))
        if mapped[node]
    ]
    holdings: list[Holding] = [holding(by, pages) for by, pages in held]
    poison = PoisonCount(len(bad), {node: bad.count(node) for node in set(bad)})
    for one in account([host, *nodes], mappings, holdings=holdings, poison=poison):
        assert closes(one)
        assert all((count or 0) >= 0 for count in one.held.model_dump().values())
        assert one.poisoned is None or one.poisoned >= 0
