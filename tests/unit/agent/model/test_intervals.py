"""Ranges against plain sets."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.model.intervals import Interval, length, without

ranges = st.tuples(st.integers(0, 20), st.integers(0, 20)).map(lambda ends: (min(ends), max(ends)))


@given(ranges, st.lists(ranges, max_size=5))
def test_what_nobody_took(wanted: Interval, taken: list[Interval]) -> None:
    pieces = without(wanted, taken)
    left = set(range(*wanted)) - {at for piece in taken for at in range(*piece)}
    assert {at for piece in pieces for at in range(*piece)} == left
    assert length(pieces) == len(left)
    assert all(first[1] < second[0] for first, second in pairwise(pieces))
    assert all(first < end for first, end in pieces)
