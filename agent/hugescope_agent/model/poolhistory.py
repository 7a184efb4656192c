"""What became of the pages of the pools from look to look: demoted, or gone.

Pure: pools in, events out, the clock passed in. Only what one sees who looked before is told, so
nothing is known of the time before the first look.

Demotion takes a page from a pool and adds its parts to that of a smaller size. The kernel counts no
demotions; what is called one here is a fall of n pages with, at the same time, a rise of as many
bytes of smaller pages, and an administrator who shrinks one pool and grows the other looks
the same. Counted are persistent pages, total less surplus: surplus pages come and go by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from hugescope_wire.snapshot import Pool

_PATIENCE_LOOKS: Final = 5
"""Looks with moving totals after which is told what is known."""

Key = tuple[int | None, int]
"""Node (None: the host as a whole), page size in bytes."""


@dataclass(frozen=True, slots=True)
class PoolEvent:
    """A pool lost pages.

    Attributes:
        page_size: bytes, of the pages that were lost.
        kind: "demoted": their bytes came back in pages of `into_size`; "shrunk": nothing came of
            them, they were given back by an administrator, or dissolved after a memory error.
        pages: lost, in pages of `page_size`.
        first_total, last_total: persistent pages before and after.
        seen_s: when the loss was complete, by the caller's clock.
        node: None for the host as a whole.
        into_size: of a demotion; else None.
    """

    page_size: int
    kind: Literal["demoted", "shrunk"]
    pages: int
    first_total: int
    last_total: int
    seen_s: float
    node: int | None = None
    into_size: int | None = None


class PoolHistory:
    """Remembers the totals of a live host."""

    def __init__(self) -> None:
        self._first: dict[Key, int] = {}
        self._base: dict[Key, int] = {}
        self._last: dict[Key, int] = {}
        self._looks = 0
        self._lost: dict[tuple[int, int | None], PoolEvent] = {}

    def see(self, pools: Iterable[Pool], now_s: float) -> list[PoolEvent]:
        """What became complete with this look, by node where the kernel has pools by node.

        A look may come in the middle of a demotion: what does not add up yet is told when the
        totals stand still, or have moved for some looks.
        """
        totals = _persistent(pools)
        # A pool that appears or goes, as a node's do with the node, is no event.
        base = {key: self._base.get(key, total) for key, total in totals.items()}
        self._first = {key: self._first.get(key, total) for key, total in totals.items()}
        found = _events(base, totals, now_s)
        whole = all(event.kind == "demoted" for event in found)
        self._looks = 0 if whole else self._looks + 1
        if whole or totals == self._last or self._looks >= _PATIENCE_LOOKS:
            self._base, self._looks = totals, 0
        else:
            self._base, found = base, []
        self._last = totals
        for event in found:
            key = (event.page_size, event.into_size)
            before = self._lost[key].pages if key in self._lost else 0
            self._lost[key] = replace(event, pages=before + event.pages, node=None)
        return found

    @property
    def lost(self) -> list[PoolEvent]:
        """What the host lacks now of what it had at the first look, one record for each size and
        kind; what it got back since does not count, shrinking being made good first.
        """
        found = []
        missing: dict[int, int] = {}
        # Demotions stand before shrinking: they have a size that the pages went to.
        for (size, into), event in sorted(self._lost.items(), key=lambda item: -(item[0][1] or 0)):
            first, last = _sum(self._first, size), _sum(self._last, size)
            pages = min(event.pages, missing.setdefault(size, max(0, first - last)))
            missing[size] -= pages
            if pages:
                found.append(
                    replace(event, pages=pages, first_total=first, last_total=last, into_size=into)
                )
        return sorted(found, key=lambda event: (event.page_size, event.kind))


def _sum(totals: dict[Key, int], page_size: int) -> int:
    return sum(total for (_, size), total in totals.items() if size == page_size)


def _persistent(pools: Iterable[Pool]) -> dict[Key, int]:
    """Of nodes where they are known, else of the host; sizes without a number are left out."""
    totals = {
        (pool.node, pool.page_size): pool.total - (pool.surplus or 0)
        for pool in pools
        if pool.total is not None
    }
    by_node = {size for node, size in totals if node is not None}
    return {
        (node, size): total
        for (node, size), total in totals.items()
        if node is not None or size not in by_node
    }


def _events(base: dict[Key, int], totals: dict[Key, int], now_s: float) -> list[PoolEvent]:
    """The losses since `base`."""
    change = {key: total - base[key] for key, total in totals.items()}
    found: list[PoolEvent] = []
    # The largest first: it can have become any of the others.
    for node, size in sorted(totals, key=lambda key: -key[1]):
        fallen = max(0, -change[node, size])
        between = (base[node, size], totals[node, size], now_s, node)
        for smaller in sorted((s for n, s in totals if n == node and s < size), reverse=True):
            ratio = size // smaller
            pages = min(fallen, max(0, change[node, smaller]) // ratio)
            if pages:
                found.append(PoolEvent(size, "demoted", pages, *between, smaller))
                change[node, smaller] -= pages * ratio
                fallen -= pages
        if fallen:
            found.append(PoolEvent(size, "shrunk", fallen, *between))
    return found
