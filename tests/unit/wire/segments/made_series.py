"""Frames of a made-up host with what the host was after each, and how an archive compares."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hugescope_wire.archive import Archive, Loss, applied, open_archive, picture_at
from hugescope_wire.errors import WireError
from hugescope_wire.frames import FrameKind, decode_frame, encode_frame, split_frame
from hugescope_wire.host import HostDelta, HostFrame, Skipped
from hugescope_wire.picture import HostPicture
from hugescope_wire.segments.deltas import TimedFrame
from hugescope_wire.segments.writer import SegmentWriter, frozen
from hugescope_wire.snapshot import Pool
from hugescope_wire.statehash import state_hash
from tests.unit.server.made_host import TAKEN_AT, MadeHost

BEGAN_US = round(TAKEN_AT.timestamp() * 1_000_000)
STEP_US = 100_000


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame, the picture after it, and that picture's hash."""

    frame: TimedFrame
    after: HostPicture
    hash: str

    @property
    def at_s(self) -> float:
        return self.frame.at_us / 1e6


def series(count: int, seed: int = 1, cells: int = 40, began_us: int = BEGAN_US) -> list[Moment]:
    """A live-made series: cells change, mappings and processes come and go, the agent restarts."""
    rng = random.Random(seed)
    host, picture = MadeHost(rng), HostPicture()
    for pid in (1, 2, 3):
        host.add(pid, cells)
    made = []
    at_us = began_us
    for number in range(count):
        raw = split_frame(host.step() if number else host.full())
        meta = _said(raw.meta, rng, at_us)
        data = encode_frame(raw.kind, picture.seq + 1, meta, raw.blocks)
        picture.apply(decode_frame(data))
        made.append(Moment(TimedFrame(at_us, data), frozen(picture), state_hash(picture)))
        at_us += STEP_US + rng.randrange(4000)
    return made


def _said(meta: HostFrame | HostDelta, rng: random.Random, at_us: int) -> HostFrame | HostDelta:
    """Times that pass, and numbers that change as an agent's do."""
    passed_us = at_us - BEGAN_US
    update: dict[str, object] = {
        "taken_at": TAKEN_AT + timedelta(microseconds=passed_us),
        "monotonic_s": 41.5 + passed_us / 1e6,
    }
    if rng.random() < 0.4:
        free = rng.randrange(300)
        pool = Pool(page_size=2 << 20, node=None, total=300, free=free, reserved=0, surplus=0)
        update["pools"] = [pool]
    if rng.random() < 0.2:
        update["skipped"] = Skipped(denied=rng.randrange(3))
    return meta.model_copy(update=update)


def parts_of(
    moments: Sequence[Moment], key_frames: int = 8, batch: int = 4, end: bool = True
) -> list[bytes]:
    """A file of the second format, in the pieces in which it is written."""
    writer = SegmentWriter(key_frames)
    parts = [writer.begin_file()]
    for begin in range(0, len(moments), batch):
        some = moments[begin : begin + batch]
        parts.append(writer.batch([one.frame for one in some], some[-1].after))
    return [*parts, writer.end()] if end else parts


def with_damaged_tail(parts: Sequence[bytes]) -> bytes:
    """A file that was ended, whose last batch has a wrong sum."""
    *whole, batch, end = parts
    return b"".join([*whole, batch[:-1], bytes([batch[-1] ^ 1]), end])


def is_lost(at_s: float, losses: Sequence[Loss]) -> Loss | None:
    """The loss in which this moment lies."""
    for loss in losses:
        if loss.since_s < at_s and (loss.until_s is None or at_s < loss.until_s):
            return loss
    return None


def compare(archive: Archive, truth: Sequence[Moment], moments: int = 4, seed: int = 1) -> int:
    """Every frame that is read, and the picture at some moments, are right, and what is missing is
    in a loss; how many frames were read.
    """
    times = [one.at_s for one in truth]
    losses, picture, read = archive.losses, HostPicture(), set()
    for record in archive.records():
        applied(picture, record.frame)
        number = bisect_right(times, record.at_s) - 1
        assert times[number] == record.at_s, "a time that never was"
        assert state_hash(picture) == truth[number].hash, "a picture that never was"
        read.add(number)
    begins_lost = bool(losses) and losses[0].until_s == archive.began_s
    for number, at_s in enumerate(times):
        told = is_lost(at_s, losses) or (begins_lost and at_s < archive.began_s)
        assert number in read or told, f"frame {number} is missing, and not told"
    draw = random.Random(seed)
    for at_s in draw.sample(times, min(moments, len(times))):
        loss = is_lost(at_s, losses)
        shown = state_hash(picture_at(archive, at_s))
        known_s = at_s if loss is None else loss.since_s
        number = bisect_right(times, known_s) - 1
        first = min(read)
        assert shown == truth[max(number, first)].hash
    return len(read)


def compare_file(path: Path, truth: Sequence[Moment], moments: int = 2, seed: int = 1) -> int:
    """The same of a file of which nothing may be left."""
    archive = open_or_none(path)
    return 0 if archive is None else compare(archive, truth, moments, seed)


def open_or_none(path: Path) -> Archive | None:
    """None: it is no recording, or nothing of it can be read."""
    try:
        return open_archive(path)
    except WireError as error:
        if error.code != "bad_recording":
            raise
    return None


def full_kinds(archive: Archive) -> list[bool]:
    """Which records are full frames."""
    return [record.frame.kind is FrameKind.FULL for record in archive.records()]
