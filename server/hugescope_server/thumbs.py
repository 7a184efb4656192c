"""A mapping as a thumbnail: at most `THUMB_CELLS` pixels, so that many fit in an overview.

Each pixel stands for as many neighbouring cells, a power of two, and the last one for the rest.
Which state it shows: `Thumb` of `hugescope_wire.follow`; of states that are equally frequent, the
one of the higher number, so that a hole never hides a page.
"""

from __future__ import annotations

import base64
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_wire.cells import U8, CellState
from hugescope_wire.follow import THUMB_CELLS, Thumb

_ALWAYS_WIN: Final = (CellState.MIGRATING, CellState.POISONED)
"""In rising order."""


class Thumbnail:
    """The thumbnail of one mapping, made again only when it is asked for after a change.

    Attributes:
        number: rises whenever the thumbnail has become another; 0 until it was first made.
    """

    def __init__(self) -> None:
        self.number = 0
        self._version: int | None = None
        self._per_pixel = 1
        self._pixels: bytes | None = None

    def make(self, states: U8, version: int) -> None:
        """Show the states of all cells as they are since this version."""
        if version == self._version:
            return
        self._version, self._per_pixel = version, cells_per_pixel(len(states))
        pixels = pixel_states(states, self._per_pixel).tobytes()
        if pixels != self._pixels:
            self._pixels = pixels
            self.number += 1

    def record(self, mapping_id: int) -> Thumb:
        """What was made last, as it travels."""
        assert self._pixels is not None, "make() comes first"
        states = base64.b64encode(self._pixels).decode()
        return Thumb(mapping_id=mapping_id, cells=self._per_pixel, states=states)


def cells_per_pixel(count: int) -> int:
    """The smallest power of two with which `count` cells need no more pixels than there are."""
    pixels = max(1, -(-count // THUMB_CELLS))
    return 1 << (pixels - 1).bit_length()


def pixel_states(states: U8, per_pixel: int) -> U8:
    """One state for each `per_pixel` neighbours, u8; the last may stand for fewer."""
    if per_pixel == 1:
        return states
    whole = len(states) // per_pixel * per_pixel
    pixels = _dominant(states[:whole].reshape(-1, per_pixel))
    if whole == len(states):
        return pixels
    return np.append(pixels, _dominant(states[whole:].reshape(1, -1)))


def _dominant(rows: npt.NDArray[np.uint8]) -> U8:
    """Of each row the state that wins. 16 bits hold the count: a host has at most 2**24 cells."""
    counts = np.stack(
        [np.add.reduce(rows == state, axis=1, dtype=np.uint16) for state in CellState]
    )
    # argmax takes the first of equals: counted from the highest state down.
    winner: U8 = (len(CellState) - 1 - counts[::-1].argmax(axis=0)).astype(np.uint8)
    for state in _ALWAYS_WIN:
        winner[counts[state] > 0] = state
    return winner
