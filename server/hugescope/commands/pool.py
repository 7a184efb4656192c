"""`hugescope pool`: where every page of the hugetlb pools is, and what is promised to whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import typer
from rich.console import Console

from hugescope.commands.snapshot import (
    RootOption,
    called,
    printable,
    size,
    table_of,
    take,
    wide_console,
)
from hugescope.plain import plain_json
from hugescope.privilege import OpenerOption, place_of
from hugescope_wire.account import (
    CgroupUse,
    FileRef,
    Holding,
    PoolAccount,
    Reservation,
    ReservationAccount,
    Vmemmap,
)
from hugescope_wire.report import GuestMemory, MemoryFailures, Stage2, StatusDifference

NAME: Final = "pool"
_SHOWN_PIDS: Final = 8
_Names = Mapping[int, str]
"""Of processes that people call something else than their comm tells, by pid."""

_BY: Final = {
    "fd": "open descriptor",
    "hugetlbfs": "name in a hugetlbfs",
    "sysv": "SysV segment, detached",
    "mapping": "mapped, in no page table",
}


def run(
    root: RootOption = "/",
    opener: OpenerOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print the accounts as JSON.")] = False,
) -> None:
    """Account for every page of the pools: free, mapped, held, promised, lost."""
    look, _ = take(place_of(root, opener), None)
    report = look.report
    assert report is not None, "a look that is shown holds a report"
    if json:
        parts = {"taken_at", "accounts", "holdings", "reservations", "cgroups", "vmemmap"}
        print(plain_json(report.model_dump_json(indent=1, include=parts)))
        return
    console = wide_console()
    accounts = [account for account in report.accounts if account.total or account.node is None]
    _print_accounts(console, accounts, captured=look.source.kind == "capture")
    comms = {one.pid: one.comm for one in look.processes}
    names = {one.pid: called(one) or "" for one in look.processes if one.name is not None}
    _print_who_maps(console, accounts, {pid: _who(pid, comms[pid], names) for pid in comms})
    _print_holdings(console, report.holdings, names)
    _print_reservations(console, report.reservations, names)
    _print_cgroups(console, report.cgroups)
    _print_status(console, report.status_differences, names)
    _print_stage2(console, report.stage2, names)
    _print_guest_memory(console, report.guest_memory, names)
    _print_failures(console, report.poison.failures)
    console.print(_vmemmap_line(report.vmemmap))


def _print_accounts(console: Console, accounts: list[PoolAccount], *, captured: bool) -> None:
    held = ("fd", "file", "SysV", "unmapped")
    counts = ("total", "free", "mapped", *held, "poisoned", "unattributed")
    more = ("reserved", "left", "surplus", "overcommit")
    columns = ("page size", "node", *counts, *more)
    table = table_of("Accounts, in pages", *columns, right=(*counts, *more))
    notes: dict[str, list[str]] = {}
    for account in accounts:
        parts = account.held
        before = (account.total, account.free)
        after = (
            *(parts.fd, parts.hugetlbfs, parts.sysv, parts.mapping),
            *(account.poisoned, account.unattributed),
            *(account.reserved, account.available, account.surplus, account.overcommit),
        )
        node = "host" if account.node is None else str(account.node)
        mapped = _count(account.mapped)
        if account.guessed:
            mapped = f"up to {mapped}"
        table.add_row(
            size(account.page_size), node, *map(_count, before), mapped, *map(_count, after)
        )
        for note in _notes(account, captured=captured):
            notes.setdefault(note, []).append(f"{size(account.page_size)} {node}")
    console.print(table)
    for note, names in notes.items():
        console.print(printable(f"{', '.join(names)}: {note}"))


def _who(pid: int, comm: str | None, names: _Names) -> str:
    return names.get(pid) or f"{pid} {comm or ''}".strip()


def _count(count: int | None) -> str:
    return "-" if count is None else str(count)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _notes(account: PoolAccount, *, captured: bool) -> list[str]:
    """What is said below the table, without the account's name."""
    notes = []
    if account.torn and captured:
        pages = _counted(account.torn, "page")
        notes.append(f"the counters and page tables of this capture differ by {pages}")
    elif account.torn:
        looks = _counted(account.looks, "look")
        pages = _counted(account.torn, "page")
        notes.append(f"torn by {pages} that moved meanwhile ({looks})")
    if account.unplaced:
        pages = _counted(account.unplaced, "page")
        notes.append(f"{pages} held or unattributed, not known by which")
    if account.total or account.mapped:
        notes += account.notes
    return notes + [f"unattributed, perhaps: {word}" for word in account.candidates]


def _print_who_maps(console: Console, accounts: list[PoolAccount], names: dict[int, str]) -> None:
    table = table_of("Mapped, each page once", "page size", "pages", "by", right=("pages",))
    for account in accounts:
        for group in account.mapped_by or ():
            shown = [names.get(pid, str(pid)) for pid in group.pids[:_SHOWN_PIDS]]
            if len(group.pids) > _SHOWN_PIDS:
                shown.append(f"and {len(group.pids) - _SHOWN_PIDS} more")
            who = printable(", ".join(shown) or "several")
            table.add_row(size(account.page_size), str(group.pages), who)
    if table.row_count:
        console.print(table)


def _print_holdings(console: Console, holdings: list[Holding], names: _Names) -> None:
    columns = ("page size", "pages", "of", "kept by", "file", "processes")
    table = table_of("In no page table", *columns, right=("pages", "of"))
    for held in holdings:
        if not held.pages:
            continue
        who = [
            _who(holder.pid, holder.comm, names) + ("" if holder.fd is None else f" fd {holder.fd}")
            for holder in held.holders[:_SHOWN_PIDS]
        ]
        table.add_row(
            size(held.page_size),
            f"{held.pages}{' (inferred)' if held.inferred else ''}",
            str(held.file_pages),
            _BY[held.by],
            printable(_file(held.file)),
            printable(", ".join(who) or "nobody"),
        )
    if table.row_count:
        console.print(table)


def _print_reservations(
    console: Console, accounts: list[ReservationAccount], names: _Names
) -> None:
    table = table_of("Promised, not yet there", "page size", "pages", "to", right=("pages",))
    bare = table_of("Neither there nor promised", "page size", "pages", "in", right=("pages",))
    for account in accounts:
        for owner in account.owners:
            pages = f"{owner.pages}{' (inferred)' if owner.inferred else ''}"
            table.add_row(size(account.page_size), pages, printable(_owner(owner, names)))
        if account.unattributed:
            table.add_row(size(account.page_size), str(account.unattributed), "not known to whom")
        for missing in account.unreserved:
            process = missing.process
            where = printable(
                f"{_who(process.pid, process.comm or '?', names)} at {missing.start:x}"
            )
            bare.add_row(size(account.page_size), str(missing.pages), where)
        if len(account.unreserved) > 1:
            together = "all of these, what several show counted once"
            bare.add_row(size(account.page_size), _count(account.unreserved_pages), together)
    for each in (table, bare):
        if each.row_count:
            console.print(each)


def _print_cgroups(console: Console, uses: list[CgroupUse]) -> None:
    columns = ("cgroup", "page size", "used", "limit", "promised", "limit of it", "refused")
    table = table_of("Control groups", *columns, right=columns[2:])
    for use in uses:
        counts = (
            use.usage_bytes,
            use.limit_bytes,
            use.reserved_bytes,
            use.reserved_limit_bytes,
        )
        shown = ("-" if count is None else size(count) for count in counts)
        failures = "-" if use.failures is None else str(use.failures)
        table.add_row(printable(use.path), size(use.page_size), *shown, failures)
    if table.row_count:
        console.print(table)


def _print_status(console: Console, differences: list[StatusDifference], names: _Names) -> None:
    """Processes that tools built on /proc/PID/status see wrongly."""
    why = {"shared_table": "shared page table", "collapse": "collapsed pages", None: "not known"}
    columns = ("pid", "comm", "status", "mapped", "because of")
    table = table_of("HugetlbPages of status differs", *columns, right=("pid", "status", "mapped"))
    for one in differences:
        told = (size(one.status_bytes), size(one.mapped_bytes), why[one.reason])
        table.add_row(str(one.pid), printable(names.get(one.pid, one.comm)), *told)
    if table.row_count:
        console.print(table)


def _print_stage2(console: Console, machines: list[Stage2], names: _Names) -> None:
    counts = ("4 KiB", "2 MiB", "1 GiB")
    columns = ("pid", "comm", "VM descriptor", *counts)
    table = table_of(
        "KVM's page tables (stage 2), in pages", *columns, right=("pid", "VM descriptor", *counts)
    )
    for one in machines:
        row = (one.pages_4k, one.pages_2m, one.pages_1g)
        table.add_row(
            str(one.pid),
            printable(names.get(one.pid, one.comm)),
            str(one.vm_fd),
            *(_count(pages) for pages in row),
        )
    if table.row_count:
        console.print(table)


def _print_guest_memory(console: Console, guests: list[GuestMemory], names: _Names) -> None:
    numbers = ("pid", "fd", "size", "allocated")
    table = table_of(
        "guest_memfd: in no page table here", "pid", "comm", *numbers[1:], right=numbers
    )
    for one in guests:
        sizes = ("-" if b is None else size(b) for b in (one.size_bytes, one.allocated_bytes))
        table.add_row(str(one.pid), printable(names.get(one.pid, one.comm)), str(one.fd), *sizes)
    if table.row_count:
        console.print(table)


def _print_failures(console: Console, nodes: list[MemoryFailures]) -> None:
    """Only where there was one: most hosts never had any."""
    names = ("total", "recovered", "delayed", "ignored", "failed")
    table = table_of("Memory failures since boot", "node", *names, right=("node", *names))
    for one in nodes:
        row = (one.total, one.recovered, one.delayed, one.ignored, one.failed)
        if any(row):
            table.add_row(str(one.node), *(_count(events) for events in row))
    if table.row_count:
        console.print(table)


def _vmemmap_line(vmemmap: Vmemmap) -> str:
    if vmemmap.enabled is None:
        return f"HVO: {vmemmap.reason or 'this kernel does not say'}"
    saved = vmemmap.saved_bytes
    what = "on" if vmemmap.enabled else "off"
    most = ", ".join(
        f"{size(one.bytes_per_page)} a page of {size(one.page_size)}" for one in vmemmap.sizes
    )
    told = f"saves {size(saved)}" if saved is not None else (vmemmap.reason or "saving not known")
    return f"HVO: {what}; {told} (at most {most})" if most else f"HVO: {what}; {told}"


def _owner(owner: Reservation, names: _Names) -> str:
    if owner.owner == "mapping" and owner.process is not None:
        at = "" if owner.start is None else f" at {owner.start:x}"
        return f"{_who(owner.process.pid, owner.process.comm or '?', names)}{at}"
    return f"{owner.owner} {_file(owner.file)}"


def _file(file: FileRef | None) -> str:
    if file is None:
        return ""
    return f"{file.kind} {file.name or ''} (inode {file.inode})".replace("  ", " ")
