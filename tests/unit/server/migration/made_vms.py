"""Hosts with VMs made up for tests: pages come and go by hand, and so does time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from hugescope_server.bus import LocalBus
from hugescope_server.ingest import Ingest
from hugescope_server.migration.desk import MigrationDesk
from hugescope_server.migration.track import Migration
from hugescope_wire.cells import Cells, CellState
from hugescope_wire.frames import FrameKind, encode_frame, encode_range, encode_scattered
from hugescope_wire.host import HostDelta, HostFrame, MappingInfo, ProcessInfo, Source
from hugescope_wire.migration import MigrationState
from hugescope_wire.report import HostReport
from hugescope_wire.snapshot import GuestRam, Pool, ProcessName
from hugescope_wire.vm import Fault, Faults, QmpEvent, QmpReading, Vm
from tests.unit.server.made_host import full_meta, hello, mapping_info

MIB = 1 << 20
UUID = "01234567-89ab-cdef-0123-456789abcdef"
BEGIN_S = 1_800_000_000.0


@dataclass
class MadeVm:
    """A process with RAM; `blocks` are backend, offset and pages of each mapping."""

    pid: int
    name: str | None = "web"
    uuid: str | None = None
    incoming: bool = False
    simulated: bool = False
    known: bool = True
    blocks: list[tuple[str | None, int, int]] = field(default_factory=lambda: [("ram0", 0, 64)])
    page_size: int = 2 * MIB
    flags: tuple[str, ...] | None = ("rd", "wr", "ht")
    qmp: QmpReading | None = None
    guest: bool = True
    ids: list[int] = field(default_factory=list)
    cells: list[Cells] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cells = [Cells.holes(pages) for _, _, pages in self.blocks]

    def set(
        self, cells: Iterable[int], state: CellState = CellState.MAPPED, block: int = 0
    ) -> None:
        at = np.array(sorted(cells), np.int64)
        values = self.cells[block].take(at)
        values.state[:] = state
        whole = state is CellState.MAPPED
        values.mapped_pages[:] = self.page_size // 4096 if whole else 0
        self.cells[block] = self.cells[block].replaced(at, values)

    def come(self, *cells: int) -> None:
        self.set(cells)

    def go(self, *cells: int) -> None:
        self.set(cells, CellState.HOLE)

    def fill(self) -> None:
        for block, (_, _, pages) in enumerate(self.blocks):
            self.set(range(pages), block=block)

    def listen(self, on: bool = True) -> None:
        self.flags = ("rd", "wr", "ht", "um") if on else ("rd", "wr", "ht")

    def told(self, status: str, *events: QmpEvent, at_s: float = 0.0, **more: object) -> None:
        facts = {"read_at_s": at_s, "status": status, "events": list(events)} | more
        self.qmp = QmpReading.model_validate(facts)

    def start(self, block: int) -> int:
        return 0x7F00_0000_0000 + (self.pid << 36) + (block << 32)

    def process(self) -> ProcessInfo:
        mappings = []
        for block, (backend, offset, pages) in enumerate(self.blocks):
            info = mapping_info(self.ids[block], pages, self.start(block)).model_copy(
                update={
                    "page_size": self.page_size,
                    "end": self.start(block) + pages * self.page_size,
                    "vm_flags": None if self.flags is None else list(self.flags),
                    "guest": GuestRam(offset=offset, backend=backend, low_bytes=None)
                    if self.guest
                    else None,
                }
            )
            mappings.append(MappingInfo.model_validate(info.model_dump()))
        vm = Vm(uuid=self.uuid, incoming=self.incoming, simulated=self.simulated)
        name = self.name and ProcessName(name=self.name, kind="vm", source="qemu")
        return ProcessInfo(
            pid=self.pid,
            comm="qemu",
            name=name or None,
            vm=vm if self.known and self.guest else None,
            qmp=self.qmp,
            mappings=mappings,
        )


class MadeBox:
    """A host and its agent; `skew_s` is what its clock is ahead of the server's."""

    def __init__(self, world: World, host_id: str, skew_s: float = 0.0) -> None:
        self.world = world
        self.host_id = host_id
        self.skew_s = skew_s
        self.epoch = "e1"
        self.vms: dict[int, MadeVm] = {}
        self.free, self.reserved = 1000, 0
        self.source = Source(kind="live")
        self.report: HostReport | None = None
        self._seq = 0
        self._next_id = 1
        self._sent: dict[int, ProcessInfo] = {}
        self._cells: dict[int, Cells] = {}
        self._pools: list[Pool] = []
        self._session = world.ingest.join(hello(host_id, self.epoch), lambda: None)

    def add(self, vm: MadeVm) -> MadeVm:
        self.vms[vm.pid] = vm
        self._number(vm)
        return vm

    def end(self, pid: int) -> None:
        del self.vms[pid]

    def leave(self) -> None:
        self._session.leave()

    def restart_agent(self) -> None:
        """Another run of the agent: all numbers anew."""
        self.epoch += "x"
        self._seq, self._sent, self._cells = 0, {}, {}
        self._next_id += 1000
        for vm in self.vms.values():
            self._number(vm)
        self._session = self.world.ingest.join(hello(self.host_id, self.epoch), lambda: None)

    def connect_again(self) -> None:
        """The same run of the agent, over another link: it begins with everything."""
        self._seq, self._sent, self._cells = 0, {}, {}
        self._session = self.world.ingest.join(hello(self.host_id, self.epoch), lambda: None)

    def play_again(self) -> None:
        """As a recording begins again: everything as it is now, in the same run of an agent."""
        self._seq += 1
        self._sent = {pid: vm.process() for pid, vm in self.vms.items()}
        self._send_full(self._sent, None)
        self._keep_cells()

    def frame(self, *faults: Fault, watched: Iterable[int] = (), lost: int = 0) -> None:
        """Send what changed since the last frame, as of now."""
        self._seq += 1
        told = Faults(watched=list(watched), faults=list(faults), lost=lost)
        seen = told if watched else None
        processes = {pid: vm.process() for pid, vm in self.vms.items()}
        if self._seq == 1:
            self._send_full(processes, seen)
        else:
            self._send_delta(processes, seen)
        self._sent = processes
        self._keep_cells()

    def _keep_cells(self) -> None:
        self._cells = {
            number: cells
            for vm in self.vms.values()
            for number, cells in zip(vm.ids, vm.cells, strict=True)
        }

    def _send_full(self, processes: dict[int, ProcessInfo], faults: Faults | None) -> None:
        meta = full_meta(list(processes.values())).model_copy(
            update={
                "source": self.source,
                "report": self.report,
                "pools": self._pool(),
                "faults": faults,
                **self._times(),
            }
        )
        blocks = [
            encode_range(number, vm.page_size, cells)
            for vm in self.vms.values()
            for number, cells in zip(vm.ids, vm.cells, strict=True)
        ]
        meta = HostFrame.model_validate(meta.model_dump())
        self._session.take(encode_frame(FrameKind.FULL, self._seq, meta, blocks))

    def _send_delta(self, processes: dict[int, ProcessInfo], faults: Faults | None) -> None:
        blocks = []
        for vm in self.vms.values():
            for number, cells in zip(vm.ids, vm.cells, strict=True):
                before = self._cells.get(number)
                if before is None:
                    blocks.append(encode_range(number, vm.page_size, cells))
                elif len(index := before.differing(cells)):
                    blocks.append(encode_scattered(number, vm.page_size, index, cells.take(index)))
        changed = [one for pid, one in processes.items() if self._sent.get(pid) != one]
        pools = self._pool()
        meta = HostDelta.model_validate(
            {
                "processes": [one.model_dump() for one in changed],
                "gone_pids": [pid for pid in self._sent if pid not in processes],
                "pools": None if pools == self._pools else pools,
                "faults": faults,
                "report": self.report,
                **self._times(),
            }
        )
        self._pools = pools
        self._session.take(encode_frame(FrameKind.DELTA, self._seq, meta, blocks))

    def _times(self) -> dict[str, object]:
        host_s = self.world.now + self.skew_s
        return {"taken_at": datetime.fromtimestamp(host_s, UTC), "monotonic_s": self.monotonic_s}

    @property
    def monotonic_s(self) -> float:
        return self.world.now - BEGIN_S + 5000.0

    def _pool(self) -> list[Pool]:
        size = next((vm.page_size for vm in self.vms.values()), 2 * MIB)
        return [
            Pool(
                page_size=size,
                node=None,
                total=4000,
                free=self.free,
                reserved=self.reserved,
                surplus=0,
            )
        ]

    def _number(self, vm: MadeVm) -> None:
        vm.ids = [self._next_id + at for at in range(len(vm.blocks))]
        self._next_id += len(vm.blocks)


class World:
    """A server with its desk, and hosts; `now` is the server's clock."""

    def __init__(self) -> None:
        self.now = BEGIN_S
        self.bus = LocalBus()
        self.ingest = Ingest(self.bus, 64, 1 << 24)
        self.desk = MigrationDesk(self.bus, 600.0, lambda: self.now)
        self.boxes: list[MadeBox] = []

    def box(self, host_id: str = "h1", skew_s: float = 0.0) -> MadeBox:
        box = MadeBox(self, host_id, skew_s)
        self.boxes.append(box)
        return box

    def step(self, after_s: float = 0.1) -> None:
        """Time passes, then every host sends a frame."""
        self.now += after_s
        for box in self.boxes:
            box.frame()

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.1)):
            self.step()

    def only(self) -> Migration:
        (migration,) = self.desk.migrations()
        return migration

    def state(self, migration: Migration | None = None) -> MigrationState:
        migration = migration or self.only()
        self.now += 0.5
        self.desk.tick()
        points = migration.points
        body = self.desk.state_json(migration)
        text = migration.message(body, True, points.since(points.begin))
        return MigrationState.model_validate_json(text)


def pair_of(
    world: World, pages: int = 64, simulated: bool = False, page_size: int = 2 * MIB
) -> tuple[MadeVm, MadeVm]:
    """A source with all its pages and a destination with none, on one host that was seen once."""
    box = world.box()
    blocks: list[tuple[str | None, int, int]] = [("ram0", 0, pages)]
    source = box.add(MadeVm(10, blocks=list(blocks), page_size=page_size, simulated=simulated))
    source.fill()
    destination = box.add(
        MadeVm(20, blocks=list(blocks), page_size=page_size, simulated=simulated, incoming=True)
    )
    if simulated:
        destination.listen()
    box.frame()
    return source, destination


def event(status: str, at_s: float) -> QmpEvent:
    return QmpEvent(at_s=at_s, name="MIGRATION", status=status)


def run_event(name: str, at_s: float) -> QmpEvent:
    return QmpEvent(at_s=at_s, name=name)
