"""`hugescope record`: write what an agent would send to a file, without a server."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer

from hugescope.commands.agent import Qmp
from hugescope.commands.snapshot import RootOption
from hugescope.durations import seconds_of
from hugescope.errors import CommandError
from hugescope.privilege import OpenerOption, place_of
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.recording import Recorder, record
from hugescope_agent.sample import SamplerOptions
from hugescope_agent.sampler import Sampler
from hugescope_wire.host import Source

NAME: Final = "record"


def run(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write; it must not be there yet.")
    ],
    duration: Annotated[
        str | None, typer.Option("--for", help="How long, such as 30s or 5m; absent: until ended.")
    ] = None,
    pid: Annotated[
        list[int] | None,
        typer.Option(help="Only this process; may be given again. Others may map the same pages."),
    ] = None,
    root: RootOption = "/",
    opener: OpenerOption = None,
    hz: Annotated[float, typer.Option(min=0.1, max=50, help="Looks a second.")] = 10.0,
    qmp: Qmp = None,
) -> None:
    """Record this host's huge pages to a file, which `hugescope replay` plays."""
    seconds = None if duration is None else seconds_of("--for", duration)
    place = place_of(root, opener)
    if qmp and not place.live:
        raise CommandError(f"--qmp {qmp[0]}: there is no QEMU to ask with --root {root}")
    ended = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal ended
        ended = True

    with contextlib.ExitStack() as stack:
        files = HostFiles(place)
        stack.callback(files.close)
        kind = Source(kind="live") if place.live else Source(kind="capture", name=root)
        options = SamplerOptions(
            hz, pids=frozenset(pid) if pid else None, qmp=tuple(qmp or ()), reports=True
        )
        sampler = Sampler(files, kind, options)
        stack.callback(sampler.close)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        began_s = time.monotonic()
        recorder = stack.enter_context(Recorder(output))
        record(
            sampler,
            recorder,
            hz,
            lambda: ended or (seconds is not None and time.monotonic() - began_s >= seconds),
        )
        print(
            f"hugescope record: {recorder.samples} samples of"
            f" {time.monotonic() - began_s:.1f} s in {output}",
            file=sys.stderr,
        )
