"""Processes whose huge pages change all the time, and what was mapped at which moment."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.kernel.puppets import Puppet, puppet

PERIOD_S: Final = 0.25
SHARED, PRIVATE, PASSING, ELSEWHERE, ALIAS = range(5)
SHARED_PAGES: Final = 16
PRIVATE_PAGES: Final = 8
PASSING_PAGES: Final = 4
POOL_PAGES: Final = 40
"""What all of them can hold at once, with the child's copies, and some to spare."""


@dataclass(frozen=True)
class Moment:
    """From `ended_s` on each mapping had so many bytes in page tables; from `began_s` on some of
    the change may have been there. Times are of the monotonic clock.
    """

    began_s: float
    ended_s: float
    present_bytes: Mapping[tuple[int, str], int]


class Restless:
    """A puppet, and now and then its child, that map, touch, punch, forget, copy on write, move and
    unmap at random, a change every `PERIOD_S`.

    The level of the shared file wanders from empty to full and back, so that the sum of all that is
    mapped differs from what it was some seconds before.

    Attributes:
        turn: whoever holds it has everything stand still.
        moments: what was mapped when, by the kernel's own sums.
    """

    def __init__(self, rng: random.Random) -> None:
        self.turn = asyncio.Lock()
        self.moments: list[Moment] = []
        self.changes = 0
        self._rng = rng
        self._level, self._goal = 0, SHARED_PAGES
        self._child: int | None = None
        self._passing: int | None = None
        self._aliased = False
        self._stack = ExitStack()
        self._puppet = self._born()

    async def run(self) -> None:
        """Change, until cancelled."""
        while True:
            async with self.turn:
                await asyncio.to_thread(self._change)
            await asyncio.sleep(PERIOD_S)

    def close(self) -> None:
        """End them all."""
        if self._child is not None:
            self._puppet.do("child_end")
        self._stack.close()

    def range_in(self, since_s: float, until_s: float) -> tuple[int, int]:
        """The least and the most that may be seen in this time, in bytes: an agent looks at one
        mapping after another, and finds new ones within a second.
        """
        after = [*self.moments[1:], None]
        found = [
            moment.present_bytes
            for moment, following in zip(self.moments, after, strict=True)
            if moment.began_s <= until_s and (following is None or following.ended_s >= since_s)
        ]
        places = {place for present in found for place in present}
        each = [[present.get(place, 0) for present in found] for place in places]
        return sum(map(min, each)), sum(map(max, each))

    def _born(self) -> Puppet:
        made = self._stack.enter_context(puppet())
        made.do("memfd", SHARED, SHARED_PAGES)
        made.do("private", PRIVATE, PRIVATE_PAGES)
        self._level, self._passing, self._aliased = 0, None, False
        self._note(made, time.monotonic())
        return made

    def _change(self) -> None:
        began_s = time.monotonic()
        ways: list[tuple[Callable[[], None], int]] = [
            (self._wander, 8),
            (self._private, 3),
            (self._come_and_go, 2),
            (self._fork, 2),
            (self._alias, 1),
            (self._anew, 1 if self._child is None else 0),
        ]
        (way,) = self._rng.choices([way for way, _ in ways], [weight for _, weight in ways])
        way()
        self.changes += 1
        self._note(self._puppet, began_s)

    def _wander(self) -> None:
        """One page more or less of the shared file, or one that only the page table forgets."""
        if self._level == self._goal:
            self._goal = self._rng.choice([0, SHARED_PAGES // 2, SHARED_PAGES])
        if self._level < self._goal:
            self._puppet.do("touch", SHARED, [self._level])
            self._level += 1
        elif self._level:
            self._level -= 1
            way = self._rng.choice(["punch", "forget"])
            self._puppet.do(way, SHARED, self._level)

    def _private(self) -> None:
        cell = self._rng.randrange(PRIVATE_PAGES)
        if self._rng.random() < 0.7:
            self._puppet.do("touch", PRIVATE, [cell])
        else:
            self._puppet.do("forget", PRIVATE, cell)

    def _come_and_go(self) -> None:
        """A mapping that appears with pages, moves, and disappears."""
        if self._passing is None:
            self._passing = PASSING
            self._puppet.do("memfd", PASSING, PASSING_PAGES, "passing")
            self._puppet.do("touch", PASSING, self._some(PASSING_PAGES))
        elif self._passing == PASSING and self._rng.random() < 0.5:
            self._passing = ELSEWHERE
            self._puppet.do("move", PASSING, ELSEWHERE)
        else:
            self._puppet.do("unmap", self._passing)
            self._puppet.do("close", self._passing)
            self._passing = None

    def _fork(self) -> None:
        """A child, which copies pages that it writes to, and leaves."""
        if self._child is None:
            self._child = self._puppet.do("fork")
        elif self._rng.random() < 0.6:
            self._puppet.do("child_touch", PRIVATE, self._some(PRIVATE_PAGES))
        else:
            self._puppet.do("child_end")
            self._child = None

    def _alias(self) -> None:
        """The shared file a second time, mapped where the first one is."""
        if self._aliased:
            self._puppet.do("unmap", ALIAS)
        else:
            self._puppet.do("again", SHARED, ALIAS)
            self._puppet.do("touch", ALIAS, list(range(self._level)))
        self._aliased = not self._aliased

    def _anew(self) -> None:
        """Another process in place of this one."""
        self._puppet.kill()
        self._stack.close()
        self._puppet = self._born()

    def _some(self, pages: int) -> list[int]:
        return sorted(self._rng.sample(range(pages), self._rng.randint(1, pages // 2)))

    def _note(self, made: Puppet, began_s: float) -> None:
        pids = [made.pid, *([] if self._child is None else [self._child])]
        present = {
            (pid, start): size_bytes
            for pid in pids
            for start, size_bytes in mapped_bytes(pid).items()
        }
        self.moments.append(Moment(began_s, time.monotonic(), present))


def mapped_bytes(pid: int) -> dict[str, int]:
    """What the kernel's sums have of huge pages in this process's page tables, by the mappings'
    first addresses as `smaps` writes them.
    """
    found: dict[str, int] = {}
    start = ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("Private_Hugetlb", "Shared_Hugetlb"):
            found[start] = found.get(start, 0) + int(value.split()[0]) * 1024
        elif "-" in name:
            start = name.partition("-")[0]
    return {start: size_bytes for start, size_bytes in found.items() if size_bytes}
