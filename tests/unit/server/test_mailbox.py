import random

import pytest

from hugescope_server.mailbox import OVERVIEW_PERIOD_S
from hugescope_wire.errors import WireError
from hugescope_wire.host import PROTOCOL_VERSION
from hugescope_wire.messages import CREDIT, Ack, Unsubscribe
from tests.unit.server.made_report import finding, report
from tests.unit.server.made_talk import CELLS_PERIOD_S, Talk
from tests.unit.server.made_viewer import same


@pytest.fixture
def talk() -> Talk:
    made = Talk()
    made.poll()
    return made


def test_welcome_then_overview(talk: Talk) -> None:
    assert talk.viewer.welcome is not None
    assert talk.viewer.welcome.protocol == PROTOCOL_VERSION
    assert talk.viewer.welcome.server_epoch == talk.server.hub.epoch
    assert talk.viewer.overview is not None
    assert talk.viewer.overview.hosts[0].host_id == "h1"
    assert talk.mailbox.watching is None


def test_first_frame_has_every_cell_and_later_ones_what_changed(talk: Talk) -> None:
    talk.subscribe(2)
    assert talk.mailbox.watching == "h1"
    talk.poll()
    assert talk.viewer.subscribed is not None
    assert talk.viewer.subscribed.mapping == talk.host.infos[7][2]
    assert same(talk.viewer.cells, talk.host.cells[2])
    talk.change(2)
    talk.poll()
    assert same(talk.viewer.cells, talk.host.cells[2])
    assert talk.viewer.frames == 2
    assert talk.viewer.frame_bytes[1] < 80


def test_no_frame_without_a_change(talk: Talk) -> None:
    talk.subscribe(1)
    talk.poll()
    talk.ack_all()
    talk.change(2)
    talk.poll()
    assert talk.viewer.frames == 1


def test_credit_and_folding(talk: Talk) -> None:
    talk.subscribe()
    for at in range(10):
        talk.change(at=at)
        talk.poll()
    assert talk.viewer.frames == CREDIT
    talk.ack_all()
    talk.poll()
    assert talk.viewer.frames == CREDIT + 1, "eight changes in one frame"
    assert same(talk.viewer.cells, talk.host.cells[1])


def test_acks_that_were_never_due_give_no_credit(talk: Talk) -> None:
    talk.subscribe()
    for at in range(6):
        talk.change(at=at)
        talk.poll()
        talk.mailbox.receive(Ack(seq=1000).model_dump_json())
        talk.mailbox.receive(Ack(seq=0).model_dump_json())
    assert talk.viewer.frames == CREDIT


def test_cells_are_paced(talk: Talk) -> None:
    talk.subscribe()
    for at in range(40):
        talk.change(at=at)
        talk.poll(CELLS_PERIOD_S / 4)
        talk.ack_all()
    assert talk.viewer.frames in range(9, 12)


def test_wait_ends_when_a_paced_frame_is_due(talk: Talk) -> None:
    talk.subscribe()
    talk.server.now = 2000.01
    talk.poll(0)
    talk.change()
    talk.server.now += 0.01
    assert talk.mailbox.poll(talk.server.now) == []
    assert talk.mailbox.wait_s(talk.server.now) == pytest.approx(CELLS_PERIOD_S - 0.01)
    talk.poll(talk.mailbox.wait_s(talk.server.now) + 1e-9)
    assert same(talk.viewer.cells, talk.host.cells[1])


def test_overview_at_most_four_a_second_and_at_least_one() -> None:
    talk = Talk()
    for _ in range(100):
        talk.session.take(talk.host.delta())
        talk.poll(0.02)
    assert talk.viewer.overviews in range(8, 10)
    quiet = talk.viewer.overviews
    for _ in range(100):
        talk.poll(0.02)
    assert talk.viewer.overviews - quiet in range(2, 4)
    assert talk.viewer.overview is not None
    assert talk.viewer.overview.hosts[0].age_s >= 1


def test_overviews_come_at_common_moments(talk: Talk) -> None:
    other = Talk(2)
    for made, now in ((talk, 5000.01), (other, 5000.13)):
        made.server.now = now
        made.poll(0)
        assert now + made.mailbox.wait_s(now) == pytest.approx(5000 + OVERVIEW_PERIOD_S)


@pytest.mark.parametrize(
    ("mapping_id", "epoch", "host_id", "code"),
    [
        (1, "e1", "h2", "no_such_host"),
        (1, "e0", "h1", "host_restarted"),
        (99, "e1", "h1", "no_such_mapping"),
    ],
)
def test_subscriptions_that_cannot_be(
    talk: Talk, mapping_id: int, epoch: str, host_id: str, code: str
) -> None:
    wish = talk.viewer.wish(host_id, mapping_id, epoch)
    talk.mailbox.receive(wish.model_dump_json())
    talk.poll()
    assert talk.viewer.ended is not None
    assert (talk.viewer.ended.code, talk.viewer.ended.mapping_id) == (code, mapping_id)
    assert talk.mailbox.watching is None


def test_mapping_that_goes(talk: Talk) -> None:
    talk.subscribe()
    talk.poll()
    del talk.host.infos[7][1], talk.host.cells[1]
    talk.session.take(talk.host.delta(pids=[7]))
    talk.poll()
    assert talk.viewer.ended is not None
    assert talk.viewer.ended.code == "mapping_gone"
    assert talk.poll() == 0


def test_host_that_restarts_and_host_that_is_forgotten(talk: Talk) -> None:
    talk.subscribe()
    talk.poll()
    talk.session.leave()
    talk.poll()
    assert talk.viewer.ended is None, "the last picture stays"
    talk.host.restart_agent()
    again = talk.server.join(epoch=talk.host.epoch)
    talk.poll()
    assert talk.viewer.ended is None, "it stays until there is a new one"
    again.take(talk.host.full())
    talk.poll()
    assert talk.viewer.ended is not None
    assert talk.viewer.ended.code == "host_restarted"
    talk.subscribe(epoch=talk.host.epoch)
    talk.poll()
    again.leave()
    talk.server.now += 700
    talk.server.hub.forget_gone()
    talk.poll()
    assert talk.viewer.ended.code == "no_such_host"


def test_reconnected_agent_of_the_same_run_goes_unseen(talk: Talk) -> None:
    talk.subscribe()
    talk.poll()
    talk.session.leave()
    talk.host.change_cells(1, [9])
    talk.session = talk.server.join()
    talk.session.take(talk.host.full())
    talk.poll()
    assert talk.viewer.frames == 2
    assert talk.viewer.frame_bytes[1] < 80, "what differs, not everything"
    assert same(talk.viewer.cells, talk.host.cells[1])


def test_mapping_that_moved_is_announced_again(talk: Talk) -> None:
    talk.subscribe()
    talk.poll()
    info = talk.host.infos[7][1]
    moved = {"start": info.start + (1 << 40), "end": info.end + (1 << 40)}
    talk.host.infos[7][1] = info.model_copy(update=moved)
    talk.session.take(talk.host.delta(pids=[7]))
    talk.poll()
    assert talk.viewer.subscribed is not None
    assert talk.viewer.subscribed.mapping.start == info.start + (1 << 40)
    assert talk.viewer.seq == 1
    assert same(talk.viewer.cells, talk.host.cells[1])


def test_last_of_several_subscriptions_counts(talk: Talk) -> None:
    talk.subscribe(1)
    talk.subscribe(99)
    talk.subscribe(2)
    talk.poll()
    assert talk.viewer.ended is None
    assert same(talk.viewer.cells, talk.host.cells[2])
    talk.mailbox.receive(Unsubscribe().model_dump_json())
    talk.change(2)
    talk.poll()
    assert talk.viewer.frames == 1


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{", "message"),
        ("[]", "message"),
        ('{"type":"dance"}', "message"),
        ('{"type":"ack"}', "seq"),
        ('{"type":"ack","seq":-1}', "seq"),
        ('{"type":"subscribe","host_id":"a b","mapping_id":1,"epoch":"e"}', "host_id"),
        ('{"type":"subscribe","host_id":"a","mapping_id":4294967296,"epoch":"e"}', "mapping_id"),
    ],
)
def test_bad_messages_are_refused(talk: Talk, text: str, field: str) -> None:
    with pytest.raises(WireError, match=field) as caught:
        talk.mailbox.receive(text)
    assert caught.value.code == "bad_message"


@pytest.mark.parametrize("seed", range(25))
def test_any_viewer_ends_with_the_hosts_cells(seed: int) -> None:
    """Random changes, restarts, subscriptions and late acks: what a viewer has is never wrong."""
    rng = random.Random(seed)
    talk = Talk(seed)
    talk.poll()
    for _ in range(250):
        roll = rng.random()
        if roll < 0.03:
            talk.host.restart_agent()
            talk.session = talk.server.join(epoch=talk.host.epoch)
            talk.session.take(talk.host.full())
        elif roll < 0.06:
            talk.session.leave()
            talk.session = talk.server.join(epoch=talk.host.epoch)
            talk.session.take(talk.host.full())
        else:
            talk.session.take(talk.host.step())
        if rng.random() < 0.05 or talk.viewer.subscribed is None:
            wanted = rng.choice([*talk.host.cells, 10_000])
            talk.subscribe(wanted, talk.host.epoch)
            talk.acks.clear()
        if rng.random() < 0.6:
            talk.poll(rng.uniform(0, 0.2))
        if rng.random() < 0.4:
            talk.ack_all()
    for _ in range(3):
        talk.ack_all()
        talk.poll()
    if talk.viewer.subscribed is not None:
        number = talk.viewer.subscribed.mapping.id
        assert same(talk.viewer.cells, talk.host.cells[number])


def test_a_report_comes_once_and_again_when_it_is_another(talk: Talk) -> None:
    assert talk.viewer.reports == []
    first, second = report(finding("idle-pool")), report(finding("poisoned-page"))
    talk.session.take(talk.host.delta(report=first))
    talk.poll(OVERVIEW_PERIOD_S)
    assert [message.report for message in talk.viewer.reports] == [first]
    talk.change()
    talk.poll(OVERVIEW_PERIOD_S)
    assert len(talk.viewer.reports) == 1
    talk.session.take(talk.host.delta(report=second))
    talk.poll(OVERVIEW_PERIOD_S)
    assert [message.report for message in talk.viewer.reports] == [first, second]
    assert talk.viewer.reports[1].epoch == "e1"


def test_a_new_viewer_gets_the_report_that_is_there() -> None:
    talk = Talk()
    talk.session.take(talk.host.delta(report=report(finding())))
    talk.poll()
    assert [message.host_id for message in talk.viewer.reports] == ["h1"]
