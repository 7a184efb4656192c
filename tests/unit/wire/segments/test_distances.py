"""Rice codes come back, and are short where cells lie anywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_wire.errors import WireError
from hugescope_wire.segments.distances import MAX_LOW_BITS, best_low_bits, coded, decoded
from tests.unit.wire.made_wire import many


@given(st.lists(st.integers(0, 40) | st.integers(0, 0xFFFFFFFF), max_size=60))
@many
def test_they_come_back(values: list[int]) -> None:
    distances = np.array(values, np.int64)
    bits = best_low_bits(distances)
    assert decoded(coded(distances, bits), len(values), bits).tolist() == values


def test_they_are_as_short_as_chance_allows() -> None:
    """33 of 32,768 cells: 11.4 bits each by their number of ways."""
    draw = np.random.default_rng(1)
    values = np.concatenate(
        [np.diff(np.sort(draw.choice(32_768, 33, replace=False))) - 1 for _ in range(10)]
    )
    assert 8 * len(coded(values, best_low_bits(values))) < 12 * len(values)


def test_none_is_longer_than_cells_can_be_apart() -> None:
    high = np.packbits(np.array([0] * (1 << 10) + [1], np.uint8)).tobytes()
    low = bytes(-(-MAX_LOW_BITS // 8))
    with pytest.raises(WireError, match="a distance is too long"):
        decoded(high + low, 1, MAX_LOW_BITS)


@pytest.mark.parametrize(
    ("data", "count", "bits"), [(b"", 1, 0), (b"\xff", 9, 0), (b"\x80", 1, 9), (b"\x00", 1, 0)]
)
def test_others_are_refused(data: bytes, count: int, bits: int) -> None:
    assert bits <= MAX_LOW_BITS
    with pytest.raises(WireError, match="distances"):
        decoded(data, count, bits)
