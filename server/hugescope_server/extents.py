"""Runs of equal cells of one mapping, filtered and in pages, as records or as CSV.

Cells are equal when all that is told of them is, but for when they last changed: an extent changed
when the newest of its cells did. Runs are found on whole columns; only those asked for become
records.

CSV: a header row, then one row an extent, fields as in `Extent` and in its order. Addresses in
hexadecimal, other numbers in decimal, nothing for null, flags with a space between. No field is
ever quoted: all are numbers or words of ours, so none can be taken for a formula either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hugescope_wire.cells import (
    FLAG_LABELS,
    PAGE_BYTES,
    U32,
    UNKNOWN_AGE,
    UNKNOWN_COUNT,
    UNKNOWN_NODE,
    CellFlag,
    Cells,
    CellState,
)
from hugescope_wire.extents import Extent
from hugescope_wire.host import MappingInfo
from hugescope_wire.picture import flag_labels

CSV_PIECE_ROWS: Final = 2048
"""Rows made in one go: some milliseconds."""

STATE_LABELS: Final = tuple(state.label for state in CellState)
_STATE_OF: Final = {state.label: state for state in CellState}
_FLAG_OF: Final = {label: flag for flag, label in FLAG_LABELS.items()}
_FLAGS_FIELD: Final = [" ".join(flag_labels(bits)) for bits in range(sum(CellFlag) + 1)]
_DECISECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Wish:
    """Which extents: of cells `first` to `first + count` (count None: to the end), in any of these
    states, with any of these flags; none named: of all. Extents end where the range does.
    """

    states: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    first: int = 0
    count: int | None = None

    def range_of(self, cell_count: int) -> slice:
        """The cells of a mapping that are in the range."""
        end = cell_count if self.count is None else min(cell_count, self.first + self.count)
        return slice(self.first, max(self.first, end))


class _Row(NamedTuple):
    """As `Extent`, with numbers for the state and the flags, and tenths for the age."""

    first: int
    cells: int
    start: int
    end: int
    file_offset: int | None
    guest_offset: int | None
    state: int
    mapped_bytes: int
    mapcount: int | None
    mappers: int | None
    node: int | None
    flags: int
    changed_ago: int | None


@dataclass(frozen=True, slots=True)
class Extents:
    """The extents that were found, as columns of equal length.

    Attributes:
        first, count: cells, i64.
        rows: the first cell of each.
        changed_ago: the newest change of its cells, u32 in tenths of a second, or `UNKNOWN_AGE`.
    """

    info: MappingInfo
    first: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]
    rows: Cells
    changed_ago: U32

    def __len__(self) -> int:
        return len(self.first)

    @property
    def cells(self) -> int:
        """Cells in all of them."""
        return int(self.count.sum())

    def records(self, offset: int, limit: int) -> list[Extent]:
        """At most `limit` of them, from this one on."""
        return [_record(row) for row in self._rows(offset, limit)]

    def csv(self) -> Iterator[str]:
        """All of them, in pieces of whole rows."""
        yield ",".join(Extent.model_fields) + "\n"
        for offset in range(0, len(self), CSV_PIECE_ROWS):
            yield "".join(map(_csv_row, self._rows(offset, CSV_PIECE_ROWS)))

    def _rows(self, offset: int, limit: int) -> Iterator[_Row]:
        part = slice(offset, offset + limit)
        info, rows = self.info, self.rows
        first, count = self.first[part], self.count[part]
        base = info.start - info.start % info.page_size
        starts = [max(info.start, base + at * info.page_size) for at in first.tolist()]
        ends = [min(info.end, base + at * info.page_size) for at in (first + count).tolist()]
        mapped_bytes = rows.mapped_pages[part].astype(np.int64) * count * PAGE_BYTES
        columns = zip(
            first.tolist(),
            count.tolist(),
            starts,
            ends,
            _offsets(starts, info, _file_base(info)),
            _offsets(starts, info, None if info.guest is None else info.guest.offset),
            rows.state[part].tolist(),
            mapped_bytes.tolist(),
            _known(rows.mapcount[part], UNKNOWN_COUNT),
            _known(rows.mappers[part], UNKNOWN_COUNT),
            _known(rows.node[part], UNKNOWN_NODE),
            rows.flags[part].tolist(),
            _known(self.changed_ago[part], UNKNOWN_AGE),
            strict=True,
        )
        return map(_Row._make, columns)


def find(info: MappingInfo, cells: Cells, changed_ago: U32, wish: Wish) -> Extents:
    """The extents of a mapping's `cells` that are wished for; `changed_ago` of those in the range,
    as in a frame.
    """
    part = wish.range_of(len(cells))
    within = cells.view(part)
    starts = within.run_starts()
    rows = within.take(starts)
    count = np.diff(np.append(starts, len(within)))
    # reduceat has no word for no run at all.
    newest = np.minimum.reduceat(changed_ago, starts) if len(starts) else changed_ago
    kept = np.flatnonzero(_is_wished(rows, wish))
    return Extents(info, starts[kept] + part.start, count[kept], rows.take(kept), newest[kept])


def _file_base(info: MappingInfo) -> int | None:
    """Where in its file the mapping begins; None for anonymous memory."""
    return None if info.backing.kind == "anonymous" else info.backing.offset


def _is_wished(rows: Cells, wish: Wish) -> npt.NDArray[np.bool_]:
    wished = np.ones(len(rows), np.bool_)
    if wish.states:
        wished &= np.isin(rows.state, [_STATE_OF[label] for label in wish.states])
    if wish.flags:
        wished &= (rows.flags & sum(_FLAG_OF[label] for label in wish.flags)) != 0
    return wished


def _offsets(starts: list[int], info: MappingInfo, base: int | None) -> list[int | None]:
    return [None if base is None else base + start - info.start for start in starts]


def _known(column: npt.NDArray[np.unsignedinteger], unknown: int) -> list[int | None]:
    return [None if value == unknown else value for value in column.tolist()]


def _record(row: _Row) -> Extent:
    return Extent.model_construct(
        **row._asdict()
        | {
            "count": row.cells,
            "state": STATE_LABELS[row.state],
            "flags": flag_labels(row.flags),
            "changed_ago_s": None if row.changed_ago is None else row.changed_ago / _DECISECONDS,
        }
    )


def _csv_row(row: _Row) -> str:
    ago_s = "" if row.changed_ago is None else row.changed_ago / _DECISECONDS
    return (
        f"{row.first},{row.cells},{row.start:#x},{row.end:#x},"
        f"{_text(row.file_offset)},{_text(row.guest_offset)},"
        f"{STATE_LABELS[row.state]},{row.mapped_bytes},"
        f"{_text(row.mapcount)},{_text(row.mappers)},{_text(row.node)},"
        f"{_FLAGS_FIELD[row.flags]},{ago_s}\n"
    )


def _text(number: int | None) -> str:
    return "" if number is None else str(number)
