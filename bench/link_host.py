"""A made-up host for `bench/link.py`: frames without a kernel behind them."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

import numpy as np
from tests.unit.wire.made_wire import host_frame, mapping_info

from hugescope_agent.errors import AskError
from hugescope_agent.sample import Sample
from hugescope_wire.cells import Cells, CellState
from hugescope_wire.frames import FrameKind, decode_frame, encode_frame, encode_range
from hugescope_wire.host import HostDelta, HostFrame, ProcessInfo
from hugescope_wire.page import PageDetail
from hugescope_wire.snapshot import HostInfo

PAGE_SIZE = 2 * 2**20
START = 0x7F00_0000_0000


def about(processes: list[ProcessInfo]) -> HostFrame:
    return host_frame(
        processes,
        taken_at=datetime.now(UTC),
        monotonic_s=time.monotonic(),
        host=HostInfo(name="bench", kernel=None, boot_id=None),
        pools=[],
    )


def delta() -> HostDelta:
    return HostDelta(taken_at=datetime.now(UTC), monotonic_s=time.monotonic())


class Host:
    """Cells that all change in every frame; the first says the frame's number."""

    def __init__(self, cells: int) -> None:
        self.seq = 0
        self._noise = np.random.default_rng(1)
        self._cells = cells
        self._info = mapping_info(1, cells, PAGE_SIZE, START)

    def frame(self) -> bytes:
        self.seq += 1
        cells = Cells.holes(self._cells)
        cells.state[:] = CellState.PARTIAL
        cells.mapped_pages[:] = self._noise.integers(1, 512, self._cells)
        cells.mapped_pages[0] = self.seq % 500 + 1
        block = encode_range(1, PAGE_SIZE, cells)
        if self.seq == 1:
            process = ProcessInfo(pid=7, comm="bench", mappings=[self._info])
            return encode_frame(FrameKind.FULL, 1, about([process]), [block])
        return encode_frame(FrameKind.DELTA, self.seq, delta(), [block])


class Looker:
    """A host of which each look changes a little."""

    def __init__(self, cells: int) -> None:
        self._host = Host(cells)
        self._full = decode_frame(self._host.frame())
        decoded = self._full.blocks[0].decode(cells, PAGE_SIZE).cells
        self._cells = decoded.take(np.arange(cells))
        self._rng = random.Random(1)

    def full(self) -> Sample:
        assert isinstance(self._full.meta, HostFrame)
        return Sample(about(self._full.meta.processes), [encode_range(1, PAGE_SIZE, self._cells)])

    def tick(self) -> Sample:
        first = self._rng.randrange(len(self._cells) - 8)
        self._cells.mapped_pages[first : first + 8] = self._rng.randint(1, 511)
        some = self._cells.take(np.arange(first, first + 8))
        return Sample(delta(), [encode_range(1, PAGE_SIZE, some, first)])

    def page(self, pid: int, address: int, part: int | None) -> PageDetail:
        raise AskError("no_such_process", "it is made up")


class Clocked(Looker):
    """One whose frames tell when they were made.

    Attributes:
        looked_at_s: of the last looks, by what their first cell has mapped.
    """

    def __init__(self, cells: int) -> None:
        super().__init__(cells)
        self.looked_at_s: dict[int, float] = {}
        self._looks = 0

    def tick(self) -> Sample:
        self._looks += 1
        code = self._looks % 500 + 1
        self.looked_at_s[code] = time.perf_counter()
        self._cells.mapped_pages[:8] = code
        return Sample(delta(), [encode_range(1, PAGE_SIZE, self._cells.take(np.arange(8)), 0)])
