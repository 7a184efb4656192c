"""THP mappings of captured trees: the cells as they were captured, the totals as smaps has them."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.model.thp import ThpMapping, thp_facts
from hugescope_agent.not_huge import NotHugeFinder
from hugescope_agent.sample import SamplerOptions
from hugescope_agent.sampler import Sampler
from hugescope_wire.cells import CellState
from hugescope_wire.host import Source
from tests.kernel import snapshot_command
from tests.trees.conftest import unpack

Tree = Callable[[str], Path]
MIB2 = 2 << 20
PAGE = 4096
ANON = 0x7E9000000000
SHMEM = 0x7EA000000000
CASES = [
    ("stock-6.12-stage1", 159),
    ("stock-6.12-stage1", 161),
    ("stock-6.12-stage1", 162),
    ("stock-6.12-stage3", 159),
    ("stock-6.12-stage3", 161),
]


@contextmanager
def looked_at(root: Path, pid: int) -> Iterator[tuple[dict[int, ThpMapping], Any]]:
    """The THP mappings of a process by start, and the frame that tells of them."""
    files = HostFiles(Root.at(str(root)))
    options = SamplerOptions(thp_pids=frozenset({pid}))
    sampler = Sampler(files, Source(kind="capture"), options)
    try:
        about = sampler.full().about
        yield {m.vma.start: m for m in sampler.view.thp.mappings(pid)}, about
    finally:
        sampler.close()
        files.close()


def smaps_of(root: Path, pid: int) -> dict[int, dict[str, int]]:
    """Bytes of each mapping by the name that smaps gives them, by start."""
    found: dict[int, dict[str, int]] = {}
    for line in (root / f"proc/{pid}/smaps").read_text().splitlines():
        if head := re.match(r"([0-9a-f]+)-[0-9a-f]+ ", line):
            here = found[int(head[1], 16)] = {}
        elif field := re.match(r"(\w+): +(\d+) kB", line):
            here[field[1]] = int(field[2]) * 1024
    return found


def labels(mapping: ThpMapping) -> list[str]:
    return [CellState(state).label for state in mapping.cells.state]


@pytest.mark.parametrize(("name", "pid"), CASES)
def test_totals_agree_with_smaps(tree: Tree, name: str, pid: int) -> None:
    root = tree(name)
    truth = smaps_of(root, pid)
    with looked_at(root, pid) as (mappings, about):
        assert set(mappings) >= {ANON, ANON + 3 * MIB2, ANON + 4 * MIB2, SHMEM}
        infos = next(p.mappings for p in about.processes if p.pid == pid)
        levels = {info.start: info.level_bytes for info in infos}
        for start, mapping in mappings.items():
            said, facts = truth[start], thp_facts(mapping)
            pmd = said["AnonHugePages"] + said["ShmemPmdMapped"] + said["FilePmdMapped"]
            assert facts.anon_huge_bytes == said["AnonHugePages"]
            assert levels[start].pmd == pmd
            lost = int(mapping.lost.sum()) * PAGE
            assert levels[start].pte == said["Rss"] - pmd - lost
            if mapping.unread:
                assert (facts.pmd_bytes, facts.folio_bytes) == (None, None)
                continue
            assert facts.pmd_bytes == pmd
            assert sum((facts.folio_bytes or {}).values()) + lost == said["Rss"]
            assert facts.swapped_bytes == said["Swap"]


def test_cells_of_the_first_stage(tree: Tree) -> None:
    with looked_at(tree("stock-6.12-stage1"), 159) as (mappings, _):
        assert {start - ANON: labels(m) for start, m in mappings.items() if start < SHMEM} == {
            0: ["mapped", "partial", "partial"],
            0x409000: ["partial"],
            0x40A000: ["partial"],
            3 * MIB2: ["mapped"],
            4 * MIB2: ["mapped", "mapped", "hole", "hole"],
        }
        first = mappings[ANON]
        assert (first.cells.mapped_pages.tolist()) == [512, 511, 9]
        assert first.cells.mapcount.tolist() == [3, 3, 3]
        assert first.cells.node.tolist() == [1, 1, 1]
        assert labels(mappings[SHMEM]) == ["small"] * 4
        assert thp_facts(mappings[SHMEM]).folio_bytes == {PAGE: 4 * PAGE}


def test_cells_after_writes_and_a_poisoned_page(tree: Tree) -> None:
    with looked_at(tree("stock-6.12-stage3"), 159) as (mappings, _):
        first, last = mappings[ANON], mappings[ANON + 4 * MIB2]
        # Full by its bytes, with one page copied; the others are cut by their mapping.
        assert labels(first) == ["split", "partial", "partial"]
        assert first.cells.mapped_pages.tolist() == [512, 511, 9]
        assert thp_facts(first).folio_bytes == {PAGE: PAGE, MIB2: (511 + 511 + 9) * PAGE}
        # The folio was split for its poisoned page, which smaps still counts.
        assert labels(last) == ["mapped", "small", "hole", "hole"]
        assert last.cells.mapped_pages.tolist() == [512, 511, 0, 0]
        assert last.lost.tolist() == [0, 1, 0, 0]


def test_what_was_not_captured_is_said_to_be_unknown(tree: Tree) -> None:
    """pagemap of the children ends before their THP mappings, of which smaps tells all the same."""
    with looked_at(tree("stock-6.12-stage1"), 161) as (mappings, about):
        assert mappings[ANON].unread
        assert labels(mappings[ANON]) == ["hole"] * 3
        assert mappings[ANON].cells.flags.tolist() == [8, 8, 8]
        # All of it is present, and all of that by PMDs: there is but one way.
        assert labels(mappings[ANON + 3 * MIB2]) == ["mapped"]
        assert mappings[ANON + 3 * MIB2].cells.flags.tolist() == [8]
        (reason,) = [limit.reason for limit in about.limits if limit.capability == "thp"]
        assert "no pagemap entries of THP mappings (3)" in reason
        assert "10518528 bytes" in reason


def test_an_older_kernel_without_flags_and_fields(tmp_path: Path) -> None:
    """No kpageflags, no THPeligible, no FilePmdMapped: less is known, and nothing is made up."""
    root = unpack("stock-6.12-stage1", tmp_path)
    shutil.move(root / "proc/kpageflags", tmp_path / "away")
    path = root / "proc/159/smaps"
    kept = [
        line
        for line in path.read_text().splitlines(keepends=True)
        if not line.startswith(("THPeligible", "FilePmdMapped", "ShmemPmdMapped"))
    ]
    path.write_text("".join(kept))
    with looked_at(root, 159) as (mappings, _):
        assert labels(mappings[ANON]) == ["mapped", "small", "small"]
        assert mappings[ANON].cells.flags.tolist() == [0, 8, 8]
        facts = thp_facts(mappings[ANON])
        assert (facts.pmd_bytes, facts.folio_bytes) == (MIB2, None)
        assert (facts.eligible, facts.file_pmd_bytes) == (None, None)


def test_no_false_alarm_of_base_pages(tree: Tree) -> None:
    for name, pid in CASES:
        files = HostFiles(Root.at(str(tree(name))))
        try:
            assert NotHugeFinder(files).look([pid], 0.0) == []
        finally:
            files.close()


@pytest.mark.parametrize("kind", ["thp", "all"])
def test_the_command_shows_the_kinds_asked_for(tree: Tree, kind: str) -> None:
    root = str(tree("stock-6.12-stage1"))
    shown = snapshot_command.snapshot("--root", root, "--pid", "159", "--kind", kind)
    mappings = shown["processes"][0]["mappings"]
    assert [m["kind"] for m in mappings].count("thp") == 6
    assert [m["kind"] for m in mappings].count("hugetlb") == (0 if kind == "thp" else 7)
    assert [m["start"] for m in mappings] == sorted(m["start"] for m in mappings)
    first = next(m for m in mappings if m["start"] == ANON)
    assert first["backing"] == {"kind": "anonymous", "name": None, "inode": None, "offset": 0}
    assert first["level_bytes"] == {"pud": 0, "pmd": MIB2, "pte": 520 * PAGE}
    assert [(run["first"], run["count"], run["state"]) for run in first["runs"]] == [
        (0, 1, "mapped"),
        (1, 1, "partial"),
        (2, 1, "partial"),
    ]


def test_hugetlb_is_as_without_thp(tree: Tree) -> None:
    root = str(tree("stock-6.12-stage1"))
    plain = snapshot_command.snapshot("--root", root, "--pid", "159")
    both = snapshot_command.snapshot("--root", root, "--pid", "159", "--kind", "all")
    kept = [m for m in both["processes"][0]["mappings"] if m["kind"] == "hugetlb"]
    assert kept == plain["processes"][0]["mappings"]
    assert both["pools"] == plain["pools"]


@pytest.mark.parametrize("kind", ["thp", "all"])
def test_transparent_ones_of_everybody_are_not_read(kind: str) -> None:
    done = snapshot_command.run("snapshot", "--kind", kind)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "--pid" in line


def test_entries_of_a_cell(tree: Tree) -> None:
    files = HostFiles(Root.at(str(tree("stock-6.12-stage3"))))
    sampler = Sampler(files, Source(kind="capture"), SamplerOptions(thp_pids=frozenset({159})))
    try:
        sampler.full()
        found = sampler.view.thp.parts(159, ANON + 5 * MIB2)
        assert sampler.view.thp.parts(159, 0x1000) is None
        assert set(sampler.view.thp.facts()) >= {(159, ANON), (159, SHMEM)}
    finally:
        sampler.close()
        files.close()
    assert found is not None
    assert found[1] == 1
    runs = [(run.count, run.state, run.level, run.folio_bytes) for run in found[2]]
    assert [run for run in runs if run[1] == "hole"] == [(1, "hole", None, None)]
    assert sum(run[0] for run in runs if run[1:] == ("mapped", "pte", PAGE)) == 511


def test_who_maps_a_page_is_joined_over_those_asked_for(tree: Tree) -> None:
    """A THP shared after fork; the children's own entries were not captured there."""
    root = str(tree("stock-6.12-stage1"))
    place = ("--root", root, "--pid", "159", "--address", f"{ANON:x}")
    done = snapshot_command.run("page", *place, "--thp-pid", "161", "--json")
    assert done.returncode == 0, done.stderr
    page = json.loads(done.stdout)
    assert (page["state"], page["mapcount"], page["mappers"]) == ("mapped", 3, 1)
    assert [one["pid"] for one in page["mapped_by"]] == [159]
    assert page["reasons"] == ["unseen_mapping"]
    text = snapshot_command.run("page", *place).stdout
    assert "mapcount 3, mappings seen 1, processes 1" in text
    assert "Other processes map it too and are not read" in text


def test_no_page_at_an_address_that_is_not_mapped(tree: Tree) -> None:
    root = str(tree("stock-6.12-stage1"))
    done = snapshot_command.run("page", "--root", root, "--pid", "159", "--address", "1000")
    assert done.returncode != 0
    assert "0x1000" in done.stderr
