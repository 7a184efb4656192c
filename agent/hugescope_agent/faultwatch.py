"""Page faults of guests that are in a post-copy: which processes' faults are listened to, and what
is told of them.

Listening begins when a process is known to be a destination, which QEMU's `-incoming` tells before
the switch-over; told are faults from the time on at which a hugetlb mapping of it is registered
with userfaultfd (VmFlags um or ui). That flag is read a moment after the switch-over, in which a
guest demands most: so the last faults before it are kept and told along. Of the main thread, which
fills the memory in a precopy, only the one is told that it waits for by then.
"""

from __future__ import annotations

import errno
import logging
import resource
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel import perf, userfault
from hugescope_agent.kernel.perf import FaultRing, Samples
from hugescope_agent.kernel.root import Root
from hugescope_wire.host import Limit
from hugescope_wire.vm import MAX_FAULTS, Fault, Faults

log = logging.getLogger(__name__)

Ranges = Sequence[tuple[int, int]]
"""First address, and the one behind the last."""

MAX_RINGS: Final = 1024
"""Threads listened to at once: 36 MiB of rings. Half of them at most in case they are needed."""

KEPT_S: Final = 10.0
"""Longer than it takes to see the flag, also on a machine that is very busy."""

MAX_KEPT: Final = MAX_FAULTS

_Kept = tuple[float, int]


@dataclass(slots=True)
class _Listener:
    """One process.

    Attributes:
        rings: by thread.
        told: its faults are told; else the last are kept.
        kept: time and address.
        newest: of the main thread, on whatever memory, before its faults are told.
        ran: there were faults that were not told in time: its guest runs without a post-copy.
    """

    rings: dict[int, FaultRing] = field(default_factory=dict)
    told: bool = False
    kept: list[_Kept] = field(default_factory=list)
    newest: _Kept | None = None
    ran: bool = False

    def close(self) -> None:
        for ring in self.rings.values():
            ring.close()
        self.rings.clear()


class FaultWatch:
    """Listens to the faults of some processes. Not for several threads at once."""

    def __init__(self, root: Root) -> None:
        self._root = root
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        # Each is an open file, and all else that is read needs some, too.
        self._most = MAX_RINGS if files < 0 else min(MAX_RINGS, files // 2)
        self._listeners: dict[int, _Listener] = {}
        self._refused: dict[int, str] = {}
        self._told: frozenset[int] = frozenset()
        self._lost = 0
        self._watched: list[int] | None = None

    def close(self) -> None:
        """Listen to nobody any more."""
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()

    @property
    def idle(self) -> bool:
        """Whether nobody is listened to, and that was said."""
        return not self._listeners and not self._watched

    def limits(self) -> list[Limit]:
        """For processes whose faults cannot be listened to."""
        return [
            perf.denied(f"process {pid}: {why}", None)
            for pid, why in sorted(self._refused.items())
            if pid in self._told
        ]

    def ran(self, pid: int) -> bool:
        """Whether the guest of a process whose faults are kept runs without a post-copy."""
        listener = self._listeners.get(pid)
        return listener is not None and listener.ran

    def follow(self, told: Mapping[int, float | None], kept: Collection[int]) -> None:
        """Listen to these processes, and to no others. Of those to be told with the time from which
        on what was kept may be told too, by CLOCK_MONOTONIC; None: nothing of it.
        """
        wanted = {*told, *kept}
        for pid in self._listeners.keys() - wanted:
            self._listeners.pop(pid).close()
        new = told.keys() - self._told
        self._refused = {pid: why for pid, why in self._refused.items() if pid in wanted - new}
        self._told = frozenset(told)
        for pid in wanted - self._refused.keys():
            listener = self._listeners.setdefault(pid, _Listener())
            if pid in told and not listener.told:
                since_s = told[pid]
                listener.kept = [one for one in listener.kept if since_s and one[0] >= since_s]
            listener.told = pid in told
            if not listener.rings:
                self._follow_threads(pid, listener)

    def take(self, mappings: Mapping[int, Ranges], now_s: float) -> Faults | None:
        """What is to be told now, of the hugetlb mappings of each process; None: nothing new."""
        found: list[Fault] = []
        for pid, listener in sorted(self._listeners.items()):
            seen = self._drain(pid, listener, mappings.get(pid, ()), now_s)
            self._follow_threads(pid, listener)
            found += [Fault(pid=pid, address=address, at_s=at_s) for at_s, address in seen]
        told = sorted(pid for pid, one in self._listeners.items() if one.told)
        if told == (self._watched or []) and not found and not self._lost:
            return None
        self._watched = told
        lost = self._lost + max(0, len(found) - MAX_FAULTS)
        self._lost = 0
        return Faults(watched=told, faults=found[:MAX_FAULTS], lost=lost)

    def watched(self) -> Faults:
        """Whose faults are told, and none of them."""
        self._watched = sorted(pid for pid, one in self._listeners.items() if one.told)
        return Faults(watched=self._watched)

    def _follow_threads(self, pid: int, listener: _Listener) -> None:
        names = self._root.names(f"proc/{pid}/task")
        threads = {int(name) for name in names if name.isascii() and name.isdigit()}
        for tid in listener.rings.keys() - threads:
            listener.rings.pop(tid).close()
        most = self._most if pid in self._told else self._most // 2
        for tid in sorted(threads - listener.rings.keys()):
            if sum(len(one.rings) for one in self._listeners.values()) >= most:
                self._refuse(pid, f"it has more threads than are listened to, {self._most} in all")
                return
            try:
                listener.rings[tid] = FaultRing(tid)
            except OSError as error:
                if error.errno != errno.ESRCH:
                    self._refuse(pid, f"perf_event_open: {error.strerror}")
                    return

    def _refuse(self, pid: int, why: str) -> None:
        log.info("faults of process %d are not seen: %s", pid, why)
        self._refused[pid] = why
        self._listeners.pop(pid).close()

    def _drain(self, pid: int, listener: _Listener, ranges: Ranges, now_s: float) -> list[_Kept]:
        """Empty the rings of a process; what of it is to be told, by time."""
        found: list[_Kept] = []
        for tid, ring in listener.rings.items():
            samples = ring.take()
            if samples is None:
                continue
            if tid == pid:
                listener.newest = None if listener.told else newest_of(samples)
            if listener.told:
                self._lost += samples.lost
            elif tid == pid:
                continue
            inside = within(samples.address, ranges)
            times, addresses = samples.at_s[inside].tolist(), samples.address[inside].tolist()
            found += zip(times, addresses, strict=True)
        if listener.told:
            found = sorted([*listener.kept, *self._awaited(pid, listener, ranges), *found])
            listener.kept, listener.newest = [], None
            return found
        found.sort()
        everything = [*listener.kept, *found]
        listener.kept = [one for one in everything if one[0] >= now_s - KEPT_S][-MAX_KEPT:]
        listener.ran |= len(listener.kept) < len(everything)
        return []

    def _awaited(self, pid: int, listener: _Listener, ranges: Ranges) -> list[_Kept]:
        """What the main thread waits for since before its faults were told: its newest fault."""
        if listener.newest is None:
            return []
        at_s, address = listener.newest
        waits = any(one.tid == pid for one in userfault.waiters(self._root, pid) or ())
        inside = any(start <= address < end for start, end in ranges)
        return [(at_s, address)] if waits and inside else []


def newest_of(samples: Samples) -> tuple[float, int] | None:
    """Time and address of the last fault; None: there are only lost ones."""
    if not len(samples.at_s):
        return None
    return float(samples.at_s[-1]), int(samples.address[-1])


def within(addresses: npt.NDArray[np.uint64], ranges: Ranges) -> npt.NDArray[np.bool_]:
    """Which addresses lie in one of the ranges."""
    inside = np.zeros(len(addresses), np.bool_)
    for start, end in ranges:
        inside |= (addresses >= np.uint64(start)) & (addresses < np.uint64(end))
    return inside
