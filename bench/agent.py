"""What the agent costs, against a C program that makes the same system calls (bench/floor.c).

CPU time of both, never wall time, in one run, in turn, the median of several rounds each. The last
line is one JSON object.
"""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.sample import SamplerOptions
from hugescope_agent.sampler import Sampler
from hugescope_agent.workloads.errors import PoolUnavailable
from hugescope_agent.workloads.pool import PoolLease
from hugescope_wire.frames import FrameKind, encode_frame
from hugescope_wire.host import Source

PAGE: Final = 2 << 20
CELLS: Final = 512
PROCESSES: Final = 300
SERIES: Final = 9
ROTATION: Final = 64
"""Cells that a steady tick reads again; the same number on both sides."""

_TARGET: Final = """
import mmap, os, sys
fd = os.memfd_create("bench", 4 | 21 << 26)
os.ftruncate(fd, %d)
ram = mmap.mmap(fd, %d, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def target() -> Iterator[int]:
    """A process with 1 GiB of present 2 MiB pages; its pid."""
    size = PAGE * CELLS
    code = _TARGET % (size, size)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != b"ready":
            raise SystemExit("bench-agent: the process to look at could not map its huge pages")
        try:
            yield process.pid
        finally:
            process.kill()


@contextmanager
def crowd() -> Iterator[list[int]]:
    """So many idle processes."""
    processes = [subprocess.Popen(["sleep", "3600"]) for _ in range(PROCESSES)]
    try:
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def build_floor(into: Path) -> Path:
    """The C program, compiled."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("bench-agent: no C compiler (cc)")
    binary = into / "floor"
    source = Path(__file__).with_name("floor.c")
    subprocess.run([compiler, "-O2", "-Wall", "-o", str(binary), str(source)], check=True)
    return binary


def cpu_ns(work: Callable[[], object], rounds: int) -> float:
    """CPU nanoseconds of this process for one round."""
    begin = time.process_time_ns()
    for _ in range(rounds):
        work()
    return (time.process_time_ns() - begin) / rounds


def floor_ns(binary: Path, *arguments: object) -> float:
    """What the C program says that a round cost it."""
    line = subprocess.check_output([str(binary), *map(str, arguments)], text=True)
    return float(line)


def in_turn(ours: Callable[[], float], theirs: Callable[[], float]) -> tuple[float, float, float]:
    """Medians of both and of the ratio of each pair, measured in turn."""
    pairs = [(ours(), theirs()) for _ in range(SERIES)]
    return (
        statistics.median(mine for mine, _ in pairs),
        statistics.median(other for _, other in pairs),
        statistics.median(mine / other for mine, other in pairs),
    )


def page_types_ns(pid: int) -> float | None:
    """CPU of `page-types -p`, the median of several runs; None where it is not installed."""
    tool = shutil.which("page-types")
    if tool is None:
        return None
    runs = []
    for _ in range(SERIES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([tool, "-p", str(pid)], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        runs.append(spent_s * 1e9)
    return statistics.median(runs)


def measure_looks(binary: Path, files: HostFiles, pid: int) -> dict[str, object]:
    """A full snapshot and a steady tick of one process, and page-types on the same one."""
    only = SamplerOptions(rotation_cells=ROTATION, pids=frozenset({pid}), join_anyway=True)
    source = Source(kind="live")

    def look() -> None:
        sampler = Sampler(files, source, only)
        sample = sampler.full()
        encode_frame(FrameKind.FULL, 1, sample.about, sample.blocks)
        sampler.close()

    cpu_ns(look, 20)
    full = in_turn(lambda: cpu_ns(look, 50), lambda: floor_ns(binary, "full", pid, 50))
    print(f"full snapshot of {CELLS} cells: {full[0] / 1e3:.0f} us, floor {full[1] / 1e3:.0f} us")

    steady = Sampler(files, source, only)
    steady.full()
    cpu_ns(steady.tick, 100)
    tick = in_turn(
        lambda: cpu_ns(steady.tick, 500), lambda: floor_ns(binary, "tick", pid, 500, ROTATION)
    )
    steady.close()
    print(f"steady tick: {tick[0] / 1e3:.0f} us, floor {tick[1] / 1e3:.0f} us")

    types_ns = page_types_ns(pid)
    if types_ns is not None:
        print(f"page-types -p: {types_ns / 1e3:.0f} us")
    return {
        "full_snapshot_vs_floor": round(full[2], 2),
        "steady_tick_vs_floor": round(tick[2], 2),
        "page_types_vs_ours": None if types_ns is None else round(types_ns / full[0], 1),
    }


def measure_discovery(binary: Path, files: HostFiles, everyone: list[int]) -> dict[str, object]:
    """Finding the hugetlb VMAs among many processes."""
    found = in_turn(
        lambda: cpu_ns(lambda: [files.finder.vmas(one) for one in everyone], 10),
        lambda: floor_ns(binary, "discover", 10, *everyone),
    )
    print(
        f"VMAs of {len(everyone)} processes: {found[0] / 1e6:.2f} ms, floor {found[1] / 1e6:.2f} ms"
    )
    return {
        "discovery_ms": round(found[0] / 1e6, 2),
        "discovery_vs_floor": round(found[2], 2),
    }


def main() -> None:
    """Set up, measure, give everything back."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        binary = build_floor(scratch)
        try:
            stack.enter_context(PoolLease(PAGE, CELLS))
        except PoolUnavailable as error:
            raise SystemExit(f"bench-agent: {error}") from None
        pid = stack.enter_context(target())
        files = HostFiles(Root.at("/"))
        stack.callback(files.close)
        figures = measure_looks(binary, files, pid)
        others = stack.enter_context(crowd())
        figures |= measure_discovery(binary, files, [pid, *others])
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
