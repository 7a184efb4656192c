"""Huge pages on the kernel command line."""

from pathlib import Path

import pytest

from hugescope_agent.kernel import boot
from hugescope_agent.kernel.root import Root
from tests.unit.agent.tree_builder import GIB, MIB2, MadeTree, build

Asked = list[tuple[int, int | None, int]]


def asked(cmdline: str) -> Asked:
    """Size, node and number of each record, with a default size of 2 MiB."""
    return [(p.page_size, p.node, p.pages) for p in boot.parse(cmdline, MIB2)]


@pytest.mark.parametrize(
    ("cmdline", "expected"),
    [
        ("console=ttyS0 quiet", []),
        ("hugepages=64 quiet", [(MIB2, None, 64)]),
        ("hugepagesz=1G hugepages=2 hugepagesz=2M hugepages=64",
         [(GIB, None, 2), (MIB2, None, 64)]),
        ("hugepagesz=1G hugepages=0:1,1:1 hugepagesz=2M hugepages=0:48,1:48",
         [(GIB, 0, 1), (GIB, 1, 1), (MIB2, 0, 48), (MIB2, 1, 48)]),
        ("default_hugepagesz=1G hugepages=4", [(GIB, None, 4)]),
        ("default_hugepagesz=1G hugepagesz=2048k hugepages=3", [(MIB2, None, 3)]),
        ("hugepagesz=2097152 hugepages=5", [(MIB2, None, 5)]),
        ("hugepagesz=3M hugepages=5", []),
        ("hugepagesz=4K hugepages=5", []),
        ("hugepagesz=big hugepages=5 hugepagesz=2M hugepages=6", [(MIB2, None, 6)]),
        ("hugepages=64 hugepages=65", [(MIB2, None, 64)]),
        ("hugepages=0:4,5", []),
        ("hugepages=many hugepages=", []),
        ("hugepages=-1", []),
        ("hugetlb_cma=4G hugetlb_cma=0:1G hugetlb_free_vmemmap=on", []),
        ("quiet -- hugepages=64", []),
    ],
)  # fmt: skip
def test_command_lines(cmdline: str, expected: Asked) -> None:
    assert asked(cmdline) == expected


def test_the_default_size_is_the_kernel_s(tmp_path: Path) -> None:
    root = Root.at(str(build(tmp_path, MadeTree())))
    assert boot.read(root) == []
    (tmp_path / "proc/cmdline").write_text("hugepages=2\n")
    assert [p.page_size for p in boot.read(root)] == [MIB2]
    (tmp_path / "proc/meminfo").write_text("HugePages_Surp:   0\nHugepagesize:    1048576 kB\n")
    assert [p.page_size for p in boot.read(root)] == [GIB]
