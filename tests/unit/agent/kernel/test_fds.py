"""Descriptors, in a directory that stands for a live root: a plain file plays the hugetlb file."""

import os
from pathlib import Path

import pytest

from hugescope_agent.errors import ProcessDenied
from hugescope_agent.kernel.fds import (
    MachineFds,
    machine_fds,
    mapped_file_use,
    mapped_files,
    parse_uffd_fdinfo,
    scan_fds,
)
from hugescope_agent.kernel.hugetlbfs import HugetlbfsMount, device_of
from hugescope_agent.kernel.namespaces import MountView
from hugescope_agent.kernel.root import Root
from hugescope_agent.kernel.vma import HugeVma

FDINFO = "pos:\t0\nflags:\t02004000\nmnt_id:\t17\npending:\t3\ntotal:\t12\nAPI:\taa:0:1ff\n"


def process(root: Path, pid: int, links: dict[int, str], fdinfo: dict[int, str]) -> None:
    place = root / f"proc/{pid}"
    (place / "fd").mkdir(parents=True)
    (place / "fdinfo").mkdir()
    (place / "comm").write_text(f"p{pid}\n")
    for fd, link in links.items():
        (place / f"fd/{fd}").symlink_to(link)
    for fd, text in fdinfo.items():
        (place / f"fdinfo/{fd}").write_text(text)


def file(tmp_path: Path, name: str = "ram") -> tuple[str, tuple[int, int]]:
    path = tmp_path / name
    path.write_bytes(bytes(8192))
    return str(path), device_of(path.stat())


def live(tmp_path: Path) -> Root:
    return Root(str(tmp_path), live=True)


def test_the_device_decides_whatever_the_name(tmp_path: Path) -> None:
    path, device = file(tmp_path)
    links = {0: "/dev/null", 1: "pipe:[77]", 3: path, 4: "socket:[8]", 5: path, 6: str(tmp_path)}
    process(tmp_path, 5, links, {})
    found = scan_fds(live(tmp_path), [5], frozenset({device}), MountView())
    assert [(one.pid, one.fd, one.file.path) for one in found.huge] == [(5, 3, path), (5, 5, path)]
    one = found.huge[0].file
    status = Path(path).stat()
    assert (one.inode, one.device, one.size_bytes, one.links) == (status.st_ino, device, 8192, 1)
    assert one.pages == status.st_blocks * 512 // status.st_blksize
    assert found.names == {5: "p5"}
    assert (found.denied, found.unreadable, found.pinning) == ([], [], [])


def test_another_device_is_no_huge_file(tmp_path: Path) -> None:
    path, _ = file(tmp_path)
    process(tmp_path, 5, {3: path}, {})
    assert scan_fds(live(tmp_path), [5], frozenset({(0, 99)}), MountView()).huge == []


def test_a_file_that_is_none_is_looked_up_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = file(tmp_path)
    links = dict.fromkeys(range(50), path) | {60: "pipe:[1]", 61: "anon_inode:[eventpoll]"}
    process(tmp_path, 5, links, {})
    process(tmp_path, 6, links, {})
    looked = []
    stat = os.stat

    def counting(name: str, *, dir_fd: int) -> os.stat_result:
        looked.append(name)
        return stat(name, dir_fd=dir_fd)

    monkeypatch.setattr("hugescope_agent.kernel.fds.os.stat", counting)
    scan_fds(live(tmp_path), [5, 6], frozenset({(0, 99)}), MountView())
    assert len(looked) == 1


def test_a_file_of_a_network_is_left_alone(tmp_path: Path) -> None:
    """Unless a hugetlbfs is mounted below it."""
    (tmp_path / "net/huge").mkdir(parents=True)
    remote, device = file(tmp_path, "net/x")
    huge, _ = file(tmp_path, "net/huge/y")
    process(tmp_path, 5, {3: remote, 4: huge}, {})
    mount = HugetlbfsMount(device, 4096, "/", f"{tmp_path}/net/huge", "proc/1/root", None, None)
    view = MountView((mount,), (f"{tmp_path}/net/",))
    found = scan_fds(live(tmp_path), [5], frozenset({device}), view)
    assert [one.file.path for one in found.huge] == [huge]


def test_userfaultfds(tmp_path: Path) -> None:
    link = "anon_inode:[userfaultfd]"
    process(tmp_path, 5, {7: link, 8: link}, {7: FDINFO})
    found = scan_fds(live(tmp_path), [5], frozenset(), MountView())
    assert sorted((one.fd, one.pending, one.total) for one in found.uffd if one.fd == 7) == [
        (7, 3, 12)
    ]
    assert [(one.pid, one.comm, one.pending) for one in found.uffd if one.fd == 8] == [
        (5, "p5", None)
    ]


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        (FDINFO, (3, 12)),
        ("pending:\t0\ntotal:\t0\n", (0, 0)),
        ("total: 4\n", (None, 4)),
        ("pending:\t-1\nxtotal:\t4\n", (None, None)),
        ("", (None, None)),
    ],
)
def test_fdinfo_of_a_userfaultfd(text: str, counts: tuple[int | None, int | None]) -> None:
    assert parse_uffd_fdinfo(text) == counts


@pytest.mark.parametrize(
    "link", ["anon_inode:[kvm-gmem]", "/[kvm-gmem] (deleted)", "anon_inode:[guest-memfd]"]
)
def test_guest_memory(tmp_path: Path, link: str) -> None:
    """The link leads nowhere here, so size and allocation are unknown."""
    process(tmp_path, 5, {7: link, 8: "/x/[kvm-gmem]"}, {})
    found = scan_fds(live(tmp_path), [5], frozenset(), MountView())
    assert [(one.fd, one.size_bytes, one.allocated_bytes) for one in found.guest] == [
        (7, None, None)
    ]


def test_who_can_pin_pages(tmp_path: Path) -> None:
    process(tmp_path, 5, {7: "/dev/vfio/12"}, {})
    process(tmp_path, 6, {7: "anon_inode:[io_uring]", 8: "anon_inode:[io_uring]"}, {})
    process(tmp_path, 7, {7: "anon_inode:[eventfd]"}, {})
    found = scan_fds(live(tmp_path), [5, 6, 7], frozenset(), MountView())
    assert found.pinning == [5, 6]


def test_a_captured_tree_holds_links_and_no_files(tmp_path: Path) -> None:
    path, device = file(tmp_path)
    links = {3: path, 7: "anon_inode:[userfaultfd]", 8: "anon_inode:[kvm-gmem]"}
    process(tmp_path, 5, links, {7: FDINFO})
    found = scan_fds(Root(str(tmp_path), live=False), [5, 6], frozenset({device}), MountView())
    assert found.huge == []
    assert [one.total for one in found.uffd] == [12]
    assert [one.size_bytes for one in found.guest] == [None]
    assert (found.denied, found.unreadable) == ([], [])


def test_a_process_that_left_is_nobodys_loss_and_one_denied_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, device = file(tmp_path)
    process(tmp_path, 5, {3: path}, {})
    process(tmp_path, 6, {3: path}, {})
    real = os.readlink
    inode = (tmp_path / "proc/6/fd").stat().st_ino

    def readlink(name: str, *, dir_fd: int) -> str:
        if os.fstat(dir_fd).st_ino == inode:
            raise PermissionError(13, "Permission denied")
        return real(name, dir_fd=dir_fd)

    monkeypatch.setattr("hugescope_agent.kernel.fds.os.readlink", readlink)
    found = scan_fds(live(tmp_path), [4, 5, 6], frozenset({device}), MountView())
    assert [one.pid for one in found.huge] == [5]
    assert found.denied == [6]


def test_a_kernel_thread_has_no_descriptors_to_miss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = {6: 0x208040, 7: 0x400100}
    for pid, flags in numbers.items():
        process(tmp_path, pid, {3: "pipe:[1]"}, {})
        (tmp_path / f"proc/{pid}/stat").write_text(f"{pid} (a) b) S 2 0 0 0 -1 {flags} 0 0\n")

    def readlink(_name: str, *, dir_fd: int) -> str:
        raise PermissionError(13, f"Permission denied: {dir_fd}")

    monkeypatch.setattr("hugescope_agent.kernel.fds.os.readlink", readlink)
    found = scan_fds(live(tmp_path), [*numbers], frozenset(), MountView())
    assert found.denied == [7]


def vma(start: int, key: tuple[tuple[int, int], int], path: str, shared: bool = True) -> HugeVma:
    return HugeVma(start, start + (2 << 20), 2 << 20, shared, 0, key[0], key[1], path)


def test_files_by_their_mappings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, device = file(tmp_path)
    inode = Path(path).stat().st_ino
    (tmp_path / "proc/5/map_files").mkdir(parents=True)
    (tmp_path / "proc/5/map_files/200000-400000").symlink_to(path)
    root = live(tmp_path)
    key = (device, inode)
    one = vma(0x200000, key, "/anon_hugepage (deleted)")
    gone = vma(0x600000, (device, 1), "/memfd:x (deleted)")
    replaced = vma(0x200000, (device, 2), "/memfd:y (deleted)")
    private = vma(0x800000, (device, 3), "/anon_hugepage (deleted)", shared=False)
    found = mapped_files(root, [(5, gone), (5, one), (6, one), (5, replaced), (5, private)])
    assert list(found.files) == [key]
    assert found.files[key].inode == inode
    assert found.unread == {(device, 1): "gone", (device, 2): "gone"}
    assert mapped_files(root, [(5, one)], known=[key]).files == {}
    assert mapped_file_use(Root(str(tmp_path), live=False), 5, one.start, one.end) is None

    def denied(_name: str) -> str:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("hugescope_agent.kernel.fds.os.readlink", denied)
    with pytest.raises(ProcessDenied):
        mapped_file_use(root, 5, one.start, one.end)
    assert mapped_files(root, [(5, one)]).unread == {key: "denied"}


def test_descriptors_of_a_machine(tmp_path: Path) -> None:
    uffd, kvm = "anon_inode:[userfaultfd]", "anon_inode:kvm-vm"
    process(tmp_path, 5, {0: "/dev/null", 7: uffd, 9: "socket:[8]", 12: uffd}, {})
    process(tmp_path, 6, {3: kvm, 4: "anon_inode:kvm-vcpu:0"}, {})
    assert machine_fds(live(tmp_path), 5) == MachineFds(frozenset({7, 12}), kvm=False)
    assert machine_fds(live(tmp_path), 6) == MachineFds(frozenset(), kvm=True)
    assert machine_fds(live(tmp_path), 7) is None
