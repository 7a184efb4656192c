"""A series of trees: the picture built from deltas is what a fresh look at the last tree gives."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugescope_wire.host import Skipped
from tests.unit.agent.follower import START, Follower
from tests.unit.agent.test_sampler import hgm_cell, hgm_mapping
from tests.unit.agent.tree_builder import (
    GIB,
    HOLE,
    MARKER,
    MIB2,
    MadeCell,
    MadeMapping,
    MadeProcess,
    MadeTree,
    build,
    expected_cells,
    mapped,
)
from tests.unit.open_files import open_files

Pools = dict[tuple[int, int | None], tuple[int, int, int | None, int]]

SLOTS = [START + number * 2 * GIB for number in range(3)]


@st.composite
def made_cells(draw: st.DrawFn, page_size: int) -> tuple[MadeCell, ...]:
    """A few cells in a few pages that others map too."""
    cell = st.sampled_from((HOLE, HOLE, MARKER)) | st.builds(
        lambda number, exclusive, protected: mapped(
            number, page_size, exclusive=exclusive, protected=protected
        ),
        st.integers(1, 6),
        st.booleans(),
        st.booleans(),
    )
    return tuple(draw(st.lists(cell, min_size=1, max_size=4)))


@st.composite
def made_mapping(draw: st.DrawFn, start: int) -> MadeMapping:
    """At a place where the tree before may have had another."""
    page_size = draw(st.sampled_from((MIB2, MIB2, MIB2, 64 << 10)))
    return MadeMapping(
        start,
        draw(made_cells(page_size)),
        page_size=page_size,
        shared=draw(st.booleans()),
        inode=draw(st.integers(7, 8)),
        offset=draw(st.sampled_from((0, page_size))),
        flags=draw(st.sampled_from(("rd wr sh ht", "rd wr ht um"))),
    )


@st.composite
def made_tree(draw: st.DrawFn) -> MadeTree:
    """Up to three processes of up to three mappings, and one that always maps a page."""
    processes = {39: MadeProcess((MadeMapping(START, (mapped(1),)),))}
    for pid in draw(st.sets(st.integers(40, 43), max_size=3)):
        starts = sorted(draw(st.sets(st.sampled_from(SLOTS), max_size=3)))
        mappings = tuple(draw(made_mapping(start)) for start in starts)
        processes[pid] = MadeProcess(mappings, comm=draw(st.sampled_from(("a", "b"))))
    pools: Pools = {(size, None): (draw(st.integers(0, 9)), 0, 0, 0) for size in (64 << 10, MIB2)}
    return MadeTree(processes, pools)


def without_time(host: Follower) -> dict[str, Any]:
    """All that the picture says but when."""
    return host.picture.snapshot().model_dump(exclude={"taken_at"})


def about(host: Follower) -> dict[str, Any]:
    """All that travels beside the cells, but times, ids and cost."""
    held = host.picture.about
    assert held is not None
    return held.model_dump(include={"capabilities", "limits", "pools", "skipped"})


def follow_series(trees: list[MadeTree], place: Path) -> None:
    """Follow a series, and look afresh at each of its trees."""
    host = Follower(build(place / "0", trees[0]))
    try:
        host.full()
        for number, tree in enumerate(trees[1:], start=1):
            host.use(build(place / str(number), tree))
            host.tick(2.0)
            assert host.cells() == expected_cells(tree)
            fresh = Follower(place / str(number))
            fresh.full()
            assert without_time(host) == without_time(fresh)
            assert about(host) == about(fresh)
            fresh.close()
            assert host.tick(0.0) is None
    finally:
        host.close()


@given(st.lists(made_tree(), min_size=2, max_size=5))
@settings(deadline=None, max_examples=25)
def test_deltas_equal_a_fresh_full_look(trees: list[MadeTree]) -> None:
    with tempfile.TemporaryDirectory() as place:
        follow_series(trees, Path(place))


ONE = MadeTree({41: MadeProcess((MadeMapping(START, (mapped(1),)),))})
HGM = MadeTree({41: MadeProcess((hgm_mapping(hgm_cell(1, range(3)), pmd_kib=0, pte_kib=12),))})
HIDDEN = MadeTree({41: MadeProcess((MadeMapping(START, (MadeCell(present=True),)),))})
BARE = MadeTree(ONE.processes, kpage=False)
EMPTY = MadeTree()


@pytest.mark.parametrize(
    "trees",
    [[ONE, HGM], [HGM, ONE], [ONE, BARE], [BARE, ONE], [EMPTY, ONE], [ONE, EMPTY], [HGM, EMPTY]],
    ids=["hgm comes", "hgm goes", "no kpage", "kpage", "first page", "last page", "last hgm page"],
)
def test_capabilities_follow_the_tree(trees: list[MadeTree], tmp_path: Path) -> None:
    """A delta must say that a capability is another than in the tree before."""
    follow_series(trees, tmp_path)


def test_hidden_pfns_after_shown_ones(tmp_path: Path) -> None:
    host = Follower(build(tmp_path / "0", ONE))
    host.full()
    host.use(build(tmp_path / "1", HIDDEN))
    host.tick(2.0)
    fresh = Follower(tmp_path / "1")
    fresh.full()
    assert without_time(host) == without_time(fresh)
    assert about(host) == about(fresh)
    host.close()
    fresh.close()


def test_a_process_without_files_in_the_next_tree(tmp_path: Path) -> None:
    host = Follower(build(tmp_path / "0", ONE))
    host.full()
    build(tmp_path / "1", EMPTY)
    (tmp_path / "1/proc/41").mkdir()
    host.use(tmp_path / "1")
    host.tick(2.0)
    assert host.cells() == {}
    assert host.picture.about is not None
    assert host.picture.about.skipped == Skipped(failed=1)
    host.close()


def test_a_mapping_that_stays_keeps_its_id(tmp_path: Path) -> None:
    """So that a viewer of it goes on seeing it."""
    host = Follower(build(tmp_path / "0", ONE))
    host.full()
    before = set(host.picture.mappings)
    changed = MadeTree({41: MadeProcess((MadeMapping(START, (mapped(2),)),), comm="new")})
    host.use(build(tmp_path / "1", changed))
    host.tick()
    assert set(host.picture.mappings) == before
    host.close()


def test_no_file_stays_open(tmp_path: Path) -> None:
    before = open_files()
    trees = [ONE, HGM, EMPTY, BARE]
    follow_series(trees, tmp_path)
    assert open_files() <= before
