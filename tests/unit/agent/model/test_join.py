"""Mappers of each page against a plain count over all mappings."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.model.join import Mappers
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_wire.cells import MAX_COUNT, UNKNOWN_COUNT
from tests.unit.agent.model.made_model import GIB, MIB2, set_present, tracked
from tests.unit.wire.made_wire import several

FRAMES = [512 * number for number in range(1, 6)]


def show(mappers: Mappers, mapping: TrackedMapping, pfns: list[int | None]) -> None:
    """A mapping maps these pages from now on."""
    before = set_present(mapping, pfns)
    mappers.replace(before, mapping.head_pfn)
    mappers.touch()


def column(mapping: TrackedMapping) -> list[int]:
    """The mappers of its cells."""
    return list(map(int, mapping.cells.mappers))


@given(st.data())
@several
def test_random_changes_equal_a_plain_count(data: st.DataObject) -> None:
    """And `settle` names exactly the cells whose number changed."""
    mappers = Mappers(MIB2)
    mappings = [tracked(number, data.draw(st.integers(1, 4))) for number in range(1, 4)]
    heads: dict[int, list[int | None]] = {m.id: [None] * len(m.cells) for m in mappings}
    for _ in range(data.draw(st.integers(1, 8))):
        mapping = data.draw(st.sampled_from(mappings))
        size = len(mapping.cells)
        pages = st.none() | st.sampled_from(FRAMES)
        heads[mapping.id] = data.draw(st.lists(pages, min_size=size, max_size=size))
        show(mappers, mapping, heads[mapping.id])
        was = {m.id: column(m) for m in mappings}
        changed = mappers.settle(mappings)
        count = Counter(pfn for pfns in heads.values() for pfn in pfns if pfn)
        for one in mappings:
            expected = [count[pfn] if pfn else UNKNOWN_COUNT for pfn in heads[one.id]]
            assert column(one) == expected
            differing = [at for at, value in enumerate(expected) if value != was[one.id][at]]
            assert changed.get(one.id, np.empty(0)).tolist() == differing
        assert mappers.settle(mappings) == {}


def test_pages_of_two_sizes_never_share_a_number() -> None:
    """A 1 GiB page at PFN 2^18 and the 2 MiB page after it."""
    mappers = Mappers(MIB2)
    large, small = tracked(1, 1, page_size=GIB), tracked(2, 2)
    show(mappers, large, [1 << 18])
    show(mappers, small, [(1 << 18) + (1 << 18), (1 << 18) - 512])
    mappers.settle([large, small])
    assert column(large) == [1]
    assert column(small) == [1, 1]


def test_64_kib_pages() -> None:
    mappers = Mappers(64 << 10)
    mapping = tracked(1, 3, page_size=64 << 10)
    show(mappers, mapping, [16, 32, 16])
    mappers.settle([mapping])
    assert column(mapping) == [2, 1, 2]


@pytest.mark.parametrize("pfn", [1 << 36, (1 << 55) - 512, (1 << 64) - 512])
def test_a_pfn_that_no_machine_has_stays_unknown(pfn: int) -> None:
    mappers = Mappers(MIB2)
    mapping = tracked(1, 2)
    show(mappers, mapping, [pfn, 512])
    mappers.settle([mapping])
    assert column(mapping) == [UNKNOWN_COUNT, 1]


@pytest.mark.parametrize("count", [MAX_COUNT, MAX_COUNT + 1, MAX_COUNT + 2, 1 << 17])
def test_counts_saturate(count: int) -> None:
    """More mappings than the column holds: processes may map a page any number of times."""
    mappers = Mappers(MIB2)
    mapping = tracked(1, count)
    show(mappers, mapping, [512] * count)
    mappers.settle([mapping])
    assert set(column(mapping)) == {MAX_COUNT}


def file_mapping(
    number: int, pfns: list[int | None], offset: int = 0, **other: Any
) -> TrackedMapping:
    """A mapping of one file, from a page of it on."""
    mapping = tracked(number, len(pfns), offset=offset * MIB2, **other)
    set_present(mapping, pfns)
    return mapping


def settled(*mappings: TrackedMapping) -> list[list[int]]:
    """Mappers of mappings whose PFNs are hidden."""
    mappers = Mappers(MIB2)
    mappers.settle(list(mappings))
    return [column(mapping) for mapping in mappings]


N = UNKNOWN_COUNT


def test_hidden_pages_of_a_file_are_joined_by_offset() -> None:
    whole = file_mapping(1, [0, 0, None, 0])
    part = file_mapping(2, [0, 0, 0], offset=1)
    assert settled(whole, part) == [[1, 2, N, 2], [2, 1, 2]]


def test_hidden_pages_of_two_files_are_not_joined() -> None:
    first, second = file_mapping(1, [0]), file_mapping(2, [0], inode=8)
    third = file_mapping(3, [0], device=(0, 18))
    assert settled(first, second, third) == [[1], [1], [1]]


def test_hidden_private_pages_are_unknown() -> None:
    """Whether a private page is the file's or a copy cannot be told without its PFN."""
    assert settled(file_mapping(1, [0, None], shared=False)) == [[N, N]]


def test_a_private_copy_is_not_counted_as_a_mapper_of_the_file_s_page() -> None:
    """It may be either: then the number of the shared one is not known, and not 2."""
    shared, private = file_mapping(1, [0, 0]), file_mapping(2, [0, None], shared=False)
    assert settled(shared, private) in ([[N, 1], [N, N]], [[1, 1], [N, N]])


def test_a_mapping_far_into_a_file_costs_no_table_of_the_file_s_size() -> None:
    near, far = file_mapping(1, [0]), file_mapping(2, [0], offset=1 << 42)
    assert settled(near, far) == [[1], [1]]


def test_the_smallest_page_size_may_be_odd_in_a_capture() -> None:
    """hugepages-0kB, hugepages-3kB: no kernel has them, and they must not end the agent."""
    for size in (0, 1024, 3072):
        Mappers(size)
