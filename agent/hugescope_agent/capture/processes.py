"""Processes as a capture keeps them: read whole, and again where they changed meanwhile.

Of a process that ends in mid-reading nothing is kept. Each is read by itself, so what pages do
between one process and the next shows as it would in any look at a host that moves.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.capture.arguments import kept_arguments
from hugescope_agent.capture.texts import entries_of, policies_of
from hugescope_agent.errors import ProcessGone, ProcessUnreadable
from hugescope_agent.kernel import cmdline, numa, smaps
from hugescope_agent.kernel.captured_scan import FRESH, Ranges
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.pagemap import (
    PAGE_IS_PRESENT,
    PAGE_IS_SWAPPED,
    PAGE_IS_WRITTEN,
    PAGE_SHIFT,
    PFN_MASK,
    PRESENT_BIT,
    Pagemap,
)
from hugescope_agent.kernel.process import comm, start_ticks
from hugescope_agent.kernel.root import read_all
from hugescope_agent.kernel.upto import read_through
from hugescope_agent.kernel.vma import HugeVma
from hugescope_agent.model.reader import MIGRATION_S
from hugescope_wire.cells import PAGE_BYTES
from hugescope_wire.levels import HGM_FLAG

Numbers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

ATTEMPTS: Final = 5
_PAUSE_S: Final = 0.05
_SMALL: Final = ("comm", "status", "cgroup")
_PRESENT: Final = np.uint64(1 << PRESENT_BIT)
_PFN: Final = np.uint64(PFN_MASK)
_LOST: Final = PAGE_IS_SWAPPED | PAGE_IS_WRITTEN
_KIND: Final = _LOST | PAGE_IS_PRESENT


@dataclass(frozen=True, slots=True)
class CapturedMapping:
    """A hugetlb mapping and its entries: one a huge page, or every one of an HGM mapping.

    Attributes:
        index: word numbers in pagemap, rising.
        words: what stands there, one each.
    """

    vma: HugeVma
    index: Numbers
    words: Words
    hgm: bool

    def heads(self) -> Numbers:
        """First PFNs of the pages that are present, each once; none where PFNs are hidden."""
        pfns = (self.words[self.words & _PRESENT != 0] & _PFN).astype(np.int64)
        return np.unique(pfns[pfns > 0] & ~(self.page_count - 1))

    @property
    def page_count(self) -> int:
        """4 KiB pages in a huge page."""
        return self.vma.page_size // PAGE_BYTES


@dataclass(frozen=True, slots=True)
class CapturedProcess:
    """One process.

    Attributes:
        files: contents by name below proc/PID.
        ranges: what PAGEMAP_SCAN said; None: there is none.
    """

    pid: int
    files: dict[str, bytes]
    mappings: list[CapturedMapping]
    ranges: Ranges | None

    @property
    def shared_files(self) -> set[tuple[tuple[int, int], int]]:
        """What others may map too."""
        return {(one.vma.device, one.vma.inode) for one in self.mappings if one.vma.shared}


class _Changed(Exception):
    """The process maps something else than a moment ago."""


class ProcessReader:
    """Reads processes of one host.

    Args:
        sleep: for tests.
    """

    def __init__(self, files: HostFiles, sleep: Callable[[float], None] = time.sleep) -> None:
        self._files = files
        self._root = files.root
        self._sleep = sleep

    def read(self, pid: int) -> CapturedProcess | None:
        """A process; None: it maps no hugetlb pages.

        Raises:
            ProcessError: it left, may not be read, or never held still.
        """
        started = start_ticks(self._root, pid)
        for _ in range(ATTEMPTS):
            try:
                return self._once(pid, started)
            except (_Changed, ProcessGone) as error:
                # It may have executed another program, which ends what pagemap was bound to.
                if start_ticks(self._root, pid) != started or started is None:
                    raise ProcessGone(f"proc/{pid}: the process left: {error}") from None
            self._sleep(_PAUSE_S)
        raise ProcessUnreadable(f"proc/{pid}: its mappings changed each of {ATTEMPTS} times")

    def _once(self, pid: int, started: int | None) -> CapturedProcess | None:
        vmas = self._files.finder.vmas(pid)
        if not vmas:
            return None
        starts = {vma.start for vma in vmas}
        maps = self._maps(pid, starts)
        pagemap = Pagemap(self._root, pid)
        try:
            ranges = self._scans(pagemap, vmas)
            texts = {"maps": maps, "smaps": self._smaps(pid, vmas), **self._policies(pid, vmas)}
            hgm = {
                entry.vma.start
                for entry in smaps.parse_huge(texts["smaps"], f"proc/{pid}/smaps")
                if HGM_FLAG in entry.vm_flags
            }
            mappings = [_entries(pagemap, vma, vma.start in hgm) for vma in vmas]
        finally:
            pagemap.close()
        texts |= self._small(pid)
        if maps.count(b"\n") != len(vmas) or smaps.count(texts["smaps"]) != len(vmas):
            raise _Changed
        if self._maps(pid, starts) != maps or self._files.finder.vmas(pid) != vmas:
            raise _Changed
        if start_ticks(self._root, pid) != started:
            raise ProcessGone(f"proc/{pid}: the process left")
        return CapturedProcess(pid, texts, mappings, ranges)

    def _maps(self, pid: int, starts: set[int]) -> bytes:
        return entries_of(self._text(pid, "maps"), starts)

    def _smaps(self, pid: int, vmas: list[HugeVma]) -> bytes:
        name = f"proc/{pid}/smaps"
        try:
            fd = self._root.open(name)
        except OSError as error:
            raise self._root.process_error(error, name) from None
        try:
            text = read_through(fd, max(vma.end for vma in vmas))
        except OSError as error:
            raise self._root.process_error(error, name) from None
        finally:
            os.close(fd)
        return entries_of(text, {vma.start for vma in vmas})

    def _policies(self, pid: int, vmas: list[HugeVma]) -> dict[str, bytes]:
        """Nothing on a kernel without NUMA."""
        try:
            fd = self._root.open(f"proc/{pid}/numa_maps")
        except OSError:
            return {}
        try:
            text = numa.read_below(fd, max(vma.end for vma in vmas))
        except OSError:
            return {}
        finally:
            os.close(fd)
        return {"numa_maps": policies_of(text, {vma.start for vma in vmas})}

    def _small(self, pid: int) -> dict[str, bytes]:
        """What tells who it is; what cannot be read is left out."""
        found = {name: text for name in _SMALL if (text := self._text(pid, name, needed=False))}
        arguments = cmdline.arguments(self._root, pid)
        if arguments:
            kept = kept_arguments(
                comm(self._root, pid), arguments, lambda: cmdline.cgroup(self._root, pid)
            )
            found["cmdline"] = "".join(f"{one}\0" for one in kept).encode("utf-8", "replace")
        return found

    def _text(self, pid: int, file: str, *, needed: bool = True) -> bytes:
        name = f"proc/{pid}/{file}"
        try:
            fd = self._root.open(name)
            try:
                return read_all(fd)
            finally:
                os.close(fd)
        except OSError as error:
            if needed:
                raise self._root.process_error(error, name) from None
            return b""

    def _scans(self, pagemap: Pagemap, vmas: list[HugeVma]) -> Ranges | None:
        if self._files.scanner is None:
            return None
        ranges = self._scan(pagemap, vmas)
        before = set(_lost_cells(ranges, vmas))
        if not before:
            return ranges
        self._sleep(MIGRATION_S)
        return marked(self._scan(pagemap, vmas), vmas, before)

    def _scan(self, pagemap: Pagemap, vmas: list[HugeVma]) -> Ranges:
        assert self._files.scanner is not None
        raw = b"".join(pagemap.scan(self._files.scanner, vma.start, vma.end) for vma in vmas)
        return np.frombuffer(raw, np.uint64).reshape(-1, 3)


def marked(ranges: Ranges, vmas: list[HugeVma], before: set[int]) -> Ranges:
    """Ranges in which cells that are neither present nor gone stand alone, with `FRESH` on those
    that do not begin at an address in `before`.
    """
    sizes = {vma.start: vma.page_size for vma in vmas}
    starts = sorted(sizes)
    rows: list[tuple[int, int, int]] = []
    for start, end, kind in ranges.tolist():
        if kind & _KIND != _LOST:
            rows.append((start, end, kind))
            continue
        size = sizes[starts[int(np.searchsorted(starts, start, side="right")) - 1]]
        rows += [
            (cell, cell + size, kind if cell in before else kind | FRESH)
            for cell in range(start, end, size)
        ]
    return np.array(rows, np.uint64).reshape(-1, 3)


def _lost_cells(ranges: Ranges, vmas: list[HugeVma]) -> Iterator[int]:
    """Addresses of the cells that are neither present nor gone."""
    lost = ranges[(ranges[:, 2] & np.uint64(_KIND)) == np.uint64(_LOST)]
    for start, _, _ in marked(lost, vmas, set()).tolist():
        yield start


def _entries(pagemap: Pagemap, vma: HugeVma, hgm: bool) -> CapturedMapping:
    """Of a mainline mapping all entries of a huge page agree, so the first one is enough."""
    step = PAGE_BYTES if hgm else vma.page_size
    addresses = np.arange(vma.start, vma.end, step, dtype=np.int64)
    words = pagemap.words_in(vma.start, vma.end) if hgm else pagemap.words_at(addresses)
    there = np.flatnonzero(words)
    return CapturedMapping(vma, (addresses >> PAGE_SHIFT)[there], words[there], hgm)
