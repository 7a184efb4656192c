"""SysV segments: the list, and what rss says of huge pages."""

from dataclasses import replace
from pathlib import Path

import pytest

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.root import Root
from hugescope_agent.kernel.sysvipc import (
    Segment,
    SegmentClues,
    huge_segments,
    parse,
    read,
    rss_is_scaled,
)

MIB = 1 << 20
GIB = 1 << 30
SIZES = [2 * MIB, GIB]
HEAD = (
    "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid"
    "      atime      dtime      ctime                   rss                  swap\n"
)
# As Linux 6.18 printed it: 4 pages of 2 MiB, three of them touched, attached once.
TOUCHED = (
    "         0         53   600               8388508 12027 12028      1     7     0     0     0"
    " 1795400888          0 1795400777            3221225472                     0\n"
)
NEW, OLD = "6.18.44", "6.6.1-2-amd64"


def segment(size: int, rss: int, attached: int = 0, shmid: int = 3) -> Segment:
    return Segment(0, shmid, size, 10, 11, attached, 0, False, 1000, rss)


def found(
    one: Segment,
    kernel: str | None = NEW,
    unaccounted: dict[int, int] | None = None,
    known: dict[int, int] | None = None,
    remembered: dict[tuple[int, int], int] | None = None,
    all_seen: bool = True,
    shmem: int | None = None,
) -> list[tuple[int, int, bool]]:
    clues = SegmentClues(known or {}, remembered or {}, all_seen, unaccounted or {}, shmem, kernel)
    return [
        (huge.page_size, huge.pages, huge.inferred) for huge in huge_segments([one], SIZES, clues)
    ]


def test_a_line() -> None:
    assert parse(HEAD + TOUCHED, "shm") == [
        Segment(0, 53, 8388508, 12027, 12028, 1, 7, False, 1795400777, 3221225472)
    ]
    assert parse(HEAD, "shm") == []
    (one,) = parse(HEAD + TOUCHED.replace("   600", "  1600").replace("   0  ", "  -5  ", 1), "shm")
    assert one.removed
    assert one.identity == (53, 1795400777)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "shm:1: no column key"),
        (HEAD.replace("nattch", "natch"), "shm:1: no column nattch"),
        (HEAD + TOUCHED[:40] + "\n", "shm:2"),
        (HEAD + TOUCHED.replace("600", "689"), "shm:2"),
        (HEAD + TOUCHED.replace("8388508", "-388508"), "shm:2"),
        (HEAD + TOUCHED + TOUCHED.replace("12027", "x2027"), "shm:3"),
    ],
)
def test_what_the_kernel_does_not_print(text: str, what: str) -> None:
    with pytest.raises(BadCapture, match=what):
        parse(text, "shm")


def test_a_missing_file_is_no_list(tmp_path: Path) -> None:
    assert read(Root(str(tmp_path), live=False)) is None
    (tmp_path / "proc/sysvipc").mkdir(parents=True)
    (tmp_path / "proc/sysvipc/shm").write_text(HEAD + TOUCHED)
    segments = read(Root(str(tmp_path), live=False))
    assert segments is not None
    assert [one.shmid for one in segments] == [53]


@pytest.mark.parametrize("kernel", [NEW, OLD, None])
def test_more_rss_than_size_proves_it(kernel: str | None) -> None:
    """3 pages count 3 GiB; no way to read that fits 12 MiB but one."""
    assert found(segment(12 * MIB, 3 * GIB), kernel) == [(2 * MIB, 3, False)]
    assert found(segment(12 * MIB - 100, 6 * GIB), kernel) == [(2 * MIB, 6, False)]
    assert found(segment(GIB, 1 << 48), kernel) == [(GIB, 1, False)]
    assert found(segment(512 * GIB, 3 << 48), kernel) == [(GIB, 3, False)]


def test_one_page_of_2_mib_may_be_one_of_1_gib_on_an_older_kernel() -> None:
    one = segment(8 * MIB, GIB)
    assert found(one, NEW) == [(2 * MIB, 1, True)]
    assert found(one, OLD) == [(GIB, 1, True)]
    assert found(one, NEW, {2 * MIB: 5}) == [(2 * MIB, 1, False)]
    assert found(one, OLD, {GIB: 1, 2 * MIB: 0}) == [(GIB, 1, False)]


def test_base_pages_are_not_taken_for_huge_ones() -> None:
    for rss in (0, 4096, 100 * MIB + 4096):
        assert found(segment(GIB, rss), NEW, {2 * MIB: 900, GIB: 9}) == []
        assert found(segment(GIB, rss), OLD, {2 * MIB: 900, GIB: 9}) == []
    # The last page of shmem may be a transparent huge one.
    assert found(segment(MIB, 2 * MIB), NEW, {2 * MIB: 9}) == []


def test_where_rss_fits_both_it_is_a_guess_and_takes_only_what_nobody_explains() -> None:
    one = segment(8 * GIB, 2 * GIB)
    assert found(one, NEW) == []
    assert found(one, NEW, {2 * MIB: 1}) == []
    assert found(one, NEW, {2 * MIB: 2}) == [(2 * MIB, 2, True)]
    assert found(one, OLD, {2 * MIB: 1024}) == [(2 * MIB, 1024, True)]
    assert found(one, OLD, {GIB: 2}) == [(GIB, 2, True)]
    assert found(one, None, {2 * MIB: 2000}) == []


def test_a_page_is_given_to_one_guess_only() -> None:
    both = [segment(8 * GIB, 2 * GIB), replace(segment(8 * GIB, 2 * GIB), shmid=4)]
    clues = SegmentClues(all_seen=True, unaccounted={2 * MIB: 3}, kernel=NEW)
    assert [one.segment.shmid for one in huge_segments(both, SIZES, clues)] == [3]


def test_more_rss_than_all_shmem_proves_it() -> None:
    one = segment(8 * GIB, 2 * GIB)
    assert found(one, NEW, {2 * MIB: 2}, shmem=100 * MIB) == [(2 * MIB, 2, False)]
    assert found(one, NEW, {2 * MIB: 2}, shmem=2 * GIB) == [(2 * MIB, 2, True)]
    # Two readings fit, and what is in use rules neither out.
    assert found(one, OLD, {2 * MIB: 5000}, shmem=100 * MIB) == [(2 * MIB, 1024, True)]


def test_an_attached_one_is_known_by_a_mapping_of_it() -> None:
    attached = segment(12 * MIB, 3 * GIB, attached=1)
    assert found(attached, known={3: 2 * MIB}) == [(2 * MIB, 3, False)]
    assert found(segment(12 * MIB, 0, attached=1), known={3: 2 * MIB}) == [(2 * MIB, 0, False)]
    # Every mapping was seen, and none shows it: base pages.
    assert found(segment(8 * GIB, 2 * GIB, attached=1), unaccounted={2 * MIB: 9}) == []
    assert found(
        segment(8 * GIB, 2 * GIB, attached=1), unaccounted={2 * MIB: 9}, all_seen=False
    ) == [(2 * MIB, 2, True)]


def test_a_known_one_whose_rss_can_be_read_in_two_ways() -> None:
    one = segment(8 * GIB, 2 * GIB, attached=2)
    assert found(one, NEW, known={3: 2 * MIB}) == [(2 * MIB, 2, True)]
    assert found(one, OLD, known={3: 2 * MIB}) == [(2 * MIB, 1024, True)]
    odd = segment(8 * GIB, 6 * MIB, attached=2)
    assert found(odd, NEW, known={3: 2 * MIB}) == [(2 * MIB, 3, False)]


def test_a_number_of_another_ipc_namespace() -> None:
    """Shmids are counted by each namespace; a mapping of 3 need not be of the 3 in the list."""
    assert found(segment(MIB, 4096, attached=1), known={3: 2 * MIB}) == []
    assert found(segment(8 * GIB, 2 * GIB), known={3: 2 * MIB}) == []


def test_a_detached_one_is_remembered_by_number_and_time() -> None:
    one = segment(8 * MIB, 0)
    assert found(one, remembered={one.identity: 2 * MIB}) == [(2 * MIB, 0, False)]
    assert found(one, remembered={(3, 999): 2 * MIB}) == []


def test_whether_rss_is_scaled() -> None:
    proof = segment(12 * MIB, 3 * GIB)
    assert rss_is_scaled([proof], SIZES, OLD) is True
    assert rss_is_scaled([segment(8 * MIB, GIB)], SIZES, OLD) is False
    for kernel, scaled in (("6.7.0", True), ("6.6.99", False), ("10.0", True), ("x", None)):
        assert rss_is_scaled([], SIZES, kernel) is scaled
    assert rss_is_scaled([], SIZES, None) is None
