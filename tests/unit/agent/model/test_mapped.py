"""Each page once, and the sets of processes that map it."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.model.mapped import MAX_GROUPS, MappedFrames
from hugescope_agent.model.owned import OwnedMapping
from hugescope_wire.cells import UNKNOWN_NODE, CellFlag
from tests.unit.agent.model.made_accounts import MIB2, START, owned, private
from tests.unit.agent.model.made_model import GIB


def groups(frames: MappedFrames) -> dict[tuple[int, ...], int]:
    """Pages by pids."""
    return {tuple(group.pids): group.pages for group in frames.groups}


def test_a_page_counts_once_however_often_it_is_mapped() -> None:
    """Pid 2 maps the same pages twice."""
    mappings = [
        owned(1, "FFF."),
        owned(2, "FF..", start=START),
        owned(2, "F...", start=START + GIB),
    ]
    found = MappedFrames.of(mappings, MIB2)
    assert found.pages == 3
    assert groups(found) == {(1, 2): 2, (1,): 1}
    assert (found.guessed, found.on_node(0), found.on_node(1)) == (0, 3, 0)


def test_other_sizes_are_left_out() -> None:
    assert MappedFrames.of([owned(1, "FF", page_size=GIB)], MIB2).pages == 0
    assert MappedFrames.of([], MIB2).groups == []


def test_pages_of_a_file_join_by_offset_where_pfns_are_hidden() -> None:
    """A private mapping that shows the file's page maps that page; its copies stand alone."""
    mappings = [
        owned(1, "FF.", pages=[None, None]),
        owned(2, ".F", pages=[None], offset=0),
        owned(3, "FA", pages=[None, None], shared=False, offset=MIB2),
        owned(4, "F", pages=[None], inode=8),
    ]
    found = MappedFrames.of(mappings, MIB2)
    assert groups(found) == {(1,): 1, (1, 2, 3): 1, (3,): 1, (4,): 1}
    assert found.guessed == 0


def test_copies_of_one_place_may_be_one_page_where_pfns_are_hidden() -> None:
    """A fork keeps file and offset of anonymous memory too; other copies have nothing in common."""
    family = [private(pid, "AA", pages=[None, None]) for pid in (1, 2, 3)]
    family.append(private(4, "AA", pages=[None, None], inode=8))
    found = MappedFrames.of(family, MIB2)
    assert (found.pages, found.guessed) == (8, 4)


def test_copies_that_are_all_exclusive_are_pages_of_their_own() -> None:
    family = [private(pid, "AA", pages=[None, None]) for pid in (1, 2)]
    for one in family:
        one.mapping.cells.flags[:] = CellFlag.EXCLUSIVE
    assert MappedFrames.of(family, MIB2).guessed == 0
    family[0].mapping.cells.flags[1] = 0
    assert MappedFrames.of(family, MIB2).guessed == 1


def test_the_node_of_all_is_needed_to_count_one() -> None:
    mappings = [owned(1, "F", node=1), owned(2, "F", inode=8, pages=[9], node=UNKNOWN_NODE)]
    assert MappedFrames.of(mappings, MIB2).on_node(1) is None
    assert MappedFrames.of(mappings[:1], MIB2).on_node(1) == 1


def test_more_groups_than_are_told_apart_still_sum_up() -> None:
    """Every process has a page of its own, the first two pages more."""
    count = MAX_GROUPS + 10
    mappings = [private(pid, "A", pages=[pid], inode=pid) for pid in range(1, count + 1)]
    mappings.append(private(1, "AA", pages=[900, 901], inode=900, start=START + GIB))
    found = MappedFrames.of(mappings, MIB2)
    assert len(found.groups) == MAX_GROUPS
    assert (found.groups[0].pids, found.groups[0].pages) == ([1], 3)
    assert (found.groups[-1].pids, found.groups[-1].pages) == ([], count - MAX_GROUPS + 1)
    assert sum(group.pages for group in found.groups) == found.pages == count + 2


@st.composite
def crowd(draw: st.DrawFn) -> list[OwnedMapping]:
    """Processes that map some of a few pages, each perhaps twice."""
    made = []
    for slot in range(draw(st.integers(0, 6))):
        pid = draw(st.integers(1, 4))
        numbers = draw(st.lists(st.integers(0, 7), min_size=1, max_size=6))
        made.append(private(pid, "A" * len(numbers), pages=[*numbers], start=START + slot * GIB))
    return made


@given(crowd())
def test_groups_are_what_sets_say(mappings: list[OwnedMapping]) -> None:
    who: dict[int, set[int]] = {}
    for one in mappings:
        for pfn in one.mapping.head_pfn.tolist():
            who.setdefault(pfn, set()).add(one.process.pid)
    found = MappedFrames.of(mappings, MIB2)
    assert groups(found) == Counter(tuple(sorted(pids)) for pids in who.values())
    assert found.page.tolist() == sorted(who)
