"""Which arrivals are the background sweep, and which were demanded: told by their order alone.

A sweep brings pages in order and passes over those that are there. So a run of arrivals that begins
at the next page that was missing behind an earlier run goes on with it; any other begins with a
page that was demanded. What follows on such a page depends on who sends: QEMU's sweep goes on from
behind a demanded page and leaves its old place; others stay at it, and then neighbours that follow
are demanded too, by a guest that walks through memory. Which of the two it is shows: as soon as an
earlier run goes on after a later one began, the sweep stays. Until then it is taken to move.

All this is inferred, and counts only where faults cannot be seen or some were lost: see `run.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_server.migration.arrivals import Kind
from hugescope_server.migration.presence import Index, Presence

MAX_HEADS: Final = 8
MOST_EVIDENCE: Final = 32


@dataclass(slots=True)
class _Head:
    """Where a run of arrivals ended.

    Attributes:
        cell: its last page; -1: before the first.
        begun: number of the look in which the run began.
        moved: of the look in which it went on last.
    """

    cell: int
    begun: int
    moved: int


class SweepOrder:
    """Sorts arrivals, a look at a time."""

    def __init__(self) -> None:
        self._heads: list[_Head] = []
        self._sweep = _Head(-1, 0, 0)
        self._look = 0
        self._moves = 1
        self._stays = 0

    @property
    def moves(self) -> bool:
        """Whether the sweep goes on from behind a demanded page, as far as can be told."""
        return self._moves >= self._stays

    def sort(self, arrived: Index, presence: Presence) -> npt.NDArray[np.uint8]:
        """The kind of each, `SWEEP` or `DEMAND`; `presence` is still as it was before they came."""
        self._look += 1
        kinds = np.full(len(arrived), Kind.DEMAND, np.uint8)
        if not len(arrived):
            return kinds
        ranks = presence.ranks(arrived)
        starts = np.flatnonzero(np.diff(ranks, prepend=ranks[0] - 2) != 1)
        ends = np.append(starts[1:], len(arrived))
        continued = self._continued(ranks[starts], presence)
        for run, head in continued:
            if self._goes_on(head, int(arrived[ends[run] - 1])):
                kinds[starts[run] : ends[run]] = Kind.SWEEP
        new = np.ones(len(starts), np.bool_)
        new[[run for run, _ in continued]] = False
        if self.moves:
            behind = np.ones(len(arrived), np.bool_)
            behind[starts] = False
            kinds[behind & np.repeat(new, ends - starts)] = Kind.SWEEP
        self._begin_runs(arrived[ends[new] - 1], (ends - starts)[new])
        return kinds

    def _continued(self, firsts: Index, presence: Presence) -> list[tuple[int, _Head]]:
        """Runs, by number, that go on with an earlier one: the sweep's before others, young before
        old. Where nothing is missing behind the sweep, it begins anew with the first that is.
        """
        heads = [self._sweep, *sorted(self._heads, key=lambda head: -head.moved)]
        behind = presence.ranks(np.array([head.cell + 1 for head in heads], np.int64))
        found: dict[int, _Head] = {}
        for head, rank in zip(heads, behind.tolist(), strict=True):
            run = int(np.searchsorted(firsts, rank))
            if run < len(firsts) and firsts[run] == rank:
                found.setdefault(run, head)
        if firsts[0] == 0 and behind[0] >= presence.left:
            found.setdefault(0, self._sweep)
        return sorted(found.items(), key=lambda item: item[1].begun)

    def _goes_on(self, head: _Head, last: int) -> bool:
        """Take a run further; whether it is the sweep."""
        sweep = self._sweep
        if head is not sweep:
            older, stayed = head.begun < sweep.begun, sweep.moved > head.begun
            if older:
                self._stays += 2
            elif stayed:
                self._stays += 1
            else:
                self._moves += 1
            self._forget_some_evidence()
            if older or (self.moves and not stayed):
                self._heads.remove(head)
                self._heads = [*self._heads, sweep][-MAX_HEADS:]
                self._sweep = head
        head.cell, head.moved = last, self._look
        return head is self._sweep

    def _begin_runs(self, lasts: Index, lengths: Index) -> None:
        """Remember where new runs ended; of many, the longest."""
        if len(lasts) > MAX_HEADS:
            longest = np.sort(np.argsort(lengths, kind="stable")[-MAX_HEADS:])
            lasts = lasts[longest]
        new = [_Head(last, self._look, self._look) for last in lasts.tolist()]
        self._heads = [*self._heads, *new][-MAX_HEADS:]

    def _forget_some_evidence(self) -> None:
        if self._moves + self._stays > MOST_EVIDENCE:
            self._moves, self._stays = self._moves // 2, self._stays // 2
