"""`hugescope snapshot`: one look, as a table or as JSON."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hugescope.errors import CommandError
from hugescope.plain import plain_json, visible
from hugescope.privilege import OpenerOption, place_of
from hugescope_agent.errors import NoSuchProcess
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.sample import SamplerOptions
from hugescope_agent.sampler import Sampler
from hugescope_wire.cells import CellState
from hugescope_wire.frames import FrameKind, decode_frame, encode_frame
from hugescope_wire.host import HostFrame, ProcessInfo, Source
from hugescope_wire.picture import HostPicture
from hugescope_wire.report import HostReport
from hugescope_wire.snapshot import Mapping, Pool, Process, Snapshot

NAME: Final = "snapshot"
_PIPE_COLUMNS: Final = 160
CAPTURED: Final = "captured tree, not this machine"
_STALL_S: Final = 1.1
"""Between two looks at a thread that waits for a page; a fault takes far less to be resolved."""


RootOption = Annotated[
    str,
    typer.Option(
        envvar="HUGESCOPE_ROOT",
        help="Read from here: a host's / in a container, or a capture, unpacked or not.",
    ),
]


class Kind(StrEnum):
    """Which huge pages are shown."""

    HUGETLB = "hugetlb"
    THP = "thp"
    ALL = "all"


def run(
    root: RootOption = "/",
    opener: OpenerOption = None,
    pid: Annotated[
        list[int] | None, typer.Option(help="Show only this process; may be given again.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the snapshot as JSON (see `hugescope schema`).")
    ] = False,
    runs: Annotated[bool, typer.Option("--runs", help="List the runs of cells too.")] = False,
    kind: Annotated[
        Kind,
        typer.Option(help="Which huge pages: transparent ones (thp) of the given --pid only."),
    ] = Kind.HUGETLB,
) -> None:
    """Print one look at the huge pages of this host or of a captured tree."""
    pids = frozenset(pid) if pid else None
    if kind is not Kind.HUGETLB and pids is None:
        raise typer.BadParameter(f"--kind {kind.value} needs --pid: only those asked for are read")
    source = place_of(root, opener)
    for number in sorted(pids or ()):
        if number < 1 or not source.names(f"proc/{number}"):
            raise NoSuchProcess(f"--pid {number}: there is no such process in {root}")
    look, snapshot = take(source, pids, kind)
    if json:
        print(plain_json(snapshot.model_dump_json(indent=1)))
        return
    console = wide_console()
    show(console, look, snapshot, "" if look.source.kind == "live" else CAPTURED)
    if runs:
        _print_runs(console, snapshot)
    for limit in look.limits:
        line = f"hugescope: missing {limit.capability}: {limit.reason}; {limit.cost}"
        print(visible(line), file=sys.stderr)


def show(console: Console, look: HostFrame, snapshot: Snapshot, where: str) -> None:
    """As tables; `where` says that it is not this machine now."""
    _print_head(console, look, where)
    _print_pools(console, snapshot.pools)
    _print_mappings(console, snapshot)
    _print_policies(console, look.report, {process.pid for process in snapshot.processes})


@contextmanager
def looking(root: Root, options: SamplerOptions | None = None) -> Iterator[Sampler]:
    """A sampler of this root, for one command."""
    files = HostFiles(root)
    sampler = Sampler(files, Source(kind="live" if root.live else "capture"), options)
    try:
        yield sampler
    finally:
        sampler.close()
        files.close()


def take(
    root: Root, pids: frozenset[int] | None, kind: Kind = Kind.HUGETLB
) -> tuple[HostFrame, Snapshot]:
    """One look at everything and its report, shown of `pids` (None: all) and `kind` only."""
    picture = look_at(root, pids, kind)
    assert picture.about is not None
    snapshot = picture.snapshot(pids)
    return picture.about, _of_thp(snapshot) if kind is Kind.THP else snapshot


def look_at(root: Root, pids: frozenset[int] | None, kind: Kind = Kind.HUGETLB) -> HostPicture:
    """One look at everything and its report; of `pids` transparent huge pages too, if of that kind.

    Raises:
        CommandError: one of `pids` could not be read.
    """
    thp_pids = frozenset[int]() if kind is Kind.HUGETLB else pids or frozenset()
    with looking(root, SamplerOptions(thp_pids=thp_pids)) as sampler:
        sampler.settle()
        _survey(root, sampler)
        sample = sampler.as_seen()
        for pid in sorted(pids or ()):
            if why := sampler.why_skipped(pid):
                raise CommandError(f"--pid {pid}: {why}")
    picture = HostPicture()
    picture.apply(decode_frame(encode_frame(FrameKind.FULL, 1, sample.about, sample.blocks)))
    return picture


def _survey(root: Root, sampler: Sampler) -> None:
    """The report; where a thread waits for a userfaultfd, it takes a while to tell whether it is
    stuck.
    """
    report = sampler.survey(thorough=True)
    if root.live and report.uffd_waiters:
        time.sleep(_STALL_S)
        sampler.survey(thorough=True)


def _of_thp(snapshot: Snapshot) -> Snapshot:
    """The same with THP mappings only."""
    processes = [
        process.model_copy(update={"mappings": [m for m in process.mappings if m.kind == "thp"]})
        for process in snapshot.processes
    ]
    return snapshot.model_copy(update={"processes": processes})


def wide_console() -> Console:
    """As wide as the terminal; wide enough for every column where there is none."""
    return Console() if sys.stdout.isatty() else Console(width=_PIPE_COLUMNS)


def table_of(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table whose columns in `right` are flush right."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def printable(text: str | None) -> Text:
    """Text with control characters made visible: a process may name itself anything."""
    if text is None:
        return Text("?", style="dim")
    return Text(visible(text))


def called(process: Process | ProcessInfo) -> str | None:
    """The process' comm, behind what people call it where that is known."""
    if process.name is None:
        return process.comm
    return f"{process.name.name} ({process.comm or '?'} pid {process.pid})"


def size(count: int) -> str:
    """Bytes in the largest binary unit that divides them."""
    for unit, shift in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if count and count % (1 << shift) == 0:
            return f"{count >> shift} {unit}"
    return f"{count} B"


def _print_head(console: Console, look: HostFrame, where: str) -> None:
    host = look.host
    what = f"  [{where}]" if where else ""
    name = printable(host.name or "(host name not in the root)")
    line = Text.assemble(
        name, "  Linux ", printable(host.kernel), f"  {look.taken_at:%F %T}Z", what
    )
    skipped = look.skipped
    console.print(line)
    if skipped.denied or skipped.failed:
        unread = f"processes not readable: {skipped.denied} denied, {skipped.failed} failed"
        console.print(f"{unread} (`hugescope -v snapshot` names them)")


def _print_pools(console: Console, pools: list[Pool]) -> None:
    counters = ("total", "free", "reserved", "surplus")
    table = table_of("Pools, in pages", "page size", "node", *counters, right=counters)
    for pool in pools:
        counts = (pool.total, pool.free, pool.reserved, pool.surplus)
        table.add_row(
            size(pool.page_size),
            "host" if pool.node is None else str(pool.node),
            *("-" if count is None else str(count) for count in counts),
        )
    console.print(table)


def _print_mappings(console: Console, snapshot: Snapshot) -> None:
    columns = ("pid", "comm", "address", "page", "backing", "cells", "present", "states")
    table = table_of("Mappings", *columns, right=("pid", "cells", "present"))
    rows = [(process, m) for process in snapshot.processes for m in process.mappings]
    for process, mapping in rows:
        counts = state_counts(mapping)
        backing = mapping.backing
        table.add_row(
            str(process.pid),
            printable(called(process)),
            f"{mapping.start:x}-{mapping.end:x}",
            f"{size(mapping.page_size)} THP" if mapping.kind == "thp" else size(mapping.page_size),
            Text.assemble(
                backing.kind,
                " ",
                printable(backing.name or ""),
                "" if mapping.shared else " private",
            ),
            str(sum(counts.values())),
            _present(mapping),
            ", ".join(f"{counts[s.label]} {s.label}" for s in CellState if counts[s.label]),
        )
    console.print(table if rows else "No process shown here maps huge pages.")


def _print_policies(console: Console, report: HostReport | None, pids: set[int]) -> None:
    """Mappings of these processes with a NUMA policy of their own."""
    columns = ("pid", "address", "policy", "misplaced", "on nodes")
    table = table_of("NUMA policies", *columns, right=("pid", "misplaced"))
    for one in report.mappings if report is not None else ():
        if one.pid not in pids or one.policy is None or one.policy.mode == "default":
            continue
        nodes = ", ".join(f"{node}: {size(held)}" for node, held in sorted(one.node_bytes.items()))
        misplaced = "unknown" if one.misplaced_bytes is None else size(one.misplaced_bytes)
        table.add_row(
            str(one.pid), f"{one.start:x}", printable(one.policy.text), misplaced, nodes or "-"
        )
    if table.row_count:
        console.print(table)


def _run_start(mapping: Mapping, first: int) -> int:
    """Where cell `first` begins; cell 0 of a THP mapping may begin before the mapping does."""
    cell_0 = mapping.start - mapping.start % mapping.page_size
    return max(mapping.start, cell_0 + first * mapping.page_size)


def _present(mapping: Mapping) -> str:
    """Bytes mapped; of a mapping whose page-table entries were not captured, as smaps has them."""
    if not any(run.state == "hole" and "inferred" in run.flags for run in mapping.runs):
        return size(sum(run.count * run.mapped_bytes for run in mapping.runs))
    levels = mapping.level_bytes
    known = [count for count in (levels.pud, levels.pmd, levels.pte) if count is not None]
    return f"{size(sum(known))} (smaps)" if known else "?"


def state_counts(mapping: Mapping) -> Counter[str]:
    """Cells of a mapping by state."""
    counts: Counter[str] = Counter()
    for run in mapping.runs:
        counts[run.state] += run.count
    return counts


def _print_runs(console: Console, snapshot: Snapshot) -> None:
    numbers = ("first", "count", "mapped", "mapcount", "mappers", "node")
    columns = ("pid", "address", "first", "count", "state", *numbers[2:], "flags")
    table = table_of("Runs", *columns, right=("pid", *numbers))
    for process in snapshot.processes:
        for mapping in process.mappings:
            for run in mapping.runs:
                counts = (run.mapcount, run.mappers, run.node)
                table.add_row(
                    str(process.pid),
                    f"{_run_start(mapping, run.first):x}",
                    str(run.first),
                    str(run.count),
                    run.state,
                    size(run.mapped_bytes),
                    *("-" if count is None else str(count) for count in counts),
                    " ".join(run.flags),
                )
    console.print(table)
