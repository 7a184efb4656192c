"""Recordings made up for tests."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

from hugescope_wire.cells import CellState
from hugescope_wire.firstformat import MAGIC
from hugescope_wire.frames import FrameKind, encode_frame, encode_scattered
from hugescope_wire.host import HostDelta
from hugescope_wire.recording import Loss, Record
from tests.unit.wire.made_wire import (
    MIB2,
    cells_of,
    full_frame,
    mapping_info,
    one_mapping,
    whole_row,
)

MAPPED, HOLE = whole_row(CellState.MAPPED), whole_row(CellState.HOLE)


class KeptArchive:
    """Recorded time that is in memory; its first record is a full frame."""

    def __init__(self, records: Sequence[Record], name: str = "made") -> None:
        self.name = name
        self.began_s, self.ended_s = records[0].at_s, records[-1].at_s
        self.losses: tuple[Loss, ...] = ()
        self._records = tuple(records)

    def records(
        self, since_s: float | None = None, until_s: float | None = None
    ) -> Iterator[Record]:
        assert since_s is None
        for record in self._records:
            if until_s is not None and record.at_s > until_s:
                return
            yield record


def first_format(at_s: float, frame: bytes) -> bytes:
    """One record of the first format."""
    body = struct.pack("<d", at_s) + frame
    return struct.pack("<II", len(frame), zlib.crc32(body)) + body


def made() -> list[bytes]:
    """Of the first format: magic, and the records of a full frame and two deltas."""
    about = one_mapping(mapping_info(1, 4))
    frames = [full_frame(about, {1: cells_of([HOLE] * 4)})]
    for seq in (2, 3):
        delta = HostDelta(taken_at=about.taken_at, monotonic_s=about.monotonic_s + seq)
        cells = cells_of([MAPPED]).state.nonzero()[0] + seq
        block = encode_scattered(1, MIB2, cells, cells_of([MAPPED]))
        frames.append(encode_frame(FrameKind.DELTA, seq, delta, [block]))
    return [MAGIC, *(first_format(at / 2, frame) for at, frame in enumerate(frames))]
