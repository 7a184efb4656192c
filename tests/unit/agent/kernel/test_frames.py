"""Huge pages and bad memory from kpageflags, as sparse files of captured trees hold them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.frames import decode_steps, poisoned_pfns, read_frames
from hugescope_agent.kernel.nodes import NodeMap
from hugescope_agent.kernel.root import Root
from tests.unit.agent.tree_builder import GIB, MIB2, write_words

HEAD = 1 << 17 | 1 << 15
TAIL = 1 << 17 | 1 << 16
BAD = 1 << 19
ANON = 1 << 12
SIZES = [MIB2, GIB]
NODES = NodeMap.of_spans([(1, 1 << 18, 0), (1 << 18, 1 << 22, 1)])
STEP = 512


def tree(path: Path, words: dict[int, int]) -> Root:
    """A root with these words of kpageflags by PFN."""
    (path / "proc").mkdir()
    (path / "proc/version").write_text("Linux version 6.1.0\n")
    write_words(path / "proc/kpageflags", words)
    return Root.at(str(path))


def giant(pfn: int, flags: int = 0) -> dict[int, int]:
    """The words at 2 MiB steps of a 1 GiB page."""
    return {pfn: HEAD | flags} | {pfn + at * STEP: TAIL for at in range(1, 512)}


def test_heads_of_both_sizes_with_their_nodes(tmp_path: Path) -> None:
    words = {STEP: HEAD, 2 * STEP: HEAD, 4 * STEP: 0x400} | giant(1 << 18)
    after = (1 << 18) + 512 * STEP
    found = read_frames(tree(tmp_path, words | {after: HEAD}), NODES, SIZES)
    assert found is not None
    assert found.head_pfn.tolist() == [STEP, 2 * STEP, 1 << 18, after]
    assert found.page_size.tolist() == [MIB2, MIB2, GIB, MIB2]
    assert found.node.tolist() == [0, 0, 1, 1]
    assert not found.poisoned.any()


@pytest.mark.parametrize("everywhere", [False, True])
def test_poison_on_the_head_alone_or_on_all_of_it(tmp_path: Path, everywhere: bool) -> None:
    """Linux 6.1 marks the head; since 6.10 every word carries the head's flags."""
    words = giant(1 << 18, BAD) | {STEP: HEAD}
    words |= {pfn: word | BAD for pfn, word in words.items() if everywhere and pfn > STEP}
    found = read_frames(tree(tmp_path, words), NODES, SIZES)
    assert found is not None
    assert found.poisoned.tolist() == [False, True]
    assert found.bad(GIB).head_pfn.tolist() == [1 << 18]
    assert found.bad(MIB2).head_pfn.tolist() == []


def test_tails_of_a_page_that_begins_elsewhere_are_no_page() -> None:
    """A step is missing between the first page and the tail, which is then nobody's."""
    pfns = np.array([0, STEP, 3 * STEP, 4 * STEP], np.int64)
    words = np.array([TAIL, HEAD, TAIL, HEAD | BAD], np.uint64)
    found = decode_steps(pfns, words, NODES, SIZES)
    assert found.head_pfn.tolist() == [STEP, 4 * STEP]
    assert found.page_size.tolist() == [MIB2, MIB2]
    assert found.poisoned.tolist() == [False, True]


def test_pages_smaller_than_2_mib(tmp_path: Path) -> None:
    """64 KiB pages, as arm64 has them, are looked for at their own stride."""
    found = read_frames(tree(tmp_path, {16: HEAD, 32: HEAD, 48: TAIL}), NODES, [64 << 10, MIB2])
    assert found is not None
    assert found.head_pfn.tolist() == [16, 32]
    assert found.page_size.tolist() == [64 << 10, 64 << 10]


def test_bad_memory_outside_of_the_pools(tmp_path: Path) -> None:
    words = {STEP: HEAD | BAD, 700: BAD, 701: 0, (1 << 18) + 9: BAD | ANON, 800: BAD | 1 << 34}
    found = poisoned_pfns(tree(tmp_path, words), NODES)
    assert found is not None
    assert found.pfn.tolist() == [700, 800, (1 << 18) + 9]
    assert found.bare.tolist() == [True, True, False]
    assert found.node.tolist() == [0, 0, 1]


def test_poison_on_the_bad_subpage_alone(tmp_path: Path) -> None:
    """Between the words that tell huge pages: found by the look at every word."""
    start = 1 << 18
    words = {STEP: HEAD, 2 * STEP: HEAD, 2 * STEP + 77: TAIL | BAD, 700: BAD}
    words |= giant(start) | {start + 70001: TAIL | BAD, start + 70002: TAIL | BAD}
    root = tree(tmp_path, words)
    found, bad = read_frames(root, NODES, SIZES), poisoned_pfns(root, NODES)
    assert found is not None
    assert bad is not None
    assert bad.pfn.tolist() == [700]
    assert bad.in_pools.tolist() == [2 * STEP + 77, start + 70001, start + 70002]
    assert not found.poisoned.any()
    assert found.marked(bad.in_pools).poisoned.tolist() == [False, True, True]
    none = np.array([STEP - 1, 3 * STEP], np.uint64)
    assert not found.marked(none).poisoned.any()
    assert not found.marked(none[:0]).poisoned.any()


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    root = tree(tmp_path, {STEP: HEAD})
    (tmp_path / "proc/kpageflags").unlink()
    assert read_frames(root, NODES, SIZES) is None
    assert poisoned_pfns(root, NODES) is None


def test_a_directory_in_its_place_is_no_capture(tmp_path: Path) -> None:
    root = tree(tmp_path, {STEP: HEAD})
    (tmp_path / "proc/kpageflags").unlink()
    (tmp_path / "proc/kpageflags").mkdir()
    with pytest.raises(BadCapture, match="proc/kpageflags"):
        read_frames(root, NODES, SIZES)


def test_half_a_word_is_no_capture(tmp_path: Path) -> None:
    root = tree(tmp_path, {STEP: HEAD})
    os.truncate(tmp_path / "proc/kpageflags", STEP * 8 + 5)
    with pytest.raises(BadCapture, match="no whole number"):
        read_frames(root, NODES, SIZES)


def test_an_empty_file_tells_nothing(tmp_path: Path) -> None:
    """So procfs copied by size comes out; that no page is bad would be a false answer."""
    root = tree(tmp_path, {})
    assert read_frames(root, NODES, SIZES) is None
    assert poisoned_pfns(root, NODES) is None


def test_a_kernel_without_huge_pages(tmp_path: Path) -> None:
    root = tree(tmp_path, {STEP: 0x400})
    for sizes in (SIZES, []):
        found = read_frames(root, NODES, sizes)
        assert found is not None
        assert len(found.head_pfn) == 0
    bad = poisoned_pfns(root, NODES)
    assert bad is not None
    assert len(bad.pfn) == 0


def test_a_very_sparse_file_costs_what_it_holds(tmp_path: Path) -> None:
    """A page at 8 TiB, and nothing before."""
    far = 1 << 31
    found = read_frames(tree(tmp_path, {far: HEAD | BAD}), NODES, SIZES)
    assert found is not None
    assert found.head_pfn.tolist() == [far]
    assert found.poisoned.tolist() == [True]
