"""Mappings that huge pages would fit and that have none: memory of processes that use huge pages
elsewhere, in base pages all the same.

Counted are anonymous mappings, private or shared, that begin and end at borders of 2 MiB, span 8
MiB or more, hold at least one 2 MiB region in full, and have no PMD mapping and no folio of 2 MiB
anywhere. Not counted are stacks and heaps, which nobody aligned; what nobody may touch; and what
asked for base pages (VmFlags nh, which the kernel sets on thread stacks too since Linux 6.7), and
processes that gave up transparent huge pages altogether (prctl PR_SET_THP_DISABLE).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.errors import BadCapture, ProcessError
from hugescope_agent.kernel.folios import PMD_ORDER, PMD_PAGES, read_folios
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.maps import MapsLine
from hugescope_agent.kernel.pagemap import PAGE_IS_HUGE, PAGE_IS_PRESENT, PRESENT_BIT, Pagemap
from hugescope_agent.kernel.process import comm, read_maps, read_other_smaps, thp_disabled
from hugescope_agent.kernel.smaps import SmapsVma
from hugescope_agent.kernel.thp import read_settings
from hugescope_agent.model.thp import pmd_bytes
from hugescope_agent.model.thp_cells import bit, present_pfns
from hugescope_wire.cells import PAGE_BYTES
from hugescope_wire.levels import PMD_BYTES

log = logging.getLogger(__name__)

SMALLEST_BYTES: Final = 8 << 20
"""Below, huge pages are hardly worth the asking, and allocators map such pieces by themselves."""

LOOK_EVERY_S: Final = 10.0
_SMAPS_EVERY_S: Final = 60.0
"""smaps is read for VmFlags only, and only where everything else speaks for a finding."""

_READ_BYTES: Final = 256 << 20
"""How far into a mapping is read where there is no scan."""

_PROBED_CELLS: Final = 32
"""Full regions in which a folio of 2 MiB is looked for."""

_NO_HUGE_PAGE: Final = "nh"
_HUGE_PAGE: Final = "hg"

Index = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class NotHugeMapping:
    """One such mapping.

    Attributes:
        present_bytes: mapped by base pages or small folios.
        asked: VmFlags hg: the process wants huge pages here, by madvise; None: smaps unreadable.
        wanted: it asked, or this host gives them to every mapping.
    """

    pid: int
    comm: str | None
    start: int
    end: int
    present_bytes: int
    asked: bool | None
    wanted: bool


def is_candidate(line: MapsLine) -> bool:
    """Whether the VMA looks as if it was made for huge pages."""
    anonymous = line.inode == 0 and (not line.path or line.path.startswith("[anon:"))
    shared = line.shared and line.path.startswith(("/dev/zero", "[anon_shmem:"))
    aligned = line.start % PMD_BYTES == 0 and line.end % PMD_BYTES == 0
    large = line.end - line.start >= SMALLEST_BYTES
    return (anonymous or shared) and aligned and large and line.protection != "---"


@dataclass(slots=True)
class _Known:
    due_s: float
    found: list[NotHugeMapping]
    smaps_due_s: float = 0.0
    smaps: dict[tuple[int, int], SmapsVma] | None = None


class NotHugeFinder:
    """Looks at one process at most every ten seconds; answers from memory in between."""

    def __init__(self, files: HostFiles) -> None:
        self._files = files
        self._everywhere = read_settings(files.root).everywhere
        self._known: dict[int, _Known] = {}

    def look(self, pids: Iterable[int], now_s: float) -> list[NotHugeMapping]:
        """Of these processes, which map hugetlb pages or have transparent ones; in their order.

        A process that cannot be read has none.

        Raises:
            BadCapture: only in a captured tree.
        """
        wanted = list(pids)
        self._known = {pid: known for pid, known in self._known.items() if pid in wanted}
        for pid in wanted:
            known = self._known.setdefault(pid, _Known(now_s, []))
            if now_s >= known.due_s:
                known.due_s = now_s + LOOK_EVERY_S
                known.found = self._of_process(pid, known, now_s)
        return [mapping for pid in wanted for mapping in self._known[pid].found]

    def _of_process(self, pid: int, known: _Known, now_s: float) -> list[NotHugeMapping]:
        try:
            lines = [line for line in read_maps(self._files.root, pid) if is_candidate(line)]
            if not lines or thp_disabled(self._files.root, pid):
                return []
            pagemap = Pagemap(self._files.root, pid)
            try:
                counted = [(line, self._base_bytes(pagemap, line)) for line in lines]
            finally:
                pagemap.close()
            counted = [(line, count) for line, count in counted if count]
            return self._judged(pid, counted, known, now_s) if counted else []
        except (ProcessError, BadCapture) as error:
            if isinstance(error, BadCapture) and not self._files.root.live:
                raise
            log.info("process %d: not looked at for base pages: %s", pid, error)
            return []

    def _judged(
        self, pid: int, counted: list[tuple[MapsLine, int]], known: _Known, now_s: float
    ) -> list[NotHugeMapping]:
        """Leave out what asked for base pages, or holds huge ones that smaps alone shows."""
        fresh = known.smaps is not None and now_s < known.smaps_due_s
        if not fresh or any(
            (line.start, line.end) not in (known.smaps or {}) for line, _ in counted
        ):
            found = read_other_smaps(self._files.root, pid)
            known.smaps = {(entry.vma.start, entry.vma.end): entry for entry in found}
            known.smaps_due_s = now_s + _SMAPS_EVERY_S
        name = comm(self._files.root, pid)
        left = []
        for line, present_bytes in counted:
            smaps = (known.smaps or {}).get((line.start, line.end))
            flags = () if smaps is None else smaps.vm_flags
            if _NO_HUGE_PAGE in flags or (smaps is not None and pmd_bytes(smaps)):
                continue
            asked = None if smaps is None else _HUGE_PAGE in flags
            wanted = bool(asked) or (self._everywhere and not line.shared)
            left.append(
                NotHugeMapping(pid, name, line.start, line.end, present_bytes, asked, wanted)
            )
        return left

    def _base_bytes(self, pagemap: Pagemap, line: MapsLine) -> int:
        """Present bytes of the mapping; 0 unless a region is there in full and none is huge."""
        full, present_bytes = (
            self._by_scan(pagemap, line)
            if self._files.scanner is not None
            else self._by_entries(pagemap, line)
        )
        if not len(full):
            return 0
        memory = False
        for cell in full[:: max(1, len(full) // _PROBED_CELLS)].tolist():
            begin = line.start + cell * PMD_BYTES
            pfns = present_pfns(pagemap.words_in(begin, begin + PMD_BYTES))
            if self._files.kpage is None or not len(pfns) or not pfns.all():
                memory = True
                continue
            folios = read_folios(self._files.kpage, pfns)
            if (folios.order >= PMD_ORDER).any():
                return 0
            memory |= not folios.zero.any()
        return present_bytes if memory else 0

    def _by_scan(self, pagemap: Pagemap, line: MapsLine) -> tuple[Index, int]:
        """Regions that are present in full, and present bytes; none where a PMD maps anything."""
        assert self._files.scanner is not None
        raw = pagemap.scan(self._files.scanner, line.start, line.end)
        rows = np.frombuffer(raw, np.uint64).reshape(-1, 3).astype(np.int64)
        if (rows[:, 2] & PAGE_IS_HUGE).any():
            return np.empty(0, np.intp), 0
        rows = rows[rows[:, 2] & PAGE_IS_PRESENT != 0]
        # Neighbours that differ in other categories are one present stretch.
        apart = np.flatnonzero(rows[1:, 0] != rows[:-1, 1])
        first = rows[np.concatenate([[0], apart + 1]), 0] if len(rows) else rows[:, 0]
        last = rows[np.concatenate([apart, [len(rows) - 1]]), 1] if len(rows) else rows[:, 1]
        whole = [
            np.arange(-(-(a - line.start) // PMD_BYTES), (b - line.start) // PMD_BYTES)
            for a, b in zip(first.tolist(), last.tolist(), strict=True)
            if b - a >= PMD_BYTES
        ]
        full = np.concatenate([*whole, np.empty(0, np.intp)]).astype(np.intp)
        return full, int((rows[:, 1] - rows[:, 0]).sum())

    def _by_entries(self, pagemap: Pagemap, line: MapsLine) -> tuple[Index, int]:
        end = min(line.end, line.start + _READ_BYTES)
        words = pagemap.words_in(line.start, end, padded=True).reshape(-1, PMD_PAGES)
        count = bit(words, PRESENT_BIT).sum(axis=1)
        return np.flatnonzero(count == PMD_PAGES), int(count.sum()) * PAGE_BYTES
