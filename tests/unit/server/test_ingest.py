import json
import math
import random
from datetime import datetime
from typing import Any

import pytest

from hugescope_server.bus import AgentJoined, AgentLeft, FrameTaken, Unseen
from hugescope_server.ingest import AgentSession
from hugescope_server.settings import ServerSettings
from hugescope_wire.errors import WireError
from hugescope_wire.frames import encode_cells, encode_range, marked_late
from hugescope_wire.messages import Resume
from tests.unit.server.made_host import PAGE_SIZE, MadeHost, hello
from tests.unit.server.made_server import MadeServer
from tests.unit.server.made_viewer import same


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


def again(server: MadeServer, first: int, last: int, **more: Any) -> AgentSession:
    kept = Resume(first_seq=first, last_seq=last, behind_s=4.0)
    told = {"boot_id": None, "keeps": True, "resume": kept, **more}
    return server.ingest.join(hello().model_copy(update=told), lambda: None)


def last_taken(server: MadeServer) -> FrameTaken:
    return next(event for event in reversed(server.events) if isinstance(event, FrameTaken))


@pytest.mark.parametrize("left", [True, False], ids=["left", "half-open"])
def test_the_same_run_goes_on_where_it_was(host: MadeHost, left: bool) -> None:
    server = MadeServer()
    session = server.join()
    session.take(host.full())
    session.take(host.change_cells(1, [3]))
    missed = [host.change_cells(1, [4]), host.change_cells(1, [5])]
    if left:
        session.leave()
    second = again(server, 2, 4)
    assert second.resumed_at == 2
    for frame in missed:
        second.take(marked_late(frame))
    taken = last_taken(server)
    assert (taken.picture.seq, taken.late, taken.unseen) == (4, True, None)
    assert same(taken.picture.cells[1], host.cells[1])
    if not left:
        assert refused(session.take, host.delta()) == "replaced"


@pytest.mark.parametrize(
    ("first", "last", "more"),
    [
        (4, 9, {}),
        (1, 1, {}),
        (2, 4, {"epoch": "e2"}),
        (2, 4, {"boot_id": "another"}),
        (2, 4, {"host_id": "h2"}),
    ],
    ids=["a hole", "the server is ahead", "another run", "another boot", "another host"],
)
def test_anything_else_is_not_recovered_at_all(
    host: MadeHost, first: int, last: int, more: dict[str, Any]
) -> None:
    server = MadeServer()
    session = server.join()
    session.take(host.full())
    session.take(host.delta())
    session.leave()
    second = again(server, first, last, **more)
    assert second.resumed_at is None
    assert refused(second.take, host.delta()) == "no_full_frame"


def test_what_a_full_frame_leaves_unknown_is_told(host: MadeHost) -> None:
    server = MadeServer()
    first = server.join()
    first.take(host.full())
    assert last_taken(server).unseen is None, "nothing was known before"
    first.leave()
    server.now += 20
    server.join(epoch="e2").take(host.full())
    assert last_taken(server).unseen == Unseen("agent_restarted")
    known = server.hub.host("h1")
    assert known is not None
    summary = json.loads(known.summary_json(server.now, "live"))
    (gap,) = summary["gaps"]
    since, until = (datetime.fromisoformat(gap[name]) for name in ("since", "until"))
    assert (until - since).total_seconds() == pytest.approx(20)
    again(server, 9, 9, epoch="e2").take(host.full())
    assert last_taken(server).unseen == Unseen("not_kept")
    again(server, 9, 9, epoch="e2", boot_id="b1").take(host.full())
    another = again(server, 9, 9, epoch="e3", boot_id="b2")
    another.take(host.full())
    assert last_taken(server).unseen == Unseen("host_restarted")
    fresh = MadeServer()
    again(fresh, 2, 9).take(host.full())
    unseen = last_taken(fresh).unseen
    assert unseen is not None
    assert unseen.reason == "server_restarted"
    assert unseen.for_s is not None
    assert unseen.for_s >= 4.0


def test_pictures_of_agents_that_left_are_forgotten(host: MadeHost) -> None:
    server = MadeServer(ServerSettings(max_hosts=2))
    for name in ("h1", "h2", "h3"):
        session = server.join(name)
        host.seq = 0
        session.take(host.full())
        session.leave()
        server.now += 1
    assert again(server, 2, 4, host_id="h1").resumed_at is None, "the third made it go"
    server.ingest.forget_left(math.inf)
    assert again(server, 2, 4, host_id="h3").resumed_at is None
