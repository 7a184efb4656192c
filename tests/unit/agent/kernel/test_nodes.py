"""PFN to node: from zones, from memory blocks where zones of nodes interleave, and unknown else."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.kernel.nodes import NodeMap, Span, overlap, zone_spans
from hugescope_agent.kernel.root import Root
from hugescope_wire.cells import UNKNOWN_NODE
from tests.unit.agent.tree_builder import zone
from tests.unit.wire.made_wire import many

GAP = [(1, 100, 0), (200, 300, 1)]


def nodes_of(spans: list[Span], pfns: list[int]) -> list[int]:
    """The node of each PFN."""
    return list(map(int, NodeMap.of_spans(spans).of(np.array(pfns, np.uint64))))


def root_of(path: Path, zoneinfo: str | None, **blocks: str) -> Root:
    """A tree that holds zoneinfo, and memory blocks of 32,768 PFNs as node0="0 2"."""
    (path / "proc").mkdir()
    (path / "proc/version").write_text("Linux version 6.12.1\n")
    if zoneinfo is not None:
        (path / "proc/zoneinfo").write_text(zoneinfo)
    for node, numbers in blocks.items():
        for number in numbers.split():
            (path / "sys/devices/system/node" / node / f"memory{number}").mkdir(parents=True)
    if blocks:
        (path / "sys/devices/system/memory").mkdir(parents=True)
        (path / "sys/devices/system/memory/block_size_bytes").write_text("8000000\n")
    return Root.at(str(path))


def test_borders_and_gaps() -> None:
    pfns = [0, 1, 99, 100, 199, 200, 299, 300, 1 << 40]
    assert nodes_of(GAP, pfns) == [255, 0, 0, 255, 255, 1, 1, 255, 255]
    assert nodes_of([], pfns) == [UNKNOWN_NODE] * len(pfns)
    assert nodes_of(GAP[::-1], pfns) == nodes_of(GAP, pfns)


def test_hidden_and_absurd_pfns_have_no_node() -> None:
    assert nodes_of(GAP, [0, (1 << 55) - 1, (1 << 64) - 1]) == [255] * 3


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30), st.integers(0, 1)), max_size=6),
    st.lists(st.integers(0, 100), min_size=1),
)
@many
def test_zones_of_one_node_may_lie_over_each_other(
    zones: list[tuple[int, int, int]], pfns: list[int]
) -> None:
    """Hot-plugged memory nests Movable in Normal. Between nodes `overlap` finds every clash."""
    spans = [(first, first + length, node) for first, length, node in zones]
    holders = {
        pfn: {node for first, end, node in spans if first <= pfn < end} for pfn in range(100)
    }
    clash = any(len(nodes) > 1 for nodes in holders.values())
    assert overlap(spans) == clash
    if not clash:
        expected = [next(iter(holders.get(pfn, set())), UNKNOWN_NODE) for pfn in pfns]
        assert nodes_of(spans, pfns) == expected


def test_zone_spans_from_text() -> None:
    text = zone(0, "DMA", 1, 4095) + zone(0, "DMA32", 4096, 651264) + zone(0, "Normal", 0, 0)
    text += zone(1, "Normal", 1 << 20, 100) + zone(1, "Device", 0, 0)
    assert zone_spans(text) == [
        (1, 4096, 0),
        (4096, 655360, 0),
        (1 << 20, (1 << 20) + 100, 1),
    ]


@pytest.mark.parametrize("text", ["", "x", "Node 0, zone DMA\n", "Node 0, zone DMA\n  spanned 5\n"])
def test_text_without_zones(text: str) -> None:
    assert zone_spans(text) == []


def test_no_zoneinfo_means_unknown(tmp_path: Path) -> None:
    found = NodeMap.read(root_of(tmp_path, None)).of(np.array([5, 1 << 20]))
    assert found.tolist() == [UNKNOWN_NODE] * 2


BLOCK = 32768


def test_interleaved_nodes_are_told_by_memory_blocks(tmp_path: Path) -> None:
    text = zone(0, "Normal", 0, 4 * BLOCK) + zone(1, "Normal", BLOCK, 3 * BLOCK)
    root = root_of(tmp_path, text, node0="0 2", node1="1 3")
    pfns = np.array([0, BLOCK - 1, BLOCK, 2 * BLOCK, 3 * BLOCK, 4 * BLOCK])
    assert NodeMap.read(root).of(pfns).tolist() == [0, 0, 1, 0, 1, 255]


def test_interleaved_nodes_without_blocks_are_unknown_where_they_clash(tmp_path: Path) -> None:
    """A guess is never shown as a fact."""
    text = zone(0, "Normal", 0, 4 * BLOCK) + zone(1, "Normal", BLOCK, 3 * BLOCK)
    found = NodeMap.read(root_of(tmp_path, text)).of(np.array([2 * BLOCK]))
    assert found.tolist() == [UNKNOWN_NODE]


@pytest.mark.parametrize("text", ["", "zz", "-8", "0"])
def test_a_block_size_that_is_none(tmp_path: Path, text: str) -> None:
    zones = zone(0, "Normal", 0, 4 * BLOCK) + zone(1, "Normal", BLOCK, 3 * BLOCK)
    root = root_of(tmp_path, zones, node0="0", node1="1")
    (tmp_path / "sys/devices/system/memory/block_size_bytes").write_text(text)
    found = NodeMap.read(root).of(np.array([2 * BLOCK]))
    assert found.tolist() == [UNKNOWN_NODE]


@pytest.mark.parametrize("number", [255, 256, 1023])
def test_a_node_number_beyond_its_column_is_unknown(number: int) -> None:
    """The kernel allows 1,024 nodes; 255 in the column means unknown."""
    assert nodes_of([(0, 10, 0), (10, 20, number)], [5, 15]) == [0, UNKNOWN_NODE]
