"""Inside one huge page: 2 MiB chunks of a 1 GiB page, 4 KiB entries of a chunk or a smaller page.

On mainline one entry maps the whole page, so its parts are all alike. Under HGM each 4 KiB shows in
pagemap whether it is present; the level that maps it is certain in a partly mapped page or chunk
(pte), and elsewhere as far as it is known of the cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.pagemap import UFFD_WP_BIT
from hugescope_agent.model.decode import CHUNK_PAGES, Words, present_mask
from hugescope_wire.cells import PAGE_BYTES, CellState
from hugescope_wire.levels import PMD_BYTES, PUD_BYTES
from hugescope_wire.page import PartRun

Level = Literal["pud", "pmd", "pte"]
Numbers = npt.NDArray[np.integer]

_LEVELS: Final[tuple[Level | None, ...]] = (None, "pte", "pmd", "pud")


@dataclass(frozen=True, slots=True)
class Whole:
    """What maps a part that is present in full; `level` None: cannot be told."""

    state: CellState
    level: Level | None
    inferred: bool = False


@dataclass(frozen=True, slots=True)
class CellLevel:
    """What is known of how an HGM cell is mapped.

    Attributes:
        chunk_level: what maps every full chunk of the mapping's 1 GiB pages that no PUD maps, where
            that is known.
    """

    state: CellState
    inferred: bool
    page_size: int
    chunk_level: Level | None

    def of_part(self, part_bytes: int) -> Whole:
        """What a part of it in full is."""
        level: Level | None = "pte" if self.page_size <= PMD_BYTES else self.chunk_level
        if self.state == CellState.MAPPED:
            level = own_level(self.page_size)
        elif self.state == CellState.FULL:
            level = None
        inferred = self.inferred and level is not None
        if part_bytes == PAGE_BYTES or level in ("pud", "pmd"):
            return Whole(CellState.MAPPED, level, inferred)
        return Whole(CellState.FULL if level is None else CellState.SPLIT, level, inferred)


@dataclass(frozen=True, slots=True)
class Parts:
    """Columns over the parts of a page, in address order, all of one length.

    Attributes:
        present_bytes: of each part; `folio_bytes` of the folio it lies in, 0 where unknown.
        level: index into (null, pte, pmd, pud).
    """

    state: Numbers
    level: Numbers
    present_bytes: Numbers
    inferred: Numbers
    folio_bytes: Numbers

    def runs(self, part_bytes: int) -> list[PartRun]:
        """Equal neighbours taken together."""
        table = np.column_stack(
            [self.state, self.level, self.present_bytes, self.inferred, self.folio_bytes]
        ).astype(np.int64)
        edge = np.ones(len(table), np.bool_)
        edge[1:] = (table[1:] != table[:-1]).any(axis=1)
        starts = np.flatnonzero(edge)
        counts = np.diff(np.append(starts, len(table)))
        rows = zip(starts.tolist(), counts.tolist(), table[starts].tolist(), strict=True)
        return [
            PartRun.model_validate(
                {
                    "first": first,
                    "count": count,
                    "part_bytes": part_bytes,
                    "state": CellState(state).label,
                    "level": _LEVELS[level],
                    "present_bytes": present,
                    "folio_bytes": folio or None,
                    "inferred": bool(inferred),
                }
            )
            for first, count, (state, level, present, inferred, folio) in rows
        ]


def level_number(level: Level | None) -> int:
    """How `Parts.level` names a level."""
    return _LEVELS.index(level)


def own_level(page_size: int) -> Level:
    """The level of an entry of the page's own size."""
    if page_size >= PUD_BYTES:
        return "pud"
    return "pmd" if page_size >= PMD_BYTES else "pte"


def equal_parts(page_size: int, chunk: int | None, whole: Whole) -> list[PartRun]:
    """Parts of a page, or of one chunk of it, that is mapped by one entry or not at all."""
    part_bytes = _part_bytes(page_size, chunk)
    present = part_bytes if whole.state == CellState.MAPPED else 0
    columns = (whole.state, level_number(whole.level) if present else 0, present, whole.inferred, 0)
    size = page_size if chunk is None else PMD_BYTES
    count = size // part_bytes
    return Parts(*(np.full(count, int(value)) for value in columns)).runs(part_bytes)


def parts_of(words: Words, chunk: int | None, cell: CellLevel) -> list[PartRun]:
    """Parts of an HGM cell by all of its pagemap entries, u64, or those of one chunk of it.

    An entry that is not present and write-protected is a marker; a chunk without any present entry
    and with a marker is one.
    """
    part_bytes = _part_bytes(cell.page_size, chunk)
    held = words if chunk is None else words.reshape(-1, CHUNK_PAGES)[chunk]
    table = held.reshape(-1, part_bytes // PAGE_BYTES)
    present = present_mask(table)
    whole = cell.of_part(part_bytes)
    if chunk is not None and not present.all():
        whole = Whole(CellState.MAPPED, "pte")
    marked = ((table >> np.uint64(UFFD_WP_BIT)) & np.uint64(1)).any(axis=1)
    count = present.sum(axis=1, dtype=np.int64)
    full, partial = count == table.shape[1], (count > 0) & (count < table.shape[1])
    state = np.select(
        [full, partial, marked], [whole.state, CellState.PARTIAL, CellState.MARKER], CellState.HOLE
    )
    level = np.select([full, partial], [level_number(whole.level), level_number("pte")], 0)
    inferred = full & whole.inferred
    return Parts(state, level, count * PAGE_BYTES, inferred, np.zeros_like(count)).runs(part_bytes)


def _part_bytes(page_size: int, chunk: int | None) -> int:
    """Chunks of a page larger than 2 MiB, entries of a chunk or a smaller page."""
    return PMD_BYTES if page_size > PMD_BYTES and chunk is None else PAGE_BYTES
