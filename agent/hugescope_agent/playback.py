"""Plays recordings of a host as if the host were there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final, TypeVar

from hugescope_agent.errors import AgentError, AskError
from hugescope_agent.sample import Sample
from hugescope_wire.archive import Archive, applied, open_archive
from hugescope_wire.errors import WireError
from hugescope_wire.frames import RawFrame, encode_range
from hugescope_wire.host import HostDelta, HostFrame, ProcessInfo, Source
from hugescope_wire.page import PageDetail
from hugescope_wire.picture import HostPicture
from hugescope_wire.recording import Record

HOLD_S: Final = 8.0
"""The last picture stays so long before a recording starts over."""

BEAT_S: Final = 1.0

SHIPPED: Final = "qemu-postcopy.hsrec.xz"
SHIPPED_NAME: Final = "a live migration between two QEMUs, recorded on Linux 6.18"

_Clock = Callable[[], float]
_About = TypeVar("_About", HostFrame, HostDelta)


def load(path: Path) -> Archive:
    """Open a recording.

    Raises:
        AgentError: it cannot be read, or is none.
    """
    try:
        return open_archive(path)
    except OSError as error:
        raise AgentError(f"{path}: {error.strerror}") from None
    except WireError as error:
        raise AgentError(f"{path}: {error}") from None


def shipped() -> Archive:
    """The recording that the package carries."""
    with as_file(files("hugescope_agent") / "data" / SHIPPED) as path:
        return load(path)


class Playback:
    """Gives the samples of a recording at their times, again from the start when it ends.

    Every sample says that it is a replay. Times of the recorded host stay as they were recorded,
    but go on when it starts over.
    """

    def __init__(
        self,
        archive: Archive,
        name: str,
        clock: _Clock = time.monotonic,
        hold_s: float = HOLD_S,
    ) -> None:
        self._archive = archive
        self._source = Source(kind="replay", name=name)
        self._clock = clock
        self._round_s = archive.ended_s - archive.began_s + hold_s
        self._start_s = clock()
        self._round = 0
        self._said_s = self._start_s
        self._rewind()

    def full(self) -> Sample:
        """Everything, as it was at this moment of the recording."""
        self._begin_round()
        while self._is_due():
            self._take()
        if self._picture.about is None:
            self._take()
        return self._whole()

    def tick(self) -> Sample | None:
        """The next sample, if its time has come."""
        if self._begin_round():
            self._take()
            return self._whole()
        if not self._is_due():
            return self._beat()
        self._said_s = self._clock()
        frame = self._take()
        if isinstance(frame.meta, HostFrame):
            return self._whole()
        return Sample(_later(frame.meta, self._passed_s()), list(frame.blocks))

    def page(self, pid: int, address: int, part: int | None) -> PageDetail:
        """Nothing is known of a page but what is in the frames."""
        raise AskError("unreadable", "this is a recording: what is behind a page was not recorded")

    def close(self) -> None:
        """There is nothing to close."""

    def _beat(self) -> Sample | None:
        """Nothing changed, but the replay lives: said once a second."""
        now_s = self._clock()
        about = self._picture.about
        if about is None or now_s - self._said_s < BEAT_S:
            return None
        self._said_s = now_s
        passed_s = now_s - self._start_s - self._round * self._round_s - self._played_s
        beat = HostDelta(taken_at=about.taken_at, monotonic_s=about.monotonic_s)
        return Sample(_later(beat, passed_s + self._passed_s()), [])

    def _begin_round(self) -> bool:
        """Start over when the time has come; whether it did."""
        number = int((self._clock() - self._start_s) / self._round_s)
        if number == self._round:
            return False
        self._round = number
        self._rewind()
        return True

    def _rewind(self) -> None:
        self._rest: Iterator[Record] = self._archive.records()
        self._next = self._read()
        self._picture = HostPicture()
        self._played_s = 0.0

    def _is_due(self) -> bool:
        if self._next is None:
            return False
        at_s = self._next.at_s - self._archive.began_s
        return at_s <= self._clock() - self._start_s - self._round * self._round_s

    def _take(self) -> RawFrame:
        record = self._next
        assert record is not None, "a recording holds one record at least"
        applied(self._picture, record.frame)
        self._played_s = record.at_s - self._archive.began_s
        self._next = self._read()
        return record.frame

    def _read(self) -> Record | None:
        try:
            return next(self._rest, None)
        except WireError as error:
            raise AgentError(f"{self._source.name}: {error}") from None

    def _passed_s(self) -> float:
        """Seconds that all rounds before this one took."""
        return self._round * self._round_s

    def _whole(self) -> Sample:
        self._said_s = self._clock()
        picture = self._picture
        assert picture.about is not None, "the first record is a full frame"
        about = _later(picture.about, self._passed_s())
        about = about.model_copy(update={"source": self._source})
        blocks = [
            encode_range(number, info.page_size, picture.cells[number])
            for number, info in picture.mappings.items()
        ]
        return Sample(about, blocks)


def _later(about: _About, seconds: float) -> _About:
    """The same with all its times moved."""
    if seconds == 0:
        return about
    update: dict[str, object] = {
        "taken_at": about.taken_at + timedelta(seconds=seconds),
        "monotonic_s": about.monotonic_s + seconds,
        "processes": [_process_later(process, seconds) for process in about.processes],
    }
    if about.faults is not None:
        faults = [
            fault.model_copy(update={"at_s": fault.at_s + seconds}) for fault in about.faults.faults
        ]
        update["faults"] = about.faults.model_copy(update={"faults": faults})
    if about.report is not None:
        taken_at = about.report.taken_at + timedelta(seconds=seconds)
        update["report"] = about.report.model_copy(update={"taken_at": taken_at})
    return about.model_copy(update=update)


def _process_later(process: ProcessInfo, seconds: float) -> ProcessInfo:
    qmp = process.qmp
    if qmp is None:
        return process
    events = [event.model_copy(update={"at_s": event.at_s + seconds}) for event in qmp.events]
    moved = qmp.model_copy(update={"read_at_s": qmp.read_at_s + seconds, "events": events})
    return process.model_copy(update={"qmp": moved})
