"""Numbers come back, packed or as columns; what is none is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_wire.errors import WireError
from hugescope_wire.segments.numbers import (
    Bytes,
    Numbers,
    Whole,
    columns,
    packed,
    rows_of,
    unpacked,
)
from tests.unit.wire.made_wire import many


def whole(numbers: list[int]) -> Whole:
    return np.array(numbers, np.int64)


WHOLE = st.integers(-(1 << 60), 1 << 60)


@given(st.lists(WHOLE | st.integers(-70, 70)))
@many
def test_they_come_back(numbers: list[int]) -> None:
    assert unpacked(packed(numbers)).tolist() == numbers


def test_small_ones_take_a_byte() -> None:
    assert [len(packed([n])) for n in (0, -1, 63, -64, 64, -65)] == [1, 1, 1, 1, 2, 2]


@given(st.lists(st.lists(WHOLE, max_size=6), max_size=6))
@many
def test_rows_come_back(rows: list[list[int]]) -> None:
    assert [row.tolist() for row in rows_of(whole(columns(rows)), len(rows))] == rows


@pytest.mark.parametrize("data", [b"\x80", b"\x01\x80", b"\xff" * 9 + b"\x01"])
def test_what_is_no_number_is_refused(data: bytes) -> None:
    with pytest.raises(WireError, match="a number is"):
        unpacked(data)


@pytest.mark.parametrize(("numbers", "count"), [([], 1), ([3, 1], 1), ([-1, 2, 5], 2), ([1], 9)])
def test_rows_that_are_not_there_are_refused(numbers: list[int], count: int) -> None:
    with pytest.raises(WireError, match="missing"):
        rows_of(whole(numbers), count)


def test_nothing_is_taken_that_is_not_there() -> None:
    numbers = Numbers(whole([5]))
    with pytest.raises(WireError, match="at most 4"):
        numbers.count(4)
    for take in (numbers.take, lambda: Numbers(whole([1])).several(2), lambda: Bytes(b"a").take(2)):
        with pytest.raises(WireError, match="missing"):
            take()
