"""numa_maps: policies with spaces and flags, counts by node, lines that tell nothing."""

from pathlib import Path

import pytest

from hugescope_agent.errors import BadCapture, ProcessUnreadable
from hugescope_agent.kernel import numa
from hugescope_agent.kernel.root import Root
from hugescope_wire.report import Policy
from tests.unit.agent.tree_builder import MIB2, MadeTree, build

START = 0x7E0000000000


def line(policy: str, rest: str = "", name: str = r"/memfd:ram\040(deleted)") -> bytes:
    """A hugetlb line as the kernel prints it."""
    return f"{START:08x} {policy} file={name} huge{rest}\n".encode()


def one(text: bytes) -> numa.NumaVma:
    """The only hugetlb VMA of a text."""
    found = numa.parse(text, "numa_maps")
    assert list(found) == [START]
    return found[START]


@pytest.mark.parametrize(
    ("text", "mode", "nodes"),
    [
        ("default", "default", []),
        ("local", "local", []),
        ("prefer:1", "prefer", [1]),
        ("prefer (many):0-1", "prefer (many)", [0, 1]),
        ("bind:0", "bind", [0]),
        ("bind=static:0-1", "bind", [0, 1]),
        ("bind=relative:2", "bind", [2]),
        ("bind=static|balancing:0-1,3", "bind", [0, 1, 3]),
        ("interleave:0-3,8", "interleave", [0, 1, 2, 3, 8]),
        ("weighted interleave:0,1", "weighted interleave", [0, 1]),
        ("unknown:12", "unknown", [12]),
        ("some new mode", "some new mode", []),
        ("bind:1-0", "bind", []),
        ("bind:everywhere", "bind", []),
        ("bind:0-99999999", "bind", []),
    ],
)
def test_policies(text: str, mode: str, nodes: list[int]) -> None:
    found = one(line(text, " dirty=4 N1=4 kernelpagesize_kB=2048"))
    assert found.policy == Policy(text=text, mode=mode, nodes=nodes)
    assert found.node_bytes == {1: 4 * MIB2}


def test_a_list_that_the_kernel_cut_is_not_known() -> None:
    text = ("interleave:" + ",".join(map(str, range(0, 128, 2))))[:63]
    assert one(line(text)).policy == Policy(text=text, mode="interleave", nodes=[])


def test_counts() -> None:
    rest = " anon=3 dirty=2 mapped=4 mapmax=2 writeback=1 N0=1 N3=2 kernelpagesize_kB=1048576"
    found = one(line("bind:0", rest))
    assert (found.anon, found.dirty, found.mapmax) == (3, 2, 2)
    assert found.page_bytes == 1 << 30
    assert found.node_pages == {0: 1, 3: 2}
    assert found.node_bytes == {0: 1 << 30, 3: 2 << 30}


def test_a_mapping_without_pages() -> None:
    found = one(line("default"))
    assert (found.page_bytes, found.node_bytes, found.mapmax) == (None, {}, 0)


def test_mapmax_of_one_is_not_printed() -> None:
    assert one(line("default", " dirty=1 N0=1 kernelpagesize_kB=2048")).mapmax == 1


def test_other_lines_are_passed_over() -> None:
    text = (
        b"00400000 default file=/prog\n"
        b"00401000 default file=/huge dirty=32 active=0 N0=32 kernelpagesize_kB=4\n"
        b"00499000 prefer (many):0 file=/huge N0=1 kernelpagesize_kB=4\n"
        b"004ca000 default anon=5 dirty=5 N0=2 kernelpagesize_kB=4\n"
        b"38315000 default heap anon=7 N0=1 kernelpagesize_kB=4\n"
        + line("bind:1", name=r"/dev/hugepages/a\040huge\040one")
        + b"7ffe4d3f7000 default stack anon=8 N1=7 kernelpagesize_kB=4\n"
    )
    assert one(text).policy.text == "bind:1"


def test_a_name_with_all_that_the_kernel_escapes_and_what_it_does_not() -> None:
    name = r"/mnt/a\040b\011c\012d\075e file".replace(" file", "\r\x0b")
    assert one(line("default", " N0=1 kernelpagesize_kB=2048", name)).node_pages == {0: 1}


@pytest.mark.parametrize("rest", [" N0=x", " dirty=", " anon=-1", " N0=²"])
def test_a_count_that_is_none(rest: str) -> None:
    with pytest.raises(BadCapture, match=r"numa_maps: 7e0000000000: .*=NUMBER"):
        numa.parse(line("default", rest), "numa_maps")


def test_a_text_that_was_cut() -> None:
    with pytest.raises(BadCapture, match="inside a line"):
        numa.parse(line("default", " N0=1")[:-1], "numa_maps")


def test_of_a_root(tmp_path: Path) -> None:
    root = Root.at(str(build(tmp_path, MadeTree())))
    process = tmp_path / "proc/41"
    process.mkdir()
    assert numa.policies(root, 41) == {}
    below = b"00400000 default file=/prog\n"
    above = b"7f0000000000 default file=/lib N0=x kernelpagesize_kB=4\n" * 3
    (process / "numa_maps").write_bytes(below + line("bind:0") + above)
    assert list(numa.policies(root, 41, START + MIB2)) == [START]
    assert list(numa.policies(root, 41)) == [START]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    root = Root.at(str(build(tmp_path, MadeTree())))
    (tmp_path / "proc/41/numa_maps").mkdir(parents=True)
    with pytest.raises(ProcessUnreadable, match="proc/41/numa_maps"):
        numa.policies(root, 41)
