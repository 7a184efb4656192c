"""Targets: recordings of the second format whose sums are right, whatever is in them; moments."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import numpy as np

from hugescope.archived import loss_words
from hugescope.diff_side import _moment_of, _selection_of
from hugescope.errors import CommandError
from hugescope.moments import is_clock, moment_of, span_words, utc_words
from hugescope_wire.archive import Archive, applied, open_archive, picture_at
from hugescope_wire.errors import WireError
from hugescope_wire.frames import FrameKind, decode_frame
from hugescope_wire.picture import HostPicture
from hugescope_wire.segments import distances, keys, numbers
from hugescope_wire.segments.cellblocks import planes, unplaned
from hugescope_wire.segments.deltas import MOST, DeltaReader, TimedFrame
from hugescope_wire.segments.forward import Forward
from hugescope_wire.segments.head import (
    HEAD_BYTES,
    MAGIC,
    Head,
    Kind,
    framed,
    heads,
    own_sum,
    parse,
)
from hugescope_wire.segments.keys import key_frame, key_picture
from hugescope_wire.segments.moments import taken_out
from hugescope_wire.segments.sizes import DeltaSizes, key_fits
from hugescope_wire.segments.streams import COUNT, Packer, Plain, Unpacker
from hugescope_wire.segments.writer import SegmentWriter, frozen, gap_of
from hugescope_wire.snapshot import Snapshot
from hugescope_wire.statehash import state_hash
from tests.fuzz.registry import Target, of_text
from tests.fuzz.seeds import made_frames, recordings
from tests.unit.wire.segments.made_series import BEGAN_US, parts_of, series

_SEGMENTS: Final = "hugescope_wire.segments"
_HEAD: Final = struct.Struct("<BBqqI")
"""A record as targets take it: kind, flags, its times and how long its payload is."""

_LENGTHS: Final = struct.Struct(f"<{COUNT}I")
_MOST_RECORDS: Final = 100
_MOST_CELLS: Final = 1 << 20


@cache
def _file() -> bytes:
    """Keys, deltas, a gap and an end."""
    moments = series(14, cells=12)
    writer = SegmentWriter(key_frames=6)
    parts = [writer.begin_file()]
    for begin in range(0, len(moments), 4):
        some = moments[begin : begin + 4]
        parts.append(writer.batch([one.frame for one in some], some[-1].after))
        if begin == 4:
            parts.append(writer.gap(BEGAN_US + 800_000, BEGAN_US + 900_000, "of a test"))
    return b"".join((*parts, writer.end()))


def _records(file: bytes) -> Iterator[tuple[Head, bytes]]:
    at = len(MAGIC)
    while (head := parse(file, at)) is not None:
        begin = at + HEAD_BYTES
        at = begin + head.length
        yield head, file[begin:at]


def _loose(file: bytes) -> bytes:
    """The records of a file without sums, so that what is changed in them gets past those."""
    return b"".join(
        _HEAD.pack(head.kind, head.continues, head.first_us, head.last_us, head.length) + payload
        for head, payload in _records(file)
    )


def _summed(data: bytes) -> bytes:
    """The opposite of `_loose`: a file, of whatever the input holds."""
    out, at, before = [MAGIC], 0, 0
    while at + _HEAD.size <= len(data):
        kind, flags, first_us, last_us, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        payload = data[at : at + length]
        at += length
        kinds = tuple(Kind)
        known = kinds[(kind - 1) % len(kinds)]
        record = framed(known, first_us, last_us, payload, before, bool(flags & 1))
        before = own_sum(record)
        out.append(record)
    return b"".join(out)


def _opened(file: bytes) -> None:
    """Whatever can be opened can be walked, and told in words."""
    assert list(heads(file[len(MAGIC) :])) is not None
    with NamedTemporaryFile(prefix="hugescope-fuzz-") as place:
        place.write(file)
        place.flush()
        archive = open_archive(Path(place.name))
    assert archive.began_s <= archive.ended_s
    span_words(archive)
    for loss in archive.losses:
        loss_words(loss)
    picture = HostPicture()
    for record in islice(archive.records(), _MOST_RECORDS):
        utc_words(record.at_s)
        applied(picture, record.frame)
    for at_s in (archive.began_s, (archive.began_s + archive.ended_s) / 2, archive.ended_s):
        _told(picture_at(archive, at_s))


def _told(picture: HostPicture) -> Snapshot:
    """A picture that can be made can travel."""
    snapshot = picture.snapshot()
    assert Snapshot.model_validate_json(snapshot.model_dump_json()) == snapshot
    return snapshot


def _resummed(data: bytes) -> None:
    _opened(_summed(data))


def _written(data: bytes) -> None:
    """A frame that a picture takes is the same picture when it was written and read."""
    first = made_frames()[0]
    frame = decode_frame(data)
    if sum(one.covered for one in frame.blocks) > _MOST_CELLS:
        return
    writer, picture = SegmentWriter(), HostPicture()
    picture.apply(decode_frame(first))
    parts = [writer.begin_file(), writer.batch([TimedFrame(BEGAN_US, first)], frozen(picture))]
    picture.apply(frame)
    parts.append(writer.batch([TimedFrame(BEGAN_US + 1, data)], picture))
    with NamedTemporaryFile(prefix="hugescope-fuzz-") as place:
        place.write(b"".join((*parts, writer.end())))
        place.flush()
        archive = open_archive(Path(place.name))
    assert archive.losses == ()
    assert state_hash(picture_at(archive, archive.ended_s)) == state_hash(picture)


def _plain(payload: bytes) -> bytes:
    """What a first payload of its kind packs: the lengths of its streams, and these."""
    plain = Unpacker(MOST).unpack(payload)
    return b"".join((_LENGTHS.pack(*map(len, plain)), *plain))


def _payload(data: bytes) -> bytes:
    """The opposite, of whatever the input holds."""
    lengths = _LENGTHS.unpack_from(data.ljust(_LENGTHS.size, b"\0"))
    at, streams = _LENGTHS.size, []
    for length in lengths:
        streams.append(data[at : at + length])
        at += length
    plain: Plain = (streams[0], streams[1], streams[2], streams[3])
    return Packer().pack(plain)


def _seeds_of(kind: Kind) -> Callable[[], Sequence[bytes]]:
    """The first record of this kind after each key."""

    def seeds() -> list[bytes]:
        found, fresh = [], True
        for head, payload in _records(_file()):
            if head.kind is kind and (fresh or kind is Kind.KEY):
                found.append(_plain(payload))
            fresh = head.kind is Kind.KEY
        return found

    return seeds


def _key(data: bytes) -> None:
    """A key is the same picture either way."""
    payload = _payload(data)
    if key_fits(payload):
        Unpacker(keys.MOST).skip(payload)
    picture = key_picture(payload)
    _told(picture)
    other = HostPicture()
    applied(other, key_frame(payload))
    assert state_hash(other) == state_hash(picture)


def _deltas(data: bytes) -> None:
    """Deltas on top of a good picture, frame by frame and faster."""
    payload = _payload(data)
    DeltaSizes(lambda _at: None).fit(0, payload)
    Unpacker(MOST).skip(payload)
    first = key_frame(_payload(_seeds_of(Kind.KEY)()[0]))
    slow, fast = HostPicture(), HostPicture()
    applied(slow, first)
    applied(fast, first)
    forward = Forward(fast)
    try:
        for record in DeltaReader().records(payload, BEGAN_US):
            applied(slow, record.frame)
    finally:
        for parts in DeltaReader().parts(payload, BEGAN_US):
            assert parts.kind in (FrameKind.FULL, FrameKind.DELTA)
            forward.take(parts)
        _told(forward.picture())
    _told(slow)


def _small(data: bytes) -> None:
    """Numbers, distances, planes and texts that stand by themselves."""
    text, moments = taken_out(data)
    if moments is not None:
        assert text.replace(b"\x01", moments.written(), 1) == data
    even = data[: len(data) // 4 * 4]
    assert planes(unplaned(even, "<u4")) == even
    count, low_bits = (data + b"\0\0")[0], (data + b"\0\0")[1] % (distances.MAX_LOW_BITS + 1)
    for read in (
        lambda: _same_numbers(numbers.unpacked(data).tolist()),
        lambda: _positive(data[2:], count, low_bits),
        lambda: gap_of(data),
    ):
        try:
            read()
        except WireError:
            continue


def _same_numbers(found: list[int]) -> None:
    assert numbers.unpacked(numbers.packed(found)).tolist() == found


def _positive(data: bytes, count: int, low_bits: int) -> None:
    found = distances.decoded(data, count, low_bits)
    assert len(found) == count
    assert (found >= 0).all()


@cache
def _archive() -> Archive:
    with NamedTemporaryFile(prefix="hugescope-fuzz-", suffix=".hsrec") as place:
        place.write(b"".join(parts_of(series(4))))
        place.flush()
        return open_archive(Path(place.name))


def _moment(text: str) -> None:
    """A moment, and a side of a comparison without what it opens."""
    archive = _archive()
    is_clock(text)
    where, _ = _selection_of(text)
    _moment_of(where)
    at_s = moment_of("--at", text, archive)
    assert math.isfinite(at_s)
    assert archive.began_s <= at_s <= archive.ended_s


def _format_2() -> list[bytes]:
    return [_file(), *(one for one in recordings() if one.startswith(MAGIC))]


_MOMENTS: Final = (
    *(b"+0.1s", b"+0s", b"-0.1s", b"-0s", b"03:04:05", b"03:04:05.25", b"2026-01-02T03:04:05Z"),
    *(b"2026-01-02T04:04:05.1+01:00", b"a.hsrec@+5s#4711", b"a.hsrec#4711:7f0000200000"),
)
_SMALL: Final = (
    numbers.packed([0, -1, 5, 1 << 40, -(1 << 61)]),
    b"\x04\x02" + distances.coded(np.array([1, 5, 0, 77]), 2),
    struct.pack("<qq", BEGAN_US, BEGAN_US + 1) + b"the agent was started anew",
    b'{"taken_at":"2026-01-02T03:04:05.250000Z","monotonic_s":41.5,"processes":[]}',
)

TARGETS: Final = (
    Target(
        "segments",
        _resummed,
        lambda: [_loose(one) for one in _format_2()],
        (
            "hugescope_wire.archive.picture_at",
            f"{_SEGMENTS}.archive.SegmentArchive.__init__",
            f"{_SEGMENTS}.file.SegmentFile.__init__",
            f"{_SEGMENTS}.following.Follower._begin",
            f"{_SEGMENTS}.following.Follower._gap",
            f"{_SEGMENTS}.head.framed",
            f"{_SEGMENTS}.head.heads",
            f"{_SEGMENTS}.head.own_sum",
            f"{_SEGMENTS}.head.parse",
            f"{_SEGMENTS}.writer.gap_of",
        ),
        (WireError,),
        examples=50,
    ),
    Target(
        "segment-writer",
        _written,
        made_frames,
        (
            f"{_SEGMENTS}.cellblocks.BlockWriter.write",
            f"{_SEGMENTS}.texts.TextWriter.write",
        ),
        (WireError,),
    ),
    Target(
        "segment-key",
        _key,
        _seeds_of(Kind.KEY),
        (
            "hugescope_wire.frames.parse_meta",
            "hugescope_wire.jsonextent.check_extent",
            f"{_SEGMENTS}.keys.key_frame",
            f"{_SEGMENTS}.keys.key_picture",
            f"{_SEGMENTS}.sizes.key_fits",
            f"{_SEGMENTS}.streams.Unpacker.unpack",
            f"{_SEGMENTS}.streams.may_exceed",
        ),
        (WireError,),
    ),
    Target(
        "segment-deltas",
        _deltas,
        _seeds_of(Kind.DELTAS),
        (
            "hugescope_wire.frames.parse_meta",
            f"{_SEGMENTS}.deltas.DeltaReader.parts",
            f"{_SEGMENTS}.deltas.DeltaReader.records",
            f"{_SEGMENTS}.sizes.DeltaSizes.fit",
            f"{_SEGMENTS}.streams.Unpacker.skip",
            f"{_SEGMENTS}.texts.TextReader._learn",
        ),
        (WireError,),
    ),
    Target(
        "segment-parts",
        _small,
        lambda: _SMALL,
        (
            f"{_SEGMENTS}.cellblocks.unplaned",
            f"{_SEGMENTS}.distances.decoded",
            f"{_SEGMENTS}.moments.taken_out",
            f"{_SEGMENTS}.numbers.unpacked",
            f"{_SEGMENTS}.writer.gap_of",
        ),
    ),
    Target(
        "moment",
        of_text(_moment),
        lambda: _MOMENTS,
        (
            "hugescope.diff_side._selection_of",
            "hugescope.diff_side._moment_of",
            "hugescope.moments.moment_of",
            "hugescope.moments.is_clock",
        ),
        (CommandError, OSError),
    ),
)
