"""Recordings made up for tests, in the first format, which every later version reads."""

from __future__ import annotations

import struct
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner, Result

from hugescope.cli import app
from hugescope_agent.sample import Sample
from hugescope_wire.cells import CellState
from hugescope_wire.frames import FrameKind, encode_frame, encode_range, encode_scattered
from hugescope_wire.host import HostDelta, HostFrame, MappingInfo, ProcessInfo
from hugescope_wire.snapshot import HostInfo
from tests.unit.wire.made_wire import (
    MIB2,
    TAKEN_AT,
    Row,
    cells_of,
    host_frame,
    mapping_info,
    whole_row,
)

HOLE = whole_row(CellState.HOLE)
MAPPED = whole_row(CellState.MAPPED)
POISONED = whole_row(CellState.POISONED)
CELLS = 8


def full(
    info: MappingInfo, rows: list[Row], comm: str = "qemu", pid: int = 41, **other: Any
) -> Sample:
    """A host with one process of one mapping."""
    process = ProcessInfo(pid=pid, comm=comm, mappings=[info])
    host = HostInfo(name="box", kernel="6.18.1", boot_id="boot-1")
    about = host_frame([process], **({"host": host} | other))
    return Sample(about, [encode_range(info.id, info.page_size, cells_of(rows))])


def delta(at_s: float, info: MappingInfo, cells: dict[int, Row], **other: Any) -> Sample:
    """So many seconds after the first: these cells changed."""
    about = HostDelta(taken_at=TAKEN_AT + timedelta(seconds=at_s), monotonic_s=1.5 + at_s, **other)
    index = np.array(list(cells), np.uint32)
    rows = cells_of(list(cells.values()))
    blocks = [encode_scattered(info.id, info.page_size, index, rows)] if cells else []
    return Sample(about, blocks)


def write(path: Path, samples: list[Sample]) -> Path:
    """A recording of these samples, at the times that they say."""
    first = samples[0].about
    assert isinstance(first, HostFrame)
    data = b"HSREC1\r\n"
    for seq, sample in enumerate(samples, 1):
        kind = FrameKind.FULL if isinstance(sample.about, HostFrame) else FrameKind.DELTA
        frame = encode_frame(kind, seq, sample.about, sample.blocks)
        at_s = (sample.about.taken_at - first.taken_at).total_seconds()
        body = struct.pack("<d", at_s) + frame
        data += struct.pack("<II", len(frame), zlib.crc32(body)) + body
    path.write_bytes(data)
    return path


def filling(path: Path, comm: str = "qemu") -> Path:
    """Ten seconds in which a mapping of eight cells fills one cell a second, and one goes bad."""
    info = mapping_info(1, CELLS)
    samples = [full(info, [HOLE] * CELLS, comm)]
    samples += [delta(at, info, {at - 1: MAPPED}) for at in range(1, CELLS + 1)]
    samples.append(delta(9, info, {5: POISONED}))
    samples.append(delta(10, info, {}))
    return write(path, samples)


def rebooted(path: Path) -> Path:
    """Two boots of a host within a second: the same process has another pid in the second."""
    info = mapping_info(1, CELLS)
    host = HostInfo(name="box", kernel="6.18.1", boot_id="boot-2")
    taken_at = TAKEN_AT + timedelta(seconds=1)
    samples = [
        full(info, [HOLE] * CELLS),
        full(info, [MAPPED] * CELLS, pid=9, host=host, taken_at=taken_at),
    ]
    return write(path, samples)


def ran(*words: str | Path) -> Result:
    """The command line with these words; stdout and stderr apart."""
    return CliRunner().invoke(app, [str(word) for word in words])


PAGE = MIB2
