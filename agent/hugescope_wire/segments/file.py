"""One file of the second format, of which only the places of its keys are in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zlib import crc32

from hugescope_wire.segments.head import HEAD_BYTES, MAGIC, SYNC, Head, Kind, heads, parse
from hugescope_wire.storedfile import ReadAt

_WINDOW_BYTES: Final = 1 << 18
_US: Final = 1e6


@dataclass(frozen=True, slots=True)
class Step:
    """What stands at a place in a file.

    Attributes:
        head: None: no record begins here, or its head is damaged.
        payload: None: it is damaged or cut off.
        why: what is wrong; empty: nothing.
        next_at: where the next record begins, as far as can be told.
    """

    at: int
    head: Head | None
    payload: bytes | None
    why: str
    next_at: int


class Window:
    """A source of which a part is kept: neighbours are read one after the other.

    Attributes:
        size_bytes: of the source, when it was last looked at.
    """

    def __init__(self, source: ReadAt) -> None:
        self.size_bytes = 0
        self._source = source
        self._begin = 0
        self._kept = b""

    def look(self) -> None:
        """See how long the source is now."""
        self.size_bytes = self._source.size_bytes

    def read(self, at: int, count: int) -> bytes:
        """As `ReadAt` says."""
        begin = at - self._begin
        if begin < 0 or begin + count > len(self._kept):
            self._begin, begin = at, 0
            self._kept = self._source.read(at, max(count, _WINDOW_BYTES))
        return self._kept[begin : begin + count]


class SegmentFile:
    """Records at places of a file that may still grow.

    Attributes:
        source: its bytes.
        prefix: what is said of it begins so.
        keys_s: times of its keys, as seconds since 1970, in order; `keys_at` are their places.
        first_us, last_us: of all its records, as far as their heads can be read.
    """

    def __init__(self, file: ReadAt, name: str = "") -> None:
        """Look through its heads; `name` is for people, where there are several."""
        self.prefix: Final = f"{name}: " if name else ""
        self.keys_s: Final[list[float]] = []
        self.keys_at: Final[list[int]] = []
        self.first_us: int | None = None
        self.last_us = 0
        self.source: Final = file
        self._looked_at = len(MAGIC)
        self.look()

    @property
    def size_bytes(self) -> int:
        """As it is now."""
        return self.source.size_bytes

    def look(self) -> None:
        """Look through the heads that are new since the last look."""
        at, size = self._looked_at, self.source.size_bytes
        while at + HEAD_BYTES <= size:
            window, place = self.source.read(at, _WINDOW_BYTES), at
            for begin, end, kind, first_us, last_us in heads(window):
                self._note(place + begin, kind, first_us, last_us)
                at = place + end
            if at == place and (next_at := self._after(at, parse(window), size)) is not None:
                at = next_at
            elif at == place:
                break
        self._looked_at = min(at, size)

    def _after(self, at: int, head: Head | None, size: int) -> int | None:
        """What follows a damaged head, or a record longer than a window; None: the rest of this
        one is not there.
        """
        if head is None:
            return self._next_head(at + 1, size)
        end = at + HEAD_BYTES + head.length
        if end <= size:
            self._note(at, head.kind, head.first_us, head.last_us)
            return end
        next_at = self._next_head(at + HEAD_BYTES, size)
        return next_at if next_at < size else None

    def step(self, at: int, source: ReadAt | None = None) -> Step | None:
        """What stands at this place, read from `source`, if given; None: the file ends here."""
        source = source or self.source
        size = source.size_bytes
        if at >= size:
            return None
        where = f"{self.prefix}record at byte {at}"
        head = parse(source.read(at, HEAD_BYTES))
        if head is None:
            next_at = self._next_head(at + 1, size)
            cut = next_at == size and size - at < HEAD_BYTES
            return Step(at, None, None, f"{where} is {'cut off' if cut else 'damaged'}", next_at)
        begin = at + HEAD_BYTES
        end = begin + head.length
        if end <= size:
            payload = source.read(begin, head.length)
            if crc32(payload) == head.payload_sum:
                return Step(at, head, payload, "", end)
            if end == size or parse(source.read(end, HEAD_BYTES)) is not None:
                return Step(at, head, None, f"{where}: its sum is wrong", end)
        return Step(at, head, None, f"{where} is cut off", self._next_head(begin, size))

    def _note(self, at: int, kind: Kind, first_us: int, last_us: int) -> None:
        if self.first_us is None:
            self.first_us = first_us
        self.last_us = max(self.last_us, last_us)
        if kind is Kind.KEY:
            self.keys_at.append(at)
            self.keys_s.append(last_us / _US)

    def _next_head(self, at: int, size: int) -> int:
        """Where the next good head from here on begins; the file's end where there is none."""
        while at < size:
            window = self.source.read(at, _WINDOW_BYTES)
            found = window.find(SYNC)
            if found < 0:
                at += max(len(window) - len(SYNC) + 1, 1)
            elif parse(self.source.read(at + found, HEAD_BYTES)) is not None:
                return at + found
            else:
                at += found + 1
        return size
