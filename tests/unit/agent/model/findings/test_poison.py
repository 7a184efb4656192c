from typing import Any

import pytest

from hugescope_wire.account import ProcessRef
from hugescope_wire.findings import CellLink
from hugescope_wire.host import MappingInfo
from hugescope_wire.report import MemoryFailures, Poison, PoisonedPage, PoisonPlace
from tests.unit.agent.model.findings.made_facts import (
    QEMU,
    about,
    cells,
    facts,
    found,
    mapping,
    memfd,
    only,
    process,
)
from tests.unit.wire.made_wire import GIB, MIB2


def poison(*pages: PoisonedPage, failures: int | None = None, corrupted: int | None = None) -> Any:
    counted = MemoryFailures(
        node=0, total=failures, ignored=0, failed=0, delayed=failures, recovered=0
    )
    return Poison(pages=list(pages), failures=[counted], hardware_corrupted_bytes=corrupted)


def lost(info: MappingInfo, cell: int | None, **parts: Any) -> PoisonedPage:
    address = None if cell is None else info.start + cell * info.page_size
    place = PoisonPlace(
        process=QEMU,
        start=info.start,
        address=address,
        file_offset=None if cell is None else cell * info.page_size,
    )
    known: dict[str, Any] = {
        "page_size": info.page_size,
        "bad_bytes": 4096,
        "in_pool": True,
        "node": 0,
        "file": memfd(),
        "places": [place],
        "evidence": "kpageflags",
    }
    return PoisonedPage(**(known | parts))


def test_a_lost_page_with_its_place() -> None:
    info = mapping(1, "mxm", GIB)
    look = facts(
        process(41, info),
        shown={1: cells("mxm", GIB)},
        mappings=[about(info, lost_pages=1)],
        poison=poison(lost(info, 1), failures=1, corrupted=4096),
    )
    finding = only(look, "poisoned-page")
    assert finding.severity == "critical"
    assert finding.what == (
        "A memory error took a huge page of memfd ram: 4 KiB are bad and all 1 GiB are gone; "
        f"qemu (41) had it at {info.start + GIB:#x}."
    )
    assert finding.links == [CellLink(pid=41, start=info.start, first=1, count=1)]
    assert {"HardwareCorrupted", "memory failures on node 0"} <= {e.name for e in finding.evidence}


def test_every_place_is_named_and_the_page_is_one_finding() -> None:
    one, two = mapping(1, "x"), mapping(2, "x")
    other = PoisonPlace(
        process=ProcessRef(pid=42, comm="vhost"), start=two.start, address=None, file_offset=0
    )
    page = lost(one, 0)
    page = page.model_copy(update={"places": [*page.places, other]})
    look = facts(
        process(41, one),
        process(42, two, comm="vhost"),
        shown={1: cells("x"), 2: cells("x")},
        poison=poison(page),
    )
    finding = only(look, "poisoned-page")
    assert finding.pids == [41, 42]
    assert f"vhost (42) had it somewhere in the mapping at {two.start:#x}" in finding.what
    assert finding.links[1] == CellLink(pid=42, start=two.start)


def test_two_lost_pages_are_two_findings() -> None:
    info = mapping(1, "xx")
    look = facts(process(41, info), poison=poison(lost(info, 0), lost(info, 1)))
    assert len(found(look, "poisoned-page")) == 2


def test_lost_pages_at_unknown_places_of_one_mapping_have_keys_of_their_own() -> None:
    info = mapping(1, "hh")
    look = facts(process(41, info), poison=poison(lost(info, None), lost(info, None)))
    assert len(found(look, "poisoned-page")) == 2


def test_a_page_that_nobody_misses_is_no_lost_data() -> None:
    page = PoisonedPage(
        page_size=MIB2,
        bad_bytes=None,
        in_pool=True,
        node=None,
        file=None,
        places=[],
        evidence="kpageflags",
    )
    assert only(facts(poison=poison(page)), "poisoned-page").severity == "warning"


def test_what_a_dissolved_page_leaves_is_called_so() -> None:
    page = PoisonedPage(
        page_size=4096,
        bad_bytes=4096,
        in_pool=False,
        node=1,
        file=None,
        places=[],
        evidence="kpageflags",
    )
    finding = only(facts(poison=poison(page)), "poisoned-page")
    assert finding.what == (
        "A memory error took 4 KiB on node 1 outside of the huge page pools, as a huge page leaves "
        "that the kernel dissolved."
    )


def test_entries_that_smaps_alone_counts() -> None:
    info = mapping(1, "mhh")
    look = facts(process(41, info), shown={1: cells("mhh")}, mappings=[about(info, lost_pages=2)])
    finding = only(look, "poisoned-page")
    assert finding.severity == "warning"
    assert "2 entries in its mapping" in finding.what
    assert "poisoned or migrating" in finding.what


def test_entries_that_smaps_alone_counts_where_no_memory_is_bad() -> None:
    info = mapping(1, "mhh")
    look = facts(
        process(41, info),
        shown={1: cells("mhh")},
        mappings=[about(info, lost_pages=2)],
        poison=poison(corrupted=0),
    )
    assert not found(look, "poisoned-page"), "they are migrating"


@pytest.mark.parametrize("letters", ["mgh", "mhg"])
def test_entries_that_are_seen_to_migrate_are_explained(letters: str) -> None:
    info = mapping(1, letters)
    look = facts(process(41, info), shown={1: cells(letters)}, mappings=[about(info, lost_pages=1)])
    assert not found(look, "poisoned-page")


def test_a_lost_entry_that_a_known_page_explains() -> None:
    info = mapping(1, "mh")
    look = facts(
        process(41, info),
        shown={1: cells("mh")},
        mappings=[about(info, lost_pages=1)],
        poison=poison(lost(info, None)),
    )
    assert len(found(look, "poisoned-page")) == 1


def test_poisoned_cells_that_no_page_explains() -> None:
    info = mapping(1, "xmx")
    finding = only(facts(process(41, info), shown={1: cells("xmx")}), "poisoned-page")
    assert finding.severity == "critical"
    assert "lost 2 huge pages" in finding.what
    assert [link.first for link in finding.links] == [0, 2]


def test_counters_alone_are_no_lost_huge_page() -> None:
    """They count errors anywhere in memory."""
    assert not found(facts(poison=poison(failures=1, corrupted=4096)), "poisoned-page")
