"""Made-up hosts for looking at the page without an agent: nothing here was read from a kernel."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np

from hugescope_wire.cells import PAGE_BYTES, UNKNOWN_COUNT, UNKNOWN_NODE, CellFlag, Cells, CellState
from hugescope_wire.host import AgentCost, Limit, MappingInfo, Skipped, Source
from hugescope_wire.messages import HostSummary, MappingSummary, ProcessSummary
from hugescope_wire.snapshot import (
    Backing,
    Capabilities,
    GuestRam,
    HostInfo,
    LevelBytes,
    Pool,
)

TWO_MIB = 2 * 2**20
ONE_GIB = 2**30

Motion = Literal["still", "fill", "churn", "migrate", "inverse"]


@dataclass(slots=True)
class Mapping:
    """One made-up mapping and how its cells move."""

    pid: int
    comm: str
    info: MappingInfo
    cells: Cells
    motion: Motion
    random: np.random.Generator
    changes: int = 0

    def tick(self) -> np.ndarray:
        """Move some cells; returns their indices."""
        count = len(self.cells)
        if self.motion == "fill":
            holes = np.flatnonzero(self.cells.state == CellState.HOLE)
            if len(holes) < count // 50:
                self.put(np.arange(count), CellState.HOLE)
                return np.arange(count)
            swept = holes[: self.changes]
            faulted = self.random.choice(holes, min(len(holes), max(1, self.changes // 4)), False)
            changed = np.union1d(swept, faulted)
            self.put(changed, CellState.MAPPED)
            return changed
        if self.motion == "churn":
            changed = np.unique(self.random.integers(0, count, self.changes))
            here = self.cells.state[changed] == CellState.HOLE
            self.put(changed[here], CellState.MAPPED)
            self.put(changed[~here], CellState.HOLE)
            return changed
        if self.motion == "migrate":
            moving = np.flatnonzero(self.cells.state == CellState.MIGRATING)
            self.put(moving, CellState.MAPPED)
            mapped = np.flatnonzero(self.cells.state == CellState.MAPPED)
            next_ones = self.random.choice(mapped, min(len(mapped), self.changes), False)
            self.put(next_ones, CellState.MIGRATING)
            return np.union1d(moving, next_ones)
        return np.empty(0, np.int64)

    def put(self, index: np.ndarray, state: CellState, mapped_pages: int | None = None) -> None:
        """Bring cells into a state, with the other columns as such a state has them."""
        whole = self.info.page_size // PAGE_BYTES
        present = state in (CellState.MAPPED, CellState.FULL, CellState.SPLIT, CellState.PARTIAL)
        self.cells.state[index] = state
        pages = whole if present else 0
        self.cells.mapped_pages[index] = pages if mapped_pages is None else mapped_pages
        self.cells.mapcount[index] = 1 if present else UNKNOWN_COUNT
        self.cells.mappers[index] = 1 if present else UNKNOWN_COUNT
        self.cells.node[index] = 0 if present else UNKNOWN_NODE
        self.cells.flags[index] = CellFlag.EXCLUSIVE if present else 0

    def summary(self) -> MappingSummary:
        """As the overview shows it."""
        return MappingSummary(
            **self.info.model_dump(),
            state_counts=self.cells.state_counts(),
            mapped_bytes=int(self.cells.mapped_pages.sum(dtype=np.int64)) * PAGE_BYTES,
        )


@dataclass(slots=True)
class Host:
    """One made-up host."""

    host_id: str
    source: Source
    info: HostInfo
    capabilities: Capabilities
    limits: list[Limit]
    pools: list[Pool]
    mappings: list[Mapping]
    skipped: Skipped = field(default_factory=Skipped)
    epoch: int = 1
    seq: int = 0
    link: Literal["live", "late", "gone"] = "live"
    age_s: float = 0.04

    def restart(self) -> None:
        """Another run of the agent: new epoch, new mapping numbers."""
        self.epoch += 1
        for mapping in self.mappings:
            mapping.info = mapping.info.model_copy(update={"id": mapping.info.id + 1000})

    def summary(self) -> HostSummary:
        """As the overview shows it."""
        processes: dict[int, ProcessSummary] = {}
        for mapping in self.mappings:
            known = processes.get(mapping.pid)
            before = [] if known is None else known.mappings
            processes[mapping.pid] = ProcessSummary(
                pid=mapping.pid, comm=mapping.comm, mappings=[*before, mapping.summary()]
            )
        return HostSummary(
            host_id=self.host_id,
            host=self.info,
            source=self.source,
            link=self.link,
            age_s=self.age_s,
            taken_at=datetime.now(UTC),
            seq=self.seq,
            epoch=f"epoch-{self.epoch}",
            agent_version="0.1.0",
            capabilities=self.capabilities,
            limits=self.limits,
            pools=self.pools,
            processes=list(processes.values()),
            skipped=self.skipped,
            cost=AgentCost(
                cpu_percent=1.3 + 0.2 * float(np.random.default_rng(self.seq).random()),
                tick_ms=0.84,
                tick_hz=10.0,
                rss_bytes=48 * 2**20,
                cells=sum(len(mapping.cells) for mapping in self.mappings),
                refresh_s=4.2,
            ),
        )


def mapping(
    number: int,
    pid: int,
    comm: str,
    start: int,
    count: int,
    backing: Backing,
    *,
    page_size: int = TWO_MIB,
    motion: Motion = "still",
    changes: int = 0,
    shared: bool = True,
) -> Mapping:
    """A mapping of holes."""
    info = MappingInfo(
        id=number,
        cell_count=count,
        start=start,
        end=start + count * page_size,
        page_size=page_size,
        kind="hugetlb",
        shared=shared,
        backing=backing,
        vm_flags=["rd", "wr", "sh", "mr", "mw", "me", "ms", "de", "ht", "sd"],
        level_bytes=LevelBytes(pud=None, pmd=None, pte=None),
    )
    cells = Cells.holes(count)
    return Mapping(pid, comm, info, cells, motion, np.random.default_rng(number), changes)


def memfd(name: str, inode: int) -> Backing:
    """A memfd as QEMU makes it."""
    return Backing(kind="memfd", name=name, inode=inode, offset=0)


def every_state(number: int) -> Mapping:
    """All states and flags side by side."""
    made = mapping(number, 4300, "hgm-guest", 0x7F1200000000 + 37 * TWO_MIB, 1400, memfd("ram", 77))
    states = [CellState.MAPPED, CellState.FULL, CellState.SPLIT, CellState.PARTIAL]
    for at, state in enumerate(states):
        made.put(np.arange(at * 150, at * 150 + 150), state)
    partial = np.arange(450, 600)
    made.cells.mapped_pages[partial] = 1 + (partial - 450) * 510 // 149
    made.put(np.arange(600, 660), CellState.MARKER)
    made.put(np.arange(700, 900), CellState.MAPPED)
    made.cells.flags[700:760] |= np.uint8(CellFlag.WRITE_PROTECTED)
    made.cells.flags[800:860] = CellFlag.SHARED_TABLE
    made.cells.flags[150:300] |= np.uint8(CellFlag.INFERRED)
    made.put(np.arange(920, 1200, 2), CellState.MAPPED)
    made.put(np.array([12, 13, 444, 930]), CellState.POISONED)
    made.put(np.array([30, 31, 32, 1010, 1011]), CellState.MIGRATING)
    made.put(np.arange(1300, 1330), CellState.SMALL)
    return made


def alternating(number: int) -> Mapping:
    """64 pages, every other one there, at the end of one table and the start of the next."""
    made = mapping(number, 5100, "alternate", 0x7F3300000000 + 480 * TWO_MIB, 64, memfd("alt", 91))
    made.put(np.arange(0, 64, 2), CellState.MAPPED)
    return made


def guest_of_qemu() -> list[Mapping]:
    """RAM that fills, a 1 GiB page, and video memory with pages in flight and one poisoned."""
    guest = mapping(
        1,
        4242,
        "qemu-system-x86",
        0x7F2A40000000 + 96 * TWO_MIB,
        32_768,
        memfd("pc.ram", 4_211_873),
        motion="fill",
        changes=48,
    )
    ram = GuestRam(offset=0, backend="pc.ram", low_bytes=3 * ONE_GIB)
    guest.info = guest.info.model_copy(update={"guest": ram})
    large = mapping(
        2,
        4242,
        "qemu-system-x86",
        0x7E8000000000,
        2,
        Backing(kind="hugetlbfs", name="/dev/hugepages-1G/rom", inode=12, offset=0),
        page_size=ONE_GIB,
    )
    large.put(np.array([0]), CellState.MAPPED)
    half = mapping(
        3,
        4242,
        "qemu-system-x86",
        0x7F1A40000000 + 130 * TWO_MIB,
        256,
        memfd("vram", 4_211_874),
        motion="migrate",
        changes=3,
    )
    half.put(np.arange(20, 200), CellState.MAPPED)
    half.put(np.array([47]), CellState.POISONED)
    return [guest, large, half]


def buffers_of_postgres() -> Mapping:
    """Shared buffers on four nodes, some of whose counts could not be read."""
    buffers = mapping(
        5,
        812,
        "postgres",
        0x7F0000000000,
        4096,
        Backing(kind="sysv", name="SYSV0052e2c1", inode=32_771, offset=0),
    )
    buffers.put(np.arange(3000), CellState.MAPPED)
    counts = (np.arange(3000) // 97) % 40 + 1
    buffers.cells.mapcount[:3000] = counts
    buffers.cells.mappers[:3000] = counts + (np.arange(3000) % 700 < 300)
    buffers.cells.node[:3000] = np.arange(3000) // 800
    buffers.cells.mapcount[2900:3000] = UNKNOWN_COUNT
    buffers.cells.node[2900:3000] = UNKNOWN_NODE
    return buffers


def first_host(cells: int, changes: int) -> Host:
    """A busy host with everything on it."""
    huge = mapping(
        4,
        9000,
        "churn-1t",
        0x600000000000,
        cells,
        Backing(kind="anonymous", name=None, inode=None, offset=0),
        motion="churn",
        changes=changes,
        shared=False,
    )
    return Host(
        host_id="synthetic-a",
        source=Source(kind="replay", name="a made-up post-copy (synthetic)"),
        info=HostInfo(name="synthetic-a", kernel="6.18.0-synthetic", boot_id="a"),
        capabilities=Capabilities(
            pfn=True, kpageflags=True, pagemap_scan=True, procmap_query=True, hgm=False
        ),
        limits=[],
        pools=[
            Pool(page_size=TWO_MIB, node=None, total=40960, free=8192, reserved=6144, surplus=0),
            Pool(page_size=TWO_MIB, node=0, total=20480, free=4000, reserved=None, surplus=0),
            Pool(page_size=TWO_MIB, node=1, total=20480, free=4192, reserved=None, surplus=0),
            Pool(page_size=ONE_GIB, node=None, total=2, free=1, reserved=1, surplus=0),
        ],
        mappings=[buffers_of_postgres(), *guest_of_qemu(), every_state(6), alternating(7), huge],
    )


def second_host() -> Host:
    """An old kernel, little privilege, odd counters."""
    made = mapping(1, 77, "dpdk-testpmd", 0x100200000, 1024, memfd("rte_0", 5), shared=True)
    made.put(np.arange(0, 700), CellState.MAPPED)
    made.cells.mapcount[:] = UNKNOWN_COUNT
    made.cells.mappers[:] = UNKNOWN_COUNT
    made.cells.node[:] = UNKNOWN_NODE
    denied = "CAP_SYS_ADMIN is missing: pagemap gives no page frame numbers"
    return Host(
        host_id="synthetic-b",
        source=Source(kind="capture", name="a made-up tree (synthetic)"),
        info=HostInfo(name="synthetic-b", kernel="6.1.0-synthetic", boot_id="b"),
        capabilities=Capabilities(
            pfn=False, kpageflags=False, pagemap_scan=False, procmap_query=False, hgm=False
        ),
        limits=[
            Limit(
                capability="pfn",
                reason=denied,
                cost="no mapcount, mappers and node of any cell",
                remedy="run the agent as root, or give it CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH",
            ),
            Limit(
                capability="pagemap_scan",
                reason="Linux 6.1 has no PAGEMAP_SCAN ioctl (6.7 has)",
                cost="poisoned and migrating pages look like holes; a tick costs more",
                remedy=None,
            ),
        ],
        pools=[
            Pool(page_size=TWO_MIB, node=None, total=1024, free=324, reserved=-5, surplus=0),
            Pool(page_size=TWO_MIB, node=0, total=1024, free=324, reserved=None, surplus=None),
        ],
        mappings=[made],
        skipped=Skipped(gone=1, denied=12, failed=0),
    )


def replaced(old: Mapping) -> Mapping:
    """Another mapping at the same address: other backing, other number."""
    backing = replace_inode(old.info.backing)
    info = old.info.model_copy(update={"id": old.info.id + 500, "backing": backing})
    return replace(old, info=info, cells=Cells.holes(len(old.cells)))


def replace_inode(backing: Backing) -> Backing:
    """The same kind of backing with another inode."""
    return backing.model_copy(update={"inode": (backing.inode or 0) + 1})
