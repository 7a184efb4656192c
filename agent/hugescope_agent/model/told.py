"""How cells are told where the report knows better than the page table: lost pages in holes.

pagemap shows a poisoned entry as a hole, and where nothing but smaps tells of it the cell stays one
to whoever reads it, accounts and the next report's own search for lost pages included. Only what
is told of it says that a page was there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from hugescope_agent.model.mapping import Index, TrackedMapping
from hugescope_agent.model.sharing import ProcessMappings
from hugescope_wire.cells import CellFlag, Cells, CellState
from hugescope_wire.report import Poison

_INFERRED: Final = np.uint8(CellFlag.INFERRED)


@dataclass(slots=True)
class LostCells:
    """Cells at which the latest report places a lost page, by mapping id."""

    _cells: Mapping[int, Index] = field(default_factory=dict)

    def place(
        self, poison: Poison, processes: Iterable[ProcessMappings]
    ) -> list[tuple[TrackedMapping, Index]]:
        """Take another report's places; the cells that are told otherwise since, by mapping."""
        tracked = {(pid, m.vma.start): m for pid, _, mappings in processes for m in mappings}
        cells: dict[int, set[int]] = defaultdict(set)
        for place in (place for page in poison.pages for place in page.places):
            mapping = tracked.get((place.process.pid, place.start))
            if mapping is None or place.address is None:
                continue
            cell = (place.address - place.start) // mapping.vma.page_size
            if cell < len(mapping.cells):
                cells[mapping.id].add(cell)
        before = self._cells
        self._cells = {number: np.array(sorted(at), np.intp) for number, at in cells.items()}
        nowhere = np.empty(0, np.intp)
        changed = []
        for mapping in tracked.values():
            old = before.get(mapping.id, nowhere)
            differ = np.setxor1d(old, self._cells.get(mapping.id, nowhere))
            differ = differ[mapping.cells.state[differ] == CellState.HOLE]
            if len(differ):
                changed.append((mapping, differ))
        return changed

    def holds(self, mapping: TrackedMapping, cell: int) -> bool:
        """Whether a page was lost at this cell, which is a hole."""
        at = self._cells.get(mapping.id)
        hole = int(mapping.cells.state[cell]) == CellState.HOLE
        return at is not None and hole and cell in at

    def told(self, number: int, cells: Cells) -> Cells:
        """The cells of a mapping as they are told: its lost ones poisoned, as an inference."""
        at = self._cells.get(number)
        if at is None:
            return cells
        at = at[cells.state[at] == CellState.HOLE]
        state, flags = cells.state.copy(), cells.flags.copy()
        state[at] = CellState.POISONED
        flags[at] |= _INFERRED
        return replace(cells, state=state, flags=flags)
