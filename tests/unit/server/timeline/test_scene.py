"""A moment that is made from a recording is as it was when it was live."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hugescope_server.settings import ServerSettings
from hugescope_server.timeline.scene import (
    CHAPTER_S,
    LAST_CHAPTER_S,
    LAST_S,
    Numbering,
    Scene,
    Superseded,
)
from hugescope_server.timeline.shelf import Moved
from hugescope_wire.archive import Archive, Loss, picture_at
from hugescope_wire.cells import UNKNOWN_AGE
from hugescope_wire.frames import decode_frame, encode_frame
from hugescope_wire.messages import TO_VIEWER, Overview, parse
from hugescope_wire.recording import Record
from tests.unit.server.made_host import MadeHost
from tests.unit.server.made_server import MadeServer
from tests.unit.server.made_viewer import same
from tests.unit.server.timeline.made_time import (
    BEGAN_S,
    made_archive,
    made_records,
    recorded,
    renumber,
)

SETTINGS = ServerSettings()


def scene_at(
    at_s: float,
    warm_up_s: float = 120.0,
    known: dict[str, Numbering] | None = None,
    **archives: Archive,
) -> Scene:
    scene = Scene(SETTINGS, at_s)
    played = {host_id: (archive, at_s - warm_up_s) for host_id, archive in archives.items()}
    scene.begin(played, known or {})
    return scene


def overview(scene: Scene) -> Overview:
    message = parse(TO_VIEWER, scene.hub.overview_json(scene.clock.now()))
    assert isinstance(message, Overview)
    return message


def lived(records: list[Record], until_s: float) -> MadeServer:
    """A server to which these frames came in their time."""
    server = MadeServer()
    session = server.join("h1")
    for number, record in enumerate(records, 1):
        if record.at_s > until_s:
            break
        server.now = 1000 + record.at_s
        frame = record.frame
        data = encode_frame(frame.kind, number, frame.meta, frame.blocks)
        session.take(data, decode_frame(data))
    server.now = 1000 + until_s
    return server


@pytest.mark.parametrize("seed", range(4))
def test_cells_ages_and_timelines_are_as_they_were_live(seed: int) -> None:
    records = made_records(random.Random(seed), 160)
    for after_s in (0.0, 0.3, 7.9, 19.6):
        live = lived(records, after_s).hub.host("h1")
        scene = scene_at(BEGAN_S + after_s, h1=made_archive(records))
        shown = scene.hub.host("h1")
        assert live is not None
        assert shown is not None
        assert live.tracks.keys() == shown.tracks.keys()
        assert live.timeline.end == shown.timeline.end
        for number, track in live.tracks.items():
            other = shown.tracks[number]
            assert same(other.cells, track.cells)
            was = track.changed_ago(1000 + after_s, slice(None))
            ages = other.changed_ago(scene.clock.now(), slice(None))
            assert ((was == UNKNOWN_AGE) <= (ages == UNKNOWN_AGE)).all()
            both = (was != UNKNOWN_AGE) & (ages != UNKNOWN_AGE)
            apart = np.abs(was[both].astype(np.int64) - ages[both])
            recent = was[both] < 10 * (LAST_S - CHAPTER_S)
            assert (apart <= 10 * CHAPTER_S + 1).all()
            assert (apart[recent] <= 10 * LAST_CHAPTER_S + 1).all()


@pytest.mark.parametrize("seed", range(3))
def test_what_is_played_on_is_what_is_sought(seed: int) -> None:
    archive = made_archive(made_records(random.Random(seed), 160, restart_at=80))
    scene = scene_at(BEGAN_S + 1, h1=archive)
    for after_s in (1.1, 3.0, 3.0, 9.9, 10.0, 19.0):
        scene.show(scene.read(BEGAN_S + after_s), BEGAN_S + after_s)
        was = picture_at(archive, BEGAN_S + after_s)
        host = scene.hub.host("h1")
        assert host is not None
        assert host.frozen_picture().snapshot() == was.snapshot()
        assert all(same(host.tracks[number].cells, was.cells[number]) for number in was.cells)
        assert host.tracks.keys() == was.mappings.keys()


def test_a_brief_scene_shows_the_same_and_says_that_it_is_a_replay() -> None:
    archive = made_archive(made_records(random.Random(1), 80), "a.hsrec")
    scene = Scene(SETTINGS, BEGAN_S + 5)
    scene.begin_briefly({"h1": archive, "later": made_archive_at(BEGAN_S + 6)}, {})
    (host,) = overview(scene).hosts
    (full,) = overview(scene_at(BEGAN_S + 5, h1=archive)).hosts
    assert host.source.kind == "replay"
    assert host.source.name == "a.hsrec"
    assert (host.processes, host.taken_at) == (full.processes, full.taken_at)


def made_archive_at(began_s: float) -> Archive:
    return Moved(made_archive(made_records(random.Random(2), 20)), began_s - BEGAN_S)


def test_epochs_stay_while_numbers_stand_for_the_same() -> None:
    host = MadeHost(random.Random(3))
    host.add(9, 30)
    host.add(9, 40)
    frames = [host.full(), host.change_cells(1, [3]), host.change_cells(2, [4])]
    renumber(host)
    frames += [host.full(), host.change_cells(3, [5])]
    archive = made_archive(recorded(frames, 1.0))
    before = scene_at(BEGAN_S, h1=archive)
    near = scene_at(BEGAN_S + 2, known=before.numberings, h1=archive)
    far = scene_at(BEGAN_S + 4, known=before.numberings, h1=archive)
    epochs = [overview(scene).hosts[0].epoch for scene in (before, near, far)]
    assert epochs[0] == epochs[1]
    assert epochs[0] != epochs[2]
    near.show(near.read(BEGAN_S + 4), BEGAN_S + 4)
    assert overview(near).hosts[0].epoch != epochs[0]


def test_a_host_whose_recording_is_over_is_gone_and_then_forgotten() -> None:
    archive = made_archive(made_records(random.Random(4), 16))
    end_s = archive.ended_s
    scene = scene_at(end_s, h1=archive)
    assert [host.link for host in overview(scene).hosts] == ["live"]
    scene.show([], end_s + 5)
    assert [host.link for host in overview(scene).hosts] == ["late"]
    scene.show([], end_s + 11)
    assert [host.link for host in overview(scene).hosts] == ["gone"]
    scene.show([], end_s + SETTINGS.forget_after_s + 1)
    assert overview(scene).hosts == []
    assert overview(scene_at(end_s + 2000, h1=archive)).hosts == []


def test_a_host_appears_when_its_recording_begins() -> None:
    later = made_archive_at(BEGAN_S + 5)
    scene = scene_at(BEGAN_S + 1, h1=made_archive(made_records(random.Random(1), 80)), h2=later)
    assert [host.host_id for host in overview(scene).hosts] == ["h1"]
    scene.show(scene.read(BEGAN_S + 6), BEGAN_S + 6)
    assert [host.host_id for host in overview(scene).hosts] == ["h1", "h2"]


def torn(records: list[Record], since_s: float, until_s: float) -> Archive:
    """Nothing is there between these times."""
    kept = [one for one in records if not since_s < one.at_s < until_s]
    loss = Loss(BEGAN_S + since_s, BEGAN_S + until_s, "the disk was full")
    return made_archive(kept, losses=(loss,))


@pytest.mark.parametrize("after_s", [6.0, 8.0, 40.0])
def test_a_loss_is_a_gap(after_s: float) -> None:
    host = scene_at(BEGAN_S + after_s, h1=torn(quiet_records(400), 4.0, 6.0))
    (gap,) = overview(host).hosts[0].gaps
    assert (gap.reason, gap.message) == ("lost", "the disk was full")
    assert gap.since.timestamp() == pytest.approx(BEGAN_S + 4, abs=0.001)
    assert gap.until.timestamp() == pytest.approx(BEGAN_S + 6, abs=0.001)


def test_within_a_loss_the_host_is_gone_at_once_and_back_with_the_next_frame() -> None:
    archive = torn(quiet_records(400), 4.0, 30.0)

    def links(scene: Scene) -> list[str]:
        return [host.link for host in overview(scene).hosts]

    scene = scene_at(BEGAN_S + 3, h1=archive)
    told = []
    for after_s in (4.0, 4.1, 8.0, 20.0, 29.9, 30.0, 31.0):
        scene.show(scene.read(BEGAN_S + after_s), BEGAN_S + after_s)
        brief = Scene(SETTINGS, BEGAN_S + after_s)
        brief.begin_briefly({"h1": archive}, {})
        assert links(brief) == links(scene) == links(scene_at(BEGAN_S + after_s, h1=archive))
        told += links(scene)
    assert told == ["live", "gone", "gone", "gone", "gone", "live", "live"]


def quiet_records(frames: int = 80) -> list[Record]:
    """Each frame is a delta of cells, so that any of them can be missing."""
    host = MadeHost(random.Random(5))
    host.add(9, 30)
    changes = (host.change_cells(1, [number % 30]) for number in range(1, frames))
    return recorded([host.full(), *changes])


def test_nobody_waits_for_what_is_not_wanted() -> None:
    scene = Scene(SETTINGS, BEGAN_S + 8)
    with pytest.raises(Superseded):
        scene.begin({"h1": (made_archive(quiet_records()), BEGAN_S)}, {}, lambda: False)
