"""State hashes: equal for equal pictures, however they came about, and for no others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hugescope_wire.cells import CellState
from hugescope_wire.errors import WireError
from hugescope_wire.frames import FrameKind, encode_frame, encode_scattered
from hugescope_wire.picture import HostPicture
from hugescope_wire.statehash import state_hash
from tests.unit.wire.made_wire import (
    COLUMNS,
    MIB2,
    cells_of,
    full_frame,
    host_delta,
    mapping_info,
    one_mapping,
    picture_of,
    take,
    whole_row,
)

HOLE, MAPPED = whole_row(CellState.HOLE), whole_row(CellState.MAPPED)


def test_it_does_not_matter_how_the_picture_came_about() -> None:
    info = mapping_info(1, 3)
    picture = picture_of(info, [HOLE] * 3)
    block = encode_scattered(1, MIB2, np.array([1]), cells_of([MAPPED]))
    take(picture, encode_frame(FrameKind.DELTA, 2, host_delta(), [block]))
    assert picture.about is not None
    whole = HostPicture()
    take(whole, full_frame(picture.about, {1: cells_of([HOLE, MAPPED, HOLE])}, seq=9))
    assert state_hash(whole) == state_hash(picture)
    assert len(state_hash(whole)) == 32


@pytest.mark.parametrize("column", COLUMNS)
def test_each_column_of_each_cell_counts(column: str) -> None:
    picture = picture_of(mapping_info(1, 3), [HOLE] * 3)
    before = state_hash(picture)
    values = getattr(picture.cells[1], column).copy()
    values[2] ^= 1
    picture.cells[1] = replace(picture.cells[1], **{column: values})
    assert state_hash(picture) != before


def test_what_is_said_of_the_host_counts_to_the_last_bit() -> None:
    about = one_mapping(mapping_info(1, 1))
    hashes = set()
    for moment_s in (0.1 + 0.2, 0.3, 0.30000000000000010):
        picture = HostPicture()
        said = about.model_copy(update={"monotonic_s": moment_s})
        take(picture, full_frame(said, {1: cells_of([HOLE])}))
        hashes.add(state_hash(picture))
    assert len(hashes) == len({0.1 + 0.2, 0.3, 0.30000000000000010})


def test_a_picture_of_nothing_has_none() -> None:
    with pytest.raises(WireError) as caught:
        state_hash(HostPicture())
    assert caught.value.code == "no_full_frame"
