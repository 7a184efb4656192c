"""What the switch-over costs the pool."""

import pytest

from hugescope_server.migration.collapse import CollapseWatch, spare
from hugescope_wire.snapshot import Pool

SIZE = 2 << 20


def pool(free: int | None, reserved: int | None, node: int | None = None) -> Pool:
    return Pool(page_size=SIZE, node=node, total=100, free=free, reserved=reserved, surplus=0)


def watched(
    before: int = 50, punched: int = 20, after: int = 70, without: int = 20
) -> CollapseWatch:
    watch = CollapseWatch()
    for at in range(10):
        watch.pool_seen(at / 10, before, 0, True)
    watch.pages_went(1.0, punched)
    watch.pool_seen(1.0, after, without, True)
    watch.pool_seen(1.3, after, without, True)
    return watch


def test_what_a_pool_has_for_anyone() -> None:
    assert spare([pool(9, 9, node=0), pool(10, 4)], SIZE) == 6
    assert spare([pool(10, 12)], SIZE) == -2
    assert spare([pool(10, None)], SIZE) is None
    assert spare([pool(10, -5)], SIZE) is None
    assert spare([pool(10, 4)], 1 << 30) is None


def test_nothing_without_a_punched_page() -> None:
    watch = CollapseWatch()
    watch.pool_seen(0.0, 5, 0, True)
    assert watch.told(1.0, 10, 0, 1.0, ended=False) is None


def test_its_numbers() -> None:
    told = watched().told(1.0, 64, 20, 10.0, ended=False)
    assert told is not None
    assert (told.at_s, told.punched, told.reservations_lost, told.left) == (1.0, 20, 20, 70)
    assert (told.without_reservation, told.margin, told.fails_at_s) == (20, 50, None)


def test_pages_that_came_meanwhile_do_not_hide_what_was_lost() -> None:
    watch = watched(after=60)
    watch.pages_came(5)
    for tenth in range(4, 7):
        watch.pool_seen(1.0 + tenth / 10, 65, 15, True)
    told = watch.told(1.7, 60, 15, 10.0, ended=False)
    assert told is not None
    assert (told.reservations_lost, told.left) == (20, 70)


def test_counters_that_are_read_a_moment_apart() -> None:
    watch = CollapseWatch()
    for at, odd in enumerate([0, 1, 0, -2, 0, 0, 2, 0]):
        watch.pool_seen(at / 10, 50 + odd, 0, True)
    watch.pages_went(1.0, 12)
    watch.pool_seen(1.0, 58, 12, True)
    watch.pages_went(1.1, 8)
    for at, odd in enumerate([0, 3, 0, -1, 0, 0]):
        watch.pool_seen(1.3 + at / 10, 70 + odd, 20, True)
    told = watch.told(2.0, 64, 20, 10.0, ended=False)
    assert told is not None
    assert (told.punched, told.reservations_lost, told.left) == (20, 20, 70)


def test_what_comes_long_after_it_is_not_the_switch_over() -> None:
    watch = watched()
    watch.pool_seen(3.0, 500, 20, True)
    told = watch.told(3.0, 64, 20, 10.0, ended=False)
    assert told is not None
    assert (told.reservations_lost, told.left, told.margin) == (20, 70, 480)


def test_others_take_what_is_left() -> None:
    watch = watched()
    for tenth in range(20, 61):
        watch.pool_seen(tenth / 10, 70 - (tenth - 20), 20, True)
    told = watch.told(6.0, 64, 20, 1.0, ended=False)
    assert told is not None
    assert told.margin == 10
    assert told.fails_at_s == pytest.approx(7.0, abs=0.3)
    quick = watch.told(6.0, 64, 20, 100.0, ended=False)
    assert quick is not None
    assert quick.fails_at_s is None


def test_what_will_fail_of_itself() -> None:
    watch = watched(before=-5, after=15, punched=20)
    told = watch.told(1.0, 64, 20, 5.0, ended=False)
    assert told is not None
    assert told.margin == -5
    assert told.fails_at_s == pytest.approx(1.0 + 15 / 5)
    watch.pool_seen(2.0, 0, 5, True)
    told = watch.told(2.0, 64, 5, 5.0, ended=False)
    assert told is not None
    assert told.fails_at_s == 2.0


def test_memory_that_never_had_reservations() -> None:
    watch = CollapseWatch()
    watch.pool_seen(0.9, 50, 64, False)
    watch.pages_went(1.0, 20)
    watch.pool_seen(1.0, 70, 64, False)
    told = watch.told(1.0, 64, 20, 1.0, ended=False)
    assert told is not None
    assert (told.without_reservation, told.margin) == (64, 6)


def test_a_pool_that_is_not_seen() -> None:
    watch = CollapseWatch()
    watch.pages_went(1.0, 20)
    watch.pool_seen(1.0, None, 20, True)
    told = watch.told(1.0, 64, 20, 1.0, ended=False)
    assert told is not None
    assert (told.reservations_lost, told.left, told.without_reservation) == (None, None, None)
    assert (told.margin, told.fails_at_s) == (None, None)


def test_after_the_end_nothing_is_to_come() -> None:
    told = watched().told(9.0, 64, 20, 0.0, ended=True)
    assert told is not None
    assert (told.punched, told.reservations_lost) == (20, 20)
    assert (told.without_reservation, told.margin, told.fails_at_s) == (0, None, None)
