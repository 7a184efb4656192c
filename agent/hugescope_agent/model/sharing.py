"""Who shares the pages of a mapping: mapcount, mappers and processes side by side, and why they
differ.

What can make them differ: a page table that mappings share counts once in mapcount; one process may
map a page more than once; somebody may map it who cannot be seen from here; mappings may show
different parts of a page (HGM), of which the kernel counts each 4 KiB by itself; or pages move
between the readings. CONFIG_NO_PAGE_MAPCOUNT averages over the 4 KiB of a page, and so is a reason
only where parts of a page are mapped: a hugetlb page that is mapped whole is counted exactly
(fs/proc/internal.h, folio_average_page_mapcount, Linux 6.15).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.model.join import Mappers
from hugescope_agent.model.mapping import Index, TrackedMapping, as_place
from hugescope_wire.cells import U16, UNKNOWN_COUNT, CellFlag, CellState
from hugescope_wire.report import SharingGroup, SharingReason

MOST_GROUPS: Final = 16
"""Of one mapping; the last one folds all that are smaller."""

_REASONS: Final[tuple[SharingReason, ...]] = (
    "shared_table",
    "alias",
    "unseen_mapping",
    "average_mapcount",
    "partly_mapped",
    "moving",
)

_SHARED_TABLE: Final = np.uint8(CellFlag.SHARED_TABLE)
_PARTIAL: Final = np.uint8(CellState.PARTIAL)
_NO_PFNS: Final = np.empty(0, np.uint64)

ProcessMappings = tuple[int, str | None, Sequence[TrackedMapping]]
"""Pid, comm, hugetlb mappings."""

File = tuple[tuple[int, int], int]
Keys = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Tally:
    """Numbers by key, u64 keys rising, i64 numbers; 0 for all others."""

    keys: Keys
    numbers: npt.NDArray[np.int64]

    @classmethod
    def of(cls, parts: Iterable[tuple[Keys, npt.NDArray[np.int64]]]) -> Tally:
        """The sum of all parts."""
        found = list(parts)
        if not found:
            return cls(_NO_PFNS, np.empty(0, np.int64))
        keys, at = np.unique(np.concatenate([part for part, _ in found]), return_inverse=True)
        numbers = np.zeros(len(keys), np.int64)
        np.add.at(numbers, at, np.concatenate([part for _, part in found]))
        return cls(keys, numbers)

    def at(self, keys: Keys) -> npt.NDArray[np.int64]:
        """The number of each key."""
        if not len(self.keys):
            return np.zeros(len(keys), np.int64)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[place] == keys, self.numbers[place], 0)


class Sharing:
    """Everybody's pages at one moment; of arrays, so that 300 processes cost some milliseconds.

    `mappers` has settled for these very mappings. `torn` says that pages moved during the look;
    `average_mapcount` that the kernel was built with CONFIG_NO_PAGE_MAPCOUNT.
    """

    def __init__(
        self,
        processes: Iterable[ProcessMappings],
        mappers: Mappers,
        *,
        torn: bool = False,
        average_mapcount: bool = False,
    ) -> None:
        self._mappers = mappers
        self._torn = torn
        self._average = average_mapcount
        by_pfn: list[tuple[Keys, npt.NDArray[np.int64]]] = []
        by_file: dict[File, list[tuple[Keys, npt.NDArray[np.int64]]]] = defaultdict(list)
        partial, in_tables = [_NO_PFNS], [_NO_PFNS]
        for _, _, mappings in processes:
            if len(mappings) > 1:
                _note_aliases(mappings, by_pfn, by_file)
            for mapping in mappings:
                in_table = (mapping.cells.flags & _SHARED_TABLE) != 0
                if in_table.any():
                    in_tables.append(mapping.head_pfn[in_table])
                if mapping.hgm:
                    partial.append(mapping.head_pfn[mapping.cells.state == _PARTIAL])
        self._aliases = Tally.of(by_pfn)
        self._file_aliases = {file: Tally.of(parts) for file, parts in by_file.items()}
        self._partial = np.unique(np.concatenate(partial))
        self._in_tables = np.unique(np.concatenate(in_tables))

    def processes(self, mapping: TrackedMapping) -> U16:
        """Distinct processes that map the page of each present cell, u16[present cells];
        `UNKNOWN_COUNT` where mappers are unknown.
        """
        present = mapping.present_index
        return self._processes(mapping, present, mapping.cells.mappers[present])

    def _processes(self, mapping: TrackedMapping, present: Index, mappers: U16) -> U16:
        """Of cells with these mappers; the very same array where no process has one twice."""
        if not len(self._aliases.keys) and not self._file_aliases:
            return mappers
        extra = self._aliases.at(mapping.head_pfn[present])
        hidden = self._file_aliases.get(_file_of(mapping))
        if hidden is not None:
            extra = np.where(
                mapping.head_pfn[present] == 0, hidden.at(_file_pages(mapping, present)), extra
            )
        if not extra.any():
            return mappers
        count = np.maximum(mappers.astype(np.int64) - extra, 1)
        return np.where(mappers == UNKNOWN_COUNT, mappers, count).astype(np.uint16)

    def groups(self, mapping: TrackedMapping) -> list[SharingGroup]:
        """Present cells by what is known of their sharing, the largest groups first.

        At most `MOST_GROUPS`: the last one then folds all smaller ones, with null counts and every
        reason among them.
        """
        return self._groups(mapping, mapping.present_index)

    def of_cell(self, mapping: TrackedMapping, cell: int) -> SharingGroup | None:
        """The facts of one cell; None where nothing is mapped."""
        found = self._groups(mapping, mapping.present_index[mapping.present_index == cell])
        return found[0] if found else None

    def _groups(self, mapping: TrackedMapping, present: Index) -> list[SharingGroup]:
        if not len(present):
            return []
        place = as_place(present)
        mapcount, mappers = mapping.cells.mapcount[place], mapping.cells.mappers[place]
        processes = self._processes(mapping, present, mappers)
        facts = (mapcount, mappers, processes)
        differing: tuple[U16, ...] = (mapcount,)
        if processes is mappers and not len(self._in_tables) and (mapcount == mappers).all():
            # As with most mappings: nothing to explain.
            bits: U16 = np.zeros(len(present), np.uint16)
        else:
            bits = self._reasons(mapping.head_pfn[place], *facts)
            differing = (*facts, bits)
        if all((fact == fact[0]).all() for fact in differing):
            counts_of_all = [_known(int(fact[0])) for fact in facts]
            return [self._group(int(present[0]), len(present), counts_of_all, int(bits[0]))]
        keys = np.stack((*facts, bits), axis=1).view(np.uint64).ravel()
        first, counts = _first_and_count(keys)
        order = np.lexsort((first, -counts))
        whole = len(order) if len(order) <= MOST_GROUPS else MOST_GROUPS - 1
        groups: list[SharingGroup] = []
        for at, number in zip(first[order].tolist(), counts[order].tolist(), strict=True):
            if len(groups) == whole:
                break
            known = [_known(int(fact[at])) for fact in facts]
            groups.append(self._group(int(present[at]), number, known, int(bits[at])))
        rest = order[whole:]
        if len(rest):
            every = int(np.bitwise_or.reduce(bits[first[rest]]))
            begin = int(present[first[rest].min()])
            groups.append(self._group(begin, int(counts[rest].sum()), [None] * 3, every))
        return groups

    def _reasons(self, pfns: Keys, mapcount: U16, mappers: U16, processes: U16) -> U16:
        """A bit for each of `_REASONS`."""
        in_table = _among(pfns, self._in_tables)
        told = mappers != UNKNOWN_COUNT
        alias = told & (processes < mappers)
        told &= mapcount != UNKNOWN_COUNT
        # A shared table leaves mapcount below mappers; what it does not explain, others do.
        unseen = told & (mapcount > mappers - in_table)
        odd = unseen | (told & (mapcount < mappers) & ~in_table)
        bits: U16 = in_table * _bit("shared_table") | alias * _bit("alias")
        if odd.any():
            moving = odd & (self._mappers.moving(pfns) | self._torn)
            partly = odd & ~moving & _among(pfns, self._partial)
            bits |= moving * _bit("moving")
            bits |= partly * _bit("average_mapcount" if self._average else "partly_mapped")
            bits |= (unseen & ~moving & ~partly) * _bit("unseen_mapping")
        return bits

    @staticmethod
    def _group(first: int, cells: int, counts: list[int | None], bits: int) -> SharingGroup:
        mapcount, mappers, processes = counts
        return SharingGroup(
            cells=cells,
            first=first,
            mapcount=mapcount,
            mappers=mappers,
            processes=processes,
            reasons=[reason for at, reason in enumerate(_REASONS) if bits >> at & 1],
        )


def _first_and_count(
    keys: Keys,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    """Of each different key where it is first and how often it is there; neighbours are mostly
    equal, so there are few to be sorted.
    """
    begins = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    lengths = np.diff(begins, append=len(keys))
    _, first, at = np.unique(keys[begins], return_index=True, return_inverse=True)
    counts = np.zeros(len(first), np.int64)
    np.add.at(counts, at, lengths)
    return begins[first], counts


def _bit(reason: SharingReason) -> np.uint16:
    return np.uint16(1 << _REASONS.index(reason))


def _note_aliases(
    mappings: Sequence[TrackedMapping],
    by_pfn: list[tuple[Keys, npt.NDArray[np.int64]]],
    by_file: dict[File, list[tuple[Keys, npt.NDArray[np.int64]]]],
) -> None:
    """Add how many mappings too many one process has of each page that it maps repeatedly."""
    files: dict[File, list[TrackedMapping]] = defaultdict(list)
    for mapping in mappings:
        files[_file_of(mapping)].append(mapping)
    for file, group in files.items():
        if len(group) < 2:
            continue
        pfns, hidden = [_NO_PFNS], [_NO_PFNS]
        for mapping in group:
            heads = mapping.head_pfn[mapping.present_index]
            pfns.append(heads[heads != 0])
            unknown = mapping.present_index[heads == 0]
            shown = mapping.of_file[unknown] | mapping.vma.shared
            hidden.append(_file_pages(mapping, unknown[shown]))
        by_pfn.append(_repeated(np.concatenate(pfns)))
        by_file[file].append(_repeated(np.concatenate(hidden)))


def _among(pfns: Keys, some: Keys) -> Mask:
    """Which of `pfns` are in `some`, which rise."""
    if not len(some):
        return np.zeros(len(pfns), np.bool_)
    at = np.minimum(np.searchsorted(some, pfns), len(some) - 1)
    mask: Mask = some[at] == pfns
    return mask


def _repeated(keys: Keys) -> tuple[Keys, npt.NDArray[np.int64]]:
    found, counts = np.unique(keys, return_counts=True)
    return found[counts > 1], counts[counts > 1] - 1


def _file_of(mapping: TrackedMapping) -> File:
    return mapping.vma.device, mapping.vma.inode


def _file_pages(mapping: TrackedMapping, index: Index) -> Keys:
    return (index + mapping.vma.offset // mapping.vma.page_size).astype(np.uint64)


def _known(count: int) -> int | None:
    return None if count == UNKNOWN_COUNT else count
