"""Which reserved pages each mapping, file and mount can claim, before the counter has its say.

mm/hugetlb.c, hugetlb_reserve_pages(). A shared mapping without VmFlags nr reserves those pages of
its range of the file that the file's map does not hold yet; the map belongs to the file, so a page
is reserved once, whoever maps it, and stays so after an munmap. A private mapping reserves all
of its own pages; a page of the file that it only shows is none of them, and after a fork
the parent alone owns them. A fault uses a reservation up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from hugescope_agent.model.holdings import FileUse
from hugescope_agent.model.intervals import Interval, length, without
from hugescope_agent.model.lost import LostPage
from hugescope_agent.model.owned import FileKey, MappingKey, Offsets, OwnedMapping, file_ref
from hugescope_wire.account import FileRef

NO_RESERVE: Final = "nr"
_USERFAULT: Final = frozenset({"um", "uw", "ui"})

WEAKEST: Final = 0
"""Memory under userfaultfd, which migration punches out, and files that nobody maps."""

MAPPED: Final = 1
OWNED: Final = 2
"""A private mapping's own: no hole punched into a file takes it."""

MOUNT: Final = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """Pages that one owner has reserved, as far as page tables and files tell.

    Attributes:
        one: the mapping; None for owners that are none.
        at_most: pages may be in the file that no page table shows; then it is fewer.
        weak: how easily such a reservation gets lost: `WEAKEST` is doubted first, `MOUNT` last.
    """

    owner: Literal["mapping", "file", "mount"]
    page_size: int
    pages: int
    faulted: int | None
    one: OwnedMapping | None = None
    ref: FileRef | None = None
    inferred: bool = False
    at_most: bool = False
    weak: int = MAPPED


@dataclass(frozen=True, slots=True)
class Gap:
    """Pages of a mapping that are neither there nor reserved."""

    one: OwnedMapping
    pages: int
    inferred: bool


@dataclass(slots=True)
class Claims:
    """What mappings of one page size claim.

    `by_mapping`: pages that a mapping can still fault on a reservation, its own or one that it
    shares; None: not known.
    """

    claims: list[Claim] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    by_mapping: dict[MappingKey, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileView:
    """One file: its mappings, the pages known by place, and how many it holds elsewhere.

    Attributes:
        placed: rising.
        elsewhere: pages that no page table shows; their places are not known.
        sure: `elsewhere` is exact.
    """

    owned: Sequence[OwnedMapping]
    placed: Offsets
    elsewhere: int
    size_pages: int | None
    sure: bool

    @classmethod
    def of(
        cls,
        owned: Sequence[OwnedMapping],
        lost: Iterable[LostPage],
        file: FileUse | None,
        *,
        all_seen: bool,
    ) -> FileView:
        """`all_seen`: no page of this size is unattributed, so that a file holds what is known."""
        of_file = [page.offset for page in lost if not page.private]
        known = np.array([offset for offset in of_file if offset is not None], np.int64)
        parts = [one.shown_offsets() for one in owned]
        parts += [one.offsets(one.suspect_cells()) for one in owned if one.vma.shared]
        placed = np.unique(np.concatenate([known, *parts]))
        adrift = of_file.count(None)
        elsewhere = adrift if file is None else max(0, file.file_pages - len(placed))
        size = None if file is None else file.size_pages
        counted = file is not None and not file.inferred
        return cls(owned, placed, elsewhere, size, sure=all_seen or counted)

    def present_in(self, pieces: Iterable[Interval]) -> int:
        """Pages known by place within disjoint pieces of the file."""
        return sum(
            int(np.searchsorted(self.placed, end) - np.searchsorted(self.placed, first))
            for first, end in pieces
        )

    def missing_in(self, pieces: Sequence[Interval]) -> int:
        """Places without a page, as far as places are known."""
        return length(pieces) - self.present_in(pieces)

    def within(self, one: OwnedMapping) -> Interval:
        """The pages of the file that a mapping covers; none lie beyond its end, where a touch
        raises SIGBUS however many are free.
        """
        first, end = file_range(one)
        return first, end if self.size_pages is None else max(first, min(end, self.size_pages))

    def holds_all(self, covered: Sequence[Interval]) -> bool:
        """Whether these ranges leave nothing of the file out."""
        return self.size_pages is not None and not without((0, self.size_pages), covered)


def file_range(one: OwnedMapping) -> Interval:
    """The pages of the file that a mapping covers."""
    return one.first_offset, one.first_offset + one.vma.cell_count


def claim_shared(view: FileView, into: Claims) -> None:
    """What the shared mappings of one file reserve.

    A page that several cover is the claim of the one with the lowest pid and address. Pages that
    the file holds elsewhere need no reservation: they are taken to lie in the ranges claimed, which
    is exact where these leave nothing of the file out.
    """
    shared = sorted((one for one in view.owned if one.vma.shared), key=lambda one: one.key)
    covered: list[Interval] = []
    claims = []
    for one in shared:
        if NO_RESERVE in (one.flags or ()):
            continue
        pieces = without(view.within(one), covered)
        covered += pieces
        faulted = view.present_in(pieces)
        claims.append(_shared_claim(one, length(pieces) - faulted, faulted, view))
    left = view.elsewhere
    exact = view.holds_all(covered)
    several = sum(claim.pages > 0 for claim in claims) > 1
    for claim in claims:
        taken = min(left, claim.pages)
        left -= taken
        guessed = view.elsewhere > 0 and claim.pages > 0 and (several or not exact)
        into.claims.append(
            replace(
                claim,
                pages=claim.pages - taken,
                faulted=(claim.faulted or 0) + taken,
                inferred=claim.inferred or guessed,
            )
        )
    for one in shared:
        _shared_gap(one, view, covered, left, into)


def _shared_claim(one: OwnedMapping, pages: int, faulted: int, view: FileView) -> Claim:
    return Claim(
        "mapping",
        one.vma.page_size,
        pages,
        faulted,
        one,
        file_ref(one.vma),
        inferred=one.flags is None,
        at_most=not view.sure,
        weak=WEAKEST if _USERFAULT & (one.flags or frozenset()) else MAPPED,
    )


def _shared_gap(
    one: OwnedMapping, view: FileView, covered: Sequence[Interval], left: int, into: Claims
) -> None:
    """What one shared mapping can fault with a reservation, and what without."""
    pieces = [view.within(one)]
    bare = without(pieces[0], covered)
    missing, unreserved = view.missing_in(pieces), view.missing_in(bare)
    if view.elsewhere == 0:
        into.by_mapping[one.key] = missing - unreserved
    elif view.holds_all(pieces) and not unreserved:
        into.by_mapping[one.key] = max(0, missing - view.elsewhere)
    else:
        into.by_mapping[one.key] = None
    pages = max(0, unreserved - left)
    if pages:
        into.gaps.append(Gap(one, pages, inferred=left > 0 or not view.sure))


def claim_private(view: FileView, lost: Sequence[LostPage], into: Claims) -> None:
    """What the private mappings of one file reserve: the pages of which they have no copy yet."""
    families: dict[int, list[OwnedMapping]] = defaultdict(list)
    for one in sorted((one for one in view.owned if not one.vma.shared), key=lambda one: one.key):
        anonymous = one.vma.backing.kind == "anonymous"
        families[0 if anonymous else one.vma.start - one.vma.offset].append(one)
    for family in families.values():
        owners, sure = owning_pids(family)
        for one in family:
            gone = [place for page in lost for place in page.places if place.owner.key == one.key]
            hidden = [place.in_hole for place in gone].count(True)
            reserves = NO_RESERVE not in (one.flags or ())
            if reserves and one.process.pid in owners:
                claim = _private_claim(one, hidden)
                claim = replace(claim, inferred=claim.inferred or not sure)
                into.claims.append(claim)
                into.by_mapping[one.key] = claim.pages
                continue
            into.by_mapping[one.key] = 0
            pages = max(0, _missing(one, view) - hidden)
            if pages:
                into.gaps.append(Gap(one, pages, inferred=reserves and not sure))


def _private_claim(one: OwnedMapping, hidden: int) -> Claim:
    present = one.mapping.present_index
    copies = int((~one.mapping.of_file[present]).sum())
    faulted = min(copies + len(one.suspect_cells()) + hidden, one.vma.cell_count)
    return Claim(
        "mapping",
        one.vma.page_size,
        one.vma.cell_count - faulted,
        faulted,
        one,
        file_ref(one.vma),
        inferred=one.flags is None,
        weak=OWNED,
    )


def _missing(one: OwnedMapping, view: FileView) -> int:
    """Cells that map nothing and for which the file, as far as it is known, has no page either."""
    occupied = np.zeros(one.vma.cell_count, np.bool_)
    occupied[one.mapping.present_index] = True
    occupied[one.suspect_cells()] = True
    holes = one.offsets(np.flatnonzero(~occupied))
    return int((~np.isin(holes, view.placed)).sum())


def owning_pids(family: Iterable[OwnedMapping]) -> tuple[set[int], bool]:
    """Which processes of a family that forked own its reservations, and whether that is sure.

    The owner is the one whose parent is not of the family. Where parents are not known it is
    taken to be the lowest pid, and so where an anonymous mapping has several such processes:
    children whose own parent left.
    """
    members = {one.process.pid: one.ppid for one in family}
    anonymous = any(one.vma.backing.kind == "anonymous" for one in family)
    if len(members) == 1:
        return set(members), True
    if None in members.values():
        return {min(members)}, False
    roots = {pid for pid, ppid in members.items() if ppid not in members}
    if len(roots) == 1:
        return roots, True
    return ({min(roots or members)} if anonymous else roots), False


def by_file(
    owned: Iterable[OwnedMapping], lost: Iterable[LostPage]
) -> Mapping[FileKey, tuple[list[OwnedMapping], list[LostPage]]]:
    """Mappings and lost pages of each file."""
    found: dict[FileKey, tuple[list[OwnedMapping], list[LostPage]]] = defaultdict(lambda: ([], []))
    for one in owned:
        found[one.file][0].append(one)
    for page in lost:
        found[page.file][1].append(page)
    return found
