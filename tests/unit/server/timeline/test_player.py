"""One archive, frame after frame."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from hugescope_server.timeline.player import Player
from hugescope_wire.archive import Loss, picture_at
from hugescope_wire.errors import WireError
from hugescope_wire.frames import FrameKind
from hugescope_wire.recording import Record
from tests.unit.server.made_host import MadeHost
from tests.unit.server.timeline.made_time import (
    BEGAN_S,
    PERIOD_S,
    at,
    made_archive,
    made_records,
    recorded,
)


@dataclass
class Growing:
    """A history that is written while it is read; what was handed out once does not grow."""

    all_of: list[Record]
    there: int
    fault: Exception | None = None
    name: str = "growing"
    losses: tuple[Loss, ...] = ()
    asked: list[float | None] = field(default_factory=list)

    @property
    def began_s(self) -> float:
        return BEGAN_S

    @property
    def ended_s(self) -> float:
        return BEGAN_S + self.all_of[self.there - 1].at_s

    def records(
        self, since_s: float | None = None, until_s: float | None = None
    ) -> Iterator[Record]:
        self.asked.append(since_s)
        known = [Record(BEGAN_S + one.at_s, one.frame) for one in self.all_of[: self.there]]
        keys = [
            number
            for number, one in enumerate(known)
            if one.frame.kind is FrameKind.FULL and (since_s is None or one.at_s <= since_s)
        ]
        yield from known[max(keys, default=0) :]
        if self.fault is not None:
            raise self.fault


def test_it_begins_with_the_whole_picture_before_the_moment() -> None:
    archive = made_archive(made_records(random.Random(1), 40, restart_at=20))
    steps = list(Player(archive, BEGAN_S + 3).steps(BEGAN_S + 4))
    assert steps[0].change.full
    assert steps[0].at_s <= BEGAN_S + 3
    assert steps[-1].at_s == BEGAN_S + 4
    now = picture_at(archive, BEGAN_S + 4)
    assert steps[-1].picture.snapshot() == now.snapshot()


def test_a_run_ends_where_the_agent_began_anew() -> None:
    records = made_records(random.Random(2), 30, restart_at=10)
    fulls = [one.at_s for one in records[1:] if one.frame.kind is FrameKind.FULL]
    steps = list(Player(made_archive(records), BEGAN_S).steps(BEGAN_S + 99))
    assert 10 * PERIOD_S in fulls
    assert steps[-1].run == len(fulls)
    assert steps[0].run == 0


def test_a_history_is_followed_as_it_grows() -> None:
    growing = Growing(recorded(made_deltas(30)), 10)
    player = Player(growing, BEGAN_S)
    first = list(player.steps(BEGAN_S + 99))
    assert list(player.steps(BEGAN_S + 99)) == []
    growing.there = 25
    more = list(player.steps(BEGAN_S + 2))
    rest = list(player.steps(BEGAN_S + 99))
    times = [step.at_s for step in (*first, *more, *rest)]
    assert times == [BEGAN_S + number * PERIOD_S for number in range(25)]
    assert more[-1].at_s == BEGAN_S + 2
    assert {step.run for step in rest} == {0}
    assert len(growing.asked) == 2


def made_deltas(frames: int) -> list[bytes]:
    host = MadeHost(random.Random(3))
    host.add(9, 30)
    return [host.full(), *(host.change_cells(1, [number]) for number in range(1, frames))]


@pytest.mark.parametrize("fault", [WireError("bad_recording", "it shrank"), OSError(5, "I/O")])
def test_what_cannot_be_read_ends_it_with_a_reason(fault: Exception) -> None:
    player = Player(Growing(recorded(made_deltas(5)), 5, fault), BEGAN_S)
    assert len(list(player.steps(BEGAN_S + 99))) == 5
    assert player.fault is not None
    assert list(player.steps(BEGAN_S + 99)) == []


def test_what_was_not_looked_at_is_told_as_it_is_live() -> None:
    times = (0.0, 2.0, 4.0, 9.0)
    records = [
        Record(after_s, at(raw, after_s))
        for after_s, raw in zip(times, made_deltas(4), strict=True)
    ]
    unseen = [step.unseen for step in Player(made_archive(records), BEGAN_S).steps(BEGAN_S + 99)]
    assert unseen[:3] == [None, None, None]
    assert unseen[3] is not None
    assert unseen[3].reason == "not_looked"
