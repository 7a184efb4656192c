"""Who maps a transparent huge page among the processes asked for: cells joined by the PFN at which
the folio begins.

Only folios of a PMD's size are joined: base pages and smaller folios have no place in a cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from hugescope_agent.kernel.folios import PMD_ORDER
from hugescope_agent.model.mapping import Index
from hugescope_agent.model.thp import ThpMapping
from hugescope_wire.cells import MAX_COUNT, UNKNOWN_COUNT

ThpProcessMappings = tuple[int, str | None, Sequence[ThpMapping]]
"""A process, its name, and its THP mappings."""


class ThpPlace(NamedTuple):
    """One cell of one THP mapping of one process."""

    pid: int
    comm: str | None
    mapping: ThpMapping
    cell: int

    @property
    def address(self) -> int:
        """Where the cell begins, or the mapping in it."""
        vma = self.mapping.vma
        return max(vma.first_va + self.cell * vma.page_size, vma.start)

    @property
    def heads(self) -> set[int]:
        """Where the first and the last of its folios begin; empty: none, or not known."""
        mapping, cell = self.mapping, self.cell
        return {int(mapping.head_pfn[cell]), int(mapping.last_pfn[cell])} - {0}

    @property
    def huge_pages(self) -> int:
        """Its 4 KiB entries that show a folio of a PMD's size."""
        return int(self.mapping.folio_pages[self.cell, PMD_ORDER])


def count_mappers(mappings: Sequence[ThpMapping]) -> list[tuple[int, Index]]:
    """Write into `mappers` how many cells show the folio of each; changed cells by mapping id.

    Unknown where a cell shows no such folio, or more than one.
    """
    heads = [np.empty(0, np.uint64)]
    for mapping in mappings:
        apart = mapping.head_pfn != mapping.last_pfn
        heads += [mapping.head_pfn, mapping.last_pfn[apart]]
    shown, counts = np.unique(np.concatenate(heads), return_counts=True)
    counts = np.minimum(counts, MAX_COUNT).astype(np.uint16)
    changes = []
    for mapping in mappings:
        one = (mapping.head_pfn != 0) & (mapping.head_pfn == mapping.last_pfn)
        mappers = np.full(len(one), UNKNOWN_COUNT, np.uint16)
        mappers[one] = counts[np.searchsorted(shown, mapping.head_pfn[one])]
        changes.append((mapping.id, np.flatnonzero(mappers != mapping.cells.mappers)))
        mapping.cells.mappers[:] = mappers
        mapping.heads_moved = False
    return changes


def places_of(processes: Iterable[ThpProcessMappings], place: ThpPlace) -> list[ThpPlace] | None:
    """Everywhere that the folios of this cell are mapped in these processes, by pid and address.

    None: it shows no folio of a PMD's size, or its PFN is not known.
    """
    heads = np.array(sorted(place.heads), np.uint64)
    if not len(heads):
        return None
    found = []
    for pid, comm, mappings in processes:
        for mapping in mappings:
            shows = np.isin(mapping.head_pfn, heads) | np.isin(mapping.last_pfn, heads)
            cells = np.flatnonzero(shows).tolist()
            found += [ThpPlace(pid, comm, mapping, cell) for cell in cells]
    return sorted(found, key=lambda one: (one.pid, one.address))
