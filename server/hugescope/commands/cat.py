"""`hugescope cat`: what a recording holds at a moment, or over a range, as a table, JSON or CSV."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from hugescope.archived import loss_words, lost_at, open_recorded, pictures, say_losses
from hugescope.commands.snapshot import show, wide_console
from hugescope.durations import seconds_of
from hugescope.errors import CommandError
from hugescope.moments import is_clock, moment_of, utc_words
from hugescope_wire.archive import Archive, last_known_s
from hugescope_wire.picture import HostPicture

NAME: Final = "cat"

MAX_STEPS: Final = 100_000
"""Of a range: a day of seconds."""

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A recording.")]
At = Annotated[
    str | None,
    typer.Option(
        metavar="T",
        help="The moment: +12.5s after the beginning, -5s before the end, 14:03:07 (UTC) or "
        "RFC 3339; absent: the end.",
    ),
]
From = Annotated[
    str | None, typer.Option("--from", metavar="T", help="Beginning of a range; as --at.")
]
To = Annotated[str | None, typer.Option(metavar="T", help="End of a range; as --at.")]
Pids = Annotated[
    list[int] | None, typer.Option(min=1, help="Only this process; may be given again.")
]


def run(
    file: FileArgument,
    at: At = None,
    since: From = None,
    to: To = None,
    every: Annotated[
        str, typer.Option(metavar="1s", help="Of a range: a snapshot so often.")
    ] = "1s",
    pid: Pids = None,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="Snapshots as JSON (see `hugescope schema`); of a range one a line."
        ),
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="One row a run of equal cells.")] = False,
) -> None:
    """Print what a recording holds at a moment or over a range.

    What is lost of it is said on stderr. Ends with code 0 if all that was asked for could be shown.
    """
    if json and as_csv:
        raise typer.BadParameter("--json and --csv: one of them")
    archive = open_recorded(file)
    say_losses(archive)
    asked = moments_asked(archive, at, since, to, seconds_of("--every", every))
    shown = Shown(archive, frozenset(pid) if pid else None, json=json, as_csv=as_csv)
    for at_s, picture in pictures(archive, asked.moments_s):
        shown.take(at_s, picture, one=not asked.is_range)
    shown.complain()


@dataclass(frozen=True, slots=True)
class Asked:
    """Moments in seconds since 1970, rising, one at least."""

    moments_s: tuple[float, ...]
    is_range: bool


def moments_asked(
    archive: Archive, at: str | None, since: str | None, to: str | None, every_s: float
) -> Asked:
    """The moments that the flags mean.

    Raises:
        CommandError: a flag means none, the range is none, or there would be too many.
    """
    if since is None and to is None:
        return Asked((last_known_s(archive) if at is None else said(archive, "--at", at),), False)
    begin_s, end_s = range_asked(archive, at, since, to)
    steps = int((end_s - begin_s) / every_s + 1e-9) + 1
    if steps > MAX_STEPS:
        raise CommandError(
            f"--every: {steps} snapshots, at most {MAX_STEPS}; a longer one makes fewer"
        )
    return Asked(tuple(begin_s + step * every_s for step in range(steps)), True)


def range_asked(
    archive: Archive, at: str | None, since: str | None, to: str | None
) -> tuple[float, float]:
    """From when to when, as `--from` and `--to` say; what is absent is the beginning or the end.

    Raises:
        CommandError: a flag means no moment, or there is nothing between.
    """
    if at is not None:
        raise CommandError(f"--at {at}: is a moment, and --from and --to are a range; give one")
    begin_s = archive.began_s if since is None else said(archive, "--from", since)
    end_s = archive.ended_s if to is None else said(archive, "--to", to)
    if end_s < begin_s:
        raise CommandError(f"--to {to}: lies before --from {since}")
    return begin_s, end_s


def said(archive: Archive, flag: str, text: str) -> float:
    """The moment; of a time of day it is said on stderr whose clock and which day it is."""
    at_s = moment_of(flag, text, archive)
    if is_clock(text):
        print(
            f"{flag} {text}: {utc_words(at_s)}, UTC by the clock of the host that was recorded",
            file=sys.stderr,
        )
    return at_s


class Shown:
    """Prints one moment after the other, and remembers what could not be shown."""

    def __init__(
        self, archive: Archive, pids: frozenset[int] | None, *, json: bool, as_csv: bool
    ) -> None:
        self._archive = archive
        self._pids = pids
        self._json = json
        self._csv = as_csv
        self._missing = set(pids or ())
        self._lost: list[str] = []
        if as_csv:
            # It brings the server's extents, for which no other command should wait.
            from hugescope.runs_csv import write_header

            write_header(sys.stdout)

    def take(self, at_s: float, picture: HostPicture, *, one: bool) -> None:
        """Print the host at this moment, unless the moment is lost."""
        loss = lost_at(self._archive, at_s)
        if loss is not None:
            self._lost.append(f"{utc_words(at_s)}: {loss_words(loss)}")
            return
        assert picture.about is not None
        self._missing -= {process.pid for process in picture.about.processes}
        if self._csv:
            from hugescope.runs_csv import write_runs

            write_runs(sys.stdout, at_s, picture, self._pids)
            return
        snapshot = picture.snapshot(self._pids)
        if self._json:
            print(snapshot.model_dump_json(indent=1 if one else None))
            return
        where = f"recorded; {self._archive.name} at {utc_words(at_s)}"
        show(wide_console(), picture.about, snapshot, where)

    def complain(self) -> None:
        """Say what could not be shown.

        Raises:
            CommandError: there is such.
        """
        name = self._archive.name
        if self._lost:
            more = f", and {len(self._lost) - 1} more" if len(self._lost) > 1 else ""
            raise CommandError(f"{name}: {self._lost[0]}{more}")
        if self._missing:
            pids = ", ".join(map(str, sorted(self._missing)))
            raise CommandError(f"--pid {pids}: no such process in {name} at that time")
