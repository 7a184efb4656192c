"""Writes recordings of a host, and plays them as if the host were there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from importlib.resources import as_file, files
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from hugescope_agent.errors import AgentError, AskError
from hugescope_agent.link import Looker
from hugescope_agent.sample import Sample
from hugescope_wire.errors import WireError
from hugescope_wire.frames import FrameKind, decode_frame, encode_frame, encode_range
from hugescope_wire.host import HostDelta, HostFrame, ProcessInfo, Source
from hugescope_wire.page import PageDetail
from hugescope_wire.picture import HostPicture
from hugescope_wire.recording import MAGIC, MAX_BYTES, Recording, encode_record, read_recording

HOLD_S: Final = 8.0
"""The last picture stays so long before a recording starts over."""

BEAT_S: Final = 1.0
_ASK_EVERY_S: Final = 0.2

SHIPPED: Final = "qemu-postcopy.hsrec.xz"
SHIPPED_NAME: Final = "a live migration between two QEMUs, recorded on Linux 6.18"

_Clock = Callable[[], float]
_About = TypeVar("_About", HostFrame, HostDelta)


class Recorder:
    """Writes every sample of a looker to a file, whole records only: what was written stays good
    however the process ends.
    """

    def __init__(self, path: Path, clock: _Clock = time.monotonic) -> None:
        """Create the file.

        Raises:
            AgentError: it is there already, or cannot be created.
        """
        try:
            # Unbuffered: a record is one write, and is there once it returns.
            self._file = open(path, "xb", buffering=0)  # noqa: SIM115 - closed by `close`
        except OSError as error:
            raise AgentError(f"{path}: {error.strerror}") from None
        self._path = path
        self._clock = clock
        self._began_s: float | None = None
        self._seq = 0
        self.samples = 0
        self._write(MAGIC)

    def add(self, sample: Sample) -> None:
        """Write one sample; the first must be a full one.

        Raises:
            AgentError: the file cannot be written.
        """
        now_s = self._clock()
        if self._began_s is None:
            self._began_s = now_s
        self._seq += 1
        full = isinstance(sample.about, HostFrame)
        kind = FrameKind.FULL if full else FrameKind.DELTA
        frame = encode_frame(kind, self._seq, sample.about, sample.blocks)
        self._write(encode_record(now_s - self._began_s, frame))
        self.samples += 1

    def close(self) -> None:
        """Bring everything to the disk and close the file."""
        os.fsync(self._file.fileno())
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

    def _write(self, data: bytes) -> None:
        try:
            written = self._file.write(data)
        except OSError as error:
            raise AgentError(f"{self._path}: {error.strerror}") from None
        if written != len(data):
            raise AgentError(f"{self._path}: no room for more")


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


def load(path: Path) -> Recording:
    """Read a recording.

    Raises:
        AgentError: it cannot be read, or is none.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise AgentError(f"{path}: longer than {MAX_BYTES} bytes, which are read into memory")
        return read_recording(path.read_bytes())
    except OSError as error:
        raise AgentError(f"{path}: {error.strerror}") from None
    except WireError as error:
        raise AgentError(f"{path}: {error}") from None


def shipped() -> Recording:
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
        recording: Recording,
        name: str,
        clock: _Clock = time.monotonic,
        hold_s: float = HOLD_S,
    ) -> None:
        self._records = recording.records
        self._source = Source(kind="replay", name=name)
        self._clock = clock
        self._round_s = recording.length_s + hold_s
        self._start_s = clock()
        self._round = 0
        self._next = 0
        self._picture = HostPicture()
        self._said_s = self._start_s

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
        frame = self._records[self._next].frame
        self._take()
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
        at_s = now_s - self._start_s - self._round * self._round_s
        passed_s = at_s - (self._records[self._next - 1].at_s - self._records[0].at_s)
        beat = HostDelta(taken_at=about.taken_at, monotonic_s=about.monotonic_s)
        return Sample(_later(beat, passed_s + self._passed_s()), [])

    def _begin_round(self) -> bool:
        """Start over when the time has come; whether it did."""
        number = int((self._clock() - self._start_s) / self._round_s)
        if number == self._round:
            return False
        self._round, self._next, self._picture = number, 0, HostPicture()
        return True

    def _is_due(self) -> bool:
        if self._next >= len(self._records):
            return False
        at_s = self._records[self._next].at_s - self._records[0].at_s
        return at_s <= self._clock() - self._start_s - self._round * self._round_s

    def _take(self) -> None:
        frame = self._records[self._next].frame
        raw = encode_frame(frame.kind, self._picture.seq + 1, frame.meta, frame.blocks)
        self._picture.apply(decode_frame(raw))
        self._next += 1

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
