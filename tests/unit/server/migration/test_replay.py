"""A recording that is played again and again: each time the migration in it begins again."""

from __future__ import annotations

import struct
from typing import NamedTuple

import pytest

from hugescope_agent.playback import HOLD_S, Playback, shipped
from hugescope_agent.sample import Sample
from hugescope_server.bus import LocalBus
from hugescope_server.ingest import Ingest
from hugescope_server.migration.desk import MigrationDesk
from hugescope_wire.frames import FrameKind, RawFrame, encode_frame
from hugescope_wire.host import HostDelta, HostFrame, Source
from hugescope_wire.recording import Record
from tests.unit.server.made_host import hello
from tests.unit.server.migration.made_vms import BEGIN_S, MadeVm, World
from tests.unit.wire.made_recording import KeptArchive

STEP_S = 0.1


class Told(NamedTuple):
    """What is told of a migration; times since its run began."""

    phases: list[tuple[str, str, float]]
    counts: tuple[int, ...]
    log: list[tuple[object, ...]]
    points: int


class Player:
    """A server, and the agent that plays a recording to it."""

    def __init__(self, recording: KeptArchive) -> None:
        self.now = BEGIN_S
        self.round_s = recording.ended_s - recording.began_s + HOLD_S
        self.playback = Playback(recording, "made", clock=lambda: self.now - BEGIN_S)
        bus = LocalBus()
        self.desk = MigrationDesk(bus, 600.0, lambda: self.now)
        self._session = Ingest(bus, 4, 1 << 24).join(hello("r"), lambda: None)
        self._seq = 0
        self._send(self.playback.full())

    def until(self, passed_s: float) -> None:
        while self.now + STEP_S < BEGIN_S + passed_s:
            self.now += STEP_S
            sample = self.playback.tick()
            if sample is not None:
                self._send(sample)
            self.desk.tick()

    def told(self) -> Told:
        (migration,) = self.desk.migrations()
        run, began_s = migration.run, migration.run.began_s
        data = self.desk.arrivals(migration, 0)
        base_s = struct.unpack_from("<d", data, 24)[0]
        return Told(
            [(one.phase, one.evidence, one.began_s - began_s) for one in migration.spans],
            (run.precopied, run.sweep, run.demanded, run.demand.faults or 0),
            [
                (*record[:3], round(base_s + record[4] - began_s, 2))
                for record in struct.iter_unpack("<IHBBff", data[32:])
            ],
            len(migration.points.since(migration.points.begin)),
        )

    def _send(self, sample: Sample) -> None:
        self._seq += 1
        full = isinstance(sample.about, HostFrame)
        kind = FrameKind.FULL if full else FrameKind.DELTA
        self._session.take(encode_frame(kind, self._seq, sample.about, sample.blocks))


def without_qmp(record: Record) -> Record:
    """The same where nobody asked QEMU."""
    meta = record.frame.meta
    assert isinstance(meta, HostFrame | HostDelta)
    processes = [one.model_copy(update={"qmp": None}) for one in meta.processes]
    frame = record.frame
    said = meta.model_copy(update={"processes": processes})
    return Record(record.at_s, RawFrame(frame.kind, said, frame.blocks))


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("share", [1.0, 0.65])
def test_every_round_is_told_as_the_first(asked: bool, share: float) -> None:
    """Also of a recording that stops in the middle of a migration."""
    whole = shipped()
    until_s = whole.began_s + share * (whole.ended_s - whole.began_s)
    records = list(whole.records(None, until_s))
    played = tuple(one if asked else without_qmp(one) for one in records)
    player = Player(KeptArchive(played))
    player.until(player.round_s)
    first = player.told()
    migration_id = player.desk.migrations()[0].id
    assert first.phases[-1][0] == ("done" if share == 1 else "postcopy")
    for number in (2, 3):
        player.until((number - 1) * player.round_s + 3)
        again = player.told()
        assert [phase for phase, _, _ in again.phases] == ["waiting"]
        assert (again.counts[:3], again.log) == ((0, 0, 0), [])
        player.until(number * player.round_s)
        again = player.told()
        assert player.desk.migrations()[0].id == migration_id
        assert (again.counts, len(again.log)) == (first.counts, len(first.log))
        assert [one[:3] for one in again.log] == [one[:3] for one in first.log]
        assert [one[:2] for one in again.phases] == [one[:2] for one in first.phases]
        times = [at_s for _, _, at_s in again.phases]
        assert times == pytest.approx([at_s for _, _, at_s in first.phases], abs=2 * STEP_S)
        assert abs(again.points - first.points) <= 2


def test_an_end_that_is_not_there_when_it_begins() -> None:
    world = World()
    box = world.box()
    box.source = Source(kind="replay")
    box.add(MadeVm(10)).fill()
    world.step()
    for _ in range(3):
        destination = box.add(MadeVm(20, incoming=True))
        world.wait(1.0)
        for cell in range(64):
            destination.come(cell)
        destination.listen()
        world.step()
        destination.listen(False)
        world.wait(1.0)
        assert world.only().phase == "done"
        box.end(20)
        world.wait(1.0)
        world.now += 0.1
        box.play_again()
        assert world.desk.migrations() == []


def test_a_source_that_leaves_in_the_end() -> None:
    world = World()
    box = world.box()
    box.source = Source(kind="replay")
    for _ in range(3):
        source = box.vms.get(10) or box.add(MadeVm(10))
        source.fill()
        destination = box.vms.get(20) or box.add(MadeVm(20, incoming=True))
        destination.go(*range(64))
        if world.desk.migrations():
            world.now += 0.1
            box.play_again()
        world.wait(1.0)
        assert world.only().phase == "waiting"
        destination.come(3)
        world.wait(1.0)
        assert world.only().phase == "precopy"
        box.end(10)
        world.wait(3.0)
        assert world.only().phase == "failed"


def test_an_agent_that_connects_again_does_not_begin_anew() -> None:
    world = World()
    box = world.box()
    box.source = Source(kind="replay")
    box.add(MadeVm(10)).fill()
    destination = box.add(MadeVm(20, incoming=True))
    box.frame()
    destination.come(1, 2, 3)
    world.step()
    migration = world.only()
    for leaves in (True, False):
        if leaves:
            box.leave()
        box.connect_again()
        world.step()
        assert world.only() is migration
        assert (migration.phase, migration.run.precopied) == ("precopy", 3)


def test_a_live_host_does_not_begin_anew_with_a_full_frame() -> None:
    world = World()
    box = world.box()
    box.add(MadeVm(10)).fill()
    destination = box.add(MadeVm(20, incoming=True))
    box.frame()
    destination.come(1, 2, 3)
    world.step()
    world.now += 0.1
    box.play_again()
    assert (world.only().phase, world.only().run.precopied) == ("precopy", 3)
