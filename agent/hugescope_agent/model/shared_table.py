"""Which mappings reach their pages through one shared PMD table.

The kernel (mm/hugetlb.c, huge_pmd_share) lets shared mappings of one file use one page table of 2
MiB pages, where each of them spans a whole 1 GiB of virtual addresses at a 1 GiB border with the
same part of the file behind it. Such a table counts once in a page's mapcount, however many use it.
/proc names no table, so the numbers have to tell: a page that m mappings show and the kernel counts
c times is reached by m - c of them through another one's table. Where m - c is as large as it can
be, all that could share do, which is certain. Where it is smaller and not 0, tables are told apart
by what they map, which is equal in all mappings that share one: if that gives every page's numbers,
it is certain too. Then by VmFlags, which were equal when the table was shared and may differ since:
what follows from those alone, or from nothing, is inferred.

A hole punched into the file, an mprotect or a userfaultfd take the table from those who use it;
their next touch may share one again.

pagemap's exclusive bit adds nothing: it can differ only at mapcount 1, where the numbers decide.
Linux 6.1 sets it in both mappings of such a page, so it is taken from what a shared table maps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from hugescope_agent.model.mapping import Index, TrackedMapping
from hugescope_wire.cells import U8, U16, UNKNOWN_COUNT, CellFlag, CellState

_PMD_PAGE: Final = 2 << 20
_TABLE_BYTES: Final = 1 << 30
_TABLE_CELLS: Final = _TABLE_BYTES // _PMD_PAGE
_UNSHAREABLE: Final = frozenset({"uw", "ui"})
"""VmFlags of userfaultfd write-protect and minor faults, which need a table of their own."""

_FREE_TO_DIFFER: Final = frozenset({"lo", "sd"})
"""VmFlags that say nothing: locked is left out by the kernel, soft-dirty comes and goes."""

_SHARED: Final = np.uint8(CellFlag.SHARED_TABLE)
_BOTH: Final = np.uint8(CellFlag.SHARED_TABLE | CellFlag.INFERRED)
_EXCLUSIVE: Final = np.uint8(CellFlag.EXCLUSIVE)

Pfns = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]
FileRegion = tuple[tuple[int, int], int, int]
"""(device, inode, offset in bytes) of what one table could map."""


class PageCounts(Protocol):
    """What is known of pages; `Mappers` is that."""

    def of(self, pfns: Pfns) -> tuple[U16, U16]:
        """Mappers and mapcount of head PFNs."""

    def recount(self, pfns: Pfns) -> None:
        """Read their mapcount again."""


class Verdict(IntEnum):
    """Whether a mapping uses another's table in one region."""

    NO = 0
    INFERRED = 1
    YES = 2


class Member(NamedTuple):
    """A mapping that could share the table of a region, and its first cell there."""

    mapping: TrackedMapping
    first: int

    @property
    def cells(self) -> slice:
        """The cells that the table maps."""
        return slice(self.first, self.first + _TABLE_CELLS)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One region's pages: columns of what its one table, or each of several, maps.

    Attributes:
        heads: head PFNs, u64[members, cells].
        shows: members that show the page of a column, bool[members, cells].
        pages: head PFN of each column, 0 for a hole, u64[cells].
        known: columns with both counts, bool[cells].
        extra: mappers - mapcount, i64[cells].
        most: the largest that `extra` can be, with this file's other regions, i64[cells].
        alone: no other region of this file has any of these pages.
    """

    heads: Pfns
    shows: Mask
    pages: Pfns
    known: Mask
    extra: npt.NDArray[np.int64]
    most: npt.NDArray[np.int64]
    alone: bool


class SharedTables:
    """Keeps `SHARED_TABLE` (with `INFERRED` where it is) of all mappings up to date."""

    def __init__(self, counts: PageCounts) -> None:
        self._counts = counts
        self._ids: tuple[int, ...] = ()
        self._regions: dict[FileRegion, list[Member]] = {}
        self._flagged: dict[tuple[int, int], Member] = {}

    def settle(
        self, mappings: Iterable[TrackedMapping], changed: Mapping[int, Index]
    ) -> dict[int, Index]:
        """Judge the regions of the mappings `changed`; indices of cells whose flags changed, by
        mapping id. Costs nothing to speak of where no two mappings could share.
        """
        everything = list(mappings)
        ids = tuple([mapping.id for mapping in everything])
        anew = ids != self._ids
        out: dict[int, list[Index]] = defaultdict(list)
        if not self._ids:
            _forget_all(everything, out)
        if anew:
            self._ids = ids
            self._regions = candidates(everything)
        if not self._regions and not self._flagged:
            return {number: parts[0] for number, parts in out.items()}
        if anew:
            self._clear_left(set(ids), out)
        files: dict[tuple[tuple[int, int], int], list[FileRegion]] = defaultdict(list)
        for region in self._regions:
            files[region[:2]].append(region)
        for regions in files.values():
            members = [member for region in regions for member in self._regions[region]]
            if anew or any(member.mapping.id in changed for member in members):
                self._judge_file(regions, out)
        return {number: np.unique(np.concatenate(parts)) for number, parts in out.items()}

    def _clear_left(self, ids: set[int], out: dict[int, list[Index]]) -> None:
        """Unflag what has nobody left to share with."""
        standing = {
            (member.mapping.id, member.first)
            for members in self._regions.values()
            for member in members
        }
        for key in [key for key in self._flagged if key not in standing]:
            member = self._flagged[key]
            if key[0] in ids:
                self._mark(member, Verdict.NO, out)
            self._flagged.pop(key, None)

    def _judge_file(self, regions: list[FileRegion], out: dict[int, list[Index]]) -> None:
        for region, evidence in zip(regions, self._gather(regions), strict=True):
            members = self._regions[region]
            flags = [_lasting_flags(member.mapping) for member in members]
            verdicts = judge(evidence, flags)
            for member, verdict in zip(members, verdicts.tolist(), strict=True):
                self._mark(member, Verdict(verdict), out)
            # Counts that do not agree on it are of different moments, or somebody is not seen.
            several = evidence.known & (evidence.shows.sum(axis=0) > 1)
            if verdicts.any() and bool((evidence.extra < evidence.most)[several].any()):
                self._counts.recount(evidence.pages[several])

    def _gather(self, regions: list[FileRegion]) -> list[Evidence]:
        stacks = []
        for region in regions:
            rows = [member.mapping.head_pfn[member.cells] for member in self._regions[region]]
            heads = np.stack(rows)
            pages = heads.max(axis=0)
            stacks.append((heads, pages, (heads == pages) & (pages != 0)))
        room = [np.maximum(shows.sum(axis=0, dtype=np.int64) - 1, 0) for _, _, shows in stacks]
        alone = len({offset % _TABLE_BYTES for _, _, offset in regions}) == 1
        most = room if alone else _summed([pages for _, pages, _ in stacks], room)
        found = []
        for (heads, pages, shows), largest in zip(stacks, most, strict=True):
            mappers, mapcount = self._counts.of(pages)
            known = (mappers != UNKNOWN_COUNT) & (mapcount != UNKNOWN_COUNT)
            extra = mappers.astype(np.int64) - mapcount
            found.append(Evidence(heads, shows, pages, known, extra, largest, alone))
        return found

    def _mark(self, member: Member, verdict: Verdict, out: dict[int, list[Index]]) -> None:
        key = (member.mapping.id, member.first)
        if verdict is Verdict.NO and key not in self._flagged:
            return
        cells = member.mapping.cells
        flags: U8 = cells.flags[member.cells]
        state = cells.state[member.cells]
        present = (state >= CellState.MAPPED) & (state <= CellState.PARTIAL)
        new = np.where(flags & _SHARED, flags & ~_BOTH, flags)
        if verdict is not Verdict.NO:
            # Linux 6.1 calls a page exclusive by its mapcount, which a shared table leaves at 1.
            told = (new & ~_EXCLUSIVE) | (_SHARED if verdict is Verdict.YES else _BOTH)
            new = np.where(present, told, new)
            self._flagged[key] = member
        else:
            del self._flagged[key]
        differs = np.flatnonzero(new != flags)
        if len(differs):
            cells.flags[member.cells] = new
            out[member.mapping.id].append(differs + member.first)


def _forget_all(mappings: Iterable[TrackedMapping], out: dict[int, list[Index]]) -> None:
    """Unflag what an earlier look at another root flagged."""
    for mapping in mappings:
        flags = mapping.cells.flags
        index = np.flatnonzero(flags & _SHARED)
        if len(index):
            flags[index] &= ~_BOTH
            out[mapping.id].append(index)


def candidates(mappings: Iterable[TrackedMapping]) -> dict[FileRegion, list[Member]]:
    """Regions that two or more mappings could reach through one table."""
    found: dict[FileRegion, list[Member]] = defaultdict(list)
    for mapping in mappings:
        vma = mapping.vma
        if not vma.shared or vma.page_size != _PMD_PAGE or vma.kind != "hugetlb" or mapping.hgm:
            continue
        if mapping.smaps is not None and not _UNSHAREABLE.isdisjoint(mapping.smaps.vm_flags):
            continue
        first = -(-vma.start // _TABLE_BYTES) * _TABLE_BYTES
        for va in range(first, vma.end - _TABLE_BYTES + 1, _TABLE_BYTES):
            region = (vma.device, vma.inode, vma.offset + va - vma.start)
            found[region].append(Member(mapping, (va - vma.start) // _PMD_PAGE))
    return {region: members for region, members in found.items() if len(members) > 1}


def judge(evidence: Evidence, vm_flags: list[frozenset[str] | None]) -> npt.NDArray[np.int8]:
    """A `Verdict` for each member, i8[members]; `vm_flags` are each one's, None where unknown."""
    shows, extra = evidence.shows, evidence.extra
    verdicts = np.zeros(len(shows), np.int8)
    several = evidence.known & (shows.sum(axis=0) > 1)
    if not bool((extra[several] > 0).any()):
        return verdicts
    contents = [row.tobytes() for row in evidence.heads]
    equal = _classes(list(zip(contents, strict=True)))
    if evidence.alone and _explains(shows, extra, several, equal):
        verdicts[_in_company(equal, shows)] = Verdict.YES
        return verdicts
    all_share = several & (extra > 0) & (extra >= evidence.most)
    for users in _tables(shows[:, all_share]):
        verdicts[users] = Verdict.YES
        extra = extra - np.maximum(shows[users].sum(axis=0) - 1, 0)
    rest = shows & (verdicts == Verdict.NO)[:, np.newaxis]
    several = several & (rest.sum(axis=0) > 1)
    if not bool((extra[several] > 0).any()):
        return verdicts
    finer = _classes(list(zip(contents, vm_flags, strict=True)))
    if evidence.alone and _explains(rest, extra, several, equal):
        verdicts[_in_company(equal, rest)] = Verdict.YES
    elif evidence.alone and None not in vm_flags and _explains(rest, extra, several, finer):
        verdicts[_in_company(finer, rest)] = Verdict.INFERRED
    else:
        unsure = rest[:, several & (extra > 0)].any(axis=1)
        verdicts[unsure & _in_company(equal, rest)] = Verdict.INFERRED
    return verdicts


def _tables(columns: Mask) -> list[npt.NDArray[np.intp]]:
    """Members of each table, from columns of those that share one: columns with a member in common
    are of one table.
    """
    tables: list[set[int]] = []
    for column in np.unique(columns, axis=1).T:
        users = set(np.flatnonzero(column).tolist())
        for table in [table for table in tables if table & users]:
            users |= table
            tables.remove(table)
        tables.append(users)
    return [np.array(sorted(table), np.intp) for table in tables]


def _explains(
    shows: Mask, extra: npt.NDArray[np.int64], several: Mask, classes: npt.NDArray[np.intp]
) -> bool:
    """Whether every number of `several` comes out if all of one class share a table and no others
    do.
    """
    sizes = np.zeros((int(classes.max()) + 1, shows.shape[1]), np.int64)
    np.add.at(sizes, classes, shows)
    told = np.maximum(sizes - 1, 0).sum(axis=0)
    return bool((told == extra)[several].all())


def _in_company(classes: npt.NDArray[np.intp], shows: Mask) -> Mask:
    """Members that show anything and are not alone in their class with that."""
    showing = shows.any(axis=1)
    company: Mask = showing & (np.bincount(classes, weights=showing)[classes] > 1)
    return company


def _classes(keys: list[tuple[object, ...]]) -> npt.NDArray[np.intp]:
    """Equal keys numbered alike, from 0."""
    numbers: dict[tuple[object, ...], int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.intp)


def _summed(pages: list[Pfns], room: list[npt.NDArray[np.int64]]) -> list[npt.NDArray[np.int64]]:
    """For each page the sum over all regions that have it."""
    _, at = np.unique(np.concatenate(pages), return_inverse=True)
    total = np.zeros(int(at.max()) + 1, np.int64)
    np.add.at(total, at, np.concatenate(room))
    return np.split(total[at], np.cumsum([len(part) for part in room])[:-1])


def _lasting_flags(mapping: TrackedMapping) -> frozenset[str] | None:
    if mapping.smaps is None:
        return None
    return frozenset(mapping.smaps.vm_flags) - _FREE_TO_DIFFER
