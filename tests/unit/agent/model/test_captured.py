"""Mappings whose page-table entries a captured tree lacks: which they are, and what is said."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from hugescope_agent.errors import AskError, BadCapture
from hugescope_agent.kernel.pagemap import Held, Pagemap
from hugescope_agent.kernel.root import Root
from hugescope_agent.kernel.smaps import SmapsVma
from hugescope_agent.model.captured import not_captured, uncaptured_limits
from hugescope_agent.model.granularity import lost_pages, split_facts
from hugescope_wire.cells import CellFlag, CellState
from hugescope_wire.snapshot import LevelBytes
from tests.unit.agent.follower import Follower
from tests.unit.agent.model.made_model import GIB, MIB2, huge_vma, smaps_of
from tests.unit.agent.tree_builder import (
    HOLE,
    MadeMapping,
    MadeProcess,
    MadeTree,
    build,
    mapped,
)

START = 0x7E0000000000
PID = 41
FIRST = MadeMapping(START, (mapped(1), HOLE), inode=7)
GAP = MadeMapping(START + GIB, (mapped(2), mapped(3), HOLE), inode=8)
LAST = MadeMapping(START + 2 * GIB, (mapped(4), HOLE), inode=8)
MADE = MadeTree(
    {PID: MadeProcess((FIRST, GAP, LAST))},
    pools={(MIB2, None): (64, 58, 5, 0)},
)


def counting(size: int | None, page_size: int = MIB2) -> SmapsVma:
    """A mapping in which smaps counts so much."""
    entry = smaps_of(huge_vma(4, page_size=page_size), "ht")
    return dataclasses.replace(entry, shared_hugetlb_bytes=size, private_hugetlb_bytes=0)


@pytest.mark.parametrize(
    ("held", "counted", "corrupted", "found"),
    [
        (["data", "beyond"], [MIB2, MIB2], 0, [False, True]),
        (["data", "gap"], [MIB2, MIB2], None, [False, True]),
        (["data", "gap"], [MIB2, 0], 0, [False, False]),
        (["data", "gap"], [MIB2, None], 0, [False, False]),
        # One bad page accounts for one page, two do not fit.
        (["data", "gap"], [MIB2, MIB2], 4096, [False, False]),
        (["data", "gap"], [MIB2, 2 * MIB2], 4096, [False, True]),
        # A file that reaches to no mapping was cut; beyond its end nothing was poisoned.
        (["beyond", "beyond"], [MIB2, MIB2], 0, [False, False]),
        (["gap", "beyond"], [0, 0], 4096, [False, True]),
    ],
)
def test_which_mappings_were_not_captured(
    held: list[Held], counted: list[int | None], corrupted: int | None, found: list[bool]
) -> None:
    assert not_captured(held, [counting(size) for size in counted], corrupted) == found


def test_unread_smaps_counts_nothing() -> None:
    assert not_captured(["data", "gap"], [None, None], 0) == [False, False]
    assert not_captured([], [], None) == []


def test_a_poisoned_1_gib_page_is_no_gap_of_the_capture() -> None:
    assert not_captured(["gap"], [counting(GIB, GIB)], 4096) == [False]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Only the first mapping was captured: the second is a gap, the third beyond the end."""
    root = build(tmp_path / "tree", MADE)
    pagemap = root / "proc" / str(PID) / "pagemap"
    os.truncate(pagemap, FIRST.end // 4096 * 8)
    os.truncate(pagemap, GAP.end // 4096 * 8)
    return root


def test_what_a_file_holds(root: Path) -> None:
    pagemap = Pagemap(Root.at(str(root)), PID)
    assert pagemap.held(FIRST.start, FIRST.end) == "data"
    assert pagemap.held(GAP.start, GAP.end) == "gap"
    assert pagemap.held(LAST.start, LAST.end) == "beyond"
    # It ends inside: that is a cut.
    assert pagemap.held(GAP.start, GAP.end + MIB2) == "data"
    assert pagemap.held(0, FIRST.start) == "gap"
    pagemap.close()


def test_cells_sums_and_the_limit(root: Path) -> None:
    host = Follower(root)
    host.full()
    first, gap, last = host.sampler.view.mappings()
    assert [m.uncaptured for m in (first, gap, last)] == [False, True, True]
    assert first.cells.state.tolist() == [CellState.MAPPED, CellState.HOLE]
    assert not (first.cells.flags & CellFlag.INFERRED).any()
    for mapping, pages in ((gap, 2), (last, 1)):
        assert set(mapping.cells.state.tolist()) == {CellState.HOLE}
        assert (mapping.cells.flags == CellFlag.INFERRED).all()
        assert mapping.info().level_bytes == LevelBytes(pud=0, pmd=pages * MIB2, pte=0)
        assert lost_pages(mapping) is None
        assert split_facts(mapping) is None
    assert lost_pages(first) == 0
    limit = next(one for one in host.sampler.view.limits() if one.capability == "pagemap")
    assert limit.reason == (
        "the capture holds no pagemap entries of 2 mappings, in which smaps counts "
        f"{3 * MIB2} bytes"
    )
    assert limit.remedy == "capture the whole pagemap"
    assert uncaptured_limits([first]) == []
    with pytest.raises(AskError, match="holds no pagemap entries"):
        host.sampler.page(PID, GAP.start, None)
    host.close()


def test_accounts_and_reservations_claim_nothing_of_them(root: Path) -> None:
    host = Follower(root)
    host.full()
    report = host.sampler.survey()
    account = next(one for one in report.accounts if one.node is None)
    words = "pages of 2 mappings of which the capture holds no pagemap entries"
    assert (account.mapped, account.unattributed) == (1, 5)
    assert any(text.startswith(words) for text in account.candidates)
    assert any(words in text for text in account.notes)
    # Nor for certain what the first one can: its file may hold some of the unattributed pages.
    assert {one.reserved_pages for one in report.mappings} == {None}
    told = report.reservations[0]
    assert [owner.start for owner in told.owners] == [FIRST.start]
    assert (told.unattributed, told.unreserved) == (4, [])
    codes = {finding.code for finding in report.findings}
    assert "sigbus-risk" not in codes
    unattributed = next(one for one in report.findings if one.code == "unattributed-pages")
    assert "no process whose page tables were captured" in unattributed.what
    host.close()


def test_a_cut_inside_a_mapping_is_refused(root: Path) -> None:
    for size in (GAP.start // 4096 * 8 + 8, FIRST.start // 4096 * 8, LAST.start // 4096 * 8 + 3):
        os.truncate(root / "proc" / str(PID) / "pagemap", size)
        host = Follower(root)
        with pytest.raises(BadCapture, match="pagemap"):
            host.full()
        host.close()


def test_the_next_step_of_a_series_may_hold_more(root: Path, tmp_path: Path) -> None:
    host = Follower(root)
    host.full()
    host.use(build(tmp_path / "whole", MADE))
    host.tick(1.0)
    _, gap, last = host.sampler.view.mappings()
    assert not gap.uncaptured
    assert not last.uncaptured
    assert gap.cells.state.tolist() == [CellState.MAPPED, CellState.MAPPED, CellState.HOLE]
    assert not (gap.cells.flags & CellFlag.INFERRED).any()
    assert lost_pages(gap) == 0
    host.use(root)
    host.tick(2.0)
    assert gap.uncaptured
    assert not gap.cells.mapped_pages.any()
    host.close()
