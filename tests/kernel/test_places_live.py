"""Policies, struct pages and what else small readers tell, on the real kernel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hugescope_agent.kernel import numa, vmemmap
from hugescope_agent.kernel.pools import PoolFiles
from hugescope_agent.kernel.root import Root
from hugescope_wire.account import Vmemmap
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.puppets import puppet

pytestmark = pytest.mark.kernel

HVO = Path("/proc/sys/vm/hugetlb_optimize_vmemmap")


def struct_pages() -> Vmemmap:
    """What is read now."""
    root = Root.at("/")
    files = PoolFiles(root)
    try:
        return vmemmap.read(root, files.parse(files.raw()))
    finally:
        files.close()


@contextmanager
def hvo_on() -> Iterator[None]:
    """HVO for pages that join a pool now; skips where it cannot be switched on."""
    before = HVO.read_text() if HVO.is_file() else "no such setting"
    if before.strip() != "0" or not os.access(HVO, os.W_OK):
        pytest.skip(f"HVO cannot be switched on: {HVO}: {before.strip()}")
    HVO.write_text("1")
    try:
        yield
    finally:
        HVO.write_text(before)


def test_policy_and_nodes_of_what_is_touched() -> None:
    with extra_pages(MIB2, 7), puppet() as one:
        start = one.do("memfd", 0, 4, "a name = odd\n")
        one.do("touch", 0, [0, 1, 3])
        other = one.do("private", 1, 3)
        root = Root.at("/")
        found = numa.policies(root, one.pid, other + 3 * MIB2)
        assert found == numa.policies(root, one.pid)
        assert list(found) == [start, other]
        assert sum(found[start].node_bytes.values()) == 3 * MIB2
        assert found[start].policy.mode == found[other].policy.mode
        assert (found[other].node_bytes, found[other].page_bytes) == ({}, None)


def test_what_optimized_pages_save() -> None:
    before = struct_pages()
    if before.saved_bytes is None:
        pytest.skip(f"what HVO saves cannot be told here: {before.reason}")
    with hvo_on(), extra_pages(MIB2, 4):
        during = struct_pages()
        assert during.enabled is True
        assert during.saved_bytes is not None
        assert during.saved_bytes >= 4 * 28 << 10
        assert (during.memmap_bytes or 0) + during.saved_bytes == (
            (before.memmap_bytes or 0) + before.saved_bytes
        )
