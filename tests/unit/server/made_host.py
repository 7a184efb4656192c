"""A host made up for tests: it changes at random and speaks as an agent does."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from hugescope_wire.cells import Cells, CellState
from hugescope_wire.frames import FrameKind, encode_frame, encode_range, encode_scattered
from hugescope_wire.host import (
    PROTOCOL_VERSION,
    HostDelta,
    HostFrame,
    MappingInfo,
    ProcessInfo,
)
from hugescope_wire.messages import AgentHello
from hugescope_wire.report import HostReport
from hugescope_wire.snapshot import Backing, HostInfo, LevelBytes, Pool
from tests.unit.wire.made_wire import host_frame

PAGE_SIZE = 2 * 2**20
TAKEN_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def hello(host_id: str = "h1", epoch: str = "e1", protocol: int = PROTOCOL_VERSION) -> AgentHello:
    return AgentHello(
        protocol=protocol,
        agent_version="1.2",
        host_id=host_id,
        epoch=epoch,
        answers=["page_query"],
    )


def mapping_info(number: int, cell_count: int, start: int | None = None) -> MappingInfo:
    start = 0x7F00_0000_0000 + (number << 32) if start is None else start
    return MappingInfo(
        id=number,
        cell_count=cell_count,
        start=start,
        end=start + cell_count * PAGE_SIZE,
        page_size=PAGE_SIZE,
        kind="hugetlb",
        shared=True,
        backing=Backing(kind="memfd", name="/memfd:ram", inode=7, offset=0),
        vm_flags=["rd", "wr", "ht"],
        level_bytes=LevelBytes(pud=None, pmd=0, pte=0),
    )


def random_cells(rng: random.Random, count: int) -> Cells:
    """Cells of every state, some mapped in part, in runs of random length."""
    noise = np.random.default_rng(rng.getrandbits(32))
    cells = Cells.holes(count)
    at = 0
    while at < count:
        until = min(count, at + rng.randint(1, 6))
        state = rng.choice(list(CellState))
        cells.state[at:until] = state
        whole = state in (CellState.MAPPED, CellState.FULL, CellState.SPLIT)
        cells.mapped_pages[at:until] = 512 if whole else 0
        if state is CellState.PARTIAL:
            cells.mapped_pages[at:until] = noise.integers(1, 512, until - at)
        cells.mapcount[at:until] = rng.randint(0, 4)
        cells.flags[at:until] = rng.randint(0, 15)
        cells.node[at:until] = rng.choice([0, 1, 0xFF])
        at = until
    return cells


def full_meta(
    processes: list[ProcessInfo], report: HostReport | None = None, monotonic_s: float = 1.0
) -> HostFrame:
    return host_frame(
        processes,
        monotonic_s=monotonic_s,
        host=HostInfo(name="box", kernel="6.12", boot_id=None),
        pools=[Pool(page_size=PAGE_SIZE, node=None, total=9, free=1, reserved=0, surplus=0)],
        report=report,
    )


@dataclass
class MadeHost:
    """What a host has, and the frames that an agent would send of it.

    Attributes:
        clock: its monotonic one; with a server whose clock a test moves, that one.
    """

    rng: random.Random
    epoch: str = "e1"
    seq: int = 0
    next_id: int = 1
    infos: dict[int, dict[int, MappingInfo]] = field(default_factory=dict)
    cells: dict[int, Cells] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic

    def add(self, pid: int, cell_count: int, column: int = 0) -> int:
        """A new mapping with random cells, the first in this column of its page table; its id."""
        number = self.next_id
        self.next_id += 1
        start = 0x7F00_0000_0000 + (number << 32) + column * PAGE_SIZE
        self.infos.setdefault(pid, {})[number] = mapping_info(number, cell_count, start)
        self.cells[number] = random_cells(self.rng, cell_count)
        return number

    def processes(self) -> list[ProcessInfo]:
        return [self.process(pid) for pid in sorted(self.infos)]

    def process(self, pid: int) -> ProcessInfo:
        return ProcessInfo(pid=pid, comm=f"p{pid}", mappings=list(self.infos[pid].values()))

    def restart_agent(self) -> None:
        """Numbers start anew."""
        self.epoch = f"e{self.rng.getrandbits(64):x}"
        self.seq = 0

    def full(self, report: HostReport | None = None) -> bytes:
        self.seq += 1
        blocks = [encode_range(number, PAGE_SIZE, cells) for number, cells in self.cells.items()]
        meta = full_meta(self.processes(), report, self.clock())
        return encode_frame(FrameKind.FULL, self.seq, meta, blocks)

    def delta(
        self,
        blocks: list[bytes] | None = None,
        pids: list[int] | None = None,
        gone: list[int] | None = None,
        report: HostReport | None = None,
    ) -> bytes:
        self.seq += 1
        meta = HostDelta(
            taken_at=TAKEN_AT,
            monotonic_s=self.clock(),
            processes=[self.process(pid) for pid in pids or []],
            gone_pids=gone or [],
            report=report,
        )
        return encode_frame(FrameKind.DELTA, self.seq, meta, blocks or [])

    def change_cells(self, number: int, index: list[int]) -> bytes:
        """A delta with other cells at `index` of one mapping."""
        at = np.array(sorted(set(index)), np.uint32)
        values = random_cells(self.rng, len(at))
        self.cells[number] = self.cells[number].replaced(at, values)
        return self.delta([encode_scattered(number, PAGE_SIZE, at, values)])

    def step(self) -> bytes:
        """One frame of a random change: cells, a new mapping, a mapping or a process that goes."""
        roll = self.rng.random()
        if roll < 0.06 or not self.cells:
            pid = self.rng.randint(1, 3)
            number = self.add(pid, self.rng.randint(1, 300))
            return self.delta([encode_range(number, PAGE_SIZE, self.cells[number])], [pid])
        if roll < 0.09:
            pid = self.rng.choice(list(self.infos))
            number = self.rng.choice(list(self.infos[pid]))
            del self.infos[pid][number], self.cells[number]
            if self.infos[pid]:
                return self.delta(pids=[pid])
            del self.infos[pid]
            return self.delta(gone=[pid])
        if roll < 0.12:
            return self.full()
        number = self.rng.choice(list(self.cells))
        count = len(self.cells[number])
        if roll < 0.5:
            first = self.rng.randrange(count)
            until = min(count, first + self.rng.randint(1, 60))
            values = random_cells(self.rng, until - first)
            at = np.arange(first, until)
            self.cells[number] = self.cells[number].replaced(at, values)
            return self.delta([encode_range(number, PAGE_SIZE, values, first)])
        return self.change_cells(number, self.rng.choices(range(count), k=self.rng.randint(1, 40)))
