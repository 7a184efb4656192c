"""Notices that a virtual machine's memory is about to be registered with userfaultfd, or is not any
more, by its descriptors. VmFlags tell it too, but only smaps has them, and reading it stalls the
machine.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hugescope_agent.kernel.fds import MachineFds, fd_count, machine_fds
from hugescope_agent.kernel.root import Root
from hugescope_agent.watch import Watch

LOOK_EVERY_S: Final = 0.25
_LINKS_EVERY_S: Final = 1.0
"""Where the number of descriptors stays the same: one may have come as another went. Of many
machines not all in one look: a number that changes is to be seen at once.
"""

_TIMES: Final = 2
_CAME_TIMES: Final = 5
"""Readings of smaps at most: on a machine that is very busy seconds may lie between a userfaultfd
and the registration with it.
"""

_DUTY: Final = 0.005
"""Of one core, at most: the links of fifty descriptors take 200 us, their number takes 5."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a machine's descriptors told last.

    Attributes:
        count: of descriptors; None: not told.
        seen_s: when the links were looked at.
        without_s: when its links were last seen to hold no userfaultfd; None: never.
    """

    fds: MachineFds
    count: int | None
    seen_s: float
    without_s: float | None


class Registrations:
    """The userfaultfds of all machines, and which of them have to be looked at closer."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._held: dict[int, Held] = {}
        self._due_s = 0.0

    def look(self, machines: Mapping[int, Watch], now_s: float) -> None:
        """Ask for smaps of machines whose userfaultfds came or went.

        Another process may hold the userfaultfd of a machine's memory, as the source of
        HugeScope's own workload does: so a change anywhere concerns everything that is registered.
        """
        if not machines:
            self._held.clear()
        if now_s < self._due_s or not machines:
            return
        begin_s = time.thread_time()
        gone = [pid for pid in self._held if pid not in machines]
        changed = {pid for pid in gone if self._held.pop(pid).fds.userfaultfds}
        came = set[int]()
        for pid in sorted(machines, key=self._seen_s):
            spare = time.thread_time() - begin_s < LOOK_EVERY_S * _DUTY
            before, after = self._look_at(pid, now_s, spare=spare)
            if after != before:
                changed.add(pid)
            if after - before:
                came.add(pid)
        if changed:
            for pid, watch in machines.items():
                said = watch.said
                simulated = said is not None and said.vm is not None and said.vm.simulated
                if watch.registered:
                    watch.ask_smaps(now_s, _TIMES)
                elif pid in changed or simulated:
                    fresh = pid in came or (simulated and came)
                    watch.ask_smaps(now_s, _CAME_TIMES if fresh else _TIMES)
        spent_s = time.thread_time() - begin_s
        self._due_s = now_s + max(LOOK_EVERY_S, spent_s / _DUTY)

    def held(self, pid: int) -> Held | None:
        """What was seen of a machine last; None: nothing, or it cannot be read."""
        return self._held.get(pid)

    def _seen_s(self, pid: int) -> float:
        held = self._held.get(pid)
        return -math.inf if held is None else held.seen_s

    def _look_at(
        self, pid: int, now_s: float, *, spare: bool
    ) -> tuple[frozenset[int], frozenset[int]]:
        """Its userfaultfds as they were, and as they are; `spare`: there is time for its links."""
        before, count = self._held.pop(pid, None), fd_count(self._root, pid)
        were = before.fds.userfaultfds if before else frozenset[int]()
        fresh = before is not None and (now_s < before.seen_s + _LINKS_EVERY_S or not spare)
        if before is not None and fresh and count is not None and count == before.count:
            fds, seen_s = before.fds, before.seen_s
        else:
            looked = machine_fds(self._root, pid)
            if looked is None:
                return were, frozenset()
            fds, seen_s = looked, now_s
        without_s = seen_s if not fds.userfaultfds else before.without_s if before else None
        self._held[pid] = Held(fds, count, seen_s, without_s)
        return were, fds.userfaultfds
