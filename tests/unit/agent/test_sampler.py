"""The sampler on captured trees: full looks, ticks, and poison with the test's clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hugescope_agent.errors import BadCapture
from hugescope_agent.sample import SamplerOptions
from hugescope_agent.sampler import COST_EVERY_S
from hugescope_wire.host import Skipped
from tests.unit.agent.follower import START, Follower
from tests.unit.agent.tree_builder import (
    GIB,
    HOLE,
    KPF_HUGE,
    MARKER,
    MIB2,
    PRESENT,
    MadeCell,
    MadeMapping,
    MadeProcess,
    MadeTree,
    build,
    expected_cells,
    frame,
    mapped,
    write_words,
)

Follow = Callable[..., Follower]


@pytest.fixture
def follow(tmp_path: Path) -> Iterator[Follow]:
    """Builds a tree and follows it."""
    followers: list[Follower] = []

    def start(tree: MadeTree, options: SamplerOptions | None = None) -> Follower:
        root = build(tmp_path / f"tree{len(followers)}", tree)
        followers.append(Follower(root, options))
        return followers[-1]

    yield start
    for follower in followers:
        follower.close()


PAIR = MadeTree(
    {
        41: MadeProcess(
            (
                MadeMapping(START, (mapped(1), HOLE, MARKER, mapped(9, exclusive=True))),
                MadeMapping(START + GIB, (HOLE, HOLE), inode=8),
            )
        ),
        42: MadeProcess((MadeMapping(START, (mapped(1), mapped(2))),), comm="other"),
        43: MadeProcess(()),
    }
)


def test_a_full_look_finds_every_cell(follow: Follow) -> None:
    host = follow(PAIR)
    host.full()
    assert host.cells() == expected_cells(PAIR)
    assert host.picture.about is not None
    assert host.picture.about.skipped == Skipped()
    assert host.picture.about.pools[0].free == 60
    assert host.picture.about.capabilities.pfn


def test_a_tick_without_a_change_says_nothing(follow: Follow) -> None:
    host = follow(PAIR)
    host.full()
    host.tick(COST_EVERY_S)
    assert host.tick() is None


def test_a_tick_tells_what_changed_in_the_same_tree(follow: Follow, tmp_path: Path) -> None:
    host = follow(PAIR)
    host.full()
    host.tick(COST_EVERY_S)
    first, proc = START // 4096, tmp_path / "tree0/proc"
    words = {first: PRESENT | frame(1), first + 512: PRESENT | frame(12), first + 1023: 0}
    write_words(proc / "42/pagemap", words)
    write_words(proc / "kpagecount", {frame(1): 2, frame(9): 1, frame(12): 1})
    write_words(proc / "kpageflags", {frame(number): KPF_HUGE for number in (1, 9, 12)})
    delta = host.tick()
    assert delta is not None
    assert (delta.processes, delta.gone_pids, delta.pools) == ([], [], None)
    assert [cell[2:5] for cell in host.cells()[42][START]] == [(2, 2, 0), (1, 1, 1)]


def test_hidden_pfns_leave_node_and_count_unknown(follow: Follow) -> None:
    shown = MadeCell(present=True)
    host = follow(MadeTree({41: MadeProcess((MadeMapping(START, (shown, HOLE)),))}))
    host.full()
    assert host.cells()[41][START] == [
        ("mapped", MIB2, None, 1, None, frozenset()),
        ("hole", 0, None, None, None, frozenset()),
    ]
    assert host.picture.about is not None
    assert not host.picture.about.capabilities.pfn
    assert "pfn" in [limit.capability for limit in host.picture.about.limits]


def test_without_kpage_files_counts_are_unknown(follow: Follow) -> None:
    tree = MadeTree(PAIR.processes, kpage=False)
    host = follow(tree)
    host.full()
    assert host.cells() == expected_cells(tree)


def hgm_cell(number: int, pages: range | None = None) -> MadeCell:
    """A cell that is mapped in part, or in full by one entry or many."""
    return MadeCell(frame(number), True, None if pages is None else frozenset(pages))


def hgm_mapping(*cells: MadeCell, pmd_kib: int, pte_kib: int) -> MadeMapping:
    """A mapping of an HGM kernel."""
    flags = "rd wr sh ui de ht hm"
    return MadeMapping(START, cells, flags=flags, levels_kib=(0, pmd_kib, pte_kib))


def test_hgm_cells_are_read_entry_by_entry(follow: Follow) -> None:
    cells = (hgm_cell(1), hgm_cell(2, range(14)), hgm_cell(3, range(256, 512)), HOLE)
    mapping = hgm_mapping(*cells, pmd_kib=2048, pte_kib=56 + 1024)
    tree = MadeTree({41: MadeProcess((mapping,)), 44: MadeProcess((mapping,))})
    host = follow(tree)
    host.full()
    assert host.cells() == expected_cells(tree)
    assert host.picture.about is not None
    assert host.picture.about.capabilities.hgm


@pytest.mark.parametrize(
    ("pmd_kib", "pte_kib", "state"),
    [(4096, 0, "mapped"), (0, 4096, "split"), (2048, 2048, "full"), (0, 9999, "full")],
)
def test_full_hgm_cells_are_named_only_as_far_as_smaps_tells(
    follow: Follow, pmd_kib: int, pte_kib: int, state: str
) -> None:
    mapping = hgm_mapping(hgm_cell(1), hgm_cell(2), pmd_kib=pmd_kib, pte_kib=pte_kib)
    host = follow(MadeTree({41: MadeProcess((mapping,))}))
    host.full()
    assert [cell[0] for cell in host.cells()[41][START]] == [state, state]


def test_full_hgm_cells_are_not_named_by_an_older_smaps(follow: Follow, tmp_path: Path) -> None:
    """smaps is read seldom, pagemap at every tick: sums of then say nothing of cells of now."""
    mapping = hgm_mapping(hgm_cell(1), HOLE, pmd_kib=2048, pte_kib=0)
    host = follow(MadeTree({41: MadeProcess((mapping,))}))
    host.full()
    assert [cell[0] for cell in host.cells()[41][START]] == ["mapped", "hole"]
    # The second page comes in 4 KiB steps, and is there in full at the next tick.
    later = hgm_mapping(hgm_cell(1), hgm_cell(2), pmd_kib=2048, pte_kib=2048)
    build(tmp_path / "later", MadeTree({41: MadeProcess((later,))}))
    for name in ("kpagecount", "kpageflags", "41/smaps"):
        source = tmp_path / "later/proc" / name
        (tmp_path / "tree0/proc" / name).write_bytes(source.read_bytes())
    words = hgm_cell(1).words(512) + hgm_cell(2).words(512)
    write_words(tmp_path / "tree0/proc/41/pagemap", dict(enumerate(words, START // 4096)))
    host.tick()
    assert [cell[0] for cell in host.cells()[41][START]] != ["mapped", "mapped"]


def test_an_entry_whose_head_would_lie_below_pfn_0_is_bad_input(
    follow: Follow, tmp_path: Path
) -> None:
    """A damaged capture: PFN 5 at the 301st page of a huge page."""
    mapping = hgm_mapping(hgm_cell(1), pmd_kib=2048, pte_kib=0)
    host = follow(MadeTree({41: MadeProcess((mapping,))}))
    words = {START // 4096 + 300: PRESENT | 5, START // 4096 + 511: 0}
    write_words(tmp_path / "tree0/proc/41/pagemap", words)
    with pytest.raises(BadCapture):
        host.full()


def test_a_process_that_cannot_be_read_is_counted_and_the_rest_is_shown(
    follow: Follow, tmp_path: Path
) -> None:
    host = follow(PAIR)
    (tmp_path / "tree0/proc/42/pagemap").unlink()
    (tmp_path / "tree0/proc/43/maps").unlink()
    host.full()
    assert set(host.cells()) == {41}
    assert host.picture.about is not None
    assert host.picture.about.skipped == Skipped(failed=2)
    assert "proc/42/pagemap" in (host.sampler.why_skipped(42) or "")
    assert host.sampler.why_skipped(41) is None


@pytest.mark.parametrize("name", ["maps", "smaps", "pagemap"])
def test_a_damaged_file_ends_the_look_and_is_named(
    follow: Follow, tmp_path: Path, name: str
) -> None:
    host = follow(PAIR)
    with open(tmp_path / "tree0/proc/41" / name, "r+b") as file:
        file.truncate(100)
    with pytest.raises(BadCapture, match=f"proc/41/{name}"):
        host.full()


def test_only_some_processes_are_watched(follow: Follow) -> None:
    """The others are not read, so how many of them map a page is not known and not left out."""
    host = follow(PAIR, SamplerOptions(pids=frozenset({42, 99})))
    host.full()
    assert set(host.cells()) == {42}
    first = host.cells()[42][START][0]
    assert first[:3] == ("mapped", MIB2, 2)
    assert first[3] in (2, None)


def test_cost_is_told_once_a_second(follow: Follow) -> None:
    host = follow(PAIR)
    host.full()
    told = [host.tick(0.25) for _ in range(12)]
    # The first tick has nothing to compare with, and says only who could not be read.
    assert told[0] is not None
    assert (told[0].cost, told[0].skipped) == (None, Skipped())
    assert [delta is not None for delta in told] == [True, *[False] * 3] * 3
    assert told[4] is not None
    cost = told[4].cost
    assert cost is not None
    assert (cost.cells, told[4].skipped) == (8, Skipped())
