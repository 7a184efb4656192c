"""A capture from begin to end: what is read, what is left out, and the files that come of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np

from hugescope_agent.capture.archive import TreeArchive
from hugescope_agent.capture.frames import Numbering, Pages, as_they_are, by_lot, zoneinfo
from hugescope_agent.capture.host import cgroup_files, host_files, machine_files, memory_blocks
from hugescope_agent.capture.processes import CapturedProcess, ProcessReader
from hugescope_agent.errors import NoSuchProcess, ProcessError, ProcessGone
from hugescope_agent.kernel import captured_scan
from hugescope_agent.kernel.frames import poisoned_pfns, read_frames
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.memory_failure import hardware_corrupted_bytes
from hugescope_agent.kernel.pagemap import ENTRY_BYTES, PAGE_SHIFT
from hugescope_wire.cells import PAGE_BYTES

MANIFEST: Final = "hugescope_capture.json"
FORMAT: Final = 1
_NONE: Final = "there is no such process, or it maps no hugetlb pages"
_STEP: Final = 512
"""PFNs of 2 MiB: of a larger page every such step has its flags, which tell its size."""

Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]
Words = np.ndarray[tuple[int], np.dtype[np.uint64]]


@dataclass(frozen=True, slots=True)
class Taken:
    """What was read.

    Attributes:
        processes: by pid.
        beside: of them, those that were not asked for and map the same pages.
        left_out: processes with huge pages, or that could not be read, that are not in it, and why.
        gone: processes that ended meanwhile.
    """

    processes: dict[int, CapturedProcess] = field(default_factory=dict)
    beside: list[int] = field(default_factory=list)
    left_out: dict[int, str] = field(default_factory=dict)
    gone: int = 0

    @property
    def cells(self) -> int:
        """Huge pages of all mappings."""
        return sum(m.vma.cell_count for p in self.processes.values() for m in p.mappings)


def take(
    files: HostFiles, asked: frozenset[int] | None, reader: ProcessReader | None = None
) -> Taken:
    """Read all processes with huge pages; keep those that were asked for (None: all), and those
    that share a page with them, as their counts need those.

    Raises:
        NoSuchProcess: one that was asked for is not there, may not be read, or maps no huge pages.
    """
    reader = reader or ProcessReader(files)
    taken, gone = Taken(), set[int]()
    for pid in files.root.pids():
        try:
            process = reader.read(pid)
        except ProcessGone:
            gone.add(pid)
            continue
        except ProcessError as error:
            taken.left_out[pid] = str(error)
            continue
        if process is not None:
            taken.processes[pid] = process
    for pid in sorted(asked or ()):
        if pid not in taken.processes:
            why = "the process ended" if pid in gone else taken.left_out.get(pid, _NONE)
            raise NoSuchProcess(f"--pid {pid}: {why}")
    return _of_asked(Taken(taken.processes, [], taken.left_out, len(gone)), asked)


def _of_asked(taken: Taken, asked: frozenset[int] | None) -> Taken:
    if asked is None:
        return taken
    beside = sorted(_sharers(taken.processes, asked))
    kept = {pid: one for pid, one in taken.processes.items() if pid in asked or pid in beside}
    others = {pid: "was not asked for" for pid in taken.processes if pid not in kept}
    return Taken(kept, beside, taken.left_out | others, taken.gone)


def _sharers(processes: dict[int, CapturedProcess], asked: frozenset[int]) -> Iterator[int]:
    """Others that map a page, or a shared file, of those that were asked for."""
    shared, heads = set(), np.empty(0, np.int64)
    for pid in asked:
        shared |= processes[pid].shared_files
        heads = np.union1d(heads, _heads(processes[pid]))
    for pid, process in processes.items():
        if pid not in asked and (
            shared & process.shared_files or np.isin(_heads(process), heads).any()
        ):
            yield pid


def _heads(process: CapturedProcess) -> Numbers:
    parts = [np.empty(0, np.int64), *(mapping.heads() for mapping in process.mappings)]
    return np.concatenate(parts)


@dataclass(frozen=True, slots=True)
class Physical:
    """Pages of a capture, with what is known of memory errors.

    Attributes:
        whole_counts: of these page sizes (4 KiB pages) every 4 KiB has its own mapcount.
        lost: heads of pages that hold bad memory: of those all flags are kept.
    """

    pages: Pages
    whole_counts: frozenset[int]
    lost: Numbers


def physical(files: HostFiles, taken: Taken) -> Physical:
    """The pages that are mapped, and those that memory errors took from the host."""
    mappings = [one for process in taken.processes.values() for one in process.mappings]
    found = [(one.heads(), one.page_count) for one in mappings]
    lost: list[Numbers] = []
    corrupted_bytes = hardware_corrupted_bytes(files.root)
    if corrupted_bytes and files.kpage is not None:
        frames = read_frames(files.root, files.nodes, files.pools.page_sizes)
        bad = poisoned_pfns(files.root, files.nodes)
        if frames is not None and bad is not None:
            frames = frames.marked(bad.in_pools)
            for size in files.pools.page_sizes:
                heads = frames.bad(size).head_pfn.astype(np.int64)
                found.append((heads, size // PAGE_BYTES))
                lost.append(heads)
            found.append((bad.pfn.astype(np.int64), 1))
            lost.append(bad.pfn.astype(np.int64))
    hgm = frozenset(one.page_count for one in mappings if one.hgm)
    return Physical(Pages.of(found), hgm, np.concatenate([np.empty(0, np.int64), *lost]))


def write(
    files: HostFiles,
    taken: Taken,
    path: Path,
    *,
    asked: frozenset[int] | None = None,
    raw_pfns: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Numbering:
    """Write the archive; how its pages are numbered.

    Raises:
        AgentError: the file is there already or cannot be written.
    """
    with TreeArchive(path) as archive:
        progress("reading flags and counts of pages")
        known = physical(files, taken)
        numbering = as_they_are(known.pages) if raw_pfns else by_lot(known.pages, files.nodes)
        archive.file(MANIFEST, _manifest(taken, asked, raw_pfns=raw_pfns))
        for name, content in host_files(files.root, raw=raw_pfns):
            archive.file(name, content)
        if numbering.spans is None:
            for name in memory_blocks(files.root):
                archive.directory(name)
        else:
            archive.file("proc/zoneinfo", zoneinfo(numbering.spans).encode())
        pids = sorted(taken.processes)
        for name, content in cgroup_files(files.root, pids, walk=asked is None):
            archive.file(name, content)
        for name, content in machine_files(files.root, pids):
            archive.file(name, content)
        _write_pages(archive, files, known, numbering)
        for number, pid in enumerate(pids, 1):
            progress(f"process {pid}, {number} of {len(pids)}")
            _write_process(archive, taken.processes[pid], numbering)
        for pid in sorted(taken.left_out):
            # A process without files is one that could not be read: accounts then say so.
            archive.directory(f"proc/{pid}")
        return numbering


def _write_process(archive: TreeArchive, process: CapturedProcess, numbering: Numbering) -> None:
    at = f"proc/{process.pid}"
    for name, content in sorted(process.files.items()):
        archive.file(f"{at}/{name}", content)
    if process.ranges is not None:
        archive.file(captured_scan.name_of(process.pid), captured_scan.encode(process.ranges))
    mappings = sorted(process.mappings, key=lambda one: one.vma.start)
    index = np.concatenate([one.index for one in mappings])
    words = np.concatenate([one.words for one in mappings])
    size = (mappings[-1].vma.end >> PAGE_SHIFT) * ENTRY_BYTES
    archive.words(f"{at}/pagemap", size, index, numbering.entries(words))


def _write_pages(
    archive: TreeArchive, files: HostFiles, known: Physical, numbering: Numbering
) -> None:
    """kpagecount and kpageflags, where they could be read here."""
    if files.kpage is None:
        return
    pages = known.pages
    size = numbering.end * ENTRY_BYTES
    whole = np.isin(pages.count, list(known.whole_counts))
    counted = np.concatenate([pages.head[~whole], _all_of(pages, whole)])
    _write_words(archive, "proc/kpagecount", size, numbering, counted, files.kpage.counts(counted))
    every = np.isin(pages.head, known.lost)
    flagged = np.concatenate([_all_of(pages, ~every, _STEP), _all_of(pages, every)])
    _write_words(archive, "proc/kpageflags", size, numbering, flagged, files.kpage.flags(flagged))


def _all_of(
    pages: Pages, which: np.ndarray[tuple[int], np.dtype[np.bool_]], step: int = 1
) -> Numbers:
    """PFNs of some pages, every one or one in `step`; the head always."""
    parts = [
        np.arange(head, head + count, step, dtype=np.int64)
        for head, count in zip(pages.head[which].tolist(), pages.count[which].tolist(), strict=True)
    ]
    return np.concatenate([np.empty(0, np.int64), *parts])


def _write_words(
    archive: TreeArchive, name: str, size: int, numbering: Numbering, pfns: Numbers, words: Words
) -> None:
    numbers = numbering.of(pfns)
    order = np.argsort(numbers)
    archive.words(name, size, numbers[order], words[order])


def _manifest(taken: Taken, asked: Iterable[int] | None, *, raw_pfns: bool) -> bytes:
    """What the capture is, for people and programs."""
    said = {
        "format": FORMAT,
        "hugescope": version("hugescope"),
        "taken_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "raw_pfns": raw_pfns,
        "asked_for": None if asked is None else sorted(asked),
        "processes": sorted(taken.processes),
        "beside": taken.beside,
        "left_out": {str(pid): why for pid, why in sorted(taken.left_out.items())},
        "ended_meanwhile": taken.gone,
    }
    return (json.dumps(said, indent=1) + "\n").encode()
