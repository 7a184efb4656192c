"""Which pages the guest demanded, and how long it went without them."""

from __future__ import annotations

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
"""Demanded 4 KiB pages that are told apart."""

BASE_SHIFT: Final = 12


@dataclass(frozen=True, slots=True)
class Waited:
    """A demanded page that came: `stalled_s` None: no fault was seen on it."""

    cell: int
    missing_s: float
    stalled_s: float | None
    arrived_s: float


@dataclass(slots=True)
class Demand:
    """The demanded pages of one run. Addresses are of the guest's RAM, cells of all its blocks.

    Attributes:
        faults: that were seen; None: they cannot be seen.
        waiting: when the first fault was seen, by page that has not come.
        waited: of those that came, at most `MAX_DEMANDED`, the longest missing first.
    """

    faults: int | None = None
    waiting: dict[int, float] = field(default_factory=dict)
    waited: list[Waited] = field(default_factory=list)
    _addresses: set[int] = field(default_factory=set)

    def fault(self, cell: int, address: int, at_s: float) -> None:
        """A fault on a page that is not there."""
        if cell in self.waiting:
            self.waiting[cell] = min(at_s, self.waiting[cell])
        elif len(self.waiting) < MAX_OPEN:
            self.waiting[cell] = at_s
        self._note(address)

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
        if len(self._addresses) < MAX_ADDRESSES:
            self._addresses.update((addresses[unseen] >> BASE_SHIFT).tolist())
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
        self._note(address)
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
        shift = page_size.bit_length() - 1 - BASE_SHIFT
        return len({address >> shift for address in self._addresses})

    def _note(self, address: int) -> None:
        if len(self._addresses) < MAX_ADDRESSES:
            self._addresses.add(address >> BASE_SHIFT)

    def _keep_longest(self) -> None:
        if len(self.waited) > 1:
            self.waited.sort(key=lambda one: -one.missing_s)
            del self.waited[MAX_DEMANDED:]
