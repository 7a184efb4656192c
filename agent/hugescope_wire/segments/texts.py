"""JSON text as it came, of which little changes from frame to frame but its numbers.

A text is its skeleton, with a zero byte in the place of each number (raw, JSON holds none), and its
numbers. A skeleton is stored once a segment; its numbers, as differences from those of the text
before that had the same skeleton. Digits that are no number of up to 18 digits without leading
zeros stand as several numbers, so that every text comes back to the byte. Times come first, where
the skeleton has a place for them (`moments.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from hugescope_wire.errors import WireError
from hugescope_wire.segments.moments import HOLE, Moments, taken_out
from hugescope_wire.segments.numbers import Bytes, Numbers, Whole

MAX_TEXT_NUMBERS: Final = 1 << 22
"""Of one text; those of the largest hosts have half as many. One that has more is stored whole, as
a skeleton without places for numbers.
"""

MAX_SKELETON_BYTES: Final = 1 << 28
"""Of all skeletons of a segment."""

MAX_SKELETON_NUMBERS: Final = 1 << 25
"""Places for numbers in all skeletons of a segment."""

_NUMBER: Final = re.compile(rb"0|[1-9][0-9]{0,17}")
_GAP: Final = b"\x00"
_NS: Final = 1000
_TIMES: Final = 2
"""Numbers that tell the two times."""


@dataclass(slots=True)
class _Written:
    """A skeleton's number, and the numbers of the last text that had it."""

    number: int
    last: list[int]


@dataclass(slots=True)
class _Read:
    """A skeleton, and the numbers of the last text that had it."""

    skeleton: bytes
    last: Whole


@dataclass(slots=True)
class TextWriter:
    """Writes the texts of one segment.

    Attributes:
        skeleton_bytes, skeleton_numbers: of all its skeletons.
    """

    skeleton_bytes: int = 0
    skeleton_numbers: int = 0
    _known: dict[bytes, _Written] = field(default_factory=dict)

    def write(self, text: bytes, at_us: int, numbers: list[int], out: bytearray) -> None:
        """Append a text's numbers to `numbers`, and to `out` its skeleton if it is new; `at_us` is
        the time of its frame.
        """
        skeleton, values = _taken_apart(text, at_us)
        known = self._known.get(skeleton)
        if known is None:
            known = _Written(len(self._known), [0] * len(values))
            numbers += (known.number, len(skeleton))
            out += skeleton
            self._known[skeleton] = known
            self.skeleton_bytes += len(skeleton)
            self.skeleton_numbers += len(values)
        else:
            numbers.append(known.number)
        numbers += [value - last for value, last in zip(values, known.last, strict=True)]
        known.last = values


def _taken_apart(text: bytes, at_us: int) -> tuple[bytes, list[int]]:
    """A text's skeleton and its numbers."""
    rest, moments = taken_out(text)
    skeleton, count = _NUMBER.subn(_GAP, rest)
    if count + _TIMES > MAX_TEXT_NUMBERS:
        return text, []
    values = [int(value) for value in _NUMBER.findall(rest)]
    if moments is None:
        return skeleton, values
    taken_us, monotonic_ns = moments
    return skeleton, [taken_us - at_us, monotonic_ns - _NS * at_us, *values]


@dataclass(frozen=True, slots=True)
class Said:
    """A text that is put together when it is needed.

    Attributes:
        number: of its skeleton in the segment: texts of one skeleton differ in numbers alone.
        skeleton: what stands around its numbers.
        values: its numbers, and before them two for its times, if it has them.
    """

    number: int
    at_us: int
    skeleton: bytes
    values: Whole

    def text(self) -> bytes:
        """The JSON.

        Raises:
            WireError: `bad_recording`.
        """
        parts = self.skeleton.split(_GAP)
        timed = len(self.values) - len(parts) + 1
        whole = [b""] * (2 * len(parts) - 1)
        whole[::2], whole[1::2] = parts, [b"%d" % value for value in self.values[timed:].tolist()]
        text = b"".join(whole)
        if not timed:
            return text
        taken_us, monotonic_ns = self.values[:_TIMES].tolist()
        try:
            moments = Moments(taken_us + self.at_us, monotonic_ns + _NS * self.at_us).written()
        except OverflowError:
            raise WireError("bad_recording", "a time is out of range") from None
        return text.replace(HOLE, moments, 1)


@dataclass(slots=True)
class TextReader:
    """Reads what a `TextWriter` wrote, from the first text of the segment on."""

    _known: list[_Read] = field(default_factory=list)
    _bytes: int = 0
    _numbers: int = 0

    def read(self, at_us: int, numbers: Numbers, skeletons: Bytes) -> Said:
        """The next text.

        Raises:
            WireError: `bad_recording`.
        """
        number = numbers.count(len(self._known))
        if number == len(self._known):
            skeleton = skeletons.take(numbers.count(skeletons.left))
            self._learn(skeleton, min(numbers.left, MAX_TEXT_NUMBERS))
        known = self._known[number]
        known.last = known.last + numbers.several(len(known.last))
        return Said(number, at_us, known.skeleton, known.last)

    def _learn(self, skeleton: bytes, most: int) -> None:
        """Take a new one, with places for so many numbers at most."""
        count = skeleton.count(_GAP) + _TIMES * (HOLE in skeleton)
        if count > most:
            raise WireError("bad_recording", f"{count} numbers in a text, where {most} can be")
        self._bytes += len(skeleton)
        self._numbers += count
        if self._bytes > MAX_SKELETON_BYTES or self._numbers > MAX_SKELETON_NUMBERS:
            raise WireError("bad_recording", "its texts are too many different ones")
        self._known.append(_Read(skeleton, np.zeros(count, np.int64)))
