"""A host's cells by class: bytes by state and level, and how often pages are mapped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_server.histograms import BUCKET_LOWS, BUCKET_OF, UNKNOWN_BUCKET
from hugescope_server.metrics.families import Buckets, Definition, Families
from hugescope_server.metrics.hosts import HOST
from hugescope_server.metrics.view import HostView, MappingView
from hugescope_wire.cells import PAGE_BYTES, UNKNOWN_COUNT, CellState

_CLASS: Final = (*HOST, "kind", "page_size")
_BY_MAPPING: Final = "A page that several mappings show counts in each of them."

CELLS: Final = Definition(
    "hugescope_cells",
    f"Huge pages of mappings by state, holes included. {_BY_MAPPING}",
    (*_CLASS, "state"),
)
MAPPED: Final = Definition(
    "hugescope_mapped_bytes",
    f"Present bytes of mappings by the state of their huge page. {_BY_MAPPING}",
    (*_CLASS, "state"),
    "bytes",
)
LEVEL: Final = Definition(
    "hugescope_mapped_level_bytes",
    "Present bytes of mappings by the page table level that maps them: pud, pmd or pte; none where "
    f"one mapping cannot tell. {_BY_MAPPING}",
    (*_CLASS, "level"),
    "bytes",
)
MAPCOUNT: Final = Definition(
    "hugescope_cell_mapcount",
    "Present huge pages of mappings by the kernel's mapcount.",
    (*HOST, "kind"),
    kind="histogram",
)
MAPPERS: Final = Definition(
    "hugescope_cell_mappers",
    "Present huge pages of mappings by how many mappings of the page were seen.",
    (*HOST, "kind"),
    kind="histogram",
)
UNKNOWN: Final = Definition(
    "hugescope_cell_count_unknown_cells",
    "Present huge pages of mappings whose mapcount or mappers could not be read.",
    (*HOST, "kind", "count"),
    "cells",
)
LEVELS: Final = ("pud", "pmd", "pte")
_BORDERS: Final = (*(str(float(low - 1)) for low in BUCKET_LOWS[1:]), "+Inf")
_COUNTED: Final = (("mapcount", MAPCOUNT), ("mappers", MAPPERS))


@dataclass(frozen=True, slots=True)
class Spread:
    """Present cells of some mappings by one count: how many in each bucket, and their sum."""

    cells: npt.NDArray[np.int64]
    total: int

    def __add__(self, other: Spread) -> Spread:
        return Spread(self.cells + other.cells, self.total + other.total)

    @property
    def unknown(self) -> int:
        """Cells whose count was not read."""
        return int(self.cells[UNKNOWN_BUCKET])

    @property
    def buckets(self) -> Buckets:
        """As a histogram has them."""
        counts = accumulate(self.cells[:UNKNOWN_BUCKET].tolist())
        return list(zip(_BORDERS, counts, strict=True))


_NOTHING: Final = Spread(np.zeros(UNKNOWN_BUCKET + 1, np.int64), 0)
_Both = tuple[Spread, Spread]


class CellCounts:
    """Counts of mappings, made again where cells changed since they were asked for last."""

    def __init__(self) -> None:
        self._counted: dict[tuple[int, int], _Both] = {}

    def put(self, out: Families, hosts: Iterable[HostView]) -> None:
        """What is known of the cells of these hosts; of all others counts are forgotten."""
        counted: dict[tuple[int, int], _Both] = {}
        for host in hosts:
            for mapping in host.mappings:
                counted[mapping.key] = self._counted.get(mapping.key) or _count(mapping)
            _put_classes(out, host)
            _put_counts(out, host, counted)
        self._counted = counted


def _put_counts(out: Families, host: HostView, counted: Mapping[tuple[int, int], _Both]) -> None:
    for kind in ("hugetlb", "thp"):
        found = [counted[one.key] for one in host.mappings if one.kind == kind]
        for at, (name, what) in enumerate(_COUNTED):
            if found:
                spread = sum((both[at] for both in found), _NOTHING)
                out.put_buckets(what, [host.host_id, kind], spread.buckets, spread.total)
                out.put(UNKNOWN, [host.host_id, kind, name], spread.unknown)


def _count(mapping: MappingView) -> _Both:
    present = mapping.cells.mapped_pages > 0
    return _spread(mapping.cells.mapcount[present]), _spread(mapping.cells.mappers[present])


def _spread(counts: npt.NDArray[np.uint16]) -> Spread:
    cells = np.bincount(BUCKET_OF[counts], minlength=UNKNOWN_BUCKET + 1).astype(np.int64)
    total = int(counts.sum(dtype=np.int64)) - int(cells[UNKNOWN_BUCKET]) * UNKNOWN_COUNT
    return Spread(cells, total)


def _put_classes(out: Families, host: HostView) -> None:
    cells: Counter[tuple[str, int, str]] = Counter()
    pages: Counter[tuple[str, int, str]] = Counter()
    levels: dict[tuple[str, int, str], int | None] = {}
    for mapping in host.mappings:
        which = (mapping.kind, mapping.page_size)
        for state in CellState:
            cells[*which, state.label] += mapping.state_counts[state]
            pages[*which, state.label] += mapping.state_pages[state]
        for level in LEVELS:
            before = levels.setdefault((*which, level), 0)
            size_bytes: int | None = getattr(mapping.levels, level)
            known = before is not None and size_bytes is not None
            levels[*which, level] = (before or 0) + (size_bytes or 0) if known else None
    for key, count in sorted(cells.items()):
        out.put(CELLS, [host.host_id, *key], count)
        out.put(MAPPED, [host.host_id, *key], pages[key] * PAGE_BYTES)
    for key, total in sorted(levels.items()):
        out.put(LEVEL, [host.host_id, *key], total)
