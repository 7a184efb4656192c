"""Trees of other kernels than those captured: Linux 6.1, poisoned 1 GiB pages, other stages of HGM.

Made up, file by file, as those kernels print them.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hugescope.commands.snapshot import take
from hugescope_agent.kernel.root import Root
from hugescope_wire.account import PoolAccount
from hugescope_wire.report import HostReport
from hugescope_wire.snapshot import Snapshot
from tests.unit.agent.tree_builder import (
    GIB,
    HOLE,
    KPF_HUGE,
    MARKER,
    MIB2,
    MadeCell,
    MadeMapping,
    MadeProcess,
    MadeTree,
    build,
    frame,
    mapped,
    write_words,
)

HWPOISON = 1 << 19
TAIL = 1 << 17 | 1 << 16
HGM_FLAGS = "rd wr sh mr mw me ms uw de ht sd ui hm"
START = 0x7E4000000000
OTHER = 0x7D4000000000


def look(root: Path) -> tuple[Snapshot, HostReport]:
    """What the command makes of a tree; the sums of every account must hold."""
    snapshot = take(Root.at(str(root)), None)[1]
    assert snapshot.report is not None
    for account in snapshot.report.accounts:
        assert account.total == (account.free or 0) + sum(parts(account)), account
    return snapshot, snapshot.report


def parts(account: PoolAccount) -> list[int]:
    held = account.held
    rest: list[int | None] = [account.unplaced]
    if account.unplaced is None:
        rest = [held.fd, held.hugetlbfs, held.sysv, held.mapping, account.unattributed]
    numbers = [account.mapped, account.poisoned, *rest]
    assert None not in numbers, account
    return [number for number in numbers if number is not None]


def codes(report: HostReport) -> Counter[str]:
    return Counter(finding.code for finding in report.findings)


def host(tree: MadeTree, root: Path, corrupted_kib: int | None = None, **made: Any) -> Path:
    """Write a tree, with meminfo."""
    build(root, tree)
    if corrupted_kib is not None:
        (root / "proc/meminfo").write_text(f"HardwareCorrupted: {corrupted_kib:5d} kB\n")
    if made.get("flags") is not None:
        write_words(root / "proc/kpageflags", made["flags"])
    return root


def giant_flags(number: int) -> dict[int, int]:
    """Words of a 1 GiB page, as Linux 6.1 has them: a head, and tails with HUGE."""
    head = frame_of_gib(number)
    return {head: KPF_HUGE} | dict.fromkeys(range(head + 1, head + GIB // 4096), TAIL)


def frame_of_gib(number: int) -> int:
    return (number + 1) * (GIB // 4096)


def gib(number: int) -> MadeCell:
    return MadeCell(frame_of_gib(number), True)


@pytest.fixture
def shared_gib() -> MadeTree:
    """Pages 0 and 2 of a memfd in two processes, page 1 lost by both."""
    shown = (gib(0), HOLE, gib(2))
    one, two = (
        MadeMapping(start, shown, page_size=GIB, lost_pages=1, inode=9) for start in (START, OTHER)
    )
    return MadeTree(
        {41: MadeProcess((one,)), 42: MadeProcess((two,), "vhost")},
        {(GIB, None): (4, 1, 0, 0), (GIB, 0): (4, 1, None, 0)},
        node_border=1 << 24,
    )


@pytest.mark.parametrize("at", [0, 100_001])
def test_a_poisoned_gib_of_a_file(shared_gib: MadeTree, tmp_path: Path, at: int) -> None:
    """On the head alone, as Linux 6.1 has it, or on the bad 4 KiB alone."""
    flags = giant_flags(0) | giant_flags(1) | giant_flags(2) | giant_flags(3)
    flags[frame_of_gib(1) + at] |= HWPOISON
    _, report = look(host(shared_gib, tmp_path / "tree", 4, flags=flags))
    (account, _) = report.accounts
    assert (account.mapped, account.poisoned, account.unattributed) == (2, 1, 0)
    (page,) = report.poison.pages
    assert (page.page_size, page.bad_bytes, page.in_pool, page.node) == (GIB, 4096, True, 0)
    assert [(place.process.pid, place.address) for place in page.places] == [
        (41, START + GIB),
        (42, OTHER + GIB),
    ]
    assert codes(report) == {"poisoned-page": 1}


def test_an_entry_that_no_memory_error_explains(shared_gib: MadeTree, tmp_path: Path) -> None:
    """smaps counts a migrating entry just as a poisoned one."""
    flags = giant_flags(0) | giant_flags(1) | giant_flags(2) | giant_flags(3)
    _, report = look(host(shared_gib, tmp_path / "tree", 0, flags=flags))
    assert report.poison.pages == []
    assert [mapping.lost_pages for mapping in report.mappings] == [1, 1]
    assert codes(report) == {"unattributed-pages": 1}


def test_a_lost_page_without_kpageflags(shared_gib: MadeTree, tmp_path: Path) -> None:
    root = host(shared_gib, tmp_path / "tree", 4)
    (root / "proc/kpageflags").unlink()
    report = take(Root.at(str(root)), None)[1].report
    assert report is not None
    (page,) = report.poison.pages
    assert (page.in_pool, page.node, page.evidence) == (None, None, "smaps")
    account = report.accounts[0]
    assert (account.poisoned, account.unattributed) == (None, 1)
    assert any("kpageflags" in text for text in account.candidates)


def test_a_shared_table_that_linux_6_1_calls_exclusive(tmp_path: Path) -> None:
    """pagemap's bit 56 goes by the mapcount, which is 1 in both."""
    cells = (mapped(1, exclusive=True), *[HOLE] * 511)
    one, two = (
        MadeProcess((MadeMapping(start, cells, flags="rd wr sh nr ht"),))
        for start in (START, OTHER)
    )
    root = host(MadeTree({41: one, 42: two}, {(MIB2, None): (2, 1, 0, 0)}), tmp_path / "tree")
    write_words(root / "proc/kpagecount", {frame(1): 1, frame(512): 0})
    snapshot, report = look(root)
    for process in snapshot.processes:
        first = process.mappings[0].runs[0]
        assert (first.mapcount, first.mappers, first.flags) == (1, 2, ["shared_table"])
    assert codes(report)["shared-table"] == 1


def hgm(*cells: MadeCell, pte_kib: int) -> MadeTree:
    one = MadeMapping(START, cells, flags=HGM_FLAGS, levels_kib=(0, 0, pte_kib))
    in_use = sum(cell.present for cell in cells)
    return MadeTree({41: MadeProcess((one,))}, {(MIB2, None): (8, 8 - in_use, 0, 0)})


def test_hgm_parts_and_a_kpagecount_that_ends_with_its_last_count(tmp_path: Path) -> None:
    cell = MadeCell(frame(3), True, frozenset({0, 7, 8}))
    root = host(hgm(cell, HOLE, pte_kib=12), tmp_path / "tree", 0)
    os.truncate(root / "proc/kpagecount", (frame(3) + 9) * 8)
    snapshot, report = look(root)
    run = snapshot.processes[0].mappings[0].runs[0]
    assert (run.state, run.mapped_bytes, run.mapcount, run.mappers) == ("partial", 12288, 1, 1)
    os.truncate(root / "proc/kpagecount", (frame(3) + 1) * 8)
    write_words(root / "proc/kpagecount", {frame(3): 0})
    run = look(root)[0].processes[0].mappings[0].runs[0]
    assert run.mapcount is None, "not captured, and not 0"
    assert report.mappings[0].split is not None
    assert report.mappings[0].split.pages == 0


@pytest.mark.parametrize("cell", [HOLE, MARKER])
def test_hgm_without_a_page(tmp_path: Path, cell: MadeCell) -> None:
    """Nothing is present, so nothing says that PFNs were hidden from the capturer."""
    snapshot, report = look(host(hgm(cell, cell, pte_kib=0), tmp_path / "tree", 0))
    assert not snapshot.capabilities.pfn
    assert snapshot.processes[0].mappings[0].runs[0].state == (
        "marker" if cell.protected else "hole"
    )
    assert "partial-view" not in codes(report)


def test_hidden_pfns_are_a_partial_view(tmp_path: Path) -> None:
    tree = hgm(MadeCell(0, True), pte_kib=2048)
    assert codes(look(host(tree, tmp_path / "tree", 0))[1])["partial-view"] == 1
