"""Policies, nodes and cgroups of the captured trees against what the same kernels printed."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from hugescope_agent.kernel import boot, memory_failure, numa, vmemmap
from hugescope_agent.kernel.cgroups import Cgroups
from hugescope_agent.kernel.nodes import NodeMap
from hugescope_agent.kernel.numa import NumaVma
from hugescope_agent.kernel.pools import PoolFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.model.place import Placement, place
from hugescope_wire.cells import Cells
from hugescope_wire.snapshot import Pool
from tests.kernel import plain_reader
from tests.kernel.plain_reader import Cell, Vma
from tests.trees.conftest import NAMES

Tree = Callable[[str], Path]
WHOLE = [name for name in NAMES if name != "hgm-v2-timeline"]
STOCK = [name for name in NAMES if name.startswith("stock")]
# Set up by the one who captured them: two mappings bound to a node each, all others free.
BOUND = {0x7E0000000000: "bind:0", 0x7E0000600000: "bind:1"}
GIB = 1 << 30


def columns(root: Path, cells: list[Cell]) -> Cells:
    """What our reader makes of these pages: present pages, and the node of each PFN."""
    made = Cells.holes(len(cells))
    heads = np.array([cell.head_pfn or 0 for cell in cells], np.uint64)
    made.mapped_pages[:] = [cell.mapped_bytes // 4096 for cell in cells]
    made.node[:] = NodeMap.read(Root.at(str(root))).of(heads)
    return made


def mappings(root: Path) -> Iterator[tuple[Vma, list[Cell], NumaVma, Placement]]:
    """Every hugetlb mapping of a tree, with its line of numa_maps."""
    for pid in plain_reader.pids(root):
        lines = numa.policies(Root.at(str(root)), pid)
        reading = plain_reader.read_process(root, pid)
        assert sorted(lines) == [vma.start for vma in reading]
        for vma, cells in reading.items():
            line = lines[vma.start]
            yield vma, cells, line, place(columns(root, cells), line.policy)


def host_pools(root: Path) -> list[Pool]:
    """The pools of a tree."""
    files = PoolFiles(Root.at(str(root)))
    try:
        return files.parse(files.raw())
    finally:
        files.close()


@pytest.mark.parametrize("name", WHOLE)
def test_every_count_of_numa_maps_is_explained_by_our_nodes(tree: Tree, name: str) -> None:
    """In pages: a page that is mapped in part counts there as one."""
    partial = 0
    for vma, cells, line, placement in mappings(tree(name)):
        made = columns(tree(name), cells)
        nodes, counts = np.unique(made.node[made.mapped_pages > 0], return_counts=True)
        assert line.node_pages == dict(zip(nodes.tolist(), counts.tolist(), strict=True)), vma
        assert placement.unknown_bytes == 0
        assert sum(placement.node_bytes.values()) == sum(cell.mapped_bytes for cell in cells)
        whole = all(cell.mapped_bytes in (0, vma.page_size) for cell in cells)
        partial += not whole
        for node, size in line.node_bytes.items():
            ours = placement.node_bytes[node]
            assert ours == size if whole else 0 < ours < size, (vma, node)
    assert bool(partial) == name.startswith("hgm")


@pytest.mark.parametrize("name", WHOLE)
def test_reading_up_to_the_last_mapping_tells_the_same(tree: Tree, name: str) -> None:
    root = Root.at(str(tree(name)))
    for pid in plain_reader.pids(tree(name)):
        last = max(vma.end for vma in plain_reader.hugetlb_vmas(tree(name), pid))
        assert numa.policies(root, pid, last) == numa.policies(root, pid) != {}


@pytest.mark.parametrize("name", STOCK)
def test_policies_of_the_two_node_trees(tree: Tree, name: str) -> None:
    bound = {}
    for vma, _, line, placement in mappings(tree(name)):
        if line.policy.text != "default":
            bound[vma.start] = line.policy.text
        assert placement.misplaced_bytes == 0
        assert placement.misplaced == ()
    assert bound == BOUND


@pytest.mark.parametrize("name", STOCK)
def test_the_same_pages_under_the_other_node_s_policy(tree: Tree, name: str) -> None:
    for vma, cells, _, placement in mappings(tree(name)):
        other = place(columns(tree(name), cells), numa.parse_policy("bind:0"))
        on_1 = placement.node_bytes.get(1, 0)
        assert other.misplaced_bytes == on_1
        assert sum(run.count for run in other.misplaced) * vma.page_size == on_1


@pytest.mark.parametrize("name", STOCK)
def test_use_of_the_cgroup_is_what_its_processes_map(tree: Tree, name: str) -> None:
    root = tree(name)
    pids = plain_reader.pids(root)
    look = Cgroups(Root.at(str(root))).look(pids, walk=True)
    assert look.reasons == []
    heads = {
        (vma.page_size, cell.head_pfn): cell.node
        for vma, cells, _, _ in mappings(root)
        for cell in cells
        if cell.mapped_bytes
    }
    for use in look.uses:
        assert (use.path, use.version, use.pids) == ("/demo", 2, pids)
        text = (root / "proc" / str(pids[0]) / "cgroup").read_text()
        assert text == f"0::{use.path}\n"
        sizes = {2 << 20: "2MB", GIB: "1GB"}
        prefix = root / "sys/fs/cgroup/demo" / f"hugetlb.{sizes[use.page_size]}"
        stat = prefix.with_name(f"{prefix.name}.numa_stat").read_text()
        assert use.node_bytes == {int(n): int(b) for n, b in re.findall(r"N(\d)=(\d+)", stat)}
        assert sum(use.node_bytes.values()) == use.usage_bytes
        mapped = sum(size for size, _ in heads if size == use.page_size)
        assert mapped <= (use.usage_bytes or 0), "what an open file keeps is used, not mapped"
    assert {use.page_size: use.limit_bytes for use in look.uses} == {2 << 20: 128 << 20, GIB: None}


@pytest.mark.parametrize("name", STOCK)
def test_struct_pages_add_up(tree: Tree, name: str) -> None:
    """20480 pages for 40 sections, as no huge page of these hosts is optimized."""
    found = vmemmap.read(Root.at(str(tree(name))), host_pools(tree(name)))
    assert (found.enabled, found.memmap_bytes, found.saved_bytes) == (False, 20480 << 12, 0)
    assert found.reason is None


@pytest.mark.parametrize("name", [name for name in WHOLE if name.startswith("hgm")])
def test_a_kernel_without_these_counters_says_so(tree: Tree, name: str) -> None:
    found = vmemmap.read(Root.at(str(tree(name))), host_pools(tree(name)))
    assert (found.enabled, found.memmap_bytes, found.saved_bytes, found.sizes) == (
        *(None, None, None),
        [],
    )
    assert found.reason


def test_boot_pages_of_nodes_and_of_the_host(tree: Tree) -> None:
    def asked(name: str) -> list[tuple[int, int | None, int]]:
        found = boot.read(Root.at(str(tree(name))))
        return [(pages.page_size, pages.node, pages.pages) for pages in found]

    mib2 = 2 << 20
    assert asked("hgm-v2-stage2") == [(GIB, None, 2), (mib2, None, 64)]
    assert asked("stock-6.12-stage1") == [(GIB, 0, 1), (GIB, 1, 1), (mib2, 0, 48), (mib2, 1, 48)]


def test_memory_failures_of_the_poisoned_tree(tree: Tree) -> None:
    root = Root.at(str(tree("stock-6.12-stage3")))
    found = {f.node: (f.total, f.recovered) for f in memory_failure.failures(root)}
    assert found == {0: (1, 1), 1: (2, 2)}
    assert memory_failure.hardware_corrupted_bytes(root) == 16 << 10
    before = Root.at(str(tree("stock-6.12-stage1")))
    assert {f.total for f in memory_failure.failures(before)} == {0}
