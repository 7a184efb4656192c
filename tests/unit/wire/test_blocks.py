"""Cells with the time since they changed; what else blocks hold is in test_frames.py."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_wire.cells import UNKNOWN_AGE, CellState
from hugescope_wire.errors import WireError
from hugescope_wire.frames import (
    Block,
    Encoding,
    decode_frame,
    encode_cells,
    encode_frame,
    encode_range,
    encode_rows,
    encode_scattered,
)
from tests.unit.wire.made_wire import (
    MIB2,
    Row,
    any_rows,
    cells_of,
    full_frame,
    many,
    mapping_info,
    one_mapping,
    rows_of,
    whole_row,
)

MAPPED = whole_row(CellState.MAPPED)
PART = (7, 1, 1, int(CellState.PARTIAL), 0, 0)


def back(block: bytes, cell_count: int) -> Block:
    return decode_frame(encode_cells(1, [block])).blocks[0].decode(cell_count, MIB2)


def ages_of(block: Block) -> list[int]:
    assert block.changed_ago is not None
    ages: list[int] = block.changed_ago.tolist()
    return ages


@given(any_rows(least=1), st.data())
@many
def test_ages_come_back_with_their_cells(rows: list[Row], data: st.DataObject) -> None:
    some_ages = st.sampled_from((0, 1, 600, UNKNOWN_AGE))
    longest = data.draw(st.sampled_from((1, 20)))
    ages = np.repeat(
        np.array(data.draw(st.lists(some_ages, min_size=len(rows), max_size=len(rows))), np.uint32),
        longest,
    )[: len(rows)]
    cells = cells_of(rows)
    block = back(encode_range(7, MIB2, cells, 3, ages), 3 + len(rows))
    assert (block.first, rows_of(block.cells), ages_of(block)) == (3, rows, ages.tolist())
    index = np.arange(len(rows)) * 3
    block = back(encode_scattered(7, MIB2, index, cells, ages), 3 * len(rows))
    assert (rows_of(block.cells), ages_of(block)) == (rows, ages.tolist())


def test_a_run_ends_where_the_age_does() -> None:
    ages = np.array([UNKNOWN_AGE] * 100 + [5] * 100, np.uint32)
    raw = encode_range(7, MIB2, cells_of([MAPPED] * 200), 0, ages)
    (block,) = decode_frame(encode_cells(1, [raw])).blocks
    assert block.encoding is Encoding.RUNS
    assert block.index is not None
    assert block.index.tolist() == [0, 100]


def test_ages_count_when_the_smaller_layout_is_chosen() -> None:
    """Equal cells that all changed at another time are no runs worth having."""
    cells, ages = cells_of([MAPPED] * 200), np.arange(200, dtype=np.uint32)
    (block,) = decode_frame(encode_cells(1, [encode_range(7, MIB2, cells, 0, ages)])).blocks
    assert block.encoding is Encoding.DENSE


def test_offsets_are_those_written_down() -> None:
    ages = np.array([4, UNKNOWN_AGE], np.uint32)
    block = encode_rows(9, MIB2, np.array([1, 5]), cells_of([MAPPED, PART]), ages)
    plain = struct.pack("<IBBHIII", 9, 2, 3, 0, 0, 2, 2)
    plain += struct.pack("<6I", 1, 5, 512, 7, 4, UNKNOWN_AGE)
    plain += struct.pack("<4H6B", 1, 1, 1, 1, 1, 4, 0, 0, 0, 0)
    assert block == plain + bytes(-len(plain) % 4)


def test_offsets_of_coded_cells_are_those_written_down() -> None:
    cells = cells_of([MAPPED, PART, PART, MAPPED])
    block = encode_scattered(9, MIB2, np.array([1, 5, 260, 771]), cells)
    plain = struct.pack("<IBBHIII", 9, 3, 1, 3, 1, 4, 2)
    plain += struct.pack("<2I", 512, 7)
    plain += struct.pack("<4H6B", 1, 1, 1, 1, 1, 4, 0, 0, 0, 0)
    plain += bytes([0, 1, 1, 0]) + bytes([0, 4, 255, 0, 255, 255, 1])
    assert block == plain + bytes(-len(plain) % 4)


@pytest.mark.parametrize(
    ("ways", "step", "encoding"),
    [
        (256, 1, Encoding.CODED),
        (257, 1, Encoding.SCATTERED),
        (1, 1_000, Encoding.CODED),
        (1, 4_000, Encoding.SCATTERED),
    ],
)
def test_cells_of_many_kinds_or_far_apart_have_a_row_each(
    ways: int, step: int, encoding: Encoding
) -> None:
    rows: list[Row] = [(512, 1 + n % ways, 1, int(CellState.MAPPED), 0, 0) for n in range(300)]
    index = np.arange(300) * step
    raw = encode_scattered(7, MIB2, index, cells_of(rows))
    (block,) = decode_frame(encode_cells(1, [raw])).blocks
    assert block.encoding is encoding
    whole = block.decode(300 * step, MIB2)
    assert rows_of(whole.cells) == rows
    assert whole.index is not None
    assert whole.index.tolist() == index.tolist()


def test_agents_send_no_ages() -> None:
    """When a cell changed, the server's own clock tells."""
    about, cells = one_mapping(mapping_info(1, 2)), cells_of([MAPPED] * 2)
    decode_frame(full_frame(about, {1: cells}))
    from_agent = encode_range(1, MIB2, cells, 0, np.zeros(2, np.uint32))
    kind = decode_frame(full_frame(about, {})).kind
    with pytest.raises(WireError, match="columns") as caught:
        decode_frame(encode_frame(kind, 1, about, [from_agent]))
    assert caught.value.code == "bad_block"
