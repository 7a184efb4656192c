"""Recordings of the first format: damage costs what is behind it and no more."""

from __future__ import annotations

import json
import lzma
import struct
import tempfile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugescope_wire import storedfile
from hugescope_wire.archive import Archive, Record, open_archive, picture_at
from hugescope_wire.errors import WireError
from hugescope_wire.firstformat import MAGIC
from hugescope_wire.frames import FrameKind
from hugescope_wire.statehash import state_hash
from tests.unit.wire.made_recording import first_format, made
from tests.unit.wire.made_wire import many

SAMPLE: Final = Path(__file__).parents[2] / "data" / "recordings" / "format-1.hsrec"


def opened(data: bytes) -> Archive:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return open_archive(Path(file.name))


def read(data: bytes) -> list[Record]:
    return list(opened(data).records())


def test_what_goes_in_comes_out() -> None:
    archive = opened(b"".join(made()))
    assert archive.losses == ()
    records = list(archive.records())
    assert [record.at_s - archive.began_s for record in records] == [0, 0.5, 1]
    kinds = [record.frame.kind for record in records]
    assert kinds == [FrameKind.FULL, FrameKind.DELTA, FrameKind.DELTA]
    assert [len(record.frame.blocks) for record in records] == [1, 1, 1]
    assert archive.ended_s - archive.began_s == 1


def test_a_compressed_one_is_the_same() -> None:
    data = b"".join(made())
    assert read(lzma.compress(data)) == read(data)


def test_of_a_compressed_one_that_is_cut_off_the_rest_is_read() -> None:
    magic, first, *_ = made()
    deltas = [first_format(at / 2, made()[2][16:]) for at in range(1, 2000)]
    noise = lzma.compress(b"".join([magic, first, *deltas]), preset=0)
    archive = opened(noise[: len(noise) * 3 // 4])
    assert len(list(archive.records())) > 1
    assert len(archive.losses) <= 1


def test_a_small_file_that_stands_for_a_huge_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(storedfile, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(WireError, match="unpacks to more than 1000 bytes"):
        opened(lzma.compress(bytes(2000)))


def test_every_truncation_keeps_the_whole_records_before_it() -> None:
    parts = made()
    data = b"".join(parts)
    whole_records = read(data)
    ends = [sum(map(len, parts[: n + 1])) for n in range(len(parts))]
    for length in range(len(data)):
        whole = sum(end <= length for end in ends[1:])
        if not whole:
            with pytest.raises(WireError) as caught:
                opened(data[:length])
            assert caught.value.code == "bad_recording"
            continue
        archive = opened(data[:length])
        assert list(archive.records()) == whole_records[:whole]
        assert (archive.losses == ()) == (length in ends)


@given(st.data())
@many
def test_a_flipped_bit_is_found(data: st.DataObject) -> None:
    parts = made()
    raw = bytearray(b"".join(parts))
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    whole = read(b"".join(parts))
    try:
        archive = opened(bytes(raw))
    except WireError:
        return
    (loss,) = archive.losses
    found = list(archive.records())
    assert found == whole[: len(found)]
    assert loss.since_s == found[-1].at_s


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "does not begin"),
        (MAGIC, "empty"),
        (b"PK\x03\x04" * 9, "does not begin"),
        (MAGIC + made()[2], "not a full one"),
        (MAGIC + struct.pack("<II", 0xFFFFFFFF, 0) + bytes(99), "claims"),
        (MAGIC + first_format(float("nan"), bytes(20)), "its time"),
        (MAGIC + first_format(0.0, b""), "its sum"),
        (lzma.compress(b"no"), "does not begin"),
    ],
)
def test_what_is_none_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words) as caught:
        opened(data)
    assert caught.value.code == "bad_recording"


def test_time_never_goes_back() -> None:
    magic, first, second, _ = made()
    earlier = opened(magic + first + first_format(-1.0, second[16:]))
    assert len(list(earlier.records())) == 1
    assert "its time" in earlier.losses[0].why


@pytest.mark.parametrize("packed", [False, True])
def test_a_stored_one_is_read_as_when_it_was_written(packed: bool, tmp_path: Path) -> None:
    path = SAMPLE
    if packed:
        path = tmp_path / "packed.xz"
        path.write_bytes(lzma.compress(SAMPLE.read_bytes()))
    archive = open_archive(path)
    for after_s, expected in json.loads(SAMPLE.with_suffix(".json").read_text()).items():
        assert state_hash(picture_at(archive, archive.began_s + float(after_s))) == expected
