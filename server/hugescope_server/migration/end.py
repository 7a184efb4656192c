"""One process that holds a VM's RAM: which pages are there, and how they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_server.migration.arrivals import ArrivalLog, Kind
from hugescope_server.migration.clocks import HostClock
from hugescope_server.migration.presence import Index, Look, Presence
from hugescope_server.migration.ram import NO_RESERVE, Piece, is_registered, ram_of
from hugescope_server.migration.told import QmpSteps
from hugescope_wire.cells import Cells
from hugescope_wire.host import ProcessInfo, Source
from hugescope_wire.migration import MigrationEnd

CellChange = Mapping[int, tuple[Cells, npt.NDArray[np.integer] | None]]
"""By mapping id: all cells, and which of them changed (None: any may have)."""


class End:
    """A process from when it is first seen with its RAM until it is forgotten.

    Attributes:
        epoch: of the agent that saw it last.
        process: as it was seen last.
        registered: with userfaultfd, as far as could be read last.
        first_s: when it was seen first, on the server's clock.
        first_present: pages that were there then.
        ended_s: when it was seen to be no more; None: it is.
        away: nobody looks at its host now.
        log: None while nothing suggests that this may be the destination of a migration.
        logged: pages that came, as the log has them.
        taken: a migration that is not over has this end.
        wanted: a migration of which something is known has it.
        for_viewer: it stands beside another end of the same process, which is taken.
        was_seen: its pages were looked at.
        outgrown: its RAM turned out to be of other blocks; another end takes its place.
        lost: nobody looked at its host for so long that the host was forgotten; what became of the
            process is not known.
    """

    def __init__(
        self, host_id: str, source: Source, epoch: str, process: ProcessInfo, clock: HostClock
    ) -> None:
        self.host_id: Final = host_id
        self.host_source: Final = source
        self.clock: Final = clock
        self.ram: Final = ram_of(process)
        self.presence: Presence = Presence(self.ram.count)
        self.steps = QmpSteps()
        self.epoch = epoch
        self.process = process
        self.pieces: dict[int, Piece] = {}
        self.registered = False
        self.first_s = clock.at_s
        self.first_present = 0
        self.ended_s: float | None = None
        self.away = False
        self.log: ArrivalLog | None = None
        self.logged = 0
        self.taken = False
        self.wanted = False
        self.outgrown = False
        self.lost = False
        self.for_viewer = False
        self.was_seen = False

    @property
    def name(self) -> str | None:
        """What people call the VM."""
        name = self.process.name
        return name.name if name is not None else self.process.comm

    @property
    def vm_name(self) -> str | None:
        """Its name as a VM, which both ends of a migration have."""
        name = self.process.name
        return name.name if name is not None and name.kind == "vm" else None

    @property
    def uuid(self) -> str | None:
        """As its command line has it."""
        return None if self.process.vm is None else self.process.vm.uuid

    @property
    def incoming(self) -> bool:
        """It was started to take a migration in."""
        return self.process.vm is not None and self.process.vm.incoming

    @property
    def simulated(self) -> bool:
        """It stands in for a VM, and all that comes to it comes in a post-copy."""
        return self.process.vm is not None and self.process.vm.simulated

    @property
    def gone(self) -> bool:
        """It ended, or nobody looks at its host."""
        return self.away or self.ended_s is not None

    @property
    def reserves(self) -> bool:
        """Whether its memory has reservations in the pool."""
        flags = [piece.info.vm_flags or () for piece in self.pieces.values()]
        return not any(NO_RESERVE in one for one in flags)

    def is_same(self, process: ProcessInfo) -> bool:
        """Whether what an agent that started anew calls `process` is this one."""
        if process.pid != self.process.pid or process.vm != self.process.vm:
            return False
        if process.name != self.process.name:
            return False
        mine = {piece.info.start for piece in self.pieces.values()}
        return any(piece.info.start in mine for piece in self.ram.pieces(process))

    def fits(self, process: ProcessInfo) -> bool:
        """Whether the process's RAM is of the same blocks still."""
        ram = ram_of(process)
        return (ram.shape, ram.names) == (self.ram.shape, self.ram.names)

    def renew(self, epoch: str, process: ProcessInfo) -> list[int]:
        """Take over what is known beside the cells; mappings that were not here before."""
        before = self.pieces if epoch == self.epoch else {}
        self.epoch, self.process = epoch, process
        self.away = False
        self.pieces = {piece.info.id: piece for piece in self.ram.pieces(process)}
        registered = is_registered(self.pieces.values())
        if registered is not None:
            self.registered = registered
        self.steps.take(process.qmp)
        return [
            number
            for number, piece in self.pieces.items()
            if number not in before or before[number].first != piece.first
        ]

    def look(self, changes: CellChange) -> Look:
        """What these changes show; nothing is changed yet."""
        looks = []
        for number, (cells, index) in changes.items():
            piece = self.pieces.get(number)
            if piece is None or len(cells) != piece.info.cell_count:
                continue
            states = cells.state if index is None else cells.state[index]
            looks.append((piece.first, self.presence.see(piece.first, states, index)))
        looks.sort(key=lambda one: one[0])
        if len(looks) == 1:
            return replace(looks[0][1], at_s=self.clock.at_s)
        none = np.empty(0, np.int64)
        return Look(
            self.clock.at_s,
            np.concatenate([none, *(look.arrived for _, look in looks)]),
            np.concatenate([none, *(look.departed for _, look in looks)]),
        )

    def take(self, look: Look) -> None:
        """Apply a look while no migration does that."""
        self.presence.leave(look.departed)
        self.presence.come(look.arrived)
        if not self.was_seen:
            self.was_seen = True
            self.first_present = self.presence.present
            few = 2 * self.first_present < self.presence.count
            if self.incoming or few:
                self.begin_log()
        elif self.log is not None:
            self.write(look.departed, Kind.LEFT)
            self.write(look.arrived, Kind.PRECOPIED)
        if self.log is None and self.registered:
            self.begin_log()

    def begin_log(self) -> None:
        """Write anew, from what is there now on."""
        self.log = ArrivalLog(self.clock.at_s)
        self.logged = 0
        self.write(self.presence.there(), Kind.PRECOPIED)

    def write(
        self,
        cells: Index,
        kinds: npt.NDArray[np.uint8] | Kind,
        missing_s: npt.NDArray[np.float64] | float = float("nan"),
    ) -> None:
        """Log what the present look shows of these cells."""
        if self.log is not None:
            self.logged += 0 if kinds is Kind.LEFT else len(cells)
            blocks = self.ram.blocks_of(cells)
            self.log.append(
                self.clock.at_s, blocks, self.ram.within(cells, blocks), kinds, missing_s
            )

    def cell_at(self, address: int) -> tuple[int, int] | None:
        """The cell of an address of the process, and the address in the guest's RAM."""
        for piece in self.pieces.values():
            info = piece.info
            if info.start <= address < info.end:
                block = self.ram.blocks[piece.block]
                cell = piece.first + (address - info.start) // info.page_size
                begin = block.offset + (piece.first - block.first) * block.page_size
                return cell, begin + address - info.start
        return None

    def left(self) -> None:
        """The process is no more: which pages there were is not needed, only how many."""
        if self.ended_s is None:
            self.ended_s = self.clock.at_s
            self.pieces = {}
            self.presence.release()

    def lose(self) -> None:
        """Its host is forgotten."""
        self.away = self.lost = True
        self.pieces = {}
        self.presence.release()

    def begin_anew(self) -> None:
        """The recording that it is of begins anew: nothing was seen of it yet."""
        self.steps, self.log, self.logged = QmpSteps(), None, 0
        self.registered = self.was_seen = False
        self.first_s = self.clock.at_s

    def record(self, with_qmp: bool = True) -> MigrationEnd:
        """As viewers get it."""
        return MigrationEnd.model_construct(
            host_id=self.host_id,
            host_source=self.host_source,
            epoch=self.epoch,
            pid=self.process.pid,
            name=self.name,
            simulated=self.simulated,
            gone=self.gone,
            present_pages=self.presence.present,
            qmp=self.steps.reading if with_qmp else None,
        )
