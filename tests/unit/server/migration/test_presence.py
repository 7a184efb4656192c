"""Which pages are there, against plain sets."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hugescope_server.migration.presence import Presence
from hugescope_wire.cells import CellState

COUNT = 1500
SOME = st.sets(st.integers(0, COUNT - 1), max_size=40)


def array(cells: set[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(sorted(cells), np.int64)


def states(there: set[int]) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    out = np.zeros(COUNT, np.uint8)
    out[array(there)] = CellState.MAPPED
    return out


@settings(deadline=None)
@given(st.lists(SOME, max_size=6), SOME)
def test_looks_are_the_differences(looks: list[set[int]], asked: set[int]) -> None:
    presence, before = Presence(COUNT), set[int]()
    for there in looks:
        look = presence.see(0, states(there), None)
        assert set(look.arrived.tolist()) == there - before
        assert set(look.departed.tolist()) == before - there
        changed = array(there ^ before)
        same = presence.see(0, states(there)[changed], changed)
        assert same.arrived.tolist() == look.arrived.tolist()
        assert same.departed.tolist() == look.departed.tolist()
        presence.leave(look.departed, punched=True)
        presence.come(look.arrived)
        before = there
    assert presence.present == len(before)
    assert presence.there().tolist() == sorted(before)
    gone = set().union(*looks) - before
    assert presence.punched_absent == len(gone)
    ranks = presence.ranks(array(asked))
    expected = [sum(one not in before for one in range(cell)) for cell in sorted(asked)]
    assert ranks.tolist() == expected
    assert presence.ranks(np.array([COUNT])).tolist() == [COUNT - len(before)]
    presence.forget_punched()
    assert presence.punched_absent == 0
    assert presence.there().tolist() == sorted(before)


def test_what_is_poisoned_or_migrating_is_as_it_was() -> None:
    presence = Presence(4)
    presence.come(np.array([1, 2]))
    hard = np.array(
        [CellState.POISONED, CellState.POISONED, CellState.MIGRATING, CellState.MARKER], np.uint8
    )
    assert presence.see(0, hard, None).is_empty
    marked = presence.see(0, np.array([CellState.MARKER], np.uint8), np.array([1]))
    assert marked.departed.tolist() == [1]


def test_unsorted_cells_and_one_named_twice() -> None:
    presence = Presence(600)
    index = np.array([599, 3, 3], np.uint32)
    look = presence.see(0, np.full(3, CellState.MAPPED, np.uint8), index)
    assert look.arrived.tolist() == [3, 599]


def test_of_what_is_released_the_counts_stay() -> None:
    presence = Presence(1024)
    presence.come(np.arange(10))
    presence.release()
    assert (presence.present, presence.left) == (10, 1014)
