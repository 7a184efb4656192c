import pytest

from hugescope_agent.outbox import Outbox


def frame(number: int, size: int = 20) -> bytes:
    return b"HSF1\2\0" + bytes((number,)) * (size - 6)


def sent(box: Outbox) -> list[tuple[int, bool]]:
    """The frames that go now: their numbers, and whether they are marked as late."""
    out = []
    while (data := box.take_unsent()) is not None:
        out.append((data[6], data[5] == 1))
    return out


def linked(count: int = 3, **bounds: float) -> Outbox:
    """One that sent a full frame and deltas, a second apart, of which nothing is acknowledged."""
    box = Outbox(**bounds)  # type: ignore[arg-type]
    assert not box.welcomed(None, tells_taken=True)
    for number in range(1, count + 1):
        box.add(frame(number), float(number), full=number == 1)
        assert sent(box) == [(number, False)]
    return box


def test_a_first_hello_has_nothing_to_resume_and_a_full_frame_comes_first() -> None:
    box = Outbox()
    assert box.hello(0.0) is None
    assert box.needs_full
    assert not box.resumable
    box.add(frame(9), 0.0, full=False)
    assert box.seq == 0, "a delta without a full frame goes nowhere"


def test_what_the_server_has_not_goes_again_in_order_and_late() -> None:
    box = linked(5)
    box.taken(2)
    box.lost()
    for number in (6, 7):
        box.add(frame(number), float(number), full=False)
    hello = box.hello(10.0)
    assert hello is not None
    assert (hello.first_seq, hello.last_seq, hello.behind_s) == (3, 7, 8.0)
    assert box.resumable
    assert box.welcomed(4, tells_taken=True)
    assert sent(box) == [(5, True), (6, True), (7, True)]
    box.add(frame(8), 11.0, full=False)
    assert sent(box) == [(8, False)]


def test_a_server_that_took_everything_gets_nothing_again() -> None:
    box = linked(5)
    box.lost()
    assert box.welcomed(5, tells_taken=True)
    assert sent(box) == []
    assert box.kept_bytes == 0


@pytest.mark.parametrize("seq", [None, 0, 1, 9])
def test_anything_else_needs_a_full_frame_and_nothing_of_the_ring(seq: int | None) -> None:
    box = linked(5)
    box.taken(3)
    box.lost()
    assert not box.welcomed(seq, tells_taken=True)
    assert box.needs_full
    assert sent(box) == []
    box.add(frame(6), 6.0, full=True)
    assert sent(box) == [(6, False)]


def test_the_ring_is_bounded_in_bytes_and_drops_the_oldest() -> None:
    box = linked(1, max_bytes=100)
    box.lost()
    for number in range(2, 7):
        box.add(frame(number), 2.0, full=False)
    assert (box.kept_bytes, box.dropped, box.resumable) == (100, 0, True)
    box.add(frame(7), 2.0, full=False)
    assert (box.kept_bytes, box.dropped, box.resumable) == (100, 1, False)
    hello = box.hello(3.0)
    assert hello is not None
    assert (hello.first_seq, hello.last_seq) == (3, 7)
    assert hello.behind_s == 2.0, "the gap is told all the same"
    assert not box.welcomed(1, tells_taken=True), "never a part of what was missed"


def test_the_ring_is_bounded_in_time() -> None:
    box = linked(1, max_age_s=10.0)
    box.lost()
    box.add(frame(2), 2.0, full=False)
    assert box.hello(12.0) is not None
    assert box.resumable
    assert box.hello(12.1) is not None
    assert not box.resumable


def test_what_was_sent_but_not_taken_is_bounded_too() -> None:
    box = linked(30, max_bytes=100)
    assert box.kept_bytes == 100
    box.add(frame(31, 500), 31.0, full=False)
    assert sent(box) == [(31, False)], "what is about to be sent is never dropped"


def test_a_drop_between_hello_and_welcome_is_no_resume() -> None:
    box = linked(2, max_bytes=60)
    box.lost()
    hello = box.hello(2.0)
    assert hello is not None
    assert hello.first_seq == 2
    for number in range(3, 7):
        box.add(frame(number), 3.0, full=False)
    assert not box.welcomed(2, tells_taken=True)
    assert box.needs_full


def test_an_older_server_that_tells_nothing_costs_no_memory() -> None:
    box = Outbox()
    box.welcomed(None, tells_taken=False)
    for number in range(1, 50):
        box.add(frame(number), float(number), full=number == 1)
        sent(box)
    assert box.kept_bytes == 0
    box.lost()
    assert not box.resumable, "it could not go on anyway, so nothing is looked at"


def test_nonsense_about_what_was_taken_changes_nothing() -> None:
    box = linked(3)
    before = box.kept_bytes
    box.taken(99)
    assert box.kept_bytes == before
