"""Counters of memory errors by node, null where the kernel has none."""

from pathlib import Path

import pytest

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel import memory_failure
from hugescope_agent.kernel.root import Root
from hugescope_wire.report import MemoryFailures
from tests.unit.agent.tree_builder import MadeTree, build

COUNTERS = {"total": 3, "ignored": 0, "failed": 1, "delayed": 0, "recovered": 2}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A tree with nodes 0 and 10, of which 10 counts."""
    nodes = build(tmp_path, MadeTree()) / "sys/devices/system/node"
    (nodes / "node0").mkdir(parents=True)
    (nodes / "node10/memory_failure").mkdir(parents=True)
    for name, count in COUNTERS.items():
        (nodes / "node10/memory_failure" / name).write_text(f"{count}\n")
    (nodes / "possible").write_text("0,10\n")
    return Root.at(str(tmp_path))


def test_by_node(root: Root) -> None:
    assert memory_failure.failures(root) == [
        MemoryFailures(node=0, total=None, ignored=None, failed=None, delayed=None, recovered=None),
        MemoryFailures(node=10, **COUNTERS),
    ]


def test_no_counter(root: Root) -> None:
    file = Path(root.path, "sys/devices/system/node/node10/memory_failure/failed")
    file.write_text("many\n")
    with pytest.raises(BadCapture, match="node10/memory_failure/failed"):
        memory_failure.failures(root)


def test_hardware_corrupted(root: Root) -> None:
    assert memory_failure.hardware_corrupted_bytes(root) is None
    meminfo = Path(root.path, "proc/meminfo")
    meminfo.write_text("MemTotal:        5053904 kB\nHardwareCorrupted:    16 kB\n")
    assert memory_failure.hardware_corrupted_bytes(root) == 16 << 10
