"""All that is watched on one host: processes, mappings, cells, and what changed since told."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from hugescope_agent.changes import Changes
from hugescope_agent.errors import AskError, BadCapture, ProcessError, ProcessUnreadable
from hugescope_agent.kernel.capabilities import denied_limit
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.thp import average_mapcount
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.captured import uncaptured_limits
from hugescope_agent.model.join import Mappers
from hugescope_agent.model.mapping import Index, TrackedMapping, footing, moved_since
from hugescope_agent.model.reader import CellReader
from hugescope_agent.model.rotation import Rotation
from hugescope_agent.model.sharing import ProcessMappings, Sharing
from hugescope_agent.model.thp import ThpMapping
from hugescope_agent.model.told import LostCells
from hugescope_agent.model.whois import check_part, find_place, page_detail
from hugescope_agent.rounds import Rounds
from hugescope_agent.sample import SamplerOptions
from hugescope_agent.thp_watch import ThpWatcher
from hugescope_agent.watch import Watch
from hugescope_wire.cells import Cells
from hugescope_wire.host import MAX_CELLS, Limit, ProcessInfo, Skipped
from hugescope_wire.page import PageDetail
from hugescope_wire.report import Poison
from hugescope_wire.snapshot import Capabilities, Pool

log = logging.getLogger(__name__)

_SMALLEST_PAGE: Final = 2 << 20
_CHEAP_LOOK_S: Final = 0.005
"""A scan of 150 GiB, by far."""

_LOOK_DUTY: Final = 0.05
"""Of one core, what a single mapping may take: 16 TiB without pages take 80 ms to scan."""

_TRIES: Final = 3
"""Looks at a process whose mappings change under the look; the next tick goes on."""


class HostView:
    """The state of one host, brought up to date part by part. Not for several threads at once.

    Attributes:
        watches: processes with hugetlb mappings, by pid.
        pools: the counters as last read.
        thp: transparent huge pages of the processes asked for.
        changes, rounds: what is not told yet; who could not be read, and why.
    """

    def __init__(
        self, files: HostFiles, options: SamplerOptions, clock: Callable[[], float]
    ) -> None:
        self._options = options
        self._clock = clock
        self._ids = itertools.count(1)
        self.watches: dict[int, Watch] = {}
        self._sizes: dict[int, int] = {}
        self._cells = 0
        budget_s = options.budget / options.tick_hz
        self.thp = ThpWatcher(options.thp_pids, self._ids, budget_s)
        self._rotation = Rotation(budget_s, options.rotation_cells)
        self.changes = Changes()
        self._whole = False
        self._lost = LostCells()
        self.use(files)

    def use(self, files: HostFiles) -> None:
        """Read from this root from now on; mappings found there again keep their ids."""
        self._files = files
        self._raw_pools: list[bytes | None] | None = None
        self.pools: list[Pool] = []
        smallest = min([_SMALLEST_PAGE, *files.pools.page_sizes])
        self._mappers = Mappers(smallest, files.kpage)
        self._reader = CellReader(files.scanner, files.kpage, files.nodes, self._mappers)
        self.rounds = Rounds(files.root, self._options.pids, self._options.tick_hz)
        self._averaged: bool | None = None
        for pid in list(self.watches):
            self._carry_over(pid, files)
        self.thp.use(files)

    def close(self) -> None:
        """Close every process' files; the root's belong to the caller."""
        for watch in self.watches.values():
            watch.close()
        self.watches.clear()
        self.thp.close()

    def processes(self) -> list[ProcessMappings]:
        """Every process with hugetlb mappings, by pid, as the last look left them."""
        return [(pid, w.comm, w.mappings) for pid, w in sorted(self.watches.items())]

    def all_mappings(self) -> list[TrackedMapping | ThpMapping]:
        """Hugetlb and THP mappings."""
        return [*self.mappings(), *self.thp.mappings()]

    def mappings(self) -> list[TrackedMapping]:
        """Hugetlb mappings, by pid."""
        return [m for _, watch in sorted(self.watches.items()) for m in watch.mappings]

    def infos(self, pids: set[int]) -> list[ProcessInfo]:
        """What travels of these processes beside the cells; those that left are passed over."""
        found = {pid: w.info() for pid, w in self.watches.items() if pid in pids}
        for pid in pids.intersection(self.thp.watched()):
            found[pid] = self.thp.joined(pid, found.get(pid))
        return [found[pid] for pid in sorted(found)]

    def shown(self) -> tuple[list[ProcessInfo], dict[int, Cells]]:
        """What travels of processes, and cells by mapping id, as they were read."""
        cells = {mapping.id: mapping.cells for mapping in self.all_mappings()}
        return self.infos({*self.watches, *self.thp.watched()}), cells

    def place_lost(self, poison: Poison) -> None:
        """From now on tell holes at which this report places a lost page as poisoned."""
        self._note([(m.id, index) for m, index in self._lost.place(poison, self.processes())])

    def told(self, mapping: TrackedMapping | ThpMapping) -> Cells:
        """The cells of a mapping as they are told."""
        return self._lost.told(mapping.id, mapping.cells)

    def thp_mappings(self) -> list[tuple[int, ThpMapping]]:
        """THP mappings with their pids."""
        return [(pid, one) for pid in self.thp.watched() for one in self.thp.mappings(pid)]

    def capabilities(self) -> Capabilities:
        """As probed, and with what only a look can show."""
        update = {"hgm": any(mapping.hgm for mapping in self.mappings())}
        if self._reader.saw_pfn or self.thp.saw_pfn:
            update["pfn"] = True
        return self._files.capabilities.model_copy(update=update)

    def limits(self) -> list[Limit]:
        """What this kernel or these privileges do not give."""
        found = [*self._files.limits(self.capabilities()), *self.thp.limits()]
        found += uncaptured_limits(self.mappings())
        live = self._files.root.live
        shown = live or any(m.cells.mapped_pages.any() for m in self.all_mappings())
        # In a captured tree without a page nothing tells whether PFNs are hidden.
        found = [limit for limit in found if shown or limit.capability != "pfn"]
        denied = self.rounds.skipped().denied
        return [*found, denied_limit(denied)] if denied else found

    def cell_count(self) -> int:
        """Cells that are watched."""
        return sum(m.vma.cell_count for m in self.all_mappings())

    def refresh_s(self) -> float | None:
        """How old a PFN or count can be at most, as far as the rotation goes."""
        if self._files.scanner is None:
            return 1 / self._options.tick_hz
        present = sum(len(m.present_index) for m in self.mappings())
        rate = self._rotation.cells_per_tick * self._options.tick_hz
        return round(present / rate, 3) if rate else None

    def sharing(self, *, torn: bool = False) -> Sharing:
        """Who shares what, by the last look; `torn`: pages are known to have moved under it."""
        averaged = self._is_averaged()
        return Sharing(self.processes(), self._mappers, torn=torn, average_mapcount=averaged)

    def _is_averaged(self) -> bool:
        if self._averaged is None:
            self._averaged = bool(average_mapcount(self._files.root))
        return self._averaged

    def look_again(self) -> dict[int, int]:
        """Bring everything up to date; how many hugetlb pages moved, by page size."""
        now_s = self._clock()
        before = footing(self.mappings())
        self.discover(self.rounds.everyone(), now_s)
        self.look(now_s, whole=True)
        self.join()
        return moved_since(before, self.mappings())

    def pools_now(self) -> list[Pool]:
        """The counters, read now."""
        return self._files.pools.parse(self._files.pools.raw())

    def unread(self) -> list[int]:
        """Processes that are there and could not be read."""
        return self.rounds.unread()

    def skipped(self) -> Skipped:
        """The same, counted by reason."""
        return self.rounds.skipped()

    def page(self, pid: int, address: int, part: int | None) -> PageDetail:
        """Who maps the page at an address, and how, by the last look and a drill into the page.

        Raises:
            AskError: nothing is known there, or the process left meanwhile.
        """
        try:
            if thp := self.thp.page(pid, address, averaged=self._is_averaged()):
                return thp
            if pid not in self.watches and pid in self.thp.watched():
                raise AskError("no_such_mapping", f"process {pid} has no huge page at {address:#x}")
            if pid not in self.watches and (why := self.rounds.why_skipped(pid)):
                raise AskError("unreadable", why)
            place = find_place(self.processes(), pid, address)
            check_part(place, part)
            pagemap = self.watches[pid].pagemap
            lost = self._lost.holds(place.mapping, place.cell)
            parts = self._reader.drill(place.mapping, pagemap, place.cell, part)
        except ProcessError as error:
            raise AskError("process_left", str(error)) from None
        except BadCapture as error:
            raise AskError("unreadable", str(error)) from None
        return page_detail(self.processes(), pid, address, self.sharing(), parts, lost=lost)

    def read_pools(self) -> bool:
        """Read the counters; whether they changed."""
        raw = self._files.pools.raw()
        if raw == self._raw_pools:
            return False
        self._raw_pools = raw
        self.pools = self._files.pools.parse(raw)
        return True

    def discover_some(self, now_s: float) -> None:
        """Find what the processes that are due map now."""
        due = self.rounds.slice(self.watches) + self._files.finder.next_turn()
        self.discover(due, now_s, part=True)

    def discover(self, pids: list[int], now_s: float, *, part: bool = False) -> None:
        """Find what these processes map now; `part`: of long ones as much as a tick may take."""
        for pid in pids:
            with self.rounds.counting(pid):
                self._discover_one(pid, now_s, part=part)
                self._discover_thp(pid, now_s)

    def look(self, now_s: float, *, whole: bool = False) -> None:
        """Bring every mapping up to date; costly ones only when due, unless `whole`."""
        self._reader.begin_look()
        self._whole = whole
        for pid in list(self.watches):
            with self.rounds.counting(pid):
                try:
                    self._look_at_process(pid, now_s)
                except ProcessError:
                    self._drop(pid)
                    raise
        for pid in self.thp.watched():
            with self.rounds.counting(pid):
                try:
                    changes, moved = self.thp.look(pid, now_s)
                    self._note(changes)
                    self.changes.pids.update({pid} if moved else ())
                except (ProcessError, BadCapture):
                    self.changes.pids.add(pid)
                    raise

    def join(self) -> None:
        """Count mappings anew, and find shared tables, where anything changed."""
        joined = self._options.pids is None or self._options.join_anyway
        self._count()
        for number, index in self._mappers.settle(self.mappings(), joined=joined).items():
            self.changes.cells[number].append(index)
        self._note(self.thp.join())

    def rotate(self) -> None:
        """Read a few unchanged cells again, in turn."""
        if self._files.scanner is None:
            return
        self._note(self.thp.refresh())
        owners = {m.id: watch for watch in self.watches.values() for m in watch.mappings}
        self._count()
        begin_s, count = time.thread_time(), 0
        for mapping, index in self._rotation.deal(self.mappings()):
            watch = owners[mapping.id]
            with self.rounds.counting(watch.pid):
                changed = self._reader.read(mapping, watch.pagemap, index)
                count += len(index)
                if len(changed):
                    self.changes.cells[mapping.id].append(changed)
        self._count()
        self._rotation.measured(count, time.thread_time() - begin_s)

    def _discover_one(self, pid: int, now_s: float, *, part: bool = False) -> None:
        """Take what the process maps now; raises as `VmaFinder.vmas`, and then it is watched no
        more.
        """
        try:
            vmas = self._files.finder.vmas_now(pid, part=part)
            if vmas is None:
                return
            watch = self.watches.get(pid)
            if watch is not None and (not vmas or watch.replaced()):
                self._drop(pid)
                watch = None
            if not vmas:
                return
            self._check_size(pid, vmas)
            if watch is None:
                watch = self.watches[pid] = Watch.open(self._files, pid)
        except ProcessError:
            self._drop(pid)
            raise
        before = watch.mappings
        if watch.update(vmas, self._ids, now_s):
            self.changes.pids.add(pid)
            kept = {mapping.id for mapping in watch.mappings}
            self._release([mapping for mapping in before if mapping.id not in kept])

    def _discover_thp(self, pid: int, now_s: float) -> None:
        if pid not in self._options.thp_pids:
            return
        watch = self.watches.get(pid)
        hugetlb = frozenset(m.vma.start for m in watch.mappings) if watch else frozenset()
        try:
            if self.thp.discover(pid, hugetlb, now_s):
                self.changes.pids.add(pid)
        except (ProcessError, BadCapture):
            self.changes.pids.add(pid)
            raise

    def _note(self, changes: list[tuple[int, Index]]) -> None:
        for number, index in changes:
            if len(index):
                self.changes.cells[number].append(index)

    def _check_size(self, pid: int, vmas: list[HugeVma]) -> None:
        """A mapping without a page behind it costs a process nothing, and must not cost us all."""
        others = self._cells - self._sizes.get(pid, 0)
        asked = sum([vma.cell_count for vma in vmas])
        if asked + others > MAX_CELLS:
            raise ProcessUnreadable(
                f"proc/{pid}/maps: {asked} huge pages of address space, and {others} of other "
                f"processes, are more than the {MAX_CELLS} that are watched"
            )
        self._sizes[pid] = asked
        self._cells = others + asked

    def _look_at_process(self, pid: int, now_s: float) -> None:
        for _ in range(_TRIES):
            watch = self.watches.get(pid)
            if watch is None or all(self._look_at(watch, m, now_s) for m in watch.mappings):
                return
            if self._files.finder.is_long(pid):
                self._drop(pid)  # shown again when its walk ends
            self._discover_one(pid, now_s)

    def _look_at(self, watch: Watch, mapping: TrackedMapping, now_s: float) -> bool:
        """Look at one mapping; False when what was read may be of something else in its place."""
        if now_s < mapping.look_due_s and not self._whole:
            return True
        before, begin_s = mapping.ranges, time.thread_time()
        changed = self._reader.look(mapping, watch.pagemap, now_s)
        spent_s = time.thread_time() - begin_s
        mapping.look_due_s = now_s + spent_s / _LOOK_DUTY if spent_s > _CHEAP_LOOK_S else 0.0
        if len(changed):
            self.changes.cells[mapping.id].append(changed)
        return mapping.ranges is before or self._files.finder.stands(watch.pid, mapping.vma)

    def _count(self) -> None:
        try:
            self._mappers.count()
        except BadCapture as error:
            if not self._files.root.live:
                raise
            log.warning("mapcounts unknown: %s", error)

    def _drop(self, pid: int) -> None:
        watch = self.watches.pop(pid, None)
        self._cells -= self._sizes.pop(pid, 0)
        if watch is not None:
            self._release(watch.mappings)
            watch.close()
            self.changes.gone_pids.add(pid)
            self.changes.pids.discard(pid)

    def _release(self, mappings: list[TrackedMapping]) -> None:
        for mapping in mappings:
            self._mappers.replace(mapping.head_pfn, np.zeros_like(mapping.head_pfn))
            self._mappers.touch()
            self.changes.cells.pop(mapping.id, None)
            self.changes.released.add(mapping.id)

    def _carry_over(self, pid: int, files: HostFiles) -> None:
        watch = self.watches.pop(pid)
        watch.close()
        try:
            fresh = Watch.open(files, pid)
        except ProcessError:
            self._cells -= self._sizes.pop(pid, 0)
            self.changes.gone_pids.add(pid)
            return
        fresh.comm, fresh.said, fresh.mappings = watch.comm, watch.said, watch.mappings
        for mapping in fresh.mappings:
            self._mappers.replace(np.zeros(1, np.uint64), mapping.head_pfn)
        self.watches[pid] = fresh
