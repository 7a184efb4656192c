"""A made-up host that fills, and who looks at what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from hugescope_agent.sample import Sample
from hugescope_wire.cells import Cells, CellState
from hugescope_wire.frames import (
    FrameKind,
    decode_frame,
    encode_frame,
    encode_range,
    encode_scattered,
)
from hugescope_wire.host import HostDelta, HostFrame, ProcessInfo
from hugescope_wire.page import PageDetail
from hugescope_wire.picture import HostPicture
from hugescope_wire.vm import Fault, Faults, QmpEvent, QmpReading
from tests.unit.agent.follower import Clock
from tests.unit.agent.model.findings.made_facts import report
from tests.unit.wire.made_wire import MIB2, mapping_info, one_mapping

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CELLS = 8
HOLD_S = 5.0


class Filling:
    """A host of which a page more is mapped at each look, under a QEMU that says the time."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.began_s = clock.now_s
        self.there = 0

    def full(self) -> Sample:
        about = one_mapping(mapping_info(1, CELLS))
        (process,) = about.processes
        about = about.model_copy(
            update={
                "taken_at": self._now(),
                "monotonic_s": self.clock.now_s,
                "processes": [self._with_qmp(process)],
            }
        )
        return Sample(about, [encode_range(1, MIB2, Cells.holes(CELLS))])

    def tick(self) -> Sample | None:
        if self.there == CELLS:
            return None
        page = Cells.holes(1)
        page.state[:] = CellState.MAPPED
        page.mapped_pages[:] = 512
        block = encode_scattered(1, MIB2, np.array([self.there]), page)
        self.there += 1
        fault = Fault(pid=1, address=0, at_s=self.clock.now_s)
        about = HostDelta(
            taken_at=self._now(),
            monotonic_s=self.clock.now_s,
            report=report().model_copy(update={"taken_at": self._now()}),
            faults=Faults(watched=[1], faults=[fault]),
        )
        return Sample(about, [block])

    def page(self, pid: int, address: int, part: int | None) -> PageDetail:
        raise AssertionError

    def _now(self) -> datetime:
        return BEGAN + timedelta(seconds=self.clock.now_s - self.began_s)

    def _with_qmp(self, process: ProcessInfo) -> ProcessInfo:
        at_s = self._now().timestamp()
        qmp = QmpReading(read_at_s=at_s, events=[QmpEvent(at_s=at_s, name="MIGRATION")])
        return process.model_copy(update={"qmp": qmp})


class Viewer:
    """What a server would have of the samples it gets."""

    def __init__(self) -> None:
        self.picture = HostPicture()

    def take(self, sample: Sample | None) -> Sample | None:
        if sample is not None:
            full = isinstance(sample.about, HostFrame)
            kind = FrameKind.FULL if full else FrameKind.DELTA
            seq = self.picture.seq + 1
            raw = encode_frame(kind, seq, sample.about, sample.blocks)
            self.picture.apply(decode_frame(raw))
        return sample

    @property
    def present(self) -> int:
        (cells,) = self.picture.cells.values()
        return int(np.count_nonzero(cells.state == CellState.MAPPED))
