"""Who maps the folio of a THP cell, among the processes that were asked for."""

from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.thp import ThpMapping
from hugescope_agent.model.thp_join import ThpPlace, count_mappers, places_of
from hugescope_agent.model.thp_page import thp_page
from hugescope_wire.cells import UNKNOWN_COUNT, CellFlag, CellState
from hugescope_wire.page import PageDetail

MIB2 = 2 << 20
START = 0x7E0000000000
HEAD = 512 * 40
MAPPED, SPLIT, PARTIAL = CellState.MAPPED, CellState.SPLIT, CellState.PARTIAL
WORDS = {MAPPED: 512, SPLIT: 512, PARTIAL: 100, CellState.SMALL: 3, CellState.HOLE: 0}


def mapping(number: int, *cells: tuple[int, CellState], start: int = START) -> ThpMapping:
    """Cells by head PFN and state; each entry of one is of that folio."""
    vma = HugeVma(start, start + len(cells) * MIB2, MIB2, False, 0, (0, 0), 0, "", "thp")
    made = ThpMapping(number, vma, None)
    for cell, (head, state) in enumerate(cells):
        made.head_pfn[cell] = made.last_pfn[cell] = head
        made.cells.state[cell] = state
        made.cells.mapped_pages[cell] = WORDS[state]
        made.cells.mapcount[cell] = 1 if head else UNKNOWN_COUNT
        made.folio_pages[cell, 9] = WORDS[state] if head else 0
    return made


def mappers(one: ThpMapping) -> list[int]:
    return [int(count) for count in one.cells.mappers]


def detail(
    counted: int | None, *processes: tuple[int, ThpMapping], cell: int = 0, averaged: bool = False
) -> PageDetail:
    """The answer about a cell of the first of these processes."""
    place = ThpPlace(processes[0][0], "one", processes[0][1], cell)
    places = places_of([(pid, "one", [m]) for pid, m in processes], place)
    return thp_page(place, places, counted, [], averaged=averaged)


def test_mappings_of_a_folio_are_counted_and_told_once() -> None:
    one = mapping(1, (HEAD, MAPPED), (0, CellState.SMALL), (HEAD + 512, PARTIAL))
    two = mapping(2, (HEAD, SPLIT))
    changes = {number: index.tolist() for number, index in count_mappers([one, two])}
    assert changes == {1: [0, 2], 2: [0]}
    assert (mappers(one), mappers(two)) == ([2, UNKNOWN_COUNT, 1], [2])
    assert not one.heads_moved
    assert not any(len(index) for _, index in count_mappers([one, two]))
    count_mappers([one])
    assert mappers(one) == [1, UNKNOWN_COUNT, 1]
    assert count_mappers([]) == []


def test_a_cell_of_two_folios_counts_for_both_and_has_no_number() -> None:
    one, two = mapping(1, (HEAD, SPLIT)), mapping(2, (HEAD + 512, PARTIAL))
    one.last_pfn[0] = HEAD + 512
    count_mappers([one, two])
    assert (mappers(one), mappers(two)) == ([UNKNOWN_COUNT], [2])
    page = detail(600, (41, one), (42, two))
    assert (page.mappers, page.processes) == (None, None)
    assert [one.pid for one in page.mapped_by or []] == [41, 42]
    assert "more than one folio" in page.explanation[0]
    # Of the other's point of view, entries of the first are of another folio too.
    page = detail(612, (42, two), (41, one))
    assert page.mappers == 2
    assert "is not known" in page.explanation[-1]


def test_all_who_map_it_are_known_where_the_kernel_counts_no_more() -> None:
    one, two = mapping(1, (HEAD, MAPPED)), mapping(2, (0, CellState.HOLE), (HEAD, MAPPED))
    one.cells.mapcount[0] = 2
    page = detail(1024, (41, one), (42, two))
    assert (page.mappers, page.processes, page.mapcount) == (2, 2, 2)
    assert [(m.pid, m.address) for m in page.mapped_by or []] == [(41, START), (42, START + MIB2)]
    assert (page.reasons, page.explanation) == ([], [])


def test_others_that_are_not_read() -> None:
    one = mapping(1, (HEAD, MAPPED))
    one.cells.mapcount[0] = 2
    page = detail(512 + 511, (41, one))
    assert page.reasons == ["unseen_mapping"]
    (sentence,) = page.explanation
    assert sentence.startswith(
        "Other processes map it too and are not read: the kernel counts 1023 "
    )
    assert "and 512 are seen in the processes asked for" in sentence
    assert [m.pid for m in page.mapped_by or []] == [41]


def test_three_mappings_of_one_mprotect() -> None:
    parts = mapping(1, (HEAD, PARTIAL)), mapping(2, (HEAD, PARTIAL), start=START + MIB2)
    page = detail(200, (41, parts[0]), (41, parts[1]))
    assert (page.mappers, page.processes, page.mapcount) == (2, 1, 1)
    assert page.reasons == ["partly_mapped"]
    assert "mapcount of 1 is of the first one that is mapped here" in page.explanation[0]


def test_an_alias() -> None:
    one = mapping(1, (HEAD, MAPPED), (HEAD, MAPPED))
    one.cells.mapcount[:] = 2
    assert detail(1024, (41, one)).reasons == ["alias"]


def test_counts_that_are_averages_or_cannot_be_read() -> None:
    one = mapping(1, (HEAD, PARTIAL))
    page = detail(512, (41, one), averaged=True)
    assert page.reasons == ["average_mapcount"]
    for counted in (None, 3):
        page = detail(counted, (41, one))
        assert page.reasons == []
        assert "is not known" in page.explanation[-1]
        assert len(page.mapped_by or []) == 1


def test_cells_without_a_folio() -> None:
    one = mapping(1, (0, CellState.HOLE), (0, CellState.SMALL), (0, MAPPED), (0, SPLIT))
    one.zero_huge[2] = True
    one.cells.flags[3] = CellFlag.INFERRED
    words = ["Nothing is mapped here.", "base pages", "page of zeros", "cannot be told"]
    for cell, word in enumerate(words):
        page = detail(None, (41, one), cell=cell)
        assert (page.mapped_by, page.mappers, page.reasons) == (None, None, [])
        assert len(page.explanation) == 1
        assert word in page.explanation[0]
