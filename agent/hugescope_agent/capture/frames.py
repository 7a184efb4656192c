"""Every captured page under another number: what matters stays, where it lay does not.

Page frame numbers tell where memory lies in the machine, which the kernel shows to few. A capture
numbers its pages anew, in an order drawn by lot from the system's randomness and kept nowhere:
node by node, larger pages first, from a number on that no frame of this machine has. So pages stay
whole, in line with their size, the same in all files, and on their node; `zoneinfo` says where
nodes lie now. Nothing of the old order is left, not even which pages were neighbours.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.nodes import NodeMap
from hugescope_agent.kernel.pagemap import PFN_MASK, PRESENT_BIT
from hugescope_wire.cells import UNKNOWN_NODE

Numbers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_ROUND: Final = 1 << 18
"""PFNs of 1 GiB: from such a number on every page size is in line."""

_ABOVE: Final = np.uint64(~PFN_MASK & 0xFFFF_FFFF_FFFF_FFFF)
_PRESENT: Final = np.uint64(1 << PRESENT_BIT)
_PFN: Final = np.uint64(PFN_MASK)


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages by their first PFN, rising and apart; `count` 4 KiB pages each."""

    head: Numbers
    count: Numbers

    @classmethod
    def of(cls, found: Iterable[tuple[Numbers, int]]) -> Pages:
        """From the heads of each size, in any order, several times too.

        Of pages that lie within each other, as torn reading may show them, the larger stays.
        """
        sizes = sorted(found, key=lambda one: one[1])
        empty = np.empty(0, np.int64)
        heads = np.concatenate([empty, *(heads.astype(np.int64) for heads, _ in sizes)])
        counts = np.concatenate([empty, *(np.full(len(h), n, np.int64) for h, n in sizes)])
        order = np.lexsort((-counts, heads))
        heads, counts = heads[order], counts[order]
        ends = np.maximum.accumulate(np.concatenate([[0], heads + counts]))[:-1]
        apart = heads >= ends
        return cls(heads[apart], counts[apart])


@dataclass(frozen=True, slots=True)
class Numbering:
    """Old and new numbers of pages.

    Attributes:
        pages: as they lie.
        new_head: of each page, the number it gets.
        spans: where nodes lie by the new numbers: first, end, node; None: as before.
        end: behind the last page, by the new numbers; of whole GiB.
    """

    pages: Pages
    new_head: Numbers
    spans: list[tuple[int, int, int]] | None
    end: int

    def of(self, pfns: Numbers) -> Numbers:
        """New numbers of PFNs within the pages; 0, which is no page's, for any other."""
        if not len(self.pages.head):
            return np.zeros(len(pfns), np.int64)
        at = np.maximum(np.searchsorted(self.pages.head, pfns, side="right") - 1, 0)
        within = pfns - self.pages.head[at]
        known = (within >= 0) & (within < self.pages.count[at])
        return np.where(known, self.new_head[at] + within, 0)

    def entries(self, words: Words) -> Words:
        """pagemap entries by the new numbers: of one that is not present nothing is kept but its
        flags.
        """
        pfns = np.where(words & _PRESENT != 0, words & _PFN, np.uint64(0)).astype(np.int64)
        return (words & _ABOVE) | self.of(pfns).astype(np.uint64)


def as_they_are(pages: Pages) -> Numbering:
    """Raw: every page keeps its number."""
    end = int((pages.head + pages.count).max(initial=1))
    return Numbering(pages, pages.head, None, _rounded(end))


def by_lot(pages: Pages, nodes: NodeMap) -> Numbering:
    """New numbers, different with each call."""
    highest = max(int((pages.head + pages.count).max(initial=1)), int(nodes.ends.max(initial=0)))
    place = _rounded(highest + 1)
    node = nodes.of(pages.head)
    new_head = np.zeros(len(pages.head), np.int64)
    spans: list[tuple[int, int, int]] = []
    for number in sorted({*nodes.nodes.tolist(), *node.tolist()}):
        here = np.flatnonzero(node == number)
        here = here[np.lexsort((_lots(len(here)), -pages.count[here]))]
        counts = pages.count[here]
        new_head[here] = place + np.cumsum(counts) - counts
        end = _rounded(place + int(counts.sum()) + 1)
        if number != UNKNOWN_NODE:
            spans.append((place, end, number))
        place = end
    return Numbering(pages, new_head, spans, place)


def zoneinfo(spans: Iterable[tuple[int, int, int]]) -> str:
    """/proc/zoneinfo as far as it tells where nodes lie."""
    return "".join(
        f"Node {node}, zone   Normal\n"
        f"        spanned  {end - first}\n"
        f"  start_pfn:           {first}\n"
        for first, end, node in spans
    )


def _rounded(pfn: int) -> int:
    return -(-pfn // _ROUND) * _ROUND


def _lots(count: int) -> Words:
    """A random number each, which nobody can know."""
    return np.frombuffer(secrets.token_bytes(8 * count), np.uint64)
