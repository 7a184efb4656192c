"""A recording in which much happens, made up for tests of the report: every state, big and small
mappings, poison, findings, accounts, a gap, and processes with names that are markup.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np

from hugescope_agent.sample import Sample
from hugescope_wire.account import HeldPages, MappedGroup, PoolAccount
from hugescope_wire.cells import Cells, CellState
from hugescope_wire.findings import CellLink, Evidence, Finding
from hugescope_wire.frames import encode_range, encode_scattered
from hugescope_wire.host import AgentCost, HostDelta, Limit, MappingInfo, ProcessInfo
from hugescope_wire.report import HostReport, MappingReport, Policy
from hugescope_wire.snapshot import Backing, GuestRam, HostInfo, Pool, ProcessName
from tests.unit.hugescope.recorded import write
from tests.unit.server.made_report import finding, report
from tests.unit.wire.made_wire import GIB, MIB2, TAKEN_AT, host_frame, mapping_info

HOSTILE: Final = "<script>alert(1)</script>"
BIG_CELLS: Final = 1 << 18
STATES: Final = 9


def eventful(path: Path) -> Path:
    """Twelve seconds: a guest fills, a page goes bad, the agent is silent for five seconds."""
    infos = _infos()
    cells = {info.id: _cells(info) for info in infos}
    samples = [_first(infos, cells)]
    rng = np.random.default_rng(7)
    for tick in range(1, 29):
        at_s = tick / 4 + (5 if tick >= 16 else 0)
        index = np.sort(rng.choice(BIG_CELLS, 600, replace=False)).astype(np.uint32)
        filled = cells[1].take(index)
        filled.state[:], filled.mapped_pages[:] = CellState.MAPPED, 512
        filled.mapcount[:], filled.mappers[:], filled.node[:] = 1, 1, rng.integers(0, 2, 600)
        blocks = [encode_scattered(1, MIB2, index, filled)]
        if tick == 20:
            blocks.append(_bad())
        about = HostDelta(
            taken_at=TAKEN_AT + timedelta(seconds=at_s),
            monotonic_s=1.5 + at_s,
            pools=_pools(300 - 5 * tick),
            report=_report() if tick == 24 else None,
        )
        samples.append(Sample(about, blocks))
    return write(path, samples)


def _infos() -> list[MappingInfo]:
    guest = GuestRam(offset=0, backend="pc.ram", low_bytes=None)
    anonymous = Backing(kind="anonymous", name=None, inode=None, offset=0)
    return [
        mapping_info(1, BIG_CELLS, guest=guest),
        mapping_info(
            2000,
            512 * 3 + 100,
            backing=anonymous,
            shared=False,
            start=0x7F00_0320_0000,
            end=0x7F00_0320_0000 + (512 * 3 + 100) * MIB2,
        ),
        mapping_info(3000, 8, page_size=GIB),
        mapping_info(4000, 1),
    ]


def _cells(info: MappingInfo) -> Cells:
    cells = Cells.holes(info.cell_count)
    if info.id == 2000:
        cells.state[:] = np.arange(info.cell_count) // 40 % STATES
        whole = np.isin(cells.state, (CellState.MAPPED, CellState.FULL, CellState.SPLIT))
        part = np.isin(cells.state, (CellState.PARTIAL, CellState.SMALL))
        cells.mapped_pages[whole] = 512
        cells.mapped_pages[part] = np.arange(part.sum()) % 511 + 1
        cells.mapcount[whole | part], cells.mappers[whole | part] = 2, 3
        cells.node[whole | part] = 1
        cells.flags[100:130], cells.flags[400:430] = 4, 2
    elif info.id >= 3000:
        cells.state[::2] = CellState.MAPPED
        cells.mapped_pages[::2] = info.page_size // 4096
        cells.mapcount[::2], cells.mappers[::2], cells.node[::2] = 1, 1, 0
    return cells


def _bad() -> bytes:
    cells = Cells.holes(1)
    cells.state[:] = CellState.POISONED
    return encode_scattered(1, MIB2, np.array([70_001], np.uint32), cells)


def _pools(free: int) -> list[Pool]:
    host = Pool(page_size=MIB2, node=None, total=400, free=free, reserved=20, surplus=0)
    return [
        host,
        host.model_copy(update={"node": 0, "reserved": None}),
        Pool(page_size=GIB, node=None, total=8, free=4, reserved=-5, surplus=0),
        Pool(page_size=64 << 10, node=None, total=0, free=0, reserved=0, surplus=0),
    ]


def _first(infos: list[MappingInfo], cells: dict[int, Cells]) -> Sample:
    name = ProcessName(name="web <b>1</b>", kind="vm", source="qemu")
    processes = [
        ProcessInfo(pid=41, comm="qemu-kvm", name=name, mappings=[infos[0]]),
        ProcessInfo(pid=42, comm=HOSTILE[:15], mappings=[infos[1]]),
        ProcessInfo(pid=43, comm='"><img src=x>', mappings=[infos[2], infos[3]]),
    ]
    about = host_frame(
        processes,
        host=HostInfo(name=f"box{HOSTILE}", kernel="6.18.1", boot_id="boot-1"),
        pools=_pools(300),
        limits=[Limit(capability="hgm", reason="no such kernel", cost="none", remedy=None)],
        cost=AgentCost(
            cpu_percent=3.4, tick_ms=3.17, tick_hz=10, rss_bytes=70 << 20, cells=9, refresh_s=None
        ),
        report=_report(),
    )
    blocks = [encode_range(info.id, info.page_size, cells[info.id]) for info in infos]
    return Sample(about, blocks)


def _report() -> HostReport:
    held = HeldPages(fd=3, hugetlbfs=0, sysv=None, mapping=0)
    account = PoolAccount(
        page_size=MIB2,
        node=None,
        total=400,
        free=300,
        reserved=20,
        surplus=0,
        overcommit=0,
        available=280,
        mapped=90,
        held=held,
        mapped_by=[MappedGroup(pids=[41], pages=90)],
        poisoned=1,
        unattributed=6,
        unplaced=None,
        torn=2,
        guessed=4,
        notes=[f"of {HOSTILE} no more is known"],
    )
    return report(
        _finding(),
        finding("idle-pool", what=f"A pool idles for {HOSTILE}.", command=f"echo '{HOSTILE}'"),
        accounts=[account],
        mappings=[
            MappingReport(
                pid=42,
                start=0x7F00_0320_0000,
                page_size=MIB2,
                misplaced_bytes=None,
                policy=Policy(text="bind:0", mode="bind", nodes=[0]),
                reserved_pages=12,
            )
        ],
    )


def _finding() -> Finding:
    return finding(
        "poisoned-page",
        severity="critical",
        what="A page of 2 MiB was lost to a machine check.",
        why="Whoever touches it gets SIGBUS.",
        advice="Restart the guest; replace the module.",
        evidence=[Evidence(name="page", value=HOSTILE, source="/proc/kpageflags")],
        links=[CellLink(pid=41, start=mapping_info(1, 1).start, first=70_001, count=1)],
        pids=[41],
    )
