from hugescope_wire.cells import CellFlag
from hugescope_wire.findings import CellLink
from hugescope_wire.report import SplitFacts
from tests.unit.agent.model.findings.made_facts import (
    START,
    about,
    cells,
    facts,
    found,
    mapping,
    only,
    private,
    process,
)

HGM = ["rd", "wr", "sh", "ht", "hm"]


def test_split_pages_whose_places_are_known() -> None:
    info = mapping(1, "mssphs", vm_flags=HGM)
    split = SplitFacts(pages=3, placed=3, collapse_frees_bytes=12288)
    look = facts(
        process(41, info),
        shown={1: cells("mssphs")},
        mappings=[about(info, split=split)],
    )
    finding = only(look, "split-mapping")
    assert finding.severity == "notice"
    assert finding.what == (
        f"qemu (41) maps 3 huge pages of 2 MiB at {START:#x} in full but by smaller entries."
    )
    assert "12 KiB" in finding.why
    assert finding.links == [
        CellLink(pid=41, start=START, first=1, count=2),
        CellLink(pid=41, start=START, first=5, count=1),
    ]
    assert finding.command == "hugescope snapshot --pid 41 --runs"


def test_split_pages_that_smaps_counts_and_nothing_places() -> None:
    info = mapping(1, "ffff", vm_flags=HGM)
    split = SplitFacts(pages=3, placed=0, collapse_frees_bytes=None)
    shown = {1: cells("fffp")}
    look = facts(process(41, info), shown=shown, mappings=[about(info, split=split)])
    finding = only(look, "split-mapping")
    assert "3 of them at places that are not certain" in finding.what
    assert finding.links == [CellLink(pid=41, start=START)]


def test_no_number_from_smaps_counts_certain_cells_only() -> None:
    info = mapping(1, "ss", vm_flags=HGM)
    split = SplitFacts(pages=None, placed=1, collapse_frees_bytes=None)
    shown = {1: cells("ss", flags=[CellFlag.INFERRED, 0])}
    finding = only(
        facts(process(41, info), shown=shown, mappings=[about(info, split=split)]), "split-mapping"
    )
    assert "maps 1 huge page " in finding.what
    assert finding.evidence[0].value == "at least 1"


def test_parts_of_pages_are_no_split_pages() -> None:
    info = mapping(1, "mpp", vm_flags=HGM)
    split = SplitFacts(pages=0, placed=0, collapse_frees_bytes=0)
    look = facts(process(41, info), shown={1: cells("mpp")}, mappings=[about(info, split=split)])
    assert not found(look, "split-mapping")


def test_transparent_pages_free_no_page_table() -> None:
    info = private(1, "msb", kind="thp")
    finding = only(facts(process(41, info), shown={1: cells("msb")}), "split-mapping")
    assert "1 transparent huge page " in finding.what
    assert "hold" not in finding.why
    assert finding.command == "hugescope snapshot --kind thp --pid 41 --runs"


def test_a_transparent_page_that_is_mapped_in_part_is_not_ready_to_collapse() -> None:
    info = private(1, "pb", kind="thp")
    assert not found(facts(process(41, info), shown={1: cells("pb")}), "split-mapping")
