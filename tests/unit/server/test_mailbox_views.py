"""Parts and coarser pictures of a mapping, and how often they come."""

import json
import math

import pytest

from hugescope_wire.cells import UNKNOWN_AGE
from hugescope_wire.errors import WireError
from hugescope_wire.messages import CREDIT
from hugescope_wire.view import Shift, View
from tests.unit.server.made_talk import CELLS_PERIOD_S, Talk
from tests.unit.server.made_viewer import same
from tests.unit.wire.made_groups import groups_by_number, plain_groups_of

WIDE = 3
"""Mapping 3 has 1,500 cells, the first in this column of its page table."""
COLUMN = 37


@pytest.fixture
def talk() -> Talk:
    made = Talk()
    made.poll()
    return made


def sees_the_truth(talk: Talk, mapping_id: int = WIDE) -> bool:
    """Whether the viewer has what a count of the host's cells, one by one, gives for its view."""
    viewer, cells = talk.viewer, talk.host.cells[mapping_id]
    assert viewer.subscribed is not None
    view = viewer.subscribed.view
    if not view.shift:
        return same(viewer.cells, cells.take(slice(view.first, view.first + view.count)))
    column = viewer.subscribed.mapping.start // viewer.subscribed.mapping.page_size % 512
    first = (view.first + column) >> view.shift
    last = (view.first + view.count - 1 + column) >> view.shift
    plain = plain_groups_of(cells, column, view.shift)
    assert viewer.groups is not None
    seen = groups_by_number(range(first, last + 1), viewer.groups)
    return seen == {number: plain[number] for number in range(first, last + 1)}


@pytest.mark.parametrize(
    ("view", "first", "count"),
    [
        (View(), 0, 1500),
        (View(first=100, count=50), 100, 50),
        (View(first=1499, count=50), 1499, 1),
        (View(shift=3), 0, 1500),
        (View(first=100, count=50, shift=3), 99, 56),
        (View(first=2, count=1, shift=3), 0, 3),
        (View(first=3, count=8, shift=3), 3, 8),
        (View(first=1498, count=10**15, shift=6), 1435, 65),
        (View(first=0, count=1, shift=9), 0, 475),
        (View(first=475, count=1, shift=9), 475, 512),
        (View(first=474, count=2, shift=9), 0, 987),
        (View(first=1400, shift=9), 987, 513),
    ],
)
def test_a_view_is_widened_to_groups_and_cut_to_the_mapping(
    talk: Talk, view: View, first: int, count: int
) -> None:
    talk.subscribe(WIDE, view=view)
    talk.poll()
    assert talk.viewer.subscribed is not None
    viewed = talk.viewer.subscribed.view
    assert (viewed.first, viewed.count, viewed.shift) == (first, count, view.shift)
    assert sees_the_truth(talk)
    for at in (first, first + count - 2, 0, 1490):
        talk.change(WIDE, min(max(at, 0), 1498))
        talk.poll()
        talk.ack_all()
    assert sees_the_truth(talk)


@pytest.mark.parametrize("shift", [0, 3, 9])
def test_changes_outside_of_the_view_send_nothing(talk: Talk, shift: Shift) -> None:
    talk.subscribe(WIDE, view=View(first=520, count=100, shift=shift))
    talk.poll()
    talk.ack_all()
    talk.change(WIDE, 3)
    talk.poll()
    assert talk.viewer.frames == 1
    talk.change(WIDE, 519)
    talk.poll()
    assert talk.viewer.frames == 2
    assert sees_the_truth(talk)


@pytest.mark.parametrize("first", [1500, 10**30])
def test_a_view_past_the_end(talk: Talk, first: int) -> None:
    talk.subscribe(WIDE, view=View(first=first))
    talk.poll()
    assert talk.viewer.ended is not None
    assert talk.viewer.ended.code == "view_outside"
    assert talk.viewer.subscribed is None
    assert talk.mailbox.watching is None


@pytest.mark.parametrize(
    "view",
    [
        {"shift": 1},
        {"shift": -3},
        {"shift": 12},
        {"shift": "all"},
        {"first": -1},
        {"first": 0.5},
        {"count": 0},
        {"count": -1},
        {"rate_hz": -1},
        {"rate_hz": 61},
        {"rate_hz": 1e999},
        {"rate_hz": None},
    ],
)
def test_hostile_views_are_refused(talk: Talk, view: dict[str, object]) -> None:
    wish = json.loads(talk.viewer.wish("h1", WIDE).model_dump_json())
    wish["view"] |= view
    with pytest.raises(WireError, match="view") as caught:
        talk.mailbox.receive(json.dumps(wish))
    assert caught.value.code == "bad_message"


@pytest.mark.parametrize("shift", [0, 3, 9])
def test_the_first_frame_tells_ages_and_later_ones_are_new(talk: Talk, shift: Shift) -> None:
    talk.change(WIDE, 600)
    talk.server.now += 30
    talk.subscribe(WIDE, view=View(shift=shift))
    talk.poll()
    assert talk.viewer.first_ages is not None
    ages = talk.viewer.first_ages.tolist()
    there = ((600 + COLUMN) >> shift) - (COLUMN >> shift)
    assert ages[there] in (300, 301)
    assert ages[0] == UNKNOWN_AGE
    assert sum(age != UNKNOWN_AGE for age in ages) == (1 if shift else 2)
    talk.change(WIDE, 4)
    talk.poll()
    assert talk.viewer.frames == 2
    assert talk.viewer.last_ages is None


def test_every_rate_is_kept(talk: Talk) -> None:
    for rate_hz, least, most in ((60, 115, 125), (10, 19, 21), (0.5, 1, 2)):
        talk.subscribe(1, view=View(rate_hz=rate_hz))
        talk.poll()
        talk.ack_all()
        before = talk.viewer.frames
        for at in range(200):
            talk.change(at=at % 60)
            talk.poll(0.01)
            talk.ack_all()
        assert talk.viewer.frames - before in range(least // 2, most + 1), rate_hz
        assert talk.viewer.frames - before >= 0.8 * min(2 * rate_hz, 100) - 1


def test_another_rate_goes_on_where_the_picture_is(talk: Talk) -> None:
    talk.subscribe(WIDE, view=View(shift=3))
    talk.poll()
    announced = talk.viewer.subscribed
    talk.subscribe(WIDE, view=View(shift=3, rate_hz=5))
    assert talk.poll() == 0, "no other Subscribed, no other first frame"
    talk.change(WIDE)
    talk.poll()
    assert talk.viewer.frames == 1
    assert talk.mailbox.wait_s(talk.server.now) <= 0.2
    talk.poll(0.2)
    assert talk.viewer.subscribed is announced
    assert (talk.viewer.frames, talk.viewer.seq) == (2, 2)
    assert sees_the_truth(talk)
    talk.subscribe(WIDE, view=View(shift=3, rate_hz=60))
    talk.change(WIDE)
    talk.poll(0.5)
    assert talk.viewer.frames == CREDIT, "credit goes on too"


def test_an_equal_or_another_view_begins_anew(talk: Talk) -> None:
    view = View(shift=3)
    for again in (view, view, View(first=9, shift=3), View(shift=6, rate_hz=5)):
        talk.subscribe(WIDE, view=again)
        talk.poll()
        assert talk.viewer.seq == 1
        assert sees_the_truth(talk)
    assert talk.viewer.frames == 4


def test_rate_0_holds_and_a_later_rate_folds(talk: Talk) -> None:
    talk.subscribe(WIDE, view=View(shift=3))
    talk.poll()
    talk.ack_all()
    talk.subscribe(WIDE, view=View(shift=3, rate_hz=0))
    for at in range(40):
        talk.change(WIDE, at * 37)
        talk.poll(0.3)
    assert talk.viewer.frames == 1
    assert 0 < talk.mailbox.wait_s(talk.server.now) < math.inf
    talk.subscribe(WIDE, view=View(shift=3))
    talk.poll()
    assert talk.viewer.frames == 2
    assert sees_the_truth(talk)
    assert talk.viewer.last_ages is not None, "what changed long ago did not change just now"
    assert int(talk.viewer.last_ages.max()) in range(110, 125)


def test_a_view_that_is_held_from_the_start_has_its_first_picture(talk: Talk) -> None:
    talk.subscribe(WIDE, view=View(first=700, count=64, rate_hz=0))
    talk.poll()
    talk.ack_all()
    assert sees_the_truth(talk)
    talk.change(WIDE, 701)
    talk.poll(100)
    assert talk.viewer.frames == 1


def test_a_mapping_that_shrinks_below_its_view(talk: Talk) -> None:
    talk.subscribe(WIDE, view=View(first=1400, shift=3))
    talk.poll()
    info = talk.host.infos[7][WIDE]
    size = info.page_size
    smaller = {"cell_count": 1000, "end": info.start + 1000 * size}
    talk.host.infos[7][WIDE] = info.model_copy(update=smaller)
    talk.host.cells[WIDE] = talk.host.cells[WIDE].take(slice(1000))
    talk.session.take(talk.host.full())
    talk.poll()
    assert talk.viewer.ended is not None
    assert talk.viewer.ended.code == "view_outside"


@pytest.mark.parametrize("seed", range(12))
def test_any_view_ends_with_the_truth(seed: int) -> None:
    """Random changes, views, rates and late acks, over the same tracks."""
    talk = Talk(seed)
    rng = talk.host.rng
    talk.poll()
    for _ in range(120):
        talk.session.take(talk.host.change_cells(WIDE, rng.sample(range(1500), rng.randint(1, 90))))
        if rng.random() < 0.2 or talk.viewer.subscribed is None:
            view = View(
                first=rng.randrange(1500),
                count=rng.choice((None, 1, 100, 5000)),
                shift=rng.choice((0, 3, 6, 9)),
                rate_hz=rng.choice((0, 5, 60)),
            )
            talk.subscribe(WIDE, view=view)
            talk.acks.clear()
        talk.poll(rng.uniform(0, 2 * CELLS_PERIOD_S))
        if rng.random() < 0.5:
            talk.ack_all()
    talk.subscribe(WIDE, view=view.model_copy(update={"rate_hz": 7}))
    for _ in range(3):
        talk.ack_all()
        talk.poll(0.2)
    assert sees_the_truth(talk)
