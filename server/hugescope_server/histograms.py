"""A host's cells counted by class: by state, and those that are present by their counts.

Counted only when somebody asks, and of a mapping that was counted before only what changed since.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_server.mappingtrack import MappingTrack
from hugescope_wire.cells import MAX_COUNT, PAGE_BYTES, UNKNOWN_COUNT, Cells, CellState
from hugescope_wire.follow import CountBucket, Histograms, LevelSum

BUCKET_LOWS: Final = (0, 1, 2, 3, 4, *(2**power + 1 for power in range(2, 16)))
"""Where buckets begin: single counts up to 4, then 5 to 8, 9 to 16 and so on."""
UNKNOWN_BUCKET: Final = len(BUCKET_LOWS)
"""Comes after all others."""


def _bucket_table() -> npt.NDArray[np.uint8]:
    values = np.arange(UNKNOWN_COUNT + 1)
    table = (np.searchsorted(BUCKET_LOWS, values, side="right") - 1).astype(np.uint8)
    table[UNKNOWN_COUNT] = UNKNOWN_BUCKET
    return table


BUCKET_OF: Final = _bucket_table()

Sums = npt.NDArray[np.int64]

_PARTS: Final = np.cumsum([len(CellState), len(CellState), UNKNOWN_BUCKET + 1])
"""Where the sums of one mapping are split: cells by state, 4 KiB pages by state, present cells by
mapcount, and the same by mappers."""

KEPT_S: Final = 3
"""What is kept to compare with is as large as the cells: given up so long after the last use."""


class HostHistograms:
    """Of one host, counted when asked for, as JSON: made once for all viewers."""

    def __init__(self) -> None:
        self._counted: dict[int, tuple[Cells, Sums]] = {}
        self._version = -1
        self._text = ""
        self._unasked_s = 0

    def text(self, version: int, tracks: Iterable[MappingTrack]) -> str:
        """`Histograms` of these mappings as JSON; `version` is the host's."""
        self._unasked_s = 0
        if version != self._version:
            self._version, self._text = version, self._make(list(tracks)).model_dump_json()
        return self._text

    def second_passed(self) -> None:
        """Called about once a second, whether anybody asks or not."""
        self._unasked_s += 1
        if self._unasked_s > KEPT_S:
            self._counted = {}

    def _make(self, tracks: list[MappingTrack]) -> Histograms:
        self._count(tracks)
        by_class: dict[tuple[int, str], Sums] = {}
        for track in tracks:
            key = (track.info.page_size, track.info.kind)
            by_class[key] = by_class.get(key, _NOTHING) + self._counted[track.generation][1]
        levels = []
        for (page_size, kind), sums in sorted(by_class.items()):
            cells, pages, *_ = np.split(sums, _PARTS)
            levels += [
                LevelSum(
                    page_size=page_size,
                    kind="thp" if kind == "thp" else "hugetlb",
                    state=state.label,
                    cells=int(cells[state]),
                    mapped_bytes=int(pages[state]) * PAGE_BYTES,
                )
                for state in CellState
                if cells[state]
            ]
        mapcount, mappers = np.split(sum(by_class.values(), _NOTHING), _PARTS)[2:]
        return Histograms(levels=levels, mapcount=_buckets(mapcount), mappers=_buckets(mappers))

    def _count(self, tracks: list[MappingTrack]) -> None:
        """Bring the sums of these mappings up to date, and forget all others."""
        known, self._counted = self._counted, {}
        for track in tracks:
            counted, cells = known.get(track.generation), track.cells
            if counted is None:
                counted = (cells, _sums(cells))
            elif counted[0] is not cells:
                before, sums = counted
                index = before.differing(cells)
                sums = sums + _sums(cells.take(index)) - _sums(before.take(index))
                counted = (cells, sums)
            self._counted[track.generation] = counted


def _sums(cells: Cells) -> Sums:
    states = len(CellState)
    present = cells.mapped_pages > 0
    return np.concatenate(
        (
            np.bincount(cells.state, minlength=states),
            np.bincount(cells.state, cells.mapped_pages, states),
            np.bincount(BUCKET_OF[cells.mapcount[present]], minlength=UNKNOWN_BUCKET + 1),
            np.bincount(BUCKET_OF[cells.mappers[present]], minlength=UNKNOWN_BUCKET + 1),
        )
    ).astype(np.int64)


_NOTHING: Final = _sums(Cells.holes(0))


def _buckets(sums: Sums) -> list[CountBucket]:
    """Without gap from 0 to the highest that has cells, then the unknown if there are any."""
    filled = np.flatnonzero(sums[:UNKNOWN_BUCKET])
    end = int(filled[-1]) + 1 if len(filled) else 0
    highs = [*(low - 1 for low in BUCKET_LOWS[1:]), MAX_COUNT]
    out = [
        CountBucket(low=BUCKET_LOWS[at], high=highs[at], cells=int(sums[at])) for at in range(end)
    ]
    if sums[UNKNOWN_BUCKET]:
        out.append(CountBucket(low=None, high=None, cells=int(sums[UNKNOWN_BUCKET])))
    return out
