"""Blocks and pictures of every shape come back; hostile payloads are refused with a code."""

from __future__ import annotations

import contextlib
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_wire.archive import applied
from hugescope_wire.cells import Cells
from hugescope_wire.errors import WireError
from hugescope_wire.frames import (
    FrameKind,
    encode_frame,
    encode_range,
    encode_rows,
    encode_scattered,
    split_frame,
)
from hugescope_wire.picture import HostPicture
from hugescope_wire.segments.deltas import DeltaReader, DeltaWriter, TimedFrame
from hugescope_wire.segments.forward import Forward
from hugescope_wire.segments.head import Kind, framed, own_sum, parse
from hugescope_wire.segments.keys import key_frame, key_payload, key_picture
from hugescope_wire.statehash import state_hash
from tests.unit.wire.made_wire import (
    GIB,
    MIB2,
    any_rows,
    cells_of,
    host_delta,
    many,
    mapping_info,
    one_mapping,
    picture_of,
    several,
)
from tests.unit.wire.segments.made_series import series

AT_US = 1_767_323_045_000_000


@st.composite
def any_block(draw: st.DrawFn, page_size: int) -> bytes:
    """Cells of a mapping of 64, laid out in any way."""
    rows = draw(any_rows(page_size, least=0))
    cells = cells_of(rows)
    first = draw(st.integers(0, 64 - len(rows)))
    if not rows or draw(st.booleans()):
        return encode_range(1, page_size, cells, first)
    index = np.array(draw(st.lists(st.integers(0, 63), min_size=len(rows), max_size=len(rows))))
    index = np.unique(index)
    encode = draw(st.sampled_from((encode_scattered, encode_rows)))
    block: bytes = encode(1, page_size, index, cells.take(slice(len(index))))
    return block


@given(st.data(), st.sampled_from((MIB2, GIB)))
@many
def test_frames_come_back_as_they_were(data: st.DataObject, page_size: int) -> None:
    frames = []
    for number in range(data.draw(st.integers(1, 4))):
        blocks = data.draw(st.lists(any_block(page_size), max_size=3))
        raw = encode_frame(FrameKind.DELTA, number + 2, host_delta(), blocks)
        frames.append(TimedFrame(AT_US + 7 * number, raw))
    writer, reader = DeltaWriter(), DeltaReader()
    for _ in range(2):
        found = list(reader.records(writer.payload(frames), AT_US))
        assert [record.frame for record in found] == [split_frame(one.data) for one in frames]
        assert [record.at_s for record in found] == [one.at_us / 1e6 for one in frames]


@given(st.data(), st.sampled_from((MIB2, GIB)))
@many
def test_forward_is_what_frame_by_frame_would_be(data: st.DataObject, page_size: int) -> None:
    info = mapping_info(1, 64, page_size)
    rows = data.draw(any_rows(page_size, count=64))
    slow, key = picture_of(info, rows), key_payload(picture_of(info, rows))
    forward, writer, reader = Forward(key_picture(key)), DeltaWriter(), DeltaReader()
    blocks = data.draw(st.lists(any_block(page_size), max_size=6))
    said = [host_delta(), host_delta(gone_pids=[99]), host_delta(faults=None)]
    frames = [
        TimedFrame(AT_US, encode_frame(FrameKind.DELTA, 2, said[number % 3], [block]))
        for number, block in enumerate(blocks)
    ]
    if frames:
        for parts in reader.parts(writer.payload(frames), AT_US):
            forward.take(parts)
    for frame in frames:
        applied(slow, split_frame(frame.data))
    assert state_hash(forward.picture()) == state_hash(slow)


@pytest.mark.parametrize("distinct", [1, 2, 4, 16, 17, 256, 257, 3000, 70_000])
def test_a_key_of_any_number_of_ways_to_be_comes_back(distinct: int) -> None:
    count = 70_001
    draw = np.random.default_rng(distinct)
    cells = Cells.holes(count)
    cells.mapcount[:] = draw.integers(0, min(distinct, 60_000), count)
    cells.mapped_pages[:] = np.arange(count) % max(1, distinct // 60_000 * 30)
    picture = picture_of(mapping_info(1, 1), [(0, 0, 0, 0, 0, 0)])
    about = one_mapping(mapping_info(1, count))
    raw = encode_frame(FrameKind.FULL, 1, about, [encode_range(1, MIB2, cells)])
    applied(picture, split_frame(raw))
    payload = key_payload(picture)
    again = HostPicture()
    applied(again, key_frame(payload))
    assert state_hash(again) == state_hash(picture) == state_hash(key_picture(payload))


@several
@given(st.randoms(use_true_random=False))
def test_a_hostile_payload_with_a_right_sum_is_refused(draw: random.Random) -> None:
    truth = series(6, cells=8)
    deltas = DeltaWriter().payload([one.frame for one in truth[1:]])
    for payload, read in ((deltas, _read_deltas), (key_payload(truth[-1].after), _read_key)):
        raw = bytearray(payload)
        for _ in range(draw.randint(1, 4)):
            raw[draw.randrange(len(raw))] = draw.randrange(256)
        if draw.random() < 0.3:
            del raw[draw.randrange(len(raw)) :]
        with contextlib.suppress(WireError):
            read(bytes(raw))


def _read_deltas(payload: bytes) -> None:
    for record in DeltaReader().records(payload, AT_US):
        assert record.at_s > 0
    forward = Forward(series(1, cells=8)[0].after)
    for parts in DeltaReader().parts(payload, AT_US):
        forward.take(parts)
    forward.picture()


def _read_key(payload: bytes) -> None:
    applied(HostPicture(), key_frame(payload))
    key_picture(payload)


def test_a_head_is_read_as_it_was_written_and_no_other() -> None:
    record = framed(Kind.KEY, 5, 9, b"payload", 77, continues=True)
    head = parse(record)
    assert head is not None
    assert (head.kind, head.continues, head.length) == (Kind.KEY, True, 7)
    assert (head.first_us, head.last_us, head.before) == (5, 9, 77)
    assert head.own_sum == own_sum(record)
    for bit in range(8 * 40):
        raw = bytearray(record)
        raw[bit // 8] ^= 1 << bit % 8
        assert parse(bytes(raw)) is None
    assert parse(framed(Kind.KEY, 9, 5, b"", 0)) is None
    assert parse(record[:39]) is None
