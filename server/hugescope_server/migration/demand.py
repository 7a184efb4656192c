"""Which pages the guest demanded, and how long it went without them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_server.migration.arrivals import Kind, Late
from hugescope_server.migration.presence import Index
from hugescope_wire.migration import MAX_DEMANDED

MAX_OPEN: Final = 1 << 16
"""Pages that a fault waits for, at once: more than a machine has threads."""

MAX_ADDRESSES: Final = 1 << 20
"""Demanded 4 KiB pages that are told apart: 8 MiB."""

MAX_CHANGED: Final = 1 << 16
BASE_SHIFT: Final = 12


@dataclass(frozen=True, slots=True)
class Waited:
    """A demanded page that came: `stalled_s` None: no fault was seen on it."""

    cell: int
    missing_s: float
    stalled_s: float | None
    arrived_s: float


class Addresses:
    """A set of 4 KiB pages by number, as an array in order: counted by larger pages twice a second,
    and a twelfth of what a set of numbers takes. What changes waits for the next count.
    """

    def __init__(self) -> None:
        self._known: Index = np.empty(0, np.int64)
        self._changed: dict[int, bool] = {}

    def add(self, numbers: Iterable[int]) -> None:
        """At most `MAX_ADDRESSES` are kept."""
        if len(self._known) < MAX_ADDRESSES:
            self._changed.update(dict.fromkeys(numbers, True))
            self._settle_some()

    def discard(self, number: int) -> None:
        """This was none."""
        self._changed[number] = False
        self._settle_some()

    def __len__(self) -> int:
        return len(self._settled())

    def pages(self, shift: int) -> int:
        """How many pages of 4 KiB << `shift` they lie in."""
        numbers = self._settled() >> shift
        return int(np.count_nonzero(np.diff(numbers))) + 1 if len(numbers) else 0

    def _settle_some(self) -> None:
        if len(self._changed) > MAX_CHANGED:
            self._settled()

    def _settled(self) -> Index:
        if self._changed:
            numbers = np.fromiter(self._changed, np.int64, len(self._changed))
            here = np.fromiter(self._changed.values(), np.bool_, len(self._changed))
            others = self._known[~np.isin(self._known, numbers)]
            self._known = np.sort(np.concatenate((others, numbers[here])))[:MAX_ADDRESSES]
            self._changed = {}
        return self._known


@dataclass(slots=True)
class Demand:
    """The demanded pages of one run. Addresses are of the guest's RAM, cells of all its blocks.

    Attributes:
        faults: that were seen; None: nobody watches them so far.
        waiting: when the first fault was seen, by page that has not come.
        waited: of those that came, at most `MAX_DEMANDED`, the longest missing first.
    """

    faults: int | None = None
    waiting: dict[int, float] = field(default_factory=dict)
    waited: list[Waited] = field(default_factory=list)
    _addresses: Addresses = field(default_factory=Addresses)

    def fault(self, cell: int, address: int, at_s: float) -> None:
        """A fault on a page that is not there."""
        if cell in self.waiting:
            self.waiting[cell] = min(at_s, self.waiting[cell])
        elif len(self.waiting) < MAX_OPEN:
            self.waiting[cell] = at_s
        self._addresses.add((address >> BASE_SHIFT,))

    def came(
        self,
        at_s: float,
        cells: Index,
        addresses: Index,
        missing_s: npt.NDArray[np.float64],
        waited_for: npt.NDArray[np.bool_],
    ) -> None:
        """Demanded pages came, by what their first bytes' addresses are; `waited_for`: of which a
        fault was seen.
        """
        for cell in cells[waited_for].tolist():
            begun_s = self.waiting.pop(cell, at_s)
            missing = float(missing_s[np.searchsorted(cells, cell)])
            self.waited.append(Waited(cell, missing, max(0.0, at_s - begun_s), at_s))
        unseen = ~waited_for
        self._addresses.add((addresses[unseen] >> BASE_SHIFT).tolist())
        longest = np.argsort(-missing_s[unseen], kind="stable")[:MAX_DEMANDED]
        for at in np.flatnonzero(unseen)[longest].tolist():
            self.waited.append(Waited(int(cells[at]), float(missing_s[at]), None, at_s))
        self._keep_longest()

    def late_fault(self, cell: int, first: int, address: int, at_s: float, late: Late) -> None:
        """A fault of `at_s` turned out to have been behind a page that came just now; `first`: the
        address at which that page begins.
        """
        if late.kind is Kind.DEMAND:
            self.waited = [one for one in self.waited if one.cell != cell]
            self._addresses.discard(first >> BASE_SHIFT)
        self._addresses.add((address >> BASE_SHIFT,))
        stalled_s = max(0.0, late.arrived_s - at_s)
        self.waited.append(Waited(cell, late.missing_s, stalled_s, late.arrived_s))
        self._keep_longest()

    def gone_again(self, cells: Index) -> None:
        """These pages left: what they were demanded for is past."""
        if self.waited:
            left = set(cells.tolist())
            self.waited = [one for one in self.waited if one.cell not in left]

    def forget_waiting(self) -> None:
        """Nothing is waited for any more."""
        self.waiting.clear()

    @property
    def addresses(self) -> int:
        """4 KiB pages that were demanded."""
        return len(self._addresses)

    def pages(self, page_size: int) -> int:
        """Pages of this size that the demanded addresses lie in."""
        return self._addresses.pages(page_size.bit_length() - 1 - BASE_SHIFT)

    def forget_addresses(self) -> None:
        """Everything that is computed from them is."""
        self._addresses = Addresses()

    def _keep_longest(self) -> None:
        if len(self.waited) > 1:
            self.waited.sort(key=lambda one: -one.missing_s)
            del self.waited[MAX_DEMANDED:]
