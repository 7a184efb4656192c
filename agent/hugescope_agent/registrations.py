"""Notices that a virtual machine's memory is about to be registered with userfaultfd, or is not any
more, by its descriptors. VmFlags tell it too, but only smaps has them, and reading it stalls the
machine.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hugescope_agent.kernel.fds import MachineFds, fd_count, machine_fds
from hugescope_agent.kernel.root import Root
from hugescope_agent.watch import Watch

LOOK_EVERY_S: Final = 0.25
_LINKS_EVERY_S: Final = 1.0
"""Where the number of descriptors stays the same: one may have come as another went."""

_DUTY: Final = 0.005
"""Of one core, at most: the links of fifty descriptors take 200 us, their number takes 5."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a machine's descriptors told last.

    Attributes:
        count: of descriptors; None: not told.
        seen_s: when the links were looked at.
        without_s: when it was last seen to hold no userfaultfd; None: never.
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
        if now_s < self._due_s or not machines:
            return
        begin_s = time.thread_time()
        gone = [pid for pid in self._held if pid not in machines]
        changed = {pid for pid in gone if self._held.pop(pid).fds.userfaultfds}
        for pid in machines:
            if self._look_at(pid, now_s):
                changed.add(pid)
        if changed:
            for pid, watch in machines.items():
                said = watch.said
                simulated = said is not None and said.vm is not None and said.vm.simulated
                if pid in changed or simulated or watch.registered:
                    watch.ask_smaps(now_s)
        spent_s = time.thread_time() - begin_s
        self._due_s = now_s + max(LOOK_EVERY_S, spent_s / _DUTY)

    def held(self, pid: int) -> Held | None:
        """What was seen of a machine last; None: nothing, or it cannot be read."""
        return self._held.get(pid)

    def _look_at(self, pid: int, now_s: float) -> bool:
        """Whether its userfaultfds are others than before, or than none."""
        before, count = self._held.pop(pid, None), fd_count(self._root, pid)
        fresh = before is not None and now_s < before.seen_s + _LINKS_EVERY_S
        if before is not None and fresh and count is not None and count == before.count:
            fds, seen_s = before.fds, before.seen_s
        else:
            looked = machine_fds(self._root, pid)
            if looked is None:
                return before is not None and bool(before.fds.userfaultfds)
            fds, seen_s = looked, now_s
        without_s = now_s if not fds.userfaultfds else before.without_s if before else None
        self._held[pid] = Held(fds, count, seen_s, without_s)
        return fds.userfaultfds != (before.fds.userfaultfds if before else frozenset())
