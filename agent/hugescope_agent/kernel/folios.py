"""The size of the folio behind each PFN, from /proc/kpageflags.

COMPOUND_HEAD 15 marks the first page of a folio of more than one, COMPOUND_TAIL 16 all others: a
head and the tails behind it are one folio, aligned to its own size. THP 22 says no more: it marks
small large folios too, and stays on a folio whose PMD was split. ZERO_PAGE 24 marks the shared page
of zeros, and the huge one, which are nobody's memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.kpage import KpageFiles
from hugescope_wire.cells import PAGE_BYTES, U8
from hugescope_wire.levels import PMD_BYTES

PMD_PAGES: Final = PMD_BYTES // PAGE_BYTES
PMD_ORDER: Final = PMD_PAGES.bit_length() - 1
"""Larger folios count as of this order: no entry below a PUD maps more of them at once."""

_HEAD: Final = np.uint64(1 << 15)
_TAIL: Final = np.uint64(1 << 16)
_COMPOUND: Final = _HEAD | _TAIL
ZERO_PAGE: Final = np.uint64(1 << 24)
"""KPF_ZERO_PAGE."""

Words = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Folios:
    """Of each PFN asked for: the order of its folio (0: a base page), the folio's first PFN, and
    whether it is a page of zeros. Arrays of one length.
    """

    order: U8
    head_pfn: Words
    zero: Mask


def read_folios(kpage: KpageFiles, pfns: Words) -> Folios:
    """Look up every PFN; neighbours are read together.

    Raises:
        BadCapture: a PFN lies past the end of the file.
    """
    unique, inverse = np.unique(pfns, return_inverse=True)
    flags, order, head = _by_runs(kpage, unique)
    unsure = np.flatnonzero((flags & _COMPOUND != 0) & (order == 0))
    if len(unsure):
        order[unsure], head[unsure] = _by_blocks(kpage, unique[unsure])
    at = inverse.reshape(-1)
    return Folios(order[at], head[at], (flags & ZERO_PAGE != 0)[at])


def _by_runs(kpage: KpageFiles, pfns: Words) -> tuple[Words, U8, Words]:
    """Flags, order and head of rising PFNs, as far as their own flags and the next one tell.

    A page of a folio that begins before or goes on behind its run of PFNs has order 0.
    """
    breaks = np.flatnonzero(np.diff(pfns) != 1) + 1
    firsts = np.concatenate([[0], breaks]) if len(pfns) else breaks
    lengths = np.diff(np.append(firsts, len(pfns)))
    parts = []
    for pfn, length in zip(pfns[firsts].tolist(), lengths.tolist(), strict=True):
        words = kpage.flags_in(pfn, length + 1)
        if len(words) < length:
            kpage.flags(np.array([pfn + length - 1], np.int64))  # says what is wrong
        parts.append(np.append(words, np.uint64(0)) if len(words) == length else words)
    if not parts:
        return np.empty(0, np.uint64), np.empty(0, np.uint8), np.empty(0, np.uint64)
    words = np.concatenate(parts)
    numbers = np.arange(len(words)) - np.repeat(np.cumsum(lengths + 1) - lengths - 1, lengths + 1)
    asked = np.ones(len(words), np.bool_)
    asked[np.cumsum(lengths + 1) - 1] = False
    order, back = _segments(words, numbers == 0)
    # The word behind a run is a tail: the folio goes on where nobody looked.
    open_ended = ~asked & (words & _TAIL != 0)
    order[np.isin(np.arange(len(words)) - back, (np.arange(len(words)) - back)[open_ended])] = 0
    return words[asked], order[asked], pfns - back[asked].astype(np.uint64)


def _by_blocks(kpage: KpageFiles, pfns: Words) -> tuple[U8, Words]:
    """Order and head of PFNs by all the flags of the PMD-sized block that each lies in."""
    blocks, at = np.unique(pfns // PMD_PAGES, return_inverse=True)
    words = np.zeros((len(blocks), PMD_PAGES), np.uint64)
    for row, block in enumerate(blocks.tolist()):
        found = kpage.flags_in(block * PMD_PAGES, PMD_PAGES)
        words[row, : len(found)] = found
    begins = np.zeros(words.shape, np.bool_)
    begins[:, 0] = True
    flat_order, flat_back = _segments(words.ravel(), begins.ravel())
    order, back = flat_order.reshape(words.shape), flat_back.reshape(words.shape)
    # A block that begins with a tail is the middle of something larger than a PMD.
    larger = words[:, 0] & _TAIL != 0
    order[larger] = np.where(words[larger] & _COMPOUND != 0, PMD_ORDER, 0).astype(np.uint8)
    rows, columns = at.reshape(-1), (pfns % PMD_PAGES).astype(np.intp)
    return order[rows, columns], pfns - back[rows, columns].astype(np.uint64)


def _segments(words: Words, begins: Mask) -> tuple[U8, npt.NDArray[np.intp]]:
    """Order of each word's segment, a head and its tails, and how far back its first word is.

    `begins` marks words before which nothing was read. A segment without a head, or of a length
    that no folio has, is of order 0.
    """
    starts = np.flatnonzero((words & _TAIL == 0) | begins)
    lengths = np.diff(np.append(starts, len(words)))
    order = np.log2(lengths).astype(np.uint8)
    whole = (words[starts] & _HEAD != 0) & (lengths == 1 << order.astype(np.intp))
    order = np.minimum(np.where(whole, order, 0), PMD_ORDER).astype(np.uint8)
    back = np.arange(len(words)) - np.repeat(starts, lengths)
    return np.repeat(order, lengths), back
