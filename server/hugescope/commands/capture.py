"""`hugescope capture`: the raw kernel files as a tree, which `--root` reads on any machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from hugescope.child import end_by_exit
from hugescope.commands.snapshot import RootOption
from hugescope.errors import CommandError
from hugescope.privilege import OpenerOption, place_of
from hugescope_agent.capture.capture import Taken, take, write
from hugescope_agent.kernel.host import HostFiles

NAME: Final = "capture"


def run(
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE.tar.xz",
            help="The file to write; it must not be there yet.",
        ),
    ],
    pid: Annotated[
        list[int] | None,
        typer.Option(help="Only this process and who maps the same pages; may be given again."),
    ] = None,
    raw_pfns: Annotated[
        bool,
        typer.Option(
            "--raw-pfns",
            help="Keep page frame numbers, which tell where memory lies in the machine.",
        ),
    ] = False,
    root: RootOption = "/",
    opener: OpenerOption = None,
) -> None:
    """Capture what HugeScope reads of this host, for a bug report.

    `snapshot --root FILE.tar.xz` and the like show it on any machine.
    """
    asked = frozenset(pid) if pid else None
    place = place_of(root, opener)
    if not place.live:
        raise CommandError(f"--root {root}: is a captured tree already")
    if output.exists():
        raise CommandError(f"--output {output}: is there already")
    files = HostFiles(place)
    try:
        _tell("reading processes")
        taken = take(files, asked)
        with end_by_exit():
            write(files, taken, output, asked=asked, raw_pfns=raw_pfns, progress=_tell)
    finally:
        files.close()
        _tell("")
    print(f"hugescope capture: {_words(taken)} in {output}, {output.stat().st_size} bytes")
    for line in _missing(files, taken):
        print(f"hugescope capture: {line}", file=sys.stderr)


def _words(taken: Taken) -> str:
    beside = f" ({len(taken.beside)} for their shared pages)" if taken.beside else ""
    return f"{_count(len(taken.processes))}{beside}, {taken.cells} huge pages of address space"


def _count(processes: int) -> str:
    return f"{processes} process{'' if processes == 1 else 'es'}"


def _missing(files: HostFiles, taken: Taken) -> list[str]:
    """What is not in it, in words."""
    lines = [
        f"{one.capability} is missing: {one.reason}" for one in files.limits(files.capabilities)
    ]
    unread = [why for why in taken.left_out.values() if why != "was not asked for"]
    if unread:
        lines.append(f"{_count(len(unread))} could not be read: {unread[0]}")
    if taken.gone:
        lines.append(f"left out, as it ended meanwhile: {_count(taken.gone)}")
    return lines


def _tell(text: str) -> None:
    """Progress, for a person only; an empty text clears the line."""
    if sys.stderr.isatty():
        said = f"hugescope capture: {text}" if text else ""
        print(f"\r\x1b[K{said}", end="", file=sys.stderr, flush=True)
