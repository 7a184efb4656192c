"""What a live agent saw become of the pools' pages."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.model.poolhistory import PoolEvent, PoolHistory
from hugescope_wire.snapshot import Pool

MIB2, MIB32, GIB, GIB16 = 2 << 20, 32 << 20, 1 << 30, 16 << 30
Totals = Mapping[int, int | None]


def pools(host: Totals, surplus: int = 0, **nodes: Totals) -> list[Pool]:
    """The host's pools, and those of nodes by "n0" and so on."""
    places = [(None, host), *((int(name[1:]), totals) for name, totals in nodes.items())]
    return [
        Pool(page_size=size, node=node, total=total, free=0, reserved=None, surplus=surplus)
        for node, totals in places
        for size, total in totals.items()
    ]


def seen(*looks: list[Pool]) -> tuple[list[list[PoolEvent]], PoolHistory]:
    """The events of each look, one a second."""
    history = PoolHistory()
    return [history.see(look, float(at)) for at, look in enumerate(looks)], history


def demoted(pages: int, first: int, at_s: float, node: int | None = None) -> PoolEvent:
    """1 GiB pages that became 2 MiB pages."""
    return PoolEvent(GIB, "demoted", pages, first, first - pages, at_s, node, MIB2)


def shrunk(size: int, pages: int, first: int, at_s: float, node: int | None = None) -> PoolEvent:
    """Pages that were given back."""
    return PoolEvent(size, "shrunk", pages, first, first - pages, at_s, node)


def test_the_first_look_tells_nothing() -> None:
    found, history = seen(pools({MIB2: 3, GIB: 2}))
    assert (found, history.lost) == ([[]], [])


def test_a_demotion_between_two_looks() -> None:
    found, history = seen(pools({MIB2: 3, GIB: 4}), pools({MIB2: 3 + 1024, GIB: 2}))
    assert found[1] == [demoted(2, 4, 1)]
    assert history.lost == [demoted(2, 4, 1)]


def test_a_look_in_the_middle_of_a_demotion() -> None:
    looks = [{MIB2: 0, GIB: 2}, {MIB2: 0, GIB: 1}, {MIB2: 200, GIB: 1}, {MIB2: 512, GIB: 1}]
    found, history = seen(*(pools(look) for look in looks), pools(looks[-1]))
    assert found == [[], [], [], [demoted(1, 2, 3)], []]
    assert len(history.lost) == 1


def test_shrinking_is_told_when_the_totals_stand_still() -> None:
    found, history = seen(pools({MIB2: 9}), pools({MIB2: 7}), pools({MIB2: 7}), pools({MIB2: 7}))
    assert found == [[], [], [shrunk(MIB2, 2, 9, 2)], []]
    assert history.lost == [shrunk(MIB2, 2, 9, 2)]


def test_totals_that_never_stand_still_are_told_too() -> None:
    found, history = seen(*(pools({MIB2: 100 - at}) for at in range(13)))
    assert sum(event.pages for events in found for event in events) == 10
    assert [event.pages for event in history.lost] == [10]


def test_growth_is_no_event_and_moves_the_base() -> None:
    found, history = seen(pools({MIB2: 2}), pools({MIB2: 8}), pools({MIB2: 5}), pools({MIB2: 5}))
    assert found[3] == [shrunk(MIB2, 3, 8, 3)]
    assert history.lost == [], "the pool has more than at first"


def test_a_demotion_while_the_small_pool_grows() -> None:
    found, _ = seen(pools({MIB2: 0, GIB: 1}), pools({MIB2: 600, GIB: 0}))
    assert found[1] == [demoted(1, 1, 1)]


def test_some_demoted_and_some_gone() -> None:
    after = pools({MIB2: 512, GIB: 1})
    found, history = seen(pools({MIB2: 0, GIB: 4}), after, after)
    both = [
        PoolEvent(GIB, "demoted", 1, 4, 1, 2, None, MIB2),
        PoolEvent(GIB, "shrunk", 2, 4, 1, 2),
    ]
    assert found == [[], [], both]
    assert history.lost == both


def test_a_page_demoted_twice_is_told_from_look_to_look() -> None:
    before, after = {MIB2: 0, GIB: 0, GIB16: 1}, {MIB2: 512, GIB: 15, GIB16: 0}
    found, _ = seen(pools(before), pools(after), pools(after))
    kinds = {(event.page_size, event.kind, event.into_size) for event in found[2]}
    assert (GIB16, "demoted", GIB) not in kinds, "fifteen are no whole page"
    between = {MIB2: 0, GIB: 16, GIB16: 0}
    found, _ = seen(pools(before), pools(between), pools(after))
    assert [(e.page_size, e.into_size) for events in found for e in events] == [
        (GIB16, GIB),
        (GIB, MIB2),
    ]


def test_the_larger_of_two_smaller_sizes_comes_first() -> None:
    found, _ = seen(pools({MIB2: 0, MIB32: 0, GIB: 2}), pools({MIB2: 512, MIB32: 32, GIB: 0}))
    assert [(event.pages, event.into_size) for event in found[1]] == [(1, MIB32), (1, MIB2)]


def test_nodes_are_told_apart_and_the_host_not_counted_twice() -> None:
    before = pools({MIB2: 0, GIB: 2}, n0={MIB2: 0, GIB: 1}, n1={MIB2: 0, GIB: 1})
    after = pools({MIB2: 512, GIB: 0}, n0={MIB2: 512, GIB: 0}, n1={MIB2: 0, GIB: 0})
    found, history = seen(before, after, after)
    assert set(found[2]) == {shrunk(GIB, 1, 1, 2, node=1), demoted(1, 1, 2, node=0)}
    assert [(event.kind, event.pages, event.node) for event in history.lost] == [
        ("demoted", 1, None),
        ("shrunk", 1, None),
    ]
    assert {(event.first_total, event.last_total) for event in history.lost} == {(2, 0)}


def test_surplus_pages_come_and_go() -> None:
    looks = [pools({MIB2: 8}), pools({MIB2: 11}, surplus=3), pools({MIB2: 8}), pools({MIB2: 8})]
    assert seen(*looks)[0] == [[], [], [], []]


def test_what_comes_back_is_not_lost() -> None:
    looks = [8, 5, 5, 7, 7, 8]
    found, history = seen(*(pools({MIB2: total}) for total in looks[:5]))
    assert [event.pages for events in found for event in events] == [3]
    assert history.lost == [PoolEvent(MIB2, "shrunk", 1, 8, 7, 2)]
    history.see(pools({MIB2: 8}), 5)
    assert history.lost == []


def test_counters_that_are_not_there_or_go() -> None:
    nodes = pools({MIB2: 8}, n0={MIB2: 4}, n1={MIB2: 4})
    without = pools({MIB2: 4}, n0={MIB2: 4})
    found, history = seen(pools({MIB2: None}), nodes, without, without)
    assert (found, history.lost) == ([[], [], [], []], [])


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 4)), min_size=2, max_size=12))
def test_losses_and_rises_balance(looks: list[tuple[int, int]]) -> None:
    """Whatever the totals do, no event tells of more pages than fell."""
    found, history = seen(*(pools({MIB2: small, GIB: large}) for small, large in looks))
    falls = {
        size: sum(max(0, a[at] - b[at]) for a, b in pairwise(looks))
        for at, size in enumerate((MIB2, GIB))
    }
    for size, fallen in falls.items():
        told = [e.pages for events in found for e in events if e.page_size == size]
        assert sum(told) <= fallen
        assert min(told, default=1) > 0
        index = (MIB2, GIB).index(size)
        lost = sum(e.pages for e in history.lost if e.page_size == size)
        assert lost <= max(0, looks[0][index] - looks[-1][index])
