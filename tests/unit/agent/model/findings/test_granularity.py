import pytest

from hugescope_wire.cells import CellFlag
from hugescope_wire.findings import CellLink
from hugescope_wire.report import SplitFacts, ThpFacts
from hugescope_wire.snapshot import LevelBytes
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
from tests.unit.wire.made_wire import MIB2

GIB = 1 << 30
HGM = ["rd", "wr", "sh", "ht", "hm"]


def test_split_pages_whose_places_are_known() -> None:
    info = mapping(1, "mssphs", vm_flags=HGM)
    split = SplitFacts(pages=3, chunks=0, placed=3, collapse_frees_bytes=12288)
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
    split = SplitFacts(pages=3, chunks=0, placed=0, collapse_frees_bytes=None)
    shown = {1: cells("fffp", flags=[0, 0, 0, CellFlag.INFERRED])}
    look = facts(process(41, info), shown=shown, mappings=[about(info, split=split)])
    finding = only(look, "split-mapping")
    assert "3 of them at places that are not certain" in finding.what
    assert finding.links == [CellLink(pid=41, start=START)]


def test_candidates_are_linked() -> None:
    info = mapping(1, "fffp", vm_flags=HGM)
    split = SplitFacts(pages=1, chunks=0, placed=0, collapse_frees_bytes=4096)
    shown = {1: cells("fffp", flags=[CellFlag.INFERRED, CellFlag.INFERRED, 0, 0])}
    look = facts(process(41, info), shown=shown, mappings=[about(info, split=split)])
    finding = only(look, "split-mapping")
    assert finding.links == [CellLink(pid=41, start=START, first=0, count=2)]


@pytest.mark.parametrize(
    ("pages", "what"),
    [
        (0, "maps 1 of 67 full 2 MiB chunks of pages of 1 GiB at"),
        (1, "; beside, 1 of 67 full 2 MiB chunks by 512 entries each"),
    ],
)
def test_chunks_of_larger_pages(pages: int, what: str) -> None:
    info = mapping(1, "pm", page_size=GIB, vm_flags=HGM).model_copy(
        update={"level_bytes": LevelBytes(pud=GIB, pmd=66 << 21, pte=(1 << 21) + 4096)}
    )
    split = SplitFacts(pages=pages, chunks=1, placed=0, collapse_frees_bytes=4096)
    look = facts(
        process(41, info),
        shown={1: cells("pm", GIB, mapped_pages=[67 * 512 + 14, 1 << 18])},
        mappings=[about(info, split=split)],
    )
    finding = only(look, "split-mapping")
    assert what in finding.what
    assert "hold 4 KiB" in finding.why
    assert finding.links == [CellLink(pid=41, start=START, first=0, count=1)]
    assert "1 of 67" in [one.value for one in finding.evidence]


def test_no_number_from_smaps_counts_certain_cells_only() -> None:
    info = mapping(1, "ss", vm_flags=HGM)
    split = SplitFacts(pages=None, chunks=None, placed=1, collapse_frees_bytes=None)
    shown = {1: cells("ss", flags=[CellFlag.INFERRED, 0])}
    finding = only(
        facts(process(41, info), shown=shown, mappings=[about(info, split=split)]), "split-mapping"
    )
    assert "maps 1 huge page " in finding.what
    assert finding.evidence[0].value == "at least 1"


def test_parts_of_pages_are_no_split_pages() -> None:
    info = mapping(1, "mpp", vm_flags=HGM)
    split = SplitFacts(pages=0, chunks=0, placed=0, collapse_frees_bytes=0)
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


def thp(folio: int | None, pmd: int | None = 0) -> ThpFacts:
    """So many bytes of folios of 2 MiB, and so many of them by PMDs."""
    none = dict.fromkeys(("anon_huge_bytes", "shmem_pmd_bytes", "file_pmd_bytes", "eligible"))
    by_size = None if folio is None else {4096: 8192, MIB2: folio}
    return ThpFacts(**none, pmd_bytes=pmd, folio_bytes=by_size, swapped_bytes=0)


def test_folios_mapped_in_part_are_one_finding_a_process() -> None:
    first, part, last = private(1, "mp", kind="thp"), private(2, "p"), private(3, "bp", kind="thp")
    part = part.model_copy(update={"kind": "thp"})
    other = private(4, "p", kind="thp")
    look = facts(
        process(41, first, part, last),
        process(42, other),
        shown={1: cells("mp"), 2: cells("p"), 3: cells("bp"), 4: cells("p")},
        mappings=[
            about(first, thp=thp(MIB2 + MIB2 // 2, MIB2)),
            about(part, thp=thp(65536)),
            about(last, thp=thp(MIB2 // 2 - 65536)),
            about(other, 42, thp=thp(4096)),
        ],
    )
    one, two = found(look, "split-mapping")
    assert (one.severity, one.key) == ("info", "split-mapping:41:in-part")
    assert one.what == (
        "qemu (41) maps 2 MiB of 2 MiB folios by small entries, in part only, in 3 cells of 3 "
        "mappings."
    )
    assert one.links == [
        CellLink(pid=41, start=first.start, first=1, count=1),
        CellLink(pid=41, start=part.start, first=0, count=1),
        CellLink(pid=41, start=last.start, first=1, count=1),
    ]
    assert one.command == "hugescope snapshot --kind thp --pid 41 --runs"
    assert two.what.startswith("qemu (42) maps 4 KiB of")


def test_what_is_split_in_full_is_not_counted_twice() -> None:
    info = private(1, "sp", kind="thp")
    mappings = [about(info, thp=thp(MIB2 + 8192))]
    look = facts(process(41, info), shown={1: cells("sp")}, mappings=mappings)
    whole, part = sorted(found(look, "split-mapping"), key=lambda one: -len(one.severity))
    assert whole.severity == "notice"
    assert "at least 8 KiB of 2 MiB folios" in part.what
    info = private(1, "s", kind="thp")
    look = facts(
        process(41, info), shown={1: cells("s")}, mappings=[about(info, thp=thp(MIB2 - 4096))]
    )
    assert only(look, "split-mapping").severity == "notice"


@pytest.mark.parametrize(
    ("letters", "facts_of", "flag", "kind"),
    [
        ("m", thp(MIB2, MIB2), 0, "anonymous"),
        ("b", thp(0), 0, "anonymous"),  # small folios
        ("p", thp(None), CellFlag.INFERRED, "anonymous"),  # folios are not known
        ("p", thp(4096), CellFlag.INFERRED, "anonymous"),
        ("p", thp(4096), 0, "file"),  # read ahead in large folios
    ],
)
def test_near_misses_of_folios_in_part(
    letters: str, facts_of: ThpFacts, flag: int, kind: str
) -> None:
    info = private(1, letters, kind="thp")
    info = info.model_copy(update={"backing": info.backing.model_copy(update={"kind": kind})})
    look = facts(
        process(41, info),
        shown={1: cells(letters, flags=[flag])},
        mappings=[about(info, thp=facts_of)],
    )
    assert not found(look, "split-mapping")
