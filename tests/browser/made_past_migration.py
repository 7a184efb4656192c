"""Recordings of two made-up hosts: a virtual machine is migrated from one to the other.

Its source is there from the beginning; the destination starts, fills, is punched, and gets the rest
page after page while its guest runs; then the source ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np

from hugescope_wire.cells import CellState
from hugescope_wire.frames import FrameKind, encode_frame, encode_range, encode_scattered
from hugescope_wire.host import HostDelta, HostFrame, Skipped, Source
from hugescope_wire.snapshot import Capabilities, HostInfo, Pool
from hugescope_wire.vm import Fault, Faults
from tests.browser.made_migration_agent import DESTINATION, MIB2, SOURCE, Side, made_side
from tests.browser.made_recording import BEGAN, write_second_format

FROM, TO = "alpha", "beta"
PAGES: Final = 256
STARTED_S: Final = 5
PRECOPY_S: Final = range(6, 12)
PER_S: Final = 30
SWITCHED_S: Final = 13
PUNCHED: Final = range(20, 150)
POSTCOPY_S: Final = range(15, 45)
SWEPT_PER_S: Final = 8
ENDED_S: Final = 46
LENGTH_S: Final = 55
DEMANDED: Final = {18: 140, 22: 240}
"""The guest touches these pages, and they come at once."""


@dataclass(slots=True)
class _Recorder:
    """Frames of one host, a second apart."""

    name: str
    side: Side
    frames: list[tuple[float, bytes]] = field(default_factory=list)
    shown: bool = False

    def full(self, at_s: float) -> None:
        """Everything."""
        about = HostFrame(
            taken_at=BEGAN + timedelta(seconds=at_s),
            monotonic_s=100 + at_s,
            source=Source(kind="live"),
            host=HostInfo(name=self.name, kernel="6.18.0", boot_id=None),
            capabilities=Capabilities(
                pfn=True, kpageflags=True, pagemap_scan=True, procmap_query=True, hgm=False
            ),
            limits=[],
            pools=[Pool(page_size=MIB2, node=None, total=600, free=300, reserved=0, surplus=0)],
            processes=[self.side.process()] if self.shown else [],
            skipped=Skipped(),
            cost=None,
        )
        self._add(FrameKind.FULL, at_s, about, self._all() if self.shown else [])

    def delta(
        self,
        at_s: float,
        cells: Iterable[int] = (),
        *,
        told: bool = False,
        gone: bool = False,
        fault: int | None = None,
    ) -> None:
        """These cells, and what is said of the process where that is new."""
        index, info = np.array(sorted(cells), np.int64), self.side.mappings[0]
        taken = self.side.cells[0].take(index)
        blocks = [encode_scattered(info.id, info.page_size, index, taken)] if len(index) else []
        faults = [] if fault is None else [self._fault(fault, at_s)]
        watched = [self.side.pid] if self.shown and self.side.pid == DESTINATION else []
        about = HostDelta(
            taken_at=BEGAN + timedelta(seconds=at_s),
            monotonic_s=100 + at_s,
            processes=[self.side.process()] if told else [],
            gone_pids=[self.side.pid] if gone else [],
            faults=Faults(watched=watched, faults=faults),
        )
        if told and not self.shown:
            self.shown, blocks = True, self._all()
        self._add(FrameKind.DELTA, at_s, about, blocks)

    def _fault(self, cell: int, at_s: float) -> Fault:
        address = self.side.mappings[0].start + cell * MIB2 + 4096
        return Fault(pid=self.side.pid, address=address, at_s=100 + at_s - 0.2)

    def _all(self) -> list[bytes]:
        info = self.side.mappings[0]
        return [encode_range(info.id, info.page_size, self.side.cells[0])]

    def _add(
        self, kind: FrameKind, at_s: float, about: HostFrame | HostDelta, blocks: list[bytes]
    ) -> None:
        frame = encode_frame(kind, len(self.frames) + 1, about, blocks)
        self.frames.append((at_s, frame))


def write_migration(directory: Path) -> list[Path]:
    """The files, of the source's host and of the destination's."""
    paths = [directory / f"{name}.hsrec" for name in (FROM, TO)]
    for path, frames in zip(paths, (_source(), _destination()), strict=True):
        write_second_format(path, frames)
    return paths


def _source() -> list[tuple[float, bytes]]:
    source = _Recorder(FROM, made_side(SOURCE, [PAGES], MIB2, simulated=False), shown=True)
    source.side.put(0, np.arange(PAGES), CellState.MAPPED)
    source.full(0)
    for at_s in range(1, LENGTH_S):
        source.delta(at_s, gone=at_s == ENDED_S)
    return source.frames


def _destination() -> list[tuple[float, bytes]]:
    taker = _Recorder(TO, made_side(DESTINATION, [PAGES], MIB2, simulated=False))
    taker.full(0)
    before = there_at(0)
    for at_s in range(1, LENGTH_S):
        now = there_at(at_s)
        for cells, state in ((now - before, CellState.MAPPED), (before - now, CellState.HOLE)):
            if cells:
                taker.side.put(0, np.array(sorted(cells)), state)
        flags = [*(["um"] if SWITCHED_S <= at_s < ENDED_S - 1 else [])]
        info = taker.side.mappings[0]
        usual = [flag for flag in info.vm_flags or () if flag != "um"]
        told = at_s in (STARTED_S, SWITCHED_S, ENDED_S - 1)
        taker.side.mappings = [info.model_copy(update={"vm_flags": usual + flags})]
        taker.delta(at_s, now ^ before, told=told, fault=DEMANDED.get(at_s))
        before = now
    return taker.frames


def there_at(after_s: float) -> set[int]:
    """Pages that the destination has so long after the beginning."""
    there: set[int] = set()
    for at_s, came, punched in _changes():
        if at_s <= after_s:
            there = (there | set(came)) - set(punched)
    return there


def _changes() -> Iterator[tuple[int, Iterable[int], Iterable[int]]]:
    first = PRECOPY_S[0]
    for at_s in PRECOPY_S:
        yield at_s, range((at_s - first) * PER_S, (at_s - first + 1) * PER_S), ()
    yield SWITCHED_S, (), PUNCHED
    left = [*PUNCHED, *range(PER_S * len(PRECOPY_S), PAGES)]
    for at_s in POSTCOPY_S:
        begin = (at_s - POSTCOPY_S[0]) * SWEPT_PER_S
        yield at_s, left[begin : begin + SWEPT_PER_S], ()
        if at_s in DEMANDED:
            yield at_s, [DEMANDED[at_s]], ()
