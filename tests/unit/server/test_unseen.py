from datetime import UTC, datetime

import pytest

from hugescope_server.bus import Unseen
from hugescope_server.unseen import MAX_GAPS, TOLD_FOR_S, Clocks, Gaps

NOON_S = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()


def test_gaps_in_words_the_latest_first_and_for_a_while() -> None:
    gaps = Gaps()
    assert gaps.limit(NOON_S) is None
    gaps.add(Unseen("agent_restarted"), NOON_S, NOON_S + 5)
    gaps.add(Unseen("not_looked"), NOON_S + 60, NOON_S + 65)
    limit = gaps.limit(NOON_S + 70)
    assert limit is not None
    assert limit.reason == (
        "Nothing is known from 12:01:00 to 12:01:05: the agent did not get to look, or could not "
        "send; from 12:00:00 to 12:00:05: the agent was started anew. Times are the server's, UTC."
    )
    assert gaps.limit(NOON_S + 65 + TOLD_FOR_S) is None
    assert [gap.reason for gap in gaps.all()] == ["agent_restarted", "not_looked"]


def test_gaps_are_bounded() -> None:
    gaps = Gaps()
    for number in range(50):
        gaps.add(Unseen("not_kept"), NOON_S + number, NOON_S + number + 0.5)
    assert len(gaps.all()) == MAX_GAPS
    limit = gaps.limit(NOON_S + 50)
    assert limit is not None
    assert "; and 13 more." in limit.reason


@pytest.mark.parametrize(
    ("behind_s", "words"), [(40.0, "40 s behind the server's"), (-7.6, "ahead")]
)
def test_a_wrong_clock_in_words(behind_s: float, words: str) -> None:
    clocks = Clocks()
    for number in range(30):
        now = 100.0 + number
        clocks.see(True, NOON_S + now - behind_s, now + 5000, now, NOON_S + now + number % 3)
    assert clocks.behind_s == pytest.approx(behind_s)
    limit = clocks.limit()
    assert limit is not None
    assert words in limit.reason


def test_a_clock_that_is_right_or_is_a_replay_s_is_not_told() -> None:
    clocks = Clocks()
    clocks.see(True, NOON_S, 1.0, 100.0, NOON_S + 4.9)
    assert clocks.limit() is None
    clocks.see(False, NOON_S - 1e6, 1.0, 101.0, NOON_S + 1)
    assert clocks.behind_s is None
    assert clocks.limit() is None


def test_a_moment_of_the_host_on_the_server_s_clock() -> None:
    clocks = Clocks()
    assert clocks.moment(7.0, 50.0) == 50.0, "nothing is known of its clock yet"
    clocks.see(True, NOON_S, 1000.0, 50.0, NOON_S)
    clocks.see(True, NOON_S, 1001.0, 51.4, NOON_S)
    assert clocks.moment(1003.0, 60.0) == 53.0
    assert clocks.moment(2000.0, 60.0) == 60.0, "never later than now"


def live(clocks: Clocks, monotonic_s: float, now: float) -> float:
    """One frame, and when it was made by the server's clock."""
    clocks.see(True, NOON_S, monotonic_s, now, NOON_S)
    return clocks.made_at(monotonic_s, now)


def test_frames_that_a_stall_held_up_are_of_when_they_were_made() -> None:
    clocks = Clocks()
    for at in range(5):
        assert live(clocks, 1000.0 + at, 50.0 + at) == 50.0 + at
    # All of twelve seconds come at once.
    came = [live(clocks, 1005.0 + at, 67.0) for at in range(13)]
    assert came[:12] == [55.0 + at for at in range(12)]
    assert came[12] == 67.0
    assert live(clocks, 1018.0, 68.4) == 68.4, "what is late as usual is of now"


def test_a_clock_that_stood_still_is_known_again_soon() -> None:
    """As that of a virtual machine that was paused for eight seconds."""
    clocks = Clocks()
    for at in range(5):
        live(clocks, 1000.0 + at, 50.0 + at)
    came = {at: live(clocks, 1005.0 + at, 63.0 + at) for at in range(6)}
    assert came[0] == 55.0, "the first may have been held up"
    assert [came[at] for at in range(3, 6)] == [66.0, 67.0, 68.0]


def test_a_clock_that_was_set_far_is_known_at_once() -> None:
    clocks = Clocks()
    live(clocks, 1000.0, 50.0)
    assert live(clocks, 1001.0, 90.0) == 90.0
    assert live(clocks, 1002.0, 91.0) == 91.0
