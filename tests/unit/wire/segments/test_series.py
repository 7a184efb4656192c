"""A series that was live comes back as it was: at every moment, and from any to any other."""

from __future__ import annotations

import json
import lzma
import random
from pathlib import Path

import pytest

from hugescope_wire.archive import Pictured, applied, open_archive, picture_at
from hugescope_wire.errors import WireError
from hugescope_wire.frames import FrameKind, split_frame
from hugescope_wire.picture import HostPicture
from hugescope_wire.segments.head import MAGIC
from hugescope_wire.segments.writer import SegmentWriter
from hugescope_wire.statehash import state_hash
from tests.unit.wire.segments.made_series import Moment, compare, full_kinds, parts_of, series


@pytest.fixture(scope="module")
def truth() -> list[Moment]:
    return series(300)


@pytest.fixture
def path(tmp_path: Path, truth: list[Moment]) -> Path:
    file = tmp_path / "made.hsrec"
    file.write_bytes(b"".join(parts_of(truth)))
    return file


def test_replay_equals_live_at_100_random_moments(path: Path, truth: list[Moment]) -> None:
    archive = open_archive(path)
    assert isinstance(archive, Pictured)
    draw = random.Random(7)
    for _ in range(100):
        number = draw.randrange(len(truth))
        after_s = draw.random() * 0.09
        assert state_hash(picture_at(archive, truth[number].at_s + after_s)) == truth[number].hash


def test_every_frame_comes_back_and_nothing_is_lost(path: Path, truth: list[Moment]) -> None:
    archive = open_archive(path)
    assert compare(archive, truth) == len(truth)
    assert archive.losses == ()
    assert (archive.began_s, archive.ended_s) == (truth[0].at_s, truth[-1].at_s)
    for record, one in zip(archive.records(), truth, strict=True):
        assert record.frame.meta == split_frame(one.frame.data).meta


def test_keys_are_not_seen_by_who_reads_on(path: Path, truth: list[Moment]) -> None:
    """A full frame in the middle would look as if the agent had begun anew."""
    kinds = full_kinds(open_archive(path))
    assert kinds == [one.frame.is_full for one in truth]


def test_a_moment_begins_with_the_newest_key_before_it(path: Path, truth: list[Moment]) -> None:
    archive = open_archive(path)
    for number in (0, 1, 57, 200, len(truth) - 1):
        since_s, until_s = truth[number].at_s, truth[min(number + 20, len(truth) - 1)].at_s
        records = list(archive.records(since_s, until_s))
        assert records[0].frame.kind is FrameKind.FULL
        assert since_s - records[0].at_s < 2
        picture = HostPicture()
        for record in records:
            applied(picture, record.frame)
        assert records[-1].at_s == until_s
        last = min(number + 20, len(truth) - 1)
        assert state_hash(picture) == truth[last].hash


def test_before_the_beginning_is_the_first_picture(path: Path, truth: list[Moment]) -> None:
    archive = open_archive(path)
    assert state_hash(picture_at(archive, 0)) == truth[0].hash
    assert next(archive.records(0)).at_s == truth[0].at_s
    assert state_hash(picture_at(archive, 1e10)) == truth[-1].hash


def test_a_writer_that_begins_in_the_middle_begins_with_a_key(
    tmp_path: Path, truth: list[Moment]
) -> None:
    writer = SegmentWriter()
    later = [one for one in truth[40:60] if not one.frame.is_full]
    data = writer.begin_file()
    data += writer.batch([one.frame for one in later[:3]], later[2].after)
    path = tmp_path / "later.hsrec"
    path.write_bytes(data + writer.end())
    archive = open_archive(path)
    assert [record.at_s for record in archive.records()] == [later[2].at_s]
    assert state_hash(picture_at(archive, later[2].at_s)) == later[2].hash


def test_what_did_not_end_says_so(tmp_path: Path, truth: list[Moment]) -> None:
    path = tmp_path / "killed.hsrec"
    path.write_bytes(b"".join(parts_of(truth[:40], end=False)))
    (loss,) = open_archive(path).losses
    assert (loss.since_s, loss.until_s) == (truth[39].at_s, None)
    assert "was not ended in order" in loss.why


@pytest.mark.parametrize("data", [MAGIC, MAGIC + b"x" * 99, MAGIC[:5]])
def test_what_is_empty_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "empty.hsrec"
    path.write_bytes(data)
    with pytest.raises(WireError) as caught:
        open_archive(path)
    assert caught.value.code == "bad_recording"


def test_a_stored_one_is_read_as_when_it_was_written() -> None:
    sample = Path(__file__).parents[3] / "data" / "recordings" / "format-2.hsrec"
    archive = open_archive(sample)
    assert archive.losses == ()
    for at_s, expected in json.loads(sample.with_suffix(".json").read_text()).items():
        assert state_hash(picture_at(archive, float(at_s))) == expected


def test_one_packed_by_xz_is_read_too(tmp_path: Path, path: Path, truth: list[Moment]) -> None:
    packed = tmp_path / "made.hsrec.xz"
    packed.write_bytes(lzma.compress(path.read_bytes()))
    assert compare(open_archive(packed), truth) == len(truth)
