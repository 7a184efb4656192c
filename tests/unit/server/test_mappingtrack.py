import random

import numpy as np
import pytest

from hugescope_server.mappingtrack import MAX_KEPT_BLOCKS, MappingTrack
from hugescope_wire.cells import PAGE_BYTES, UNKNOWN_AGE, Cells
from hugescope_wire.frames import Encoding, decode_frame, encode_cells
from hugescope_wire.view import Viewed
from tests.unit.server.made_host import mapping_info, random_cells

COUNT = 2000
NOW = 50.0
ALL = Viewed(first=0, count=COUNT, shift=0)


def track(cells: Cells | None = None) -> MappingTrack:
    cells = Cells.holes(COUNT) if cells is None else cells
    return MappingTrack(1, mapping_info(3, len(cells)), cells, version=5)


def encoding_of(block: bytes | None) -> tuple[Encoding, int, int]:
    assert block is not None
    decoded = decode_frame(encode_cells(1, [block])).blocks[0]
    return decoded.encoding, decoded.first, decoded.covered


def put(made: MappingTrack, index: list[int], version: int, state: int = 1) -> None:
    at = np.array(index)
    values = Cells.holes(len(at))
    values.state[:] = state
    values.mapped_pages[:] = 512
    made.renew_cells(made.cells.replaced(at, values), at, version, NOW)


def test_first_block_has_every_cell() -> None:
    assert encoding_of(track().block_since(None, ALL, NOW)) == (Encoding.RUNS, 0, COUNT)


def test_nothing_changed_gives_nothing() -> None:
    made = track()
    assert made.block_since(5, ALL, NOW) is None
    made.renew_cells(made.cells, np.empty(0, np.intp), 6, NOW)
    made.renew_cells(made.cells.copy(), None, 7, NOW)
    assert made.block_since(5, ALL, NOW) is None


def test_only_what_changed_since() -> None:
    made = track()
    put(made, [1, 900, 1999], 6)
    put(made, [900], 7)
    assert encoding_of(made.block_since(5, ALL, NOW)) == (Encoding.CODED, 0, 3)
    assert encoding_of(made.block_since(6, ALL, NOW))[2] == 1
    assert made.block_since(7, ALL, NOW) is None


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (list(range(100, 200)), (Encoding.RUNS, 100, 100)),
        (list(range(100, 200, 2)), (Encoding.CODED, 0, 50)),
        ([*range(100, 200), *range(201, 300)], (Encoding.RUNS, 100, 200)),
        ([5], (Encoding.DENSE, 5, 1)),
    ],
)
def test_smaller_encoding_wins(index: list[int], expected: tuple[Encoding, int, int]) -> None:
    made = track()
    put(made, index, 6)
    assert encoding_of(made.block_since(5, ALL, NOW)) == expected


def test_full_replacement_marks_only_what_differs() -> None:
    made = track()
    cells = made.cells.copy()
    cells.node[7] = 1
    made.renew_cells(cells, None, 6, NOW)
    assert encoding_of(made.block_since(5, ALL, NOW))[1:] == (7, 1)


def test_equal_viewers_share_one_block_and_blocks_do_not_pile_up() -> None:
    made = track()
    for version in range(6, 30):
        put(made, [version], version, state=version % 8)
        assert made.block_since(version - 1, ALL, NOW) is made.block_since(version - 1, ALL, NOW)
    for since in range(5, 29):
        made.block_since(since, ALL, NOW)
    assert len(made._blocks) <= MAX_KEPT_BLOCKS
    last = made.block_since(28, ALL, NOW)
    put(made, [3], 30)
    assert made.block_since(28, ALL, NOW) is not last


def test_summary_counts_again_only_after_a_change() -> None:
    cells = random_cells(random.Random(1), COUNT)
    made = track(cells)
    first = made.summary()
    assert first.state_counts == cells.state_counts()
    assert first.mapped_bytes == int(cells.mapped_pages.sum()) * PAGE_BYTES
    assert first.id == 3
    made.renew_info(made.info)
    made.renew_cells(cells.copy(), None, 6, NOW)
    assert made.summary() is first
    put(made, [0], 6, state=6)
    assert made.summary().state_counts != first.state_counts
    renamed = made.info.model_copy(update={"vm_flags": None})
    made.renew_info(renamed)
    assert made.summary().vm_flags is None


def test_fits_asks_for_the_same_stretch() -> None:
    made = track()
    info = made.info
    assert made.fits(info.model_copy(update={"vm_flags": ["um"]}))
    assert not made.fits(mapping_info(3, COUNT + 1))
    assert not made.fits(mapping_info(3, COUNT, start=0x1000_0000))


def test_ages_are_by_the_servers_clock_and_unknown_before_any_change() -> None:
    made = track()
    put(made, [3, 4], 6)
    made.renew_cells(made.cells.replaced(np.array([4]), Cells.holes(1)), np.array([4]), 7, NOW + 9)
    ages = made.changed_ago(NOW + 10, np.array([2, 3, 4]))
    assert ages.tolist() == [UNKNOWN_AGE, 100, 10]
    assert made.changed_ago(NOW, slice(4, 5)).tolist() == [0], "no clock gives less than now"


def test_ages_travel_with_what_did_not_change_just_now() -> None:
    made = track()
    put(made, [3, 5], 6)
    fresh, late = made.block_since(5, ALL, NOW + 1), made.block_since(5, ALL, NOW + 2)
    assert fresh is not None
    assert late is not None
    kept = [
        decode_frame(encode_cells(1, [block])).blocks[0].decode(COUNT, 2 << 20).changed_ago
        for block in (fresh, late)
    ]
    assert kept[0] is None
    assert kept[1] is not None
    assert kept[1].tolist() == [20, 20]
    put(made, [4], 7)
    between = made.block_since(6, ALL, NOW)
    assert between is not None
    assert encoding_of(between)[1:] == (4, 1), "neighbours that did not change stay out"


def test_a_range_over_cells_that_did_not_change_tells_their_ages() -> None:
    made = track()
    put(made, [*range(100, 200), *range(201, 300)], 6)
    block = made.block_since(5, ALL, NOW)
    assert block is not None
    ages = decode_frame(encode_cells(1, [block])).blocks[0].decode(COUNT, 2 << 20).changed_ago
    assert ages is not None
    assert ages.tolist() == [0] * 100 + [UNKNOWN_AGE] + [0] * 99


def test_a_kept_block_grows_no_older() -> None:
    made = track()
    put(made, [3], 6)
    first = made.block_since(None, ALL, NOW)
    assert made.block_since(None, ALL, NOW + 0.01) is first
    assert made.block_since(None, ALL, NOW + 60) != first
