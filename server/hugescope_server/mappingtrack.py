"""Which cells of a mapping changed when, so that each viewer gets what it missed, and no more.

Each cell carries the number of the host's frame that last changed it: four bytes a cell, whatever
the number of viewers and however far behind they are. Cells that changed twice are sent once, as
they are now.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_wire.cells import PAGE_BYTES, U32, Cells
from hugescope_wire.frames import encode_range, encode_scattered
from hugescope_wire.host import MappingInfo
from hugescope_wire.messages import MappingSummary
from hugescope_wire.picture import levels_now

RANGE_WORTH_TRYING: Final = 16
"""Encode as a range too where at least one cell in so many of the span changed. Sparser than that,
scattered rows take under a tenth of what dense columns would, and looking for runs costs more than
it saves."""

MAX_KEPT_BLOCKS: Final = 4
"""Encoded blocks kept for viewers that are equally far behind."""


class MappingTrack:
    """One mapping of one host: its cells, when each changed, and its counts by state.

    Attributes:
        generation: unique among all tracks of the server; another one stands for another mapping,
            or for one that moved or changed its size.
    """

    def __init__(self, generation: int, info: MappingInfo, cells: Cells, version: int) -> None:
        self.generation: Final = generation
        self.info = info
        self.cells = cells
        self._changed_in: U32 = np.full(len(cells), version, np.uint32)
        self._last_change = version
        self._summary: MappingSummary | None = None
        self._blocks: dict[int | None, bytes] = {}

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
        self, cells: Cells, index: npt.NDArray[np.integer] | None, version: int
    ) -> None:
        """Take over `cells`, of which those at `index` are new (None: compare and see)."""
        if index is None:
            index = self.cells.differing(cells)
        self.cells = cells
        if len(index):
            self._changed_in[index] = version
            self._last_change = version
            self._summary = None
            self._blocks.clear()

    def block_since(self, version: int | None) -> bytes | None:
        """The cells that changed after frame `version` (None: every cell), encoded.

        None when there are none.
        """
        if version is not None and self._last_change <= version:
            return None
        block = self._blocks.get(version)
        if block is None:
            block = self._encode(version)
            if len(self._blocks) >= MAX_KEPT_BLOCKS:
                self._blocks.clear()
            self._blocks[version] = block
        return block

    def summary(self) -> MappingSummary:
        """The mapping with its cells counted; counted again only after a change."""
        if self._summary is None:
            mapped_pages = int(self.cells.mapped_pages.sum(dtype=np.uint64))
            facts = {name: getattr(self.info, name) for name in MappingInfo.model_fields}
            facts["level_bytes"] = levels_now(self.info, self.cells)
            self._summary = MappingSummary.model_construct(
                **facts,
                state_counts=self.cells.state_counts(),
                mapped_bytes=mapped_pages * PAGE_BYTES,
            )
        return self._summary

    def _encode(self, version: int | None) -> bytes:
        number, page_size = self.info.id, self.info.page_size
        if version is None:
            return encode_range(number, page_size, self.cells)
        index = np.flatnonzero(self._changed_in > version)
        first, end = int(index[0]), int(index[-1]) + 1
        if len(index) * RANGE_WORTH_TRYING < end - first:
            return encode_scattered(number, page_size, index, self.cells.take(index))
        block = encode_range(number, page_size, self.cells.take(slice(first, end)), first)
        if len(index) == end - first:
            return block
        scattered = encode_scattered(number, page_size, index, self.cells.take(index))
        return min(block, scattered, key=len)
