"""An agent of a made-up host, for a real server: ``python made_agent.py URL``.

Its cells stand still until a line on its input moves one: ``MAPPING CELL STATE``, answered by
``done`` once a sample holds it.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from hugescope_agent.errors import AskError
from hugescope_agent.link import AgentLink, LinkOptions
from hugescope_agent.sample import Sample
from hugescope_wire.cells import UNKNOWN_COUNT, UNKNOWN_NODE, CellFlag, Cells, CellState
from hugescope_wire.frames import encode_range, encode_scattered
from hugescope_wire.host import (
    HostDelta,
    HostFrame,
    MappingInfo,
    ProcessInfo,
    Skipped,
    Source,
)
from hugescope_wire.page import PageDetail, PageMapper, PartRun
from hugescope_wire.snapshot import (
    Backing,
    Capabilities,
    GuestRam,
    HostInfo,
    LevelBytes,
    Pool,
    ProcessName,
)

HOST = "made-up"
MIB2, GIB = 2 << 20, 1 << 30
VM, WIDE, SMALL = 100, 200, 300
RAM, LARGE, TERA, FEW = 1, 2, 3, 4
STARTS = {
    RAM: 0x7F0000000000 + 96 * MIB2,
    LARGE: 0x7E8000000000,
    TERA: 0x600000000000,
    FEW: 0x7D0000000000 + 480 * MIB2,
}
COUNTS = {RAM: 4000, LARGE: 4, TERA: 524_288, FEW: 64}
POISONED, MIGRATING = 2222, 2301
LOST_IN_TERA = 300_000
PARTIAL_FROM = 3000
"""A hundred cells of RAM are mapped in part from here on."""
NO_ANSWER = 77
"""A cell of RAM about which this agent cannot say anything."""

PRESENT = (CellState.MAPPED, CellState.SPLIT, CellState.FULL, CellState.PARTIAL)


@dataclass(slots=True)
class Made:
    """One mapping."""

    pid: int
    info: MappingInfo
    cells: Cells

    def put(self, index: np.ndarray, state: CellState) -> None:
        """Bring cells into a state, with the other columns as such a state has them."""
        there = state in PRESENT
        cells, pages = self.cells, self.info.page_size >> 12
        cells.state[index] = state
        cells.mapped_pages[index] = (pages // 4 if state is CellState.PARTIAL else pages) * there
        cells.mapcount[index] = cells.mappers[index] = 1 if there else UNKNOWN_COUNT
        cells.node[index] = 0 if there else UNKNOWN_NODE
        cells.flags[index] = CellFlag.EXCLUSIVE if there else 0


def mapping(number: int, pid: int, backing: Backing, guest: GuestRam | None = None) -> Made:
    """A mapping of holes."""
    size = GIB if number == LARGE else MIB2
    start, count = STARTS[number], COUNTS[number]
    info = MappingInfo(
        id=number,
        cell_count=count,
        start=start,
        end=start + count * size,
        page_size=size,
        kind="hugetlb",
        shared=backing.kind != "anonymous",
        backing=backing,
        vm_flags=["rd", "wr", "mr", "mw", "me", "ht"],
        level_bytes=LevelBytes(pud=None, pmd=None, pte=None),
        guest=guest,
    )
    return Made(pid, info, Cells.holes(count))


def made_mappings() -> list[Made]:
    """A virtual machine of two mappings, a mapping of half a million cells, and a small one."""
    memfd = Backing(kind="memfd", name="pc.ram", inode=11, offset=0)
    anonymous = Backing(kind="anonymous", name=None, inode=None, offset=0)
    ram = mapping(RAM, VM, memfd, GuestRam(offset=0, backend="pc.ram", low_bytes=2 * GIB))
    ram.put(np.arange(1500), CellState.MAPPED)
    ram.cells.mapcount[600:900] = ram.cells.mappers[600:900] = 2
    ram.cells.node[800:1000] = 1
    ram.put(np.arange(2000, 2100), CellState.SPLIT)
    ram.put(np.arange(PARTIAL_FROM, PARTIAL_FROM + 100), CellState.PARTIAL)
    # The first of them in each sixteenth of a page.
    ram.cells.mapped_pages[PARTIAL_FROM : PARTIAL_FROM + 16] = 32 * np.arange(16) + 16
    ram.put(np.array([POISONED]), CellState.POISONED)
    ram.put(np.array([MIGRATING]), CellState.MIGRATING)
    large = mapping(LARGE, VM, Backing(kind="hugetlbfs", name="/huge/rom", inode=12, offset=GIB))
    large.put(np.array([0]), CellState.MAPPED)
    large.put(np.array([1]), CellState.SPLIT)
    tera = mapping(TERA, WIDE, anonymous)
    tera.put(np.flatnonzero(np.arange(COUNTS[TERA]) // 700 % 3 > 0), CellState.MAPPED)
    tera.put(np.array([LOST_IN_TERA]), CellState.POISONED)
    few = mapping(FEW, SMALL, memfd)
    few.put(np.arange(0, 64, 2), CellState.MAPPED)
    return [ram, large, tera, few]


@dataclass(slots=True)
class MadeHost:
    """Gives samples of it, and answers about its pages."""

    mappings: list[Made] = field(default_factory=made_mappings)
    moved: queue.SimpleQueue[tuple[int, int, CellState]] = field(default_factory=queue.SimpleQueue)
    told: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def full(self) -> Sample:
        """Everything."""
        names = {VM: ("qemu-system-x86", "build-7"), WIDE: ("wide", None), SMALL: ("few", None)}
        processes = [
            ProcessInfo(
                pid=pid,
                comm=comm,
                name=ProcessName(name=name, kind="vm", source="qemu") if name else None,
                mappings=[made.info for made in self.mappings if made.pid == pid],
            )
            for pid, (comm, name) in names.items()
        ]
        about = HostFrame(
            taken_at=datetime.now(UTC),
            monotonic_s=time.monotonic(),
            source=Source(kind="replay", name="made up for a test"),
            host=HostInfo(name=HOST, kernel="6.18.0", boot_id=None),
            capabilities=Capabilities(
                pfn=True, kpageflags=True, pagemap_scan=True, procmap_query=True, hgm=False
            ),
            limits=[],
            pools=[Pool(page_size=MIB2, node=None, total=9, free=0, reserved=0, surplus=0)],
            processes=processes,
            skipped=Skipped(),
            cost=None,
        )
        blocks = [
            encode_range(made.info.id, made.info.page_size, made.cells) for made in self.mappings
        ]
        return Sample(about, blocks)

    def tick(self) -> Sample:
        """What was moved since."""
        moved = [self.moved.get() for _ in range(self.moved.qsize())]
        blocks = []
        for number, cell, state in moved:
            made, at = self.mapping(number), np.array([cell])
            made.put(at, state)
            blocks.append(encode_scattered(number, made.info.page_size, at, made.cells.take(at)))
            self.told.release()
        about = HostDelta(taken_at=datetime.now(UTC), monotonic_s=time.monotonic())
        return Sample(about, blocks)

    def mapping(self, number: int) -> Made:
        """By its number."""
        return next(made for made in self.mappings if made.info.id == number)

    def page(self, pid: int, address: int, part: int | None) -> PageDetail:
        """What is behind an address."""
        for made in self.mappings:
            if made.pid == pid and made.info.start <= address < made.info.end:
                return page_of(made, address, part)
        raise AskError("no_such_mapping", "nothing is mapped there")


def page_of(made: Made, address: int, part: int | None) -> PageDetail:
    """An answer, with parts in three states where the page is split."""
    info, size = made.info, made.info.page_size
    cell = address // size - info.start // size
    if info.id == RAM and cell == NO_ANSWER:
        raise AskError("page_gone", "the page went while it was read")
    state = CellState(made.cells.state[cell])
    there = state in PRESENT
    at = (info.start // size + cell) * size
    mapper = PageMapper(
        pid=made.pid, comm="qemu", address=at, start=info.start, shared=True, shared_table=False
    )
    return PageDetail.model_validate(
        {
            "pid": made.pid,
            "comm": "qemu-system-x86",
            "start": info.start,
            "first": cell,
            "address": at,
            "page_size": size,
            "state": state.name.lower(),
            "mapped_bytes": int(made.cells.mapped_pages[cell]) << 12,
            "mapcount": 1 if there else None,
            "mappers": 1 if there else None,
            "processes": 1 if there else None,
            "node": 0 if there else None,
            "flags": ["exclusive"] if there else [],
            "file": None,
            "file_offset": None,
            "reasons": [],
            "explanation": [],
            "mapped_by": [mapper] if there else [],
            "parts": parts_of(size, part, state),
        }
    )


def parts_of(page_size: int, part: int | None, state: CellState) -> list[PartRun]:
    """All alike where one entry maps the page, or nothing does; else mapped, a hole, mapped."""
    size = MIB2 if page_size == GIB and part is None else 4096
    whole = "pud" if page_size == GIB else "pmd"
    runs: list[tuple[int, int, str, str | None]] = [(0, 512, "hole", None)]
    if state is CellState.MAPPED:
        runs = [(0, 512, "mapped", whole)]
    elif state is CellState.SPLIT:
        runs = [(0, 100, "mapped", "pte"), (100, 12, "hole", None), (112, 400, "mapped", "pte")]
    return [
        PartRun.model_validate(
            {
                "first": first,
                "count": count,
                "part_bytes": size,
                "state": name,
                "level": level,
                "present_bytes": size if name == "mapped" else 0,
            }
        )
        for first, count, name, level in runs
    ]


def listen(host: MadeHost) -> None:
    """Obey the lines on the input until it ends."""
    for line in sys.stdin:
        number, cell, state = line.split()
        host.moved.put((int(number), int(cell), CellState[state.upper()]))
        host.told.acquire()
        print("done", flush=True)


def main() -> None:
    """Send until stopped."""
    host = MadeHost()
    threading.Thread(target=listen, args=(host,), daemon=True).start()
    options = LinkOptions(sys.argv[1], HOST, "made-up", token=os.environ["HUGESCOPE_TOKEN"])
    asyncio.run(AgentLink(host, options).run())


if __name__ == "__main__":
    main()
