"""Pages in at least one page table, each once, and which processes map each.

A page is known by its PFN. Where PFNs are hidden, a page of a file is known by file and offset, and
a private copy by nothing: each then counts as one page, so that a copy which forked processes share
counts once for each process. Such copies lie at the same place of the same file, for anonymous
memory has one too and a fork keeps it, and are exclusive to none; `guessed` tells how many there
can be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hugescope_agent.model.owned import FileKey, OwnedMapping
from hugescope_wire.account import MappedGroup
from hugescope_wire.cells import U8, UNKNOWN_NODE, CellFlag

MAX_GROUPS: Final = 256
"""Sets of processes told apart in a report: enough to read, and a bound for what travels."""

_HIDDEN: Final = 1 << 63
"""Above every PFN: ids of pages whose PFN is hidden."""

_COPY: Final = 1 << 62
_FILE_SHIFT: Final = 42
"""2**42 huge pages are more than any file holds, and leave room for 2**20 files."""

_NODE_BITS: Final = np.uint64(8)
_EXCLUSIVE: Final = np.uint8(CellFlag.EXCLUSIVE)

Ids = npt.NDArray[np.uint64]
_NO_IDS: Final = np.empty(0, np.uint64)


@dataclass(frozen=True, slots=True)
class MappedFrames:
    """Pages of one size that are in a page table.

    Attributes:
        page: u64, rising, each page once: its head PFN, from 2**63 on where that is hidden.
        node: of each, u8, `UNKNOWN_NODE` where it is not known.
        groups: the pages by the set of processes that map them, the largest first; beyond
            `MAX_GROUPS` the last group has no pids and holds the pages of all further ones.
        guessed: by how many `page` may be too long: private copies with a hidden PFN that may be of
            the same page as another one.
    """

    page: Ids
    node: U8
    groups: list[MappedGroup]
    guessed: int

    @classmethod
    def of(cls, mappings: Iterable[OwnedMapping], page_size: int) -> MappedFrames:
        """What mappings of one page size have present, joined."""
        owned = sorted(
            (one for one in mappings if one.vma.page_size == page_size), key=lambda one: one.key
        )
        pids = sorted({one.process.pid for one in owned})
        rank = {pid: number for number, pid in enumerate(pids)}
        columns, guessed = _page_ids(owned)
        lengths = [len(column) for column in columns]
        who = np.repeat([rank[one.process.pid] for one in owned], lengths).astype(np.uint64)
        nodes = [one.mapping.cells.node[one.mapping.present_index] for one in owned]
        ids = np.concatenate([_NO_IDS, *columns])
        rows = _sorted_rows(ids, who, np.concatenate([_NO_IDS, *nodes]), len(pids))
        first = _edges(rows.page)
        groups = _groups(rows.who, first, pids)
        return cls(rows.page[first], rows.node[first].astype(np.uint8), groups, guessed)

    @property
    def pages(self) -> int:
        """How many there are."""
        return len(self.page)

    def on_node(self, node: int) -> int | None:
        """How many lie on a node; None where the node of some page is not known."""
        if bool((self.node == UNKNOWN_NODE).any()):
            return None
        return int((self.node == node).sum())


class _Rows(NamedTuple):
    """A row for each page and process that maps it, rising; u64 columns of one length."""

    page: Ids
    who: Ids
    node: Ids


def _sorted_rows(ids: Ids, who: Ids, node: Ids, processes: int) -> _Rows:
    """Sort by page and process, each pair once: packed into one number, which sorts fastest."""
    bits = max(processes - 1, 0).bit_length()
    who_bits, below = np.uint64(bits), np.uint64((1 << bits) - 1)
    table = None
    if int(ids.max(initial=0)) >> (64 - int(_NODE_BITS) - bits):
        table = np.sort(ids)
        table = table[_edges(table)]
        ids = np.searchsorted(table, ids).astype(np.uint64)
    keys = (((ids << who_bits) | who) << _NODE_BITS) | node
    keys.sort()
    keys = keys[_edges(keys >> _NODE_BITS)]
    pairs = keys >> _NODE_BITS
    page = pairs >> who_bits
    found = page if table is None else table[page.astype(np.intp)]
    return _Rows(found, pairs & below, keys & np.uint64(UNKNOWN_NODE))


def _edges(rising: Ids) -> npt.NDArray[np.intp]:
    """Where each run of equal numbers begins."""
    edge = np.ones(len(rising), np.bool_)
    edge[1:] = rising[1:] != rising[:-1]
    return np.flatnonzero(edge)


def _page_ids(owned: Sequence[OwnedMapping]) -> tuple[list[Ids], int]:
    """An id for each present cell of each mapping, and how many may be of the same page as another
    one.
    """
    files: dict[FileKey, int] = {}
    columns, count = [], 0
    places, exclusive = [_NO_IDS], [np.empty(0, np.bool_)]
    for one in owned:
        present = one.mapping.present_index
        ids = one.mapping.head_pfn[present]
        hidden = np.flatnonzero(ids == 0)
        if len(hidden):
            cells = present[hidden]
            of_file = one.mapping.of_file[cells] | one.vma.shared
            number = files.setdefault(one.file, len(files))
            named = one.offsets(cells).astype(np.uint64) | np.uint64(number << _FILE_SHIFT)
            copies = np.cumsum(~of_file).astype(np.uint64) + np.uint64(_COPY | count)
            ids[hidden] = np.where(of_file, named, copies) | np.uint64(_HIDDEN)
            count += int((~of_file).sum())
            places.append(named[~of_file])
            exclusive.append(one.mapping.cells.flags[cells[~of_file]] & _EXCLUSIVE != 0)
        columns.append(ids)
    return columns, _surplus(np.concatenate(places), np.concatenate(exclusive))


def _surplus(places: Ids, exclusive: npt.NDArray[np.bool_]) -> int:
    """Private copies at one place of one file beyond the first, unless each is exclusive to its
    process. One that is not leaves all there in doubt: the others may have been read before a fork.
    """
    _, group, counts = np.unique(places, return_inverse=True, return_counts=True)
    doubted = np.bincount(group, weights=~exclusive, minlength=len(counts)) > 0
    return int((counts[doubted] - 1).sum())


def _groups(who: Ids, starts: npt.NDArray[np.intp], pids: Sequence[int]) -> list[MappedGroup]:
    """Pages by the set of their processes; those of a page begin in `who` at each of `starts`.

    Sets are told apart by the sum of 64 random bits a process: two sets of a thousand would meet by
    chance once in 10**13 looks.
    """
    if not len(who):
        return []
    salts = np.random.default_rng(0).integers(1, 1 << 63, len(pids), np.uint64)
    sums = np.add.reduceat(salts[who.astype(np.intp)], starts)
    _, first, counts = np.unique(sums, return_index=True, return_counts=True)
    ends = np.append(starts[1:], len(who))
    found = []
    for at, count in zip(first.tolist(), counts.tolist(), strict=True):
        members = who[starts[at] : ends[at]].astype(np.intp).tolist()
        found.append(MappedGroup(pids=[pids[member] for member in members], pages=count))
    found.sort(key=lambda group: (-group.pages, group.pids))
    if len(found) > MAX_GROUPS:
        rest = sum(group.pages for group in found[MAX_GROUPS - 1 :])
        found = [*found[: MAX_GROUPS - 1], MappedGroup(pids=[], pages=rest)]
    return found
