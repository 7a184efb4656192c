"""Whose the reserved pages are: shared files, private families, mounts, files nobody maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from hugescope_agent.kernel.hugetlbfs import HugetlbfsMount
from hugescope_agent.kernel.mountinfo import Device
from hugescope_agent.model.holdings import FileUse
from hugescope_agent.model.lost import lost_pages
from hugescope_agent.model.owned import OwnedMapping
from hugescope_agent.model.reservations import (
    ReservationLook,
    ReservationView,
    reservations,
)
from hugescope_wire.account import FileRef
from tests.unit.agent.model.made_accounts import FILE, KEY, file_use, owned, private
from tests.unit.agent.model.made_model import GIB, MIB2, START

NO_RESERVE = "rd wr sh nr ht"
USERFAULT = "rd wr sh um ht"


def view(reserved: int | None, mappings: Sequence[OwnedMapping], **other: Any) -> ReservationView:
    """The reservations of 2 MiB pages; every page in use is known."""
    facts: dict[str, Any] = {"unattributed": 0}
    return reservations(
        ReservationLook(page_size=MIB2, reserved=reserved, owned=mappings, **(facts | other))
    )


Owner = tuple[int | None, int, int | None, bool]


def owners(found: ReservationView) -> list[Owner]:
    """Pid (None: no mapping), pages, faulted, inferred."""
    return [
        (one.process.pid if one.process else None, one.pages, one.faulted, one.inferred)
        for one in found.account.owners
    ]


def gaps(found: ReservationView) -> list[tuple[int, int, bool]]:
    """Pid, pages, inferred."""
    return [(gap.process.pid, gap.pages, gap.inferred) for gap in found.account.unreserved]


def test_a_page_of_a_file_is_reserved_once() -> None:
    """Pid 2 shows one more of it, pid 3 covers two more."""
    mappings = [owned(1, "F..."), owned(2, ".F.."), owned(3, "...", offset=3 * MIB2)]
    found = view(4, mappings)
    assert owners(found) == [(1, 2, 2, False), (3, 2, 0, False)]
    assert (found.account.unattributed, gaps(found)) == (0, [])
    assert list(found.by_mapping.values()) == [2, 2, 3]


def test_other_sizes_are_not_counted() -> None:
    assert owners(view(0, [owned(1, "..", page_size=GIB)])) == []


def test_noreserve_mappings_claim_nothing() -> None:
    """Pid 2 can draw on what pid 1 has reserved of the same file."""
    mappings = [owned(1, "F."), owned(2, "....", flags=NO_RESERVE)]
    found = view(1, mappings)
    assert owners(found) == [(1, 1, 1, False)]
    assert gaps(found) == [(2, 2, False)]
    assert found.by_mapping == {(1, START): 1, (2, START): 1}


def test_pages_that_the_file_holds_need_no_reservation() -> None:
    """Three of five pages are there, two of them in no page table; the mapping covers the file."""
    found = view(2, [owned(1, "F....")], files=[file_use(3, 5)])
    assert owners(found) == [(1, 2, 3, False)]
    assert found.by_mapping == {(1, START): 2}


def test_where_the_file_s_other_pages_lie_is_a_guess_unless_all_is_mapped() -> None:
    found = view(2, [owned(1, "F....")], files=[file_use(3, 9)])
    assert owners(found) == [(1, 2, 3, True)]
    assert found.by_mapping == {(1, START): None}
    apart = [owned(1, "F."), owned(2, "..", offset=2 * MIB2)]
    found = view(2, apart, files=[file_use(2, 4)])
    assert owners(found) == [(2, 2, 0, True)]


def test_pages_held_elsewhere_leave_noreserve_mappings_unsure() -> None:
    found = view(0, [owned(1, "F...", flags=NO_RESERVE)], files=[file_use(2, 9)])
    assert gaps(found) == [(1, 2, True)]


def test_what_other_holders_may_hold_makes_a_claim_the_most() -> None:
    """Two pages in use are nobody's that was seen: they may be this file's. Unless all fits."""
    mappings = [owned(1, "F...")]
    assert owners(view(3, mappings, unattributed=2)) == [(1, 3, 1, False)]
    assert owners(view(5, mappings, unattributed=2)) == [(1, 3, 1, True)]


def test_lost_and_migrating_cells_are_faulted() -> None:
    mappings = [owned(1, "FP.M"), private(2, "A.P", inode=8)]
    lost = lost_pages(mappings, {})
    assert owners(view(2, mappings, lost=lost)) == [(1, 1, 3, False), (2, 1, 2, False)]


def test_pages_that_only_smaps_counts_are_faulted() -> None:
    mappings = [owned(1, "F...", flags="rd sh ht"), private(2, "A..", inode=8)]
    lost = lost_pages(mappings, {(1, START): 1, (2, START): 2})
    found = view(2, mappings, lost=lost)
    assert owners(found) == [(1, 2, 2, True)]
    assert found.account.unattributed == 0


@pytest.mark.parametrize(("offset", "distinct"), [(0, 4), (2 * MIB2, 4), (4 * MIB2, 8)])
def test_pages_that_several_mappings_lack_count_once(offset: int, distinct: int) -> None:
    """Two mappings of 4 pages that show the same part of a file, half of it, or none."""
    mappings = [
        owned(1, "....", flags=NO_RESERVE),
        owned(2, "....", flags=NO_RESERVE, offset=offset),
    ]
    assert view(0, mappings).account.unreserved_pages == distinct


def test_private_pages_that_lack_are_each_their_own() -> None:
    mappings = [private(pid, "A.", flags="rd wr nr ht") for pid in (1, 2)]
    assert view(0, mappings).account.unreserved_pages == 2
    assert view(0, []).account.unreserved_pages == 0


def test_a_private_mapping_reserves_what_it_has_no_copy_of() -> None:
    """A page of the file that it shows is not its own: it needs another to write to."""
    found = view(3, [owned(1, "FA..", shared=False, pages=[0, 9])])
    assert owners(found) == [(1, 3, 1, False)]
    assert found.by_mapping == {(1, START): 3}


def test_a_private_noreserve_mapping_has_gaps() -> None:
    mappings = [owned(1, "FA..", shared=False, pages=[0, 9], flags="rd wr nr ht")]
    assert gaps(view(0, mappings)) == [(1, 2, False)]


def test_after_a_fork_the_parent_owns_the_reservation() -> None:
    """The child's mapping was split since, and one of its parts moved its start."""
    mappings = [
        private(5, "A...", ppid=1),
        private(3, "A.", ppid=5),
        private(3, "..", ppid=5, start=START + 2 * MIB2, offset=2 * MIB2),
    ]
    found = view(3, mappings)
    assert owners(found) == [(5, 3, 1, False)]
    assert gaps(found) == [(3, 1, False), (3, 2, False)]
    assert found.by_mapping[(3, START)] == 0


@pytest.mark.parametrize(
    ("parents", "owner"), [((None, None), 3), ((1, 1), 3), ((3, 5), 3)], ids=str
)
def test_an_unknown_parent_makes_it_a_guess(parents: tuple[int | None, ...], owner: int) -> None:
    """The last: each is the other's parent, which no kernel says."""
    mappings = [private(pid, "A.", ppid=ppid) for pid, ppid in zip((5, 3), parents, strict=True)]
    assert owners(view(1, mappings)) == [(owner, 1, 1, True)]


def test_private_mappings_of_a_named_file_may_have_nothing_to_do_with_each_other() -> None:
    apart = [
        owned(1, "A.", pages=[1], ppid=9),
        owned(2, "A.", pages=[2], ppid=9, start=START + GIB),
    ]
    assert owners(view(2, apart)) == [(1, 1, 1, False), (2, 1, 1, False)]
    together = [owned(pid, "A.", pages=[pid], ppid=9) for pid in (1, 2)]
    assert owners(view(2, together)) == [(1, 1, 1, True), (2, 1, 1, True)]


def test_vmflags_that_could_not_be_read_make_a_claim_inferred() -> None:
    mappings = [owned(1, "F.", flags=None), private(2, "A.", inode=8, flags=None)]
    assert owners(view(2, mappings)) == [(1, 1, 1, True), (2, 1, 1, True)]


def test_memory_that_was_punched_out_lost_its_reservation() -> None:
    """Under userfaultfd 6 pages are missing and 2 reserved; the other mapping is not doubted."""
    mappings = [owned(1, "FF......", flags=USERFAULT), private(2, "A.", inode=8)]
    found = view(3, mappings)
    assert owners(found) == [(2, 1, 1, False), (1, 2, 2, True)]
    assert gaps(found) == [(1, 4, True)]
    assert found.account.unattributed == 0
    assert found.by_mapping == {(1, START): None, (2, START): 1}


def test_all_of_a_kind_are_doubted_the_largest_first() -> None:
    mappings = [owned(1, "..", inode=1), owned(2, "....", inode=2), owned(3, "...", inode=3)]
    found = view(4, mappings)
    assert sorted(owners(found)) == [(1, 2, 0, True), (3, 2, 0, True)]
    assert gaps(found) == [(2, 4, True), (3, 1, True)]


@pytest.mark.parametrize("reserved", [None, -5])
def test_nothing_is_computed_with_an_odd_counter(reserved: int | None) -> None:
    found = view(reserved, [owned(1, "F.")])
    assert owners(found) == [(1, 1, 1, False)]
    assert (found.account.reserved, found.account.unattributed) == (reserved, None)


def test_more_reserved_than_claimed_is_unattributed() -> None:
    assert view(7, [owned(1, "F.")]).account.unattributed == 6


def segment(pages: int, size_pages: int, inode: int = 11, **other: Any) -> FileUse:
    """A SysV segment."""
    ref = FileRef(kind="sysv", device="0:17", inode=inode, name="SYSV00000001")
    return file_use(pages, size_pages, inode=inode, file=ref, **other)


def test_a_detached_segment_reserved_all_of_itself() -> None:
    found = view(4, [owned(1, "F.")], files=[segment(2, 5)])
    assert owners(found) == [(1, 1, 1, False), (None, 3, 2, True)]
    assert found.account.owners[1].owner == "file"
    noreserve = view(1, [owned(1, "F.")], files=[segment(2, 5)])
    assert owners(noreserve) == [(1, 1, 1, False)]


def test_the_only_unmapped_file_has_what_nobody_else_can_have() -> None:
    other = file_use(1, 8, inode=12)
    found = view(6, [owned(1, "F.")], files=[other])
    assert owners(found) == [(1, 1, 1, False), (None, 5, 1, True)]
    assert found.account.unattributed == 0
    unsure = [
        view(6, [owned(1, "F.")], files=[other], all_read=False),
        view(6, [owned(1, "F.")], files=[other, file_use(0, 8, inode=13)]),
        view(60, [owned(1, "F.")], files=[other]),
        view(6, [owned(1, "F.")], files=[file_use(1, None, inode=12)]),
    ]
    assert [len(one.account.owners) for one in unsure] == [1, 1, 1, 1]


def mount_of(pages: int, page_size: int = MIB2, device: Device = KEY[0]) -> HugetlbfsMount:
    """A hugetlbfs with min_size, and the file of `owned` in it."""
    size = pages * page_size
    return HugetlbfsMount(device, page_size, "/", "/mnt/huge", "proc/1/root", None, size)


def test_a_mount_reserves_its_minimum_less_what_its_files_have() -> None:
    """Of ten pages two are there, one is in no page table and two more are a mapping's."""
    mount = mount_of(10)
    found = view(7, [owned(1, "FF...")], files=[file_use(3, 5)], mounts=[mount, mount])
    assert owners(found) == [(1, 2, 3, False), (None, 5, None, False)]
    last = found.account.owners[1]
    assert last.owner == "mount"
    assert last.file == FileRef(kind="hugetlbfs", device="0:17", inode=None, name="/mnt/huge")
    small = mount_of(3)
    other = mount_of(9, page_size=GIB, device=(0, 18))
    assert (
        len(
            view(
                2, [owned(1, "FF...")], files=[file_use(3, 5)], mounts=[small, other]
            ).account.owners
        )
        == 1
    )


def test_a_mount_point_that_is_no_text() -> None:
    """Who owns a directory above it may rename that; what is told travels as JSON."""
    odd = replace(mount_of(3), point="/mnt/\udcff")
    (owner,) = view(3, [], mounts=[odd]).account.owners
    assert owner.file is not None
    assert owner.file.name == "/mnt/\ufffd"


def test_owners_sum_to_the_counter() -> None:
    """Whatever the counter says, owners and what is left do."""
    mappings = [
        owned(1, "F...", flags=USERFAULT),
        private(2, "A..", inode=8),
        owned(3, "..", inode=9),
    ]
    mount = mount_of(12)
    for reserved in range(20):
        found = view(reserved, mappings, mounts=[mount], files=[file_use(1, 4, file=FILE)])
        account = found.account
        assert account.unattributed is not None
        assert sum(one.pages for one in account.owners) + account.unattributed == reserved
        assert account.unattributed >= 0


def test_a_detached_segment_with_a_mapped_file_s_number_is_another_file() -> None:
    """Segments are numbered by each IPC namespace for itself."""
    found = view(6, [owned(1, "F...")], files=[segment(2, 5, inode=7, detached=True)])
    assert owners(found) == [(1, 3, 1, False), (None, 3, 2, True)]
    attached = segment(2, 5, inode=7, mapped=True)
    assert owners(view(2, [owned(1, "F...")], files=[attached]))[0][0] == 1


def test_what_a_bad_page_of_nobody_known_explains_is_no_gap() -> None:
    """Linux 6.1.70 counts a poisoned entry nowhere: the hole has used its reservation up."""
    mappings = [owned(1, "FF..")]
    assert gaps(view(1, mappings)) == [(1, 1, True)]
    found = view(1, mappings, adrift=1)
    assert owners(found) == [(1, 1, 2, True)]
    assert gaps(found) == []
    assert gaps(view(0, mappings, adrift=1)) == [(1, 1, True)], "one of two is bad"
