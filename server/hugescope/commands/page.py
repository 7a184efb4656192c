"""`hugescope page`: which processes map the page at an address, and how, part by part."""

from __future__ import annotations

from typing import Annotated, Final

import typer
from rich.console import Console

from hugescope.commands.snapshot import RootOption, looking, printable, size, table_of, wide_console
from hugescope.errors import CommandError
from hugescope.plain import plain_json
from hugescope.privilege import OpenerOption, place_of
from hugescope_agent.sample import SamplerOptions
from hugescope_wire.page import PageDetail

NAME: Final = "page"


def run(
    pid: Annotated[int, typer.Option(min=1, help="The process.")],
    address: Annotated[str, typer.Option(help="An address in it, hexadecimal.")],
    root: RootOption = "/",
    opener: OpenerOption = None,
    part: Annotated[
        int | None,
        typer.Option(min=0, help="List the 4 KiB entries of this 2 MiB chunk of a 1 GiB page."),
    ] = None,
    thp_pid: Annotated[
        list[int] | None,
        typer.Option(help="Join a transparent page with this process' too; may be given again."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say who maps the page at an address, why the counts differ, and how it is mapped."""
    options = SamplerOptions(thp_pids=frozenset({pid, *(thp_pid or ())}))
    with looking(place_of(root, opener), options) as sampler:
        sampler.settle()
        # Where a lost page was is known to the report alone.
        sampler.survey()
        page = sampler.page(pid, _address(address), part)
    if json:
        print(plain_json(page.model_dump_json(indent=1)))
        return
    console = wide_console()
    _print_facts(console, page)
    _print_mappers(console, page)
    _print_parts(console, page)


def _address(text: str) -> int:
    try:
        value = int(text, 16)
    except ValueError:
        value = -1
    if not 0 <= value < 1 << 64:
        raise CommandError(f"--address {text}: is no address, such as 7f0000200000")
    return value


def _print_facts(console: Console, page: PageDetail) -> None:
    node = "unknown" if page.node is None else str(page.node)
    console.print(
        printable(
            f"{page.pid} {page.comm or '?'}: page {page.first} of the mapping at {page.start:x}, "
            f"{size(page.page_size)} at {page.address:x}"
        )
    )
    console.print(f"state {page.state}, {size(page.mapped_bytes)} mapped, node {node}")
    counts = (page.mapcount, page.mappers, page.processes)
    shown = ["unknown" if count is None else str(count) for count in counts]
    console.print(f"mapcount {shown[0]}, mappings seen {shown[1]}, processes {shown[2]}")
    if page.flags:
        console.print(f"flags: {' '.join(page.flags)}")
    if page.file is not None and page.file_offset is not None:
        name = page.file.name or page.file.kind
        console.print(printable(f"file: {name}, offset {page.file_offset:#x}"))
    for sentence in page.explanation:
        console.print(printable(sentence))


def _print_mappers(console: Console, page: PageDetail) -> None:
    if page.mapped_by is None:
        if not page.explanation:
            console.print("Who else maps it cannot be told: page frames are hidden.")
        return
    table = table_of("Mapped by", "pid", "comm", "address", "mapping", "", right=("pid",))
    for mapper in page.mapped_by:
        kind = "shared" if mapper.shared else "private"
        if mapper.shared_table:
            kind += ", shared page table"
        table.add_row(
            str(mapper.pid),
            printable(mapper.comm),
            f"{mapper.address:x}",
            f"{mapper.start:x}",
            kind,
        )
    if page.mapped_by:
        console.print(table)


def _print_parts(console: Console, page: PageDetail) -> None:
    numbers = ("first", "count")
    table = table_of("Parts", *numbers, "each", "state", "level", "present", "folio", right=numbers)
    for run_ in page.parts:
        table.add_row(
            str(run_.first),
            str(run_.count),
            size(run_.part_bytes),
            f"{run_.state}{' (inferred)' if run_.inferred else ''}",
            run_.level or "cannot be told",
            size(run_.present_bytes),
            "" if run_.folio_bytes is None else size(run_.folio_bytes),
        )
    if page.parts:
        console.print(table)
