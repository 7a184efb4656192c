"""Each memory error once: bad pages matched with what mappings lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hugescope_agent.model.lost import LostPage, lost_pages
from hugescope_agent.model.owned import OwnedMapping
from hugescope_agent.model.poison import PoisonLook, PoisonView, poison
from hugescope_wire.report import MemoryFailures, PoisonedPage
from tests.unit.agent.model.made_accounts import (
    KEY,
    MIB2,
    START,
    frames,
    head,
    outside,
    owned,
    private,
)
from tests.unit.agent.model.made_model import GIB, KPF_HWPOISON

ANON = 1 << 12


def view(mappings: Sequence[OwnedMapping], lost: list[LostPage], **other: Any) -> PoisonView:
    """What is made of it."""
    return poison(PoisonLook(owned=mappings, lost=lost, **other))


def told(page: PoisonedPage) -> tuple[int, int | None, bool | None, int | None, str]:
    """Size, bad bytes, pool, node and evidence."""
    return page.page_size, page.bad_bytes, page.in_pool, page.node, page.evidence


def test_no_error_no_page() -> None:
    failures = [MemoryFailures(node=0, total=0, ignored=0, failed=0, delayed=0, recovered=0)]
    found = view([owned(1, "F")], [], frames=frames({}, good=2), failures=failures)
    assert found.record.pages == []
    assert found.record.failures == failures
    assert found.unmapped == {}


def test_a_bad_page_that_is_still_mapped_has_its_places() -> None:
    """A 1 GiB page on Linux 6.1, which does not take it away."""
    mappings = [owned(1, "F.", pages=[5]), owned(2, ".F", pages=[5])]
    found = view(mappings, [], frames=frames({5: 1}), hardware_corrupted_bytes=4096)
    (page,) = found.record.pages
    assert told(page) == (MIB2, 4096, True, 1, "kpageflags")
    assert [(p.process.pid, p.address, p.file_offset, p.inferred) for p in page.places] == [
        (1, START, 0, False),
        (2, START + MIB2, MIB2, False),
    ]
    assert found.unmapped == {}


def test_the_last_known_page_says_which_it_was() -> None:
    first = owned(1, "FP")
    first.mapping.lost_pfn[1] = head(9)
    lost = lost_pages([first], {})
    found = view([first], lost, frames=frames({8: 0, 9: 1}), hardware_corrupted_bytes=8192)
    mine, other = found.record.pages
    assert told(mine) == (MIB2, 4096, True, 1, "pagemap_scan")
    assert [(p.address, p.inferred) for p in mine.places] == [(START + MIB2, False)]
    assert told(other) == (MIB2, 4096, True, 0, "kpageflags")
    assert other.places == []
    assert other.file is None
    assert found.unmapped == {(KEY, MIB2): 1}


def test_a_dissolved_page_is_found_by_any_of_its_4k() -> None:
    first = private(1, "P")
    first.mapping.lost_pfn[0] = head(9)
    bad = outside((head(9) + 77, KPF_HWPOISON, 1), (head(20), KPF_HWPOISON, 0))
    found = view([first], lost_pages([first], {}), frames=frames({}), outside=bad)
    assert [told(page) for page in found.record.pages] == [
        (MIB2, 4096, False, 1, "pagemap_scan"),
        (4096, 4096, False, 0, "kpageflags"),
    ]
    assert found.unmapped == {}


def test_the_only_bad_page_of_the_pool_is_the_file_s_lost_one() -> None:
    mappings = [owned(1, "F.")]
    lost = lost_pages(mappings, {(1, START): 1})
    found = view(mappings, lost, frames=frames({9: 1}), outside=outside())
    (page,) = found.record.pages
    assert told(page) == (MIB2, None, True, 1, "kpageflags")
    assert page.places[0].inferred
    assert found.unmapped == {(KEY, MIB2): 1}


def test_the_node_is_told_only_where_all_that_it_can_be_lie_there() -> None:
    mappings = [owned(1, "F.")]
    lost = lost_pages(mappings, {(1, START): 1})
    apart = view(mappings, lost, frames=frames({8: 0, 9: 1})).record.pages
    assert [page.node for page in apart] == [None, None]
    same = view(mappings, lost, frames=frames({8: 1, 9: 1})).record.pages
    assert [page.node for page in same] == [1, 1]


def test_a_policy_tells_which_dissolved_page_a_copy_was() -> None:
    mappings = [private(1, "A.", pages=[3])]
    lost = lost_pages(mappings, {(1, START): 1})
    bad = outside((99, KPF_HWPOISON, 0), (100, KPF_HWPOISON, 1), (101, KPF_HWPOISON | ANON, 0))
    free = view(mappings, lost, frames=frames({}), outside=bad).record.pages
    assert [(page.page_size, page.node, page.in_pool) for page in free] == [
        (MIB2, None, False),
        (4096, None, False),
        (4096, 0, None),
    ]
    bound = {(1, START): frozenset({0})}
    told_apart = view(mappings, lost, frames=frames({}), outside=bad, bound=bound).record.pages
    assert [page.node for page in told_apart] == [0, 1, 0]


def test_a_copy_that_could_not_be_dissolved_is_in_the_pool() -> None:
    mappings = [private(1, "A.", pages=[3])]
    lost = lost_pages(mappings, {(1, START): 1})
    found = view(mappings, lost, frames=frames({9: 1}), outside=outside())
    assert [told(page)[2:4] for page in found.record.pages] == [(True, 1)]
    assert found.unmapped == {}, "no file has it"


def test_a_lost_page_without_any_flag() -> None:
    mappings = [private(1, "A.", pages=[3])]
    lost = lost_pages(mappings, {(1, START): 1})
    (gone,) = view(mappings, lost, frames=frames({}), hardware_corrupted_bytes=4096).record.pages
    assert told(gone) == (MIB2, None, None, None, "smaps"), "its flag may not have been captured"
    (unknown,) = view(mappings, lost, hardware_corrupted_bytes=4096).record.pages
    assert told(unknown) == (MIB2, None, None, None, "smaps")


def test_an_entry_that_no_error_explains_is_migrating() -> None:
    mappings = [owned(1, "F..")]
    lost = lost_pages(mappings, {(1, START): 2})
    look: dict[str, Any] = {"frames": frames({}), "outside": outside((99, KPF_HWPOISON | ANON, 0))}
    assert view(mappings, lost, hardware_corrupted_bytes=0).record.pages == []
    one = view(mappings, lost, **look, hardware_corrupted_bytes=8192).record.pages
    assert [page.page_size for page in one] == [4096], "which of the two it is cannot be told"
    both = view(mappings, lost, **look, hardware_corrupted_bytes=12288).record.pages
    assert [told(page)[:3] for page in both[:2]] == [(MIB2, None, None)] * 2
    assert len(view(mappings, lost, hardware_corrupted_bytes=8192).record.pages) == 2
    assert view(mappings, lost).record.pages == [], "nothing counts errors here"
    event = MemoryFailures(node=0, total=2, ignored=0, failed=0, delayed=0, recovered=2)
    assert len(view(mappings, lost, failures=[event]).record.pages) == 2


def test_a_bad_page_of_another_size_is_not_it() -> None:
    mappings = [owned(1, "F.", page_size=GIB)]
    lost = lost_pages(mappings, {(1, START): 1})
    look: dict[str, Any] = {"frames": frames({9: 1}), "hardware_corrupted_bytes": 8192}
    found = view(mappings, lost, **look).record.pages
    assert [(page.page_size, page.in_pool) for page in found] == [(GIB, None), (MIB2, True)]


def test_what_is_really_bad_follows_from_hardware_corrupted() -> None:
    def bad_bytes(
        corrupted: int | None, bad: dict[int, int], others: int | None
    ) -> list[int | None]:
        pages = [(number, KPF_HWPOISON, 0) for number in range(others or 0)]
        look = {
            "frames": frames(bad),
            "outside": None if others is None else outside(*pages),
            "hardware_corrupted_bytes": corrupted,
        }
        found = view([], [], **look).record.pages
        return [page.bad_bytes for page in found if page.page_size == MIB2]

    assert bad_bytes(8192, {1: 0, 2: 0}, None) == [4096, 4096]
    assert bad_bytes(12288, {1: 0}, 1) == [8192]
    assert bad_bytes(12288, {1: 0}, None) == [None]
    assert bad_bytes(12288, {1: 0, 2: 0}, 0) == [None, None]
    assert bad_bytes(None, {1: 0}, 0) == [None]


def test_bad_pages_of_nobody_known_by_size() -> None:
    bad = outside((99, KPF_HWPOISON, 0), (101, KPF_HWPOISON | ANON, 0))
    found = view([], [], frames=frames({8: 0, 9: 1}), outside=bad)
    assert (found.adrift(MIB2), found.adrift(GIB)) == (3, 1), "what was dissolved had any size"
    mappings = [owned(1, "F..")]
    lost = lost_pages(mappings, {(1, START): 1})
    assert view(mappings, lost, frames=frames({9: 1})).adrift(MIB2) == 0
