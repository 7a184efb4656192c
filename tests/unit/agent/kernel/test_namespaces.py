"""Mounts of all namespaces, in a directory that stands for a live root."""

import os
from pathlib import Path

import pytest

from hugescope_agent.kernel import hugetlbfs
from hugescope_agent.kernel.hugetlbfs import HugeFile, HugetlbfsMount, Walk
from hugescope_agent.kernel.namespaces import MountView, survey, walk_all
from hugescope_agent.kernel.root import Root


def line(point: str, kind: str = "hugetlbfs", device: str = "0:29", base: str = "/") -> str:
    return f"31 24 {device} {base} {point} rw - {kind} none rw,pagesize=2M\n"


def process(root: Path, pid: str, space: str | None, text: str | None) -> None:
    """A process in a namespace; None: that these privileges do not reach."""
    place = root / f"proc/{pid}"
    (place / "ns").mkdir(parents=True)
    if space is not None:
        (place / "ns/mnt").symlink_to(f"mnt:[{space}]")
    if text is not None:
        (place / "mountinfo").write_text(text)


def shown(view: MountView) -> list[tuple[str, str]]:
    return [(mount.through, mount.point) for mount in view.hugetlbfs]


def test_each_namespace_is_read_once(tmp_path: Path) -> None:
    process(tmp_path, "self", "1", line("/dev/hugepages"))
    process(tmp_path, "1", "1", line("/never read"))
    process(tmp_path, "5", "2", line("/huge") + line("/", "ext4", "8:1"))
    process(tmp_path, "6", "2", line("/never read"))
    view = survey(Root(str(tmp_path), live=True), [1, 5, 6])
    assert shown(view) == [("proc/self/root", "/dev/hugepages"), ("proc/5/root", "/huge")]
    assert view.devices == {(0, 29)}
    assert view.points == ("/dev/hugepages", "/dev/hugepages/", "/huge", "/huge/")
    assert view.unread == 0


def test_a_process_that_changed_its_root_sees_nothing_and_another_is_asked(tmp_path: Path) -> None:
    process(tmp_path, "5", "2", "")
    process(tmp_path, "6", "2", line("/huge"))
    assert shown(survey(Root(str(tmp_path), live=True), [5, 6])) == [("proc/6/root", "/huge")]


def test_without_the_links_texts_tell_namespaces_apart(tmp_path: Path) -> None:
    process(tmp_path, "1", None, line("/huge"))
    process(tmp_path, "5", None, line("/huge"))
    process(tmp_path, "6", None, line("/other"))
    process(tmp_path, "7", "3", line("/huge"))
    assert shown(survey(Root(str(tmp_path), live=True), [5, 6, 7])) == [
        ("proc/1/root", "/huge"),
        ("proc/6/root", "/other"),
        ("proc/7/root", "/huge"),
    ]


def test_a_namespace_that_cannot_be_read_is_counted_once(tmp_path: Path) -> None:
    process(tmp_path, "5", "2", None)
    process(tmp_path, "6", "2", None)
    process(tmp_path, "7", "3", None)
    process(tmp_path, "8", "3", line("/huge"))
    assert survey(Root(str(tmp_path), live=True), [5, 6, 7, 8, 9]).unread == 1


def test_what_may_hang(tmp_path: Path) -> None:
    text = line("/home", "nfs4") + line("/mnt/s", "fuse.sshfs") + line("/", "ext4")
    process(tmp_path, "self", "1", text + line("/fusion", "fusion"))
    view = survey(Root(str(tmp_path), live=True), [])
    assert view.waiting == ("/home/", "/mnt/s/")


def test_a_captured_tree_has_nothing_mounted(tmp_path: Path) -> None:
    process(tmp_path, "1", "1", line("/huge"))
    assert survey(Root(str(tmp_path), live=False), [1]) == MountView()


class Mounts:
    """Mounts that a walk reaches or not."""

    def __init__(self, files: dict[str, list[int] | None]) -> None:
        self.files = files

    def walk(self, _root: Root, mount: HugetlbfsMount, _limit: int) -> Walk | None:
        inodes = self.files[mount.point]
        if inodes is None:
            return None
        files = [
            HugeFile(mount.device, inode, 2 << 20, 1, 2 << 20, 1, f"{mount.point}/{inode}")
            for inode in inodes
        ]
        return Walk(files, cut=len(files) == 3)


def view(*places: tuple[str, str]) -> MountView:
    return MountView(
        tuple(
            HugetlbfsMount((0, 29), 2 << 20, base, point, "proc/1/root", None, None)
            for point, base in places
        )
    )


def walked(
    monkeypatch: pytest.MonkeyPatch, mounts: MountView, files: dict[str, list[int] | None]
) -> tuple[list[str], list[str], list[str]]:
    monkeypatch.setattr(hugetlbfs, "walk", Mounts(files).walk)
    found = walk_all(Root(os.sep, live=True), mounts)
    return (
        [file.path for file in found.files],
        [mount.point for mount in found.cut],
        [mount.point for mount in found.unreached],
    )


def test_the_first_mount_that_is_reached_shows_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = view(("/a", "/"), ("/b", "/"), ("/c", "/"))
    found = walked(monkeypatch, mounts, {"/a": None, "/b": [1, 2], "/c": [1, 2]})
    assert found == (["/b/1", "/b/2"], [], [])


def test_part_of_a_mount_is_walked_where_the_whole_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = view(("/part", "/x"), ("/other", "/xy"), ("/whole", "/"))
    files: dict[str, list[int] | None] = {"/part": [1], "/other": [1, 2], "/whole": [1, 2, 3]}
    assert walked(monkeypatch, mounts, files) == (
        ["/whole/1", "/whole/2", "/whole/3"],
        ["/whole"],
        [],
    )
    files["/whole"] = None
    assert walked(monkeypatch, mounts, files) == (["/part/1", "/other/2"], [], ["/whole"])
