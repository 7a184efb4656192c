"""The log of arrivals: every page that came to a VM's RAM, or left it, in the order it was seen.

As viewers get it, all little-endian: a header of 32 bytes,

    0   4  magic "HSAR"
    4   4  version, u32: 1
    8   8  number of the first record that follows, u64
    16  8  number of records that there are, u64
    24  8  base, f64: seconds since 1970 on the server's clock; the same in all parts of one log

then records of 16 bytes:

    0   4  cell of the block, u32
    4   2  block, u16
    6   1  kind: 0 came before the switch-over, or as all was over; 1 in order (sweep), 2 scattered
           (demand), 3 a fault was seen on it, 255 left
    7   1  0
    8   4  seconds after base at which it was seen, f32
    12  4  seconds that the page was missing until then, f32; NaN: it came before the switch-over,
           or left

A page that left and came again has three records. What a look that is not older than `SETTLED_S`
showed is not given yet, nor what came before it is seen that the memory is registered: a fault may
still turn out to have been behind it. What a guest does long after the end is not in the log.

Who reads a log asks for records from a number on, and goes on behind the last that came. Then:

- The same base: it is the same log. The number of records never falls. Where the first record that
  follows has a larger number than was asked for, those between are forgotten and come no more: go
  on from there. A smaller number comes only without records, for a number that there is not yet.
- Another base: it is another log, of another run, and counts from 0. Whatever follows belongs to
  that one: forget what is here and ask from 0 on.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hugescope_server.migration.presence import Index

MAX_RECORDS: Final = 1 << 22
"""64 MiB. Beyond them the oldest half is forgotten."""

MAX_SENT: Final = 1 << 18
SETTLED_S: Final = 0.35
"""Longer than the next sample takes to tell of a fault."""

ROUNDED_S: Final = 0.01
"""What an f32 of seconds is off after some days."""

_HEADER: Final = struct.Struct("<4sIQQd")
_RECORD: Final = np.dtype(
    [
        ("cell", "<u4"),
        ("block", "<u2"),
        ("kind", "u1"),
        ("zero", "u1"),
        ("after_s", "<f4"),
        ("missing_s", "<f4"),
    ]
)
_FIRST_SIZE: Final = 256


class Kind(IntEnum):
    """How a page came, or that it left; the numbers travel and never change meaning."""

    PRECOPIED = 0
    SWEEP = 1
    DEMAND = 2
    SEEN_FAULT = 3
    LEFT = 255


@dataclass(frozen=True, slots=True)
class Late:
    """What was said of a page before a fault was seen behind it."""

    kind: Kind
    arrived_s: float
    missing_s: float


class ArrivalLog:
    """Records in the order of time; `total` counts those that were forgotten too.

    Attributes:
        base_s: what times count from.
        begin: number of the oldest record that is kept.
        total: number that the next one gets.
    """

    def __init__(self, base_s: float) -> None:
        self.base_s: Final = base_s
        self.begin = 0
        self.total = 0
        self._settled = 0
        self._given = 0
        self._held: int | None = None
        self._last_s = base_s
        self._records: npt.NDArray[Any] = np.zeros(_FIRST_SIZE, _RECORD)

    @property
    def kept(self) -> int:
        """Records that are kept."""
        return self.total - self.begin

    def append(
        self,
        at_s: float,
        blocks: Index,
        cells: Index,
        kinds: npt.NDArray[np.uint8] | Kind,
        missing_s: npt.NDArray[np.float64] | float = float("nan"),
    ) -> None:
        """What a look showed: cells of blocks, rising, each with its kind. Where one look shows
        more than is kept, the last of it.
        """
        if at_s != self._last_s:
            self._settled, self._last_s = self.total, at_s
        count = len(cells)
        if not count:
            return
        self._make_room(count)
        at = self.total - self.begin
        new = self._records[at : at + count]
        new["cell"], new["block"], new["kind"], new["zero"] = cells, blocks, kinds, 0
        new["after_s"], new["missing_s"] = at_s - self.base_s, missing_s
        self.total += count
        if self.kept > MAX_RECORDS:
            self.forget(self.kept - MAX_RECORDS // 2)

    def hold(self) -> None:
        """Give nothing that is written from now on until `release`: more will be known of it."""
        if self._held is None:
            self._held = self.total

    def release(self) -> None:
        """What was held may be given."""
        self._held = None

    def was_demanded(self, block: int, cell: int, at_s: float) -> Late | None:
        """A fault of `at_s` was seen on a page that came in the last look, or since `hold`: its
        record says so from now on. None: it did not come then, or before the fault, or that was
        known.
        """
        open_from = self._settled if self._held is None else min(self._held, self._settled)
        recent = self._records[max(0, open_from - self.begin) : self.total - self.begin]
        hits = np.flatnonzero((recent["cell"] == cell) & (recent["block"] == block))
        if not len(hits):
            return None
        record = recent[hits[-1] : hits[-1] + 1]
        kind, arrived_s = int(record["kind"][0]), self.base_s + float(record["after_s"][0])
        if kind not in (Kind.SWEEP, Kind.DEMAND) or at_s > arrived_s + ROUNDED_S:
            return None
        record["kind"] = Kind.SEEN_FAULT
        return Late(Kind(kind), arrived_s, float(record["missing_s"][0]))

    def settled(self, now_s: float) -> int:
        """Number of the first record that may still change; it never falls, though clocks may be
        set back.
        """
        settled = self._settled if now_s - self._last_s < SETTLED_S else self.total
        if self._held is not None:
            settled = min(settled, self._held)
        self._given = max(self._given, settled)
        return self._given

    def part(self, since: int, now_s: float) -> bytes:
        """Header and records from number `since` on, at most `MAX_SENT`; from the oldest that is
        kept where it was forgotten.
        """
        total = self.settled(now_s)
        first = min(max(since, self.begin), total)
        until = min(total, first + MAX_SENT)
        header = _HEADER.pack(b"HSAR", 1, first, total, self.base_s)
        return header + self._records[first - self.begin : until - self.begin].tobytes()

    def forget(self, count: int) -> None:
        """Drop the oldest."""
        count = min(count, self.kept)
        self._records = self._records[count : self.kept].copy()
        self.begin += count
        self._settled = max(self._settled, self.begin)
        self._held = None if self._held is None else max(self._held, self.begin)

    def _make_room(self, count: int) -> None:
        needed = self.kept + count
        if needed > len(self._records):
            larger = np.zeros(max(needed, 2 * len(self._records)), _RECORD)
            larger[: self.kept] = self._records[: self.kept]
            self._records = larger
