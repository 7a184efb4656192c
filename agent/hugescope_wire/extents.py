"""Runs of equal cells as a list that can be read, filtered and kept: the map's accessible twin."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hugescope_wire.record import Count, Record, State
from hugescope_wire.secrecy import Address, EndAddress, Name
from hugescope_wire.snapshot import Flag


class Extent(Record):
    """Equal neighbours of one mapping.

    Attributes:
        first, count: cells.
        start, end: virtual addresses, inside of the mapping.
        file_offset: of `start`, in bytes; null for anonymous memory.
        guest_offset: of `start` in the guest's RAM; null where the mapping is no VM's.
        mapped_bytes: of all its cells together.
        changed_ago_s: since any of its cells last changed; null: not since the server first saw it.
    """

    first: Count
    count: Annotated[int, Field(ge=1)]
    start: Address
    end: EndAddress
    file_offset: Count | None
    guest_offset: Count | None
    state: State
    mapped_bytes: Count
    mapcount: Count | None
    mappers: Count | None
    node: Count | None
    flags: list[Flag]
    changed_ago_s: float | None


class ExtentPage(Record):
    """Extents `offset` to `offset + len(extents)` of the `total` that were asked for."""

    host_id: Name
    pid: int
    start: Address
    total: Count
    cells: Count = Field(description="cells in all of these extents")
    offset: Count
    extents: list[Extent]
