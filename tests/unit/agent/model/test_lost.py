"""Lost pages: seen by a scan, or placed by what smaps counts and no mapping of the file fills."""

from __future__ import annotations

from hugescope_agent.model.lost import LostPage, lost_pages
from hugescope_agent.model.owned import MappingKey
from tests.unit.agent.model.made_accounts import MIB2, START, head, owned, private


def told(pages: list[LostPage]) -> list[tuple[int | None, bool, list[tuple[int, int | None]]]]:
    """Place in the file, whether private, and pid and cell of each place."""
    return [
        (
            page.offset,
            page.private,
            [(place.owner.process.pid, place.cell) for place in page.places],
        )
        for page in pages
    ]


def by_pid(**counts: int) -> dict[MappingKey, int]:
    """Lost pages by the smaps of pids p1, p2 and so on."""
    return {(int(name[1:]), START): count for name, count in counts.items()}


def test_nothing_is_lost_where_nothing_tells_of_it() -> None:
    assert lost_pages([owned(1, "F..M")], {}) == []
    assert lost_pages([owned(1, "F..M")], by_pid(p1=1)) == []


def test_a_scan_shows_the_cell_in_every_mapping() -> None:
    first, second = owned(1, "FP."), owned(2, "P.", offset=MIB2)
    first.mapping.lost_pfn[1] = head(1)
    (page,) = found = lost_pages([first, second], by_pid(p1=1, p2=1))
    assert told(found) == [(1, False, [(1, 1), (2, 0)])]
    assert (page.evidence, page.last_pfn, page.inferred) == ("pagemap_scan", head(1), False)


def test_a_cell_taken_for_poisoned_by_time_is_inferred() -> None:
    (page,) = lost_pages([owned(1, "p")], {})
    assert page.inferred
    assert page.last_pfn == 0


def test_as_many_holes_as_lost_pages_are_those() -> None:
    (page,) = found = lost_pages([private(1, "A.A")], by_pid(p1=1))
    assert told(found) == [(1, True, [(1, 1)])]
    assert (page.evidence, page.inferred) == ("smaps", True)


def test_a_hole_that_another_mapping_of_the_file_fills_is_none() -> None:
    """Pid 1 has four holes and lost one page; pid 2 shows all but one of them."""
    found = lost_pages([owned(1, "F...."), owned(2, "FFF.F")], by_pid(p1=1))
    assert told(found) == [(3, False, [(1, 3)])]


def test_a_private_copy_fills_no_hole_of_the_file() -> None:
    found = lost_pages([owned(1, "F.."), owned(2, "AA.", pages=[7, 8])], by_pid(p1=1))
    assert told(found) == [(None, False, [(1, None)])]


def test_what_one_mapping_tells_places_it_in_the_others() -> None:
    mappings = [owned(1, "F..."), owned(2, ".", offset=2 * MIB2)]
    found = lost_pages(mappings, by_pid(p1=1, p2=1))
    assert told(found) == [(2, False, [(1, 2), (2, 0)])]


def test_what_all_holes_have_in_common_is_the_place() -> None:
    first, second = owned(1, "..."), owned(2, "...", offset=2 * MIB2)
    found = lost_pages([first, second], by_pid(p1=1, p2=1))
    assert told(found) == [(2, False, [(1, 2), (2, 0)])]


def test_without_a_place_there_are_as_few_pages_as_can_be() -> None:
    found = lost_pages([owned(1, "...."), owned(2, "....")], by_pid(p1=2, p2=1))
    assert told(found) == [
        (None, False, [(1, None), (2, None)]),
        (None, False, [(1, None)]),
    ]


def test_one_of_several_known_pages_has_no_address_in_the_mapping() -> None:
    """Pid 1 lost both pages of the file, pid 2 one of them."""
    found = lost_pages([owned(1, ".."), owned(2, "..")], by_pid(p1=2, p2=1))
    assert told(found) == [(0, False, [(1, 0), (2, None)]), (1, False, [(1, 1)])]


def test_a_private_mapping_that_showed_the_file_s_page_lost_the_same() -> None:
    mappings = [owned(1, "FP"), owned(2, "FP", shared=False)]
    (page,) = found = lost_pages(mappings, {})
    assert told(found) == [(1, False, [(1, 1), (2, 1)])]
    assert page.inferred


def test_pages_of_different_files_stay_apart() -> None:
    found = lost_pages([owned(1, "FP"), owned(2, "FP", inode=8)], {})
    assert [page.file[1] for page in found] == [7, 8]
