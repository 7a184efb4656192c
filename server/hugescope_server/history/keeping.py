"""What of a history is kept: so many bytes of all hosts together, and nothing too old. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Stored(NamedTuple):
    """One file.

    Attributes:
        last_s: the last time in it, in seconds since 1970.
    """

    last_s: float
    size_bytes: int
    path: Path


def to_remove(
    stored: Iterable[Stored], most_bytes: int, oldest_s: float
) -> tuple[list[Stored], int]:
    """What has to go, oldest first across hosts, and the bytes that stay."""
    by_age = sorted(stored)
    total = sum(one.size_bytes for one in by_age)
    gone = []
    for one in by_age:
        if one.last_s >= oldest_s and total <= most_bytes:
            break
        gone.append(one)
        total -= one.size_bytes
    return gone, total
