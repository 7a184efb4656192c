"""Which to read when: a full look, then ticks that read what changed and refresh the rest in turn.

A tick, cheapest first: the pools' counters; PAGEMAP_SCAN over every known mapping and PFN, flags
and counts of the cells that it shows changed; a slice of all processes looked through for new
mappings, so that each is looked at once a second and those with huge pages more often; a few cells
read again in rotation. smaps is read when a mapping appears and then seldom.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from hugescope_agent.cost import CostMeter
from hugescope_agent.errors import AskError, BadCapture, ProcessError, ProcessUnreadable
from hugescope_agent.kernel.capabilities import denied_limit
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.thp import average_mapcount
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.join import Mappers
from hugescope_agent.model.mapping import Index, TrackedMapping
from hugescope_agent.model.reader import MIGRATION_S, CellReader
from hugescope_agent.model.rotation import Rotation
from hugescope_agent.model.sharing import ProcessMappings, Sharing
from hugescope_agent.model.thp import ThpMapping
from hugescope_agent.model.whois import Place, find_place, page_detail
from hugescope_agent.rounds import Rounds
from hugescope_agent.survey.surveyor import Surveyor
from hugescope_agent.thp_watch import ThpWatcher
from hugescope_agent.watch import Watch
from hugescope_wire.cells import Cells
from hugescope_wire.frames import encode_range, encode_scattered
from hugescope_wire.host import MAX_CELLS, HostDelta, HostFrame, Limit, ProcessInfo, Skipped, Source
from hugescope_wire.report import HostReport, PageDetail, PartRun
from hugescope_wire.snapshot import Capabilities, Pool

log = logging.getLogger(__name__)

_SMALLEST_PAGE: Final = 2 << 20
_SCATTERED_ROW: Final = 11
_DENSE_ROW: Final = 7
COST_EVERY_S: Final = 1.0
_SETTLE_S: Final = 0.05
_TRIES: Final = 3
"""Looks at a process whose mappings change under the look; the next tick goes on."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look, ready to be framed: `blocks` are encoded cells."""

    about: HostFrame | HostDelta
    blocks: list[bytes]


@dataclass(frozen=True, slots=True)
class SamplerOptions:
    """How the sampler spends its time.

    Attributes:
        tick_hz: ticks a second that the caller means to make.
        budget: share of one core for the rotation.
        rotation_cells: read exactly so many cells a tick in rotation; None: as the budget allows.
        pids: watch only these processes; None: all. Others may map the same pages, so mappers are
            then unknown.
        join_anyway: count mappers among `pids` all the same, to measure what it costs.
        thp_pids: watch transparent huge pages too, of these processes only.
        reports: make a report from time to time, and send it with the tick.
    """

    tick_hz: float = 10.0
    budget: float = 0.01
    rotation_cells: int | None = None
    pids: frozenset[int] | None = None
    join_anyway: bool = False
    thp_pids: frozenset[int] = frozenset()
    reports: bool = False


class Sampler:
    """Keeps the state of one host. Not for use from several threads at once."""

    def __init__(
        self,
        files: HostFiles,
        source: Source,
        options: SamplerOptions | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options or SamplerOptions()
        self._source = source
        self._clock = clock
        self._ids = itertools.count(1)
        self._watches: dict[int, Watch] = {}
        self._sizes: dict[int, int] = {}
        self.thp = ThpWatcher(
            self._options.thp_pids, self._ids, self._options.budget / self._options.tick_hz
        )
        self._rotation = Rotation(
            self._options.budget / self._options.tick_hz, self._options.rotation_cells
        )
        self.cost = CostMeter(clock)
        self._surveyor: Surveyor | None = None
        self._report: HostReport | None = None
        self._cost_due_s = 0.0
        self._sent: set[int] = set()
        self._told = files.capabilities
        self._told_limits: list[Limit] = []
        self._changed_pids: set[int] = set()
        self._gone_pids: set[int] = set()
        self._cells: dict[int, list[Index]] = defaultdict(list)
        self.use(files)

    def use(self, files: HostFiles) -> None:
        """Read from another root from now on: the next step of a recorded series. Mappings keep
        their ids.
        """
        self._files = files
        self._raw_pools: list[bytes | None] | None = None
        self._pools: list[Pool] = []
        smallest = min([_SMALLEST_PAGE, *files.pools.page_sizes])
        self._mappers = Mappers(smallest, files.kpage)
        self._reader = CellReader(files.scanner, files.kpage, files.nodes, self._mappers)
        self._rounds = Rounds(files.root, self._options.pids, self._options.tick_hz)
        self._averaged: bool | None = None
        for pid in list(self._watches):
            self._carry_over(pid, files)
        self.thp.use(files)
        if self._surveyor is None:
            self._surveyor = Surveyor(files, self._source, self._clock)
        else:
            self._surveyor.use(files)

    def close(self) -> None:
        """Close every process' files; the root's belong to the caller."""
        for watch in self._watches.values():
            watch.close()
        self._watches.clear()
        self.thp.close()

    def full(self) -> Sample:
        """Look at everything, and all that is known, whether it changed or not.

        Raises:
            BadCapture: a captured tree holds what no kernel writes.
        """
        self.cost.begin()
        now_s = self._clock()
        self._read_pools()
        self._discover(self._rounds.everyone(), now_s)
        self._look(now_s)
        self._join()
        sample = self.as_seen()
        self.cost.end(self._cell_count())
        return sample

    def as_seen(self) -> Sample:
        """All that is known, as the last look left it."""
        self._told = self._capabilities()
        self._told_limits = self.limits()
        about = HostFrame(
            taken_at=datetime.now(UTC),
            monotonic_s=self._clock(),
            source=self._source,
            host=self._files.info,
            capabilities=self._told,
            limits=self._told_limits,
            pools=self._pools,
            processes=self._infos({*self._watches, *self.thp.watched()}),
            skipped=self._rounds.skipped(),
            cost=self.cost.read(self._refresh_s()),
            report=self._report,
        )
        blocks = [self._whole(mapping) for mapping in self._shown()]
        self._forget_changes()
        return Sample(about, blocks)

    def settle(self) -> Sample:
        """As `full`, but gives cells a while to show whether they are poisoned or migrating."""
        sample = self.full()
        for _ in range(int(2 * MIGRATION_S / _SETTLE_S)):
            if not any(mapping.suspects for mapping in self._mappings()):
                break
            time.sleep(_SETTLE_S)
            sample = self.full()
        return sample

    def tick(self) -> Sample | None:
        """What changed since the last look; None where nothing did and no report of cost is due."""
        self.cost.begin()
        now_s = self._clock()
        pools_changed = self._read_pools()
        self._discover(self._rounds.slice(self._watches), now_s)
        self._look(now_s)
        self._rotate()
        self._note(self.thp.refresh())
        self._join()
        reported = self._report_if_due(now_s)
        cost_due = now_s >= self._cost_due_s
        said = reported or pools_changed or cost_due
        changed = said or self._changed_pids or self._gone_pids or self._cells
        sample = self._delta(now_s, pools_changed, cost_due, reported) if changed else None
        self.cost.end(self._cell_count())
        return sample

    def survey(self, *, thorough: bool = False) -> HostReport:
        """Look until the look holds together, and report; later frames carry it.

        Raises:
            BadCapture: a captured tree holds what no kernel writes.
        """
        assert self._surveyor is not None, "made with the first root"
        self._report = self._surveyor.take(self, thorough=thorough)
        return self._report

    def _report_if_due(self, now_s: float) -> bool:
        assert self._surveyor is not None, "made with the first root"
        if not self._options.reports or now_s < self._surveyor.due_s:
            return False
        self.survey()
        return True

    def _delta(self, now_s: float, pools_changed: bool, cost_due: bool, reported: bool) -> Sample:
        if cost_due:
            self._cost_due_s = now_s + COST_EVERY_S
        capabilities, limits = self._capabilities(), self.limits()
        news = (capabilities != self._told, limits != self._told_limits)
        self._told, self._told_limits = capabilities, limits
        blocks = self._changed_blocks()
        # A process may have lost its hugetlb mappings only, or its THP mappings only.
        pids = self._changed_pids | self._gone_pids
        processes = self._infos(pids)
        about = HostDelta(
            taken_at=datetime.now(UTC),
            monotonic_s=now_s,
            capabilities=capabilities if news[0] else None,
            limits=limits if news[1] else None,
            pools=self._pools if pools_changed else None,
            processes=processes,
            gone_pids=sorted(pids - {process.pid for process in processes}),
            skipped=self._rounds.skipped() if cost_due else None,
            cost=self.cost.read(self._refresh_s()) if cost_due else None,
            report=self._report if reported else None,
        )
        self._forget_changes()
        return Sample(about, blocks)

    def processes(self) -> list[ProcessMappings]:
        """Every process with hugetlb mappings, by pid, as the last look left them."""
        return [(pid, w.comm, w.mappings) for pid, w in sorted(self._watches.items())]

    def sharing(self, *, torn: bool = False) -> Sharing:
        """Who shares what, by the last look; `torn`: pages are known to have moved under it."""
        if self._averaged is None:
            self._averaged = bool(average_mapcount(self._files.root))
        return Sharing(self.processes(), self._mappers, torn=torn, average_mapcount=self._averaged)

    def look_again(self) -> int:
        """Bring everything up to date; how many hugetlb cells map something else since."""
        now_s = self._clock()
        before = {m.id: (m.moved_pages, len(m.present_index)) for m in self._mappings()}
        self._discover(self._rounds.everyone(), now_s)
        self._look(now_s)
        self._join()
        after = {m.id: m.moved_pages for m in self._mappings()}
        moved = sum(now - before.get(number, (0, 0))[0] for number, now in after.items())
        return moved + sum(there for number, (_, there) in before.items() if number not in after)

    def pools_now(self) -> list[Pool]:
        """The counters, read now."""
        return self._files.pools.parse(self._files.pools.raw())

    def unread(self) -> list[int]:
        """Processes that are there and could not be read."""
        return self._rounds.unread()

    def skipped(self) -> Skipped:
        """The same, counted by reason."""
        return self._rounds.skipped()

    def thp_mappings(self) -> list[tuple[int, ThpMapping]]:
        """THP mappings with their pids."""
        return [(pid, one) for pid in self.thp.watched() for one in self.thp.mappings(pid)]

    def shown(self) -> tuple[list[ProcessInfo], dict[int, Cells]]:
        """What travels of processes, and cells by mapping id."""
        infos = self._infos({*self._watches, *self.thp.watched()})
        return infos, {mapping.id: mapping.cells for mapping in self._shown()}

    def page(self, pid: int, address: int, part: int | None) -> PageDetail:
        """Who maps the page at an address, and how, by the last look and a drill into the page.

        Raises:
            AskError: nothing is known there, or the process left meanwhile.
        """
        place = find_place(self.processes(), pid, address)
        try:
            parts = self._drill(place, part)
        except ProcessError as error:
            raise AskError("process_left", str(error)) from None
        except BadCapture as error:
            raise AskError("unreadable", str(error)) from None
        return page_detail(self.processes(), pid, address, self.sharing(), parts)

    def _drill(self, place: Place, part: int | None) -> list[PartRun]:
        return self._reader.drill(place.mapping, self._watches[place.pid].pagemap, place.cell, part)

    def why_skipped(self, pid: int) -> str | None:
        """Why this process could not be read when last tried; None when it could."""
        return self._rounds.why_skipped(pid)

    def _read_pools(self) -> bool:
        raw = self._files.pools.raw()
        if raw == self._raw_pools:
            return False
        self._raw_pools = raw
        self._pools = self._files.pools.parse(raw)
        return True

    def _discover(self, pids: list[int], now_s: float) -> None:
        for pid in pids:
            with self._rounds.counting(pid):
                self._discover_one(pid, now_s)
                self._discover_thp(pid, now_s)

    def _discover_one(self, pid: int, now_s: float) -> None:
        """Take what the process maps now; raises as `VmaFinder.vmas`, and then it is watched no
        more.
        """
        try:
            vmas = self._files.finder.vmas(pid)
            watch = self._watches.get(pid)
            if watch is not None and (not vmas or watch.replaced()):
                self._drop(pid)
                watch = None
            if not vmas:
                return
            self._check_size(pid, vmas)
            if watch is None:
                watch = self._watches[pid] = Watch.open(self._files, pid)
        except ProcessError:
            self._drop(pid)
            raise
        before = watch.mappings
        if watch.update(vmas, self._ids, now_s):
            self._changed_pids.add(pid)
            kept = {mapping.id for mapping in watch.mappings}
            self._release([mapping for mapping in before if mapping.id not in kept])

    def _discover_thp(self, pid: int, now_s: float) -> None:
        watch = self._watches.get(pid)
        hugetlb = frozenset(m.vma.start for m in watch.mappings) if watch else frozenset()
        try:
            if self.thp.discover(pid, hugetlb, now_s):
                self._changed_pids.add(pid)
        except (ProcessError, BadCapture):
            self._changed_pids.add(pid)
            raise

    def _note(self, changes: list[tuple[int, Index]]) -> None:
        for number, index in changes:
            if len(index):
                self._cells[number].append(index)

    def _check_size(self, pid: int, vmas: list[HugeVma]) -> None:
        """A mapping without a page behind it costs a process nothing, and must not cost us all."""
        others = sum(self._sizes.values()) - self._sizes.get(pid, 0)
        asked = sum(vma.cell_count for vma in vmas)
        if asked + others > MAX_CELLS:
            raise ProcessUnreadable(
                f"proc/{pid}/maps: {asked} huge pages of address space, and {others} of other "
                f"processes, are more than the {MAX_CELLS} that are watched"
            )
        self._sizes[pid] = asked

    def _look(self, now_s: float) -> None:
        self._reader.begin_look()
        for pid in list(self._watches):
            with self._rounds.counting(pid):
                try:
                    self._look_at_process(pid, now_s)
                except ProcessError:
                    self._drop(pid)
                    raise

        for pid in self.thp.watched():
            with self._rounds.counting(pid):
                try:
                    changes, moved = self.thp.look(pid, now_s)
                    self._note(changes)
                    self._changed_pids.update({pid} if moved else ())
                except (ProcessError, BadCapture):
                    self._changed_pids.add(pid)
                    raise

    def _look_at_process(self, pid: int, now_s: float) -> None:
        for _ in range(_TRIES):
            watch = self._watches.get(pid)
            if watch is None or all(self._look_at(watch, m, now_s) for m in watch.mappings):
                return
            self._discover_one(pid, now_s)

    def _look_at(self, watch: Watch, mapping: TrackedMapping, now_s: float) -> bool:
        """Look at one mapping; False when what was read may be of something else in its place."""
        before = mapping.ranges
        changed = self._reader.look(mapping, watch.pagemap, now_s)
        if len(changed):
            self._cells[mapping.id].append(changed)
        return mapping.ranges is before or self._files.finder.stands(watch.pid, mapping.vma)

    def _join(self) -> None:
        joined = self._options.pids is None or self._options.join_anyway
        self._count()
        for number, index in self._mappers.settle(self._mappings(), joined=joined).items():
            self._cells[number].append(index)

    def _count(self) -> None:
        try:
            self._mappers.count()
        except BadCapture as error:
            if not self._files.root.live:
                raise
            log.warning("mapcounts unknown: %s", error)

    def _rotate(self) -> None:
        if self._files.scanner is None:
            return
        owners = {m.id: watch for watch in self._watches.values() for m in watch.mappings}
        self._count()
        begin_s = time.perf_counter()
        count = 0
        for mapping, index in self._rotation.deal(self._mappings()):
            watch = owners[mapping.id]
            with self._rounds.counting(watch.pid):
                changed = self._reader.read(mapping, watch.pagemap, index)
                count += len(index)
                if len(changed):
                    self._cells[mapping.id].append(changed)
        self._count()
        self._rotation.measured(count, time.perf_counter() - begin_s)

    def _drop(self, pid: int) -> None:
        watch = self._watches.pop(pid, None)
        self._sizes.pop(pid, None)
        if watch is not None:
            self._release(watch.mappings)
            watch.close()
            self._gone_pids.add(pid)
            self._changed_pids.discard(pid)

    def _release(self, mappings: list[TrackedMapping]) -> None:
        for mapping in mappings:
            self._mappers.replace(mapping.head_pfn, np.zeros_like(mapping.head_pfn))
            self._mappers.touch()
            self._cells.pop(mapping.id, None)
            self._sent.discard(mapping.id)

    def _carry_over(self, pid: int, files: HostFiles) -> None:
        watch = self._watches.pop(pid)
        watch.close()
        try:
            fresh = Watch.open(files, pid)
        except ProcessError:
            self._sizes.pop(pid, None)
            self._gone_pids.add(pid)
            return
        fresh.comm, fresh.mappings = watch.comm, watch.mappings
        for mapping in fresh.mappings:
            self._mappers.replace(np.zeros(1, np.uint64), mapping.head_pfn)
        self._watches[pid] = fresh

    def _mappings(self) -> list[TrackedMapping]:
        return [m for _, watch in sorted(self._watches.items()) for m in watch.mappings]

    def _shown(self) -> list[TrackedMapping | ThpMapping]:
        return [*self._mappings(), *self.thp.mappings()]

    def _infos(self, pids: set[int]) -> list[ProcessInfo]:
        """What travels of these processes beside the cells; those that left are passed over."""
        found = {pid: w.info() for pid, w in self._watches.items() if pid in pids}
        for pid in pids.intersection(self.thp.watched()):
            found[pid] = self.thp.joined(pid, found.get(pid))
        return [found[pid] for pid in sorted(found)]

    def _capabilities(self) -> Capabilities:
        """As probed, and with what only a look can show."""
        update = {"hgm": any(mapping.hgm for mapping in self._mappings())}
        if self._reader.saw_pfn or self.thp.saw_pfn:
            update["pfn"] = True
        return self._files.capabilities.model_copy(update=update)

    def limits(self) -> list[Limit]:
        """What this kernel or these privileges do not give."""
        found = [*self._files.limits(self._capabilities()), *self.thp.limits()]
        denied = self._rounds.skipped().denied
        return [*found, denied_limit(denied)] if denied else found

    def _cell_count(self) -> int:
        return sum(m.vma.cell_count for m in self._shown())

    def _refresh_s(self) -> float | None:
        """How old a PFN or count can be at most, as far as the rotation goes."""
        if self._files.scanner is None:
            return 1 / self._options.tick_hz
        present = sum(len(m.present_index) for m in self._mappings())
        rate = self._rotation.cells_per_tick * self._options.tick_hz
        return round(present / rate, 3) if rate else None

    def _changed_blocks(self) -> list[bytes]:
        blocks = []
        for mapping in self._shown():
            parts = self._cells.get(mapping.id)
            if mapping.id not in self._sent:
                blocks.append(self._whole(mapping))
            elif parts:
                index = np.unique(np.concatenate(parts))
                if len(index) * _SCATTERED_ROW < len(mapping.cells) * _DENSE_ROW:
                    cells = mapping.cells.take(index)
                    blocks.append(encode_scattered(mapping.id, mapping.vma.page_size, index, cells))
                else:
                    blocks.append(self._whole(mapping))
        return blocks

    def _whole(self, mapping: TrackedMapping | ThpMapping) -> bytes:
        self._sent.add(mapping.id)
        return encode_range(mapping.id, mapping.vma.page_size, mapping.cells)

    def _forget_changes(self) -> None:
        self._changed_pids.clear()
        self._gone_pids.clear()
        self._cells.clear()
