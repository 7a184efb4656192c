"""`hugescope pool`: where every page of the hugetlb pools is, and what is promised to whom."""

from __future__ import annotations

from typing import Annotated, Final

import typer
from rich.console import Console

from hugescope.commands.snapshot import printable, size, table_of, take, wide_console
from hugescope_agent.kernel.root import Root
from hugescope_wire.report import (
    CgroupUse,
    FileRef,
    Holding,
    PoolAccount,
    Reservation,
    ReservationAccount,
    Vmemmap,
)

NAME: Final = "pool"
_SHOWN_PIDS: Final = 8
_BY: Final = {
    "fd": "open descriptor",
    "hugetlbfs": "name in a hugetlbfs",
    "sysv": "SysV segment, detached",
    "mapping": "mapped, in no page table",
}


def run(
    root: Annotated[
        str,
        typer.Option(
            envvar="HUGESCOPE_ROOT", help="Read from here: a host's / in a container, or a capture."
        ),
    ] = "/",
    json: Annotated[bool, typer.Option("--json", help="Print the accounts as JSON.")] = False,
) -> None:
    """Account for every page of the pools: free, mapped, held, promised, lost."""
    look, _ = take(Root.at(root), None)
    report = look.report
    assert report is not None, "a look that is shown holds a report"
    if json:
        parts = {"taken_at", "accounts", "holdings", "reservations", "cgroups", "vmemmap"}
        print(report.model_dump_json(indent=1, include=parts))
        return
    console = wide_console()
    accounts = [account for account in report.accounts if account.total or account.node is None]
    _print_accounts(console, accounts)
    _print_who_maps(console, accounts, {one.pid: one.comm or "" for one in look.processes})
    _print_holdings(console, report.holdings)
    _print_reservations(console, report.reservations)
    _print_cgroups(console, report.cgroups)
    console.print(_vmemmap_line(report.vmemmap))


def _print_accounts(console: Console, accounts: list[PoolAccount]) -> None:
    held = ("fd", "file", "SysV", "unmapped")
    counts = ("total", "free", "mapped", *held, "poisoned", "unattributed")
    more = ("reserved", "left", "surplus", "overcommit")
    columns = ("page size", "node", *counts, *more)
    table = table_of("Accounts, in pages", *columns, right=(*counts, *more))
    notes = []
    for account in accounts:
        parts = account.held
        row = (
            *(account.total, account.free, account.mapped),
            *(parts.fd, parts.hugetlbfs, parts.sysv, parts.mapping),
            *(account.poisoned, account.unattributed),
            *(account.reserved, account.available, account.surplus, account.overcommit),
        )
        node = "host" if account.node is None else str(account.node)
        cells = ("-" if count is None else str(count) for count in row)
        table.add_row(size(account.page_size), node, *cells)
        notes += _notes(account, f"{size(account.page_size)} {node}")
    console.print(table)
    for note in notes:
        console.print(printable(note))


def _notes(account: PoolAccount, name: str) -> list[str]:
    notes = []
    if account.torn:
        notes.append(
            f"{name}: torn by {account.torn} pages that moved meanwhile ({account.looks} looks)"
        )
    if account.unplaced:
        notes.append(f"{name}: {account.unplaced} pages held or unattributed, not known by which")
    if account.unattributed:
        notes += [f"{name}: unattributed, perhaps: {word}" for word in account.candidates]
    return notes


def _print_who_maps(console: Console, accounts: list[PoolAccount], names: dict[int, str]) -> None:
    table = table_of("Mapped, each page once", "page size", "pages", "by", right=("pages",))
    for account in accounts:
        for group in account.mapped_by or ():
            shown = [f"{pid} {names.get(pid, '')}".strip() for pid in group.pids[:_SHOWN_PIDS]]
            if len(group.pids) > _SHOWN_PIDS:
                shown.append(f"and {len(group.pids) - _SHOWN_PIDS} more")
            who = printable(", ".join(shown) or "several")
            table.add_row(size(account.page_size), str(group.pages), who)
    if table.row_count:
        console.print(table)


def _print_holdings(console: Console, holdings: list[Holding]) -> None:
    columns = ("page size", "pages", "of", "kept by", "file", "processes")
    table = table_of("In no page table", *columns, right=("pages", "of"))
    for held in holdings:
        if not held.pages:
            continue
        who = [
            f"{holder.pid} {holder.comm or ''}" + ("" if holder.fd is None else f" fd {holder.fd}")
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


def _print_reservations(console: Console, accounts: list[ReservationAccount]) -> None:
    table = table_of("Promised, not yet there", "page size", "pages", "to", right=("pages",))
    bare = table_of("Neither there nor promised", "page size", "pages", "in", right=("pages",))
    for account in accounts:
        for owner in account.owners:
            pages = f"{owner.pages}{' (inferred)' if owner.inferred else ''}"
            table.add_row(size(account.page_size), pages, printable(_owner(owner)))
        if account.unattributed:
            table.add_row(size(account.page_size), str(account.unattributed), "not known to whom")
        for missing in account.unreserved:
            process = missing.process
            where = printable(f"{process.pid} {process.comm or '?'} at {missing.start:x}")
            bare.add_row(size(account.page_size), str(missing.pages), where)
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


def _owner(owner: Reservation) -> str:
    if owner.owner == "mapping" and owner.process is not None:
        at = "" if owner.start is None else f" at {owner.start:x}"
        return f"{owner.process.pid} {owner.process.comm or '?'}{at}"
    return f"{owner.owner} {_file(owner.file)}"


def _file(file: FileRef | None) -> str:
    if file is None:
        return ""
    return f"{file.kind} {file.name or ''} (inode {file.inode})".replace("  ", " ")
