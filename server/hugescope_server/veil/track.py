"""A mapping as it is sent to who may not see addresses."""

from __future__ import annotations

from typing import Final

from hugescope_server.mappingtrack import MappingTrack
from hugescope_wire.host import MappingInfo
from hugescope_wire.view import View, Viewed

FIRST_COLUMN: Final = 0
"""Of every mapping: a place begins at the start of a page table (`places.py`)."""


class VeiledTrack:
    """The same cells; groups of them are counted from the mapping's first cell.

    Attributes:
        info: with addresses that stand in for the true ones.
    """

    def __init__(self, track: MappingTrack, info: MappingInfo) -> None:
        self._track = track
        self.info: Final = info

    @property
    def generation(self) -> int:
        """As `MappingTrack` has it."""
        return self._track.generation

    def viewed(self, view: View) -> Viewed | None:
        """As `MappingTrack.viewed`."""
        return self._track.viewed(view, FIRST_COLUMN)

    def block_since(self, version: int | None, view: Viewed, now: float) -> bytes | None:
        """As `MappingTrack.block_since`."""
        return self._track.block_since(version, view, now, FIRST_COLUMN)
