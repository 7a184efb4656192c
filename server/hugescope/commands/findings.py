"""`hugescope findings`: what the owner of a host's huge pages should know, as text or as JSON."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from hugescope.commands.snapshot import Kind, RootOption, printable, take, wide_console
from hugescope.errors import CommandError
from hugescope.plain import plain_json
from hugescope.privilege import OpenerOption, place_of
from hugescope_agent.errors import NoSuchProcess
from hugescope_wire.findings import SEVERITIES, Finding, severity_rank
from hugescope_wire.findings_document import FindingsDocument
from hugescope_wire.host import HostFrame

NAME: Final = "findings"

FOUND_EXIT: Final = 3
"""Of --fail-on; 1 is an error of the look itself, and 2 of the command line."""

_STYLES: Final = {
    "critical": "bold red",
    "warning": "bold yellow",
    "notice": "bold cyan",
    "info": "bold",
}
_INDENT: Final = "  "


class Level(StrEnum):
    """Severities, the mildest first."""

    INFO = "info"
    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "critical"


def run(
    root: RootOption = "/",
    opener: OpenerOption = None,
    pid: Annotated[
        list[int] | None,
        typer.Option(
            help="Only findings about this process, its transparent huge pages too; may be given "
            "again."
        ),
    ] = None,
    json: Annotated[
        bool,
        typer.Option("--json", help="Print them as JSON (see `hugescope schema findings`)."),
    ] = False,
    severity: Annotated[Level, typer.Option(help="Leave out what is milder.")] = Level.INFO,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Say what each finding was read from.")
    ] = False,
    fail_on: Annotated[
        Level | None,
        typer.Option(help=f"End with exit code {FOUND_EXIT} if any shown is as severe as this."),
    ] = None,
) -> None:
    """Print what is found about the huge pages of this host or of a captured tree."""
    pids = frozenset(pid) if pid else None
    source = place_of(root, opener)
    for number in sorted(pids or ()):
        if number < 1 or not source.names(f"proc/{number}"):
            raise NoSuchProcess(f"--pid {number}: there is no such process in {root}")
    look, _ = take(source, pids, Kind.HUGETLB if pids is None else Kind.ALL)
    if look.report is None:
        raise CommandError("this look came without a report, which findings are part of")
    found = chosen(look.report.findings, pids, severity)
    if json:
        document = FindingsDocument(taken_at=look.taken_at, host=look.host, findings=found)
        print(plain_json(document.model_dump_json(indent=1)))
    else:
        show(wide_console(), look, found, evidence=evidence)
    if fail_on is not None and any(_as_severe(finding, fail_on) for finding in found):
        raise typer.Exit(FOUND_EXIT)


def chosen(findings: Sequence[Finding], pids: frozenset[int] | None, least: Level) -> list[Finding]:
    """Those about these processes (None: about anything), no milder than `least`."""
    return [
        finding
        for finding in findings
        if _as_severe(finding, least) and (pids is None or not pids.isdisjoint(finding.pids))
    ]


def _as_severe(finding: Finding, least: Level) -> bool:
    return severity_rank(finding.severity) >= severity_rank(least.value)


def show(console: Console, look: HostFrame, findings: Sequence[Finding], *, evidence: bool) -> None:
    """One block a finding, the most severe first."""
    here = look.source.kind == "live"
    name = printable(look.host.name or "(host name not in the root)")
    kind = "" if here else "  [captured tree, not this machine]"
    console.print(
        Text.assemble(
            name, "  Linux ", printable(look.host.kernel), f"  {look.taken_at:%F %T}Z", kind
        ),
        highlight=False,
    )
    counts = Counter(finding.severity for finding in findings)
    parts = [f"{counts[level]} {level}" for level in reversed(SEVERITIES) if counts[level]]
    console.print(f"{', '.join(parts) or 'nothing'} found", highlight=False)
    for finding in findings:
        _show_one(console, finding, here=here, evidence=evidence)


def _show_one(console: Console, finding: Finding, *, here: bool, evidence: bool) -> None:
    console.print()
    head = Text.assemble((finding.severity.upper(), _STYLES[finding.severity]), "  ", finding.code)
    console.print(head, highlight=False)
    for sentence in (finding.what, finding.why, finding.advice):
        for part in textwrap.wrap(printable(sentence).plain, console.width - len(_INDENT)):
            console.print(Text(_INDENT + part), soft_wrap=True, highlight=False)
    if finding.command is not None:
        place = "$" if here else "on that host: $"
        # Never broken into lines: it is there to be copied.
        line = Text.assemble(f"{_INDENT}{place} ", printable(finding.command))
        console.print(line, soft_wrap=True, highlight=False)
    for item in finding.evidence if evidence else ():
        source = f"  [{item.source}]" if item.source else ""
        line = Text.assemble(f"{_INDENT}- ", printable(f"{item.name}: {item.value}{source}"))
        console.print(line, soft_wrap=True, highlight=False)
