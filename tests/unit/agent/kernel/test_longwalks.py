"""Long processes are looked through a part at a time, one of them a tick, whatever they do."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hugescope_agent.kernel import longwalks
from hugescope_agent.kernel.longwalks import PART, LongWalks
from hugescope_agent.kernel.maps import VmaQuery, VmaWalk
from hugescope_agent.kernel.textwalks import TextQuery
from hugescope_agent.kernel.vma import HugeVma
from tests.unit.open_files import open_files


@dataclass
class MadeKernel:
    """Processes by how many mappings they have; each has one huge page above them all."""

    place: Path
    counts: dict[int, int] = field(default_factory=dict)
    owners: dict[int, int] = field(default_factory=dict)
    denied: set[int] = field(default_factory=set)
    asked: int = 0
    counted: str = "mappings"

    def opener(self, pid: int) -> Callable[[], int]:
        def open_maps() -> int:
            if pid not in self.counts:
                raise FileNotFoundError(pid)
            fd = os.open(self.place, os.O_RDONLY)
            self.owners[fd] = pid
            return fd

        return open_maps

    def go_on(self, walk: VmaWalk, most: int) -> bool:
        """As `VmaQuery.go_on`."""
        pid = self.owners[walk.maps_fd]
        if pid in self.denied:
            raise PermissionError(pid)
        left = self.counts.get(pid, 0) - walk.next_va
        self.asked += min(most, max(left, 0))
        walk.next_va += most
        if left <= most and pid in self.counts:
            walk.found.append(vma_of(pid))
        return left <= most


def vma_of(pid: int) -> HugeVma:
    return HugeVma(pid << 30, (pid << 30) + (2 << 20), 2 << 20, True, 0, (0, 1), pid, "/x")


@pytest.fixture
def kernel(tmp_path: Path) -> MadeKernel:
    (tmp_path / "maps").touch()
    return MadeKernel(tmp_path / "maps")


def walks_of(kernel: MadeKernel) -> LongWalks:
    return LongWalks(kernel)


def test_a_short_one_is_looked_through_at_once(kernel: MadeKernel) -> None:
    kernel.counts = {7: PART}
    walks = walks_of(kernel)
    assert walks.look(7, kernel.opener(7)) == [vma_of(7)]
    assert 7 not in walks
    assert walks.limits() == []


def test_long_ones_take_turns_and_begin_again(kernel: MadeKernel) -> None:
    """However many they are, one of them goes on in a tick, and one more may begin."""
    kernel.counts = {7: 3 * PART, 8: 5 * PART, 9: 4 * PART}
    walks = walks_of(kernel)
    done = []
    for _ in range(60):
        before = kernel.asked
        (*turn,) = walks.next_turn(kernel.counts.__contains__)
        for pid in kernel.counts:
            if walks.look(pid, kernel.opener(pid)) is not None:
                done.append(pid)
                assert turn == [pid]
        assert kernel.asked - before <= (len(kernel.counts) if not turn else 2) * PART
    assert all(done.count(pid) >= 4 for pid in kernel.counts)
    (limit,) = walks.limits()
    assert "3, such as 7, 8, 9" in limit.reason
    walks.close()


@pytest.mark.parametrize("counted", [VmaQuery.counted, TextQuery.counted])
def test_the_limit_says_what_was_counted(kernel: MadeKernel, counted: str) -> None:
    """PROCMAP_QUERY asks for mappings of files; of text each line is read, whatever it maps."""
    kernel.counts, kernel.counted = {7: 2 * PART}, counted
    walks = walks_of(kernel)
    walks.look(7, kernel.opener(7))
    (limit,) = walks.limits()
    assert limit.reason == f"processes of more than {PART} {counted}: 1, such as 7"
    assert limit.cost.endswith(f"40,000 {counted}")
    assert ("of files" in limit.reason) == (counted is VmaQuery.counted)
    walks.close()


def test_it_is_nobodys_turn_outside_of_a_tick(kernel: MadeKernel) -> None:
    kernel.counts = {7: 3 * PART}
    walks = walks_of(kernel)
    assert [walks.look(7, kernel.opener(7)) for _ in range(9)] == [None] * 9
    assert kernel.asked == PART
    walks.close()


def test_one_that_is_long_no_more(kernel: MadeKernel) -> None:
    kernel.counts = {7: 3 * PART}
    walks = walks_of(kernel)
    walks.look(7, kernel.opener(7))
    kernel.counts[7] = 5
    walks.next_turn(kernel.counts.__contains__)
    assert walks.look(7, kernel.opener(7)) == [vma_of(7)]
    assert walks.look(7, kernel.opener(7)) == [vma_of(7)]
    assert 7 not in walks


def test_one_that_left_is_forgotten(kernel: MadeKernel) -> None:
    kernel.counts = {7: 3 * PART, 8: 2 * PART}
    walks = walks_of(kernel)
    for pid in (7, 8):
        walks.look(pid, kernel.opener(pid))
    del kernel.counts[7]
    walks.next_turn(kernel.counts.__contains__)
    assert walks.look(7, kernel.opener(7)) == []
    with pytest.raises(FileNotFoundError):
        walks.look(7, kernel.opener(7))
    walks.next_turn(kernel.counts.__contains__)
    assert walks.look(8, kernel.opener(8)) == [vma_of(8)]
    for _ in range(3):
        walks.next_turn(kernel.counts.__contains__)
    assert 7 not in walks
    assert 8 in walks
    walks.close()


def test_an_error_leaves_nothing_open(kernel: MadeKernel) -> None:
    kernel.counts, kernel.denied = {7: 3 * PART}, {7}
    walks = walks_of(kernel)
    before = open_files()
    with pytest.raises(PermissionError):
        walks.look(7, kernel.opener(7))
    kernel.denied.clear()
    assert walks.look(7, kernel.opener(7)) is None
    kernel.denied.add(7)
    walks.next_turn(kernel.counts.__contains__)
    with pytest.raises(PermissionError):
        walks.look(7, kernel.opener(7))
    assert open_files() <= before


def test_walks_are_bounded_and_all_come_to_their_end(
    kernel: MadeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each holds a descriptor: who finds no room waits, and does not push others out."""
    monkeypatch.setattr(longwalks, "_MOST_WALKS", 3)
    kernel.counts = dict.fromkeys(range(1, 9), 4 * PART)
    walks = walks_of(kernel)
    before = open_files()
    done: set[int] = set()
    for tick in range(400):
        walks.next_turn(kernel.counts.__contains__)
        due = sorted(kernel.counts, key=lambda pid, tick=tick: (pid + tick) % 8)  # type: ignore[misc]
        done |= {pid for pid in due if walks.look(pid, kernel.opener(pid)) is not None}
        assert len(open_files() - before) <= 3
    assert done == set(kernel.counts)
    walks.close()
    assert open_files() <= before
