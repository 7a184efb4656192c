"""What a guest of our own is, and how it shall be moved."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass, field
from typing import Final

MIB: Final = 1 << 20
_MOST_FILLED: Final = 0.65
"""Its kernel needs memory, too."""

SMALLEST_BYTES: Final = 192 * MIB
"""A kernel and its root need about half of that."""

_HOT: Final = 0.25
"""Share of RAM that the guest goes on to write."""


@dataclass(frozen=True)
class GuestPlan:
    """A guest, and one move of it from a QEMU to another.

    The guest fills a share of RAM once, then writes 4 KiB at a time at random places of a part of
    that, `writes_per_s` at the most (0: as fast as it can). Precopy sends `precopy_bytes_per_s`
    until the share `precopied` of RAM was sent, less than what is filled, so that it is not over
    before post-copy is asked for; post-copy sends `postcopy_bytes_per_s`. Raises ValueError naming
    the field that is off.
    """

    size_bytes: int = 512 * MIB
    page_size_bytes: int = 2 * MIB
    precopy_bytes_per_s: float = 64.0 * MIB
    postcopy_bytes_per_s: float = 32.0 * MIB
    filled: float = 0.65
    precopied: float = 0.6
    writes_per_s: float = 60.0
    name: str = "hugescope-demo"
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        page = self.page_size_bytes
        if page < 4096 or page & (page - 1):
            raise ValueError(f"page_size_bytes: {page} is not a page size")
        if self.size_bytes < page or self.size_bytes % page:
            raise ValueError(f"size_bytes: {self.size_bytes} is not whole pages of {page}")
        if self.size_bytes < SMALLEST_BYTES:
            raise ValueError(f"size_bytes: a guest needs {SMALLEST_BYTES >> 20} MiB at least")
        for name in ("postcopy_bytes_per_s", "precopy_bytes_per_s"):
            rate = getattr(self, name)
            if not (math.isfinite(rate) and rate >= MIB):
                raise ValueError(f"{name}: {rate} is not 1 MiB or more")
        if not 0 < self.filled <= _MOST_FILLED:
            raise ValueError(f"filled: {self.filled} is not between 0 and {_MOST_FILLED}")
        if not 0 <= self.precopied < self.filled:
            raise ValueError(f"precopied: {self.precopied} is not between 0 and {self.filled}")
        if not (math.isfinite(self.writes_per_s) and self.writes_per_s >= 0):
            raise ValueError(f"writes_per_s: {self.writes_per_s} is not 0 or more")

    @property
    def pages(self) -> int:
        """Of the guest's RAM, at one end."""
        return self.size_bytes // self.page_size_bytes

    @property
    def filled_mib(self) -> int:
        """What the guest fills once."""
        return int(self.size_bytes * self.filled) // MIB

    @property
    def hot_mib(self) -> int:
        """What it goes on to write; a part of what is filled."""
        return min(int(self.size_bytes * _HOT) // MIB, self.filled_mib)

    @property
    def rest_us(self) -> int:
        """Its rest between two writes."""
        return round(1e6 / self.writes_per_s) if self.writes_per_s else 0
