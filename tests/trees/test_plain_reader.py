"""The plain reader against the totals that the same kernels printed in smaps and numa_maps.

What the product is held against must itself be right: these sums come from the kernel's own
walk of the page tables, not from pagemap.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kernel import plain_reader
from tests.kernel.plain_reader import Cell, Vma
from tests.trees.conftest import NAMES

Tree = Callable[[str], Path]
TIMELINE = "hgm-v2-timeline"
# Of the timeline's steps only this mapping's part of pagemap was captured.
TIMELINE_START = 0x7E2000000000
# smaps counts a poisoned huge page as mapped (fs/proc/task_mmu.c, smaps_hugetlb_range); in
# pagemap its entry reads 0, like a hole.
POISONED_KB = {
    ("stock-6.12-stage3", 159, 0x7E0000000000): 2048,
    ("stock-6.12-stage3", 159, 0x7E1000000000): 2048,
    ("stock-6.12-stage3", 161, 0x7D1000000000): 2048,
}


def hugetlb_kb(root: Path, vma: Vma) -> int:
    """Shared_Hugetlb and Private_Hugetlb of a VMA, as smaps has them."""
    smaps = (root / "proc" / str(vma.pid) / "smaps").read_text()
    block = smaps[smaps.index(f"{vma.start:x}-{vma.end:x} ") :].split("VmFlags:", 1)[0]
    return sum(int(kb) for kb in re.findall(r"(?:Shared|Private)_Hugetlb: +(\d+) kB", block))


def roots(tree: Tree, name: str) -> Iterator[Path]:
    """The root of a tree, or of each of its steps."""
    top = tree(name)
    yield from sorted(top.glob("step*")) if name == TIMELINE else [top]


def vmas(tree: Tree, name: str) -> Iterator[tuple[Path, Vma, list[Cell]]]:
    """Every hugetlb VMA of a tree with its cells."""
    for root in roots(tree, name):
        for pid in plain_reader.pids(root):
            for vma in plain_reader.hugetlb_vmas(root, pid):
                if name != TIMELINE or vma.start == TIMELINE_START:
                    yield root, vma, plain_reader.read_cells(root, vma)


@pytest.mark.parametrize("name", NAMES)
def test_mapped_bytes_sum_to_what_smaps_says(tree: Tree, name: str) -> None:
    checked = 0
    for root, vma, cells in vmas(tree, name):
        mapped_kb = sum(cell.mapped_bytes for cell in cells) // 1024
        poisoned_kb = POISONED_KB.get((name, vma.pid, vma.start), 0)
        assert mapped_kb + poisoned_kb == hugetlb_kb(root, vma), (root, vma)
        if vma.level_kb:
            assert mapped_kb == sum(vma.level_kb.values()), (root, vma)
        checked += 1
    assert checked


@pytest.mark.parametrize("name", [name for name in NAMES if name != TIMELINE])
def test_pages_by_node_equal_numa_maps(tree: Tree, name: str) -> None:
    for root, vma, cells in vmas(tree, name):
        lines = (root / "proc" / str(vma.pid) / "numa_maps").read_text().splitlines()
        line = next(line for line in lines if line.startswith(f"{vma.start:x} "))
        truth = {int(node): int(pages) for node, pages in re.findall(r" N(\d+)=(\d+)", line)}
        assert Counter(cell.node for cell in cells if cell.mapped_bytes) == truth, (root, vma)
