"""One run of a migration: what its destination's pages showed, from a wait to an end."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_server.migration.arrivals import SETTLED_S, Kind
from hugescope_server.migration.collapse import CollapseWatch, spare
from hugescope_server.migration.demand import Demand
from hugescope_server.migration.end import End
from hugescope_server.migration.limits import CgroupBound, cgroup_bound, pool_growth
from hugescope_server.migration.order import SweepOrder
from hugescope_server.migration.phases import Seen
from hugescope_server.migration.presence import Index, Look
from hugescope_server.migration.rates import ArrivalRate
from hugescope_server.migration.told import Told
from hugescope_wire.host import HostFrame
from hugescope_wire.report import HostReport
from hugescope_wire.vm import Faults

CONFIRM_S: Final = 3.0
"""That pages went is taken for the switch-over at once where many did, else if so soon something
else shows it."""

MASS: Final = 100
"""Many: one in so many of those that were there."""

FEW: Final = 20
"""Few: one in so many of all, as many as a QEMU touches before it takes pages in."""

HOLD_S: Final = 2.5
"""Faults that were kept until the memory is seen to be registered are told by then, if at all."""

LISTENING_S: Final = 0.5
"""Memory that was registered so long ago has a guest that runs, or will at once."""

UFFD_WORDS: Final = "the destination's memory was registered with userfaultfd"
PUNCHED_WORDS: Final = "pages that had come were punched out of the destination again"
TOLD_WORDS: Final = "QEMU says so"


class Run:
    """Counts and marks of one run. All times are seconds since 1970 on the server's clock.

    Attributes:
        began_s: when both ends were first there, or the one before was over.
        precopied, sweep, demanded: pages that came, see `MigrationState`; what was there when
            watching began counts as precopied, as in the log.
        begun_s: from when on the destination's guest misses pages; None: not yet.
        rate: of what came since; None: not yet.
        source_present: pages of the source when the first page came; None: none did.
        over: the run has ended: what comes now belongs to none.
        closed: it stays so, and what was needed page by page is forgotten.
    """

    def __init__(self, destination: End, began_s: float) -> None:
        self.began_s: Final = began_s
        self.precopied, self.sweep, self.demanded = destination.logged, 0, 0
        self.moved_in_order = self.moved_on_demand = self.moved_out = 0
        self.demand: Final = Demand()
        self.collapse: Final = CollapseWatch()
        self.rate: ArrivalRate | None = None
        self.source_present: int | None = None
        self.over = False
        self._end: Final = destination
        self._had_most = 2 * destination.presence.present > destination.ram.count
        self._order = SweepOrder()
        self._at_once = destination.registered or destination.simulated
        self._was_registered = destination.registered
        self._registered_s: float | None = None
        self._watched_s: float | None = None
        self._lost_some = False
        self._filling: float | None = None
        self._filled_before: float | None = None
        self._maybe_s: float | None = None
        self._switch: float | None = None
        self._switch_words = ""
        # A guest whose memory is registered waits for pages already.
        waits = destination.registered and not destination.simulated
        self._receiving: float | None = began_s if waits else None
        self._complete: float | None = None
        self._unregistered: float | None = None
        self._left_s: npt.NDArray[np.float32] | None = None
        self._report: HostReport | None = None
        self._bound: CgroupBound | None = None
        self.closed = False

    @property
    def begun_s(self) -> float | None:
        """When the guest of the destination began to miss pages; None: not yet."""
        return self._switch if self._switch is not None else self._receiving

    def close(self) -> None:
        """It is over for good."""
        self.closed, self._left_s = True, None
        self.demand.forget_addresses()

    def seen(self, source: End) -> Seen:
        """What phases are told by."""
        return Seen(
            began=self.began_s,
            filling=self._filling,
            switch=self._switch,
            switch_words=self._switch_words,
            receiving=self._receiving,
            complete=self._complete,
            unregistered=self._unregistered,
            full=self._end.presence.left == 0,
            source_gone=source.ended_s,
            destination_gone=self._end.ended_s,
            had_most=self._had_most,
        )

    def told(self, told: Told) -> None:
        """QEMU's word for what may not be seen."""
        if self._switch is None and not self._at_once and not self.over:
            at_s = told.stopped if told.stopped is not None else told.postcopy
            if at_s is not None and (told.postcopy is not None or self._maybe_s is not None):
                self._switched(at_s, TOLD_WORDS)

    def registration(self, at_s: float) -> None:
        """The destination was told anew: its memory may be registered now, or not any more."""
        registered = self._end.registered
        if registered and not self._was_registered and not self._at_once:
            begun_s = at_s
            if self._maybe_s is not None and at_s - self._maybe_s < CONFIRM_S:
                begun_s = self._maybe_s
                if self._filled_before is not None:
                    self._filling = self._filled_before
            self._switched(begun_s, UFFD_WORDS)
        elif self._was_registered and not registered and not self._end.simulated:
            self._unregistered = at_s if self.begun_s is not None else None
        if registered and self._registered_s is None:
            self._registered_s = at_s
        self._was_registered = registered
        self._began_to_listen(at_s)

    def look(self, look: Look) -> None:
        """Take what a frame showed of the destination's pages."""
        maybe_s = None if self._switch is not None else self._maybe_s
        if maybe_s is not None and look.at_s - maybe_s >= CONFIRM_S:
            self._no_switch()
        if len(look.departed):
            self._went(look)
        if len(look.arrived):
            self._came(look)
        self._began_to_listen(look.at_s)
        all_there = self._receiving is not None and not self._end.presence.left
        if all_there and self._complete is None and not self.over:
            self._complete = look.at_s

    def faults(self, faults: Faults) -> None:
        """Take what was seen of faults, before the look of the same frame."""
        end = self._end
        pid = end.process.pid
        if pid not in faults.watched:
            self._watched_s = None
            return
        if self._watched_s is None:
            self._watched_s = end.clock.at_s
        if faults.lost:
            self._lost_some = True
        self.demand.faults = self.demand.faults or 0
        for fault in faults.faults:
            place = end.cell_at(fault.address) if fault.pid == pid else None
            if place is None or self.over:
                continue
            self.demand.faults += 1
            at_s = min(end.clock.of_monotonic(fault.at_s), end.clock.at_s)
            self._fault(*place, at_s)

    def pool(self, about: HostFrame) -> None:
        """Take the pools of a frame, after its look."""
        end = self._end
        now_spare = spare(about.pools, end.ram.page_size)
        without = end.presence.punched_absent if end.reserves else end.presence.left
        self._limits(about, without)
        self.collapse.pool_seen(end.clock.at_s, now_spare, without, end.reserves)

    def _limits(self, about: HostFrame, without: int) -> None:
        end, report = self._end, about.report
        if report is None:
            return
        size, left = end.ram.page_size, end.presence.left
        if report is not self._report:
            # The report's numbers and the pages' are of one moment only now.
            self._report = report
            pid = end.process.pid
            self._bound = cgroup_bound(report.cgroups, pid, size, left, without)
        growth = pool_growth(report.accounts, about.pools, size)
        self.collapse.limits_seen(growth, self._bound)

    def _fault(self, cell: int, address: int, at_s: float) -> None:
        end = self._end
        if not end.presence.is_there(cell):
            if self._at_once and self._receiving is None:
                # A guest that waits for a page runs.
                self._receiving = max(at_s, self.began_s)
            if self.begun_s is not None:
                self.demand.fault(cell, address, at_s)
            return
        if end.log is None:
            return
        cells = np.array([cell], np.int64)
        blocks = end.ram.blocks_of(cells)
        within = end.ram.within(cells, blocks)
        late = end.log.was_demanded(int(blocks[0]), int(within[0]), at_s)
        if late is not None:
            if late.kind is Kind.SWEEP:
                self.sweep -= 1
                self.demanded += 1
            self.demand.late_fault(cell, int(end.ram.addresses(cells)[0]), address, at_s, late)

    def _went(self, look: Look) -> None:
        """Pages left. Those that went before any page came, or with the first, are no switch-over:
        a QEMU that is about to take pages in empties its memory.
        """
        end, count = self._end, len(look.departed)
        there = end.presence.present
        filled = self._filling is not None and self._filling < look.at_s
        counts = filled and not self._at_once and self._receiving is None and not self.over
        if counts and count == there and count * FEW <= end.ram.count:
            counts, self._filling = False, None
        end.presence.leave(look.departed, punched=counts)
        self._write(look.departed, Kind.LEFT)
        self.moved_out += count
        if self.begun_s is not None and not self.over:
            if self._left_s is None:
                self._left_s = np.full(end.ram.count, -np.inf, np.float32)
            self._left_s[look.departed] = look.at_s - self.began_s
            self.demand.gone_again(look.departed)
        if counts:
            self._punched(look.at_s, count, there)

    def _punched(self, at_s: float, count: int, there: int) -> None:
        """Pages went that had come: the switch-over, if they are many. All of a few say nothing
        yet: the emptying before a precopy looks the same.
        """
        self.collapse.pages_went(at_s, count)
        if self._maybe_s is None:
            self._maybe_s = at_s
        if count == there and self._end.ram.count < FEW:
            self._filled_before, self._filling = self._filling, None
        elif self.collapse.punched * MASS >= there:
            self._switched(self._maybe_s, PUNCHED_WORDS)

    def _came(self, look: Look) -> None:
        end, count = self._end, len(look.arrived)
        kinds: npt.NDArray[np.uint8] | Kind = Kind.PRECOPIED
        missing_s: npt.NDArray[np.float64] | float = float("nan")
        if self.over:
            pass
        elif self._guest_runs(look.at_s):
            kinds, missing_s = self._received(look)
        else:
            self.precopied += count
            self.moved_in_order += count
            if self._filling is None and self._switch is None:
                self._filling = look.at_s
        punched = end.presence.punched_absent
        end.presence.come(look.arrived)
        self._write(look.arrived, kinds, missing_s)
        if not self.over:
            unreserved = punched - end.presence.punched_absent if end.reserves else count
            self.collapse.pages_came(unreserved)

    def _write(
        self,
        cells: Index,
        kinds: npt.NDArray[np.uint8] | Kind,
        missing_s: npt.NDArray[np.float64] | float = float("nan"),
    ) -> None:
        """Log it, unless what the guest does by now has nothing to do with the migration."""
        if not self.closed:
            self._end.write(cells, kinds, missing_s)

    def _guest_runs(self, at_s: float) -> bool:
        """Whether what came in a look came in the post-copy."""
        return self._at_once or (self._switch is not None and self._switch < at_s)

    def _received(self, look: Look) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
        """What came in the post-copy: of which kind, and how long it was missing."""
        if self._receiving is None:
            self._receiving = look.at_s
        begun_s = self.begun_s
        assert begun_s is not None, "pages are received from the first that came on"
        end, arrived, at_s = self._end, look.arrived, look.at_s
        if self.rate is None:
            self.rate = ArrivalRate(begun_s)
        self.rate.note(at_s, len(arrived), end.ram.bytes_of(arrived))
        kinds = self._order.sort(arrived, end.presence)
        if self._sees_all_faults(begun_s):
            # A fault that is told late corrects this.
            kinds[:] = Kind.SWEEP
        waiting = np.fromiter(self.demand.waiting, np.int64, len(self.demand.waiting))
        kinds[np.isin(arrived, waiting)] = Kind.SEEN_FAULT
        missing_s = self._missing_s(arrived, begun_s, at_s)
        wanted = kinds != Kind.SWEEP
        self._demanded(look, kinds, missing_s)
        self.sweep += len(arrived) - int(wanted.sum())
        self.demanded += int(wanted.sum())
        self.moved_in_order += len(arrived) - int(wanted.sum())
        self.moved_on_demand += int(wanted.sum())
        return kinds, missing_s

    def _sees_all_faults(self, begun_s: float) -> bool:
        """Whether a page on which no fault was seen was not demanded."""
        watched_s = self._watched_s
        return watched_s is not None and watched_s <= begun_s and not self._lost_some

    def _missing_s(self, cells: Index, begun_s: float, at_s: float) -> npt.NDArray[np.float64]:
        since = np.full(len(cells), begun_s)
        if self._left_s is not None:
            since = np.maximum(since, self._left_s[cells].astype(np.float64) + self.began_s)
        return np.maximum(at_s - since, 0.0)

    def missing_since(self, cell: int, begun_s: float) -> float:
        """From when on a page that is not there has been missing."""
        if self._left_s is None:
            return begun_s
        return max(begun_s, float(self._left_s[cell]) + self.began_s)

    def _demanded(
        self, look: Look, kinds: npt.NDArray[np.uint8], missing_s: npt.NDArray[np.float64]
    ) -> None:
        wanted = kinds != Kind.SWEEP
        if wanted.any():
            cells = look.arrived[wanted]
            self.demand.came(
                look.at_s,
                cells,
                self._end.ram.addresses(cells),
                missing_s[wanted],
                kinds[wanted] == Kind.SEEN_FAULT,
            )

    def _switched(self, at_s: float, words: str) -> None:
        if self._switch is None:
            self._switch, self._switch_words = at_s, words
            if self._end.log is not None:
                self._end.log.hold()

    def release_log(self, at_s: float) -> None:
        """Faults are told from a moment after the memory is seen to be registered."""
        log, since_s = self._end.log, self._registered_s
        if log is None or self._switch is None:
            return
        known = since_s is not None and at_s >= since_s + SETTLED_S
        if known or self.over or at_s >= self._switch + HOLD_S:
            log.release()

    def _no_switch(self) -> None:
        """What went did not go at a switch-over."""
        self._maybe_s = self._filled_before = None
        self.collapse.forget_punched()
        self._end.presence.forget_punched()

    def _began_to_listen(self, at_s: float) -> None:
        listens = self._switch is not None and self._was_registered
        if listens and self._receiving is None and at_s >= (self._switch or 0.0) + LISTENING_S:
            self._receiving = at_s
