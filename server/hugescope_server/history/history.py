"""The history of every host: what the bus brings, written in rounds, and read at any time.

The event loop only collects; disks are waited for in a thread. Where they cannot be written to,
history stops, says so, and tries again; all else goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hugescope_server import tasks
from hugescope_server.bus import Bus, FrameTaken, HostEvent, Unseen
from hugescope_server.history import places
from hugescope_server.history.archive import HistoryArchive
from hugescope_server.history.hostfiles import HostFiles
from hugescope_server.history.keeping import Stored, to_remove
from hugescope_server.history.moments import Moments
from hugescope_server.history.waiting import Missing, Waiting, why_unseen
from hugescope_server.history.worker import Worker
from hugescope_server.settings import ServerSettings
from hugescope_wire.host import Limit
from hugescope_wire.segments.deltas import TimedFrame
from hugescope_wire.segments.writer import WRITE_EVERY_S

TRY_AGAIN_S: Final = 30.0
STOP_WITHIN_S: Final = 3.0
MOST_WAITING_BYTES: Final = 64 << 20
"""Of frames, while a disk does not answer."""

LARGEST_FILE_BYTES: Final = 8 << 20
SMALLEST_FILE_BYTES: Final = 1 << 14
CHECK_EVERY_S: Final = 15.0
CLOSED_AFTER_S: Final = 60.0
"""A host's last file, beyond the time for which its agent may go on where it left."""

FILES_IN_ALL: Final = 64
"""So that what goes when there is no more room is a small part of all."""

TOO_SLOW: Final = "the disk did not keep up"
_LOCK: Final = ".lock"
_US: Final = 1_000_000

_log: Final = logging.getLogger(__name__)


class History:
    """What this server keeps of its hosts.

    Args:
        settings: where, how much and how long.
        bus: whose frames are kept.
        clock: seconds, monotonic.
        wall_clock: seconds since 1970.

    Attributes:
        version: another whenever hosts came or went.
        limit: why nothing is written now; None: it is.
        on_limit: called in the event loop when that changes.
    """

    def __init__(
        self,
        settings: ServerSettings,
        bus: Bus,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.version = 0
        self.limit: Limit | None = None
        self.on_limit: Callable[[Limit | None], None] = lambda _limit: None
        self._root: Final = settings.history_root
        self._settings: Final = settings
        share = settings.history_bytes // FILES_IN_ALL
        self._share: Final = min(max(share, SMALLEST_FILE_BYTES), LARGEST_FILE_BYTES)
        self._bus: Final = bus
        self._clock: Final = clock
        self._wall_clock: Final = wall_clock
        self._archives: dict[str, HistoryArchive] = {}
        self._moments: dict[str, Moments] = {}
        self._waiting: dict[str, Waiting] = {}
        self._too_slow: set[str] = set()
        self._bytes = 0
        # Of the worker's thread alone:
        self._files: dict[str, HostFiles] = {}
        self._written_s: dict[str, float] = {}
        self._lock_fd: int | None = None
        self._failed: str | None = None
        self._try_again_s = 0.0
        self._written_bytes = 0
        self._check_due_s = 0.0

    async def start(self) -> None:
        """Find what is stored, and write from now on."""
        self._worker = Worker("history")
        self._unsubscribe = self._bus.subscribe(None, self._follow)
        self._rounds = tasks.start("write history", self._write_rounds())

    async def stop(self) -> None:
        """Write what waits and end; a disk that does not answer is not waited for long."""
        self._unsubscribe()
        self._rounds.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_WITHIN_S):
                await self.write_now()
                await self._worker.do(self._close)
        self._worker.end()

    @property
    def waiting_bytes(self) -> int:
        """Of frames that wait to be written."""
        return self._bytes

    def hosts(self) -> list[str]:
        """The ids of all hosts of which a picture is stored."""
        return [host_id for host_id, archive in list(self._archives.items()) if archive.began_s]

    def archive(self, host_id: str) -> HistoryArchive | None:
        """What is stored of this host; None: nothing."""
        archive = self._archives.get(host_id)
        return archive if archive is not None and archive.began_s else None

    def span(self, host_id: str) -> tuple[float, float] | None:
        """The first and the last moment of which something is stored, in seconds since 1970."""
        archive = self.archive(host_id)
        return None if archive is None else (archive.began_s, archive.ended_s)

    def delete(self, host_id: str) -> bool:
        """Delete what is stored of this host for good; whether there was anything. A host that is
        there is written anew from now on.
        """
        if self.archive(host_id) is None:
            return False
        directory = places.directory_of(self._root, host_id)
        self.version += 1
        trash = places.put_away(self._root, directory, self.version)
        self._archives.pop(host_id)
        self._worker.do(lambda: self._forget(host_id, trash))
        return True

    def _follow(self, event: HostEvent) -> None:
        if not isinstance(event, FrameTaken) or event.host_id in self._too_slow:
            return
        moments = self._moments.setdefault(event.host_id, Moments())
        at_us = moments.of(event, self._clock(), self._wall_clock())
        waiting = self._waiting.setdefault(event.host_id, Waiting())
        if event.unseen is not None:
            waiting.parts.append(_missing(event.unseen, at_us))
        waiting.add(TimedFrame(at_us, event.data), event.picture)
        self._bytes += len(event.data)
        if self._bytes > MOST_WAITING_BYTES:
            self._too_slow.update(self._waiting)
            self._waiting, self._bytes = {}, 0

    async def _write_rounds(self) -> None:
        while True:
            begun_s = time.monotonic()
            await self.write_now()
            await asyncio.sleep(max(begun_s + WRITE_EVERY_S - time.monotonic(), 0.0))

    async def write_now(self) -> None:
        """Write what waits, without waiting for its second."""
        waiting, self._waiting, self._bytes = self._waiting, {}, 0
        slow, self._too_slow = self._too_slow, set()
        await self._worker.do(lambda: self._guarded_round(waiting, slow))
        self._tell()

    def _tell(self) -> None:
        limit = None if self._failed is None else _limit(self._root, self._failed)
        if limit != self.limit:
            self.limit = limit
            if limit is None:
                _log.warning("history is written again")
            else:
                _log.error("%s", limit.reason)
            self.on_limit(limit)

    # From here on: in the worker's thread.

    def _guarded_round(self, waiting: dict[str, Waiting], slow: set[str]) -> None:
        """What goes wrong is noted here, in the order of rounds, and not when the loop hears."""
        try:
            self._round(waiting, slow)
        except Exception:  # noqa: BLE001 - what is live goes on whatever becomes of the past
            _log.exception("history: a round failed")
            self._failed = "an error of the server, which its log tells"

    def _round(self, waiting: dict[str, Waiting], slow: set[str]) -> None:
        if self._failed is not None and self._clock() < self._try_again_s:
            self._miss(waiting, f"the history could not be written: {self._failed}")
            return
        try:
            if self._lock_fd is None:
                self._open()
            for host_id in slow:
                self._of(host_id).miss(TOO_SLOW)
            for host_id, one in waiting.items():
                self._written_s[host_id] = self._clock()
                self._written_bytes += self._of(host_id).write(one.parts)
            for host_id in waiting:
                self._of(host_id).sync()
                self._of(host_id).show()
            if self._written_bytes >= self._share or self._clock() >= self._check_due_s:
                self._keep_to_bounds()
            self._failed = None
        except OSError as error:
            self._failed = error.strerror or str(error)
            self._try_again_s = self._clock() + TRY_AGAIN_S
            self._miss(waiting, f"the history could not be written: {self._failed}")
            for files in self._files.values():
                files.end_file()

    def _miss(self, waiting: dict[str, Waiting], why: str) -> None:
        for host_id in waiting:
            if host_id in self._files:
                self._files[host_id].miss(why)

    def _open(self) -> None:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self._root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise OSError("another server writes there") from None
        for host_id, directory in places.stored_hosts(self._root).items():
            self._archives.setdefault(host_id, HistoryArchive(directory, host_id))
        self._lock_fd = fd
        self.version += 1

    def _of(self, host_id: str) -> HostFiles:
        files = self._files.get(host_id)
        if files is None:
            archive = self._archives.get(host_id)
            if archive is None:
                directory = places.make_directory(self._root, host_id)
                archive = self._archives[host_id] = HistoryArchive(directory, host_id)
                self.version += 1
            files = self._files[host_id] = HostFiles(self._root, host_id, self._share, archive)
        return files

    def _close_gone(self) -> None:
        """Hosts that are gone for good would hold a descriptor each, and their directories."""
        oldest_s = self._clock() - self._settings.forget_after_s - CLOSED_AFTER_S
        for host_id in [one for one, at_s in self._written_s.items() if at_s < oldest_s]:
            del self._written_s[host_id]
            self._forget(host_id, None)

    def _keep_to_bounds(self) -> None:
        self._written_bytes, self._check_due_s = 0, self._clock() + CHECK_EVERY_S
        self._close_gone()
        stored = [
            Stored(file.last_us / _US, file.size_bytes, file.path)
            for archive in list(self._archives.values())
            for file in archive.files
        ]
        oldest_s = self._wall_clock() - self._settings.history_age_s
        gone, _ = to_remove(stored, self._settings.history_bytes, oldest_s)
        for one in gone:
            for files in self._files.values():
                if files.is_writing_to(one.path):
                    files.end_file()
            one.path.unlink(missing_ok=True)
        for directory in {one.path.parent for one in gone}:
            for host_id, archive in list(self._archives.items()):
                if archive.directory == directory:
                    archive.refresh()
                    self.version += 1
                    if not archive.files and host_id not in self._files:
                        shutil.rmtree(directory, ignore_errors=True)
                        self._archives.pop(host_id, None)

    def _forget(self, host_id: str, trash: Path | None) -> None:
        files = self._files.pop(host_id, None)
        if files is not None:
            files.end_file()
        if trash is not None:
            shutil.rmtree(trash, ignore_errors=True)

    def _close(self) -> None:
        for files in self._files.values():
            files.end_file()
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None


def _missing(unseen: Unseen, until_us: int) -> Missing:
    """Of a look that came late, since when is told; else it is since what was written last."""
    since_us = None
    if unseen.reason == "not_looked" and unseen.for_s is not None:
        since_us = until_us - round(unseen.for_s * _US)
    return Missing(since_us, until_us, why_unseen(unseen.reason))


def _limit(root: Path, why: str) -> Limit:
    return Limit(
        capability="history",
        reason=f"Nothing is written to {root}: {why}",
        cost="This time cannot be shown again; what is shown live goes on",
        remedy="Make room there, or choose another directory: HUGESCOPE_HISTORY_DIR",
    )
