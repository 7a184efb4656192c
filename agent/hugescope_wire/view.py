"""Which part of a mapping a viewer wants, how finely, and how often.

Entries are counted as the page tables count them: entry 0 of a mapping is entry 0 of its first page
table of 512, so cell `n` is entry `n + (start // page_size) % 512`. A group is 2**`shift`
neighbouring entries, aligned to the table; its number is the entry's number shifted. With shift 9 a
group is one whole page table, the level above the cells.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from hugescope_wire.record import Count, Record

TABLE_ENTRIES: Final = 512

Shift = Literal[0, 3, 6, 9]
"""One cell, 8, 64, or a page table of 512."""

MAX_RATE_HZ: Final = 60


class View(Record):
    """Cells `first` to `first + count` (count null: to the end), in groups of 2**`shift` entries.

    At most `rate_hz` updates a second; rate 0 holds the picture until another rate is asked for.
    """

    first: Count = 0
    count: Annotated[int, Field(ge=1)] | None = None
    shift: Shift = 0
    rate_hz: Annotated[float, Field(ge=0, le=MAX_RATE_HZ)] = 20


class Viewed(Record):
    """The part that is sent: `count` cells from `first`, all of them of the mapping."""

    first: Count
    count: Annotated[int, Field(ge=1)]
    shift: Shift
