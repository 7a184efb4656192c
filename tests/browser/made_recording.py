"""A recording of a made-up host whose every moment is known.

Each second one more cell of a mapping is mapped, from the first on; a second process comes after
half a minute.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from hugescope_wire.cells import CellState
from hugescope_wire.firstformat import MAGIC
from hugescope_wire.frames import (
    FrameKind,
    decode_frame,
    encode_frame,
    encode_range,
    encode_scattered,
)
from hugescope_wire.host import HostDelta, ProcessInfo
from hugescope_wire.picture import HostPicture
from hugescope_wire.segments.deltas import TimedFrame
from hugescope_wire.segments.writer import SegmentWriter
from hugescope_wire.snapshot import Backing, HostInfo, Pool
from tests.browser.made_agent import FEW, MIB2, RAM, SMALL, STARTS, VM, Made, mapping
from tests.unit.wire.made_wire import host_frame

NAME: Final = "made.hsrec"
HOST_ID: Final = "made"
BEGAN: Final = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
BEGAN_S: Final = BEGAN.timestamp()
LENGTH_S: Final = 60
GUEST_AFTER_S: Final = 30
LOST_SINCE_S: Final = 11.5
LOST_UNTIL_S: Final = GUEST_AFTER_S + 0.5
"""What of a damaged recording is lost: it is known again from a whole picture on."""

FIRST_S: Final = 0.5
"""Cell n is mapped so long after second n, away from the moments that tests ask for."""

MAP: Final = f"#/host/{HOST_ID}/pid/{SMALL}/map/{STARTS[FEW]:x}"


def write_recording(directory: Path, name: str = NAME) -> Path:
    """The file, made anew."""
    path = directory / name
    path.write_bytes(MAGIC + b"".join(encode_record(at_s, frame) for at_s, frame in frames()))
    return path


def write_damaged(directory: Path, name: str = "damaged.hsrec") -> Path:
    """The same in the second format, with a bit turned over in every record of the lost time."""
    path = directory / name
    write_second_format(path, frames(), lambda at_s: LOST_SINCE_S < at_s < LOST_UNTIL_S)
    return path


def write_second_format(
    path: Path,
    made: Iterable[tuple[float, bytes]],
    is_damaged: Callable[[float], bool] = lambda _: False,
) -> None:
    """Frames with how long after the beginning each was made, a record each."""
    writer, picture = SegmentWriter(), HostPicture()
    data = writer.begin_file()
    for at_s, frame in made:
        picture.apply(decode_frame(frame))
        record = writer.batch([TimedFrame(round((BEGAN_S + at_s) * 1e6), frame)], picture)
        if is_damaged(at_s):
            record = record[:-1] + bytes([record[-1] ^ 1])
        data += record
    path.write_bytes(data + writer.end())


def mapped_at(after_s: float) -> int:
    """How many cells are mapped so long after the beginning."""
    return max(0, int(after_s + 1 - FIRST_S))


def encode_record(at_s: float, frame: bytes) -> bytes:
    """One record of the first format, which stays readable."""
    body = struct.pack("<d", at_s) + frame
    return struct.pack("<II", len(frame), zlib.crc32(body)) + body


def frames() -> list[tuple[float, bytes]]:
    """Each frame, and how long after the beginning it was made."""
    few = mapping(FEW, SMALL, Backing(kind="memfd", name="few", inode=11, offset=0))
    ram = mapping(RAM, VM, Backing(kind="memfd", name="pc.ram", inode=12, offset=0))
    ram.put(np.arange(1500), CellState.MAPPED)
    made = [(0.0, _full(1, 0.0, [few]))]
    shown = [few]
    for number in range(LENGTH_S):
        at_s, seq = number + FIRST_S, len(made) + 1
        few.put(np.array([number]), CellState.MAPPED)
        if number == GUEST_AFTER_S:
            shown = [few, ram]
            made.append((at_s, _full(seq, at_s, shown)))
        else:
            made.append((at_s, _delta(seq, at_s, few, number)))
    return made


def _full(seq: int, at_s: float, shown: list[Made]) -> bytes:
    names = {SMALL: "few", VM: "guest"}
    about = host_frame(
        [ProcessInfo(pid=made.pid, comm=names[made.pid], mappings=[made.info]) for made in shown],
        taken_at=BEGAN + timedelta(seconds=at_s),
        monotonic_s=100 + at_s,
        host=HostInfo(name="recorded-host", kernel="6.18.0", boot_id=None),
        pools=[Pool(page_size=MIB2, node=None, total=9, free=0, reserved=0, surplus=0)],
    )
    blocks = [encode_range(made.info.id, made.info.page_size, made.cells) for made in shown]
    return encode_frame(FrameKind.FULL, seq, about, blocks)


def _delta(seq: int, at_s: float, made: Made, cell: int) -> bytes:
    at = np.array([cell])
    block = encode_scattered(made.info.id, made.info.page_size, at, made.cells.take(at))
    about = HostDelta(taken_at=BEGAN + timedelta(seconds=at_s), monotonic_s=100 + at_s)
    return encode_frame(FrameKind.DELTA, seq, about, [block])
