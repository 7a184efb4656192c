import random

import pytest

from hugescope_server.bus import AgentJoined, AgentLeft, FrameTaken
from hugescope_server.settings import ServerSettings
from hugescope_wire.errors import WireError
from hugescope_wire.frames import encode_cells, encode_range
from tests.unit.server.made_host import PAGE_SIZE, MadeHost, hello
from tests.unit.server.made_server import MadeServer


@pytest.fixture
def host() -> MadeHost:
    made = MadeHost(random.Random(1))
    made.add(7, 50)
    return made


def refused(take: object, *args: object) -> str:
    with pytest.raises(WireError) as caught:
        take(*args)  # type: ignore[operator]
    return caught.value.code


def test_frames_are_published_as_they_came(host: MadeHost) -> None:
    server = MadeServer()
    session = server.join()
    data = host.full()
    session.take(data)
    session.leave()
    joined, taken, left = server.events
    assert joined == AgentJoined("h1")
    assert left == AgentLeft("h1")
    assert isinstance(taken, FrameTaken)
    assert (taken.data, taken.epoch, taken.agent_version) == (data, "e1", "1.2")
    assert taken.picture.seq == 1


def test_newest_agent_wins(host: MadeHost) -> None:
    server = MadeServer()
    told: list[str] = []
    older = server.ingest.join(hello(), lambda: told.append("older"))
    older.take(host.full())
    newer = server.ingest.join(hello(epoch="e2"), lambda: told.append("newer"))
    assert told == ["older"]
    assert refused(older.take, host.delta()) == "replaced"
    older.leave()
    assert AgentLeft("h1") not in server.events, "the older one's end is not the host's"
    newer.take(host.full())
    newer.leave()
    assert server.events[-1] == AgentLeft("h1")


def test_protocol_and_number_of_hosts() -> None:
    server = MadeServer(ServerSettings(max_hosts=1))
    with pytest.raises(WireError, match="protocol 99") as caught:
        server.join(protocol=99)
    assert caught.value.code == "unsupported_protocol"
    server.join("h1")
    with pytest.raises(WireError) as caught:
        server.join("h2")
    assert caught.value.code == "too_many_hosts"
    server.join("h1")


def test_bad_frames_change_nothing_and_keep_their_code(host: MadeHost) -> None:
    server = MadeServer()
    session = server.join()
    early = MadeHost(random.Random(2))
    assert refused(session.take, early.delta()) == "no_full_frame"
    session.take(host.full())
    good = server.events[-1]
    assert isinstance(good, FrameTaken)
    before = good.picture.cells[1]
    assert refused(session.take, b"rubbish") == "short_frame"
    assert refused(session.take, encode_cells(2, [])) == "bad_kind"
    foreign = [encode_range(99, PAGE_SIZE, host.cells[1])]
    assert refused(session.take, host.delta(foreign)) == "bad_block"
    assert refused(session.take, host.delta()) == "bad_seq"
    host.seq = 0
    assert refused(session.take, host.full()) == "bad_seq", "a full frame rises too"
    assert server.events[-1] is good
    assert good.picture.cells[1] is before
    host.seq = 1
    session.take(host.delta())


def test_size_is_refused_before_cells_are_made() -> None:
    server = MadeServer(ServerSettings(max_cells_per_host=100))
    host = MadeHost(random.Random(3))
    host.add(1, 60)
    session = server.join()
    session.take(host.full())
    second = host.add(2, 50)
    block = encode_range(second, PAGE_SIZE, host.cells[second])
    assert refused(session.take, host.delta([block], [2])) == "too_many_cells"
    host.seq -= 1
    del host.infos[1], host.cells[1]
    session.take(host.delta([block], [2], gone=[1]))
    twins = MadeHost(random.Random(4))
    twins.add(1, 60)
    twins.add(1, 60)
    assert refused(server.join().take, twins.full()) == "too_many_cells"
