"""`hugescope report`: one page of HTML about a recording, or about this host for a while."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer

from hugescope.archived import loss_words, lost_at, open_recorded, say_losses
from hugescope.commands.cat import At, From, Pids, To, range_asked, said
from hugescope.commands.snapshot import RootOption
from hugescope.durations import seconds_of
from hugescope.errors import CommandError
from hugescope.moments import utc_words
from hugescope.privilege import OpenerOption, place_of
from hugescope_agent.kernel.root import Root
from hugescope_server.settings import BUILT_FRONT_END
from hugescope_wire.archive import Archive

NAME: Final = "report"

LIVE_FOR: Final = "10s"


def run(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The page to write; it must not be there yet.")
    ],
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="A recording.")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Record this host now, in memory, and report that.")
    ] = False,
    duration: Annotated[
        str | None, typer.Option("--for", help=f"With --live: how long; absent: {LIVE_FOR}.")
    ] = None,
    at: At = None,
    since: From = None,
    to: To = None,
    pid: Pids = None,
    root: RootOption = "/",
    opener: OpenerOption = None,
) -> None:
    """Write a page that opens from disk, without a network: maps, charts, findings, numbers.

    Maps and numbers are of the moment --at, which is the end of the range if absent.
    """
    if live == (file is not None):
        raise CommandError("give a recording, or --live")
    if duration is not None and not live:
        raise CommandError(f"--for {duration}: goes with --live")
    if output.exists():
        raise CommandError(f"{output}: is there already")
    if not output.parent.is_dir():
        raise CommandError(f"{output.parent}: no such directory")
    pids = frozenset(pid) if pid else None
    if file is None:
        seconds = seconds_of("--for", duration or LIVE_FOR)
        archive = _recorded_now(place_of(root, opener), seconds, pids)
    else:
        archive = open_recorded(file)
        say_losses(archive)
    text, range_words = page(archive, at, since, to, pids, live=live)
    with output.open("x", encoding="utf-8", newline="\n") as out:
        out.write(text)
    kib = round(output.stat().st_size / 1024)
    print(f"hugescope report: {range_words} in {output}, {kib} KiB", file=sys.stderr)


def page(
    archive: Archive,
    at: str | None,
    since: str | None,
    to: str | None,
    pids: frozenset[int] | None,
    *,
    live: bool,
) -> tuple[str, str]:
    """The page of an archive, and of which range it is.

    Raises:
        CommandError: a flag means no moment of it, or the moment is lost.
    """
    # Plotly takes a while to import, and no other command needs it.
    from hugescope.report.gather import gather
    from hugescope.report.page import page_of
    from hugescope.report.plotly_js import plotly_js

    since_s, until_s = range_asked(archive, None, since, to)
    at_s = until_s if at is None else said(archive, "--at", at)
    if not since_s <= at_s <= until_s:
        raise CommandError(f"--at {at}: lies outside of --from and --to")
    if (loss := lost_at(archive, at_s)) is not None:
        raise CommandError(f"{archive.name}: {loss_words(loss)}")
    gathered = gather(archive, since_s, until_s, at_s, pids, live=live)
    range_words = f"{utc_words(since_s)} to {utc_words(until_s)}"
    return page_of(gathered, plotly_js(BUILT_FRONT_END)), range_words


def _recorded_now(root: Root, seconds: float, pids: frozenset[int] | None) -> Archive:
    from hugescope.report.live import record_live

    ended = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal ended
        ended = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    print(f"hugescope report: looks for {seconds:g} s; Ctrl-C ends that early", file=sys.stderr)
    return record_live(root, seconds, pids, lambda: ended)
