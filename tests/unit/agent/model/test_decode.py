"""pagemap words to cells, against a plain loop over bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.model.decode import (
    Decoded,
    chunks_of,
    decode_entries,
    decode_heads,
    is_marker,
    is_present,
    is_suspect,
    joined,
    present_mask,
)
from hugescope_wire.cells import CellFlag, CellState
from tests.unit.wire.made_wire import many

GIB = 1 << 30
BITS = {"soft_dirty": 55, "exclusive": 56, "uffd_wp": 57, "guard": 58, "file": 61, "swap": 62}


@st.composite
def any_word(draw: st.DrawFn) -> int:
    """An entry with any bits; PFN often 0, as kernels hide it."""
    word = draw(st.sampled_from((0, 512, 1024 + 7, (1 << 55) - 1))) | draw(st.booleans()) << 63
    for bit in BITS.values():
        word |= draw(st.booleans()) << bit
    return word


def rows_of(decoded: Decoded) -> list[tuple[int, int, int, int]]:
    """Columns as rows."""
    columns = (decoded.state, decoded.mapped_pages, decoded.flags, decoded.head_pfn)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def plain_head(word: int, page_size: int) -> tuple[int, int, int, int]:
    """One cell from the first entry of its huge page."""
    present, protected = word >> 63 & 1, word >> 57 & 1
    flags = CellFlag.WRITE_PROTECTED * protected
    if not present:
        return (CellState.MARKER if protected else CellState.HOLE, 0, flags, 0)
    flags |= CellFlag.EXCLUSIVE * (word >> 56 & 1)
    return (CellState.MAPPED, page_size // 4096, flags, word & (1 << 55) - 1)


def plain_entries(words: list[int]) -> tuple[int, int, int, int]:
    """One cell from all entries of its huge page."""
    held = [(at, word) for at, word in enumerate(words) if word >> 63]
    flags = CellFlag.WRITE_PROTECTED * any(word >> 57 & 1 for word in words)
    if not held:
        return (CellState.MARKER if flags else CellState.HOLE, 0, flags, 0)
    flags |= CellFlag.EXCLUSIVE * all(word >> 56 & 1 for _, word in held)
    at, first = held[0]
    pfn = first & (1 << 55) - 1
    state = CellState.FULL if len(held) == len(words) else CellState.PARTIAL
    return (state, len(held), flags, (pfn - at) % (1 << 64) if pfn else 0)


@given(st.lists(any_word(), max_size=20), st.sampled_from((64 << 10, 2 << 20, GIB)))
@many
def test_heads_equal_a_plain_loop(words: list[int], page_size: int) -> None:
    decoded = decode_heads(np.array(words, np.uint64), page_size)
    assert rows_of(decoded) == [plain_head(word, page_size) for word in words]


@given(st.lists(st.lists(any_word(), min_size=8, max_size=8), max_size=8))
@many
def test_entries_equal_a_plain_loop(cells: list[list[int]]) -> None:
    words = np.array(cells, np.uint64).reshape(-1, 8)
    assert rows_of(decode_entries(words)) == [plain_entries(cell) for cell in cells]
    assert present_mask(words).tolist() == [[bool(word >> 63) for word in cell] for cell in cells]


def test_column_types() -> None:
    for decoded in (
        decode_heads(np.array([1 << 63], np.uint64), GIB),
        decode_entries(np.array([[1 << 63]], np.uint64)),
    ):
        kinds = (decoded.state, decoded.mapped_pages, decoded.flags, decoded.head_pfn)
        assert [column.dtype for column in kinds] == [np.uint8, np.uint32, np.uint8, np.uint64]


def test_a_partly_mapped_page_tells_its_head_from_any_subpage() -> None:
    words = np.zeros((1, 512), np.uint64)
    words[0, 300:310] = [1 << 63 | 5120 + at for at in range(300, 310)]
    assert rows_of(decode_entries(words)) == [(CellState.PARTIAL, 10, 0, 5120)]


# Seen on 6.12 and 6.18, soft-dirty aside; 0x40 is empty with a table, 0x10 alone is no hugetlb.
SEEN = {0x4E: "present", 0x4A: "present", 0x4C: "present", 0x52: "suspect", 0x50: "marker"}


@pytest.mark.parametrize("category", [*SEEN, 0x40, 0])
@pytest.mark.parametrize("dirty", [0, 0x80])
def test_categories_mean_one_thing_at_most(category: int, dirty: int) -> None:
    column = np.array([category | dirty], np.uint8)
    found = [
        name
        for name, test in (("present", is_present), ("suspect", is_suspect), ("marker", is_marker))
        if test(column)[0]
    ]
    assert found == ([SEEN[category]] if category in SEEN else [])


def test_chunks_of_1_gib_cells() -> None:
    words = np.zeros((2, 1 << 18), np.uint64)
    words[0, :1024] = words[0, 1536:1550] = 1 << 63
    words[1] = 1 << 63
    chunks = chunks_of(words)
    assert chunks.full.tolist() == [2, 512]
    assert chunks.stray_pages.tolist() == [14, 0]


def test_a_smaller_page_is_one_chunk() -> None:
    words = np.zeros((3, 512), np.uint64)
    words[0], words[1, 5] = 1 << 63, 1 << 63
    chunks = chunks_of(words)
    assert (chunks.full.tolist(), chunks.stray_pages.tolist()) == ([1, 0, 0], [0, 1, 0])


def test_batches_joined_are_the_whole() -> None:
    words = np.arange(24, dtype=np.uint64).reshape(3, 8) << np.uint64(60)
    parts = [decode_entries(words[:1]), decode_entries(words[1:])]
    assert rows_of(joined(parts)) == rows_of(decode_entries(words))
