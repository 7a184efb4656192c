"""The two times that every frame's JSON begins with: they follow the frame's own time closely.

Written as pydantic writes them, they are taken out of the text, a byte 1 in their place, and stored
as their distance from the frame's time; otherwise they stay.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

HOLE: Final = b"\x01"

_SHAPE: Final = re.compile(
    rb'"taken_at":"([0-9T:.\-]{19,26})Z","monotonic_s":([0-9]{1,9}\.[0-9]{1,9})(?=[,}])'
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)
_MOST_US: Final = 1 << 55


class Moments(NamedTuple):
    """The host's wall clock in microseconds since 1970, its monotonic clock in nanoseconds."""

    taken_us: int
    monotonic_ns: int

    def written(self) -> bytes:
        """As they stand in JSON.

        Raises:
            OverflowError: no such time can be written.
        """
        taken_at = _EPOCH + self.taken_us * _US
        text = taken_at.replace(tzinfo=None).isoformat()
        return f'"taken_at":"{text}Z","monotonic_s":{self.monotonic_ns / 1e9!r}'.encode()


def taken_out(text: bytes) -> tuple[bytes, Moments | None]:
    """The text with a hole, and what was there; or as it is, and None."""
    found = _SHAPE.search(text)
    if found is None or HOLE in text:
        return text, None
    try:
        taken_at = datetime.fromisoformat(found[1].decode()).replace(tzinfo=UTC)
        moments = Moments((taken_at - _EPOCH) // _US, round(float(found[2]) * 1e9))
        same = moments.written() == found[0]
    except ValueError:
        return text, None
    if not same or not 0 <= moments.taken_us < _MOST_US:
        return text, None
    return text[: found.start()] + HOLE + text[found.end() :], moments
