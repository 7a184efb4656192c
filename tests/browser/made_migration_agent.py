"""An agent of a made-up host with both ends of one VM: ``python made_migration_agent.py URL``.

Nothing moves until a line of JSON on its input says so; each is answered by ``done`` once a sample
holds it. `PUT` puts pages of one side into a state, `FLAGS` gives the destination's VmFlags beside
the usual ones, `FAULT` is a fault on a page of the destination, `QMP` what QEMU says, `END` ends a
side, `POOL` what is free and reserved, `LIMIT` why faults are not seen.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from hugescope_agent.errors import AskError
from hugescope_agent.link import AgentLink, LinkOptions
from hugescope_agent.sample import Sample
from hugescope_wire.cells import UNKNOWN_COUNT, UNKNOWN_NODE, CellFlag, Cells, CellState
from hugescope_wire.frames import encode_range, encode_scattered
from hugescope_wire.host import (
    HostDelta,
    HostFrame,
    Limit,
    MappingInfo,
    ProcessInfo,
    Skipped,
    Source,
)
from hugescope_wire.page import PageDetail
from hugescope_wire.snapshot import (
    Backing,
    Capabilities,
    GuestRam,
    HostInfo,
    LevelBytes,
    Pool,
    ProcessName,
)
from hugescope_wire.vm import Fault, Faults, QmpReading, Vm

HOST = "made-up"
UUID = "6a1e9c0e-5b1d-4a57-9f0e-2f6c35a0b911"
NAME = "build-7"
MIB2, GIB = 2 << 20, 1 << 30
SOURCE, DESTINATION = 4100, 4200
SIDES: Final = {"source": SOURCE, "destination": DESTINATION}
LOW: Final = 3 * GIB
TICK_S: Final = 0.1


@dataclass(slots=True)
class Side:
    """One end: its mappings, by RAM block."""

    pid: int
    mappings: list[MappingInfo]
    cells: list[Cells]
    simulated: bool
    qmp: QmpReading | None = None

    def process(self) -> ProcessInfo:
        """As the agent tells it."""
        incoming = self.pid == DESTINATION
        ram = sum(info.end - info.start for info in self.mappings)
        return ProcessInfo(
            pid=self.pid,
            comm="qemu-system-x86",
            name=ProcessName(name=NAME, kind="vm", source="qemu"),
            vm=Vm(uuid=UUID, incoming=incoming, ram_bytes=ram, simulated=self.simulated),
            qmp=self.qmp,
            mappings=self.mappings,
        )

    def put(self, block: int, index: np.ndarray, state: CellState) -> None:
        """Bring pages into a state."""
        cells, there = self.cells[block], state is CellState.MAPPED
        cells.state[index] = state
        cells.mapped_pages[index] = (self.mappings[block].page_size >> 12) * there
        cells.mapcount[index] = cells.mappers[index] = 1 if there else UNKNOWN_COUNT
        cells.node[index] = 0 if there else UNKNOWN_NODE
        cells.flags[index] = CellFlag.EXCLUSIVE if there else 0


def made_side(pid: int, blocks: list[int], page_size: int, simulated: bool) -> Side:
    """RAM of holes; blocks lie one behind the other, the first ends below 4 GiB."""
    mappings, offset, start = [], 0, 0x7F00_0000_0000 + pid * GIB
    flags = ["rd", "wr", "sh", "mr", "mw", "me", "ms", "ht"]
    for number, pages in enumerate(blocks):
        backend = f"ram-node{number}"
        mappings.append(
            MappingInfo(
                id=pid * 10 + number,
                cell_count=pages,
                start=start,
                end=start + pages * page_size,
                page_size=page_size,
                kind="hugetlb",
                shared=True,
                backing=Backing(kind="memfd", name=backend, inode=pid + number, offset=0),
                vm_flags=flags,
                level_bytes=LevelBytes(pud=None, pmd=None, pte=None),
                guest=GuestRam(offset=offset, backend=backend, low_bytes=LOW),
            )
        )
        start += 2 * pages * page_size
        offset += pages * page_size
    return Side(pid, mappings, [Cells.holes(pages) for pages in blocks], simulated)


@dataclass(slots=True)
class MadeHost:
    """Gives samples of it.

    Attributes:
        watched: that the destination's faults are.
    """

    sides: dict[str, Side]
    pool: Pool
    watched: bool
    told: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    commands: queue.SimpleQueue[dict[str, Any]] = field(default_factory=queue.SimpleQueue)

    def full(self) -> Sample:
        """Everything."""
        about = HostFrame(
            taken_at=datetime.now(UTC),
            monotonic_s=time.monotonic(),
            source=Source(kind="replay", name="made up for a test"),
            host=HostInfo(name=HOST, kernel="6.18.0", boot_id=None),
            capabilities=Capabilities(
                pfn=True, kpageflags=True, pagemap_scan=True, procmap_query=True, hgm=False
            ),
            limits=[],
            pools=[self.pool],
            processes=[side.process() for side in self.sides.values()],
            skipped=Skipped(),
            cost=None,
        )
        return Sample(
            about,
            [
                encode_range(info.id, info.page_size, cells)
                for side in self.sides.values()
                for info, cells in zip(side.mappings, side.cells, strict=True)
            ],
        )

    def tick(self) -> Sample:
        """What the commands since say."""
        commands = [self.commands.get() for _ in range(self.commands.qsize())]
        blocks: list[bytes] = []
        processes: dict[int, ProcessInfo] = {}
        faults: list[Fault] = []
        gone: list[int] = []
        pools: list[Pool] | None = None
        limits: list[Limit] | None = None
        for command in commands:
            name = command.pop("do")
            if name == "end":
                gone.append(self.sides.pop(command["side"]).pid)
            elif name == "pool":
                self.pool = self.pool.model_copy(update=command)
                pools = [self.pool]
            elif name == "limit":
                limits = [Limit(capability="page_faults", cost="", remedy=None, **command)]
            elif name == "put":
                blocks.append(self._put(**command))
            elif name == "fault":
                info = self.sides["destination"].mappings[command["block"]]
                address = info.start + command["cell"] * info.page_size + 4096
                at_s = time.monotonic()
                faults.append(Fault(pid=DESTINATION, address=address, at_s=at_s))
            else:
                side = self._tell(name, command)
                processes[side.pid] = side.process()
        about = HostDelta(
            taken_at=datetime.now(UTC),
            monotonic_s=time.monotonic(),
            processes=list(processes.values()),
            gone_pids=gone,
            pools=pools,
            limits=limits,
            faults=Faults(watched=[DESTINATION] * self.watched, faults=faults),
        )
        for _ in commands:
            self.told.release()
        return Sample(about, blocks)

    def _put(self, side: str, block: int, cells: list[int], state: str) -> bytes:
        end, index = self.sides[side], np.array(sorted(cells))
        end.put(block, index, CellState[state.upper()])
        info = end.mappings[block]
        return encode_scattered(info.id, info.page_size, index, end.cells[block].take(index))

    def _tell(self, name: str, command: dict[str, Any]) -> Side:
        side = self.sides[command.pop("side")]
        if name == "qmp":
            side.qmp = QmpReading(read_at_s=time.time(), **command)
        else:
            usual = [flag for flag in side.mappings[0].vm_flags or [] if flag not in ("um", "ui")]
            flags = {"vm_flags": usual + command["flags"]}
            side.mappings = [info.model_copy(update=flags) for info in side.mappings]
        return side

    def page(self, pid: int, address: int, part: int | None) -> PageDetail:
        """Nothing is known of any."""
        raise AskError("no_such_mapping", "nothing is told of pages here")


def made_host(blocks: list[int], page_size: int, simulated: bool, watched: bool) -> MadeHost:
    """Both sides; the source is there in full."""
    sides = {name: made_side(pid, blocks, page_size, simulated) for name, pid in SIDES.items()}
    for number, pages in enumerate(blocks):
        sides["source"].put(number, np.arange(pages), CellState.MAPPED)
    total = 3 * sum(blocks)
    pool = Pool(
        page_size=page_size,
        node=None,
        total=total,
        free=total - sum(blocks),
        reserved=sum(blocks),
        surplus=0,
    )
    return MadeHost(sides, pool, watched)


def listen(host: MadeHost) -> None:
    """Obey the lines on the input until it ends."""
    for line in sys.stdin:
        host.commands.put(json.loads(line))
        host.told.acquire()
        print("done", flush=True)


def main() -> None:
    """Send until stopped: ``URL PAGE_SIZE SIMULATED WATCHED PAGES...``."""
    page_size, simulated, watched, *blocks = (int(text) for text in sys.argv[2:])
    host = made_host(blocks, page_size, bool(simulated), bool(watched))
    threading.Thread(target=listen, args=(host,), daemon=True).start()
    options = LinkOptions(sys.argv[1], HOST, "made-up", token=os.environ["HUGESCOPE_TOKEN"])
    asyncio.run(AgentLink(host, options).run())


if __name__ == "__main__":
    main()
