"""pagemap entries of a file, and scan ranges as categories of cells."""

import ctypes
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.errors import BadCapture, ProcessError, ProcessGone, ProcessUnreadable
from hugescope_agent.kernel.pagemap import (
    Pagemap,
    Scanner,
    cell_categories,
    pagemap_scan_works,
    read_words,
)
from hugescope_agent.kernel.root import Root
from tests.unit.agent.tree_builder import (
    HOLE,
    MARKER,
    MIB2,
    PRESENT,
    UFFD_WP,
    MadeMapping,
    MadeProcess,
    MadeTree,
    build,
    frame,
    mapped,
)
from tests.unit.wire.made_wire import many

START = 0x7E0000000000
MAPPING = MadeMapping(START, (mapped(3), HOLE, MARKER, mapped(5)))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """One process with one mapping."""
    return build(tmp_path / "tree", MadeTree({41: MadeProcess((MAPPING,))}))


def test_words_at_and_in_agree(tree: Path) -> None:
    pagemap = Pagemap(Root.at(str(tree)), 41)
    heads = pagemap.words_at(START + np.arange(4) * MIB2)
    assert heads.tolist() == [PRESENT | frame(3), 0, UFFD_WP, PRESENT | frame(5)]
    every = pagemap.words_in(START, START + 4 * MIB2)
    assert len(every) == 2048
    assert every[::512].tolist() == heads.tolist()
    assert int(every[511]) == PRESENT | frame(3) + 511
    assert pagemap.words_in(START, START).tolist() == []
    assert pagemap.words_at(np.empty(0, np.int64)).tolist() == []
    pagemap.close()


def test_a_range_longer_than_one_read(tmp_path: Path) -> None:
    """A 1 GiB page and a bit: read in more than one piece."""
    pages = (1 << 18) + 3
    build(tmp_path, MadeTree({41: MadeProcess(())}))
    words = np.arange(pages, dtype=np.uint64)
    (tmp_path / "proc/41/pagemap").write_bytes(words.tobytes())
    pagemap = Pagemap(Root.at(str(tmp_path)), 41)
    assert np.array_equal(pagemap.words_in(0, pages * 4096), words)
    pagemap.close()


@pytest.mark.parametrize("cut", [0, 1, 7, 8 * 512, 8 * 1536 + 5, 8 * 2047])
def test_a_cut_file_names_itself_and_the_address(tree: Path, cut: int) -> None:
    with open(tree / "proc/41/pagemap", "r+b") as file:
        file.truncate(START // 4096 * 8 + cut)
    pagemap = Pagemap(Root.at(str(tree)), 41)
    address = f"{START + cut // 8 * 4096:#x}"
    with pytest.raises(BadCapture, match=f"proc/41/pagemap.*{address}"):
        pagemap.words_in(START, START + 4 * MIB2)
    if cut <= 8 * 1536:
        with pytest.raises(BadCapture, match="proc/41/pagemap"):
            pagemap.words_at(START + np.arange(4) * MIB2)
    pagemap.close()


def test_a_short_file_of_a_live_process_means_that_it_left(tree: Path) -> None:
    with open(tree / "proc/41/pagemap", "r+b") as file:
        file.truncate(0)
    pagemap = Pagemap(Root(str(tree), live=True), 41)
    with pytest.raises(ProcessGone):
        pagemap.words_at(np.array([START]))
    pagemap.close()


def test_a_missing_file_or_a_directory_is_a_process_error(tree: Path) -> None:
    with pytest.raises(ProcessUnreadable, match="proc/42/pagemap"):
        Pagemap(Root.at(str(tree)), 42)
    (tree / "proc/42/pagemap").mkdir(parents=True)
    pagemap = Pagemap(Root.at(str(tree)), 42)
    for read in (lambda: pagemap.words_at(np.array([START])), lambda: pagemap.words_in(0, 4096)):
        with pytest.raises(ProcessError, match="proc/42/pagemap"):
            read()
    pagemap.close()


def test_a_plain_file_knows_no_scan(tree: Path) -> None:
    root = Root.at(str(tree))
    with open(root.open("proc/41/pagemap"), "rb") as file:
        assert not pagemap_scan_works(file.fileno())
    pagemap = Pagemap(root, 41)
    with pytest.raises(ProcessError, match="proc/41/pagemap"):
        pagemap.scan(Scanner(), START, START + MIB2)
    pagemap.close()


def test_read_words_is_short_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_bytes(struct.pack("<3Q", 1, 2, 3))
    with open(path, "rb") as file:
        assert read_words(file.fileno(), [16, 0]) == struct.pack("<2Q", 3, 1)
        assert len(read_words(file.fileno(), [0, 24])) == 8
        assert read_words(file.fileno(), []) == b""


@st.composite
def scans(draw: st.DrawFn) -> tuple[int, int, list[int], list[tuple[int, int, int]]]:
    """Page size, cell count, the category of each cell, and ranges that say so, cut anyhow."""
    page_size = draw(st.sampled_from((64 << 10, MIB2, 1 << 30)))
    cells = draw(st.lists(st.sampled_from((0, 0x4E, 0x4A, 0x52, 0x50, 0x4C)), max_size=12))
    ranges: list[tuple[int, int, int]] = []
    for at, category in enumerate(cells):
        if not category:
            continue
        first, last = START + at * page_size, START + (at + 1) * page_size
        if ranges and ranges[-1][1:] == (first, category) and draw(st.booleans()):
            ranges[-1] = (ranges[-1][0], last, category)
        else:
            ranges.append((first, last, category))
    return page_size, len(cells), cells, ranges


@given(scans())
@many
def test_categories_from_ranges_merged_or_not(
    scan: tuple[int, int, list[int], list[tuple[int, int, int]]],
) -> None:
    page_size, count, cells, ranges = scan
    raw = b"".join(struct.pack("<3Q", *one) for one in ranges)
    assert cell_categories(raw, START, page_size, count).tolist() == cells


def test_a_range_over_part_of_a_cell_is_of_that_cell() -> None:
    """Small pages that took the mapping's place between two looks."""
    ranges = [(START + 4096, START + 8192, 0x0A), (START + MIB2 - 4096, START + 2 * MIB2, 0x4E)]
    raw = b"".join(struct.pack("<3Q", *one) for one in ranges)
    assert cell_categories(raw, START, MIB2, 3).tolist() == [0x4E, 0x4E, 0]


@pytest.mark.parametrize("count", [7, 8, 9, 40])
def test_few_ranges_and_many_are_read_alike(count: int) -> None:
    ranges = [(START + 2 * n * MIB2, START + (2 * n + 1) * MIB2, n + 1) for n in range(count)]
    raw = b"".join(struct.pack("<3Q", *one) for one in ranges)
    expected = [kind for n in range(count) for kind in (n + 1, 0)]
    assert cell_categories(raw, START, MIB2, 2 * count).tolist() == expected


def test_no_range_at_all() -> None:
    assert cell_categories(b"", START, MIB2, 2).tolist() == [0, 0]


class FakeKernel:
    """Answers PAGEMAP_SCAN as the kernel does, with small vectors: fills, and stops when full."""

    def __init__(self, ranges: list[tuple[int, int, int]]) -> None:
        self.ranges = ranges
        self.asked: list[tuple[int, int]] = []

    def ioctl(self, _fd: int, _request: int, arg: bytearray) -> int:
        words = struct.unpack("<12Q", arg)
        start, end, vec, vec_len = words[2], words[3], words[5], words[6]
        self.asked.append((start, end))
        found = [
            (max(first, start), last, kind) for first, last, kind in self.ranges if last > start
        ][:vec_len]
        raw = b"".join(struct.pack("<3Q", *one) for one in found)
        ctypes.memmove(vec, raw, len(raw))
        return len(found)


@pytest.mark.parametrize("count", [0, 1, 511, 512, 2047, 2048, 2049, 4096, 5000])
def test_a_scan_goes_on_while_the_vector_came_back_full(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`walk_end` is not trusted: the kernel leaves it stale."""
    ranges = [(START + 2 * at * MIB2, START + (2 * at + 1) * MIB2, 0x4E) for at in range(count)]
    kernel = FakeKernel(ranges)
    monkeypatch.setattr("hugescope_agent.kernel.pagemap.fcntl.ioctl", kernel.ioctl)
    end = START + 2 * count * MIB2
    raw = Scanner().scan(3, START, end)
    assert raw == b"".join(struct.pack("<3Q", *one) for one in ranges)
    assert len(kernel.asked) == (0 if count == 0 else count // 2048 + 1)
    assert Scanner().scan(3, START, end) == raw


def test_a_full_vector_that_ends_with_the_mapping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left to ask for."""
    ranges = [(START + at * 4096, START + (at + 1) * 4096, 8 + at % 2) for at in range(2048)]
    kernel = FakeKernel(ranges)
    monkeypatch.setattr("hugescope_agent.kernel.pagemap.fcntl.ioctl", kernel.ioctl)
    assert len(Scanner().scan(3, START, START + 2048 * 4096)) == 2048 * 24
    assert len(kernel.asked) == 1
