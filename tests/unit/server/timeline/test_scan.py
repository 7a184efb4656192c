"""What happened in recordings, and how it helps to show a moment in the middle of a migration."""

from __future__ import annotations

import random

from hugescope_agent.playback import shipped
from hugescope_server.bus import LocalBus
from hugescope_server.settings import ServerSettings
from hugescope_server.timeline.diary import Diary
from hugescope_server.timeline.past import Past
from hugescope_server.timeline.scan import scan
from hugescope_server.timeline.shelf import FileShelf
from tests.unit.server.timeline.made_time import BEGAN_S, made_archive, made_records

SETTINGS = ServerSettings()
MIGRATION = shipped()
BEGIN_S = MIGRATION.began_s


def test_a_recorded_migration_is_told_phase_after_phase() -> None:
    found = scan({"r": MIGRATION}, SETTINGS)["r"]
    phases = [noted for noted in found if noted.kind == "phase"]
    words = [noted.text.partition(": ")[0] for noted in phases]
    assert [text.partition(" build-7 ")[2] for text in words] == [
        "precopy begins",
        "switch-over begins",
        "post-copy begins",
        "is done",
    ]
    assert [noted.over for noted in phases] == [False, False, False, True]
    assert {noted.place for noted in phases} == {"#/migration?pair=r:17918,r:17923"}
    assert all(noted.hosts == ("r", "r") for noted in phases)


def test_processes_of_a_recording_come_and_go() -> None:
    archive = made_archive(made_records(random.Random(4), 160))
    found = scan({"h1": archive}, SETTINGS)["h1"]
    kinds = {noted.kind for noted in found}
    assert kinds == {"process_start", "process_end"}
    times = [noted.at_s for noted in found]
    assert times == sorted(times)
    assert times[0] > BEGAN_S
    assert scan({"h1": archive}, SETTINGS, lambda: False) == {"h1": []}


def past() -> Past:
    shelf = FileShelf()
    shelf.add(MIGRATION, "r")
    return Past(shelf, Diary(LocalBus(), lambda: 0.0), SETTINGS, lambda: BEGIN_S + 9999.0)


async def test_a_migration_that_is_on_is_played_from_its_begin() -> None:
    known, unknown = past(), past()
    for host_id, events in scan({"r": MIGRATION}, SETTINGS).items():
        known.diary.replace(host_id, events)
    at_s = BEGIN_S + 13.0
    whole = (await known.scene(at_s, 12.99)).desk.migrations()
    short = (await known.scene(at_s, 1.0)).desk.migrations()
    none = (await unknown.scene(at_s, 1.0)).desk.migrations()
    (migration,) = short
    phases = [span.phase for span in migration.spans]
    assert phases == ["waiting", "precopy", "switchover", "postcopy"]
    assert [one.spans for one in whole] == [migration.spans]
    assert all(len(one.spans) < len(phases) for one in none)


async def test_a_migration_has_the_same_name_at_every_moment() -> None:
    one = past()
    names = {
        (await one.scene(BEGIN_S + after_s, 120.0, tag="t1")).desk.migrations()[0].id
        for after_s in (8.0, 12.0, 16.0)
    }
    (name,) = names
    assert name.startswith("t1")
    other = (await one.scene(BEGIN_S + 8, 120.0, tag="t2")).desk.migrations()[0].id
    assert other != name
