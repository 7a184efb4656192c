"""What an overview shows of a host beside its numbers: thumbnails, and how it went lately."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from hugescope_wire.host import MappingId
from hugescope_wire.record import Count, Record
from hugescope_wire.secrecy import Name, NoAddress

MAX_FOLLOWED_HOSTS: Final = 4
MAX_THUMBS: Final = 64
THUMB_CELLS: Final = 512
"""Pixels of a thumbnail at most, row by row; fewer cells get one each."""

MAX_POINTS: Final = 600
"""Points of a timeline that are kept: ten minutes at one a second."""


class FollowedHost(Record):
    """Of one host: these mappings' thumbnails, and its statistics if wanted."""

    host_id: Name = Field(min_length=1, max_length=128)
    thumbnails: list[MappingId] = Field(default_factory=list, max_length=MAX_THUMBS)
    statistics: bool = False


class Thumb(Record):
    """One mapping, small: `states` is base64 of one `CellState` a pixel, in address order, `cells`
    neighbouring cells a pixel (the last may have fewer). A pixel has the state that most of its
    cells have, but migrating, and poisoned before all, win.
    """

    mapping_id: MappingId
    cells: Annotated[int, Field(ge=1)]
    states: Name


class PoolPoint(Record):
    """A pool of the host at one moment, in pages; null where the kernel does not tell."""

    page_size: Count
    total: int | None
    free: int | None
    reserved: int | None


class Point(Record):
    """A host over about one second. Cells of a mapping that came or went as a whole are not in the
    rates; one that is migrating or poisoned has its page still.

    Attributes:
        at_s: seconds on the server's clock; only differences mean anything.
        present_bytes: mapped by page tables, each mapping counted.
        arrived: cells that had no page and got one, a second (faults, or what a migration brought).
        left: cells that lost theirs, a second.
        changed: cells that changed in any way, a second.
    """

    at_s: float
    present_bytes: Count
    arrived: float = Field(ge=0)
    left: float = Field(ge=0)
    changed: float = Field(ge=0)
    pools: list[PoolPoint]


class LevelSum(Record):
    """All cells of one page size in one state."""

    page_size: Count
    kind: Literal["hugetlb", "thp"]
    state: Name
    cells: Count
    mapped_bytes: Count


class CountBucket(Record):
    """Present cells whose count is from `low` to `high`; both null: unknown."""

    low: Annotated[Count, NoAddress()] | None
    high: Annotated[Count, NoAddress()] | None
    cells: Count


class Histograms(Record):
    """All cells of a host by state, and its present cells by mapcount and by mappers."""

    levels: list[LevelSum]
    mapcount: list[CountBucket]
    mappers: list[CountBucket]
