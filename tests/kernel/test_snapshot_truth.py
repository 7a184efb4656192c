"""``snapshot --json`` against an independent reading of every pagemap entry, on the real kernel.

Each case is a real process that stands still. The plain reading is taken before and after the
command: where the two differ, something moved in between and the look is taken again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.kernel import cases, plain_reader, snapshot_command
from tests.kernel.plain_reader import Cell, Pool, Vma

pytestmark = pytest.mark.kernel

LIVE = Path("/")
# Compaction may move pages and others may change pools; it never goes on for this many looks.
LOOKS = 20
Readings = dict[int, dict[Vma, list[Cell]]]


@dataclass(frozen=True)
class Look:
    """A case, what its page tables hold, and what the command shows of the whole machine."""

    case: cases.Case
    plain: Readings
    shown: dict[str, Any]

    def pairs(self) -> Iterator[tuple[Vma, list[Cell], dict[str, Any]]]:
        """Every hugetlb VMA of the case, its cells, and the mapping as shown."""
        for pid, reading in self.plain.items():
            shown = snapshot_command.mappings(self.shown, pid)
            for vma, cells in reading.items():
                yield vma, cells, shown[vma.start]


def readings(case: cases.Case) -> Readings:
    """The plain reading of each process of a case."""
    return {pid: plain_reader.read_process(LIVE, pid) for pid in case.pids}


def steady_look(case: cases.Case, *arguments: str) -> Look:
    """One look during which the case's page tables did not change."""
    for _ in range(LOOKS):
        before = readings(case)
        shown = snapshot_command.snapshot(*arguments)
        if readings(case) == before:
            return Look(case, before, shown)
    pytest.fail("the page tables of an idle process did not stand still")


@pytest.fixture(scope="module", params=list(cases.ALL))
def look(request: pytest.FixtureRequest) -> Iterator[Look]:
    """Each case in turn, looked at once with the command's defaults."""
    with cases.ALL[request.param]() as case:
        yield steady_look(case)


@pytest.fixture(scope="module")
def forked() -> Iterator[cases.Case]:
    """A parent with private pages and the child that copied some of them."""
    with cases.forked_private() as case:
        yield case


# What each case was made to hold: for each process, the cells of each mapping, a letter a cell.
# This pins the set-ups and the plain reader, independently of the command.
EXPECTED_STATES: dict[str, list[tuple[str, ...]]] = {
    "alternating_memfd": [("mh" * 32, "hhhh")],
    "forked_private": [("mmmmmmhh", "mhh"), ("mmmmmmmh", "mmh")],
    "aliased_memfd": [("mmmmhhhh", "hhmmmmhh"), ("hmmh",)],
    # Each sees what the other touched: it is one table.
    "shared_table": [("mhhhhhhm" + "h" * 503 + "m",)] * 2,
    "one_gib_page": [("hm",)],
    "hugetlbfs_file": [("mm", "mhhmh")],
    "sysv_segment": [("mhmh",)],
    "first_sysv_segment": [("mhmh",)],
    "uffd_marker": [("mmwh",)],
}
LETTERS = {"hole": "h", "mapped": "m", "marker": "w"}


def test_case_is_what_it_was_made_to_be(look: Look) -> None:
    """The plain reading alone finds the pattern that the process made."""
    found = [
        sorted("".join(LETTERS[cell.state] for cell in cells) for cells in reading.values())
        for reading in look.plain.values()
    ]
    assert found == [sorted(patterns) for patterns in EXPECTED_STATES[look.case.name]]


def test_every_hugetlb_mapping_is_shown_and_no_other(look: Look) -> None:
    for pid, reading in look.plain.items():
        shown = snapshot_command.mappings(look.shown, pid)
        assert list(shown) == [vma.start for vma in reading]


def test_cells_equal_the_plain_reading(look: Look) -> None:
    found = [
        line
        for vma, cells, mapping in look.pairs()
        for line in snapshot_command.differences(vma, cells, mapping)
    ]
    assert not found, "\n".join(found)


def test_mappings_equal_maps(look: Look) -> None:
    found = [
        line
        for vma, _, mapping in look.pairs()
        for line in snapshot_command.frame_differences(vma, mapping)
    ]
    assert not found, "\n".join(found)


def test_mappers_count_the_mappings_of_each_page(look: Look) -> None:
    count = plain_reader.mappers(look.plain.values())
    found = [
        f"{vma.pid} {vma.start:#x} cell {index}: {count[cell.head_pfn]}, shown {shown.mappers}"
        for vma, cells, mapping in look.pairs()
        for index, (cell, shown) in enumerate(
            zip(cells, snapshot_command.cells(mapping), strict=True)
        )
        if cell.head_pfn is not None and shown.mappers != count[cell.head_pfn]
    ]
    assert not found, "\n".join(found)


def test_write_protected_flag_follows_the_page_table(look: Look) -> None:
    for vma, cells, mapping in look.pairs():
        shown = ["write_protected" in cell.flags for cell in snapshot_command.cells(mapping)]
        assert shown == [cell.write_protected for cell in cells], hex(vma.start)


def test_level_bytes_are_the_mapped_bytes_at_the_page_s_own_level(look: Look) -> None:
    """Without HGM an entry of the page's own size is the only way to map it."""
    for vma, cells, mapping in look.pairs():
        own = "pud" if vma.page_size == cases.GIB else "pmd"
        truth = {"pud": 0, "pmd": 0, "pte": 0, own: sum(cell.mapped_bytes for cell in cells)}
        assert mapping["level_bytes"] == truth, hex(vma.start)


def test_forked_pages_have_two_mappers_until_they_are_copied(forked: cases.Case) -> None:
    """The parent's private pages: shared with the child, but for the two that it wrote to."""
    look = steady_look(forked)
    parent = snapshot_command.mappings(look.shown, forked.pid)
    private = next(m for m in parent.values() if not m["shared"])
    shown = snapshot_command.cells(private)[:6]
    assert [cell.mappers for cell in shown] == [2, 1, 2, 2, 1, 2]
    assert [cell.mapcount for cell in shown] == [2, 1, 2, 2, 1, 2]


def test_pid_restricts_what_is_shown_but_not_what_is_joined(forked: cases.Case) -> None:
    look = steady_look(forked, "--pid", str(forked.pid))
    assert [process["pid"] for process in look.shown["processes"]] == [forked.pid]
    parent = snapshot_command.mappings(look.shown, forked.pid)
    private = next(m for m in parent.values() if not m["shared"])
    assert [cell.mappers for cell in snapshot_command.cells(private)[:6]] == [2, 1, 2, 2, 1, 2]


def test_pid_may_be_given_more_than_once(forked: cases.Case) -> None:
    arguments = [word for pid in forked.pids for word in ("--pid", str(pid))]
    shown = snapshot_command.snapshot(*arguments)
    assert {process["pid"] for process in shown["processes"]} == set(forked.pids)


def shown_pools(shown: dict[str, Any]) -> set[Pool]:
    """The pools of a snapshot as records."""
    names = Pool.__dataclass_fields__
    found = [Pool(**{name: pool[name] for name in names}) for pool in shown["pools"]]
    assert len(found) == len(set(found))
    return set(found)


def test_pools_equal_sysfs(forked: cases.Case) -> None:
    """Others may resize pools at any time: compare only when sysfs reads the same on both sides."""
    for _ in range(LOOKS):
        before = plain_reader.pools(LIVE)
        shown = snapshot_command.snapshot("--pid", str(forked.pid))
        if plain_reader.pools(LIVE) == before:
            assert shown_pools(shown) == before
            return
    pytest.fail("the pools did not stand still")
