"""`hugescope replay FILE...`: recordings in a browser, side by side, without root and agent."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hugescope.commands.serve import announce_once
from hugescope.errors import CommandError
from hugescope.serving import Listening, Port, StateDir, say, settings_of
from hugescope_wire.archive import Archive, open_archive
from hugescope_wire.errors import WireError

if TYPE_CHECKING:
    from hugescope_server.timeline.shelf import FileShelf

NAME: Final = "replay"
LOOPBACK: Final = "127.0.0.1"


class Align(StrEnum):
    """What several recordings have in common."""

    WALL = "wall"
    START = "start"


def run(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Recordings, as `hugescope record` writes.", show_default=False
        ),
    ],
    align: Annotated[
        Align,
        typer.Option(
            help="Show them by their clocks (wall), or as if all had begun at once (start)."
        ),
    ] = Align.WALL,
    port: Port = None,
    state_dir: StateDir = None,
) -> None:
    """Play recordings in a browser, until stopped. Nothing is read of this host."""
    opened = [opened_file(path) for path in files]
    settings = settings_of(LOOPBACK, port, state_dir=state_dir)
    Listening(settings, shelf_of(opened, align)).serve(announce_once)


def opened_file(path: Path) -> Archive:
    """A recording; what is damaged is said, and the rest is played.

    Raises:
        CommandError: nothing of it can be played.
    """
    try:
        archive = open_archive(path)
    except WireError as error:
        raise CommandError(f"{path}: {error.message}") from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    for loss in archive.losses:
        for_s = "" if loss.until_s is None else f" for {loss.until_s - loss.since_s:.1f} s"
        say(f"{path}: lost from {loss.since_s - archive.began_s:.1f} s on{for_s}: {loss.why}")
    return archive


def shelf_of(archives: Sequence[Archive], align: Align) -> FileShelf:
    """Each a host with an id of its own, from the name of its file."""
    from hugescope_server.timeline.shelf import FileShelf, Moved, host_id_of

    shelf = FileShelf()
    first_s = min(archive.began_s for archive in archives)
    for archive in archives:
        moved_s = first_s - archive.began_s if align is Align.START else 0.0
        host_id = host_id_of(archive.name, shelf.hosts())
        shelf.add(Moved(archive, moved_s) if moved_s else archive, host_id)
    return shelf
