"""What is lost, as those who look at the past hear of it."""

from __future__ import annotations

import random

from hugescope_server.bus import LocalBus
from hugescope_server.settings import ServerSettings
from hugescope_server.timeline.diary import Diary
from hugescope_server.timeline.past import MAX_LOST, Past
from hugescope_server.timeline.shelf import FileShelf
from hugescope_wire.recording import Loss
from tests.unit.server.timeline.made_time import BEGAN_S, made_archive, made_records

COUNT = 2 * MAX_LOST


def past_with(*losses: Loss) -> Past:
    """Of one host of which this is lost."""
    shelf = FileShelf()
    shelf.add(made_archive(made_records(random.Random(1), 3), losses=losses), "h1")
    return Past(shelf, Diary(LocalBus(), lambda: 0.0), ServerSettings(), lambda: BEGAN_S + 9999.0)


def many() -> list[Loss]:
    """A half of each of so many seconds."""
    return [
        Loss(BEGAN_S + number + 0.25, BEGAN_S + number + 0.75, f"loss {number}")
        for number in range(COUNT)
    ]


def test_old_losses_within_a_span_are_told_however_many_came_after() -> None:
    past = past_with(*many())
    assert [one.why for one in past.lost((BEGAN_S, BEGAN_S + 2))] == ["loss 0", "loss 1"]
    last = [f"loss {number}" for number in range(COUNT - MAX_LOST, COUNT)]
    assert [one.why for one in past.lost((BEGAN_S, BEGAN_S + COUNT))] == last
    assert [one.why for one in past.lost_of("h1", BEGAN_S + COUNT)] == last


def test_a_loss_without_an_end_ends_where_one_looks() -> None:
    past = past_with(*many(), Loss(BEGAN_S + COUNT, None, "cut off"))
    end_s = BEGAN_S + COUNT + 9
    assert past.lost((BEGAN_S, end_s))[-1].until_s == end_s
    assert past.lost_of("h1", end_s)[-1].until_s == end_s
    (one,) = past.lost_between("h1", BEGAN_S + COUNT, end_s)
    assert (one.since_s, one.until_s) == (BEGAN_S + COUNT, end_s)
    assert past.lost_between("h1", BEGAN_S + 0.75, BEGAN_S + 1.25) == []
    assert past.lost_between("nobody", BEGAN_S, end_s) == []
