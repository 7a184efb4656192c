import base64
import random

import numpy as np
import pytest

from hugescope_server.follower import THUMBNAILS_PERIOD_S, Follower
from hugescope_wire.cells import CellState
from hugescope_wire.follow import MAX_POINTS, FollowedHost
from hugescope_wire.frames import encode_scattered
from hugescope_wire.messages import TO_VIEWER, Follow, Statistics, Thumbnails, parse
from tests.unit.server.made_host import PAGE_SIZE, MadeHost
from tests.unit.server.made_server import MadeServer


class Talk:
    """A host with two mappings, and one viewer's follower; time moves by hand."""

    def __init__(self) -> None:
        self.server = MadeServer()
        self.host = MadeHost(random.Random(1), clock=lambda: self.server.now)
        self.host.add(7, 64)
        self.host.add(7, 2000)
        self.session = self.server.join()
        self.session.take(self.host.full())
        self.follower = Follower(self.server.hub)

    def follow(self, *mapping_ids: int, statistics: bool = False, host_id: str = "h1") -> None:
        wish = FollowedHost(host_id=host_id, thumbnails=list(mapping_ids), statistics=statistics)
        self.follower.receive(Follow(hosts=[wish]))

    def set_state(self, number: int, at: int, state: CellState) -> None:
        """A frame with one cell in this state."""
        index = np.array([at], np.uint32)
        value = self.host.cells[number].take(index)
        value.state[:] = state
        value.mapped_pages[:] = 0
        self.host.cells[number] = self.host.cells[number].replaced(index, value)
        self.session.take(self.host.delta([encode_scattered(number, PAGE_SIZE, index, value)]))

    def poll(self, after_s: float = 0.0) -> list[Thumbnails | Statistics]:
        self.server.now += after_s
        out: list[Thumbnails | Statistics] = []
        for text in self.follower.poll(self.server.now):
            message = parse(TO_VIEWER, text)
            assert isinstance(message, Thumbnails | Statistics)
            out.append(message)
        return out

    def thumbnails(self, after_s: float = 0.0) -> list[int]:
        """The mappings of which there are new ones."""
        return [
            thumb.mapping_id
            for message in self.poll(after_s)
            if isinstance(message, Thumbnails)
            for thumb in message.thumbs
        ]

    def statistics(self, after_s: float = 0.0) -> Statistics | None:
        messages = [message for message in self.poll(after_s) if isinstance(message, Statistics)]
        assert len(messages) <= 1
        return messages[0] if messages else None

    def second(self) -> None:
        """A second passes, with a frame at its end."""
        self.server.now += 1.0
        self.session.take(self.host.delta())


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_nothing_unless_asked_for(talk: Talk) -> None:
    assert talk.poll() == []
    assert talk.follower.wait_s(talk.server.now) == float("inf")
    talk.follow()
    assert talk.poll() == []


def test_thumbnails_come_at_once_and_then_those_that_changed(talk: Talk) -> None:
    talk.follow(1, 2)
    (message,) = talk.poll()
    assert isinstance(message, Thumbnails)
    assert (message.host_id, message.epoch) == ("h1", "e1")
    small, large = message.thumbs
    assert (small.mapping_id, small.cells, large.mapping_id, large.cells) == (1, 1, 2, 4)
    assert base64.b64decode(small.states) == talk.host.cells[1].state.tobytes()
    assert len(base64.b64decode(large.states)) == 500
    assert talk.thumbnails(THUMBNAILS_PERIOD_S) == []
    talk.set_state(2, 17, CellState.POISONED)
    assert talk.thumbnails(THUMBNAILS_PERIOD_S) == [2]


def test_thumbnails_come_at_most_twice_a_second(talk: Talk) -> None:
    talk.follow(1, statistics=False)
    seen = 0
    for at in range(64):
        state = CellState.POISONED if talk.host.cells[1].state[at] != 6 else CellState.HOLE
        talk.set_state(1, at, state)
        talk.follow(1)
        seen += len(talk.thumbnails(0.1))
    assert seen in range(12, 15)


def test_a_mapping_that_is_not_there_comes_when_it_is(talk: Talk) -> None:
    talk.follow(1, 99, 3)
    assert talk.thumbnails() == [1]
    assert talk.host.add(7, 10) == 3
    talk.session.take(talk.host.full())
    assert talk.thumbnails(THUMBNAILS_PERIOD_S) == [3]


def test_a_host_that_is_not_there_comes_when_it_is(talk: Talk) -> None:
    talk.follow(1, statistics=True, host_id="h2")
    assert talk.poll() == []
    session = talk.server.join("h2")
    session.take(MadeHost(random.Random(2), infos=talk.host.infos, cells=talk.host.cells).full())
    assert [message.host_id for message in talk.poll()] == ["h2", "h2"]


def test_each_follow_brings_thumbnails_anew_and_statistics_go_on(talk: Talk) -> None:
    talk.follow(1, statistics=True)
    assert len(talk.poll()) == 2
    talk.follow(1, statistics=True)
    assert talk.poll() == [], "asking often does not give more often"
    talk.second()
    thumbnails, statistics = talk.poll()
    assert isinstance(thumbnails, Thumbnails)
    assert isinstance(statistics, Statistics)
    assert (statistics.begins, len(statistics.points)) == (False, 1)
    talk.follow(1)
    talk.second()
    assert len(talk.poll()) == 1
    talk.follow(statistics=True)
    talk.second()
    (statistics,) = talk.poll()
    assert isinstance(statistics, Statistics)
    assert (statistics.begins, len(statistics.points)) == (True, 3)
    talk.follower.receive(Follow(hosts=[]))
    talk.second()
    assert talk.poll() == []


def test_an_agent_that_restarts_has_other_mappings(talk: Talk) -> None:
    talk.follow(1)
    talk.poll()
    talk.host.restart_agent()
    talk.server.join(epoch=talk.host.epoch).take(talk.host.full())
    (message,) = talk.poll(THUMBNAILS_PERIOD_S)
    assert message.model_dump()["epoch"] == talk.host.epoch


def test_statistics_begin_with_all_points_and_go_on_with_new_ones(talk: Talk) -> None:
    for _ in range(3):
        talk.second()
    talk.follow(statistics=True)
    first = talk.statistics()
    assert first is not None
    assert first.begins
    assert [point.at_s for point in first.points] == [1001.0, 1002.0, 1003.0]
    talk.second()
    second = talk.statistics()
    assert second is not None
    assert (second.begins, [point.at_s for point in second.points]) == (False, [1004.0])
    assert second.histograms == first.histograms


def test_a_silent_host_has_no_points_and_says_nothing(talk: Talk) -> None:
    talk.follow(statistics=True)
    assert talk.statistics() is not None
    for _ in range(5):
        assert talk.statistics(1.0) is None
    talk.second()
    after = talk.statistics()
    assert after is not None
    assert [point.at_s for point in after.points] == [1006.0]


def test_points_count_what_changed_but_no_mapping_that_comes_or_goes(talk: Talk) -> None:
    talk.set_state(1, 0, CellState.HOLE)
    talk.server.now += 1.0
    talk.set_state(1, 0, CellState.PARTIAL)
    talk.follow(statistics=True)
    first = talk.statistics()
    assert first is not None
    # The cell's first state is random, and may have been one without a page.
    assert (first.points[0].arrived, first.points[0].left) in ((1, 0), (1, 1))
    del talk.host.infos[7][1], talk.host.cells[1]
    talk.host.add(7, 50)
    talk.server.now += 1.0
    talk.session.take(talk.host.full())
    second = talk.statistics()
    assert second is not None
    point = second.points[0]
    assert (point.arrived, point.left, point.changed) == (0, 0, 0)
    pages = sum(int(cells.mapped_pages.sum()) for cells in talk.host.cells.values())
    assert point.present_bytes == pages * 4096
    assert [pool.total for pool in point.pools] == [9]
    cells = sum(level.cells for level in second.histograms.levels)
    assert cells == sum(map(len, talk.host.cells.values()))


def test_a_viewer_that_missed_points_begins_anew(talk: Talk) -> None:
    talk.follow(statistics=True)
    talk.statistics()
    for _ in range(MAX_POINTS):
        talk.second()
    late = talk.statistics()
    assert late is not None
    assert (late.begins, len(late.points)) == (False, MAX_POINTS)
    for _ in range(MAX_POINTS + 1):
        talk.second()
    later = talk.statistics()
    assert later is not None
    assert (later.begins, len(later.points)) == (True, MAX_POINTS)


def test_a_host_that_was_forgotten_and_came_back_begins_anew(talk: Talk) -> None:
    talk.second()
    talk.follow(statistics=True)
    talk.statistics()
    talk.session.leave()
    talk.server.now += 700
    talk.server.hub.forget_gone()
    assert talk.poll() == []
    talk.session = talk.server.join()
    talk.session.take(talk.host.full())
    again = talk.statistics()
    assert again is not None
    assert (again.begins, again.points) == (True, [])


def test_wait_is_until_the_next_common_tick(talk: Talk) -> None:
    talk.follow(1)
    assert talk.follower.wait_s(1000.1) == pytest.approx(0.4)
    assert talk.follower.wait_s(1000.5) == pytest.approx(0.5)
