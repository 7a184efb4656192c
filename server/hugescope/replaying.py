"""What can be replayed: recordings, series of captured trees, and one of each that is shipped."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hugescope.errors import CommandError
from hugescope.serving import say
from hugescope_agent import playback
from hugescope_agent.errors import AgentError
from hugescope_agent.link import Looker
from hugescope_agent.replay import SHIPPED_NAME, Replay, scratch, shipped_series, steps_of, unpack
from hugescope_wire import firstformat
from hugescope_wire.recording import Loss
from hugescope_wire.segments import head
from hugescope_wire.storedfile import XZ_MAGIC

MIGRATION: Final = "shipped"
HGM: Final = "hgm"
_SUFFIXES: Final = (".hsrec", ".hsrec.xz")

SERIES_HZ: Final = 4.0
RECORDING_HZ: Final = 100.0
"""Twice the rate of any recording: each of its samples comes in its time."""


def open_replay(what: str, stack: contextlib.ExitStack) -> tuple[Looker, float]:
    """What gives the samples, and how often to ask it a second; `what` is a file, a directory,
    `shipped` or `hgm`. The stack closes it.

    Raises:
        CommandError: there is no such thing, or it cannot be replayed.
    """
    try:
        if what == MIGRATION:
            return playback.Playback(playback.shipped(), playback.SHIPPED_NAME), RECORDING_HZ
        if _is_recording(what):
            archive = playback.load(Path(what))
            for loss in archive.losses:
                say(f"{what}: {loss.why}; {_what_is_played(loss)}")
            return playback.Playback(archive, what), RECORDING_HZ
        steps, name = _series(what, stack)
        replay = Replay(steps, name)
    except AgentError as error:
        raise CommandError(f"--replay {what}: {error}") from None
    stack.callback(replay.close)
    return replay, SERIES_HZ


def _what_is_played(loss: Loss) -> str:
    if loss.until_s is None:
        return "what comes before it is replayed"
    since, until = (datetime.fromtimestamp(at_s, UTC) for at_s in (loss.since_s, loss.until_s))
    return f"nothing is replayed from {since:%Y-%m-%d %H:%M:%S} to {until:%H:%M:%S} UTC"


def _is_recording(what: str) -> bool:
    path = Path(what)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        begin = file.read(len(head.MAGIC))
    return begin in (head.MAGIC, firstformat.MAGIC) or (
        begin.startswith(XZ_MAGIC) and what.endswith(_SUFFIXES)
    )


def _series(what: str, stack: contextlib.ExitStack) -> tuple[list[Path], str]:
    if what == HGM:
        return shipped_series(Path(stack.enter_context(scratch()))), SHIPPED_NAME
    if what and Path(what).is_dir():
        return steps_of(Path(what)), what
    if Path(what).is_file():
        return unpack(Path(what), Path(stack.enter_context(scratch()))), what
    raise CommandError(f"--replay {what}: no such file or directory")
