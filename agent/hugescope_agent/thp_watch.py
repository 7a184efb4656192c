"""The processes asked for, watched for transparent huge pages beside what is hugetlb.

Which mappings there are comes from the text of maps; what smaps adds, at most once a second and one
percent of the time. No page table of a process that was not asked for is read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from hugescope_agent.errors import BadCapture, ProcessError
from hugescope_agent.kernel.folios import read_folios
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.maps import MapsLine
from hugescope_agent.kernel.pagemap import Pagemap
from hugescope_agent.kernel.process import comm, read_maps, read_other_smaps, start_ticks
from hugescope_agent.kernel.smaps import SmapsVma
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.mapping import Index
from hugescope_agent.model.thp import ThpMapping, is_special, is_wanted, thp_facts
from hugescope_agent.model.thp_cells import present_pfns
from hugescope_agent.model.thp_join import ThpPlace, count_mappers, places_of
from hugescope_agent.model.thp_page import thp_page
from hugescope_agent.model.thp_reader import ThpReader
from hugescope_agent.model.vm import Told
from hugescope_agent.watch import tell_of
from hugescope_wire.host import Limit, MappingInfo, ProcessInfo
from hugescope_wire.page import PageDetail, PartRun
from hugescope_wire.report import ThpFacts

log = logging.getLogger(__name__)

MAX_THP_CELLS: Final = 1 << 20
"""2 TiB of address space; beyond it, mappings without a present page are left out first."""

_SMAPS_SOONEST_S: Final = 1.0
_SMAPS_DUTY: Final = 0.01
"""Most of the time that may go into smaps of one process, which stalls it."""

_PROBE_BYTES: Final = 64 << 20
"""How far into a mapping is looked for a large folio that alone would make it worth showing."""

_TRIES: Final = 3
"""Looks at a process whose mappings change under the look; the next one goes on."""

_FEWEST: Final = 1
_MOST: Final = 4096
_FIRST_GUESS_S: Final = 150e-6
_WEIGHT: Final = 0.2

Changes = list[tuple[int, Index]]
"""Changed cells by mapping id."""


@dataclass(slots=True)
class ThpProcess:
    """One process that was asked for: its open pagemap and its mappings."""

    files: HostFiles
    pid: int
    started: int | None
    pagemap: Pagemap
    comm: str | None = None
    said: Told | None = None
    hugetlb: frozenset[int] = frozenset()
    mappings: list[ThpMapping] = field(default_factory=list)
    left_out: int = 0
    _smaps: dict[HugeVma, SmapsVma] = field(default_factory=dict)
    _probed: dict[HugeVma, tuple[int | None, bool]] = field(default_factory=dict)
    _told: list[MappingInfo] = field(default_factory=list)
    _smaps_due_s: float = 0.0

    @classmethod
    def open(cls, files: HostFiles, pid: int) -> ThpProcess:
        """Start watching; raises ProcessError by the kernel's answer."""
        return cls(files, pid, start_ticks(files.root, pid), Pagemap(files.root, pid))

    def update(self, ids: Iterator[int], now_s: float) -> bool:
        """Find its mappings; those still there keep their cells. Whether anything changed.

        Raises:
            ProcessError, BadCapture: as the files answer.
        """
        lines = read_maps(self.files.root, self.pid)
        self._refresh_smaps(now_s)
        old = {mapping.vma: mapping for mapping in self.mappings}
        vmas = self._wanted(lines)
        self.mappings = [
            old[vma] if vma in old else ThpMapping(next(ids), vma, None) for vma in vmas
        ]
        for mapping in self.mappings:
            mapping.smaps = self._smaps.get(mapping.vma)
        before = (self.comm, self._told)
        self.comm, self._told = comm(self.files.root, self.pid), self.infos()
        if self.said is None or self.comm != before[0]:
            self.said = tell_of(self.files.root, self.pid, self.comm)
        return before != (self.comm, self._told)

    def infos(self) -> list[MappingInfo]:
        """What travels of its mappings beside the cells."""
        return [mapping.info() for mapping in self.mappings]

    def _refresh_smaps(self, now_s: float) -> None:
        if now_s < self._smaps_due_s:
            return
        begin_s = time.thread_time()
        try:
            found = read_other_smaps(self.files.root, self.pid)
            self._smaps = {entry.vma: entry for entry in found}
        except (ProcessError, BadCapture) as error:
            if isinstance(error, BadCapture) and not self.files.root.live:
                raise
            log.info("process %d: no smaps: %s", self.pid, error)
            self._smaps = {}
        pause_s = (time.thread_time() - begin_s) / _SMAPS_DUTY
        self._smaps_due_s = now_s + max(_SMAPS_SOONEST_S, pause_s)

    def _wanted(self, lines: list[MapsLine]) -> list[HugeVma]:
        """The VMAs to look at, in address order; as many cells as are watched at all."""
        found = []
        asked_again = False
        for line in lines:
            vma = line.as_thp()
            smaps = self._smaps.get(vma)
            if smaps is None and line.start not in self.hugetlb and not asked_again:
                # New since smaps was read, and what is hugetlb does not show in maps.
                asked_again = True
                self.hugetlb = frozenset(v.start for v in self.files.finder.vmas(self.pid))
            if smaps is None and line.start in self.hugetlb:
                continue
            if is_wanted(vma, line.protection, smaps, self._holds_large_folio(vma, smaps)):
                found.append((smaps is None or smaps.rss_bytes == 0, vma))
        self._probed = {vma: seen for vma, seen in self._probed.items() if vma in self._smaps}
        kept, cells = [], 0
        for _, vma in sorted(found, key=lambda item: (item[0], item[1].cell_count)):
            cells += vma.cell_count
            if cells <= MAX_THP_CELLS:
                kept.append(vma)
        self.left_out = len(found) - len(kept)
        return sorted(kept, key=lambda vma: vma.start)

    def _holds_large_folio(self, vma: HugeVma, smaps: SmapsVma | None) -> bool:
        """Whether a page of it belongs to a large folio; asked again when its Rss changed."""
        if smaps is None or self.files.kpage is None or is_special(vma, smaps.vm_flags):
            return False
        rss, seen = self._probed.get(vma, (0, False))
        if smaps.rss_bytes == rss:
            return seen
        end = min(vma.end, vma.start + _PROBE_BYTES)
        words = self.pagemap.words_in(vma.start, end, padded=True)
        pfns = present_pfns(words)
        seen = bool(read_folios(self.files.kpage, pfns[pfns > 0]).order.any())
        self._probed[vma] = (smaps.rss_bytes, seen)
        return seen


class ThpWatcher:
    """All processes asked for. Not for use from several threads at once."""

    def __init__(self, pids: frozenset[int], ids: Iterator[int], budget_s: float) -> None:
        """`ids` numbers mappings; `budget_s` is what a tick may spend on reading unchanged cells
        again.
        """
        self.pids = pids
        self._ids = ids
        self._budget_s = budget_s
        self._cell_s = _FIRST_GUESS_S
        self._processes: dict[int, ThpProcess] = {}
        self._at = 0
        self._joined: list[int] = []

    def use(self, files: HostFiles) -> None:
        """Read from this root from now on; mappings found there again keep their ids."""
        self._files = files
        self._reader = ThpReader(files.scanner, files.kpage, files.nodes, files.root.live)
        old, self._processes = self._processes, {}
        for pid, process in old.items():
            process.pagemap.close()
            try:
                fresh = self._processes[pid] = ThpProcess.open(files, pid)
            except ProcessError:
                continue
            fresh.mappings = process.mappings
            for mapping in fresh.mappings:
                mapping.ranges, mapping.read_at_s, mapping.look_due_s = None, None, 0.0
                mapping.recheck[:] = True

    def close(self) -> None:
        """Close every process' files."""
        for pid in list(self._processes):
            self.drop(pid)

    def discover(self, pid: int, hugetlb: frozenset[int], now_s: float) -> bool:
        """Find what a process maps now, if it was asked for; whether anything changed. `hugetlb`
        are the start addresses of its hugetlb VMAs.

        Raises:
            ProcessError, BadCapture: as the files answer; it is then watched no more.
        """
        if pid not in self.pids:
            return False
        process = self._processes.get(pid)
        replaced = process is not None and start_ticks(self._files.root, pid) != process.started
        if replaced:
            self.drop(pid)
            process = None
        try:
            if process is None:
                process = self._processes[pid] = ThpProcess.open(self._files, pid)
            process.hugetlb = hugetlb
            return process.update(self._ids, now_s) or replaced
        except (ProcessError, BadCapture):
            self.drop(pid)
            raise

    def look(self, pid: int, now_s: float) -> tuple[Changes, bool]:
        """Look at the mappings of a process; whether they became others on the way. Errors as in
        `discover`.
        """
        process = self._processes.get(pid)
        if process is None:
            return [], False
        changes: Changes = []
        moved = False
        try:
            for _ in range(_TRIES):
                if self._look_at(process, changes, now_s):
                    break
                moved |= process.update(self._ids, now_s)
        except (ProcessError, BadCapture):
            self.drop(pid)
            raise
        return changes, moved

    def _look_at(self, process: ThpProcess, changes: Changes, now_s: float) -> bool:
        """Look at its mappings; False when what was read may be of something else by now."""
        for mapping in process.mappings:
            before = mapping.ranges
            changes.append((mapping.id, self._reader.look(mapping, process.pagemap, now_s)))
            moved = mapping.ranges is not before
            if moved and not self._files.finder.stands(process.pid, mapping.vma):
                return False
        return True

    def refresh(self) -> Changes:
        """Read some present cells again in turn: a folio that the kernel splits or moves leaves the
        scan as it was. A process that left is noticed by the next look.
        """
        pairs = [(p, mapping) for p in self._processes.values() for mapping in p.mappings]
        if self._files.scanner is None or not pairs:
            return []
        left = min(max(int(self._budget_s / self._cell_s), _FEWEST), _MOST)
        begin_s, count, changes = time.thread_time(), 0, []
        for _ in range(min(len(pairs), left)):
            process, mapping = pairs[self._at % len(pairs)]
            index = np.flatnonzero(mapping.cells.mapped_pages[mapping.cursor :])[:left]
            index += mapping.cursor
            mapping.cursor = int(index[-1]) + 1 if len(index) == left else 0
            self._at += mapping.cursor == 0
            try:
                changes.append((mapping.id, self._reader.read(mapping, process.pagemap, index)))
            except ProcessError as error:
                log.info("process %d: %s", process.pid, error)
            count, left = count + len(index), left - len(index)
            if left <= 0:
                break
        if count:
            spent_s = time.thread_time() - begin_s
            self._cell_s += _WEIGHT * (spent_s / count - self._cell_s)
        return changes

    def join(self) -> Changes:
        """Count the mappings of each folio anew, where any changed."""
        mappings = self.mappings()
        ids = [mapping.id for mapping in mappings]
        if ids == self._joined and not any(mapping.heads_moved for mapping in mappings):
            return []
        self._joined = ids
        return count_mappers(mappings)

    def drop(self, pid: int) -> None:
        """Watch a process no more."""
        process = self._processes.pop(pid, None)
        if process is not None:
            process.pagemap.close()

    def watched(self) -> list[int]:
        """The processes asked for that could be opened."""
        return sorted(self._processes)

    def mappings(self, pid: int | None = None) -> list[ThpMapping]:
        """Mappings of one process, or of all."""
        if pid is not None:
            return self._processes[pid].mappings if pid in self._processes else []
        return [mapping for pid in self.watched() for mapping in self._processes[pid].mappings]

    def facts(self) -> dict[tuple[int, int], ThpFacts]:
        """What is reported of each mapping, by process and start."""
        return {
            (pid, m.vma.start): thp_facts(m) for pid in self._processes for m in self.mappings(pid)
        }

    def parts(self, pid: int, address: int) -> tuple[ThpMapping, int, list[PartRun]] | None:
        """The mapping and the cell that hold an address of a watched process, and the 4 KiB entries
        of the cell; None where no mapping that is looked at holds it. Errors as in `discover`.
        """
        for mapping in self.mappings(pid):
            if mapping.vma.start <= address < mapping.vma.end:
                cell = (address - mapping.vma.first_va) // mapping.vma.page_size
                pagemap = self._processes[pid].pagemap
                return mapping, cell, self._reader.parts(mapping, pagemap, cell)
        return None

    def page(self, pid: int, address: int, *, averaged: bool) -> PageDetail | None:
        """Everything about the cell at an address, and who maps it among the processes asked for;
        None and errors as in `parts`. `averaged`: this kernel keeps averages of mapcounts only.
        """
        found = self.parts(pid, address)
        if found is None:
            return None
        mapping, cell, parts = found
        place = ThpPlace(pid, self._processes[pid].comm, mapping, cell)
        everyone = [(n, p.comm, p.mappings) for n, p in sorted(self._processes.items())]
        places = places_of(everyone, place)
        counted = self._reader.counted(sorted(place.heads)) if places else None
        return thp_page(place, places, counted, parts, averaged=averaged)

    def joined(self, pid: int, info: ProcessInfo | None) -> ProcessInfo:
        """What travels of a watched process, beside what is known of its hugetlb mappings."""
        process = self._processes[pid]
        mappings = [] if info is None else info.mappings
        both = sorted([*mappings, *process.infos()], key=lambda mapping: mapping.start)
        name = None if process.said is None else process.said.name
        vm = None if process.said is None else process.said.vm
        qmp = None if info is None else info.qmp
        return ProcessInfo(pid=pid, comm=process.comm, name=name, vm=vm, qmp=qmp, mappings=both)

    @property
    def saw_pfn(self) -> bool:
        """Whether a page frame number was seen."""
        return self._reader.saw_pfn

    def limits(self) -> list[Limit]:
        """What cannot be told of THP mappings, and why."""
        unread = [mapping for mapping in self.mappings() if mapping.unread]
        left_out = sum(process.left_out for process in self._processes.values())
        found = []
        if unread:
            counted = sum(m.smaps.rss_bytes or 0 for m in unread if m.smaps is not None)
            found.append(
                Limit(
                    capability="thp",
                    reason=f"the capture holds no pagemap entries of THP mappings ({len(unread)}) "
                    f"in which smaps counts {counted} bytes",
                    cost="their cells are not known; their totals are those of smaps",
                    remedy="capture the whole pagemap of the processes asked for",
                )
            )
        if left_out:
            found.append(
                Limit(
                    capability="thp",
                    reason=f"more than {MAX_THP_CELLS} cells in the THP mappings asked for",
                    cost=f"mappings that are not shown: {left_out}, empty and large ones first",
                    remedy=None,
                )
            )
        return found
