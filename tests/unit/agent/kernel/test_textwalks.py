"""Hugetlb mappings by the devices of their files, part by part."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hugescope_agent.kernel import textwalks
from hugescope_agent.kernel.maps import VmaWalk
from hugescope_agent.kernel.root import Root
from hugescope_agent.kernel.textwalks import TextQuery

MIB2 = 2 << 20
GIB = 1 << 30
PID = 41
OWN, MOUNTED, SMALL = "00:0f", "00:2a", "00:01"
HUGETLBFS = "30 25 0:42 / /huge rw - hugetlbfs hugetlbfs rw,pagesize=1024M\n"
TMPFS = "31 25 0:42 / /huge rw - tmpfs tmpfs rw\n"


def line(start: int, size: int, device: str, name: str = "/x", inode: int = 7) -> str:
    return f"{start:x}-{start + size:x} rw-s 00000000 {device} {inode}      {name}\n"


MAPS = (
    line(0x1000, 4096, SMALL)
    + line(MIB2, 2 * MIB2, OWN, "/memfd:a b (deleted)")
    + f"{8 * MIB2:x}-{9 * MIB2:x} rw-p 00000000 00:00 0 \n"
    + line(GIB, GIB, MOUNTED)
    + line(8 * GIB, 4096, "103:02", "/lib/x 00:0f 7")
    + line(16 * GIB, MIB2, OWN, "/anon_hugepage (deleted)")
)
FOUND = [(MIB2, MIB2), (GIB, GIB), (16 * GIB, MIB2)]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A process with mappings of both kinds of hugetlbfs, and others."""
    known = "hugescope_agent.kernel.hugetlbfs.internal_by_size"
    monkeypatch.setattr(known, lambda _sizes: {MIB2: (0, 15)})
    process = tmp_path / "proc" / str(PID)
    process.mkdir(parents=True)
    (process / "maps").write_text(MAPS)
    (process / "mountinfo").write_text(HUGETLBFS)
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9 kB\nHugepagesize:       2048 kB\n")
    return tmp_path


@contextmanager
def walk(root: Path) -> Iterator[VmaWalk]:
    fd = os.open(root / f"proc/{PID}/maps", os.O_RDONLY)
    try:
        yield VmaWalk(fd, PID)
    finally:
        os.close(fd)


def query(root: Path) -> TextQuery:
    return TextQuery(Root.at(str(root)), [MIB2, GIB])


def found(root: Path, asked: TextQuery | None = None) -> list[tuple[int, int]]:
    with walk(root) as begun:
        vmas = (asked or query(root)).huge_vmas(begun.maps_fd, PID)
    return [(vma.start, vma.page_size) for vma in vmas]


def test_those_of_a_hugetlbfs_with_the_size_that_it_has(root: Path) -> None:
    assert found(root) == FOUND


def test_the_first_sysv_segment_of_a_host_has_the_inode_0(root: Path) -> None:
    (root / f"proc/{PID}/maps").write_text(line(MIB2, MIB2, OWN, "/SYSV00000000 (deleted)", 0))
    assert found(root) == [(MIB2, MIB2)]


@pytest.mark.parametrize("piece_bytes", [1, 7, 50, 1000])
def test_wherever_the_pieces_end(
    root: Path, piece_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(textwalks, "_READ_BYTES", piece_bytes)
    assert found(root) == FOUND


def test_a_part_reads_no_more_than_its_lines(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may have a million."""
    count, most, piece_bytes = 1000, 10, 64
    text = "".join(line(MIB2 * (1 + number), MIB2, OWN) for number in range(count))
    (root / f"proc/{PID}/maps").write_text(text)
    monkeypatch.setattr(textwalks, "_READ_BYTES", piece_bytes)
    asked, parts = query(root), 0
    with walk(root) as begun:
        while not asked.go_on(begun, most):
            parts += 1
            read = os.lseek(begun.maps_fd, 0, os.SEEK_CUR)
            assert text[:read].count("\n") <= parts * (most + 1)
            assert len(begun.text) < piece_bytes + len(line(0, 1 << 40, OWN))
        assert len(begun.found) == count
    assert parts >= count // (most + 1)


def test_a_device_number_that_is_given_again(root: Path) -> None:
    """Its mount is gone, and something else has the number, of which small pages are mapped."""
    asked = query(root)
    assert found(root, asked) == FOUND
    (root / f"proc/{PID}/mountinfo").write_text(TMPFS)
    assert found(root, asked) == [FOUND[0], FOUND[2]]


def test_a_mount_that_nobody_shows_any_more_keeps_its_mappings(root: Path) -> None:
    asked = query(root)
    found(root, asked)
    (root / f"proc/{PID}/mountinfo").write_text("")
    assert found(root, asked) == FOUND


def test_what_is_no_multiple_of_the_page_is_none_of_it(root: Path) -> None:
    (root / f"proc/{PID}/maps").write_text(line(GIB + MIB2, GIB, MOUNTED))
    assert found(root) == []


def test_a_mount_that_does_not_say_its_size_has_the_default(root: Path) -> None:
    bare = HUGETLBFS.replace(",pagesize=1024M", "")
    (root / f"proc/{PID}/mountinfo").write_text(bare)
    assert found(root)[1] == (GIB, MIB2)


def test_other_devices_are_asked_about_now_and_then_only(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / f"proc/{PID}/maps").write_text(line(0x1000, 4096, SMALL))
    asked, reads = query(root), []
    real = Root.read_text

    def counted(self: Root, name: str) -> str | None:
        reads.append(name)
        return real(self, name)

    monkeypatch.setattr(Root, "read_text", counted)
    for _ in range(50):
        assert found(root, asked) == []
    assert len(reads) == 1
