"""Processes of very many mappings, looked through a part at a time.

Each VMA that has a file costs a system call; or every VMA a line to read, on kernels without
PROCMAP_QUERY. A process may have 65,530 of them, as many as
vm.max_map_count allows, and make the kernel give more to everybody; looked through at once a
million take 0.7 s, in which nothing else is seen. So what is long is walked a part a tick, one
process at a time: all such processes together take `PART` calls a tick, some 3 ms, however many
they are (as text some 6 ms). What such a process maps is seen when its walk ends.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from hugescope_agent.kernel.maps import VmaWalk
from hugescope_agent.kernel.vma import HugeVma
from hugescope_wire.host import Limit

PART: Final = 4096
"""VMAs that are looked through in one go."""

_MOST_WALKS: Final = 256
"""Each holds a descriptor; who finds no room is looked through later."""

_MOST_KNOWN: Final = 1 << 12


class Query(Protocol):
    """Looks through the VMAs of a process: `maps.VmaQuery` or `textwalks.TextQuery`.

    Attributes:
        counted: the VMAs that it looks through, in words.
    """

    counted: str

    def go_on(self, walk: VmaWalk, most: int) -> bool:
        """Look through so many more; whether none is left. OSError as it comes."""


class LongWalks:
    """The walks that are under way, and whose turn it is."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._walks: dict[int, VmaWalk] = {}
        self._queue: deque[int] = deque()
        self._turn: int | None = None
        self._known: dict[int, None] = {}

    def __contains__(self, pid: int) -> bool:
        """Whether it was long when it was looked through last."""
        return pid in self._known

    def next_turn(self, lives: Callable[[int], bool]) -> list[int]:
        """The process that goes on in this tick, if any does; `lives` is asked of one at most."""
        if self._known:
            oldest = next(iter(self._known))
            del self._known[oldest]
            if oldest in self._walks or lives(oldest):
                self._known[oldest] = None
        self._turn = self._queue[0] if self._queue else None
        return list(self._queue)[:1]

    def look(self, pid: int, open_maps: Callable[[], int]) -> list[HugeVma] | None:
        """The hugetlb VMAs of a process, if its walk ends here; None where it goes on, waits for
        its turn, or for room. OSError as it comes.
        """
        if pid in self._walks:
            return self._go_on(pid)
        if pid in self._known and len(self._walks) >= _MOST_WALKS:
            return None
        self._known.pop(pid, None)
        walk = VmaWalk(open_maps(), pid)
        kept = False
        try:
            if self._query.go_on(walk, PART):
                return walk.found
            kept = self._keep(pid, walk)
        finally:
            if not kept:
                os.close(walk.maps_fd)
        return None

    def _keep(self, pid: int, walk: VmaWalk) -> bool:
        """Note that it is long; whether there was room for its walk."""
        if len(self._known) >= _MOST_KNOWN:
            self._known.pop(next(iter(self._known)))
        self._known[pid] = None
        if len(self._walks) >= _MOST_WALKS:
            return False
        self._walks[pid] = walk
        self._queue.append(pid)
        return True

    def _go_on(self, pid: int) -> list[HugeVma] | None:
        if pid != self._turn:
            return None
        self._turn = None
        walk = self._walks[pid]
        ended = True
        try:
            ended = self._query.go_on(walk, PART)
        finally:
            if ended:
                self._forget(pid)
        return walk.found if ended else None

    def _forget(self, pid: int) -> None:
        os.close(self._walks.pop(pid).maps_fd)
        self._queue.remove(pid)

    def close(self) -> None:
        """Close all that is open."""
        for pid in list(self._walks):
            self._forget(pid)

    def limits(self) -> list[Limit]:
        """What that costs, in words."""
        if not self._known:
            return []
        count, counted = len(self._known), self._query.counted
        some = ", ".join(map(str, sorted(self._known)[:3]))
        return [
            Limit(
                capability="all_mappings",
                reason=f"processes of more than {PART} {counted}: {count}, such as {some}",
                cost=f"what these map anew is seen late, by a second for each 40,000 {counted}",
                remedy=None,
            )
        ]
