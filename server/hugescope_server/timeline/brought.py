"""Recordings that viewers brought: files of this process, which go when it ends."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from hugescope_server.timeline.shelf import FileShelf, Moved, host_id_of
from hugescope_wire.archive import open_archive


class Incoming:
    """A file that is being written; it is gone again after `with`, unless it was kept.

    Attributes:
        size_bytes: written so far.
    """

    def __init__(self, brought: Brought, path: Path) -> None:
        self.path: Final = path
        self.size_bytes = 0
        self.kept = False
        self._brought = brought
        self._file = path.open("xb")

    async def write(self, data: bytes) -> None:
        """Append."""
        self.size_bytes += len(data)
        await asyncio.to_thread(self._file.write, data)

    def close(self) -> None:
        """Nothing more comes."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        self._brought.end(self)


class Brought:
    """Takes recordings in and puts them on a shelf.

    Args:
        shelf: where they go; taking one from there makes room for another.
        most: kept at once, those that are still coming included.
    """

    def __init__(self, shelf: FileShelf, most: int) -> None:
        self._shelf = shelf
        self._most = most
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._count = 0
        self._coming = 0
        self._paths: dict[str, Path] = {}

    @property
    def directory(self) -> Path | None:
        """Where the files are; None: there are none."""
        return None if self._directory is None else Path(self._directory.name)

    def begin(self) -> Incoming | None:
        """A file to write to; None: there is no room for one more."""
        self._drop_deleted()
        if len(self._paths) + self._coming >= self._most:
            return None
        if self._directory is None:
            self._directory = tempfile.TemporaryDirectory(prefix="hugescope-recordings-")
        self._count += 1
        incoming = Incoming(self, Path(self._directory.name) / f"{self._count}.hsrec")
        self._coming += 1
        return incoming

    async def add(self, incoming: Incoming, name: str, taken: Iterable[str]) -> str:
        """Keep what came, under a host id that is not taken.

        Raises:
            WireError: `bad_recording`.
        """
        incoming.close()
        archive = await asyncio.to_thread(open_archive, incoming.path)
        host_id = host_id_of(name, [*taken, *self._shelf.hosts()])
        self._shelf.add(Moved(archive, name=name), host_id)
        incoming.kept = True
        self._paths[host_id] = incoming.path
        return host_id

    def end(self, incoming: Incoming) -> None:
        """It came, or did not."""
        self._coming -= 1
        if not incoming.kept:
            incoming.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove all files."""
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None

    def _drop_deleted(self) -> None:
        for host_id in self._paths.keys() - set(self._shelf.hosts()):
            self._paths.pop(host_id).unlink(missing_ok=True)
