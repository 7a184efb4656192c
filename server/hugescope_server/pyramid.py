"""The groups of one mapping at each level of detail, kept while someone looks at them.

A level is made when a viewer first asks for it, and after that only the groups in which a cell
changed are made again, each from the eight groups, or cells, below it. So an update costs what it
changed, however many cells the mapping has, and a mapping that nobody watches costs nothing here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_wire.cells import Cells
from hugescope_wire.groups import Groups, Numbers, coarsen, group_cells, numbers_of

STEP: Final = 3
"""A group has eight of the level below; the shifts that viewers ask for are its multiples."""

ChangedSince = Callable[[int], npt.NDArray[np.intp]]
"""The cells that changed after this version, rising."""


@dataclass(slots=True)
class _Level:
    """`groups` have the numbers from `first` on, and were right at `version`."""

    groups: Groups
    first: int
    version: int


class Pyramid:
    """Groups of all cells of a mapping whose first cell is in `first_column` of its table."""

    def __init__(self, first_column: int) -> None:
        self._first_column = first_column
        self._levels: dict[int, _Level] = {}

    def groups(
        self, shift: int, cells: Cells, version: int, changed_since: ChangedSince
    ) -> tuple[Groups, int]:
        """All groups of 2**`shift` entries as of `version`, and the number of the first of them.

        The arrays are written over by the next call.
        """
        level = self._levels.get(shift)
        if level is not None and level.version == version:
            return level.groups, level.first
        if level is None:
            numbers = numbers_of(0, len(cells), self._first_column, shift)
        else:
            changed = changed_since(level.version)
            numbers = touched(changed, self._first_column, shift)
        made = self._make(shift, numbers, cells, version, changed_since)
        if level is None:
            level = self._levels[shift] = _Level(made, int(numbers[0]), version)
        else:
            level.groups.put(numbers - level.first, made)
            level.version = version
        return level.groups, level.first

    def _make(
        self,
        shift: int,
        numbers: Numbers,
        cells: Cells,
        version: int,
        changed_since: ChangedSince,
    ) -> Groups:
        if shift <= STEP:
            return group_cells(cells, self._first_column, shift, numbers)
        finer, first = self.groups(shift - STEP, cells, version, changed_since)
        return coarsen(finer, first, STEP, numbers)


def touched(index: Numbers, first_column: int, shift: int) -> Numbers:
    """The groups that cells at rising `index` are in, each once."""
    numbers = (index + first_column) >> shift
    keep = np.ones(len(numbers), np.bool_)
    keep[1:] = numbers[1:] != numbers[:-1]
    return numbers[keep]
