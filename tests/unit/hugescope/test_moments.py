"""Moments as people type them, against a recording from 03:04:05 to 03:04:15 UTC."""

from __future__ import annotations

from pathlib import Path

import pytest

from hugescope.archived import open_recorded
from hugescope.errors import CommandError
from hugescope.moments import moment_of, utc_words
from hugescope_wire.archive import Archive
from tests.unit.hugescope.recorded import filling
from tests.unit.wire.made_wire import TAKEN_AT


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return open_recorded(filling(tmp_path / "r.hsrec"))


@pytest.mark.parametrize(
    ("text", "after_s"),
    [
        ("+0s", 0),
        ("+2.5s", 2.5),
        ("+3", 3),
        ("-0s", 10),
        ("-4s", 6),
        ("03:04:08", 3),
        ("03:04:08.25", 3.25),
        ("2026-01-02T03:04:09Z", 4),
        ("2026-01-02T04:04:09+01:00", 4),
        ("2026-01-02T03:04:15.0004Z", 10),
    ],
)
def test_a_moment(archive: Archive, text: str, after_s: float) -> None:
    assert moment_of("--at", text, archive) == pytest.approx(TAKEN_AT.timestamp() + after_s)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("soon", "--at soon: is no moment; give"),
        ("25:00:00", "is no moment"),
        ("2026-01-02T03:04:09", "says no time zone; end it with Z"),
        ("+11s", "after what r.hsrec holds, 2026-01-02T03:04:05.000Z to 2026-01-02T03:04:15.000Z"),
        ("-1m", "before what r.hsrec holds"),
        ("03:04:03", "before what"),
        ("9999-12-31T23:59:59-14:00", "--at"),
        ("+" + "9" * 400 + "s", "after what"),
    ],
)
def test_what_is_no_moment_of_it(archive: Archive, text: str, said: str) -> None:
    with pytest.raises(CommandError, match="--at") as raised:
        moment_of("--at", text, archive)
    assert said in str(raised.value)


def test_a_moment_that_is_printed_can_be_typed(archive: Archive) -> None:
    for at_s in (archive.began_s, archive.began_s + 0.123456, archive.ended_s):
        assert moment_of("--at", utc_words(at_s), archive) == pytest.approx(at_s, abs=2e-3)
