"""One side of a comparison as people name it: FILE, FILE@T, DIR, an archive of a captured tree, or
live; #PID or #PID:START.
"""

from __future__ import annotations

import lzma
import re
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hugescope.archived import loss_words, lost_at, open_recorded, pictures, say_losses
from hugescope.commands.snapshot import look_at
from hugescope.errors import CommandError
from hugescope.moments import moment_of
from hugescope_agent.errors import BadRoot
from hugescope_agent.kernel.root import Root
from hugescope_agent.replay import scratch, unpack
from hugescope_wire.archive import last_known_s
from hugescope_wire.diff_document import DiffSide
from hugescope_wire.pairing import Selection, is_one_boot
from hugescope_wire.picture import HostPicture

LIVE: Final = "live"
_SELECTION: Final = re.compile(r"(?P<pid>[0-9]{1,10})(?::(?:0x)?(?P<start>[0-9a-fA-F]{1,16}))?")


@dataclass(frozen=True, slots=True)
class Side:
    """A picture, and where it is from.

    Attributes:
        source: equal for two moments of one recording.
    """

    label: str
    source: str
    picture: HostPicture
    selection: Selection | None

    def described(self) -> tuple[DiffSide, HostPicture]:
        """As the document has it."""
        about = self.picture.about
        assert about is not None
        side = DiffSide(
            label=self.label,
            taken_at=about.taken_at,
            source=about.source,
            host=about.host,
            capabilities=about.capabilities,
        )
        return side, self.picture

    def is_one_host_with(self, other: Side) -> bool:
        """Whether pids and addresses mean the same in both."""
        one_source = self.source == other.source
        return is_one_boot(self.picture, other.picture, one_source=one_source)


def side_of(text: str, here: Callable[[], Root]) -> Side:
    """What a person names so, read now; `here` is where this host is read.

    Raises:
        CommandError: there is no such thing, or it is lost; names it.
        AgentError: a captured tree, or this host, cannot be read.
        OSError: nothing can have this name, or it may not be looked at.
    """
    where, selection = _selection_of(text)
    if where == LIVE:
        return Side(text, LIVE, look_at(here(), None), selection)
    if Path(where).is_dir():
        source = str(Path(where).resolve())
        return Side(text, source, look_at(Root.at(where), None), selection)
    path, moment = _moment_of(where)
    packed = _is_packed_tree(Path(path))
    if moment is not None and (path == LIVE or Path(path).is_dir() or packed):
        raise CommandError(f"{text}: has one moment only, and no @{moment}")
    if packed:
        return Side(text, str(Path(path).resolve()), _unpacked(Path(path)), selection)
    archive = open_recorded(Path(path))
    say_losses(archive)
    at_s = last_known_s(archive) if moment is None else moment_of(f"{path} @", moment, archive)
    if (loss := lost_at(archive, at_s)) is not None:
        raise CommandError(f"{text}: {loss_words(loss)}")
    ((_, picture),) = pictures(archive, [at_s])
    return Side(text, str(Path(path).resolve()), picture, selection)


def _is_packed_tree(path: Path) -> bool:
    """By what it holds, and by its name where that is damaged."""
    if not path.is_file():
        return False
    try:
        return ".tar" in path.suffixes or tarfile.is_tarfile(path)
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return False


def _unpacked(archive: Path) -> HostPicture:
    """The captured tree in an archive, which is gone from the disk once it was read."""
    with scratch() as place:
        trees = unpack(archive, Path(place))
        if len(trees) != 1:
            has = "no captured tree" if not trees else f"a series of {len(trees)} trees"
            raise BadRoot(f"{archive}: holds {has}")
        return look_at(Root.at(str(trees[0])), None)


def _selection_of(text: str) -> tuple[str, Selection | None]:
    if Path(text).exists():
        return text, None
    where, mark, chosen = text.rpartition("#")
    if not mark:
        return text, None
    match = _SELECTION.fullmatch(chosen)
    if match is None:
        raise CommandError(
            f"{text}: #{chosen} is no #PID or #PID:START, such as #4711:7f0000200000"
        )
    start = None if match["start"] is None else int(match["start"], 16)
    return where, Selection(int(match["pid"]), start)


def _moment_of(where: str) -> tuple[str, str | None]:
    if Path(where).exists():
        return where, None
    path, mark, moment = where.rpartition("@")
    return (path, moment) if mark else (where, None)
