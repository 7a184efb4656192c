"""A viewer that is shown another hub than before."""

from __future__ import annotations

import random

import pytest

from hugescope_wire.follow import FollowedHost
from hugescope_wire.messages import Follow
from tests.unit.server.made_host import MadeHost
from tests.unit.server.made_server import MadeServer
from tests.unit.server.made_talk import Talk
from tests.unit.server.made_viewer import same


@pytest.fixture
def talk() -> Talk:
    made = Talk()
    made.poll()
    return made


def other_hub(epoch: str, *pids: int) -> tuple[MadeServer, MadeHost]:
    """The same host at another time: other cells, and under other numbers if `epoch` says so."""
    server, host = MadeServer(), MadeHost(random.Random(99), epoch=epoch)
    for pid in pids:
        host.add(pid, 40)
    session = server.join("h1", epoch)
    session.take(host.full())
    return server, host


def test_cells_go_on_where_the_epoch_is_the_same(talk: Talk) -> None:
    talk.subscribe(1)
    talk.poll()
    server, host = other_hub(talk.host.epoch, 7)
    talk.mailbox.show(server.hub, None, lambda: server.now)
    talk.poll()
    assert talk.viewer.subscriptions == 2
    assert same(talk.viewer.cells, host.cells[1])
    assert talk.viewer.ended is None


def test_where_it_is_another_the_viewer_finds_its_mapping_in_the_overview(talk: Talk) -> None:
    talk.subscribe(1)
    talk.poll()
    start = talk.host.infos[7][1].start
    server, host = other_hub("another", 7)
    assert host.infos[7][1].start == start
    talk.mailbox.show(server.hub, None, lambda: server.now)
    talk.poll()
    assert talk.viewer.ended is None
    assert talk.viewer.overview is not None
    assert talk.viewer.overview.hosts[0].epoch == "another"
    assert talk.mailbox.watching is None
    talk.mailbox.take(talk.viewer.wish("h1", 1))
    talk.poll()
    assert same(talk.viewer.cells, host.cells[1])


@pytest.mark.parametrize("hosts", [True, False])
def test_a_mapping_that_is_not_there_at_that_moment_has_ended(talk: Talk, hosts: bool) -> None:
    talk.subscribe(1)
    talk.poll()
    server = other_hub("another", 8)[0] if hosts else MadeServer()
    talk.mailbox.show(server.hub, None, lambda: server.now)
    talk.poll()
    assert talk.viewer.ended is not None
    assert talk.viewer.ended.code == "mapping_gone"
    assert talk.viewer.ended.message == "at this moment it is not there"


def test_ages_are_of_the_hubs_own_clock(talk: Talk) -> None:
    talk.subscribe(1)
    talk.poll()
    server, host = other_hub(talk.host.epoch, 7)
    session = server.join("h1", talk.host.epoch)
    host.seq = 0
    session.take(host.full())
    session.take(host.change_cells(1, [3]))
    server.now += 20
    talk.mailbox.show(server.hub, None, lambda: server.now)
    talk.poll()
    assert talk.viewer.first_ages is not None
    assert talk.viewer.first_ages[3] == 200


def test_what_is_followed_is_told_anew_and_briefly_without_statistics(talk: Talk) -> None:
    wish = FollowedHost(host_id="h1", thumbnails=[1], statistics=True)
    talk.mailbox.take(Follow(hosts=[wish]))
    talk.poll()
    server, _ = other_hub(talk.host.epoch, 7)
    seen = talk.viewer
    thumbs, told = len(seen.thumbnails), len(seen.statistics)
    talk.mailbox.show(server.hub, None, lambda: server.now, briefly=True)
    talk.poll()
    assert (len(seen.thumbnails), len(seen.statistics)) == (thumbs + 1, told)
    talk.mailbox.show(server.hub, None, lambda: server.now)
    talk.poll()
    assert len(seen.statistics) == told + 1
    assert seen.statistics[-1].begins
