"""kpagecount and kpageflags of a capture."""

import os
from pathlib import Path

import numpy as np
import pytest

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.kpage import KpageFiles
from hugescope_agent.kernel.root import Root
from tests.unit.agent.tree_builder import (
    KPF_HUGE,
    MadeMapping,
    MadeProcess,
    MadeTree,
    build,
    frame,
    mapped,
)
from tests.unit.open_files import open_files

TREE = MadeTree(
    {
        41: MadeProcess((MadeMapping(0x7E0000000000, (mapped(3), mapped(5))),)),
        42: MadeProcess((MadeMapping(0x7E0000000000, (mapped(3),)),)),
    }
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two processes that share a page."""
    return build(tmp_path / "tree", TREE)


def test_counts_and_flags(tree: Path) -> None:
    files = KpageFiles(Root.at(str(tree)))
    pfns = np.array([frame(5), frame(3), 1], np.uint64)
    assert files.counts(pfns).tolist() == [1, 2, 0]
    assert files.flags(pfns).tolist() == [KPF_HUGE, KPF_HUGE, 0]
    assert files.counts_in(frame(3) + 510, 3).tolist() == [2, 2, 0]
    assert files.counts(pfns[:0]).tolist() == []
    files.close()


@pytest.mark.parametrize("name", ["kpagecount", "kpageflags"])
def test_a_pfn_past_the_end_names_file_and_pfn(tree: Path, name: str) -> None:
    os.truncate(tree / "proc" / name, frame(5) * 8 + 3)
    files = KpageFiles(Root.at(str(tree)))
    read = files.counts if name == "kpagecount" else files.flags
    with pytest.raises(BadCapture, match=f"proc/{name}.*{frame(5):#x}"):
        read(np.array([frame(3), frame(5)], np.uint64))
    files.close()


def test_subpages_past_the_end(tree: Path) -> None:
    """A capture may end with its last word that is not 0; where even the first lies behind it, the
    file is none of this host.
    """
    files = KpageFiles(Root.at(str(tree)))
    assert files.counts_in(frame(512), 2).tolist() == [0, 0]
    with pytest.raises(BadCapture, match="proc/kpagecount"):
        files.counts_in(frame(512) + 1, 2)
    files.close()


@pytest.mark.parametrize("pfn", [(1 << 55) - 1, (1 << 64) - 512])
def test_a_pfn_that_no_machine_has(tree: Path, pfn: int) -> None:
    """A damaged pagemap entry; its head may even lie below PFN 0."""
    files = KpageFiles(Root.at(str(tree)))
    with pytest.raises(BadCapture, match="proc/kpagecount"):
        files.counts(np.array([pfn], np.uint64))
    with pytest.raises(BadCapture, match="proc/kpagecount"):
        files.counts_in(pfn, 512)
    files.close()


@pytest.mark.parametrize("name", ["kpagecount", "kpageflags"])
def test_both_are_needed(tree: Path, name: str) -> None:
    (tree / "proc" / name).unlink()
    with pytest.raises(FileNotFoundError):
        KpageFiles(Root.at(str(tree)))
    (tree / "proc" / name).write_bytes(b"")
    with pytest.raises(OSError, match="No data"):
        KpageFiles(Root.at(str(tree)))
    (tree / "proc" / name).unlink()
    (tree / "proc" / name).mkdir()
    before = open_files()
    with pytest.raises(IsADirectoryError):
        KpageFiles(Root.at(str(tree)))
    assert open_files() <= before
