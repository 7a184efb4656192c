"""Recorded time in one file of the second format, or in several that follow each other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from hugescope_wire.errors import WireError
from hugescope_wire.picture import HostPicture
from hugescope_wire.recording import Loss, Record
from hugescope_wire.segments.deltas import DeltaReader
from hugescope_wire.segments.file import SegmentFile
from hugescope_wire.segments.following import Follower, Lost
from hugescope_wire.segments.forward import Forward
from hugescope_wire.segments.head import Kind
from hugescope_wire.segments.keys import key_frame, key_picture
from hugescope_wire.segments.sizes import key_fits
from hugescope_wire.storedfile import StoredFile

_US: Final = 1e6


class _Place(NamedTuple):
    """A key."""

    file: SegmentFile
    at: int


class SegmentArchive:
    """A recording of the second format; its losses are found when they are first asked for."""

    def __init__(self, file: StoredFile, name: str) -> None:
        """Look through the heads of the whole file.

        Raises:
            WireError: `bad_recording`: not one key of it can be read.
        """
        self.name: Final = name
        self._file: Final = SegmentFile(file)
        first = next((at for at in self._file.keys_at if is_intact(self._file, at)), None)
        if first is None:
            raise WireError("bad_recording", "nothing of it can be read: it is empty or damaged")
        self.began_s: Final = self._file.keys_s[self._file.keys_at.index(first)]
        self.ended_s: Final = max(self.began_s, self._file.last_us / _US)
        self._losses: tuple[Loss, ...] | None = None

    @property
    def losses(self) -> tuple[Loss, ...]:
        """In order of time."""
        if self._losses is None:
            follower = Follower(self._file, lambda _file: None, growing=False)
            self._losses = tuple(
                loss_of(one) for one in follower.read_on() if isinstance(one, Lost)
            )
        return self._losses

    def records(
        self, since_s: float | None = None, until_s: float | None = None
    ) -> Iterator[Record]:
        """As `Archive` says."""
        return records_of(self._from(since_s), until_s)

    def picture(self, at_s: float) -> HostPicture:
        """As `Pictured` says."""
        return picture_of(self._from(at_s), max(at_s, self.began_s))

    def _from(self, since_s: float | None) -> Follower:
        place = newest_key((self._file,), since_s)
        if place is None:
            raise WireError("bad_recording", f"{self.name}: is not what it was when it was opened")
        return Follower(place.file, lambda _file: None, growing=False, at=place.at)


def newest_key(files: Sequence[SegmentFile], since_s: float | None) -> _Place | None:
    """The newest key that can be read and is not after this; where there is none, the first."""
    if since_s is not None:
        for file in reversed(files):
            for number in range(bisect_right(file.keys_s, since_s) - 1, -1, -1):
                if is_intact(file, file.keys_at[number]):
                    return _Place(file, file.keys_at[number])
    for file in files:
        for at in file.keys_at:
            if is_intact(file, at):
                return _Place(file, at)
    return None


def is_intact(file: SegmentFile, at: int) -> bool:
    """Whether the key there can be read."""
    step = file.step(at)
    return step is not None and step.payload is not None and not key_fits(step.payload)


def records_of(follower: Follower, until_s: float | None) -> Iterator[Record]:
    """The frames of what a follower finds.

    Raises:
        WireError: `bad_recording`: a sum is right, but what it sums is no record.
    """
    deltas = DeltaReader()
    for one in follower.read_on():
        if isinstance(one, Lost):
            continue
        head = one.head
        if until_s is not None and head.first_us / _US > until_s:
            return
        if head.kind is Kind.KEY:
            deltas = DeltaReader()
            if one.begins:
                yield Record(head.last_us / _US, key_frame(one.payload))
            continue
        for record in deltas.records(one.payload, head.first_us):
            if until_s is not None and record.at_s > until_s:
                return
            yield record


def picture_of(follower: Follower, at_s: float) -> HostPicture:
    """The picture at a moment that is not before the key from which the follower begins.

    Raises:
        WireError: `bad_recording`: a sum is right, but what it sums is no record.
    """
    deltas, forward = DeltaReader(), Forward(HostPicture())
    for one in follower.read_on():
        if isinstance(one, Lost):
            continue
        head = one.head
        if head.first_us / _US > at_s:
            break
        if head.kind is Kind.KEY:
            deltas = DeltaReader()
            if one.begins:
                forward = Forward(key_picture(one.payload))
            else:
                forward.begin_segment()
            continue
        for parts in deltas.parts(one.payload, head.first_us):
            if parts.at_us / _US > at_s:
                break
            forward.take(parts)
    return forward.picture()


def loss_of(lost: Lost) -> Loss:
    """In seconds, for people."""
    until_s = None if lost.until_us is None else lost.until_us / _US
    return Loss(lost.since_us / _US, until_s, lost.why)
