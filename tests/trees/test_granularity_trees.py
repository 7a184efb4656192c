"""What captured kernels printed of their huge pages, number for number against our cells.

Differences that are the kernel's own, and are named here:

- smaps counts a poisoned page as mapped; pagemap shows a hole, and we report it as lost.
- status HugetlbPages leaves out what is mapped through a PMD table shared with another process.
- status HugetlbPages of HGM v2 falls by what MADV_COLLAPSE unmaps, and does not rise again by what
  it maps: two pages collapsed are two pages missing.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from hugescope_agent.model.granularity import lost_pages, split_facts
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.watch import Watch
from hugescope_wire.cells import PAGE_BYTES, UNKNOWN_COUNT, UNKNOWN_NODE, CellFlag, CellState
from hugescope_wire.page import PartRun
from hugescope_wire.report import SplitFacts
from tests.trees.conftest import NAMES, unpack
from tests.unit.agent.follower import Follower

Tree = Callable[[str], Path]
KIB, MIB2 = 1024, 2 << 20
TIMELINE = "hgm-v2-timeline"
TIMELINE_START = 0x7E2000000000
WHOLE_TREES = [name for name in NAMES if name != TIMELINE]

LOST = {
    ("stock-6.12-stage3", 159, 0x7E0000000000): 1,
    ("stock-6.12-stage3", 159, 0x7E1000000000): 1,
    ("stock-6.12-stage3", 161, 0x7D1000000000): 1,
}
SPLIT = {
    ("hgm-v2-stage2", 41, 0x7E0000000000): (2, 0, 8192),
    ("hgm-v2-stage3", 41, 0x7E0000000000): (2, 0, 8192),
    ("hgm-v2-stage4", 41, 0x7E0000000000): (1, 0, 4096),
    # 2 MiB chunks of a 1 GiB page that is mapped in part.
    ("hgm-v2-stage3", 41, 0x7E4000000000): (0, 1, 4096),
    ("hgm-v2-stage4", 41, 0x7E4000000000): (0, 1, 4096),
}
NOT_IN_STATUS_KB = {
    # Ten pages of 2 MiB through a shared PMD table.
    ("stock-6.12-stage1", 161): 20480,
    ("stock-6.12-stage3", 161): 20480,
    # Two pages of 2 MiB that were collapsed.
    ("hgm-v2-stage4", 41): 4096,
}


class Look:
    """One look at a tree through the sampler, and the mappings it keeps."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.host = Follower(root)
        self.host.full()

    @property
    def watches(self) -> dict[int, Watch]:
        return self.host.sampler.view.watches

    def mappings(self) -> Iterator[tuple[int, TrackedMapping]]:
        for pid, watch in self.watches.items():
            for mapping in watch.mappings:
                yield pid, mapping

    def at(self, pid: int, start: int) -> TrackedMapping:
        return next(m for m in self.watches[pid].mappings if m.vma.start == start)

    def drill(
        self, pid: int, mapping: TrackedMapping, cell: int, chunk: int | None = None
    ) -> list[PartRun]:
        reader = self.host.sampler.view._reader
        return reader.drill(mapping, self.watches[pid].pagemap, cell, chunk)


@pytest.fixture(scope="module", params=WHOLE_TREES)
def look(request: pytest.FixtureRequest, tree: Tree) -> Iterator[tuple[str, Look]]:
    """The name of a tree, and a look at it."""
    found = Look(tree(request.param))
    yield request.param, found
    found.host.close()


def present_bytes(mapping: TrackedMapping) -> int:
    return int(mapping.cells.mapped_pages.sum(dtype=np.uint64)) * PAGE_BYTES


def smaps_kb(root: Path, pid: int, mapping: TrackedMapping) -> Counter[str]:
    """The fields of one entry of smaps."""
    text = (root / "proc" / str(pid) / "smaps").read_text()
    entry = text[text.index(f"{mapping.vma.start:x}-{mapping.vma.end:x} ") :]
    entry = entry.split("VmFlags:", 1)[0]
    return Counter({name: int(kb) for name, kb in re.findall(r"(\w+): +(\d+) kB", entry)})


def test_every_byte_of_smaps_is_explained(look: tuple[str, Look]) -> None:
    name, seen = look
    for pid, mapping in seen.mappings():
        smaps = smaps_kb(seen.root, pid, mapping)
        counted = smaps["Shared_Hugetlb"] + smaps["Private_Hugetlb"]
        lost = LOST.get((name, pid, mapping.vma.start), 0)
        assert lost_pages(mapping) == lost
        assert (present_bytes(mapping) + lost * mapping.vma.page_size) // KIB == counted
        levels = mapping.info().level_bytes
        assert levels.pud is not None
        assert levels.pmd is not None
        assert levels.pte is not None
        assert levels.pud + levels.pmd + levels.pte == present_bytes(mapping)


def test_numa_maps_is_explained(look: tuple[str, Look]) -> None:
    """Pages by node, and the largest mapcount; a page with one mapped 4 KiB counts as one."""
    _, seen = look
    for pid, mapping in seen.mappings():
        lines = (seen.root / "proc" / str(pid) / "numa_maps").read_text().splitlines()
        line = next(line for line in lines if line.startswith(f"{mapping.vma.start:x} "))
        nodes = {int(node): int(pages) for node, pages in re.findall(r" N(\d+)=(\d+)", line)}
        cells = mapping.cells
        found = Counter(node for node in cells.node.tolist() if node != UNKNOWN_NODE)
        assert found == nodes
        counts = cells.mapcount[cells.mapcount != UNKNOWN_COUNT]
        if len(counts):
            largest = re.search(r" mapmax=(\d+)", line)
            assert int(counts.max()) == (1 if largest is None else int(largest[1]))


def test_status_is_explained(look: tuple[str, Look]) -> None:
    name, seen = look
    for pid, watch in seen.watches.items():
        status = (seen.root / "proc" / str(pid) / "status").read_text()
        said = re.search(r"HugetlbPages:\s+(\d+) kB", status)
        assert said is not None
        ours = sum(map(present_bytes, watch.mappings)) // KIB
        assert ours == int(said[1]) + NOT_IN_STATUS_KB.get((name, pid), 0)


def test_split_pages_of_every_hgm_mapping(look: tuple[str, Look]) -> None:
    name, seen = look
    for pid, mapping in seen.mappings():
        facts = split_facts(mapping)
        assert (facts is not None) == mapping.hgm
        if facts is None:
            continue
        pages, chunks, frees = SPLIT.get((name, pid, mapping.vma.start), (0, 0, 0))
        assert facts == SplitFacts(pages=pages, chunks=chunks, placed=0, collapse_frees_bytes=frees)
        by_ptes = smaps_kb(seen.root, pid, mapping)["HugetlbPteMapped"]
        partial = partial_chunks_kb(seen, pid, mapping)
        # Of a 2 MiB page, the chunk is the page.
        assert (by_ptes - partial) / 2048 == (pages if mapping.vma.page_size == MIB2 else chunks)


def partial_chunks_kb(seen: Look, pid: int, mapping: TrackedMapping) -> int:
    """What is present in 2 MiB that are not present in full, entry by entry."""
    vma = mapping.vma
    with open(seen.root / "proc" / str(pid) / "pagemap", "rb") as file:
        file.seek(vma.start // PAGE_BYTES * 8)
        words = np.frombuffer(file.read((vma.end - vma.start) // PAGE_BYTES * 8), np.uint64)
    present = (words >> np.uint64(63)).reshape(-1, 512).sum(axis=1)
    return int(present[present < 512].sum()) * 4


def test_parts_of_every_cell_sum_to_it(look: tuple[str, Look]) -> None:
    """And those of each chunk that is mapped in part to the chunk."""
    _, seen = look
    for pid, mapping in seen.mappings():
        for cell in np.flatnonzero(mapping.cells.mapped_pages).tolist():
            runs = seen.drill(pid, mapping, cell)
            assert sum(run.count * run.part_bytes for run in runs) == mapping.vma.page_size
            present = sum(run.count * run.present_bytes for run in runs)
            assert present == int(mapping.cells.mapped_pages[cell]) * PAGE_BYTES
            for run in runs:
                if run.part_bytes > PAGE_BYTES and run.state in ("partial", "full"):
                    inside = seen.drill(pid, mapping, cell, run.first)
                    assert sum(part.count for part in inside) == 512
                    assert sum(p.count * p.present_bytes for p in inside) == run.present_bytes


def test_inside_the_partly_mapped_pages_of_stage_3(tree: Tree) -> None:
    seen = Look(tree("hgm-v2-stage3"))
    small = seen.at(41, 0x7E0000000000)
    rows = [(r.count, r.state, r.level) for r in seen.drill(41, small, 6)]
    assert rows == [(7, "marker", None), (3, "mapped", "pte"), (502, "marker", None)]
    assert {run.level for run in seen.drill(41, small, 3)} == {None}
    large = seen.at(41, 0x7E4000000000)
    parts = seen.drill(41, large, 0)
    by_state = Counter[str]()
    for run in parts:
        by_state[run.state] += run.count
    # 66 chunks by PMDs and one by 512 PTEs look alike; 56 KiB lie in a chunk of their own.
    assert by_state["full"] == 67
    assert by_state["partial"] >= 1
    assert sum(r.count * r.present_bytes for r in parts if r.state == "partial") == 56 * KIB
    whole = seen.drill(41, large, 1)
    assert [(r.count, r.state, r.level) for r in whole] == [(512, "mapped", "pud")]
    seen.host.close()


def test_stages_as_a_series_claim_no_place_that_a_collapse_leaves_open(tree: Tree) -> None:
    """Between stages 3 and 4 a page with 400 KiB was collapsed, which filled it: it was seen partly
    mapped and full, and is not the split one.
    """
    seen = Look(tree("hgm-v2-stage3"))
    seen.host.use(tree("hgm-v2-stage4"))
    seen.host.tick(1.0)
    states = seen.at(41, 0x7E0000000000).cells.state.tolist()
    assert [states[cell] for cell in (0, 3, 4, 5)] == [CellState.FULL] * 4
    facts = split_facts(seen.at(41, 0x7E0000000000))
    assert facts == SplitFacts(pages=1, chunks=0, placed=0, collapse_frees_bytes=4096)
    seen.host.close()


@pytest.fixture(scope="module")
def timeline(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The steps, with maps and smaps cut down to the one mapping whose pagemap was captured."""
    steps = sorted(unpack(TIMELINE, tmp_path_factory.mktemp("timeline")).glob("step*"))
    for file in (step / "proc/41" / name for step in steps for name in ("maps", "smaps")):
        entries = re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", file.read_text())
        kept = [entry for entry in entries if entry.startswith(f"{TIMELINE_START:x}-")]
        file.write_text("".join(kept))
    return steps


def test_the_timeline_step_by_step(timeline: list[Path]) -> None:
    """A post-copy filled 4 KiB by 4 KiB and collapsed behind: at every step the number of split
    pages is the one of smaps, and what was seen filling names the place.
    """
    seen = Look(timeline[0])
    named = 0
    for step in timeline:
        if step != timeline[0]:
            seen.host.use(step)
            seen.host.tick(0.7)
        mapping = seen.at(41, TIMELINE_START)
        smaps = smaps_kb(step, 41, mapping)
        cells = mapping.cells
        states = cells.state.tolist()
        full = [at for at, pages in enumerate(cells.mapped_pages.tolist()) if pages == 512]
        split = len(full) - smaps["HugetlbPmdMapped"] // 2048
        facts = split_facts(mapping)
        assert facts is not None
        assert (facts.pages, facts.collapse_frees_bytes) == (split, split * 4096)
        # The page that filled last is the split one; all before it were collapsed.
        places = [at for at in full if states[at] == CellState.SPLIT]
        assert places == full[len(full) - split :]
        assert all(states[at] == CellState.MAPPED for at in full if at not in places)
        inferred = (cells.flags & CellFlag.INFERRED != 0).tolist()
        mixed = 0 < split < len(full)
        assert [at for at, flag in enumerate(inferred) if flag] == (full if mixed else [])
        assert facts.placed == (0 if mixed else split)
        named += mixed
    assert named >= 8
    seen.host.close()


def test_a_step_by_itself_names_no_place(timeline: list[Path]) -> None:
    seen = Look(timeline[3])
    states = seen.at(41, TIMELINE_START).cells.state.tolist()
    assert states[:3] == [CellState.FULL] * 3
    seen.host.close()


def test_a_tree_like_linux_6_1(tmp_path: Path) -> None:
    """Cells from plain reads: the poisoned page is a hole, and one page is lost in each mapping."""
    root = unpack("stock-6.12-stage3", tmp_path / "tree")
    for place in root.glob("sys/devices/system/node/node*/memory_failure"):
        shutil.rmtree(place)
    lines = (root / "proc/vmstat").read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("nr_memmap")]
    (root / "proc/vmstat").write_text("".join(kept))
    seen = Look(root)
    for pid, mapping in seen.mappings():
        assert lost_pages(mapping) == LOST.get(("stock-6.12-stage3", pid, mapping.vma.start), 0)
    assert seen.at(159, 0x7E0000000000).cells.state.tolist()[1] == CellState.HOLE
    seen.host.close()
