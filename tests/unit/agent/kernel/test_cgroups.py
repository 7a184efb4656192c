"""cgroup v1 and v2: use, limits and refusals, of processes, of those above, and of all there is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel import cgroups
from hugescope_agent.kernel.cgroups import CgroupLook, Cgroups
from hugescope_agent.kernel.root import Root
from hugescope_wire.account import CgroupUse
from tests.unit.agent.tree_builder import GIB, MIB2, MadeTree, build

V1_NO_LIMIT = 9223372036852678656


def made_v2(directory: Path, size: str = "2MB", **values: object) -> None:
    """The files of one page size; an underscore in a name stands for a dot."""
    stat = f"total={values.get('current', 0)} N0={values.get('current', 0)} N1=0"
    default = {"current": 0, "max": "max", "rsvd_current": 0, "rsvd_max": "max"}
    default |= {"events": "max 0", "events_local": "max 0", "numa__stat": stat}
    write(directory, size, default | values)


def made_v1(directory: Path, size: str = "2MB", **values: object) -> None:
    """The same of v1."""
    default: dict[str, object] = {"numa__stat": "total=0 N0=0\nhierarchical_total=0 N0=0"}
    for prefix in ("", "rsvd_"):
        default |= {f"{prefix}usage__in__bytes": 0, f"{prefix}max__usage__in__bytes": 0}
        default |= {f"{prefix}limit__in__bytes": V1_NO_LIMIT, f"{prefix}failcnt": 0}
    write(directory, size, default | values)


def write(directory: Path, size: str, values: dict[str, object]) -> None:
    """Files by name."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        file = name.replace("__", "-").replace("_", ".").replace("-", "_")
        (directory / f"hugetlb.{size}.{file}").write_text(f"{value}\n")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """The directory of a v2 hierarchy in an empty tree."""
    directory = build(tmp_path, MadeTree()) / "sys/fs/cgroup"
    directory.mkdir(parents=True)
    (directory / "cgroup.controllers").write_text("hugetlb\n")
    return directory


def member(top: Path, pid: int, text: str) -> int:
    """A process and its cgroups."""
    directory = root_of(top) / f"proc/{pid}"
    directory.mkdir()
    (directory / "cgroup").write_text(f"{text}\n")
    return pid


def root_of(top: Path) -> Path:
    """The tree of a hierarchy."""
    return next(path for path in top.parents if (path / "proc").is_dir())


def look(top: Path, *pids: int, walk: bool = False) -> CgroupLook:
    """What is read."""
    return Cgroups(Root.at(str(root_of(top)))).look(pids, walk=walk)


def test_v2(top: Path) -> None:
    made_v2(
        top / "vm",
        current=6 * MIB2,
        max=8 * MIB2,
        rsvd_current=MIB2,
        rsvd_max=9 * MIB2,
        events="max 3",
        numa__stat=f"total={6 * MIB2} N0={2 * MIB2} N1={4 * MIB2}",
    )
    member(top, 41, "0::/vm")
    member(top, 42, "0::/vm")
    found = look(top, 42, 41)
    assert found.reasons == []
    assert found.uses == [
        CgroupUse(
            path="/vm",
            version=2,
            page_size=MIB2,
            usage_bytes=6 * MIB2,
            limit_bytes=8 * MIB2,
            reserved_bytes=MIB2,
            reserved_limit_bytes=9 * MIB2,
            failures=3,
            node_bytes={0: 2 * MIB2, 1: 4 * MIB2},
            pids=[41, 42],
            directory="/sys/fs/cgroup/vm",
        )
    ]


def test_v1(top: Path) -> None:
    place = root_of(top) / "sys/fs/cgroup/hugetlb"
    made_v1(place)
    made_v1(
        place / "box",
        usage__in__bytes=2 * MIB2,
        limit__in__bytes=4 * MIB2,
        failcnt=7,
        rsvd_failcnt=2,
        rsvd_usage__in__bytes=3 * MIB2,
        numa__stat=f"total=0 N0=0\nhierarchical_total={2 * MIB2} N0={2 * MIB2}",
    )
    (use,) = look(top, member(top, 41, "9:hugetlb:/box\n0::/")).uses
    assert (use.version, use.path, use.pids) == (1, "/box", [41])
    assert (use.usage_bytes, use.limit_bytes, use.failures) == (2 * MIB2, 4 * MIB2, 7)
    assert (use.reserved_bytes, use.reserved_limit_bytes) == (3 * MIB2, None)
    assert use.reserved_failures == 2
    assert use.node_bytes == {0: 2 * MIB2}


def test_limits_of_those_above_count_too(top: Path) -> None:
    made_v2(top / "a", max=4 * MIB2)
    made_v2(top / "a/b")
    made_v2(top / "a/b/c", current=MIB2)
    made_v2(top / "a/other", current=MIB2)
    found = look(top, member(top, 41, "0::/a/b/c")).uses
    assert [(use.path, use.pids) for use in found] == [("/a", [41]), ("/a/b/c", [41])]


def test_all_sizes_and_no_zeros(top: Path) -> None:
    for size, values in {
        "64KB": {"max": 0},
        "2MB": {},
        "32MB": {},
        "1GB": {"current": GIB},
    }.items():
        made_v2(top / "vm", size, **values)
    found = look(top, member(top, 41, "0::/vm")).uses
    assert [(use.page_size, use.limit_bytes) for use in found] == [(64 << 10, 0), (GIB, None)]


def test_a_walk_finds_what_no_process_explains(top: Path) -> None:
    made_v2(top / "left/behind", current=MIB2)
    made_v2(top / "left")
    # No controller, none below: as the kernel has it.
    (top / "system.slice").mkdir()
    made_v2(top / "system.slice/never", current=MIB2)
    assert look(top).uses == []
    assert [(use.path, use.pids) for use in look(top, walk=True).uses] == [("/left/behind", [])]


@pytest.mark.parametrize("walk", [False, True])
def test_a_name_that_is_no_text(top: Path, walk: bool) -> None:
    """Whom a part of the hierarchy was given to may name cgroups at will; what is told travels."""
    pid = member(top, 7, "0::/a")
    made_v2(top / "a", current=MIB2)
    made_v2(top / "a/\udcff\x1b[31m", current=MIB2)
    (root_of(top) / "proc/7/cgroup").write_bytes(b"0::/a/\xff\x1b[31m\n")
    found = look(top, pid, walk=walk).uses
    assert [use.path for use in found] == ["/a", "/a/\ufffd\x1b[31m"]
    assert found[1].pids == [7]
    assert all(CgroupUse.model_validate_json(use.model_dump_json()) == use for use in found)


def test_a_walk_ends(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "_MAX_WALKED", 3)
    for name in "abcdef":
        made_v2(top / name, current=MIB2)
    found = look(top, walk=True)
    assert [use.path for use in found.uses] == ["/a", "/b"]
    assert found.reasons == ["only 3 cgroups were looked at"]


def test_a_walk_follows_no_link(top: Path) -> None:
    made_v2(top / "a", current=MIB2)
    os.symlink("..", top / "a/loop")
    assert [use.path for use in look(top, walk=True).uses] == ["/a"]


def test_processes_and_cgroups_that_left(top: Path) -> None:
    assert look(top, 41, member(top, 42, "0::/removed (deleted)")) == CgroupLook()


def test_a_cgroup_beyond_what_is_mounted(top: Path) -> None:
    found = look(top, member(top, 41, "0::/../../etc"))
    assert found.uses == []
    assert found.reasons == ["cgroup /../../etc lies outside of what is mounted here"]


def test_ancestors_above_a_container_are_no_loss(top: Path) -> None:
    (root_of(top) / "proc/1").mkdir()
    line = "41 31 0:38 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    (root_of(top) / "proc/1/mountinfo").write_text(line)
    made_v2(top / "vm", max=MIB2)
    found = look(top, member(top, 41, "0::/docker/abc/vm"))
    assert [use.path for use in found.uses] == ["/docker/abc/vm"]
    assert found.reasons == []


def test_no_cgroups_at_all(tmp_path: Path) -> None:
    root = Root.at(str(build(tmp_path, MadeTree())))
    assert Cgroups(root).look([41], walk=True).reasons == ["no cgroup file system is mounted here"]


@pytest.mark.parametrize("file", ["proc/41/cgroup", "sys/fs/cgroup/vm/hugetlb.2MB.current"])
def test_what_is_denied_is_told_once(top: Path, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made_v2(top / "vm", max=MIB2)
    member(top, 41, "0::/vm")
    denied = Root.read

    def read(self: Root, name: str) -> bytes:
        if name == file:
            raise PermissionError(13, "Permission denied")
        return denied(self, name)

    monkeypatch.setattr(Root, "read", read)
    found = look(top, 41, 41)
    assert found.reasons == [f"{file}: Permission denied"]
    assert all(use.usage_bytes is None and use.node_bytes is None for use in found.uses)


@pytest.mark.parametrize(
    ("file", "text"),
    [("current", "max"), ("max", "unlimited"), ("events", "max x"), ("current", "-1")],
)
def test_what_no_kernel_writes(top: Path, file: str, text: str) -> None:
    made_v2(top / "vm", **{file: text})
    with pytest.raises(BadCapture, match=f"vm/hugetlb.2MB.{file}"):
        look(top, member(top, 41, "0::/vm"))


def test_events_of_a_kernel_with_more_of_them(top: Path) -> None:
    made_v2(top / "vm", events="low 1\nmax 2")
    assert [use.failures for use in look(top, member(top, 41, "0::/vm")).uses] == [2]
