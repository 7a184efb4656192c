"""The first format of a recording: frames as an agent would have sent them, each with its time.

It is read, and no longer written. All numbers little-endian:

    0   8  magic  b"HSREC1\\r\\n"
    then records, each:
    0   4  payload length in bytes, u32
    4   4  CRC-32 of all that follows in this record, u32
    8   8  seconds since the recording began, f64
    16  .. payload: a frame of kind full or delta (`hugescope_wire.frames`), seq from 1 on

The first record is a full frame. A recording that ends within a record, or in which a record's sum
is wrong, is good up to there: what follows cannot be told from noise. The whole file may be
compressed with xz.
"""

from __future__ import annotations

import math
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from hugescope_wire.errors import WireError
from hugescope_wire.frames import FrameKind, split_frame
from hugescope_wire.host import HostFrame
from hugescope_wire.recording import END_OF_TIME_S, Loss, Record
from hugescope_wire.storedfile import StoredFile

MAGIC: Final = b"HSREC1\r\n"
MAX_RECORD_BYTES: Final = 1 << 26

_HEAD: Final = struct.Struct("<II")
_TIME: Final = struct.Struct("<d")
_FRAME_HEAD_BYTES: Final = 20


class FirstFormatArchive:
    """A recording of the first format; of it only the places of full frames are in memory."""

    def __init__(self, file: StoredFile, name: str) -> None:
        """Look through the whole file once.

        Raises:
            WireError: `bad_recording`: it is none, or not one whole record of it is left.
        """
        self.name: Final = name
        self._file = file
        self._full_s: list[float] = []
        self._full_at: list[int] = []
        self._end = len(MAGIC)
        last_s, damage = self._look_through()
        if not self._full_at:
            raise WireError(
                "bad_recording", f"nothing of it can be read: {damage or 'it is empty'}"
            )
        first = self._read(self._full_at[0])[0].frame.meta
        assert isinstance(first, HostFrame), "only places of full frames are noted"
        self._zero_s: Final = first.taken_at.timestamp() - self._full_s[0]
        self.began_s: Final = self._zero_s + self._full_s[0]
        self.ended_s: Final = self._zero_s + last_s
        if not 0 <= self.began_s <= self.ended_s < END_OF_TIME_S:
            raise WireError(
                "bad_recording", f"its times are {self.began_s} to {self.ended_s} s since 1970"
            )
        self.losses: Final = () if damage is None else (Loss(self.ended_s, None, damage),)

    def records(
        self, since_s: float | None = None, until_s: float | None = None
    ) -> Iterator[Record]:
        """As `Archive` says."""
        at = self._full_at[0]
        if since_s is not None:
            after = bisect_right(self._full_s, since_s - self._zero_s)
            at = self._full_at[max(after - 1, 0)]
        while at < self._end:
            record, at = self._read(at)
            if until_s is not None and self._zero_s + record.at_s > until_s:
                return
            yield Record(self._zero_s + record.at_s, record.frame)

    def _look_through(self) -> tuple[float, str | None]:
        """Note where full frames are and the good part ends; the last time, and what is wrong."""
        last_s, size = -math.inf, self._file.size_bytes
        while self._end < size:
            try:
                at_s, frame, end = self._body(self._end)
                if not last_s <= at_s < math.inf:
                    raise WireError(
                        "bad_recording", f"record at byte {self._end}: its time is {at_s}"
                    )
                if not self._full_at and frame[4] != FrameKind.FULL:
                    raise WireError("bad_recording", "its first frame is not a full one")
            except WireError as error:
                return last_s, str(error)
            if frame[4] == FrameKind.FULL:
                self._full_s.append(at_s)
                self._full_at.append(self._end)
            self._end, last_s = end, at_s
        return last_s, None

    def _read(self, at: int) -> tuple[Record, int]:
        at_s, frame, end = self._body(at)
        return Record(at_s, split_frame(frame)), end

    def _body(self, at: int) -> tuple[float, bytes, int]:
        """Time, frame and end of the record at this byte, its sum checked."""
        where = f"record at byte {at}"
        head = self._file.read(at, _HEAD.size)
        if len(head) < _HEAD.size:
            raise WireError("bad_recording", f"{where} is cut off")
        length, crc = _HEAD.unpack(head)
        if length > MAX_RECORD_BYTES:
            raise WireError("bad_recording", f"{where} claims {length} bytes")
        body = self._file.read(at + _HEAD.size, _TIME.size + length)
        if len(body) < _TIME.size + length:
            raise WireError("bad_recording", f"{where} is cut off")
        if zlib.crc32(body) != crc or length < _FRAME_HEAD_BYTES:
            raise WireError("bad_recording", f"{where}: its sum is wrong")
        return _TIME.unpack_from(body)[0], body[_TIME.size :], at + _HEAD.size + len(body)
