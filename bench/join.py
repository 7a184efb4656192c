"""What one whole look at a crowded machine costs, against its plain reads.

300 processes map 8 GiB of huge pages. A whole look finds their mappings, reads page tables, PFNs
and kpagecount, joins the pages of all processes, finds shared page tables and who shares what. Its
plain reads are the same files and ioctls with nothing done to the answers:

    plain_python  a pagemap word and a kpagecount word for every present cell, as short as Python
                  can write it: os.pread in a map
    plain_every   the same in C (bench/join_floor.c)
    plain_once    in C, a page of a shared file once and each page's count once, as the product does

    survey        a whole report of the same host, as a live agent makes it from time to time
    survey_reads  its reads in Python: the look at every process twice, links of all descriptors
                  and a stat of those that may be huge pages, namespaces, parents, cgroups, and a
                  word for each huge page of the machine

The bound is twice `plain_python` in every layout (bench/join_crowd.py); `plain_every` shows what
the language costs, where processes are many and pages few. CPU time, never wall time, in turn,
medians. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import repeat
from pathlib import Path
from typing import Final

from hugescope_agent.errors import ProcessError
from hugescope_agent.kernel.frames import read_frames
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.pagemap import PAGE_IS_PRESENT, Pagemap, cell_categories
from hugescope_agent.kernel.process import comm, read_smaps, start_ticks
from hugescope_agent.kernel.root import Root
from hugescope_agent.sample import SamplerOptions
from hugescope_agent.sampler import Sampler
from hugescope_agent.workloads.errors import PoolUnavailable
from hugescope_agent.workloads.pool import PoolLease
from hugescope_wire.host import Source

PAGE: Final = 2 << 20
PAGES: Final = 4096
PROCESSES: Final = 300
SERIES: Final = 7
LAYOUTS: Final = ("windows", "own")
PFN_MASK: Final = (1 << 55) - 1
HERE: Final = Path(__file__).parent


@contextmanager
def crowd(layout: str, pages: int, processes: int) -> Iterator[int]:
    """The processes of one layout; how many cells they have present together."""
    command = [sys.executable, str(HERE / "join_crowd.py"), layout, str(pages), str(processes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        line = parent.stdout.readline().decode().strip()
        try:
            if not line.isdigit():
                raise SystemExit(f"bench-join: layout {layout}: {line or 'it did not come up'}")
            yield int(line)
        finally:
            parent.stdin.close()


def build_floor(into: Path) -> Path:
    """The C program, compiled."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("bench-join: no C compiler (cc)")
    binary = into / "join_floor"
    source = HERE / "join_floor.c"
    subprocess.run([compiler, "-O2", "-Wall", "-o", str(binary), str(source)], check=True)
    return binary


def cpu_ns(work: Callable[[], object]) -> float:
    """CPU nanoseconds of this process for one call."""
    begin = time.process_time_ns()
    work()
    return time.process_time_ns() - begin


class Floor:
    """The C program on everyone; `cells` and `words` of its last look."""

    def __init__(self, binary: Path, pids: list[int]) -> None:
        self._binary = binary
        self._pids = list(map(str, pids))
        self.cells = 0
        self.words: dict[str, int] = {}

    def ns(self, mode: str) -> float:
        """CPU nanoseconds of one look; `mode` is every or once."""
        command = [str(self._binary), mode, "3", *self._pids]
        spent, cells, words = subprocess.check_output(command, text=True).split()
        self.cells, self.words[mode] = int(cells), int(words)
        return float(spent)


def whole_look(files: HostFiles) -> None:
    """The product: what the agent's first frame is made of, and who shares what."""
    sampler = Sampler(files, Source(kind="live"), SamplerOptions())
    sampler.full()
    sharing = sampler.view.sharing()
    for _, _, mappings in sampler.view.processes():
        for mapping in mappings:
            sharing.groups(mapping)
    sampler.close()


def plain_python(files: HostFiles, pids: list[int]) -> None:
    """The reads of `plain_every` in Python; the answers are thrown away."""
    count_fd = files.root.open("proc/kpagecount")
    for pid in pids:
        try:
            words = _plain_process(files, pid)
        except ProcessError:
            continue
        offsets = [(int.from_bytes(word, "little") & PFN_MASK) * 8 for word in words]
        for _ in map(os.pread, repeat(count_fd), repeat(8), offsets):
            pass
    os.close(count_fd)


def _plain_process(files: HostFiles, pid: int) -> list[bytes]:
    vmas = files.finder.vmas(pid)
    if not vmas:
        return []
    root = files.root
    start_ticks(root, pid)
    comm(root, pid)
    root.read(f"proc/{pid}/cmdline")
    read_smaps(root, pid, vmas[-1].end)
    fd = root.open(f"proc/{pid}/pagemap")
    pagemap = Pagemap(root, pid)
    words: list[bytes] = []
    for vma in vmas:
        assert files.scanner is not None
        ranges = pagemap.scan(files.scanner, vma.start, vma.end)
        categories = cell_categories(ranges, vma.start, vma.page_size, vma.cell_count)
        cells = (categories & PAGE_IS_PRESENT).nonzero()[0]
        offsets = ((vma.start + cells * vma.page_size) >> 12 << 3).tolist()
        words += map(os.pread, repeat(fd), repeat(8), offsets)
        files.finder.stands(pid, vma)
    pagemap.close()
    os.close(fd)
    return words


class Watched:
    """Processes with huge pages, as an agent keeps them from look to look: pagemaps open."""

    def __init__(self, files: HostFiles, pids: list[int]) -> None:
        self._files = files
        self._pids = pids
        self._pagemaps: dict[int, Pagemap] = {}
        self._private: list[int] = []
        for pid in pids:
            with suppress(ProcessError):
                vmas = files.finder.vmas(pid)
                if vmas:
                    self._pagemaps[pid] = Pagemap(files.root, pid)
                if any(not vma.shared for vma in vmas):
                    self._private.append(pid)

    def close(self) -> None:
        """Close the pagemaps."""
        for pagemap in self._pagemaps.values():
            pagemap.close()

    def survey_reads(self) -> None:
        """What a report reads; the answers are thrown away."""
        root = self._files.root
        self._look()
        for pid in self._pagemaps:
            os.readlink(f"/proc/{pid}/ns/mnt")
        for pid in root.pids():
            self._descriptors(pid)
        self._look()
        for pid in self._private:
            root.read(f"proc/{pid}/status")
        for pid in self._pagemaps:
            root.read(f"proc/{pid}/cgroup")
        read_frames(root, self._files.nodes, self._files.pools.page_sizes)

    def _look(self) -> None:
        files = self._files
        assert files.scanner is not None
        files.pools.raw()
        for pid in self._pids:
            with suppress(ProcessError):
                vmas = files.finder.vmas(pid)
                if vmas:
                    start_ticks(files.root, pid)
                    comm(files.root, pid)
                for vma in vmas:
                    self._pagemaps[pid].scan(files.scanner, vma.start, vma.end)
        files.pools.raw()

    def _descriptors(self, pid: int) -> None:
        try:
            directory = os.open(f"/proc/{pid}/fd", os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return
        with suppress(OSError):
            for fd in os.listdir(directory):
                if os.readlink(fd, dir_fd=directory).startswith("/memfd:"):
                    os.stat(fd, dir_fd=directory)
        os.close(directory)


def surveyed(files: HostFiles, pids: list[int]) -> dict[str, object]:
    """A report against its reads, and how long it holds up the ticks."""
    watched = Watched(files, pids)
    sampler = Sampler(files, Source(kind="live"), SamplerOptions())
    sampler.full()
    sampler.survey()
    turns = []
    for _ in range(SERIES):
        ours = cpu_ns(sampler.survey)
        turns.append((ours, cpu_ns(watched.survey_reads)))
    sampler.close()
    watched.close()
    survey, reads = (statistics.median(column) for column in zip(*turns, strict=True))
    ratio = statistics.median(ours / plain for ours, plain in turns)
    print(f"  {'survey':<12} {survey / 1e6:8.1f} ms")
    print(f"  {'survey_reads':<12} {reads / 1e6:8.1f} ms")
    print(f"  survey : survey_reads = {ratio:.2f}")
    return {"survey_ms": round(survey / 1e6, 1), "survey_vs_reads": round(ratio, 2)}


def measure(layout: str, binary: Path, files: HostFiles, cells: int) -> dict[str, object]:
    """One layout: medians, and medians of the ratios of what was measured in the same turn."""
    pids = files.root.pids()
    floor = Floor(binary, pids)
    work: dict[str, Callable[[], float]] = {
        "whole_look": lambda: cpu_ns(lambda: whole_look(files)),
        "plain_every": lambda: floor.ns("every"),
        "plain_once": lambda: floor.ns("once"),
        "plain_python": lambda: cpu_ns(lambda: plain_python(files, pids)),
    }
    whole_look(files)
    turns = [{name: run() for name, run in work.items()} for _ in range(SERIES)]
    median = {name: statistics.median(turn[name] for turn in turns) for name in work}
    print(f"{layout}: {len(pids)} processes on the machine, {cells} cells, {floor.words} words")
    for name, spent in median.items():
        print(f"  {name:<12} {spent / 1e6:8.1f} ms")
    if floor.cells < cells:
        raise SystemExit(f"bench-join: the floor saw {floor.cells} of {cells} cells")
    figures: dict[str, object] = {
        "cells": cells,
        "whole_look_ms": round(median["whole_look"] / 1e6, 1),
    }
    for name in ("plain_every", "plain_once", "plain_python"):
        ratio = statistics.median(turn["whole_look"] / turn[name] for turn in turns)
        figures[f"whole_look_vs_{name}"] = round(ratio, 2)
        print(f"  whole look : {name} = {ratio:.2f}")
    return figures | surveyed(files, pids)


def main() -> None:
    """Set up, measure, give everything back."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, default=PAGES, help="huge pages of 2 MiB in all")
    parser.add_argument("--processes", type=int, default=PROCESSES)
    parser.add_argument("--layout", action="append", choices=(*LAYOUTS, "all"))
    given = parser.parse_args()
    figures: dict[str, object] = {}
    with ExitStack() as stack:
        binary = build_floor(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        try:
            stack.enter_context(PoolLease(PAGE, given.pages))
        except PoolUnavailable as error:
            raise SystemExit(f"bench-join: {error}") from None
        files = HostFiles(Root.at("/"))
        stack.callback(files.close)
        for layout in given.layout or LAYOUTS:
            with crowd(layout, given.pages, given.processes) as cells:
                figures[layout] = measure(layout, binary, files, cells)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
