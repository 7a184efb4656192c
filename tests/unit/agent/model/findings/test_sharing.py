import pytest

from hugescope_wire.cells import CellFlag
from hugescope_wire.findings import CellLink
from hugescope_wire.report import SharingGroup, SharingReason
from tests.unit.agent.model.findings.made_facts import (
    about,
    cells,
    facts,
    found,
    mapping,
    only,
    private,
    process,
)


def group(*reasons: SharingReason, first: int = 0, count: int = 2) -> SharingGroup:
    return SharingGroup(
        cells=count, first=first, mapcount=3, mappers=2, processes=2, reasons=list(reasons)
    )


def test_a_mapping_that_is_not_seen() -> None:
    info = mapping(1, "mmm")
    shown = {1: cells("mmm", mapcount=[3, 2, 3], mappers=[2, 2, 2])}
    look = facts(
        process(41, info), shown=shown, mappings=[about(info, sharing=[group("unseen_mapping")])]
    )
    finding = only(look, "mapcount-differs")
    assert finding.severity == "notice"
    assert "2 cells of memfd ram" in finding.what
    assert finding.evidence[0].value == "mapcount 3, mappers 2, processes 2"
    assert [(link.first, link.count) for link in finding.links] == [(0, 1), (2, 1)]


def test_cells_that_counts_do_not_tell_apart_are_linked_by_the_first() -> None:
    info = mapping(1, "mmm")
    shown = {1: cells("mmm", mapcount=[3, 3, 3], mappers=[2, 2, 2])}
    sharing = [group("unseen_mapping", first=1)]
    finding = only(
        facts(process(41, info), shown=shown, mappings=[about(info, sharing=sharing)]),
        "mapcount-differs",
    )
    assert finding.links == [CellLink(pid=41, start=info.start, first=1, count=1)]


def test_an_alias_is_one_finding_for_both_of_its_mappings() -> None:
    one, two = mapping(1, "mm"), mapping(2, "mm")
    sharing = [group("alias")]
    look = facts(
        process(41, one, two),
        mappings=[about(one, sharing=sharing), about(two, sharing=sharing)],
    )
    finding = only(look, "mapcount-differs")
    assert finding.severity == "info"
    assert [link.start for link in finding.links] == [one.start, two.start]
    assert finding.pids == [41]


def test_an_alias_without_a_mapcount_is_not_known_to_differ() -> None:
    one, two = mapping(1, "mm"), mapping(2, "mm")
    sharing = [group("alias").model_copy(update={"mapcount": None})]
    look = facts(
        process(41, one, two),
        mappings=[about(one, sharing=sharing), about(two, sharing=sharing)],
    )
    assert not found(look, "mapcount-differs")


def test_who_maps_an_aliased_page_once_is_none_of_the_reason() -> None:
    one, two, other = mapping(1, "mm"), mapping(2, "mm"), mapping(3, "mm")
    sharing = [group("alias")]
    look = facts(
        process(41, one, two),
        process(42, other),
        mappings=[
            *(about(info, sharing=sharing) for info in (one, two)),
            about(other, 42, sharing=sharing),
        ],
    )
    assert only(look, "mapcount-differs").pids == [41]


def test_pages_that_are_mapped_in_different_parts() -> None:
    info = mapping(1, "p")
    look = facts(
        process(41, info), mappings=[about(info, sharing=[group("partly_mapped", count=1)])]
    )
    finding = only(look, "mapcount-differs")
    assert finding.severity == "info"
    assert " shows a mapcount of the first 4 KiB" in finding.what


def test_private_mappings_are_told_apart() -> None:
    one, two = private(1, "m"), private(2, "m")
    sharing = [group("unseen_mapping", count=1)]
    look = facts(
        process(41, one),
        process(42, two),
        mappings=[about(one, sharing=sharing), about(two, 42, sharing=sharing)],
    )
    assert [finding.pids for finding in found(look, "mapcount-differs")] == [[41], [42]]


@pytest.mark.parametrize("reasons", [(), ("moving",), ("shared_table",)])
def test_what_has_a_code_of_its_own_or_passes_is_no_difference(
    reasons: tuple[SharingReason, ...],
) -> None:
    info = mapping(1, "mm")
    look = facts(process(41, info), mappings=[about(info, sharing=[group(*reasons)])])
    assert not found(look, "mapcount-differs")


def test_a_shared_table_is_one_finding_for_all_who_share_it() -> None:
    one, two = mapping(1, "mmh"), mapping(2, "mmh")
    table = [CellFlag.SHARED_TABLE, CellFlag.SHARED_TABLE, 0]
    shown = {number: cells("mmh", flags=table) for number in (1, 2)}
    look = facts(
        process(41, one),
        process(42, two, comm=None),
        shown=shown,
        mappings=[about(one, shared_table_cells=2), about(two, 42, shared_table_cells=2)],
    )
    finding = only(look, "shared-table")
    assert finding.severity == "info"
    assert finding.what.startswith("qemu (41) and process 42: 2 cells of memfd ram at ")
    assert finding.pids == [41, 42]
    assert [(link.pid, link.first, link.count) for link in finding.links] == [
        (41, 0, 2),
        (42, 0, 2),
    ]


def test_sharing_without_a_shared_table_is_no_finding() -> None:
    one, two = mapping(1, "mm"), mapping(2, "mm")
    look = facts(process(41, one), process(42, two), mappings=[about(one), about(two, 42)])
    assert not found(look, "shared-table")
