"""Which cells of a mapping changed when, so that each viewer gets what it missed, and no more.

Each cell carries the number of the host's frame that last changed it, and when that came: eight
bytes a cell, whatever the number of viewers and however far behind they are. Cells that changed
twice are sent once, as they are now.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_server.pyramid import Pyramid, touched
from hugescope_server.thumbs import Thumbnail
from hugescope_server.totals import Totals
from hugescope_wire.cells import U32, UNKNOWN_AGE, Cells
from hugescope_wire.frames import encode_range, encode_scattered
from hugescope_wire.groups import Groups, encode_groups, numbers_of
from hugescope_wire.host import MappingInfo
from hugescope_wire.messages import MappingSummary
from hugescope_wire.view import TABLE_ENTRIES, View, Viewed

RANGE_WORTH_TRYING: Final = 16
"""Encode as a range too where at least one cell in so many of the span changed. Sparser than that,
scattered rows take under a tenth of what dense columns would, and looking for runs costs more than
it saves."""

MAX_KEPT_BLOCKS: Final = 8
"""Encoded blocks kept for viewers that are equally far behind and look at the same part."""

JUST_NOW_TENTHS: Final = 10
"""Changes at most so old travel without their age."""

TENTHS_A_SECOND: Final = 10

Index = npt.NDArray[np.intp]
_Key = tuple[int | None, Viewed, int, int]


class MappingTrack:
    """One mapping of one host: its cells, when each changed, and its counts by state.

    All times are seconds of the server's monotonic clock.

    Attributes:
        generation: unique among all tracks of the server; another one stands for another mapping,
            or for one that moved or changed its size.
        totals: kept up with the cells.
        last_change: the host's frame that last changed a cell.
    """

    def __init__(self, generation: int, info: MappingInfo, cells: Cells, version: int) -> None:
        self.generation: Final = generation
        self.info = info
        self.cells = cells
        self.first_column: Final = info.start // info.page_size % TABLE_ENTRIES
        self._changed_in: U32 = np.full(len(cells), version, np.uint32)
        self._changed_at: U32 = np.zeros(len(cells), np.uint32)
        self.last_change = version
        self.totals: Final = Totals(cells)
        self._pyramids: dict[int, Pyramid] = {}
        self._thumbnail = Thumbnail()
        self._summary: MappingSummary | None = None
        self._since: dict[int, Index] = {}
        self._blocks: dict[_Key, bytes | None] = {}

    def fits(self, info: MappingInfo) -> bool:
        """Whether `info` describes the same stretch of address space."""
        mine = self.info
        return (info.start, info.end, info.page_size, info.kind, info.cell_count) == (
            mine.start,
            mine.end,
            mine.page_size,
            mine.kind,
            mine.cell_count,
        )

    def renew_info(self, info: MappingInfo) -> None:
        """Take over what is known beside the cells."""
        if info is not self.info:
            self.info = info
            self._summary = None

    def renew_cells(
        self, cells: Cells, index: npt.NDArray[np.integer] | None, version: int, now: float
    ) -> None:
        """Take over `cells`, of which those at `index`, each once, are new (None: compare and see);
        they came at `now`.
        """
        if index is None:
            index = self.cells.differing(cells)
        old, self.cells = self.cells, cells
        if len(index):
            self.totals.replace(old.take(index), cells.take(index))
            self._changed_in[index] = version
            self._changed_at[index] = _moment(now)
            self.last_change = version
            self._summary = None
            self._since.clear()
            self._blocks.clear()

    def viewed(self, view: View, column: int | None = None) -> Viewed | None:
        """The part that is sent for `view`: whole groups, no cell that the mapping has not.

        None when the view begins past the mapping's end. `column`: groups are counted as if the
        first cell were in this column of its table; None: as it is.
        """
        before = self.first_column if column is None else column
        count, size = self.info.cell_count, 1 << view.shift
        if view.first >= count:
            return None
        end = count if view.count is None else min(count, view.first + view.count)
        first = max(0, (view.first + before) // size * size - before)
        end = min(count, -(-(end + before) // size) * size - before)
        return Viewed(first=first, count=end - first, shift=view.shift)

    def changed_ago(self, now: float, at: npt.NDArray[np.integer] | slice) -> U32:
        """Tenths of a second since each of these cells last changed; `UNKNOWN_AGE`: not since this
        server first saw it.
        """
        return _ages(self._changed_at[at], now)

    def block_since(
        self, version: int | None, view: Viewed, now: float, column: int | None = None
    ) -> bytes | None:
        """What changed in `view` after frame `version` (None: all of it), encoded: cells at shift
        0, else groups. None when nothing did.

        `view` must come from `viewed`, for the same `column`. With `version` None, and where a
        change is older than `JUST_NOW_TENTHS`, the block carries ages.
        """
        if version is not None and self.last_change <= version:
            return None
        column = self.first_column if column is None else column
        key = (version, view, column, _moment(now))
        if key not in self._blocks:
            if len(self._blocks) >= MAX_KEPT_BLOCKS:
                self._blocks.clear()
            self._blocks[key] = self._encode(version, view, now, column)
        return self._blocks[key]

    def thumbnail(self) -> Thumbnail:
        """The mapping as an overview shows it; made again only after a change."""
        self._thumbnail.make(self.cells.state, self.last_change)
        return self._thumbnail

    def summary(self) -> MappingSummary:
        """The mapping with its cells counted; made again only after a change."""
        if self._summary is None:
            facts = {name: getattr(self.info, name) for name in MappingInfo.model_fields}
            facts["level_bytes"] = self.totals.levels(self.info)
            self._summary = MappingSummary.model_construct(
                **facts,
                state_counts=self.totals.state_counts,
                mapped_bytes=self.totals.mapped_bytes,
            )
        return self._summary

    def _changed_since(self, version: int) -> Index:
        index = self._since.get(version)
        if index is None:
            if len(self._since) >= MAX_KEPT_BLOCKS:
                self._since.clear()
            index = self._since[version] = np.flatnonzero(self._changed_in > version)
        return index

    def _encode(self, version: int | None, view: Viewed, now: float, column: int) -> bytes | None:
        if version is None:
            return self._whole_view(view, now, column)
        index = self._changed_since(version)
        low, high = np.searchsorted(index, (view.first, view.first + view.count))
        index = index[low:high]
        if not len(index):
            return None
        if not view.shift:
            return self._cells(index, now)
        return self._groups(index, view.shift, now, column)

    def _whole_view(self, view: Viewed, now: float, column: int) -> bytes:
        part = slice(view.first, view.first + view.count)
        ages = self.changed_ago(now, part)
        if not view.shift:
            cells = self.cells.view(part)
            return encode_range(self.info.id, self.info.page_size, cells, view.first, ages)
        numbers = numbers_of(part.start, part.stop, column, view.shift)
        starts = np.maximum((numbers << view.shift) - column - part.start, 0)
        groups, first = self._group_level(view.shift, column)
        return encode_groups(
            self.info.id,
            view.shift,
            groups.take(slice(numbers[0] - first, numbers[-1] + 1 - first)),
            first=int(numbers[0]),
            changed_ago=np.minimum.reduceat(ages, starts),
        )

    def _cells(self, index: Index, now: float) -> bytes:
        number, page_size = self.info.id, self.info.page_size
        first, end = int(index[0]), int(index[-1]) + 1
        scattered = None
        if len(index) < end - first:
            ages = _unless_just_now(self.changed_ago(now, index))
            cells = self.cells.take(index)
            scattered = encode_scattered(number, page_size, index, cells, ages)
            if len(index) * RANGE_WORTH_TRYING < end - first:
                return scattered
        part = slice(first, end)
        ages = _unless_just_now(self.changed_ago(now, part))
        block = encode_range(number, page_size, self.cells.view(part), first, ages)
        return block if scattered is None else min(block, scattered, key=len)

    def _groups(self, index: Index, shift: int, now: float, column: int) -> bytes:
        numbers = touched(index, column, shift)
        starts = np.searchsorted(index, (numbers << shift) - column)
        newest = np.minimum.reduceat(self.changed_ago(now, index), starts)
        groups, first = self._group_level(shift, column)
        gapless = len(numbers) == numbers[-1] - numbers[0] + 1
        return encode_groups(
            self.info.id,
            shift,
            groups.take(numbers - first),
            first=int(numbers[0]) if gapless else 0,
            index=None if gapless else numbers,
            changed_ago=_unless_just_now(newest),
        )

    def _group_level(self, shift: int, column: int) -> tuple[Groups, int]:
        pyramid = self._pyramids.get(column)
        if pyramid is None:
            pyramid = self._pyramids[column] = Pyramid(column)
        return pyramid.groups(shift, self.cells, self.last_change, self._changed_since)


def _moment(now: float) -> int:
    """Tenths of a second; 0 is left for never."""
    return int(now * TENTHS_A_SECOND) + 1


def _ages(changed_at: U32, now: float) -> U32:
    moment = np.uint32(_moment(now))
    # One array for all of it: the pages of others would take longer than the arithmetic.
    tenths = np.minimum(changed_at, moment)
    np.subtract(moment, tenths, out=tenths)
    np.putmask(tenths, changed_at == 0, UNKNOWN_AGE)
    return tenths


def _unless_just_now(ages: U32) -> U32 | None:
    return None if int(ages.max()) <= JUST_NOW_TENTHS else ages
