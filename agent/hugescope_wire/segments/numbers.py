"""Whole numbers, small ones in few bytes.

A number n stands as 2n, a negative one as -2n - 1, seven bits a byte, the lowest first; the highest
bit of a byte says that another follows.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_wire.errors import WireError

_MOST_BYTES: Final = 9
"""63 bits."""

MAX_NUMBERS: Final = 1 << 25
"""Of a record: of 64 MiB of frames, as each takes two bytes there and more."""

_PIECE_BYTES: Final = 1 << 18

Whole = npt.NDArray[np.int64]


def columns(rows: list[list[int]]) -> list[int]:
    """Rows of numbers, of any length: the lengths, then the first of all, then the second: what
    stands in the same place in rows is often alike.
    """
    spread = zip_longest(*rows, fillvalue=None)
    return [
        *(len(row) for row in rows),
        *(number for column in spread for number in column if number is not None),
    ]


def rows_of(numbers: Whole, count: int) -> list[Whole]:
    """The rows that `columns` made this of.

    Raises:
        WireError: `bad_recording`.
    """
    lengths, rest = numbers[:count], numbers[count:]
    outside = (lengths < 0) | (lengths > len(rest))
    if len(lengths) < count or outside.any() or int(lengths.sum()) != len(rest):
        raise WireError("bad_recording", "numbers are missing")
    spread = np.empty_like(rest)
    ends = np.cumsum(lengths)
    begins = ends - lengths
    at = done = 0
    for length in np.unique(lengths).tolist():
        # Up to here all rows that are not shorter have a number in each column.
        there = begins[lengths >= length]
        end = at + (length - done) * len(there)
        columns = rest[at:end].reshape(length - done, len(there))
        if len(there) < length - done:
            for number, begin in enumerate(there.tolist()):
                spread[begin + done : begin + length] = columns[:, number]
        else:
            for number in range(length - done):
                spread[there + done + number] = columns[number]
        at, done = end, length
    return np.split(spread, ends[:-1]) if count else []


def packed(numbers: Iterable[int]) -> bytes:
    """All of them, each below 2^62."""
    out = bytearray()
    for number in numbers:
        rest = number << 1 if number >= 0 else (-number << 1) - 1
        while rest > 127:
            out.append(rest & 127 | 128)
            rest >>= 7
        out.append(rest)
    return bytes(out)


class Bytes:
    """Takes bytes of a stream, one part after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """Bytes that were not taken."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """The next bytes.

        Raises:
            WireError: `bad_recording`: there are not so many.
        """
        if count > self.left:
            raise WireError("bad_recording", "bytes are missing")
        self._at += count
        return self._data[self._at - count : self._at]


class Numbers:
    """Takes numbers, one after the other.

    Raises:
        WireError: `bad_recording`, by all methods: there are no more, or no such number.
    """

    def __init__(self, numbers: Whole) -> None:
        self._numbers = numbers
        self._at = 0

    @property
    def left(self) -> int:
        """Numbers that were not taken."""
        return len(self._numbers) - self._at

    def take(self) -> int:
        """The next number."""
        if self._at >= len(self._numbers):
            raise WireError("bad_recording", "a number is missing")
        self._at += 1
        return int(self._numbers.item(self._at - 1))

    def count(self, most: int) -> int:
        """The next number, of things of which there are at most so many."""
        number = self.take()
        if not 0 <= number <= most:
            raise WireError("bad_recording", f"{number} where at most {most} can be")
        return number

    def several(self, count: int) -> Whole:
        """The next numbers."""
        if count > self.left:
            raise WireError("bad_recording", "numbers are missing")
        self._at += count
        return self._numbers[self._at - count : self._at]


def unpacked(data: bytes) -> Whole:
    """All numbers.

    Raises:
        WireError: `bad_recording`: they are more than `MAX_NUMBERS`, the last is cut off, or one is
            too long.
    """
    count = sum(_ends(data, at) for at in range(0, len(data), _PIECE_BYTES))
    if count > MAX_NUMBERS:
        raise WireError("bad_recording", f"{count} numbers in a record, at most {MAX_NUMBERS}")
    numbers = np.empty(count, np.int64)
    at = done = 0
    while at < len(data):
        piece, at = _unpacked_piece(data, at)
        numbers[done : done + len(piece)] = piece
        done += len(piece)
    return numbers


def _ends(data: bytes, at: int) -> int:
    """Numbers that end in a piece."""
    piece = np.frombuffer(data, np.uint8, min(_PIECE_BYTES, len(data) - at), at)
    return int(np.count_nonzero(piece < 128))


def _unpacked_piece(data: bytes, at: int) -> tuple[Whole, int]:
    """The numbers that end in the piece that begins here, and where the next piece begins."""
    raw = np.frombuffer(data, np.uint8, min(_PIECE_BYTES, len(data) - at), at)
    ends = np.flatnonzero(raw < 128)
    if not len(ends) or (at + len(raw) == len(data) and ends[-1] != len(raw) - 1):
        raise WireError("bad_recording", "a number is cut off")
    raw = raw[: ends[-1] + 1]
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    if int(lengths.max()) > _MOST_BYTES:
        raise WireError("bad_recording", "a number is too long")
    place = np.arange(len(raw)) - np.repeat(starts, lengths)
    bits = (raw & 127).astype(np.int64) << (7 * place)
    values = np.add.reduceat(bits, starts)
    signed: Whole = (values >> 1) ^ -(values & 1)
    return signed, at + len(raw)
