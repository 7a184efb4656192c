"""Shelves of recordings."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from hugescope_server.timeline.shelf import FileShelf, Moved, Shelves, host_id_of, spans_of
from hugescope_wire.archive import Pictured, open_archive, picture_at
from hugescope_wire.messages import AgentHello
from tests.unit.server.timeline.made_time import BEGAN_S, made_archive, made_records

ARCHIVE = made_archive(made_records(random.Random(1), 17), "a.hsrec")


@pytest.mark.parametrize(
    ("name", "host_id"),
    [
        ("box.hsrec", "box"),
        ("box.hsrec.xz", "box"),
        ("/a/b/box.2026-01-02T03:04.hsrec", "box.2026-01-02T03-04"),
        ("größe und art.hsrec", "gr--e-und-art"),
        (".hsrec", "recording"),
        ("../..", "recording"),
        ("x" * 300, "x" * 100),
    ],
)
def test_a_host_id_is_one_that_the_wire_takes(name: str, host_id: str) -> None:
    assert host_id_of(name, []) == host_id
    hello = {"protocol": 1, "agent_version": "1", "host_id": host_id, "epoch": "e"}
    AgentHello.model_validate(hello)


def test_no_two_hosts_have_one_id() -> None:
    assert host_id_of("box.hsrec", ["box", "box-2"]) == "box-3"


def test_several_shelves_are_one_and_the_first_counts() -> None:
    one, two = FileShelf(), FileShelf()
    both = Shelves([one, two])
    other = made_archive(made_records(random.Random(2), 5))
    one.add(ARCHIVE, "h1")
    two.add(other, "h1")
    two.add(other, "h2")
    assert both.hosts() == ["h1", "h2"]
    assert both.archive("h1") is ARCHIVE
    before = both.version
    assert both.delete("h2")
    assert not both.delete("h2")
    assert both.archive("h2") is None
    assert both.version != before


def test_a_moved_archive_is_the_same_at_other_times() -> None:
    moved = Moved(ARCHIVE, 100.0, "other")
    assert moved.name == "other"
    assert (moved.began_s, moved.ended_s) == (ARCHIVE.began_s + 100, ARCHIVE.ended_s + 100)
    for after_s in (0.0, 0.7, 2.0):
        was = picture_at(ARCHIVE, BEGAN_S + after_s)
        assert picture_at(moved, BEGAN_S + 100 + after_s).snapshot() == was.snapshot()
    since_s, until_s = BEGAN_S + 101, BEGAN_S + 101.5
    times = [record.at_s for record in moved.records(since_s, until_s)]
    assert times[-1] == until_s


def test_a_moved_archive_makes_pictures_as_fast_as_it_does_unmoved() -> None:
    path = Path(__file__).parents[3] / "data/recordings/format-2.hsrec"
    archive = open_archive(path)
    assert isinstance(archive, Pictured)
    moved = Moved(archive, 100.0)
    assert isinstance(moved, Pictured)
    for at_s in (archive.began_s - 1, archive.began_s, archive.ended_s):
        assert moved.picture(at_s + 100).snapshot() == archive.picture(at_s).snapshot()


def test_times_that_are_far_apart_are_times_of_their_own() -> None:
    shelf = FileShelf()
    assert spans_of(shelf) == []
    shelf.add(ARCHIVE, "h1")
    shelf.add(Moved(ARCHIVE, 3.0), "h2")
    shelf.add(Moved(ARCHIVE, -5000.0), "h3")
    whole = (ARCHIVE.began_s - 5000, ARCHIVE.ended_s + 3)
    assert spans_of(shelf, math.inf) == [whole]
    near = (ARCHIVE.began_s, ARCHIVE.ended_s + 3)
    assert spans_of(shelf, 60.0) == [(whole[0], ARCHIVE.ended_s - 5000), near]
