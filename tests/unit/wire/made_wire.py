"""Cells, mappings and hosts made up for tests."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from hugescope_wire.cells import Cells, CellState
from hugescope_wire.frames import FrameKind, decode_frame, encode_frame, encode_range
from hugescope_wire.host import HostDelta, HostFrame, MappingInfo, ProcessInfo, Skipped, Source
from hugescope_wire.picture import Change, HostPicture
from hugescope_wire.snapshot import Backing, Capabilities, HostInfo, LevelBytes, Pool

MIB2 = 2 << 20
GIB = 1 << 30
TAKEN_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LABELS = (
    *("hole", "mapped", "full", "split", "partial"),
    *("marker", "poisoned", "migrating", "small"),
)
COLUMNS = tuple(f.name for f in fields(Cells))

# A slow machine must not fail a test.
several = settings(deadline=None, max_examples=40)
many = settings(deadline=None, max_examples=100)

Row = tuple[int, ...]
"""One cell's columns, in the order of `COLUMNS`."""


def cells_of(rows: list[Row]) -> Cells:
    """Columns from rows."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(COLUMNS)
    kinds = (np.uint32, np.uint16, np.uint16, np.uint8, np.uint8, np.uint8)
    return Cells(*(np.array(c, kind) for c, kind in zip(columns, kinds, strict=True)))


def rows_of(cells: Cells) -> list[Row]:
    """Rows from columns."""
    return list(zip(*(getattr(cells, name).tolist() for name in COLUMNS), strict=True))


def whole_row(state: CellState, page_size: int = MIB2) -> Row:
    """A cell of one state that is mapped whole or not at all."""
    whole = state in (CellState.MAPPED, CellState.FULL, CellState.SPLIT)
    return (page_size // 4096 if whole else 0, 1, 1, int(state), 0, 0)


@st.composite
def any_row(draw: st.DrawFn, page_size: int = MIB2, in_part: bool = True) -> Row:
    """One cell; with `in_part` its mapped pages may be any number."""
    state = draw(st.sampled_from(CellState))
    pages = whole_row(state, page_size)[0]
    if in_part and draw(st.booleans()):
        pages = draw(st.integers(0, page_size // 4096))
    count = st.sampled_from((0, 1, 2, 0xFFFE, 0xFFFF))
    node = draw(st.sampled_from((0, 1, 254, 255)))
    return (pages, draw(count), draw(count), int(state), draw(st.integers(0, 15)), node)


@st.composite
def any_rows(
    draw: st.DrawFn, page_size: int = MIB2, count: int | None = None, least: int = 0
) -> list[Row]:
    """Cells as they come in practice: long runs, no runs, mapped in part or not."""
    kinds = draw(st.lists(any_row(page_size, draw(st.booleans())), min_size=1, max_size=5))
    longest = draw(st.sampled_from((1, 3, 30)))
    total = draw(st.integers(least, 40)) if count is None else count
    rows: list[Row] = []
    while len(rows) < total:
        rows += [draw(st.sampled_from(kinds))] * draw(st.integers(1, longest))
    return rows[:total]


def mapping_info(
    number: int, cell_count: int, page_size: int = MIB2, start: int | None = None, **other: Any
) -> MappingInfo:
    """A shared memfd mapping, in its own stretch of addresses where no other is asked for."""
    start = 0x7E00_0000_0000 + (number << 34) if start is None else start
    facts: dict[str, Any] = {
        "id": number,
        "cell_count": cell_count,
        "start": start,
        "end": start + cell_count * page_size,
        "page_size": page_size,
        "kind": "hugetlb",
        "shared": True,
        "backing": Backing(kind="memfd", name="ram", inode=7, offset=0),
        "vm_flags": ["rd", "wr", "sh", "ht"],
        "level_bytes": LevelBytes(pud=0, pmd=0, pte=0),
    }
    return MappingInfo(**(facts | other))


def host_frame(processes: list[ProcessInfo], **other: Any) -> HostFrame:
    """The JSON part of a full frame."""
    facts: dict[str, Any] = {
        "taken_at": TAKEN_AT,
        "monotonic_s": 1.5,
        "source": Source(kind="live"),
        "host": HostInfo(name="box", kernel="6.18.1", boot_id=None),
        "capabilities": Capabilities(
            pfn=True, kpageflags=True, pagemap_scan=True, procmap_query=True, hgm=False
        ),
        "limits": [],
        "pools": [Pool(page_size=MIB2, node=None, total=64, free=60, reserved=-5, surplus=0)],
        "processes": processes,
        "skipped": Skipped(),
        "cost": None,
    }
    return HostFrame(**(facts | other))


def host_delta(**other: Any) -> HostDelta:
    """The JSON part of a delta."""
    return HostDelta(taken_at=TAKEN_AT, monotonic_s=2.5, **other)


def one_mapping(info: MappingInfo, pid: int = 41) -> HostFrame:
    """A host with one process of one mapping."""
    return host_frame([ProcessInfo(pid=pid, comm="qemu", mappings=[info])])


def full_frame(about: HostFrame, cells: dict[int, Cells], seq: int = 1) -> bytes:
    """An encoded full frame with every mapping's cells."""
    infos = {m.id: m for process in about.processes for m in process.mappings}
    blocks = [encode_range(n, infos[n].page_size, held) for n, held in cells.items()]
    return encode_frame(FrameKind.FULL, seq, about, blocks)


def take(picture: HostPicture, data: bytes) -> Change:
    """Decode one frame and apply it."""
    return picture.apply(decode_frame(data))


def picture_of(info: MappingInfo, rows: list[Row]) -> HostPicture:
    """The picture of a host with one mapping."""
    picture = HostPicture()
    take(picture, full_frame(one_mapping(info), {info.id: cells_of(rows)}))
    return picture


@contextmanager
def little_memory(extra_bytes: int) -> Iterator[None]:
    """At most so much more address space: an allocation beyond is a MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + extra_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
