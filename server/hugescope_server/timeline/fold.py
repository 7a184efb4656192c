"""One frame of a recorded host as it is played, and several of them as one.

No I/O. At high speed more frames are due than anyone can see, so those of one moment are folded:
whoever follows the host gets one picture and one change, which says no less than all of them did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import numpy.typing as npt

from hugescope_server.bus import Unseen
from hugescope_wire.host import MappingInfo
from hugescope_wire.picture import Change, HostPicture
from hugescope_wire.vm import MAX_FAULTS, Faults

Index = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Step:
    """A host from one picture to the next.

    Attributes:
        at_s: when the (last) frame came, seconds since 1970.
        run: rises where the agent began anew, and mappings have other numbers from there on.
        before: the mappings before it.
        picture: the host after it; nobody writes in it any more.
        change: what is different.
        faults: of all frames of the step.
        unseen: what is not known of the time before it.
    """

    at_s: float
    run: int
    before: Mapping[int, MappingInfo]
    picture: HostPicture
    change: Change
    faults: Faults | None = None
    unseen: Unseen | None = None


class Folding:
    """Steps of one host that become one, or a few."""

    def __init__(self) -> None:
        self._done: list[Step] = []
        self._first: Step | None = None
        self._last: Step | None = None
        self._cells: dict[int, list[Index] | None] = {}
        self._faults: Faults | None = None
        self._about = self._full = False

    def add(self, step: Step) -> None:
        """Let `step` follow those that were added before. One after a time of which nothing is
        known stays alone, for that time is told by when it came.
        """
        last = self._last
        if last is not None and (last.run != step.run or last.unseen or step.unseen):
            self._close()
        if self._first is None:
            self._first = step
            self._cells, self._faults, self._about, self._full = {}, None, False, False
        self._last = step
        add_cells(self._cells, step.change)
        self._about |= step.change.about
        self._full |= step.change.full
        self._faults = _faults(self._faults, step.faults)

    def steps(self) -> list[Step]:
        """What they are together."""
        self._close()
        return self._done

    def _close(self) -> None:
        first, last = self._first, self._last
        self._first = self._last = None
        if first is None or last is None:
            return
        if first is last:
            self._done.append(last)
            return
        after = last.picture.mappings
        change = Change(
            cells_of(self._cells, after),
            frozenset(first.before) - frozenset(after),
            self._about,
            self._full,
        )
        self._done.append(
            replace(
                last,
                before=first.before,
                change=change,
                faults=self._faults,
            )
        )


def folded(steps: Iterable[Step]) -> list[Step]:
    """Neighbouring steps of one host as one for each run, and each after a gap by itself."""
    folding = Folding()
    for step in steps:
        folding.add(step)
    return folding.steps()


def add_cells(cells: dict[int, list[Index] | None], change: Change) -> None:
    """Add the cells of the next change. A mapping that went and comes again is new in full."""
    for number in change.gone:
        cells.pop(number, None)
    for number, index in change.cells.items():
        known = cells.setdefault(number, [])
        if index is None or known is None:
            cells[number] = None
        else:
            known.append(index)


def cells_of(
    cells: Mapping[int, list[Index] | None], after: Mapping[int, MappingInfo]
) -> dict[int, Index | None]:
    """The changed cells of the mappings that are there in the end, each once and in order."""
    return {
        number: None if parts is None else np.unique(np.concatenate(parts))
        for number, parts in cells.items()
        if number in after
    }


def _faults(one: Faults | None, two: Faults | None) -> Faults | None:
    """The overlay of both; of more faults than a sample may have, the latest."""
    if one is None or two is None:
        return one or two
    all_of = list(chain(one.faults, two.faults))
    kept = all_of[-MAX_FAULTS:]
    lost = one.lost + two.lost + len(all_of) - len(kept)
    return Faults(watched=sorted({*one.watched, *two.watched}), faults=kept, lost=lost)
