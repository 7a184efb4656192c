import base64
import random

import numpy as np
import pytest

from hugescope_server.thumbs import Thumbnail, cells_per_pixel, pixel_states
from hugescope_wire.cells import CellState
from hugescope_wire.follow import THUMB_CELLS
from tests.unit.server.made_host import random_cells

HOLE, MAPPED, MARKER = CellState.HOLE, CellState.MAPPED, CellState.MARKER
POISONED, MIGRATING = CellState.POISONED, CellState.MIGRATING


def pixels(states: list[int], per_pixel: int) -> list[int]:
    return list(pixel_states(np.array(states, np.uint8), per_pixel))


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, 1), (511, 1), (512, 1), (513, 2), (1024, 2), (1025, 4), (524_288, 1024), (1 << 24, 32768)],
)
def test_cells_per_pixel_is_the_smallest_power_of_two_that_fits(count: int, expected: int) -> None:
    per_pixel = cells_per_pixel(count)
    assert per_pixel == expected
    assert -(-count // per_pixel) <= THUMB_CELLS


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([HOLE, HOLE, HOLE, MAPPED], HOLE),
        ([HOLE, MAPPED, HOLE, MAPPED], MAPPED),
        ([HOLE, HOLE, MARKER, MARKER], MARKER),
        ([MAPPED, MAPPED, MAPPED, MIGRATING], MIGRATING),
        ([POISONED, MIGRATING, MIGRATING, MIGRATING], POISONED),
    ],
)
def test_a_pixel_has_the_most_frequent_state_unless_one_always_wins(
    states: list[int], expected: int
) -> None:
    assert pixels(states, 4) == [expected]


def test_the_last_pixel_stands_for_the_rest() -> None:
    assert pixels([MAPPED, MAPPED, HOLE, HOLE, MAPPED], 2) == [MAPPED, HOLE, MAPPED]
    assert pixels([MAPPED], 2) == [MAPPED]


@pytest.mark.parametrize("count", [1, 512, 700, 5000])
def test_pixels_are_what_counting_cell_by_cell_gives(count: int) -> None:
    states = random_cells(random.Random(count), count).state
    per_pixel = cells_per_pixel(count)
    for at, pixel in enumerate(pixel_states(states, per_pixel).tolist()):
        part = states[at * per_pixel : (at + 1) * per_pixel].tolist()
        if POISONED in part or MIGRATING in part:
            assert pixel == (POISONED if POISONED in part else MIGRATING)
        else:
            assert part.count(pixel) == max(map(part.count, part))


def test_a_bad_cell_among_many_is_seen() -> None:
    states = np.full(1 << 24, MAPPED, np.uint8)
    states[12_345_678] = POISONED
    assert pixel_states(states, cells_per_pixel(len(states))).tolist().count(POISONED) == 1


def test_another_number_only_with_another_picture() -> None:
    states = np.full(2048, HOLE, np.uint8)
    thumbnail = Thumbnail()
    thumbnail.make(states, 1)
    first = thumbnail.record(7)
    assert (first.mapping_id, first.cells, thumbnail.number) == (7, 4, 1)
    assert base64.b64decode(first.states) == bytes(512)
    thumbnail.make(states, 2)
    assert thumbnail.number == 1
    states[9] = POISONED
    thumbnail.make(states, 2)
    assert thumbnail.number == 1, "not looked at again without a new version"
    thumbnail.make(states, 3)
    assert thumbnail.number == 2
    assert base64.b64decode(thumbnail.record(7).states)[2] == POISONED
