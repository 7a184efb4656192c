"""Frames of about a second in one record, in the context of those before in the segment.

Numbers of a record: frames, distances in all, their low bits; then, as columns, of each frame its
time (microseconds after the one before; the first, after the record's first time), its kind, its
text (`texts.py`), blocks, and each block (`cellblocks.py`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from hugescope_wire.frames import FrameKind, RawFrame, parse_meta
from hugescope_wire.host import MAX_CELLS
from hugescope_wire.recording import Record
from hugescope_wire.segments import distances, streams
from hugescope_wire.segments.cellblocks import BlockReader, BlockWriter, Taken
from hugescope_wire.segments.head import END_OF_TIME_US
from hugescope_wire.segments.numbers import Bytes, Numbers, columns, packed, rows_of, unpacked
from hugescope_wire.segments.streams import Most, Packer, Unpacker
from hugescope_wire.segments.texts import (
    MAX_SKELETON_BYTES,
    MAX_SKELETON_NUMBERS,
    Said,
    TextReader,
    TextWriter,
)

MAX_FRAMES: Final = 1 << 12
"""In one record."""

MAX_FRAMES_BYTES: Final = 1 << 26
"""Of the frames in one record, unless one alone is longer."""

WRITTEN_FRAMES_BYTES: Final = MAX_FRAMES_BYTES >> 2
"""Of those that a writer puts in one record, unless one alone is longer: so many hold no more than
half the numbers that are read of a record or a segment, as each takes a byte of them. One that is
longer has `MAX_TEXT_NUMBERS` at most.
"""

SEGMENT_SKELETON_BYTES: Final = MAX_SKELETON_BYTES >> 2
SEGMENT_SKELETON_NUMBERS: Final = MAX_SKELETON_NUMBERS >> 2
"""With more than either after a record a new segment begins before the next: what is read has room
for both, a quarter of it and what one more record may bring.
"""

MOST: Final[Most] = (MAX_FRAMES_BYTES, MAX_FRAMES_BYTES, 15 * MAX_CELLS, MAX_FRAMES_BYTES)
"""Text and numbers are no longer than the frames that they were taken from, nor are distances: a
Rice code takes less than the two bytes that a cell has in a frame. Cells of one frame of the
largest host take 15 bytes each at most.
"""

_US: Final = 1_000_000
_JSON_LENGTH: Final = struct.Struct("<I")
_JSON_LENGTH_AT: Final = 16
_BLOCKS: Final = struct.Struct("<H")
_BLOCKS_AT: Final = 6
_KIND_AT: Final = 4
_HEAD_BYTES: Final = 20
_HEAD_NUMBERS: Final = 3
_MOST_BLOCKS: Final = 0xFFFF
_MOST_FAR: Final = max(MAX_CELLS, MAX_FRAMES_BYTES // 2)
"""Distances: a cell takes two bytes of a frame."""


@dataclass(frozen=True, slots=True)
class TimedFrame:
    """A frame of kind full or delta that was checked, as `encode_frame` makes it, and when it was
    made, in microseconds since 1970.
    """

    at_us: int
    data: bytes

    @property
    def is_full(self) -> bool:
        """Whether it tells everything anew."""
        return self.data[_KIND_AT] == FrameKind.FULL


class DeltaWriter:
    """Writes the deltas of one segment."""

    def __init__(self) -> None:
        self._packer = Packer()
        self._texts = TextWriter()

    @property
    def is_long(self) -> bool:
        """Whether a new segment has to begin, for the memory of who reads."""
        return (
            self._texts.skeleton_bytes > SEGMENT_SKELETON_BYTES
            or self._texts.skeleton_numbers > SEGMENT_SKELETON_NUMBERS
        )

    def payload(self, frames: Sequence[TimedFrame]) -> bytes:
        """Of a record of these, in order of time; one at least."""
        text, codes = bytearray(), bytearray()
        blocks = BlockWriter(text, codes)
        rows, before_us = [], frames[0].at_us
        for frame in frames:
            row = [frame.at_us - before_us, frame.data[_KIND_AT]]
            self._frame(frame, text, row, blocks)
            rows.append(row)
            before_us = frame.at_us
        steps = np.concatenate([np.zeros(0, np.int64), *blocks.distances])
        low_bits = distances.best_low_bits(steps)
        numbers = packed([len(rows), len(steps), low_bits, *columns(rows)])
        bits = distances.coded(steps, low_bits)
        return self._packer.pack((bytes(text), numbers, bytes(codes), bits))

    def _frame(
        self, frame: TimedFrame, text: bytearray, row: list[int], blocks: BlockWriter
    ) -> None:
        data = frame.data
        (length,) = _JSON_LENGTH.unpack_from(data, _JSON_LENGTH_AT)
        (count,) = _BLOCKS.unpack_from(data, _BLOCKS_AT)
        self._texts.write(data[_HEAD_BYTES : _HEAD_BYTES + length], frame.at_us, row, text)
        row.append(count)
        at = _HEAD_BYTES + length + -length % 4
        for _ in range(count):
            at = blocks.write(data, at, row)


class Parts(NamedTuple):
    """A frame that is put together when it is needed, and before the next one is taken."""

    at_us: int
    kind: FrameKind
    said: Said
    numbers: Numbers
    blocks: BlockReader

    def taken(self) -> Iterator[Taken]:
        """Its blocks; each may be made whole before the next."""
        for _ in range(self.numbers.count(_MOST_BLOCKS)):
            yield self.blocks.take(self.numbers)

    def frame(self) -> RawFrame:
        """All of it.

        Raises:
            WireError: `bad_recording`, or as `parse_meta`.
        """
        meta = parse_meta(self.kind, self.said.text())
        assert meta is not None, "frames of these kinds have one"
        return RawFrame(self.kind, meta, tuple(map(self.blocks.whole, self.taken())))


class DeltaReader:
    """Reads what a `DeltaWriter` wrote, from the segment's first record of deltas on."""

    def __init__(self) -> None:
        self._unpacker = Unpacker(MOST)
        self._texts = TextReader()

    def parts(self, payload: bytes, first_us: int) -> Iterator[Parts]:
        """The frames of a record whose first time is this.

        Raises:
            WireError: `bad_recording`.
        """
        plain = self._unpacker.unpack(payload)
        text, numbers = Bytes(plain[streams.TEXT]), unpacked(plain[streams.NUMBERS])
        head = Numbers(numbers)
        count = head.count(MAX_FRAMES)
        # Each leads to a cell of a coded block.
        total = head.count(min(8 * len(plain[streams.BITS]), len(plain[streams.CODES]), _MOST_FAR))
        low_bits = head.count(distances.MAX_LOW_BITS)
        steps = distances.decoded(plain[streams.BITS], total, low_bits)
        blocks = BlockReader(text, Bytes(plain[streams.CODES]), steps)
        at_us = first_us
        for row in rows_of(numbers[_HEAD_NUMBERS:], count):
            rest = Numbers(row)
            at_us += rest.count(END_OF_TIME_US - 1 - at_us)
            kind = FrameKind.FULL if rest.take() == FrameKind.FULL else FrameKind.DELTA
            yield Parts(at_us, kind, self._texts.read(at_us, rest, text), rest, blocks)

    def records(self, payload: bytes, first_us: int) -> Iterator[Record]:
        """The same frames, whole.

        Raises:
            WireError: `bad_recording`, or as `parse_meta`.
        """
        for one in self.parts(payload, first_us):
            yield Record(one.at_us / _US, one.frame())
