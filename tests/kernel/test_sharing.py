"""Who shares pages on the real kernel: mapcount, mappers, processes, shared tables, and why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from hugescope_agent.errors import AskError
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.whois import page_detail
from hugescope_wire.cells import CellFlag
from hugescope_wire.page import PageDetail
from hugescope_wire.report import SharingReason
from tests.kernel import cases
from tests.kernel.puppets import LiveFollower, following, puppet

pytestmark = pytest.mark.kernel

SCRIPT = Path(__file__).with_name("sharing_process.py")
MIB2, GIB = cases.MIB2, cases.GIB
CELLS = GIB // MIB2
BORDER = 0x7E8000000000
ASIDE = BORDER + MIB2
LOOKS = 5
"""The kernel may move a page during a look; it does not during so many."""

Mapping = tuple[int, int, int, str, list[int]]
SHARED = int(CellFlag.SHARED_TABLE)
GUESS = int(CellFlag.SHARED_TABLE | CellFlag.INFERRED)
TOUCHED = [0, 7, 511]


class Group(NamedTuple):
    """A sharing group, and the flags that all of its cells carry."""

    cells: int
    mapcount: int | None
    mappers: int | None
    processes: int | None
    reasons: list[SharingReason]
    flags: set[int]


@contextmanager
def sharers(*processes: list[Mapping]) -> Iterator[list[int]]:
    """Processes that map one memfd of which at most 8 pages are touched; their pids."""
    if os.uname().machine != "x86_64":
        pytest.skip("which mappings share page tables is known for x86 here")
    command = [sys.executable, str(SCRIPT), json.dumps(processes)]
    with (
        cases.extra_pages(MIB2, 8),
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the processes did not come up"
        yield json.loads(line)["pids"]
        process.stdin.close()


def groups(follower: LiveFollower, mapping: TrackedMapping) -> list[Group]:
    """The sharing groups of a mapping."""
    cells = mapping.cells
    found = []
    for group in follower.sampler.view.sharing().groups(mapping):
        counts = (group.mapcount, group.mappers, group.processes)
        alike = [
            index
            for index in mapping.present_index.tolist()
            if (int(cells.mapcount[index]), int(cells.mappers[index])) == counts[:2]
        ]
        flags = {int(cells.flags[index]) & GUESS for index in alike}
        found.append(Group(group.cells, *counts, group.reasons, flags))
    return found


def found(*pids: int) -> list[list[list[Group]]]:
    """The groups of each mapping of each process, by one look that nothing moved under."""
    before = None
    for _ in range(LOOKS):
        with following() as follower:
            follower.full()
            mappings = {pid: found for pid, _, found in follower.sampler.view.processes()}
            now = [[groups(follower, mapping) for mapping in mappings[pid]] for pid in pids]
        if now == before:
            break
        before = now
    assert before is not None
    return now


def asked(pid: int, address: int) -> PageDetail:
    """Who maps the page there."""
    with following() as follower:
        follower.full()
        sampler = follower.sampler
        return page_detail(sampler.view.processes(), pid, address, sampler.view.sharing())


def test_two_processes_share_a_table_and_a_third_beside_the_border_does_not() -> None:
    """The twin counts by itself: three mappers and a mapcount of 2, as the kernel keeps them."""
    whole = (BORDER, CELLS, 0, "rw", TOUCHED)
    twin = (ASIDE, CELLS, 0, "rw", [7])
    with sharers([whole], [(BORDER, CELLS, 0, "rw", [0])], [twin]) as pids:
        for groups_of_table in (found(pids[0]), found(pids[1])):
            assert groups_of_table == [
                [
                    [
                        Group(2, 1, 2, 2, ["shared_table"], {SHARED}),
                        Group(1, 2, 3, 3, ["shared_table"], {SHARED}),
                    ]
                ]
            ]
        assert found(pids[2]) == [[[Group(1, 2, 3, 3, ["shared_table"], {0})]]]


def test_an_unaligned_pair_shares_pages_and_no_table() -> None:
    with sharers(*[[(ASIDE, CELLS, 0, "rw", TOUCHED)]] * 2) as pids:
        assert found(*pids) == [[[Group(3, 2, 2, 2, [], {0})]]] * 2


def test_another_part_of_the_file_at_a_border_shares_no_table() -> None:
    """At a border each, but with other file offsets behind it."""
    with sharers([(BORDER, CELLS, 0, "rw", [7])], [(BORDER, CELLS, 1, "rw", [6])]) as pids:
        assert found(*pids) == [[[Group(1, 2, 2, 2, [], {0})]]] * 2


def test_three_sharers_count_once() -> None:
    with sharers(*[[(BORDER, CELLS, 0, "rw", TOUCHED)]] * 3) as pids:
        assert found(*pids) == [[[Group(3, 1, 3, 3, ["shared_table"], {SHARED})]]] * 3


def test_a_read_only_mapping_has_a_table_of_its_own_told_by_its_pages() -> None:
    """It could share by its place and does not by its rights; it shows fewer pages."""
    whole = (BORDER, CELLS, 0, "rw", TOUCHED)
    with sharers([whole], [whole], [(BORDER, CELLS, 0, "r", [7])]) as pids:
        table, _, apart = found(*pids)
        assert table == [
            [
                Group(2, 1, 2, 2, ["shared_table"], {SHARED}),
                Group(1, 2, 3, 3, ["shared_table"], {SHARED}),
            ]
        ]
        assert apart == [[Group(1, 2, 3, 3, ["shared_table"], {0})]]


def test_a_read_only_mapping_with_the_same_pages_is_told_apart_as_a_guess() -> None:
    whole = (BORDER, CELLS, 0, "rw", TOUCHED)
    with sharers([whole], [whole], [(BORDER, CELLS, 0, "r", TOUCHED)]) as pids:
        assert found(*pids) == [
            [[Group(3, 2, 3, 3, ["shared_table"], {GUESS})]],
            [[Group(3, 2, 3, 3, ["shared_table"], {GUESS})]],
            [[Group(3, 2, 3, 3, ["shared_table"], {0})]],
        ]


def test_an_empty_table_is_not_flagged() -> None:
    untouched: list[Mapping] = [(BORDER, CELLS, 0, "rw", [])]
    with sharers(untouched, untouched) as pids:
        assert found(*pids) == [[[]], [[]]]


def test_one_process_may_share_a_table_with_itself() -> None:
    """Two mappings at borders: the kernel counts one table, the process is one."""
    twice = [(BORDER + at * GIB, CELLS, 0, "rw", [5]) for at in (0, 2)]
    with sharers(twice) as pids:
        expected = [Group(1, 1, 2, 1, ["shared_table", "alias"], {SHARED})]
        assert found(*pids) == [[expected, expected]]


def test_alias_in_one_process() -> None:
    """The process of the case maps 8 pages twice, its child 4 of them once."""
    with cases.aliased_memfd() as case:
        mappings = [set(map(_counts, one)) for one in found(case.pid)[0]]
        in_both = {(1, 2, 2, 1, "alias"), (1, 3, 3, 2, "alias")}
        earlier = in_both | {(2, 1, 1, 1)}
        later = in_both | {(1, 2, 2, 2), (1, 1, 1, 1)}
        assert mappings in ([earlier, later], [later, earlier])


def _counts(group: Group) -> tuple[object, ...]:
    return (group.cells, group.mapcount, group.mappers, group.processes, *group.reasons)


def test_fork_and_copy_on_write() -> None:
    """6 private pages of a parent, of which the child copied two and added one."""
    with cases.forked_private() as case:
        parent, child = found(*case.pids)
        shared, private = Group(4, 2, 2, 2, [], {0}), Group(2, 1, 1, 1, [], {0})
        assert [shared, private] in parent
        assert [shared, private._replace(cells=3)] in child


def test_flags_follow_as_pages_and_sharers_come_and_go() -> None:
    """What the picture shows after ticks is what a fresh look shows."""
    with cases.extra_pages(MIB2, 8), puppet() as one, following() as follower:
        one.do("memfd", 0, CELLS, "hs-flags", False)
        one.do("touch", 0, [1])
        follower.full()
        child = one.do("fork")
        one.do("child_touch", 0, [1])
        expect(follower, {one.pid: {1}, child: {1}})
        one.do("touch", 0, [2, 3])
        expect(follower, {one.pid: {1, 2, 3}, child: {1, 2, 3}})
        # To punch a page out of a file the kernel takes the table from one of its users.
        one.do("punch", 0, 2)
        expect(follower, {one.pid: set(), child: set()})
        one.do("touch", 0, [1, 3])
        one.do("child_touch", 0, [1])
        expect(follower, {one.pid: {1, 3}, child: {1, 3}})
        one.do("child_end")
        expect(follower, {one.pid: set()})


def expect(follower: LiveFollower, flagged: dict[int, set[int]]) -> None:
    """Tick until these cells, and no others, are shown as of a shared table."""
    shown: dict[int, set[int]] = {}
    for _ in range(LOOKS):
        follower.ticks()
        shown = {pid: _flagged(mappings) for pid, mappings in follower.shown(*flagged).items()}
        if shown == flagged:
            return
    assert shown == flagged


def _flagged(mappings: list[dict[str, object]]) -> set[int]:
    runs = [run for mapping in mappings for run in mapping["runs"]]  # type: ignore[attr-defined]
    return {
        cell
        for run in runs
        if "shared_table" in run["flags"]
        for cell in range(run["first"], run["first"] + run["count"])
    }


def test_every_mapping_of_a_page_is_named_with_its_address() -> None:
    whole = (BORDER, CELLS, 0, "rw", [7])
    twin = (ASIDE, CELLS, 3, "rw", [4])
    with sharers([whole], [whole], [twin]) as pids:
        detail = asked(pids[0], BORDER + 7 * MIB2 + 12345)
        assert detail.mapped_by is not None
        assert [(m.pid, m.address, m.start, m.shared_table) for m in detail.mapped_by] == sorted(
            [
                (pids[0], BORDER + 7 * MIB2, BORDER, True),
                (pids[1], BORDER + 7 * MIB2, BORDER, True),
                (pids[2], ASIDE + 4 * MIB2, ASIDE, False),
            ]
        )
        assert (detail.mapcount, detail.mappers, detail.processes) == (2, 3, 3)
        assert detail.reasons == ["shared_table"]
        (sentence,) = detail.explanation
        assert sentence.startswith("3 mappings and a mapcount of 2: 2 of them share page tables,")
        assert (detail.first, detail.file_offset) == (7, 7 * MIB2)
        assert detail.file is not None
        assert (detail.file.kind, detail.file.name) == ("memfd", "hs-sharing")
        twin_detail = asked(pids[2], ASIDE + 4 * MIB2)
        assert twin_detail.mapped_by == detail.mapped_by
        assert twin_detail.file_offset == 7 * MIB2


def test_a_hole_of_a_file_names_who_shows_the_page() -> None:
    with sharers([(ASIDE, 4, 0, "rw", [2])], [(ASIDE, 4, 0, "rw", [])]) as pids:
        detail = asked(pids[1], ASIDE + 2 * MIB2)
        assert detail.state == "hole"
        assert detail.mapped_by is not None
        assert [mapper.pid for mapper in detail.mapped_by] == [pids[0]]
        assert asked(pids[1], ASIDE).mapped_by == []


def test_what_is_no_huge_page_is_refused_by_code() -> None:
    with sharers([(ASIDE, 4, 0, "rw", [])]) as pids:
        with pytest.raises(AskError) as refusal:
            asked(pids[0], ASIDE + 4 * MIB2)
        assert refusal.value.code == "no_such_mapping"
        with pytest.raises(AskError) as refusal:
            asked(os.getpid(), ASIDE)
        assert refusal.value.code == "no_such_process"
