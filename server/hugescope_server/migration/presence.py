"""Which pages of a VM's RAM are there, as looks at it show: a byte a page, all blocks in a row.

Cells that are migrating or poisoned are as they were: such a page has not left, and a hole that is
told as poisoned has not come. A cell that is mapped in part is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_wire.cells import U8, CellState

GROUP_SHIFT: Final = 9
GROUP: Final = 1 << GROUP_SHIFT

PRESENT: Final = 1
PUNCHED: Final = 2
"""It went at the switch-over and has not come back."""

Index = npt.NDArray[np.int64]
_AS_WAS: Final = 2

_IS_THERE: Final = np.array(
    [
        _AS_WAS
        if state in (CellState.MIGRATING, CellState.POISONED)
        else state not in (CellState.HOLE, CellState.MARKER)
        for state in CellState
    ],
    np.uint8,
)


def _none() -> Index:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Look:
    """What one frame showed.

    Attributes:
        at_s: when it was taken.
        arrived, departed: cells, rising, each once.
    """

    at_s: float
    arrived: Index = field(default_factory=_none)
    departed: Index = field(default_factory=_none)

    @property
    def is_empty(self) -> bool:
        """Whether nothing came or went."""
        return not len(self.arrived) and not len(self.departed)


class Presence:
    """The pages of one process' RAM.

    Attributes:
        count: all of them.
        present: those that are there.
        punched_absent: those that went at the switch-over and have not come back.
    """

    def __init__(self, count: int) -> None:
        self.count: Final = count
        self.present = 0
        self.punched_absent = 0
        # At least one byte behind the last, so that every place has a group, also the end.
        self._bits: U8 = np.zeros((count // GROUP + 1) * GROUP, np.uint8)
        self._bits[count:] = PRESENT
        self._absent = GROUP - np.count_nonzero(self._rows & PRESENT, axis=1).astype(np.int64)

    @property
    def left(self) -> int:
        """Those that are not there."""
        return self.count - self.present

    def see(self, first: int, states: U8, index: npt.NDArray[np.integer] | None) -> Look:
        """Compare `states` of the cells at `first` + `index` (None: all of them, from `first` on)
        with what is known; nothing is changed yet. `at_s` of the result is for the caller.
        """
        there = _IS_THERE[states]
        cells: Index
        if index is None:
            known = self._bits[first : first + len(states)] & PRESENT
            cells = np.flatnonzero((there != known) & (there != _AS_WAS)).astype(np.int64)
            there = there[cells]
            cells += first
        else:
            cells = index.astype(np.int64) + first
            other = (there != self._bits[cells] & PRESENT) & (there != _AS_WAS)
            cells, there = cells[other], there[other]
            if len(cells) > 1 and not bool(np.all(cells[1:] > cells[:-1])):
                cells, at = np.unique(cells, return_index=True)
                there = there[at]
        came = there == PRESENT
        return Look(0.0, cells[came], cells[~came])

    def leave(self, cells: Index, punched: bool = False) -> None:
        """These went; `punched`: at the switch-over."""
        self._bits[cells] = PUNCHED if punched else 0
        self.punched_absent += len(cells) if punched else 0
        self._count(cells, 1)

    def come(self, cells: Index) -> None:
        """These came."""
        self.punched_absent -= int(np.count_nonzero(self._bits[cells] & PUNCHED))
        self._bits[cells] = PRESENT
        self._count(cells, -1)

    def forget_punched(self) -> None:
        """What went did not go at a switch-over."""
        if self.punched_absent:
            self._bits &= PRESENT
            self.punched_absent = 0

    def release(self) -> None:
        """Keep the counts only."""
        self._bits = np.full(GROUP, PRESENT, np.uint8)
        self._absent = np.zeros(1, np.int64)

    def is_there(self, cell: int) -> bool:
        """Whether this page is."""
        return bool(self._bits[cell] & PRESENT)

    def there(self) -> Index:
        """All that are, in order."""
        return np.flatnonzero(self._bits[: self.count] & PRESENT).astype(np.int64)

    def ranks(self, cells: Index) -> Index:
        """How many pages below each of these are not there."""
        if not len(cells):
            return _none()
        before = np.concatenate((np.zeros(1, np.int64), np.cumsum(self._absent)))
        groups = cells >> GROUP_SHIFT
        some, which = np.unique(groups, return_inverse=True)
        absent = (self._rows[some] & PRESENT) == 0
        up_to = np.cumsum(absent, axis=1, dtype=np.int64) - absent
        ranks: Index = before[groups] + up_to[which, cells & (GROUP - 1)]
        return ranks

    @property
    def _rows(self) -> U8:
        return self._bits.reshape(-1, GROUP)

    def _count(self, cells: Index, absent: int) -> None:
        self.present -= absent * len(cells)
        np.add.at(self._absent, cells >> GROUP_SHIFT, absent)
