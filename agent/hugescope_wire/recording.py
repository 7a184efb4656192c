"""A recording: the frames of one host as an agent would have sent them, each with its time.

All numbers little-endian:

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

import lzma
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hugescope_wire.errors import WireError
from hugescope_wire.frames import FrameKind, RawFrame, split_frame

MAGIC: Final = b"HSREC1\r\n"
XZ_MAGIC: Final = b"\xfd7zXZ\x00"

MAX_RECORD_BYTES: Final = 1 << 26
MAX_BYTES: Final = 1 << 30
"""Of a recording that is read into memory."""

_HEAD: Final = struct.Struct("<II")
_TIME: Final = struct.Struct("<d")


@dataclass(frozen=True, slots=True)
class Record:
    """One frame, and when it was made: seconds since the recording began."""

    at_s: float
    frame: RawFrame


@dataclass(frozen=True, slots=True)
class Recording:
    """What could be read.

    Attributes:
        records: in order of time; the first is a full frame.
        damage: what is wrong with the rest, with the byte where it begins; None: it is whole.
    """

    records: tuple[Record, ...]
    damage: str | None

    @property
    def length_s(self) -> float:
        """Seconds from the first record to the last."""
        return self.records[-1].at_s - self.records[0].at_s


def encode_record(at_s: float, frame: bytes) -> bytes:
    """One record; `frame` as `encode_frame` makes it."""
    body = _TIME.pack(at_s) + frame
    return _HEAD.pack(len(frame), zlib.crc32(body)) + body


def read_recording(data: bytes) -> Recording:
    """Read a recording, compressed or not, up to its end or to where it is damaged.

    Raises:
        WireError: `bad_recording`: it is none, or not one whole record of it is left.
    """
    if data.startswith(XZ_MAGIC):
        data = _unpacked(data)
    if not data.startswith(MAGIC):
        raise WireError("bad_recording", "it does not begin as a recording does")
    records: list[Record] = []
    damage = None
    try:
        for record in _records(data):
            if not records and record.frame.kind is not FrameKind.FULL:
                raise WireError("bad_recording", "its first frame is not a full one")
            records.append(record)
    except WireError as error:
        if not records:
            raise WireError("bad_recording", f"nothing of it can be read: {error}") from None
        damage = str(error)
    if not records:
        raise WireError("bad_recording", "it is empty")
    return Recording(tuple(records), damage)


def _records(data: bytes) -> Iterator[Record]:
    at = len(MAGIC)
    before_s = -math.inf
    while at < len(data):
        where = f"record at byte {at}"
        body = at + _HEAD.size
        if body + _TIME.size > len(data):
            raise WireError("bad_recording", f"{where} is cut off")
        length, crc = _HEAD.unpack_from(data, at)
        end = body + _TIME.size + length
        if length > MAX_RECORD_BYTES:
            raise WireError("bad_recording", f"{where} claims {length} bytes")
        if end > len(data):
            raise WireError("bad_recording", f"{where} is cut off")
        if zlib.crc32(data[body:end]) != crc:
            raise WireError("bad_recording", f"{where}: its sum is wrong")
        (at_s,) = _TIME.unpack_from(data, body)
        if not before_s <= at_s < math.inf:
            raise WireError("bad_recording", f"{where}: its time is {at_s}")
        yield Record(at_s, split_frame(data[body + _TIME.size : end]))
        at, before_s = end, at_s


def _unpacked(data: bytes) -> bytes:
    """The whole, or as much as can be unpacked of a damaged file."""
    reader = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=1 << 28)
    out = bytearray()
    try:
        while not reader.eof and len(out) <= MAX_BYTES:
            piece = reader.decompress(data, max_length=1 << 20)
            data = b""
            if not piece and reader.needs_input:
                break
            out += piece
    except lzma.LZMAError:
        pass
    if len(out) > MAX_BYTES:
        raise WireError("bad_recording", f"it unpacks to more than {MAX_BYTES} bytes")
    return bytes(out)
