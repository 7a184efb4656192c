"""A made-up host for `bench/history.py`: a VM of 64 GiB of which 1 % changes each second."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from tests.unit.wire.made_wire import host_frame, mapping_info

from hugescope_wire.cells import CellFlag, Cells, CellState
from hugescope_wire.frames import FrameKind, encode_frame, encode_range, encode_scattered
from hugescope_wire.host import (
    AgentCost,
    HostDelta,
    HostFrame,
    ProcessInfo,
    Skipped,
)
from hugescope_wire.report import HostReport
from hugescope_wire.snapshot import Backing, HostInfo, LevelBytes, Pool

MIB2: Final = 2 << 20
CELLS: Final = (64 << 30) // MIB2
HZ: Final = 10
CHANGED_SHARE: Final = 0.01
REPORT_EVERY_S: Final = 5
BEGAN: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
START: Final = 0x7F00_0000_0000


class ChangingHost:
    """Pages anywhere in the mapping go, and come back on either of two nodes, all the time.

    Args:
        report: told again every few seconds, as an agent does; only its time is another.
        seed: of all that happens.

    Attributes:
        changed: pages that changed in the frames so far.
    """

    def __init__(self, report: HostReport, seed: int = 1) -> None:
        self._report: Final = report
        self.changed = 0
        self._random: Final = np.random.default_rng(seed)
        self._cells = Cells.holes(CELLS)
        self._fault_in(np.arange(CELLS))
        self._seq = 0
        self._at_s = 0.0

    def frames(self, seconds: int) -> Iterator[tuple[float, bytes]]:
        """Each with its time in seconds since 1970; the first is a full one."""
        yield self._framed(self._full(), [encode_range(1, MIB2, self._cells)])
        for tick in range(1, seconds * HZ):
            self._at_s = tick / HZ + float(self._random.exponential(0.002))
            index = self._change()
            block = encode_scattered(1, MIB2, index, self._cells.take(index))
            yield self._framed(self._delta(tick), [block])

    def _change(self) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        count = int(self._random.poisson(CELLS * CHANGED_SHARE / HZ))
        index = np.sort(self._random.choice(CELLS, count, replace=False))
        there = self._cells.state[index] == CellState.MAPPED
        self._cells = self._cells.replaced(index[there], Cells.holes(int(there.sum())))
        self._fault_in(index[~there])
        self.changed += count
        return index

    def _fault_in(self, index: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
        count = len(index)
        self._cells = self._cells.replaced(
            index,
            Cells(
                np.full(count, 512, np.uint32),
                np.ones(count, np.uint16),
                np.ones(count, np.uint16),
                np.full(count, CellState.MAPPED, np.uint8),
                np.full(count, CellFlag.EXCLUSIVE, np.uint8),
                self._random.integers(0, 2, count).astype(np.uint8),
            ),
        )

    def _framed(self, about: HostFrame | HostDelta, blocks: list[bytes]) -> tuple[float, bytes]:
        self._seq += 1
        kind = FrameKind.FULL if isinstance(about, HostFrame) else FrameKind.DELTA
        return about.taken_at.timestamp(), encode_frame(kind, self._seq, about, blocks)

    def _pools(self) -> list[Pool]:
        pools = []
        on_nodes = [int((self._cells.node == node).sum()) for node in (0, 1)]
        for node, used in ((None, sum(on_nodes)), (0, on_nodes[0]), (1, on_nodes[1])):
            free = (1 if node is None else 0.5) * 40_000 - used
            reserved = None if node is not None else 0
            total = int(free) + used
            pools.append(
                Pool(
                    page_size=MIB2,
                    node=node,
                    total=total,
                    free=int(free),
                    reserved=reserved,
                    surplus=0,
                )
            )
        gone = {"total": 0, "free": 0, "surplus": 0}
        pools += [Pool(page_size=1 << 30, node=n, reserved=0, **gone) for n in (None, 0, 1)]
        return pools

    def _cost(self) -> AgentCost:
        noise = self._random.normal
        return AgentCost(
            cpu_percent=round(abs(float(noise(0.8, 0.1))), 3),
            tick_ms=round(abs(float(noise(1.5, 0.2))), 3),
            tick_hz=10.0,
            rss_bytes=70_000_000 + int(noise(0, 10)) * 4096,
            cells=CELLS,
            refresh_s=round(abs(float(noise(30, 0.2))), 3),
        )

    def _times(self) -> tuple[datetime, float]:
        # The clocks are read one after the other, a few microseconds apart.
        late_s = float(self._random.exponential(3e-6))
        return BEGAN + timedelta(seconds=self._at_s), round(4711.123456789 + self._at_s + late_s, 9)

    def _full(self) -> HostFrame:
        taken_at, monotonic_s = self._times()
        info = mapping_info(
            1,
            CELLS,
            MIB2,
            START,
            backing=Backing(kind="memfd", name="/memfd:pc.ram", inode=7, offset=0),
            vm_flags=["rd", "wr", "sh", "mr", "mw", "me", "ms", "de", "ht"],
            level_bytes=LevelBytes(pud=0, pmd=CELLS * MIB2, pte=0),
        )
        return host_frame(
            [ProcessInfo(pid=4711, comm="qemu-system-x86", mappings=[info])],
            taken_at=taken_at,
            monotonic_s=monotonic_s,
            host=HostInfo(name="bench", kernel="6.18.1", boot_id=None),
            pools=self._pools(),
            cost=self._cost(),
        )

    def _delta(self, tick: int) -> HostDelta:
        taken_at, monotonic_s = self._times()
        said = tick % HZ == 0
        return HostDelta(
            taken_at=taken_at,
            monotonic_s=monotonic_s,
            pools=self._pools(),
            skipped=Skipped() if said else None,
            cost=self._cost() if said else None,
            report=self._reported(taken_at) if tick % (HZ * REPORT_EVERY_S) == 5 else None,
        )

    def _reported(self, taken_at: datetime) -> HostReport:
        return self._report.model_copy(update={"taken_at": taken_at})
