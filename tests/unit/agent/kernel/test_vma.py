"""What a path says of a hugetlb VMA's backing, and how paths are escaped."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.kernel.vma import HugeVma, unescape_path
from hugescope_wire.snapshot import Backing
from tests.unit.wire.made_wire import several


def vma(path: str) -> HugeVma:
    """Four pages of 2 MiB behind a path."""
    return HugeVma(0x7E0000000000, 0x7E0000800000, 2 << 20, True, 4 << 20, (0, 17), 42, path)


def test_cell_count() -> None:
    assert vma("/x").cell_count == 4


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("/anon_hugepage (deleted)", "anonymous", None),
        ("/memfd:ram (deleted)", "memfd", "ram"),
        ("/memfd: (deleted)", "memfd", ""),
        ("/memfd:a b (deleted) (deleted)", "memfd", "a b (deleted)"),
        ("/memfd:/dev/shm/x (deleted)", "memfd", "/dev/shm/x"),
        ("/memfd:a\nb (deleted)", "memfd", "a\nb"),
        ("/SYSV00000000 (deleted)", "sysv", "SYSV00000000"),
        ("/SYSV6c00dead (deleted)", "sysv", "SYSV6c00dead"),
        ("/dev/hugepages/pg 0", "hugetlbfs", "/dev/hugepages/pg 0"),
        ("/dev/hugepages/gone (deleted)", "hugetlbfs", "/dev/hugepages/gone"),
        ("/mnt/memfd:ram (deleted)", "hugetlbfs", "/mnt/memfd:ram"),
        ("/mnt/anon_hugepage (deleted)", "hugetlbfs", "/mnt/anon_hugepage"),
        ("/anon_hugepage", "hugetlbfs", "/anon_hugepage"),
        ("/SYSV0000000 (deleted)", "hugetlbfs", "/SYSV0000000"),
        ("", "hugetlbfs", None),
    ],
)
def test_backing(path: str, kind: str, name: str | None) -> None:
    expected = {"kind": kind, "name": name, "inode": 42, "offset": 4 << 20}
    assert vma(path).backing == Backing.model_validate(expected)


@pytest.mark.parametrize(
    ("printed", "path"),
    [
        (b"/plain", "/plain"),
        (b"/two\\012lines", "/two\nlines"),
        (b"/a b", "/a b"),
        (b"/\xff\xc3\xa9", "/\ufffdé"),
        # maps and smaps escape the newline only: any other backslash is the name's own.
        (b"/x\\101y", "/x\\101y"),
        (b"/x\\040y", "/x\\040y"),
        (b"/x\\777y", "/x\\777y"),
        (b"/x\\", "/x\\"),
        (b"/x\\1", "/x\\1"),
        (b"/x\\999", "/x\\999"),
    ],
)
def test_only_a_newline_is_escaped(printed: bytes, path: str) -> None:
    """fs/proc/task_mmu.c, show_map_vma: seq_path(m, &vma->vm_file->f_path, "\\n")."""
    assert unescape_path(printed) == path


@given(st.binary(max_size=30))
@several
def test_any_name_is_decoded(raw: bytes) -> None:
    unescape_path(raw)


def test_cells_of_a_thp_mapping_may_be_cut() -> None:
    cut = replace(vma(""), start=0x7E00001FF000, end=0x7E0000401000, kind="thp")
    assert (cut.first_va, cut.cell_count) == (0x7E0000000000, 3)


@pytest.mark.parametrize(
    ("path", "inode", "kind", "name"),
    [
        ("", None, "anonymous", None),
        ("[heap]", None, "anonymous", "[heap]"),
        ("/dev/zero (deleted)", 1024, "anonymous", None),
        ("[anon_shmem:ram]", 1024, "anonymous", "[anon_shmem:ram]"),
        ("/memfd:ram (deleted)", 1024, "memfd", "ram"),
        ("/SYSV00000000 (deleted)", 3, "sysv", "SYSV00000000"),
        ("/SYSV00000000 (deleted)", 0, "sysv", "SYSV00000000"),
        ("/usr/lib/libc.so.6", 77, "file", "/usr/lib/libc.so.6"),
        ("/dev/shm/x (deleted)", 77, "file", "/dev/shm/x"),
    ],
)
def test_backing_of_thp_mappings(path: str, inode: int | None, kind: str, name: str | None) -> None:
    mapping = replace(vma(path), inode=inode or 0, kind="thp")
    if inode is None:
        mapping = replace(mapping, device=(0, 0))
    assert mapping.has_file == (inode is not None)
    backing = mapping.backing
    assert (backing.kind, backing.name, backing.inode) == (kind, name, inode)
