"""Groups of cells: the same as counted one by one, on the wire and back, and nothing hostile."""

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_wire.cells import UNKNOWN_AGE, CellState
from hugescope_wire.errors import WireError
from hugescope_wire.frames import FrameKind, decode_frame, encode_frame
from hugescope_wire.groups import (
    MAX_SHIFT,
    Groups,
    coarsen,
    encode_groups,
    group_cells,
    numbers_of,
)
from tests.unit.wire.made_groups import (
    groups_by_number,
    groups_of_block,
    plain_groups,
    plain_groups_of,
)
from tests.unit.wire.made_wire import (
    any_rows,
    cells_of,
    little_memory,
    many,
    several,
    whole_row,
)

MAPPED = whole_row(CellState.MAPPED)
HOLE = whole_row(CellState.HOLE)
POISONED = whole_row(CellState.POISONED)
COLUMNS = st.sampled_from((0, 1, 7, 8, 37, 63, 504, 511))


def frame_of(*blocks: bytes) -> bytes:
    return encode_frame(FrameKind.GROUPS, 3, None, blocks)


@given(any_rows(least=1), COLUMNS, st.integers(1, MAX_SHIFT))
@many
def test_equal_to_counting_one_by_one(rows: list[tuple[int, ...]], column: int, shift: int) -> None:
    cells = cells_of(rows)
    numbers = numbers_of(0, len(rows), column, shift)
    made = group_cells(cells, column, shift, numbers)
    assert groups_by_number(numbers, made) == plain_groups(rows, column, shift)


@given(st.data(), COLUMNS, st.integers(1, MAX_SHIFT))
@several
def test_any_of_the_groups_alone(data: st.DataObject, column: int, shift: int) -> None:
    cells = cells_of(data.draw(any_rows(least=1)) * 20)
    every = numbers_of(0, len(cells), column, shift)
    chosen = data.draw(st.sets(st.sampled_from(every.tolist()), min_size=1))
    numbers = np.array(sorted(chosen))
    plain = plain_groups_of(cells, column, shift)
    made = groups_by_number(numbers, group_cells(cells, column, shift, numbers))
    assert made == {number: plain[number] for number in chosen}


@given(st.data(), COLUMNS, st.integers(1, 6), st.integers(1, 3))
@several
def test_coarser_groups_of_finer_ones(
    data: st.DataObject, column: int, shift: int, by: int
) -> None:
    cells = cells_of(data.draw(any_rows(least=1)) * 20)
    finer = numbers_of(0, len(cells), column, shift)
    numbers = numbers_of(0, len(cells), column, shift + by)
    made = coarsen(group_cells(cells, column, shift, finer), int(finer[0]), by, numbers)
    assert groups_by_number(numbers, made) == plain_groups_of(cells, column, shift + by)


def test_no_poisoned_cell_is_lost_among_many() -> None:
    cells = cells_of([MAPPED] * 700 + [POISONED] + [MAPPED] * 323)
    groups = group_cells(cells, 0, 9, np.array([0, 1]))
    assert groups.counts[CellState.POISONED].tolist() == [0, 1]
    assert groups.counts[CellState.MAPPED].tolist() == [512, 511]


def test_a_gibibyte_page_a_cell_fits_its_column() -> None:
    cells = cells_of([(1 << 18, 1, 1, 1, 0, 0)] * 512)
    assert group_cells(cells, 0, 9, np.array([0])).mapped_pages.tolist() == [1 << 27]


def some(shift: int = 3, rows: int = 200, column: int = 5) -> tuple[Groups, int]:
    """All groups of a mapping, and the number of the first."""
    made = cells_of((([MAPPED] * 3 + [HOLE] * 2 + [POISONED]) * rows)[:rows])
    numbers = numbers_of(0, rows, column, shift)
    return group_cells(made, column, shift, numbers), int(numbers[0])


@pytest.mark.parametrize("with_ages", [False, True])
@pytest.mark.parametrize("scattered", [False, True])
@pytest.mark.parametrize("shift", [1, 3, 6, 9])
def test_what_goes_in_comes_out(shift: int, scattered: bool, with_ages: bool) -> None:
    groups, first = some(shift)
    numbers = np.arange(first, first + len(groups))
    if scattered:
        groups, numbers = groups.take(slice(None, None, 2)), numbers[::2]
    ages = np.full(len(groups), UNKNOWN_AGE, np.uint32)
    ages[0] = 17
    raw = frame_of(
        encode_groups(
            7,
            shift,
            groups,
            first=0 if scattered else first,
            index=numbers if scattered else None,
            changed_ago=ages if with_ages else None,
        )
    )
    frame = decode_frame(raw)
    assert (frame.kind, frame.seq, frame.meta, frame.blocks) == (FrameKind.GROUPS, 3, None, ())
    (block,) = frame.groups
    assert (block.mapping_id, block.shift) == (7, shift)
    assert groups_of_block(block) == groups_by_number(numbers, groups)
    if with_ages:
        assert block.changed_ago is not None
        assert block.changed_ago.tolist() == ages.tolist()
    else:
        assert block.changed_ago is None


def test_offsets_are_those_written_down() -> None:
    cells = cells_of([(512, 5, 0xFFFF, 1, 2 | 8, 1), (7, 6, 0xFFFF, 4, 4, 2), POISONED])
    groups = group_cells(cells, 6, 3, np.array([0, 1]))
    ages = np.array([1, 2], np.uint32)
    block = encode_groups(9, 3, groups, index=np.array([0, 1]), changed_ago=ages)
    counts = [0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    plain = struct.pack("<IBBBBIII", 9, 2, 2, 3, 0, 0, 2, 2)
    plain += struct.pack("<6I", 0, 1, 519, 0, 1, 2)
    plain += struct.pack("<18H", *counts)
    plain += struct.pack("<6H", 1, 0, 1, 0, 1, 0)
    plain += struct.pack("<4H2B", 6, 1, 0xFFFF, 1, 254, 255)
    assert block == plain + bytes(-len(plain) % 4)


@pytest.mark.parametrize("shift", [3, 9])
def test_every_truncation_is_refused(shift: int) -> None:
    groups, first = some(shift, rows=30)
    good = frame_of(encode_groups(7, shift, groups, first=first))
    for length in range(len(good)):
        with pytest.raises(WireError) as caught:
            decode_frame(good[:length])
        assert caught.value.code in {"short_frame", "bad_block", "trailing_bytes"}


@given(st.sets(st.integers(0, 1 << 16), min_size=1, max_size=3))
@many
def test_flipped_bits_are_refused_or_taken(bits: set[int]) -> None:
    groups, first = some()
    data = bytearray(frame_of(encode_groups(7, 3, groups, first=first)))
    for bit in bits:
        data[bit // 8 % len(data)] ^= 1 << bit % 8
    with contextlib.suppress(WireError), little_memory(1 << 28):
        for block in decode_frame(bytes(data)).groups:
            block.check_fits(200, 5)


HEADER = 20
"""Bytes of a frame's header, and of a block's."""
ROW_AT = HEADER + HEADER


@pytest.mark.parametrize(
    ("at", "form", "value"),
    [
        (HEADER + 4, "<B", 1),
        (HEADER + 4, "<B", 3),
        (HEADER + 5, "<B", 1),
        (HEADER + 5, "<B", 4),
        (HEADER + 6, "<B", 0),
        (HEADER + 6, "<B", 10),
        (HEADER + 6, "<B", 255),
        (HEADER + 8, "<I", 0xFFFFFFFF),
        (HEADER + 12, "<I", 5),
        (HEADER + 16, "<I", 0xFFFFFFFF),
        (ROW_AT, "<I", 9),
        (ROW_AT + 2 * 4 * 4, "<H", 9),
        (ROW_AT + 2 * 4 * 4, "<H", 0xFFFF),
        (ROW_AT + 2 * 4 * 4 + 9 * 4 * 2, "<H", 9),
    ],
)
def test_what_breaks_the_layout_is_refused(at: int, form: str, value: int) -> None:
    groups, first = some(rows=27)
    assert len(groups) == 4
    block = encode_groups(7, 3, groups, index=np.arange(first, first + 4))
    data = bytearray(frame_of(block))
    decode_frame(bytes(data))
    struct.pack_into(form, data, at, value)
    with pytest.raises(WireError) as caught:
        decode_frame(bytes(data))
    assert caught.value.code == "bad_block"


def test_a_group_of_no_cells_is_refused() -> None:
    groups, first = some()
    groups.counts[:, 3] = 0
    with pytest.raises(WireError, match="no cells"):
        decode_frame(frame_of(encode_groups(7, 3, groups, first=first)))


def test_a_frame_of_groups_has_no_json() -> None:
    text = b"{}  "
    data = struct.pack("<4sBBHQI", b"HSF1", 4, 0, 0, 1, len(text)) + text
    with pytest.raises(WireError) as caught:
        decode_frame(data)
    assert caught.value.code == "bad_json"


@pytest.mark.parametrize("count", [0, 19, 20, 27, 200])
def test_groups_outside_the_mapping_do_not_fit(count: int) -> None:
    groups, first = some(rows=27)
    (block,) = decode_frame(frame_of(encode_groups(7, 3, groups, first=first))).groups
    if count + 5 > 3 * 8:
        block.check_fits(count, 5)
    else:
        with pytest.raises(WireError):
            block.check_fits(count, 5)
    with pytest.raises(WireError):
        block.check_fits(27, 8)
