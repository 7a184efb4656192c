"""Recorded time as the commands read it: opened by name, walked, and its losses in words."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from hugescope.errors import CommandError
from hugescope.moments import utc_words
from hugescope_wire.archive import Archive, Loss, applied, open_archive
from hugescope_wire.errors import WireError
from hugescope_wire.picture import HostPicture


def open_recorded(path: Path) -> Archive:
    """The recording in a file.

    Raises:
        CommandError: it is none, or nothing of it can be read; names the file.
        OSError: it cannot be opened.
    """
    try:
        return open_archive(path)
    except WireError as error:
        raise CommandError(f"{path}: {error}") from None
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None


def say_losses(archive: Archive) -> None:
    """Every time of which nothing is known, on stderr."""
    for loss in archive.losses:
        print(f"{archive.name}: {loss_words(loss)}", file=sys.stderr)


def loss_words(loss: Loss) -> str:
    """What is not known, from when to when, and why."""
    end = (
        "to its end, whenever that was" if loss.until_s is None else f"to {utc_words(loss.until_s)}"
    )
    return f"nothing is known from {utc_words(loss.since_s)} {end}: {loss.why}"


def lost_at(archive: Archive, at_s: float) -> Loss | None:
    """The loss that this moment lies in; its borders are known."""
    for loss in archive.losses:
        if loss.since_s < at_s and (loss.until_s is None or at_s < loss.until_s):
            return loss
    return None


def pictures(archive: Archive, moments: Sequence[float]) -> Iterator[tuple[float, HostPicture]]:
    """The host at each of these moments, which rise; the picture is the caller's until it asks on.

    Raises:
        CommandError: what was recorded does not fit together.
    """
    picture = HostPicture()
    records = archive.records(moments[0], moments[-1])
    try:
        record = next(records, None)
        for at_s in moments:
            while record is not None and (record.at_s <= at_s or picture.about is None):
                applied(picture, record.frame)
                record = next(records, None)
            if picture.about is None:
                raise CommandError(f"{archive.name}: holds nothing at {utc_words(at_s)}")
            yield at_s, picture
    except WireError as error:
        raise CommandError(f"{archive.name}: {error}") from None
