"""`hugescope diff`: two moments, two mappings, two files or hosts, and what is different."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer
from pydantic import JsonValue
from rich.console import Console
from rich.text import Text

from hugescope.commands.snapshot import RootOption, printable, size, table_of, wide_console
from hugescope.errors import CommandError
from hugescope.privilege import OpenerOption, place_of
from hugescope_agent.errors import AgentError, ProcessError
from hugescope_wire.errors import WireError

if TYPE_CHECKING:
    # No other command needs these, so none waits for them.
    from hugescope.diff_side import Side
    from hugescope_wire.diff_document import CellFacts, DiffDocument, MappingDiff, MappingRef

NAME: Final = "diff"

DIFFERENT_EXIT: Final = 1
TROUBLE_EXIT: Final = 2
"""As diff(1) has them."""

SHOWN_RUNS: Final = 40
SHOWN_KINDS: Final = 8

SideArgument = Annotated[
    str,
    typer.Argument(
        help="FILE, FILE@T (as `cat --at`), a captured tree (DIR or .tar.xz), or live; #PID or "
        "#PID:START behind it chooses a process or a mapping.",
    ),
]


def run(
    a: SideArgument,
    b: SideArgument,
    json: Annotated[
        bool, typer.Option("--json", help="Print it as JSON (see `hugescope schema diff`).")
    ] = False,
    runs: Annotated[
        int, typer.Option(min=0, help="List so many runs of each mapping; --json lists all.")
    ] = SHOWN_RUNS,
    root: RootOption = "/",
    opener: OpenerOption = None,
) -> None:
    """Compare two moments, two mappings, two recordings, captures or hosts.

    Ends with code 0 if they are the same, 1 if they differ, 2 if they could not be compared.
    """
    from hugescope.diff_side import side_of

    try:
        side_a, side_b = (side_of(text, lambda: place_of(root, opener)) for text in (a, b))
        document = document_of(side_a, side_b, None if json else runs)
        say_sight(side_a, side_b)
    except (CommandError, AgentError, ProcessError, WireError) as error:
        print(f"hugescope diff: {error}", file=sys.stderr)
        raise typer.Exit(TROUBLE_EXIT) from None
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"hugescope diff: {error.filename or 'I/O'}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(TROUBLE_EXIT) from None
    if json:
        print(document.model_dump_json(indent=1))
    else:
        show(wide_console(), document)
    if not document.same:
        raise typer.Exit(DIFFERENT_EXIT)


def say_sight(a: Side, b: Side) -> None:
    """What one side could read and the other could not, on stderr: it looks like a difference."""
    for name, cost in (("pfn", "node, mapcount and mappers"), ("kpageflags", "mapcount")):
        sees = [getattr(side.described()[0].capabilities, name) for side in (a, b)]
        if sees[0] != sees[1]:
            blind = a if sees[1] else b
            print(f"{blind.label}: {name} could not be read, so {cost} may differ", file=sys.stderr)


def document_of(a: Side, b: Side, most_runs: int | None) -> DiffDocument:
    """What is different. A process or mapping that only one side names is meant on both.

    Raises:
        CommandError: what is named is not there.
        WireError: two named mappings cannot be compared.
    """
    from hugescope_wire.compare import compared
    from hugescope_wire.pairing import pair_up, select

    chosen_a, chosen_b = a.selection or b.selection, b.selection or a.selection
    one_host = a.is_one_host_with(b) and chosen_a == chosen_b
    try:
        found_a = select(a.picture, chosen_a)
    except WireError as error:
        raise CommandError(f"{a.label}: {error}") from None
    try:
        found_b = select(b.picture, chosen_b)
    except WireError as error:
        raise CommandError(f"{b.label}: {error}") from None
    named = all(one is not None and one.start is not None for one in (chosen_a, chosen_b))
    pairs = pair_up(
        found_a, found_b, one_host=one_host, same_process=chosen_a is not None, named=named
    )
    return compared(
        a.described(), b.described(), pairs, pools=chosen_a is None, most_runs=most_runs
    )


def show(console: Console, document: DiffDocument) -> None:
    """As tables."""
    for name, side in (("a", document.a), ("b", document.b)):
        host = printable(side.host.name or "(host name not known)")
        line = Text.assemble(f"{name}: ", printable(side.label), "  ", host)
        read = " (when it was read)" if side.source.kind == "capture" else ""
        console.print(line, f" {side.taken_at:%F %T}Z{read}", highlight=False)
    console.print(_verdict(document), highlight=False)
    _show_pools(console, document)
    _show_only(console, "Only in a", document.only_a)
    _show_only(console, "Only in b", document.only_b)
    _show_mappings(console, document.mappings)
    for mapping in document.mappings:
        _show_kinds(console, mapping)
        _show_runs(console, mapping)


def _verdict(document: DiffDocument) -> str:
    cells = f"{document.compared_cells:,} cells compared"
    if document.same:
        return f"the same: {cells}"
    return (
        f"different: {cells}; {document.changed_cells:,} changed, came or went; "
        f"{size(document.came_bytes)} came, {size(document.went_bytes)} went"
    )


def _show_pools(console: Console, document: DiffDocument) -> None:
    table = table_of("Pools, in pages", "page size", "node", "counter", "a", "b", right=("a", "b"))
    for pool in document.pools or ():
        table.add_row(
            size(pool.page_size),
            "host" if pool.node is None else str(pool.node),
            pool.counter,
            *_both(pool.from_, pool.to),
        )
    if table.row_count:
        console.print(table)


def _show_only(console: Console, title: str, mappings: list[MappingRef]) -> None:
    columns = ("pid", "comm", "address", "page", "backing", "cells", "mapped")
    table = table_of(title, *columns, right=("pid", "cells", "mapped"))
    for one in mappings:
        table.add_row(
            str(one.pid),
            printable(one.comm),
            f"{one.start:x}-{one.end:x}",
            size(one.page_size),
            printable(f"{one.backing.kind} {one.backing.name or ''}"),
            f"{one.cells:,}",
            size(one.mapped_bytes),
        )
    if mappings:
        console.print(table)


def _show_mappings(console: Console, mappings: list[MappingDiff]) -> None:
    numbers = ("compared", "changed", "only a", "only b", "came", "went")
    table = table_of("Mappings that differ", "a", "b", "matched by", *numbers, right=numbers)
    for one in mappings:
        if not one.differs:
            continue
        table.add_row(
            printable(_place(one.a)),
            printable(_place(one.b)),
            one.matched_by,
            *(f"{count:,}" for count in (one.compared, one.changed, one.only_a, one.only_b)),
            size(one.came_bytes),
            size(one.went_bytes),
        )
    if table.row_count:
        console.print(table)


def _show_kinds(console: Console, mapping: MappingDiff) -> None:
    title = f"What changed of {_place(mapping.a)}"
    table = table_of(title, "what", "a", "b", "cells", right=("cells",))
    for fact in mapping.facts:
        table.add_row(fact.name, _fact(fact.from_), _fact(fact.to), "")
    for aspect in mapping.aspects:
        for kind in aspect.kinds[:SHOWN_KINDS]:
            table.add_row(aspect.aspect, *_both(kind.from_, kind.to), f"{kind.cells:,}")
        rest = aspect.cells - sum(kind.cells for kind in aspect.kinds[:SHOWN_KINDS])
        if rest:
            table.add_row(aspect.aspect, "other kinds", "", f"{rest:,}")
    if table.row_count:
        console.print(table)


def _show_runs(console: Console, mapping: MappingDiff) -> None:
    title = f"Runs that changed of {_place(mapping.a)}"
    numbers = ("first", "in b", "count")
    table = table_of(title, *numbers, "a", "b", right=numbers)
    for one in mapping.runs:
        shared = one.from_.model_dump(), one.to.model_dump()
        differing = [name for name in shared[0] if shared[0][name] != shared[1][name]]
        table.add_row(
            f"{one.first_a:,}",
            f"{one.first_b:,}",
            f"{one.count:,}",
            _facts(one.from_, differing),
            _facts(one.to, differing),
        )
    if table.row_count:
        console.print(table)
    if mapping.run_total > len(mapping.runs):
        more = mapping.run_total - len(mapping.runs)
        console.print(f"  and {more:,} more runs (--runs N, or --json for all)", highlight=False)


def _place(mapping: MappingRef) -> str:
    return f"{mapping.comm or '?'} {mapping.pid} at {mapping.start:x}"


def _facts(cell: CellFacts, names: list[str]) -> str:
    """The state, and what else differs."""
    words: list[str] = [cell.state]
    for name in names:
        value = getattr(cell, name)
        if not value and cell.mapped_bytes == 0:
            continue  # of no page there is no more to say
        if name == "flags":
            words.append(f"flags {' '.join(value) or 'none'}")
        elif name == "mapped_bytes":
            words.append(f"{size(value)} mapped")
        elif name != "state":
            words.append(f"{name} {'unknown' if value is None else value}")
    return ", ".join(words)


def _fact(value: JsonValue) -> Text:
    if isinstance(value, list):
        return printable(" ".join(map(str, value)))
    if isinstance(value, dict):
        return printable(", ".join(f"{key} {_word(one)}" for key, one in value.items()))
    return printable(str(value))


def _both(old: str | int | None, new: str | int | None) -> tuple[str, str]:
    return _word(old), _word(new)


def _word(value: object) -> str:
    """A hyphen where nothing is known, or there is no page of which it could be."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value) or "none"
