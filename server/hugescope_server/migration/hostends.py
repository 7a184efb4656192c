"""The processes of one host that may be ends of migrations, kept up to date from its frames.

A frame of a host without VMs costs a look-up for each mapping that changed, and once a second, when
something was told of processes, a comparison of each.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_server.bus import FrameTaken
from hugescope_server.migration.clocks import HostClock
from hugescope_server.migration.end import End
from hugescope_server.migration.ram import is_vm
from hugescope_wire.cells import Cells
from hugescope_wire.host import HostFrame, ProcessInfo
from hugescope_wire.picture import HostPicture

Changes = dict[int, tuple[Cells, npt.NDArray[np.integer] | None]]


class HostEnds:
    """One host.

    Attributes:
        clock: brings its times to the server's.
        ends: of its processes that are still there; several of one process where a viewer made one
            an end that is taken.
        away_s: since when no agent speaks for it; None: one does.
        began_anew: with the last frame, as a recording does that is played again and again.
    """

    def __init__(self, host_id: str) -> None:
        self.host_id: Final = host_id
        self.clock: Final = HostClock()
        self.ends: dict[int, list[End]] = {}
        self.away_s: float | None = None
        self.began_anew = False
        self._epoch = ""
        self._picture: HostPicture | None = None
        self._told: dict[int, ProcessInfo] = {}
        self._by_mapping: dict[int, list[End]] = {}

    @property
    def about(self) -> HostFrame:
        """What its last frame says beside cells."""
        about = None if self._picture is None else self._picture.about
        assert about is not None, "a host is known from its first frame on"
        return about

    def all(self) -> list[End]:
        """Every end that is here."""
        return [end for ends in self.ends.values() for end in ends]

    def process(self, pid: int) -> ProcessInfo | None:
        """A process of the last frame."""
        return None if self.away_s is not None else self._told.get(pid)

    def take(self, event: FrameTaken, received_s: float) -> tuple[dict[End, Changes], list[End]]:
        """Follow a frame: what changed of which end, and the ends of which something else was told,
        those that left among them. Looks at the changes are for the caller.
        """
        picture, change = event.picture, event.change
        assert picture.about is not None, "a frame was applied to the picture"
        about = picture.about
        restarted = event.epoch != self._epoch or self.away_s is not None
        played = about.source.kind == "replay" and picture is self._picture
        self.began_anew = played and change.full and not restarted
        self._epoch, self._picture, self.away_s = event.epoch, picture, None
        self.clock.see(about.taken_at, about.monotonic_s, received_s, event.late)
        if self.began_anew:
            for end in self.all():
                end.begin_anew()
        changes: dict[End, Changes] = defaultdict(dict)
        renewed: list[End] = []
        if restarted or change.about or change.gone:
            renewed = self._renew(about, restarted, changes)
        for number, index in change.cells.items():
            for end in self._by_mapping.get(number, ()):
                changes[end].setdefault(number, (picture.cells[number], index))
        return changes, renewed

    def left(self, now_s: float) -> list[End]:
        """No agent speaks for the host any more; the ends that concerns."""
        self.away_s = now_s
        self._picture, self._told = None, {}
        for end in self.all():
            end.away = True
        return self.all()

    def make_end(self, process: ProcessInfo) -> tuple[End, Changes]:
        """Another end of this process, as a viewer wants it, with all its cells to look at."""
        assert self._picture is not None, "a process is known from a frame"
        end = self._made(process)
        numbers = end.renew(self._epoch, process)
        self.ends.setdefault(process.pid, []).append(end)
        self._map_all()
        return end, {number: (self._picture.cells[number], None) for number in numbers}

    def drop(self, end: End) -> None:
        """This end is not needed any more."""
        ends = self.ends.get(end.process.pid, [])
        if end in ends:
            ends.remove(end)
        if not ends:
            self.ends.pop(end.process.pid, None)
        self._map_all()

    def _renew(self, about: HostFrame, restarted: bool, changes: dict[End, Changes]) -> list[End]:
        told, self._told = self._told, {process.pid: process for process in about.processes}
        renewed: list[End] = []
        for pid in self.ends.keys() - self._told.keys():
            renewed += self._all_left(pid)
        for pid, process in self._told.items():
            if process is not told.get(pid) or restarted:
                renewed += self._renew_process(process, restarted, changes)
        if renewed:
            self._map_all()
        return renewed

    def _all_left(self, pid: int) -> list[End]:
        ends = self.ends.pop(pid, [])
        for end in ends:
            end.away = False
            end.left()
        return ends

    def _renew_process(
        self, process: ProcessInfo, restarted: bool, changes: dict[End, Changes]
    ) -> list[End]:
        assert self._picture is not None, "called with a frame"
        pid = process.pid
        renewed: list[End] = []
        ends = self.ends.get(pid, [])
        numbers = {info.id for info in process.mappings}
        for end in tuple(ends):
            same = not restarted and not numbers.isdisjoint(end.pieces)
            end.outgrown = not end.wanted and not end.fits(process)
            if end.outgrown or not (same or end.is_same(process)):
                ends.remove(end)
                end.left()
                renewed.append(end)
        if not ends and is_vm(process):
            ends = [self._made(process)]
        for end in ends:
            if restarted:
                end.epoch = ""
            for number in end.renew(self._epoch, process):
                changes[end][number] = (self._picture.cells[number], None)
        if ends:
            self.ends[pid] = ends
        else:
            self.ends.pop(pid, None)
        return renewed + ends

    def _made(self, process: ProcessInfo) -> End:
        return End(self.host_id, self.about.source, self._epoch, process, self.clock)

    def _map_all(self) -> None:
        self._by_mapping = {}
        for end in self.all():
            for number in end.pieces:
                self._by_mapping.setdefault(number, []).append(end)
