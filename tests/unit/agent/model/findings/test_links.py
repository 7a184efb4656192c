import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hugescope_agent.model.findings.links import LINKS_PER_MAPPING, to_address, to_cells, to_mapping
from tests.unit.agent.model.findings.made_facts import mapping
from tests.unit.wire.made_wire import MIB2, several


@given(st.lists(st.booleans(), max_size=40))
@several
def test_links_cover_the_chosen_cells_and_no_others(chosen: list[bool]) -> None:
    links = to_cells(41, 0, np.array(chosen, np.bool_))
    covered = {cell for link in links for cell in range(link.first, link.first + link.count)}
    wanted = {cell for cell, flag in enumerate(chosen) if flag}
    assert covered >= wanted
    if len(links) > 1:
        assert covered == wanted
        assert all(a.first + a.count < b.first for a, b in itertools.pairwise(links))


def test_very_many_places_are_one_link_over_all_of_them() -> None:
    chosen = np.zeros(100, np.bool_)
    chosen[2 : 2 * (LINKS_PER_MAPPING + 1) + 1 : 2] = True
    (link,) = to_cells(41, 0, chosen)
    assert (link.first, link.count) == (2, 2 * LINKS_PER_MAPPING + 1)


def test_the_cell_of_an_address() -> None:
    info = mapping(1, "hhh")
    link = to_address(41, info, info.start + MIB2 + 4096)
    assert (link.first, link.count) == (1, 1)
    assert to_address(41, info, info.end) == to_mapping(41, info.start)


def test_a_mapping_that_begins_within_a_cell() -> None:
    info = mapping(1, "hh", kind="thp")
    cut = info.model_copy(update={"start": info.start + 4096})
    assert to_address(41, cut, info.start + MIB2).first == 1
