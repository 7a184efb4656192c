"""Huge pages that mappings lost: which, as far as page tables still tell.

A poisoned page leaves a marker in the page table. PAGEMAP_SCAN shows its cell; pagemap shows a
hole, and only smaps still counts the page, without its place. The place follows, as an inference,
where it can be nowhere else:

- A page of a file was taken from every mapping at once, so it lies where all mappings of the file
  show nothing, and in a hole of each mapping that lost one.
- A mapping with as many such holes as lost pages lost each of them.
- Places known from one mapping are those of the others, if they explain all that these lost; so
  is what the holes of all of them have in common.

Where that does not decide it the page has no place, only mappings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hugescope_agent.model.owned import FileKey, MappingKey, OwnedMapping
from hugescope_wire.cells import CellFlag, CellState


@dataclass(frozen=True, slots=True)
class LostPlace:
    """Where a lost page was mapped; `cell` None: somewhere in this mapping."""

    owner: OwnedMapping
    cell: int | None

    @property
    def in_hole(self) -> bool:
        """Whether the page table shows nothing there, so that cells counted by state miss it."""
        if self.cell is None:
            return True
        return int(self.owner.mapping.cells.state[self.cell]) == CellState.HOLE


@dataclass(frozen=True, slots=True)
class LostPage:
    """One huge page that its mappings lost.

    Attributes:
        offset: place in the file in huge pages; None: not known.
        private: a private copy of it was lost, not the file's page.
        last_pfn: head PFN when it was seen last; 0: not seen.
        evidence: what told of it.
        inferred: by the rules above, or because nothing else stays in a page table so long.
    """

    page_size: int
    file: FileKey
    offset: int | None
    private: bool
    last_pfn: int
    places: tuple[LostPlace, ...]
    evidence: Literal["pagemap_scan", "smaps"]
    inferred: bool


_Group = tuple[FileKey, bool]
"""A file, and whether its private copies are meant."""


def lost_pages(
    owned: Sequence[OwnedMapping], smaps_lost: Mapping[MappingKey, int]
) -> list[LostPage]:
    """Every page that is known to be lost, once, by file and offset.

    `smaps_lost`: huge pages that smaps counts beyond those that pagemap shows present, by mapping;
    those that are poisoned or migrating by PAGEMAP_SCAN are among them.
    """
    groups: dict[_Group, list[OwnedMapping]] = defaultdict(list)
    shown: dict[FileKey, list[OwnedMapping]] = defaultdict(list)
    for one in owned:
        shown[one.file].append(one)
        if _hidden(one, smaps_lost) or len(one.suspect_cells()):
            groups[(one.file, not one.vma.shared)].append(one)
    found = []
    for (file, private), members in groups.items():
        found += _scanned(file, members, private=private)
        losers = [(one, count) for one in members if (count := _hidden(one, smaps_lost))]
        if losers:
            found += _by_smaps(file, losers, shown[file], private=private)
    return _one_a_file_page(found)


def _hidden(one: OwnedMapping, smaps_lost: Mapping[MappingKey, int]) -> int:
    """Lost pages of a mapping that no cell shows."""
    counted = smaps_lost.get(one.key, 0)
    return max(0, counted - len(one.suspect_cells())) if counted else 0


def _scanned(file: FileKey, members: Iterable[OwnedMapping], *, private: bool) -> list[LostPage]:
    """Pages whose cells PAGEMAP_SCAN shows."""
    places: dict[int, list[LostPlace]] = defaultdict(list)
    for one in members:
        cells = np.flatnonzero(one.mapping.cells.state == CellState.POISONED)
        for cell, offset in zip(cells.tolist(), one.offsets(cells).tolist(), strict=True):
            places[offset].append(LostPlace(one, cell))
    return [
        LostPage(
            found[0].owner.vma.page_size,
            file,
            offset,
            private,
            max(_last_pfn(place) for place in found),
            tuple(found),
            "pagemap_scan",
            all(map(_by_time, found)),
        )
        for offset, found in sorted(places.items())
    ]


def _last_pfn(place: LostPlace) -> int:
    return 0 if place.cell is None else place.owner.mapping.lost_pfn.get(place.cell, 0)


def _by_time(place: LostPlace) -> bool:
    """The cell is taken for poisoned because it does not change, not because a flag says so."""
    return bool(place.owner.mapping.cells.flags[place.cell or 0] & CellFlag.INFERRED)


def _by_smaps(
    file: FileKey,
    losers: Sequence[tuple[OwnedMapping, int]],
    family: Sequence[OwnedMapping],
    *,
    private: bool,
) -> list[LostPage]:
    """Pages that only smaps counts, placed where the rules place them; as few as can be."""
    holes = {one.key: _holes(one, family) for one, _ in losers}
    settled = _settle(losers, holes)
    size = losers[0][0].vma.page_size
    placed: dict[int, list[LostPlace]] = defaultdict(list)
    adrift: list[list[LostPlace]] = []
    for one, count in losers:
        here = sorted(settled & holes[one.key])[:count]
        exact = len(settled & holes[one.key]) == count
        for offset in here:
            placed[offset].append(LostPlace(one, offset - one.first_offset if exact else None))
        adrift += [[] for _ in range(count - len(here) - len(adrift))]
        for places in adrift[: count - len(here)]:
            places.append(LostPlace(one, None))
    found: list[tuple[int | None, list[LostPlace]]] = [*sorted(placed.items())]
    found += [(None, places) for places in adrift]
    return [
        LostPage(size, file, offset, private, 0, tuple(places), "smaps", inferred=True)
        for offset, places in found
    ]


def _holes(one: OwnedMapping, family: Iterable[OwnedMapping]) -> set[int]:
    """Places in the file where a page that this mapping lost can have been."""
    holes = one.offsets(np.flatnonzero(one.mapping.cells.state == CellState.HOLE))
    if one.vma.shared:
        for other in family:
            holes = holes[~np.isin(holes, other.shown_offsets())]
    return set(holes.tolist())


def _settle(
    losers: Sequence[tuple[OwnedMapping, int]], holes: Mapping[MappingKey, set[int]]
) -> set[int]:
    """Offsets that must be those of lost pages."""
    settled: set[int] = set()
    for one, count in losers:
        if len(holes[one.key]) == count:
            settled |= holes[one.key]
    common = set.intersection(*(holes[one.key] for one, _ in losers))
    if not settled and {count for _, count in losers} == {len(common)}:
        return common
    return settled


def _one_a_file_page(pages: Sequence[LostPage]) -> list[LostPage]:
    """A private mapping that lost the page which the file lost too had shown that one."""
    of_file = {(page.file, page.offset): page for page in pages if not page.private}
    found = []
    joined: dict[tuple[FileKey, int | None], tuple[LostPlace, ...]] = {}
    for page in pages:
        key = (page.file, page.offset)
        if page.private and page.offset is not None and key in of_file:
            joined[key] = page.places
        else:
            found.append(page)
    return [_with_places(page, joined) for page in found]


def _with_places(
    page: LostPage, joined: Mapping[tuple[FileKey, int | None], tuple[LostPlace, ...]]
) -> LostPage:
    more = joined.get((page.file, page.offset), ())
    if page.private or not more:
        return page
    return LostPage(
        page.page_size,
        page.file,
        page.offset,
        False,
        page.last_pfn,
        page.places + more,
        page.evidence,
        True,
    )
