"""Where cgroups are mounted, and which one a process is in."""

from pathlib import Path

import pytest

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.cgroup_mounts import Mount, find_mounts, membership, parse_mountinfo
from hugescope_agent.kernel.root import Root
from tests.unit.agent.tree_builder import MadeTree, build

MOUNTINFO = r"""22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
33 31 0:30 / /sys/fs/cgroup/huge\040tlb rw,relatime shared:9 - cgroup cgroup rw,hugetlb,rdma
34 31 0:30 /docker/abc /mnt/part rw,relatime - cgroup cgroup rw,hugetlb,rdma
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:3 master:1 - cgroup2 cgroup2 rw
odd line
"""


def tree(path: Path, *directories: str, mountinfo: str | None = None) -> Root:
    """A root with these directories."""
    root = build(path, MadeTree())
    for directory in directories:
        (root / directory).mkdir(parents=True)
        (root / directory / "cgroup.procs").touch()
    if mountinfo is not None:
        (root / "proc/1").mkdir()
        (root / "proc/1/mountinfo").write_text(mountinfo)
    return Root.at(str(root))


def test_mountinfo() -> None:
    assert list(parse_mountinfo(MOUNTINFO)) == [
        Mount(1, "sys/fs/cgroup/huge tlb", "/"),
        Mount(1, "mnt/part", "/docker/abc"),
        Mount(2, "sys/fs/cgroup/unified", "/"),
    ]


def test_of_several_the_one_that_shows_most(tmp_path: Path) -> None:
    places = ["sys/fs/cgroup/huge tlb", "sys/fs/cgroup/unified", "mnt/part"]
    root = tree(tmp_path, *places, mountinfo=MOUNTINFO)
    found = {mount.version: mount.directory for mount in find_mounts(root)}
    assert found == {1: "sys/fs/cgroup/huge tlb", 2: "sys/fs/cgroup/unified"}


def test_a_mount_that_is_hidden_is_passed_over(tmp_path: Path) -> None:
    root = tree(tmp_path, "mnt/part", mountinfo=MOUNTINFO)
    assert find_mounts(root) == [Mount(1, "mnt/part", "/docker/abc")]


@pytest.mark.parametrize(
    ("file", "mount"),
    [
        ("sys/fs/cgroup/cgroup.controllers", Mount(2, "sys/fs/cgroup", "/")),
        ("sys/fs/cgroup/unified/cgroup.controllers", Mount(2, "sys/fs/cgroup/unified", "/")),
        ("sys/fs/cgroup/hugetlb/hugetlb.2MB.failcnt", Mount(1, "sys/fs/cgroup/hugetlb", "/")),
    ],
)
def test_usual_places_without_mountinfo(tmp_path: Path, file: str, mount: Mount) -> None:
    root = tree(tmp_path)
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).touch()
    assert find_mounts(root) == [mount]


def test_none(tmp_path: Path) -> None:
    assert find_mounts(tree(tmp_path)) == []


@pytest.mark.parametrize(
    ("base", "path", "place"),
    [
        ("/", "/", "cg"),
        ("/", "/demo", "cg/demo"),
        ("/", "/a/b c", "cg/a/b c"),
        ("/docker/abc", "/docker/abc", "cg"),
        ("/docker/abc", "/docker/abc/vm", "cg/vm"),
        ("/docker/abc", "/docker/abcd", None),
        ("/docker/abc", "/docker", None),
        ("/", "/../../other", None),
        ("/..", "/../other", "cg/other"),
        ("/", "/a/../../../etc", None),
    ],
)
def test_place_of_a_cgroup(base: str, path: str, place: str | None) -> None:
    assert Mount(2, "cg", base).place(path) == place


def test_membership() -> None:
    text = "9:hugetlb,rdma:/box\n4:memory:/other\n2:name=systemd:/init.scope\n0::/a:b/c d\n"
    assert list(membership(text, "cgroup")) == [(1, "/box"), (2, "/a:b/c d")]


@pytest.mark.parametrize("text", ["0::", "::/x", "demo", "0::demo"])
def test_no_membership(text: str) -> None:
    with pytest.raises(BadCapture, match="proc/5/cgroup"):
        list(membership(text, "proc/5/cgroup"))
