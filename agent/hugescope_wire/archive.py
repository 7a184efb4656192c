"""Recorded time of one host, wherever it is kept: a file, or a server's history.

All times are seconds since 1970: in a file by the clock of the host that was recorded, in a history
by the server's. What reads recorded time (replay, the timeline, `cat`, `diff`, `report`) asks an
`Archive` and knows nothing of how it is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from hugescope_wire import firstformat
from hugescope_wire.blocks import decode_block
from hugescope_wire.errors import WireError
from hugescope_wire.firstformat import FirstFormatArchive
from hugescope_wire.frames import Frame, RawFrame
from hugescope_wire.picture import HostPicture
from hugescope_wire.recording import Loss, Record
from hugescope_wire.segments import head
from hugescope_wire.segments.archive import SegmentArchive
from hugescope_wire.storedfile import unpacked

__all__ = ["Archive", "Loss", "Record", "applied", "last_known_s", "open_archive", "picture_at"]


class Archive(Protocol):
    """Recorded time of one host, read in any order."""

    @property
    def name(self) -> str:
        """The host's name, for people."""

    @property
    def began_s(self) -> float:
        """When the first whole picture was taken."""

    @property
    def ended_s(self) -> float:
        """When the last frame was taken; of a history that is being written it moves on."""

    @property
    def losses(self) -> tuple[Loss, ...]:
        """In order of time."""

    def records(
        self, since_s: float | None = None, until_s: float | None = None
    ) -> Iterator[Record]:
        """Frames in order of time, `Record.at_s` in seconds since 1970.

        The first is a full frame: the first of all, or with `since_s` the newest full one that is
        not after it (the first of all where there is none), so the caller applies frames up to the
        moment it wants. Others are full ones too where the host's agent began anew. Their `seq` is
        not given: apply them with numbers of one's own (`applied`). Ends before the first after
        `until_s`.

        Raises:
            WireError: `bad_recording`: the file is not what it was when it was opened.
        """


@runtime_checkable
class Pictured(Protocol):
    """An archive that makes a picture faster than by applying its records one by one."""

    def picture(self, at_s: float) -> HostPicture:
        """As `picture_at`."""


def applied(picture: HostPicture, frame: RawFrame) -> None:
    """Take a recorded frame into a picture, whatever its number was.

    Raises:
        WireError: it does not fit what came before.
    """
    blocks = tuple(decode_block(block, 0, with_ages=False)[0] for block in frame.blocks)
    picture.apply(Frame(frame.kind, picture.seq + 1, frame.meta, blocks))


def picture_at(archive: Archive, at_s: float) -> HostPicture:
    """The host as it was at that moment; before the archive begins, its first picture."""
    if isinstance(archive, Pictured):
        return archive.picture(at_s)
    picture = HostPicture()
    for record in archive.records(at_s, max(at_s, archive.began_s)):
        applied(picture, record.frame)
    return picture


def last_known_s(archive: Archive) -> float:
    """The last moment of which something is known: the end, or where the loss begins that reaches
    it, as where the last record is damaged.
    """
    at_s = archive.ended_s
    for loss in reversed(archive.losses):
        if loss.since_s < at_s and (loss.until_s is None or at_s < loss.until_s):
            at_s = loss.since_s
    return max(archive.began_s, at_s)


def open_archive(path: Path) -> Archive:
    """A recording of any version, compressed or not; it may be longer than memory.

    Raises:
        WireError: `bad_recording`: it is none, or nothing of it can be read.
        OSError: it cannot be opened.
    """
    file = unpacked(path)
    magic = file.read(0, len(firstformat.MAGIC))
    if magic == head.MAGIC:
        return SegmentArchive(file, path.name)
    if magic == firstformat.MAGIC:
        return FirstFormatArchive(file, path.name)
    raise WireError("bad_recording", "it does not begin as a recording does")
