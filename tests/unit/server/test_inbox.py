import pytest

from hugescope_server.inbox import MOST_OVER_S, TOO_MANY, Inbox
from hugescope_wire.errors import WireError
from hugescope_wire.messages import Ack, Follow, Subscribe, Unsubscribe


def wish(number: int) -> Subscribe:
    return Subscribe(host_id="h", mapping_id=number, epoch="e")


def full_inbox(now: float = 0.0) -> Inbox:
    """One that has no room left."""
    inbox = Inbox(20)
    for number in range(20):
        assert inbox.put(wish(number), now) == [wish(number)]
    return inbox


def test_a_burst_after_a_rest_goes_on_at_once() -> None:
    inbox = full_inbox()
    assert inbox.wait_s() is None
    assert inbox.put(wish(99), 0.06) == [wish(99)]


def test_beyond_that_only_the_latest_of_each_kind_waits() -> None:
    inbox = full_inbox()
    for number in range(5):
        assert inbox.put(wish(number), 0.0) == []
    assert inbox.put(Follow(hosts=[]), 0.0) == []
    assert inbox.due(0.04) == []
    assert inbox.wait_s() == pytest.approx(0.01)
    assert inbox.due(0.06) == [wish(4), Follow(hosts=[])]
    assert inbox.due(9.0) == []


def test_a_message_never_overtakes_one_that_waits() -> None:
    inbox = full_inbox()
    assert inbox.put(wish(1), 0.0) == []
    assert inbox.put(Follow(hosts=[]), 0.06) == [wish(1), Follow(hosts=[])]
    inbox = full_inbox()
    assert inbox.put(wish(1), 0.0) == []
    assert inbox.put(Unsubscribe(), 0.0) == []
    assert inbox.due(1.0) == [Unsubscribe()], "what was asked for before is not wanted any more"


def test_acks_of_what_was_sent_are_not_counted() -> None:
    inbox = full_inbox()
    for seq in range(100):
        assert inbox.put(Ack(seq=seq), 0.0, paced=True) == [Ack(seq=seq)]
    assert inbox.put(Ack(seq=1), 0.0) == [], "one that answers nothing is"


def test_who_goes_on_for_long_is_refused_and_who_rests_is_not() -> None:
    def hurry(rests: bool) -> None:
        inbox, now = Inbox(20), 0.0
        for number in range(40_000):
            now += 1 / 60
            if rests and number % 1200 == 0:
                now += 1.1
            inbox.put(wish(number), now)

    hurry(rests=True)
    with pytest.raises(WireError) as caught:
        hurry(rests=False)
    assert caught.value.code == TOO_MANY
    inbox = full_inbox()
    for number in range(int(MOST_OVER_S * 20) + 1):
        inbox.put(wish(number), 0.0)
    with pytest.raises(WireError):
        inbox.put(wish(0), 0.0)
