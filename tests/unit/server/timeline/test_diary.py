"""What happened is noted, bounded, and kept over a restart."""

from __future__ import annotations

import math
import random
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import pytest

from hugescope_server.bus import LocalBus
from hugescope_server.timeline import diary as diaries
from hugescope_server.timeline.diary import MAX_EVENTS, Diary, read_events
from hugescope_server.timeline.happenings import Noted
from hugescope_wire.frames import encode_range
from hugescope_wire.travel import TimeEvent
from tests.unit.server.made_host import PAGE_SIZE, MadeHost
from tests.unit.server.made_server import MadeServer

ALWAYS = (-math.inf, math.inf)


def noted(
    at_s: float,
    host_id: str = "h1",
    text: str = "came",
    place: str = "#/",
    hosts: Iterable[str] = (),
    *,
    over: bool = False,
) -> Noted:
    event = TimeEvent(at_s=at_s, host_id=host_id, kind="phase", text=text, place=place)
    return Noted.of(event, hosts, over=over)


def diary(directory: Path | None = None) -> Diary:
    return Diary(LocalBus(), lambda: 100.0, directory)


def texts(of: Diary, *hosts: str, limit: int = 99) -> list[str]:
    found, _ = of.between(dict.fromkeys(hosts or ("h1",), ALWAYS), 0.0, math.inf, limit)
    return [event.text for event in found]


def test_frames_are_read_for_what_happened() -> None:
    server = MadeServer()
    book = Diary(server.bus, lambda: server.now)
    host = MadeHost(random.Random(1))
    host.add(7, 4)
    session = server.join("h1")
    session.take(host.full())
    assert texts(book) == []
    server.now += 5
    number = host.add(8, 4)
    version = book.version
    session.take(host.delta([host_block(host, number)], pids=[8]))
    assert texts(book) == ["p8 (process 8) maps huge pages"]
    assert book.version > version
    (event,) = book.between({"h1": ALWAYS}, 0.0, math.inf, 9)[0]
    assert event.at_s == server.now


def host_block(host: MadeHost, number: int) -> bytes:
    return encode_range(number, PAGE_SIZE, host.cells[number])


def test_the_newest_are_told_and_that_there_are_older_ones() -> None:
    book = diary()
    book.take([noted(at_s, text=str(at_s)) for at_s in (3.0, 1.0, 2.0)])
    book.take([noted(2.5, "h2", "other")])
    assert texts(book) == ["1.0", "2.0", "3.0"]
    assert texts(book, "h1", "h2") == ["1.0", "2.0", "other", "3.0"]
    found, more = book.between({"h1": ALWAYS}, 0.0, math.inf, 2)
    assert ([event.text for event in found], more) == (["2.0", "3.0"], True)
    found, more = book.between({"h1": (1.5, 2.5)}, 0.0, math.inf, 2)
    assert ([event.text for event in found], more) == (["2.0"], False)


def test_a_host_has_so_many_and_no_more() -> None:
    book = diary()
    book.take([noted(float(number)) for number in range(MAX_EVENTS + 5)])
    found, _ = book.between({"h1": ALWAYS}, 0.0, math.inf, 9999)
    assert len(found) == MAX_EVENTS
    assert found[0].at_s == 5.0


def test_what_is_kept_of_an_event_is_small() -> None:
    """A thousand of each of many hosts: their text, and a few hundred bytes."""
    book = diary()
    words = "nothing is known of the time before: the agent was started anew"
    tracemalloc.start()
    try:
        book.take([noted(float(at), "h1", f"{words} {at}") for at in range(MAX_EVENTS)])
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept_bytes / MAX_EVENTS < len(words) + 300
    assert len(texts(book, limit=MAX_EVENTS)) == MAX_EVENTS


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    book = diary(tmp_path / "events")
    book.take([noted(1.0, text="one"), noted(2.0, "h2", "two")])
    book.write(book.unwritten())
    book.take([noted(3.0, text="three")])
    book.write(book.unwritten())
    assert book.unwritten() == {}
    other = diary(tmp_path / "events")
    for events in other.load().values():
        other.take(events, keep=False)
    assert texts(other, "h1", "h2") == ["one", "two", "three"]
    assert other.unwritten() == {}
    (file, _) = sorted((tmp_path / "events").iterdir())
    assert file.stat().st_mode & 0o777 == 0o600


def test_every_torn_tail_is_passed_over_and_written_after(tmp_path: Path) -> None:
    book = diary(tmp_path)
    book.take([noted(1.0, text="one"), noted(2.0, text="two")])
    book.write(book.unwritten())
    path = tmp_path / "h1.events"
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(len(whole)):
        expected = [name for name, ends in (("one", first), ("two", len(whole))) if ends <= end]
        assert [one.text for one in read_events(whole[:end])] == expected
    path.write_bytes(whole[:-5])
    book.take([noted(3.0, text="three")])
    book.write(book.unwritten())
    assert [one.text for one in read_events(path.read_bytes())] == ["one", "three"]


def test_a_file_stays_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diaries, "MAX_FILE_BYTES", 2000)
    monkeypatch.setattr(diaries, "MAX_EVENTS", 5)
    book = diary(tmp_path)
    for number in range(100):
        book.take([noted(float(number), text=f"event {number}")])
        book.write(book.unwritten())
        assert (tmp_path / "h1.events").stat().st_size <= 2500
    kept = read_events((tmp_path / "h1.events").read_bytes())
    assert [one.at_s for one in kept[-5:]] == [95.0, 96.0, 97.0, 98.0, 99.0]
    assert [path.name for path in tmp_path.iterdir()] == ["h1.events"]


def test_a_disk_that_fails_loses_events_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("no directory")
    book = diary(tmp_path / "events")
    book.take([noted(1.0)])
    book.write(book.unwritten())
    assert texts(book) == ["came"]
    assert book.load() == {}


def test_what_is_deleted_is_gone_from_the_disk(tmp_path: Path) -> None:
    book = diary(tmp_path)
    book.take([noted(1.0)])
    book.write(book.unwritten())
    book.forget("h1")
    book.forget("h1")
    assert texts(book) == []
    assert list(tmp_path.iterdir()) == []


def test_since_when_a_host_has_a_part_in_a_migration() -> None:
    book = diary()
    both = ["h1", "h2"]
    book.take([noted(10.0, hosts=both), noted(20.0, hosts=both)])
    book.take([noted(30.0, hosts=both, over=True)])
    book.take([noted(15.0, "h3", hosts=["h3"], place="#/other")])
    for host_id in both:
        assert book.migrating_since(host_id, 9.0) is None
        assert book.migrating_since(host_id, 10.0) == 10.0
        assert book.migrating_since(host_id, 25.0) == 10.0
        assert book.migrating_since(host_id, 30.0) is None
    assert book.migrating_since("h3", 99.0) == 15.0
    assert book.migrating_since("h4", 25.0) is None


def test_a_gap_is_an_event_with_its_reason() -> None:
    server = MadeServer()
    book = Diary(server.bus, lambda: server.now)
    host = MadeHost(random.Random(2))
    host.add(7, 4)
    server.join("h1").take(host.full())
    server.now += 30
    host.restart_agent()
    server.join("h1", host.epoch).take(host.full())
    (text,) = texts(book)
    assert text == "nothing is known of the 30.0 s before: the agent was started anew"
