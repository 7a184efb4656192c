"""Sizes of deltas are found without holding anything of those that passed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hugescope_wire.segments import sizes
from hugescope_wire.segments.file import SegmentFile, Step
from hugescope_wire.segments.head import MAGIC, Kind
from hugescope_wire.segments.sizes import DeltaSizes
from hugescope_wire.segments.streams import Most
from hugescope_wire.storedfile import SeldomFile
from tests.unit.wire.segments.made_series import parts_of, series


@pytest.fixture
def file(tmp_path: Path) -> SegmentFile:
    """One key, twenty records of deltas, and the end."""
    path = tmp_path / "a.hsrec"
    path.write_bytes(b"".join(parts_of(series(81), key_frames=1000)))
    return SegmentFile(SeldomFile(path))


def deltas_of(file: SegmentFile) -> list[tuple[int, bytes]]:
    found, at = [], len(MAGIC)
    while (step := file.step(at)) is not None:
        if step.head is not None and step.head.kind is Kind.DELTAS:
            assert step.payload is not None
            found.append((step.at, step.payload))
        at = step.next_at
    return found


def test_who_may_be_too_long_is_unpacked_after_those_before(
    file: SegmentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is packed leans on what was packed before: without that it cannot be unpacked."""
    known = deltas_of(file)
    suspects = {known[7][1], known[12][1], known[13][1]}

    def may_exceed(payload: bytes, _most: Most) -> bool:
        return payload in suspects

    monkeypatch.setattr(sizes, "may_exceed", may_exceed)
    looked: list[int] = []

    def step(at: int) -> Step | None:
        looked.append(at)
        return file.step(at)

    follow = DeltaSizes(step)
    assert [follow.fit(*one) for one in known] == [""] * len(known)
    # Each at most once, and none but for a suspect after it.
    assert [at for at, _ in known[:12] if at != known[7][0]] == [
        at for at in looked if at in {place for place, _ in known}
    ]
    assert sizes.DeltaSizes(file.step).fit(*known[12]) != "", "alone it cannot be unpacked"


def test_one_that_is_no_more_what_it_was_is_told(
    file: SegmentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = deltas_of(file)
    monkeypatch.setattr(sizes, "may_exceed", lambda payload, _most: payload == known[3][1])
    follow = DeltaSizes(lambda _at: None)
    assert [follow.fit(*one) for one in known[:4]] == ["", "", "", "it changed"]
