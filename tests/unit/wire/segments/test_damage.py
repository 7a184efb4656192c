"""Damage of any kind: nothing wrong is ever shown, what is lost is told with its time, and all
whole records before it are kept.
"""

from __future__ import annotations

import random
from itertools import accumulate
from pathlib import Path

import pytest

from hugescope_wire.archive import last_known_s, open_archive, picture_at
from hugescope_wire.segments.head import HEAD_BYTES, SYNC
from hugescope_wire.statehash import state_hash
from tests.unit.wire.segments.made_series import (
    Moment,
    compare,
    compare_file,
    is_lost,
    parts_of,
    series,
    with_damaged_tail,
)

FLIPS = 250
"""`make crash` does 10,000."""


@pytest.fixture(scope="module")
def truth() -> list[Moment]:
    return series(40, seed=3, cells=12)


@pytest.fixture(scope="module")
def parts(truth: list[Moment]) -> list[bytes]:
    return parts_of(truth)


def test_every_truncation_keeps_the_whole_batches_before_it(
    tmp_path: Path, truth: list[Moment], parts: list[bytes]
) -> None:
    data, path = b"".join(parts), tmp_path / "cut.hsrec"
    ends = list(accumulate(map(len, parts)))
    draw = random.Random(1)
    around = {end + by for end in ends for by in (-1, 0, 1)}
    for length in sorted(around | set(draw.sample(range(len(data)), 200))):
        path.write_bytes(data[:length])
        whole = sum(end <= length for end in ends[1:-1])
        assert compare_file(path, truth, 1, length) >= 4 * whole


def test_a_flipped_bit_costs_its_segment_at_most(
    tmp_path: Path, truth: list[Moment], parts: list[bytes]
) -> None:
    data, path = b"".join(parts), tmp_path / "flipped.hsrec"
    draw = random.Random(2)
    for number in range(FLIPS):
        bit = draw.randrange(8 * len(data))
        raw = bytearray(data)
        raw[bit // 8] ^= 1 << bit % 8
        path.write_bytes(raw)
        read = compare_file(path, truth, 1, number)
        assert read >= len(truth) - 24 or bit < 64


def test_bytes_that_go_or_come_are_survived(
    tmp_path: Path, truth: list[Moment], parts: list[bytes]
) -> None:
    data, path = b"".join(parts), tmp_path / "torn.hsrec"
    draw = random.Random(3)
    for number in range(80):
        at, count = draw.randrange(8, len(data)), draw.choice((1, 40, 300, 2000))
        put = draw.randbytes(count) if number % 2 else b""
        path.write_bytes(data[:at] + put + data[at + (0 if put else count) :])
        compare_file(path, truth, 1, number)


def test_a_record_that_was_cut_out_whole_is_noticed(
    tmp_path: Path, truth: list[Moment], parts: list[bytes]
) -> None:
    path = tmp_path / "cut.hsrec"
    for number in range(2, len(parts) - 1):
        path.write_bytes(b"".join([*parts[:number], *parts[number + 1 :]]))
        archive = open_archive(path)
        assert compare(archive, truth, 2, number) < len(truth)
        assert archive.losses


def test_a_key_that_only_repeats_costs_nothing(tmp_path: Path, truth: list[Moment]) -> None:
    parts = parts_of(truth)
    data = bytearray(b"".join(parts))
    keys = [at for at in _records(bytes(data)) if data[at + 4] == 1 and data[at + 5] == 1]
    assert keys
    data[keys[0] + HEAD_BYTES] ^= 1
    path = tmp_path / "key.hsrec"
    path.write_bytes(data)
    archive = open_archive(path)
    assert archive.losses == ()
    assert compare(archive, truth, len(truth)) == len(truth)


def test_a_loss_names_its_time_and_place(
    tmp_path: Path, truth: list[Moment], parts: list[bytes]
) -> None:
    data = bytearray(b"".join(parts))
    at = [at for at in _records(bytes(data)) if data[at + 4] == 2][1]
    data[at + HEAD_BYTES + 3] ^= 4
    path = tmp_path / "flipped.hsrec"
    path.write_bytes(data)
    (loss,) = open_archive(path).losses
    assert loss.why == f"record at byte {at}: its sum is wrong"
    lost = [one for one in truth if is_lost(one.at_s, (loss,))]
    assert 1 <= len(lost) <= 24
    assert loss.until_s is not None


def test_the_last_moment_that_is_known_lies_before_a_damaged_tail(
    tmp_path: Path, truth: list[Moment], parts: list[bytes]
) -> None:
    path = tmp_path / "tail.hsrec"
    path.write_bytes(b"".join(parts))
    assert last_known_s(open_archive(path)) == truth[-1].at_s
    path.write_bytes(with_damaged_tail(parts))
    archive = open_archive(path)
    (loss,) = archive.losses
    assert archive.ended_s == truth[-1].at_s > loss.since_s
    assert last_known_s(archive) == loss.since_s
    last = next(one for one in truth if one.at_s == loss.since_s)
    assert state_hash(picture_at(archive, loss.since_s)) == last.hash


def _records(data: bytes) -> list[int]:
    found, at = [], data.find(SYNC)
    while at >= 0:
        found.append(at)
        at = data.find(SYNC, at + 1)
    return found
