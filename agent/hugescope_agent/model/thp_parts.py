"""Inside one cell of a THP mapping: 4 KiB entries, with the size of the folio behind each."""

from __future__ import annotations

import numpy as np

from hugescope_agent.kernel.folios import Folios
from hugescope_agent.kernel.pagemap import PRESENT_BIT, UFFD_WP_BIT
from hugescope_agent.model.drill import Level, Parts, level_number
from hugescope_agent.model.thp_cells import Words, bit
from hugescope_wire.cells import PAGE_BYTES, CellState
from hugescope_wire.page import PartRun


def thp_parts(
    words: Words, folios: Folios | None, state: CellState, *, inferred: bool
) -> list[PartRun]:
    """Runs of the entries of a cell, u64[PMD_PAGES], 0 where the mapping does not reach.

    `folios` is of the present entries in order, None where unknown; `state` and `inferred` are of
    the cell as a whole: of a full one it is not known whether PTEs or a PMD map it. An entry of the
    page of zeros has no folio.
    """
    present = bit(words, PRESENT_BIT)
    marked = bit(words, UFFD_WP_BIT) & ~present if state == CellState.MARKER else ~present & False
    level: Level | None = "pmd" if state == CellState.MAPPED else "pte"
    level = None if state == CellState.FULL else level
    folio_bytes = np.zeros(len(words), np.int64)
    if folios is not None:
        sizes = np.int64(PAGE_BYTES) << folios.order.astype(np.int64)
        folio_bytes[present] = np.where(folios.zero, 0, sizes)
    return Parts(
        np.select([present, marked], [CellState.MAPPED, CellState.MARKER], CellState.HOLE),
        np.where(present, level_number(level), 0),
        np.where(present, PAGE_BYTES, 0),
        np.where(present, int(inferred), 0),
        folio_bytes,
    ).runs(PAGE_BYTES)
