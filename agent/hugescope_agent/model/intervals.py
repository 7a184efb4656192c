"""Half-open ranges of integers: which part of one nobody has claimed yet."""

from __future__ import annotations

from collections.abc import Sequence

Interval = tuple[int, int]
"""First, and the one after the last."""


def without(wanted: Interval, taken: Sequence[Interval]) -> list[Interval]:
    """The pieces of `wanted` outside of `taken`, rising; `taken` in any order, may overlap."""
    pieces = []
    at, end = wanted
    for first, last in sorted(one for one in taken if one[0] < one[1]):
        if first >= end:
            break
        if first > at:
            pieces.append((at, first))
        at = max(at, last)
    if at < end:
        pieces.append((at, end))
    return pieces


def length(pieces: Sequence[Interval]) -> int:
    """How many integers they hold together; the pieces are apart."""
    return sum(end - first for first, end in pieces)
