"""One migration: two ends, run after run, as viewers get it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import numpy as np

from hugescope_server.migration.end import End
from hugescope_server.migration.phases import ENDED, phases
from hugescope_server.migration.points import Points
from hugescope_server.migration.presence import Look
from hugescope_server.migration.ram import Piece
from hugescope_server.migration.run import Run
from hugescope_server.migration.told import QmpSteps, Told, told
from hugescope_server.migration.whatif import what_if
from hugescope_wire.host import HostFrame
from hugescope_wire.migration import (
    MAX_DEMANDED,
    Demanded,
    MigrationBlock,
    MigrationState,
    MigrationSummary,
    PairReason,
    Phase,
    PhaseSpan,
    TimeLeft,
    WhatIf,
)

STAYS_S: Final = 3.0
"""QEMU's word for an end that was seen comes sooner."""

NEVER_S: Final = 365.0 * 24 * 3600
"""So many seconds away is told as not at all."""


class Migration:
    """From when two ends are paired until it is forgotten.

    Attributes:
        id: for viewers.
        paired_by: why.
        spans: the phases of the present run.
        asked_s: when a viewer asked for it last, on any clock that the caller keeps to.
    """

    def __init__(
        self, id: str, source: End, destination: End, paired_by: Sequence[PairReason], now_s: float
    ) -> None:
        self.id: Final = id
        self.source: Final = source
        self.destination: Final = destination
        self.paired_by = list(paired_by)
        self._found = "hand" not in paired_by
        self.asked_s = 0.0
        self.points: Final = Points()
        self._what_if: tuple[tuple[int, float | None], list[WhatIf]] | None = None
        if destination.log is None:
            destination.begin_log()
        self.run = Run(destination, destination.first_s)
        self.spans: list[PhaseSpan] = []
        self._told = Told()
        self._runs_before = 0
        self._looked_s = now_s
        self._over_s: float | None = None
        self._hold(True)
        self._told_anew()
        self.go_on(now_s)

    @property
    def phase(self) -> Phase:
        """The present one."""
        return self.spans[-1].phase

    @property
    def ended(self) -> bool:
        """Whether it is over, however it ended."""
        return self.phase in ENDED

    @property
    def _is_past(self) -> bool:
        """Whether an end of it is of another migration by now."""
        return self._found and self.run.over and (self.source.taken or self.destination.taken)

    @property
    def by_hand(self) -> bool:
        """Whether a viewer named its ends, and nothing else tells that they are."""
        return not self._found

    @property
    def is_untouched(self) -> bool:
        """Whether nothing happened yet that tells that these are its ends."""
        return self._found and self.phase == "waiting" and not self._runs_before

    def look(self, look: Look, about: HostFrame) -> None:
        """A frame of the destination's host, with what it showed of its pages."""
        if self.ended and not self._is_past and self._is_emptied(look):
            look = self._emptied(look, about)
        if about.faults is not None:
            self.run.faults(about.faults)
        self.run.look(look)
        self._looked_s = look.at_s
        if not self.ended:
            self.run.pool(about)

    def renewed(self, end: End) -> None:
        """An end's process was told anew."""
        if end is self.destination:
            self.run.registration(end.clock.at_s)
        self._told_anew()

    def go_on(self, now_s: float) -> None:
        """Look at the phases again; the time passed. What was over for a while stays as it was: its
        ends may be those of another migration by then.
        """
        fresh = self._over_s is None or abs(now_s - self._over_s) < STAYS_S
        if fresh and not self._is_past:
            self._look_at_phases(now_s)
        elif self.run.over and not self.run.closed:
            self._computed()
            self.run.close()
        self.run.release_log(now_s)
        if self.ended or self.destination.gone:
            self.points.stand_still(now_s, self.run, self.source, self.destination)
        else:
            self.points.go_on(now_s, self.run, self.source, self.destination)

    def _look_at_phases(self, now_s: float) -> None:
        if not (self.spans and self.ended):
            self.run.told(self._told)
        self._note_begin()
        self.spans = phases(self.run.seen(self.source), self._told, now_s)
        over = self.ended
        if not self.is_untouched:
            self.source.wanted = self.destination.wanted = True
        if over != self.run.over:
            self.run.over = over
            self._over_s = now_s if over else None
            self._hold(not over)
            if over:
                self.run.demand.forget_waiting()

    def summary(self, with_qmp: bool = False) -> MigrationSummary:
        """As lists show it; what QEMU says stands in the state only."""
        return MigrationSummary.model_construct(
            id=self.id,
            paired_by=self.paired_by,
            name=self.source.vm_name or self.destination.vm_name,
            source=self.source.record(with_qmp),
            destination=self.destination.record(with_qmp),
            phase=self.phase,
            page_size=self.destination.ram.page_size,
            pages=self.destination.ram.count,
            present=self.destination.presence.present,
        )

    def state_json(self, now_s: float) -> str:
        """A `MigrationState` without `begins` and `points`, and without its last brace."""
        run, destination = self.run, self.destination
        lasts = not self.ended and not destination.gone
        receives = lasts and run.rate is not None
        left = destination.presence.left
        per_s = run.rate.pages_per_s(now_s) if receives and run.rate is not None else 0.0
        state = MigrationState.model_construct(
            summary=self.summary(with_qmp=True),
            blocks=self._blocks(),
            phases=self.spans,
            collapse=run.collapse.told(
                now_s, left, destination.presence.punched_absent, per_s, not lasts
            ),
            precopied=run.precopied,
            sweep=run.sweep,
            demand=run.demanded,
            arrivals=0 if destination.log is None else destination.log.settled(now_s),
            left=left,
            time_left=_bounded(run, left, now_s) if receives else None,
            inflated_pages=self._inflated(),
            rate_bytes_per_s=self._rate(),
            faults=run.demand.faults,
            demanded=self._demanded(now_s),
            dark=len(run.demand.waiting) if lasts else 0,
            what_if=self._computed(),
            begins=False,
            points=[],
        )
        return state.model_dump_json(exclude={"begins", "points"})[:-1]

    def message(self, body: str, begins: bool, points: Sequence[str]) -> str:
        """The whole `MigrationState`."""
        return f'{body},"begins":{json.dumps(begins)},"points":[{",".join(points)}]}}'

    def begin_anew(self) -> None:
        """The recording that both ends are of began anew, and its first frame was taken."""
        self._begin_run(self.destination.clock.at_s)

    def forgotten(self) -> None:
        """It is not told of any more."""
        self._hold(False)

    def found(self, paired_by: Sequence[PairReason]) -> None:
        """What a viewer paired is seen to be one."""
        self.paired_by = ["hand", *paired_by]
        self._found = True
        self._hold(not self.ended)

    def _hold(self, taken: bool) -> None:
        """Whether its ends can be of no other migration meanwhile; a viewer's word holds none."""
        if self._found:
            self.source.taken = self.destination.taken = taken

    def _is_emptied(self, look: Look) -> bool:
        """Whether a destination that takes pages again and again begins anew."""
        end = self.destination
        if not (end.simulated or end.registered) or end.ended_s is not None:
            return False
        remains = end.presence.present - len(look.departed)
        return len(look.departed) > 0 and 2 * remains <= end.ram.count

    def _emptied(self, look: Look, about: HostFrame) -> Look:
        """Begin another run; what of the look is the new run's. Pages that came again before this
        look show in no page table, but faults that were seen on them since the last one do.
        """
        end = self.destination
        end.presence.leave(look.departed)
        since_s, seen = self._looked_s, set()
        for fault in () if about.faults is None else about.faults.faults:
            place = end.cell_at(fault.address) if fault.pid == end.process.pid else None
            again = place is not None and end.clock.of_monotonic(fault.at_s) > since_s
            if place is not None and again and end.presence.is_there(place[0]):
                seen.add(place[0])
        came = np.array(sorted(seen), np.int64)
        end.presence.leave(came)
        self._begin_run(look.at_s)
        return Look(look.at_s, np.union1d(look.arrived, came))

    def _begin_run(self, at_s: float) -> None:
        self.destination.begin_log()
        self.destination.presence.forget_punched()
        self.points.forget()
        self._runs_before += 1
        self._over_s = None
        self._what_if = None
        self.run = Run(self.destination, at_s)
        self._hold(True)
        self._told_anew()
        self.go_on(at_s)

    def _told_anew(self) -> None:
        ends = (self.source, self.destination)
        clocks = (self.source.clock.of_host, self.destination.clock.of_host)
        self._told = told(ends[0].steps, ends[1].steps, clocks, self.run.began_s)
        free = not any(end.gone or end.taken for end in ends)
        if free and self.spans and self.ended:
            again_s = told(self.source.steps, QmpSteps(), clocks, self.run.began_s).active
            if again_s is not None and again_s > max(self.spans[-1].began_s, self.run.began_s):
                self._begin_run(again_s)

    def _note_begin(self) -> None:
        """What the source had when the first page came."""
        seen = self.run.seen(self.source)
        if self.run.source_present is None and (seen.filling or seen.receiving or seen.switch):
            self.run.source_present = self.source.presence.present

    def _inflated(self) -> int:
        before = self.run.source_present
        return 0 if before is None else self.source.presence.present - before

    def _rate(self) -> float | None:
        return None if self.run.rate is None else self.run.rate.bytes_per_s()

    def _computed(self) -> list[WhatIf]:
        """Of a run that is closed, as it was then."""
        rate = self._rate()
        key = (self.run.demand.addresses, rate)
        if self._what_if is None or (self._what_if[0] != key and not self.run.closed):
            computed = what_if(self.run.demand, self.destination.ram.page_size, rate)
            self._what_if = (key, computed)
        return self._what_if[1]

    def _demanded(self, now_s: float) -> list[Demanded]:
        """Those that are still missing, then those that came."""
        run, lasts = self.run, not self.ended and not self.destination.gone
        waiting = sorted(run.demand.waiting.items(), key=lambda one: one[1]) if lasts else []
        found = [
            self._place(cell, now_s - run.missing_since(cell, run.begun_s or at_s), now_s - at_s)
            for cell, at_s in waiting[:MAX_DEMANDED]
        ]
        for one in run.demand.waited[: MAX_DEMANDED - len(found)]:
            found.append(self._place(one.cell, one.missing_s, one.stalled_s, one.arrived_s))
        return found

    def _place(
        self,
        cell: int,
        missing_s: float,
        stalled_s: float | None,
        arrived_s: float | None = None,
    ) -> Demanded:
        block = self.destination.ram.block_of(cell)
        return Demanded.model_construct(
            block=block,
            cell=cell - self.destination.ram.blocks[block].first,
            missing_s=max(0.0, missing_s),
            stalled_s=None if stalled_s is None else max(0.0, stalled_s),
            inferred=stalled_s is None,
            arrived_s=arrived_s,
        )

    def _blocks(self) -> list[MigrationBlock]:
        sources, destinations = _by_block(self.source), _by_block(self.destination)
        return [
            MigrationBlock.model_construct(
                backend=block.backend,
                offset=block.offset,
                low_bytes=block.low_bytes,
                page_size=block.page_size,
                pages=block.pages,
                source=None if source is None else source.info.id,
                source_start=None if source is None else source.info.start,
                destination=None if destination is None else destination.info.id,
                destination_start=None if destination is None else destination.info.start,
            )
            for number, block in enumerate(self.destination.ram.blocks)
            for source, destination in [(sources.get(number), destinations.get(number))]
        ]


def _by_block(end: End) -> dict[int, Piece]:
    """The mapping of each block; the first of several."""
    found: dict[int, Piece] = {}
    for piece in sorted(end.pieces.values(), key=lambda piece: piece.first):
        found.setdefault(piece.block, piece)
    return found


def _bounded(run: Run, left: int, now_s: float) -> TimeLeft | None:
    """Seconds until the last page; what is past any patience is not told."""
    if run.rate is None:
        return None
    time_left = run.rate.time_left(left, now_s)
    values = (time_left.likely_s, time_left.low_s, time_left.high_s)
    likely_s, low_s, high_s = (
        None if value is None or value > NEVER_S else value for value in values
    )
    return TimeLeft(likely_s=likely_s, low_s=low_s, high_s=high_s)
