"""Writes recordings of a host."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from hugescope_agent.errors import AgentError
from hugescope_agent.link import Looker
from hugescope_agent.sample import Sample
from hugescope_wire.frames import FrameKind, decode_frame, encode_frame
from hugescope_wire.host import HostFrame
from hugescope_wire.picture import HostPicture
from hugescope_wire.segments.deltas import TimedFrame
from hugescope_wire.segments.writer import WRITE_EVERY_S, SegmentWriter

FILE_MODE: Final = 0o600
"""A recording tells of all processes, and where their memory lies."""

_ASK_EVERY_S: Final = 0.2
_US: Final = 1_000_000

_Clock = Callable[[], float]


class Recorder:
    """Writes every sample of a looker to a file, with the first that comes `WRITE_EVERY_S` or more
    after what was written last, and whole records only: what was written stays good however the
    process ends.

    Attributes:
        samples: that were given to it.
    """

    def __init__(self, path: Path) -> None:
        """Create the file.

        Raises:
            AgentError: it is there already, or cannot be created.
        """
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            raise AgentError(f"{path}: {error.strerror}") from None
        self._path = path
        self._picture = HostPicture()
        self._writer = SegmentWriter()
        self._zero_us: int | None = None
        self._waiting: list[TimedFrame] = []
        self._written_us = 0
        self._size_bytes = 0
        self._failed = False
        self.samples = 0
        self._write(self._writer.begin_file())

    def add(self, sample: Sample) -> None:
        """Take one sample; the first must be a full one.

        Raises:
            AgentError: the file cannot be written; the message says until when it is good.
        """
        about = sample.about
        full = isinstance(about, HostFrame)
        kind = FrameKind.FULL if full else FrameKind.DELTA
        data = encode_frame(kind, self._picture.seq + 1, about, sample.blocks)
        self._picture.apply(decode_frame(data))
        monotonic_us = round(about.monotonic_s * _US)
        if self._zero_us is None:
            self._zero_us = round(about.taken_at.timestamp() * _US) - monotonic_us
        at_us = self._zero_us + monotonic_us
        last_us = self._waiting[-1].at_us if self._waiting else self._written_us
        at_us = max(at_us, last_us + 1)
        self._waiting.append(TimedFrame(at_us, data))
        self.samples += 1
        # None waits for one that comes much later: where they are rare each is written at once.
        if at_us - self._written_us >= WRITE_EVERY_S * _US:
            self._write_waiting()

    def close(self) -> None:
        """Bring everything to the disk and close the file.

        Raises:
            AgentError: the last samples could not be written.
        """
        try:
            if not self._failed:
                self._write_waiting()
                if self.samples:
                    self._write(self._writer.end())
                os.fsync(self._fd)
        finally:
            os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _write_waiting(self) -> None:
        if self._waiting:
            self._write(self._writer.batch(self._waiting, self._picture))
            self._written_us = self._waiting[-1].at_us
            self._waiting = []

    def _write(self, data: bytes) -> None:
        try:
            # One write: a record is there once it returns.
            written = os.write(self._fd, data)
            why = "" if written == len(data) else "no room for more"
        except OSError as error:
            why = error.strerror or str(error)
        if not why:
            self._size_bytes += len(data)
            return
        self._failed = True
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self._size_bytes)
        raise AgentError(f"{self._path}: {why}; {self._what_is_kept()}")

    def _what_is_kept(self) -> str:
        if not self._written_us:
            return "nothing was recorded"
        until = datetime.fromtimestamp(self._written_us / _US, UTC)
        lost = len(self._waiting)
        return (
            f"recorded until {until:%Y-%m-%d %H:%M:%S.%f} UTC, {lost} samples after that are lost"
        )


def record(
    looker: Looker,
    recorder: Recorder,
    tick_hz: float,
    until: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
    clock: _Clock = time.monotonic,
) -> None:
    """Look again and again until `until()`, which is asked several times a second; the first
    sample is a full one.
    """
    recorder.add(looker.full())
    due_s = clock()
    while True:
        due_s = max(due_s + 1 / tick_hz, clock())
        while (left_s := due_s - clock()) > 0 and not until():
            sleep(min(left_s, _ASK_EVERY_S))
        if until():
            return
        sample = looker.tick()
        if sample is not None:
            recorder.add(sample)
