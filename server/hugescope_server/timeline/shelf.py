"""Recorded hosts that can be shown: a server's history, and files beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Final, Protocol

from hugescope_wire.archive import Archive, Loss, picture_at
from hugescope_wire.picture import HostPicture
from hugescope_wire.recording import Record


class Shelf(Protocol):
    """What was recorded of hosts.

    Attributes:
        version: another whenever hosts came or went.
    """

    @property
    def version(self) -> int:
        """As above."""

    def hosts(self) -> list[str]:
        """The ids of all hosts of which anything was recorded."""

    def archive(self, host_id: str) -> Archive | None:
        """What was recorded of this host; None: nothing, or nothing any more."""

    def delete(self, host_id: str) -> bool:
        """Delete what was recorded of this host for good; whether there was anything. Called in
        the event loop.
        """


class FileShelf:
    """Recordings, each a host of its own. What is removed here stays where it is as a file."""

    def __init__(self) -> None:
        self.version = 0
        self._archives: dict[str, Archive] = {}

    def hosts(self) -> list[str]:
        """In the order of coming."""
        return list(self._archives)

    def archive(self, host_id: str) -> Archive | None:
        """As the protocol says."""
        return self._archives.get(host_id)

    def add(self, archive: Archive, host_id: str) -> None:
        """Put it under this id, which no other has."""
        assert host_id not in self._archives, "host ids are unique"
        self._archives[host_id] = archive
        self.version += 1

    def delete(self, host_id: str) -> bool:
        """As the protocol says."""
        if self._archives.pop(host_id, None) is None:
            return False
        self.version += 1
        return True


class Shelves:
    """Several as one; of a host that two have, the first counts."""

    def __init__(self, shelves: Sequence[Shelf]) -> None:
        self._shelves: Final = shelves

    @property
    def version(self) -> int:
        """As the protocol says."""
        return sum(shelf.version for shelf in self._shelves)

    def hosts(self) -> list[str]:
        """All, each once."""
        return list(dict.fromkeys(one for shelf in self._shelves for one in shelf.hosts()))

    def archive(self, host_id: str) -> Archive | None:
        """As the protocol says."""
        found = (shelf.archive(host_id) for shelf in self._shelves)
        return next((archive for archive in found if archive is not None), None)

    def delete(self, host_id: str) -> bool:
        """As the protocol says."""
        return any(shelf.delete(host_id) for shelf in self._shelves)


class Moved:
    """An archive with all its times moved, to stand beside others that began at another time, or
    under another name.
    """

    def __init__(self, archive: Archive, by_s: float = 0.0, name: str | None = None) -> None:
        self._archive: Final = archive
        self._by_s: Final = by_s
        self._name: Final = archive.name if name is None else name

    @property
    def name(self) -> str:
        """As it was given."""
        return self._name

    @property
    def began_s(self) -> float:
        """Moved."""
        return self._archive.began_s + self._by_s

    @property
    def ended_s(self) -> float:
        """Moved."""
        return self._archive.ended_s + self._by_s

    @property
    def losses(self) -> tuple[Loss, ...]:
        """Moved."""
        by_s = self._by_s
        return tuple(
            Loss(one.since_s + by_s, None if one.until_s is None else one.until_s + by_s, one.why)
            for one in self._archive.losses
        )

    def records(
        self, since_s: float | None = None, until_s: float | None = None
    ) -> Iterator[Record]:
        """Moved."""
        by_s = self._by_s
        since_s = None if since_s is None else since_s - by_s
        until_s = None if until_s is None else until_s - by_s
        for record in self._archive.records(since_s, until_s):
            yield Record(record.at_s + by_s, record.frame)

    def picture(self, at_s: float) -> HostPicture:
        """Moved, and as fast as the archive makes it."""
        return picture_at(self._archive, at_s - self._by_s)


def host_id_of(file_name: str, taken: Sequence[str]) -> str:
    """A host id from the name of a file, unlike those that are taken."""
    stem = PurePath(file_name).name
    for suffix in (".xz", ".zst", ".hsrec"):
        stem = stem.removesuffix(suffix)
    allowed = "".join(
        one if one.isascii() and (one.isalnum() or one in "._-") else "-" for one in stem
    )
    base = allowed.strip("-.")[:100] or "recording"
    number, name = 1, base
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def spans_of(shelf: Shelf, apart_s: float = math.inf) -> list[tuple[float, float]]:
    """The times of which anything was recorded, in order; those that are less apart are one."""
    found = [one for host_id in shelf.hosts() if (one := shelf.archive(host_id)) is not None]
    spans: list[tuple[float, float]] = []
    for began_s, ended_s in sorted((one.began_s, one.ended_s) for one in found):
        if spans and began_s - spans[-1][1] < apart_s:
            spans[-1] = (spans[-1][0], max(spans[-1][1], ended_s))
        else:
            spans.append((began_s, ended_s))
    return spans
