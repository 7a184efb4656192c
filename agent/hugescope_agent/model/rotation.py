"""Which cells to read again though nothing tells that they changed.

PAGEMAP_SCAN shows neither a page that was copied on write nor a mapcount that another process
changed, so every present cell is read again in turn, as many a tick as a budget of time allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hugescope_agent.model.mapping import Index, TrackedMapping

_FIRST_GUESS_S: Final = 4e-6
"""Three preads and their share of the arithmetic, before anything was measured."""

_WEIGHT: Final = 0.1
_FEWEST: Final = 16
_MOST: Final = 1 << 14


@dataclass(slots=True)
class Rotation:
    """Deals out cells in turn over all mappings. `budget_s` is seconds a tick."""

    budget_s: float
    fixed: int | None = None
    _cell_s: float = _FIRST_GUESS_S
    _at: int = 0

    @property
    def cells_per_tick(self) -> int:
        """Cells that fit the budget by what they have cost so far."""
        if self.fixed is not None:
            return self.fixed
        return min(max(int(self.budget_s / self._cell_s), _FEWEST), _MOST)

    def measured(self, cells: int, spent_s: float) -> None:
        """Learn what `cells` cells cost."""
        if cells:
            self._cell_s += _WEIGHT * (spent_s / cells - self._cell_s)

    def deal(self, mappings: Sequence[TrackedMapping]) -> list[tuple[TrackedMapping, Index]]:
        """The next present cells in turn, at most `cells_per_tick`, each at most once.

        HGM mappings need none: they are read whole at every look.
        """
        present = [(m, m.present_index) for m in mappings if not m.hgm]
        left = min(self.cells_per_tick, sum(len(index) for _, index in present))
        dealt = []
        while left > 0:
            self._at %= len(present)
            mapping, index = present[self._at]
            first = int(np.searchsorted(index, mapping.cursor))
            chosen = index[first : first + left]
            if len(chosen):
                dealt.append((mapping, chosen))
                left -= len(chosen)
            if first + len(chosen) < len(index):
                mapping.cursor = int(chosen[-1]) + 1
            else:
                mapping.cursor = 0
                self._at += 1
        return dealt
