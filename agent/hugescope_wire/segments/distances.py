"""Distances between cells that changed, as Rice codes: nothing is shorter where they lie anywhere.

A distance d of `low_bits` b stands as d >> b in unary (so many zeros and a one) and its lowest b
bits. First all the unary parts, padded to a byte, then all the low bits, highest first.
(R. F. Rice, Some Practical Universal Noiseless Coding Techniques, JPL 79-22.)
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_wire.errors import WireError

MAX_LOW_BITS: Final = 33
_MOST: Final = 1 << 32
_PIECE: Final = 1 << 16
"""Bytes, or distances, that are unpacked at once; a multiple of 8."""

_Distances = npt.NDArray[np.int64]


def best_low_bits(distances: _Distances) -> int:
    """With which the code is shortest."""
    costs = [
        int((distances >> bits).sum()) + bits * len(distances) for bits in range(MAX_LOW_BITS + 1)
    ]
    return costs.index(min(costs))


def coded(distances: _Distances, low_bits: int) -> bytes:
    """All of them, none negative."""
    if not len(distances):
        return b""
    high = distances >> low_bits
    ends = np.cumsum(high + 1)
    unary = np.zeros(int(ends[-1]), np.uint8)
    unary[ends - 1] = 1
    shifts = np.arange(low_bits - 1, -1, -1)
    low = ((distances[:, None] >> shifts) & 1).astype(np.uint8)
    return np.packbits(unary).tobytes() + np.packbits(low).tobytes()


def decoded(data: bytes, count: int, low_bits: int) -> _Distances:
    """`count` distances.

    Raises:
        WireError: `bad_recording`: the bytes are not as long as that takes, or a distance is longer
            than cells can be apart.
    """
    if not count:
        return np.zeros(0, np.int64)
    low_bytes = -(-count * low_bits // 8)
    split = len(data) - low_bytes
    if split <= 0 or count > 8 * split:
        raise WireError("bad_recording", "distances are missing")
    found = _high(np.frombuffer(data, np.uint8, split), count)
    if int(found.max()) > _MOST >> low_bits:
        raise WireError("bad_recording", "a distance is too long")
    found <<= low_bits
    if low_bits:
        _add_low(found, np.frombuffer(data, np.uint8, low_bytes, split), low_bits)
    return found


def _high(unary: npt.NDArray[np.uint8], count: int) -> _Distances:
    """The numbers that stand in unary."""
    found = np.empty(count, np.int64)
    done, before = 0, -1
    for at in range(0, len(unary), _PIECE):
        ones = np.flatnonzero(np.unpackbits(unary[at : at + _PIECE])) + 8 * at
        if done + len(ones) > count:
            raise WireError("bad_recording", f"more distances than {count}")
        if len(ones):
            found[done : done + len(ones)] = np.diff(ones, prepend=before) - 1
            done, before = done + len(ones), int(ones[-1])
    if done != count:
        raise WireError("bad_recording", f"{done} distances of {count}")
    return found


def _add_low(found: _Distances, packed: npt.NDArray[np.uint8], low_bits: int) -> None:
    """Eight distances' low bits always are whole bytes, so pieces begin with a byte."""
    weights = 1 << np.arange(low_bits - 1, -1, -1, dtype=np.int64)
    for at in range(0, len(found), _PIECE):
        piece = found[at : at + _PIECE]
        begin = at * low_bits // 8
        bits = np.unpackbits(packed[begin : begin + -(-len(piece) * low_bits // 8)])
        bits = bits[: len(piece) * low_bits]
        piece += bits.reshape(len(piece), low_bits).astype(np.int64) @ weights
