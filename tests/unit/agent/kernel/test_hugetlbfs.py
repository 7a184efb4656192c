"""hugetlbfs by mountinfo, and the files in a mount."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from hugescope_agent.kernel.hugetlbfs import HugetlbfsMount, device_of, mounts, walk
from hugescope_agent.kernel.mountinfo import Device
from hugescope_agent.kernel.root import Root

PLAIN = "25 1 254:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"
HUGE = "31 24 0:29 / /dev/hugepages rw,relatime shared:5 - hugetlbfs hugetlbfs rw,pagesize=2M\n"


def mounted(text: str) -> set[Device]:
    return {mount.device for mount in mounts(text)}


def test_hugetlbfs_and_nothing_else() -> None:
    text = PLAIN + HUGE + "40 1 0:300 / /mnt/1g rw master:2 propagate_from:1 - hugetlbfs none rw\n"
    assert mounted(text) == {(0, 29), (0, 300)}
    assert mounted("") == set()
    assert mounted(PLAIN) == set()


def test_no_optional_field_or_several() -> None:
    assert mounted("31 24 0:29 / /x rw - hugetlbfs none rw\n") == {(0, 29)}
    assert mounted("31 24 0:29 / /x rw a b c d - hugetlbfs none rw\n") == {(0, 29)}


def test_a_source_or_place_that_is_called_so_is_not_one() -> None:
    text = "31 24 0:29 / /mnt/\\040-\\040hugetlbfs\\040x rw - tmpfs hugetlbfs rw\n"
    assert mounted(text) == set()
    assert mounted("31 24 0:29 / /x rw - hugetlbfs2 none rw\n") == set()


@pytest.mark.parametrize("odd", ["\v", "\f", "\x1c", "\x85", "\u2028", "\r"])
def test_a_place_with_odd_characters_is_one_line(odd: str) -> None:
    """The kernel escapes space, tab, newline and backslash only."""
    text = f"31 24 0:29 / /mnt/a{odd}b c d rw,relatime - hugetlbfs none rw\n"
    assert mounted(PLAIN + text + PLAIN) == {(0, 29)}


@pytest.mark.parametrize("line", ["", "x", " - hugetlbfs ", "31 24 - hugetlbfs none rw"])
def test_what_is_no_line_is_passed_over(line: str) -> None:
    assert mounted(PLAIN + line + "\n" + HUGE) == {(0, 29)}


@pytest.mark.parametrize(
    ("options", "page_size", "most", "least", "min_pages"),
    [
        ("rw,pagesize=2M", 2 << 20, None, None, 0),
        ("rw,pagesize=1024M", 1 << 30, None, None, 0),
        ("rw,pagesize=64K", 1 << 16, None, None, 0),
        (
            "rw,mode=700,pagesize=2M,size=8388608,min_size=4194304",
            2 << 20,
            8388608,
            4194304,
            2,
        ),
        ("rw,seclabel", None, None, None, 0),
        ("rw,pagesize=,size=50%,min_size=4194304", None, None, 4194304, 0),
        ("rw,pagesize=0M", None, None, None, 0),
    ],
)
def test_options_of_a_mount(
    options: str, page_size: int | None, most: int | None, least: int | None, min_pages: int
) -> None:
    text = f"31 24 0:29 /sub /dev/huge\\040pages rw - hugetlbfs none {options}\n"
    (mount,) = mounts(PLAIN + text, "proc/7/root")
    assert mount == HugetlbfsMount(
        (0, 29), page_size, "/sub", "/dev/huge pages", "proc/7/root", most, least
    )
    assert mount.min_pages == min_pages


def made_mount(place: Path, root: Path) -> HugetlbfsMount:
    """A directory that stands for a mount: any file system has what a walk asks for."""
    (root / "proc/1").mkdir(parents=True)
    (root / "proc/1/root").symlink_to("/")
    return HugetlbfsMount(device_of(place.stat()), 4096, "/", str(place), "proc/1/root", None, None)


def test_a_walk_finds_every_file_once_and_stays_inside(tmp_path: Path) -> None:
    place, outside = tmp_path / "huge", tmp_path / "outside"
    (place / "a/b").mkdir(parents=True)
    outside.mkdir()
    (outside / "not this").write_bytes(b"x")
    (place / "one").write_bytes(bytes(8192))
    (place / "a/b/two").write_bytes(b"x")
    (place / "a/link").symlink_to(outside)
    (place / "a/file link").symlink_to(place / "one")
    os.mkfifo(place / "fifo")
    mount = made_mount(place, tmp_path / "root")
    walked = walk(Root(str(tmp_path / "root"), live=True), mount)
    assert walked is not None
    assert not walked.cut
    assert [file.path for file in walked.files] == [f"{place}/a/b/two", f"{place}/one"]
    one = walked.files[1]
    assert (one.size_bytes, one.links, one.inode) == (8192, 1, (place / "one").stat().st_ino)
    assert one.pages == (place / "one").stat().st_blocks * 512 // one.page_size


def test_a_walk_is_bounded(tmp_path: Path) -> None:
    place = tmp_path / "huge"
    for directory in ("a", "b"):
        (place / directory).mkdir(parents=True)
        for number in range(10):
            (place / directory / f"{number}").touch()
    mount = made_mount(place, tmp_path / "root")
    root = Root(str(tmp_path / "root"), live=True)
    for limit in (1, 2, 3, 11, 12, 21):
        walked = walk(root, mount, limit)
        assert walked is not None
        assert walked.cut, limit
        assert len(walked.files) <= limit
    whole = walk(root, mount, 22)
    assert whole is not None
    assert (len(whole.files), whole.cut) == (20, False)


def test_a_mount_out_of_reach(tmp_path: Path) -> None:
    place = tmp_path / "huge"
    place.mkdir()
    mount = made_mount(place, tmp_path / "root")
    root = Root(str(tmp_path / "root"), live=True)
    assert walk(root, replace(mount, point=f"{place}/gone")) is None
    assert walk(root, replace(mount, through="proc/2/root")) is None
    assert walk(Root(root.path, live=False), mount) is None
    hidden = replace(mount, device=(0, 1 << 19))
    assert walk(root, hidden) is None


def test_a_file_that_is_mounted_itself(tmp_path: Path) -> None:
    file = tmp_path / "ram.img"
    file.write_bytes(bytes(4096))
    mount = made_mount(file, tmp_path / "root")
    walked = walk(Root(str(tmp_path / "root"), live=True), mount)
    assert walked is not None
    assert [one.path for one in walked.files] == [str(file)]


def test_a_name_that_is_no_utf_8(tmp_path: Path) -> None:
    place = tmp_path / "huge"
    place.mkdir()
    (place / os.fsdecode(b"a\xff")).touch()
    walked = walk(Root(str(tmp_path / "root"), live=True), made_mount(place, tmp_path / "root"))
    assert walked is not None
    assert walked.files[0].path == f"{place}/a\ufffd"
