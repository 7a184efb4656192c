"""Which mappings look as if huge pages were wanted, and what a capture shows of them."""

from pathlib import Path

import numpy as np
import pytest

from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.maps import MapsLine
from hugescope_agent.kernel.root import Root
from hugescope_agent.not_huge import LOOK_EVERY_S, NotHugeFinder, is_candidate

MIB2 = 2 << 20
START = 0x40000000


def line(
    start: int = START,
    size: int = 4 * MIB2,
    path: str = "",
    inode: int = 0,
    shared: bool = False,
    protection: str = "rw-",
) -> MapsLine:
    return MapsLine(start, start + size, shared, 0, (0, 0), inode, path, protection)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (line(), True),
        (line(path="[anon:heap of mine]"), True),
        (line(path="/dev/zero (deleted)", inode=9, shared=True), True),
        (line(path="[anon_shmem:x]", inode=9, shared=True), True),
        (line(size=3 * MIB2), False),
        (line(size=4 * MIB2 + 4096), False),
        (line(START + 4096), False),
        (line(protection="---"), False),
        (line(path="[heap]"), False),
        (line(path="[stack]"), False),
        (line(path="/memfd:x (deleted)", inode=9, shared=True), False),
        (line(path="/usr/lib/x.so", inode=9), False),
    ],
)
def test_candidates(made: MapsLine, expected: bool) -> None:
    assert is_candidate(made) is expected


def capture(directory: Path, flags: str, present: int, anon_huge_kib: int = 0) -> HostFiles:
    """A tree of one process with `present` scattered pages in a mapping of 8 MiB."""
    process = directory / "proc/41"
    process.mkdir(parents=True)
    (directory / "proc/version").write_text("Linux version 6.1.0\n")
    head = f"{START:08x}-{START + 4 * MIB2:08x} rw-p 00000000 00:00 0 \n"
    (process / "maps").write_text(head)
    (process / "smaps").write_text(
        f"{head}Rss: {present * 4} kB\nAnonHugePages: {anon_huge_kib} kB\nVmFlags: {flags}\n"
    )
    (process / "comm").write_text("prog\n")
    words = np.zeros(4 * 512, np.uint64)
    words[:present] = (np.uint64(1) << np.uint64(63)) | np.arange(
        1, 2 * present, 2, dtype=np.uint64
    )
    with (process / "pagemap").open("wb") as file:
        file.seek(START // 4096 * 8)
        file.write(words.tobytes())
    for name in ("kpageflags", "kpagecount"):
        (directory / "proc" / name).write_bytes(bytes(8 * 8192))
    return HostFiles(Root.at(str(directory)))


@pytest.mark.parametrize(
    ("flags", "present", "huge", "asked"),
    [
        ("rd wr hg", 600, 0, [True]),
        ("rd wr", 512, 0, [False]),
        ("rd wr", 511, 0, []),
        ("rd wr nh", 600, 0, []),
        ("rd wr hg", 600, 2048, []),
    ],
)
def test_a_capture(tmp_path: Path, flags: str, present: int, huge: int, asked: list[bool]) -> None:
    files = capture(tmp_path / "tree", flags, present, huge)
    found = NotHugeFinder(files).look([41], 0.0)
    files.close()
    assert [mapping.asked for mapping in found] == asked
    for mapping in found:
        assert (mapping.pid, mapping.comm, mapping.start) == (41, "prog", START)
        assert mapping.present_bytes == present * 4096
        assert mapping.wanted is mapping.asked


@pytest.mark.parametrize(
    ("status", "count"),
    [("THP_enabled:\t0\n", 0), ("THP_enabled:\t1\n", 1), ("xTHP_enabled:\t0\n", 1), ("", 1)],
)
def test_a_process_that_gave_up_huge_pages(tmp_path: Path, status: str, count: int) -> None:
    files = capture(tmp_path / "tree", "rd wr hg", 600)
    (tmp_path / "tree/proc/41/status").write_text(f"Name:\tprog\n{status}")
    assert len(NotHugeFinder(files).look([41], 0.0)) == count
    files.close()


def test_answers_are_kept_for_a_while_and_no_longer_than_asked_for(tmp_path: Path) -> None:
    files = capture(tmp_path / "tree", "rd wr", 600)
    finder = NotHugeFinder(files)
    assert len(finder.look([41], 0.0)) == 1
    (tmp_path / "tree/proc/41/maps").write_text("")
    assert len(finder.look([41], LOOK_EVERY_S / 2)) == 1
    assert finder.look([], LOOK_EVERY_S / 2) == []
    assert finder.look([41], LOOK_EVERY_S / 2) == []
    files.close()


def test_every_mapping_is_meant_to_have_them(tmp_path: Path) -> None:
    directory = tmp_path / "tree/sys/kernel/mm/transparent_hugepage"
    directory.mkdir(parents=True)
    (directory / "enabled").write_text("[always] madvise never\n")
    files = capture(tmp_path / "tree", "rd wr", 600)
    assert [(m.asked, m.wanted) for m in NotHugeFinder(files).look([41], 0.0)] == [(False, True)]
    files.close()


def test_a_process_that_is_not_there(tmp_path: Path) -> None:
    files = capture(tmp_path / "tree", "rd wr", 600)
    assert NotHugeFinder(files).look([42], 0.0) == []
    files.close()
