"""A record's head.

0   4  sync mark  b"\\xf5HSR"
4   1  kind       1 key, 2 deltas, 3 gap, 4 end
5   1  flags      1: a key that continues (else 0)
6   2  reserved, 0
8   4  payload length in bytes, u32
12  8  first time in the record, i64
20  8  last time in the record, i64; both in microseconds since 1970, before 1e17
28  4  CRC-32 of this head from byte 0 to 39 of the record before, as it stands in its byte 36;
       0 for the first record of all
32  4  CRC-32 of the payload
36  4  CRC-32 of bytes 0 to 35
40  .. payload
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final
from zlib import crc32

from hugescope_wire.recording import END_OF_TIME_S

MAGIC: Final = b"HSREC2\r\n"
SYNC: Final = b"\xf5HSR"
HEAD_BYTES: Final = 40
MAX_PAYLOAD_BYTES: Final = 1 << 28

END_OF_TIME_US: Final = round(END_OF_TIME_S) * 1_000_000
"""Microseconds since 1970: every time is before this."""

_CONTINUES: Final = 1
_HEAD: Final = struct.Struct("<4sBBHIqqII")
_WHOLE: Final = struct.Struct("<4sBBHIqqIII")
_SUM: Final = struct.Struct("<I")


class Kind(IntEnum):
    """What a record holds."""

    KEY = 1
    DELTAS = 2
    GAP = 3
    END = 4


_KINDS: Final = {int(kind): kind for kind in Kind}


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a record before its payload is read; times in microseconds since 1970.

    Attributes:
        before: `own_sum` of the record before.
        own_sum: by which the next record names this one.
    """

    kind: Kind
    continues: bool
    length: int
    first_us: int
    last_us: int
    before: int
    payload_sum: int
    own_sum: int


def framed(
    kind: Kind, first_us: int, last_us: int, payload: bytes, before: int, continues: bool = False
) -> bytes:
    """A whole record; its own sum is in the last four bytes of its head."""
    head = _HEAD.pack(
        SYNC,
        kind,
        _CONTINUES if continues else 0,
        0,
        len(payload),
        first_us,
        last_us,
        before,
        crc32(payload),
    )
    return b"".join((head, _SUM.pack(crc32(head)), payload))


def own_sum(record: bytes) -> int:
    """By which the next record names this one."""
    (value,) = _SUM.unpack_from(record, HEAD_BYTES - _SUM.size)
    return int(value)


def heads(window: bytes) -> Iterator[tuple[int, int, Kind, int, int]]:
    """One record after the other, as long as heads are good and payloads are all there: where it
    begins and ends, what it is, its first and its last time.
    """
    at, size = 0, len(window)
    while at + HEAD_BYTES <= size:
        sync, kind, _, _, length, first_us, last_us, _, _, total = _WHOLE.unpack_from(window, at)
        end = at + HEAD_BYTES + length
        if sync != SYNC or end > size or crc32(window[at : at + _HEAD.size]) != total:
            return
        if kind not in _KINDS or not 0 <= first_us <= last_us < END_OF_TIME_US:
            return
        yield at, end, _KINDS[kind], first_us, last_us
        at = end


def parse(data: bytes | memoryview, at: int = 0) -> Head | None:
    """The head at this byte; None: there is none, or a damaged one."""
    if len(data) - at < HEAD_BYTES:
        return None
    sync, kind, flags, _, length, first_us, last_us, before, payload_sum = _HEAD.unpack_from(
        data, at
    )
    (total,) = _SUM.unpack_from(data, at + _HEAD.size)
    if sync != SYNC or crc32(data[at : at + _HEAD.size]) != total:
        return None
    if kind not in _KINDS or length > MAX_PAYLOAD_BYTES:
        return None
    if not 0 <= first_us <= last_us < END_OF_TIME_US:
        return None
    return Head(
        Kind(kind), bool(flags & _CONTINUES), length, first_us, last_us, before, payload_sum, total
    )
