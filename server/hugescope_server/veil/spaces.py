"""Addresses of one host's processes, there and back: true ones, and those that stand in for them.

Frozen: it is of one moment of the host, and may be used in a thread while the host goes on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hugescope_server.veil.places import Place, Places
from hugescope_wire.host import ProcessInfo
from hugescope_wire.snapshot import MappingFacts


@dataclass(frozen=True, slots=True)
class Stretch:
    """`size_bytes` from `true` on in the process, shown as if they began at `shown`."""

    true: int
    shown: int
    size_bytes: int
    place: Place


class Space:
    """The mappings of one process."""

    def __init__(self, process: ProcessInfo, places: Places) -> None:
        self.process: Final = process
        stretches = [_stretch(process.pid, info, places) for info in process.mappings]
        self.ids: Final = frozenset(info.id for info in process.mappings)
        self._by_true = sorted(stretches, key=lambda one: one.true)
        self._by_shown = sorted(stretches, key=lambda one: one.shown)
        self._true = [one.true for one in self._by_true]
        self._shown = [one.shown for one in self._by_shown]

    def shown(self, address: int) -> int | None:
        """What stands in for this address; None: it is in no mapping."""
        at = bisect_right(self._true, address) - 1
        if at < 0 or address - self._true[at] >= self._by_true[at].size_bytes:
            return None
        return self._by_true[at].shown + address - self._true[at]

    def true(self, shown: int) -> int | None:
        """The address that this stands in for; None: for none."""
        at = bisect_right(self._shown, shown) - 1
        if at < 0 or shown - self._shown[at] >= self._by_shown[at].size_bytes:
            return None
        return self._by_shown[at].true + shown - self._shown[at]


class Spaces(Mapping[int, Space]):
    """All processes of a host, by pid; of those that did not change since `before` the same."""

    def __init__(
        self, processes: Iterable[ProcessInfo], places: Places, before: Mapping[int, Space]
    ) -> None:
        self._spaces: dict[int, Space] = {}
        for process in processes:
            known = before.get(process.pid)
            if known is None or known.process is not process:
                known = Space(process, places)
            self._spaces[process.pid] = known

    def __getitem__(self, pid: int) -> Space:
        return self._spaces[pid]

    def __iter__(self) -> Iterator[int]:
        return iter(self._spaces)

    def __len__(self) -> int:
        return len(self._spaces)

    def pid_of(self, mapping_id: int) -> int | None:
        """The process that has the mapping of this number."""
        return next((pid for pid, one in self._spaces.items() if mapping_id in one.ids), None)


def _stretch(pid: int, info: MappingFacts, places: Places) -> Stretch:
    place = places.place(pid, info.start, info.end, info.page_size)
    shown = place.base + info.start % info.page_size
    return Stretch(info.start, shown, info.end - info.start, place)
