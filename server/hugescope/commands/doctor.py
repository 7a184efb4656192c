"""`hugescope doctor`: what this kernel and these privileges allow, and how to get the rest."""

from __future__ import annotations

import os
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from hugescope.commands.snapshot import printable, size, table_of, wide_console
from hugescope.privilege import OpenerOption, place_of
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.perf import CAPABILITY
from hugescope_agent.kernel.root import Root
from hugescope_agent.kernel.tiers import Tier, tiers
from hugescope_wire.snapshot import Pool

NAME: Final = "doctor"

_GIVES: Final = {
    "pfn": "page frame numbers: node, mapcount, sharing between processes",
    "kpageflags": "mapcount and flags of each physical page",
    "pagemap_scan": "scans of page tables at full rate, and poison or migration seen",
    "procmap_query": "hugetlb mappings found without reading maps or smaps",
    CAPABILITY: "which pages the guest of a post-copy demanded, and since when it waits",
}


def run(
    root: Annotated[
        str, typer.Option(envvar="HUGESCOPE_ROOT", help="Look at this root instead of /.")
    ] = "/",
    opener: OpenerOption = None,
) -> None:
    """Say what this kernel and these privileges allow, and how to get the rest."""
    source = place_of(root, opener)
    files = HostFiles(source)
    console = wide_console()
    try:
        info = files.info
        pools = files.pools.parse(files.pools.raw())
        limits = {limit.capability: limit for limit in files.limits(files.capabilities)}
        shown = files.capabilities.model_dump()
        ladder = tiers(source, pfn=files.capabilities.pfn) if source.live else []
        if source.live:
            shown[CAPABILITY] = files.no_faults is None
    finally:
        files.close()
    kind = "running kernel" if source.live else "captured tree"
    console.print(Text.assemble("Linux ", printable(info.kernel), f" ({kind}), uid {os.geteuid()}"))
    columns = ("", "capability", "gives", "missing it costs", "to get it")
    table = table_of("Capabilities", *columns)
    for name, gives in _GIVES.items():
        if name not in shown:
            continue
        limit = limits.get(name)
        mark = "[green]yes[/]" if shown[name] else "[yellow]no[/]"
        table.add_row(
            mark,
            name,
            gives,
            printable(f"{limit.cost}: {limit.reason}") if limit else "",
            printable(limit.remedy or "") if limit else "",
        )
    console.print(table)
    if ladder:
        console.print(_tier_table(ladder))
    console.print(_reach(source))
    for line in _pool_lines(pools):
        console.print(line)
    if source.live:
        console.print(_userfaultfd())


def _tier_table(ladder: list[Tier]) -> Table:
    """What each tier takes and gives, and whether it is held here."""
    columns = ("", "tier", "gives", "missing it costs", "takes", "tried on")
    table = table_of("Privileges: each row adds to those above it", *columns)
    marks = {True: "[green]yes[/]", False: "[yellow]no[/]", None: "?"}
    for tier in ladder:
        cost = "" if tier.held else tier.without
        table.add_row(marks[tier.held], tier.name, tier.gives, cost, tier.takes, tier.tried)
    return table


def _reach(root: Root) -> str:
    """How many processes' page tables can be opened."""
    open_count = denied = 0
    for pid in root.pids():
        try:
            os.close(root.open(f"proc/{pid}/pagemap"))
            open_count += 1
        except PermissionError:
            denied += 1
        except OSError:
            continue
    line = f"processes: {open_count} readable, {denied} not"
    if denied and os.geteuid() == 0:
        line += " (a capability is missing here, or they belong to another user namespace)"
    elif denied:
        line += " (root, or CAP_PERFMON and CAP_DAC_READ_SEARCH, reaches them)"
    return line


def _pool_lines(pools: list[Pool]) -> list[str]:
    hosts = [pool for pool in pools if pool.node is None]
    if not hosts:
        return ["pools: this kernel has no hugetlb pages (CONFIG_HUGETLBFS)"]
    lines = []
    for pool in hosts:
        line = f"pool of {size(pool.page_size)}: {pool.total} pages, {pool.free} free"
        if pool.total == 0:
            path = f"/sys/kernel/mm/hugepages/hugepages-{pool.page_size >> 10}kB/nr_hugepages"
            line += f" (empty: as root, echo {max(1, (512 << 20) // pool.page_size)} > {path})"
        lines.append(line)
    return lines


def _userfaultfd() -> str:
    if os.geteuid() == 0 or os.access("/dev/userfaultfd", os.R_OK | os.W_OK):
        return "userfaultfd: allowed; `hugescope demo` can run a real post-copy"
    return "userfaultfd: not for this user; `hugescope demo` replays a recorded series instead"
