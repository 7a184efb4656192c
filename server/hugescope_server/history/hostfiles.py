"""Writes one host's history. All of it may block: it is for the worker's thread."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hugescope_server.history.archive import HistoryArchive
from hugescope_server.history.places import make_directory, new_file
from hugescope_server.history.waiting import Frames, Missing
from hugescope_wire.segments.deltas import TimedFrame
from hugescope_wire.segments.writer import SegmentWriter

FILE_S: Final = 600.0
NOT_RUNNING: Final = "the server was not running, or the agent not connected to it"
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
_US: Final = 1_000_000


class HostFiles:
    """One host's files, of which the last is written to.

    Args:
        root: where all hosts' directories are.
        file_bytes: a file that is as long is followed by another.

    Attributes:
        archive: what was written.
    """

    def __init__(self, root: Path, host_id: str, file_bytes: int, archive: HistoryArchive) -> None:
        self.archive: Final = archive
        self._root = root
        self._host_id = host_id
        self._file_bytes = file_bytes
        self._writer = SegmentWriter()
        self._fd: int | None = None
        self._path: Path | None = None
        self._began_us = 0
        self._size_bytes = 0
        self._last_us = round(archive.ended_s * _US)
        self._shift_us = 0
        self._goes_on = False
        self._missing: str | None = NOT_RUNNING if self._last_us else None

    def write(self, parts: Sequence[Missing | Frames]) -> int:
        """Append these with one write; how many bytes that took.

        Raises:
            OSError: they could not be written; what is written next comes after a gap.
        """
        last_us = self._last_us
        try:
            return self._write(parts)
        except OSError as error:
            self._last_us = last_us
            self._give_up(f"the history could not be written: {error.strerror or error}")
            raise

    def sync(self) -> None:
        """Have the disk keep what was written.

        Raises:
            OSError: it could not.
        """
        if self._fd is not None:
            os.fdatasync(self._fd)

    def show(self) -> None:
        """Let the archive have what was written."""
        files = self.archive.files
        if files and self.is_writing_to(files[-1].path):
            self.archive.grow()
        else:
            self.archive.refresh()

    def miss(self, why: str) -> None:
        """What comes until the next `write` is not written."""
        self._missing = self._missing or why
        self._goes_on = False
        self._writer.forget()

    def end_file(self) -> None:
        """What is written next goes to another file."""
        if self._fd is not None:
            os.close(self._fd)
        self._fd = self._path = None

    def is_writing_to(self, path: Path) -> bool:
        """Whether this is its last file."""
        return self._path == path

    def _write(self, parts: Sequence[Missing | Frames]) -> int:
        frames = [one for one in parts if isinstance(one, Frames)]
        if not frames:
            return 0
        self._fit(frames[0].frames[0].at_us)
        data = [self._file(frames[0].frames[0].at_us + self._shift_us)]
        if self._missing is not None:
            told = parts[0].why if isinstance(parts[0], Missing) else self._missing
            data.append(self._writer.gap(self._last_us, self._known_again_us(frames), told))
            parts = parts[1:] if isinstance(parts[0], Missing) else parts
        data += [self._part(part) for part in parts]
        whole = b"".join(data)
        self._append(whole)
        self._missing, self._goes_on = None, True
        return len(whole)

    def _part(self, part: Missing | Frames) -> bytes:
        if isinstance(part, Missing):
            until_us = part.until_us + self._shift_us
            since_us = self._last_us
            if part.since_us is not None:
                since_us = max(part.since_us + self._shift_us, since_us)
            return self._writer.gap(min(since_us, until_us), until_us, part.why)
        shifted = part.frames
        if self._shift_us:
            shifted = [TimedFrame(one.at_us + self._shift_us, one.data) for one in shifted]
        self._last_us = shifted[-1].at_us
        return self._writer.batch(shifted, part.after)

    def _known_again_us(self, frames: Sequence[Frames]) -> int:
        """From the first full frame on; without one, from the end of what the picture is of."""
        first = frames[0].frames
        at_us = next((one.at_us for one in first if one.is_full), first[-1].at_us)
        return at_us + self._shift_us

    def _fit(self, first_us: int) -> None:
        """Times never fall, also where the clock was set back while the server was away."""
        if not self._goes_on and first_us + self._shift_us <= self._last_us:
            self._shift_us = self._last_us + 1 - first_us

    def _file(self, first_us: int) -> bytes:
        """See that there is a file to write to; what it begins with, where it is new."""
        full = self._size_bytes >= self._file_bytes
        if self._fd is not None and (full or first_us - self._began_us >= FILE_S * _US):
            self.end_file()
        if self._fd is not None:
            return b""
        path = new_file(make_directory(self._root, self._host_id), first_us)
        self._fd = os.open(path, _FLAGS, 0o600)
        self._path, self._began_us, self._size_bytes = path, first_us, 0
        return self._writer.begin_file()

    def _append(self, data: bytes) -> None:
        assert self._fd is not None, "a file was opened"
        written = os.write(self._fd, data)
        if written != len(data):
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size_bytes)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size_bytes += written

    def _give_up(self, why: str) -> None:
        self.miss(why)
        empty = self._path if not self._size_bytes else None
        self.end_file()
        if empty is not None:
            with contextlib.suppress(OSError):
                empty.unlink()
