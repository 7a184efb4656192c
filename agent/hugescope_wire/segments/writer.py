"""Makes records of the second format, one batch of frames after the other.

No I/O. Whoever writes brings what `batch` gives to the disk with one write.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from hugescope_wire.errors import WireError
from hugescope_wire.frames import decode_frame
from hugescope_wire.picture import HostPicture
from hugescope_wire.segments import head
from hugescope_wire.segments.deltas import (
    MAX_FRAMES,
    WRITTEN_FRAMES_BYTES,
    DeltaWriter,
    TimedFrame,
)
from hugescope_wire.segments.head import MAGIC, Kind
from hugescope_wire.segments.keys import key_payload

WRITE_EVERY_S: Final = 0.75
"""Between batches of a file that grows: who is killed loses no more than a second, the time of a
write included. Shorter batches take more bytes (docs/decisions/0020).
"""

KEY_FRAMES: Final = 600
"""A minute at 10 Hz: what a seek may have to bring forward (docs/decisions/0020)."""

_GAP: Final = struct.Struct("<qq")


def frozen(picture: HostPicture) -> HostPicture:
    """The picture as it is now: frames replace its parts and never write in them."""
    return HostPicture(picture.seq, picture.about, picture.mappings, picture.cells)


class SegmentWriter:
    """Writes one host's frames; what it writes first begins with a key.

    Args:
        key_frames: a key comes after so many frames.
    """

    def __init__(self, key_frames: int = KEY_FRAMES) -> None:
        self._key_frames = key_frames
        self._chain = 0
        self._deltas: DeltaWriter | None = None
        self._state: HostPicture | None = None
        self._state_us = 0
        self._frames = 0
        self._key_bytes = 0
        self._delta_bytes = 0

    def begin_file(self) -> bytes:
        """What a file begins with; the next batch brings a key."""
        self._deltas = None
        return MAGIC

    def batch(self, frames: Sequence[TimedFrame], after: HostPicture) -> bytes:
        """The records of these frames, in order of time, one at least.

        Args:
            frames: that followed those of the batch before; after a gap, any.
            after: the host after the last of them.
        """
        parts: list[bytes] = []
        begin = 0
        for at, frame in enumerate(frames):
            if frame.is_full:
                parts.append(self._some(frames[begin:at]))
                fresh = HostPicture()
                fresh.apply(decode_frame(frame.data))
                parts.append(self._key(fresh, frame.at_us, continues=False))
                begin = at + 1
        if begin < len(frames):
            last = frames[begin:]
            if self._state is None:
                parts.append(self._key(after, last[-1].at_us, continues=False))
            else:
                parts.append(self._some(last))
        self._state, self._state_us = frozen(after), frames[-1].at_us
        return b"".join(parts)

    def gap(self, since_us: int, until_us: int, why: str) -> bytes:
        """The record of a time of which nothing was kept. The next frame still says what changed
        since the one before, unless it is a full one.
        """
        payload = _GAP.pack(since_us, until_us) + why.encode()
        return self._framed(Kind.GAP, until_us, until_us, payload)

    def end(self) -> bytes:
        """The record after which nothing follows."""
        return self._framed(Kind.END, self._state_us, self._state_us, b"")

    def forget(self) -> None:
        """What was written last may not be there: what is written next stands alone."""
        self._deltas = self._state = None

    def _some(self, frames: Sequence[TimedFrame]) -> bytes:
        """Frames that follow the last state."""
        if not frames or self._state is None:
            return b""
        parts = []
        if self._deltas is None or self._key_due():
            parts.append(self._key(self._state, self._state_us, continues=True))
        since_key: list[TimedFrame] = []
        for some in _shared_out(frames):
            assert self._deltas is not None, "a key begins a segment"
            if self._deltas.is_long:
                picture = _brought_forward(self._state, since_key)
                parts.append(self._key(picture, since_key[-1].at_us, continues=True))
                since_key = []
            payload = self._deltas.payload(some)
            parts.append(self._framed(Kind.DELTAS, some[0].at_us, some[-1].at_us, payload))
            self._delta_bytes += len(payload)
            self._frames += len(some)
            since_key += some
        return b"".join(parts)

    def _key_due(self) -> bool:
        """Keys of large hosts are seldom where little changes: all of them, as long as deltas."""
        if self._deltas is not None and self._deltas.is_long:
            return True
        return self._frames >= self._key_frames and self._delta_bytes >= self._key_bytes

    def _key(self, picture: HostPicture, at_us: int, *, continues: bool) -> bytes:
        # Before what takes its place in memory is made: it has some hundred KiB.
        self._deltas = None
        payload = key_payload(picture)
        self._deltas, self._state, self._state_us = DeltaWriter(), frozen(picture), at_us
        self._frames, self._key_bytes, self._delta_bytes = 0, len(payload), 0
        return self._framed(Kind.KEY, at_us, at_us, payload, continues=continues)

    def _framed(
        self, kind: Kind, first_us: int, last_us: int, payload: bytes, *, continues: bool = False
    ) -> bytes:
        record = head.framed(kind, first_us, last_us, payload, self._chain, continues)
        self._chain = head.own_sum(record)
        return record


def _brought_forward(picture: HostPicture, frames: Sequence[TimedFrame]) -> HostPicture:
    """What it was after these, whatever their numbers are."""
    after = frozen(picture)
    for frame in frames:
        after.apply(replace(decode_frame(frame.data), seq=after.seq + 1))
    return after


def _shared_out(frames: Sequence[TimedFrame]) -> Iterator[Sequence[TimedFrame]]:
    """Frames for one record each: no more than a reader takes at once."""
    begin = size = 0
    for at, frame in enumerate(frames):
        size += len(frame.data)
        if at > begin and (size > WRITTEN_FRAMES_BYTES or at - begin == MAX_FRAMES):
            yield frames[begin:at]
            begin, size = at, len(frame.data)
    yield frames[begin:]


def gap_of(payload: bytes) -> tuple[int, int, str]:
    """Since when, until when (microseconds since 1970), and why.

    Raises:
        WireError: `bad_recording`: it tells of no time.
    """
    if len(payload) < _GAP.size:
        raise WireError("bad_recording", "a gap is too short")
    since_us, until_us = _GAP.unpack_from(payload)
    if not (0 <= since_us < head.END_OF_TIME_US and 0 <= until_us < head.END_OF_TIME_US):
        raise WireError("bad_recording", f"a gap from {since_us} to {until_us} us")
    return since_us, until_us, payload[_GAP.size :].decode(errors="replace")
