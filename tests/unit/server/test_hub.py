import random

import pytest

from hugescope_server.settings import ServerSettings
from hugescope_wire.errors import WireError
from hugescope_wire.messages import Overview
from hugescope_wire.view import View
from tests.unit.server.made_host import MadeHost
from tests.unit.server.made_server import MadeServer


def made_host(seed: int = 1) -> MadeHost:
    made = MadeHost(random.Random(seed))
    made.add(7, 50)
    made.add(7, 20)
    made.add(9, 10)
    return made


def overview(server: MadeServer) -> Overview:
    return Overview.model_validate_json(server.hub.overview_json(server.now))


def test_a_host_appears_with_its_first_full_frame() -> None:
    server = MadeServer()
    host = made_host()
    session = server.join()
    assert overview(server).hosts == []
    session.take(host.full())
    (shown,) = overview(server).hosts
    assert (shown.host_id, shown.epoch, shown.seq, shown.agent_version) == ("h1", "e1", 1, "1.2")
    assert [process.pid for process in shown.processes] == [7, 9]
    first = shown.processes[0].mappings[0]
    assert first.state_counts == host.cells[1].state_counts()
    assert first.start == host.infos[7][1].start
    assert shown.pools[0].total == 9


def test_hosts_come_in_the_order_of_their_ids() -> None:
    server = MadeServer()
    for host_id in ("b", "c", "a"):
        server.join(host_id).take(made_host().full())
    assert [host.host_id for host in overview(server).hosts] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("age_s", "link"), [(0, "live"), (2.9, "live"), (3, "late"), (9.9, "late"), (10, "gone")]
)
def test_link_by_age(age_s: float, link: str) -> None:
    server = MadeServer()
    server.join().take(made_host().full())
    server.now += age_s
    (shown,) = overview(server).hosts
    assert shown.link == link
    assert shown.age_s == pytest.approx(age_s, abs=0.001)


def test_gone_host_keeps_its_last_picture_until_it_is_forgotten() -> None:
    server = MadeServer()
    session = server.join()
    session.take(made_host().full())
    session.leave()
    (shown,) = overview(server).hosts
    assert (shown.link, len(shown.processes)) == ("gone", 2)
    server.now += 599
    server.hub.forget_gone()
    assert len(overview(server).hosts) == 1
    version = server.hub.version
    server.now += 1
    server.hub.forget_gone()
    assert overview(server).hosts == []
    assert server.hub.host("h1") is None
    assert server.hub.version > version


def test_connected_host_is_never_forgotten() -> None:
    server = MadeServer()
    server.join().take(made_host().full())
    server.now += 10_000
    server.hub.forget_gone()
    assert len(overview(server).hosts) == 1


def test_reconnected_agent_continues_and_new_epoch_starts_anew() -> None:
    server = MadeServer()
    host = made_host()
    session = server.join()
    session.take(host.full())
    session.leave()
    again = server.join()
    state = server.hub.host("h1")
    assert state is not None
    tracks = dict(state.tracks)
    version = state.version
    again.take(host.full())
    assert state.tracks == tracks, "same run of the agent: same mappings"
    whole = state.tracks[1].viewed(View())
    assert whole is not None
    assert state.tracks[1].block_since(version, whole, server.now) is None, "nothing differs"
    host.restart_agent()
    server.join(epoch=host.epoch).take(host.full())
    assert state.epoch == host.epoch
    assert state.tracks[1] is not tracks[1]
    assert state.tracks[1].generation != tracks[1].generation


def test_bad_first_frame_of_a_new_agent_keeps_the_last_good_picture() -> None:
    server = MadeServer()
    host = made_host()
    server.join().take(host.full())
    with pytest.raises(WireError):
        server.join(epoch="e2").take(b"x" * 40)
    (shown,) = overview(server).hosts
    assert (shown.epoch, len(shown.processes)) == ("e1", 2)


def test_mapping_that_moved_gets_a_new_generation() -> None:
    server = MadeServer()
    host = made_host()
    session = server.join()
    session.take(host.full())
    state = server.hub.host("h1")
    assert state is not None
    before = {number: track.generation for number, track in state.tracks.items()}
    info = host.infos[7][1]
    moved = {"start": info.start + (1 << 40), "end": info.end + (1 << 40)}
    host.infos[7][1] = info.model_copy(update=moved)
    session.take(host.delta(pids=[7]))
    after = {number: track.generation for number, track in state.tracks.items()}
    assert [number for number in before if before[number] != after[number]] == [1]


def test_the_longest_gone_host_makes_room() -> None:
    server = MadeServer(ServerSettings(max_hosts=2))
    for host_id in ("a", "b", "c"):
        session = server.join(host_id)
        session.take(made_host().full())
        session.leave()
        server.now += 1
    assert [host.host_id for host in overview(server).hosts] == ["b", "c"]


def test_overview_is_built_once_per_frame_and_aged_each_time() -> None:
    server = MadeServer()
    session = server.join()
    host = made_host()
    session.take(host.full())
    state = server.hub.host("h1")
    assert state is not None
    server.hub.overview_json(server.now)
    built = state._summary
    server.now += 0.5
    assert overview(server).hosts[0].age_s == 0.5
    assert state._summary is built
    session.take(host.change_cells(1, [3, 4]))
    assert overview(server).hosts[0].seq == 2
    assert state._summary is not built


def test_frozen_picture_does_not_follow() -> None:
    server = MadeServer()
    host = made_host()
    session = server.join()
    session.take(host.full())
    state = server.hub.host("h1")
    assert state is not None
    frozen = state.frozen_picture()
    before = frozen.snapshot().model_dump_json()
    session.take(host.change_cells(1, list(range(50))))
    assert frozen.snapshot().model_dump_json() == before
    assert state.frozen_picture().snapshot().model_dump_json() != before
