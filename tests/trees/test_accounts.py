"""Every pool of every captured tree, accounted for by hand from what the same kernel printed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hugescope_wire.account import PoolAccount, Reservation
from hugescope_wire.report import PoisonedPage
from tests.trees.account_of import TreeAccount, account
from tests.trees.conftest import NAMES

Tree = Callable[[str], Path]
MIB2 = 2 << 20
GIB = 1 << 30
# Of the timeline only one mapping's part of pagemap was captured.
WHOLE = [name for name in NAMES if name != "hgm-v2-timeline"]
# Their counters were read before the test program mapped anything: smaps shows 7 pages of 2 MiB and
# at stage 4 2 of 1 GiB, and the counters all as free.
TORN = {"hgm-v2-stage2": {MIB2: 7}, "hgm-v2-stage4": {MIB2: 7, GIB: 2}}


@pytest.fixture(scope="module")
def seen(tree: Tree) -> Callable[[str], TreeAccount]:
    """A function from a tree's name to its account."""
    found: dict[str, TreeAccount] = {}

    def of(name: str) -> TreeAccount:
        if name not in found:
            found[name] = account(tree(name))
        return found[name]

    return of


Seen = Callable[[str], TreeAccount]


def parts(one: PoolAccount) -> tuple[int | None, ...]:
    """total, free, mapped, held, poisoned, unattributed."""
    held = one.held.fd, one.held.hugetlbfs, one.held.sysv, one.held.mapping
    known = [count for count in held if count is not None]
    sum_held = sum(known) if len(known) == len(held) else None
    return one.total, one.free, one.mapped, sum_held, one.poisoned, one.unattributed


@pytest.mark.parametrize(
    ("name", "page_size", "host", "nodes"),
    [
        # 28 = 10 pmdshare + 8 shared + 8 anonymous + 2 uffd, by smaps.
        ("stock-6.12-stage1", MIB2, (96, 68, 28), [(48, 45, 3), (48, 23, 25)]),
        ("stock-6.12-stage1", GIB, (2, 0, 2), [(1, 0, 1), (1, 0, 1)]),
        ("stock-6.12-stage3", GIB, (2, 0, 2), [(1, 0, 1), (1, 0, 1)]),
        ("hgm-v2-stage3", MIB2, (64, 57, 7), [(64, 57, 7)]),
        ("hgm-v2-stage3", GIB, (2, 0, 2), [(2, 0, 2)]),
        ("hgm-v2-stage2", GIB, (2, 2, 0), [(2, 2, 0)]),
    ],
)
def test_all_pages_of_a_consistent_pool_are_free_or_mapped(
    seen: Seen, name: str, page_size: int, host: tuple[int, ...], nodes: list[tuple[int, ...]]
) -> None:
    found = seen(name).accounts
    assert parts(found[(page_size, None)]) == (*host, 0, 0, 0)
    assert [parts(found[(page_size, node)]) for node in range(len(nodes))] == [
        (*node, 0, 0, 0) for node in nodes
    ]
    assert all(found[(page_size, node)].torn == 0 for node in (None, *range(len(nodes))))


def test_a_pool_with_poison_closes(seen: Seen) -> None:
    """94 = 67 free + 26 mapped + 1 poisoned, which lies on node 1."""
    found = seen("stock-6.12-stage3").accounts
    assert parts(found[(MIB2, None)]) == (94, 67, 26, 0, 1, 0)
    assert parts(found[(MIB2, 0)]) == (47, 45, 2, 0, 0, 0)
    assert parts(found[(MIB2, 1)]) == (47, 22, 24, 0, 1, 0)


@pytest.mark.parametrize("name", WHOLE)
def test_the_parts_sum_to_the_total(seen: Seen, name: str) -> None:
    for (page_size, node), one in seen(name).accounts.items():
        total, *found = parts(one)
        assert sum(part or 0 for part in found) == total, (page_size, node)
        groups = one.mapped_by
        assert groups is None or sum(group.pages for group in groups) == one.mapped
        assert one.torn == TORN.get(name, {}).get(page_size, 0), (page_size, node)


def test_who_maps_the_pages(seen: Seen) -> None:
    """162 maps 2 pages of shared-2M and 5 of pmdshare; 161 4 of the one and 10 of the other."""
    found = seen("stock-6.12-stage1").accounts[(MIB2, None)].mapped_by or []
    assert {tuple(group.pids): group.pages for group in found} == {
        (159,): 8 + 2 + 4,
        (159, 161): 2 + 5,
        (159, 161, 162): 2 + 5,
    }


def owner(one: Reservation) -> tuple[int | None, int | None, int]:
    """Pid, start and pages."""
    return None if one.process is None else one.process.pid, one.start, one.pages


@pytest.mark.parametrize("name", ["stock-6.12-stage1", "stock-6.12-stage3"])
def test_reserved_pages_are_the_unfaulted_ones(seen: Seen, name: str) -> None:
    """2 of the 4 pages of the third anonymous mapping and 2 of the 4 of uffd-2M; where the
    poisoned pages were nothing is reserved.
    """
    found = seen(name).reservations[MIB2].account
    assert [owner(one) for one in found.owners] == [
        (159, 0x7E0000C00000, 2),
        (159, 0x7EB000000000, 2),
    ]
    assert (found.reserved, found.unattributed) == (4, 0)
    assert not any(one.inferred for one in found.owners)


def test_mappings_without_a_reservation_are_listed(seen: Seen) -> None:
    """pmdshare-2M is mapped with nr by three processes, and 10 pages of it are there."""
    found = seen("stock-6.12-stage1").reservations[MIB2].account
    assert [(one.process.pid, one.pages, one.inferred) for one in found.unreserved] == [
        (159, 1024 - 10, False),
        (161, 1024 - 10, False),
        (162, 512 - 10, False),
    ]


def test_a_shared_file_s_reservation_counts_once(seen: Seen) -> None:
    """Five mappings of hgm-2M in two processes: 7 of its 8 pages are there."""
    found = seen("hgm-v2-stage3").reservations[MIB2]
    assert [owner(one) for one in found.account.owners] == [(41, 0x7E0000000000, 1)]
    assert found.account.owners[0].faulted == 7
    assert found.account.unattributed == 0
    assert set(found.by_mapping.values()) == {1}


@pytest.mark.parametrize("name", sorted(TORN))
def test_an_older_counter_makes_reservations_doubtful(seen: Seen, name: str) -> None:
    """The page that is not there is claimed, and the counter, read before, knows no reservation."""
    found = seen(name).reservations[MIB2].account
    assert (found.reserved, found.owners, found.unattributed) == (0, [], 0)
    assert [(one.pages, one.inferred) for one in found.unreserved] == [(1, True)]


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "stock-6.12-stage3"])
def test_no_poison_where_there_is_none(seen: Seen, name: str) -> None:
    assert seen(name).poison.record.pages == []
    assert seen(name).lost == []


def places(page: PoisonedPage) -> list[tuple[int, int, int | None, int | None]]:
    """Pid, start, address and file offset of each place."""
    return [(p.process.pid, p.start, p.address, p.file_offset) for p in page.places]


def test_every_memory_error_of_the_tree_is_told_once(seen: Seen) -> None:
    """HardwareCorrupted is 16 kB: four bad pages. One is a page of shared-2M, the third, which
    both processes mapped; one was anonymous, on node 0 by the mapping's policy; one was free; and
    one belongs to small pages.
    """
    record = seen("stock-6.12-stage3").poison.record
    shared, private, free, small = record.pages
    assert record.hardware_corrupted_bytes == sum(page.bad_bytes or 0 for page in record.pages)
    assert (shared.page_size, shared.in_pool, shared.node) == (MIB2, True, 1)
    assert shared.file is not None
    assert shared.file.name == "shared-2M"
    assert places(shared) == [
        (159, 0x7E1000000000, 0x7E1000400000, 0x400000),
        (161, 0x7D1000000000, 0x7D1000400000, 0x400000),
    ]
    assert (private.page_size, private.in_pool, private.node) == (MIB2, False, 0)
    assert places(private) == [(159, 0x7E0000000000, 0x7E0000200000, 0x200000)]
    assert all(place.inferred for page in (shared, private) for place in page.places)
    assert (free.page_size, free.in_pool, free.node, free.places) == (4096, False, 1, [])
    assert (small.page_size, small.in_pool, small.node, small.places) == (4096, None, 1, [])
    assert [failure.total for failure in record.failures] == [1, 2]


def test_the_lost_page_of_a_file_is_out_of_the_pool_s_use(seen: Seen) -> None:
    """It counts as poisoned, and must not count as held by its file too."""
    assert seen("stock-6.12-stage3").poison.unmapped == {(((0, 17), 4666), MIB2): 1}


def test_holes_are_those_that_no_mapping_of_the_file_fills(seen: Seen) -> None:
    """The page that smaps still counts: found although process 161 has five holes there."""
    lost = seen("stock-6.12-stage3").lost
    assert sorted((page.file[1], page.offset, page.private) for page in lost) == [
        (4665, 1, True),
        (4666, 2, False),
    ]
