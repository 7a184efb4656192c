"""Memory errors: each lost page once, from all that tells of it.

HWPOISON on a huge page says which pages of the pool are bad, and on which node; page tables say who
lost pages, and where (`lost`). The two meet by the last known PFN, or else by what the kernel does
(mm/memory-failure.c, me_huge_page): the page of a file stays in the pool and in the file, and one
that no file has, a private copy or a free page, is dissolved: 4 KiB stay bad outside of the pool,
and the rest becomes ordinary memory. Where a lost page can be one of several bad ones its node is
told only if all of them lie on one, or if the mapping's policy leaves one.

HardwareCorrupted counts 4 KiB for each error. Less those outside of the pools that is what is
really bad of their pages, though not where: the flags of a huge page cover all of it. An entry that
smaps alone tells of may be migrating: it is a lost page if a bad one fits, or if there were more
errors than bad pages were found.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from hugescope_agent.kernel.frames import BadPages, HugeFrames
from hugescope_agent.model.lost import LostPage, LostPlace
from hugescope_agent.model.owned import FileKey, MappingKey, OwnedMapping, file_ref
from hugescope_wire.cells import PAGE_BYTES, UNKNOWN_NODE
from hugescope_wire.report import MemoryFailures, Poison, PoisonedPage, PoisonPlace


@dataclass(frozen=True, slots=True)
class PoisonLook:
    """Everything that tells of memory errors.

    Attributes:
        owned: all hugetlb mappings.
        lost: what `lost.lost_pages` made of them.
        frames: all huge pages of the machine; None: their flags could not be read.
        outside: bad pages of no pool; None: not looked for, or not readable.
        failures: memory_failure counters by node.
        hardware_corrupted_bytes: from meminfo; None: not there.
        bound: nodes on which a mapping's pages have to lie, where its policy says so.
    """

    owned: Sequence[OwnedMapping]
    lost: Sequence[LostPage] = ()
    frames: HugeFrames | None = None
    outside: BadPages | None = None
    failures: Sequence[MemoryFailures] = ()
    hardware_corrupted_bytes: int | None = None
    bound: Mapping[MappingKey, frozenset[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PoisonView:
    """The record, and, for `account.unpoisoned`, bad pages by file and page size that are in the
    pool, in no page table and still in the file.
    """

    record: Poison
    unmapped: dict[tuple[FileKey, int], int]

    def adrift(self, page_size: int) -> int:
        """Bad pages of nobody known, which a mapping may have lost without any file telling of it:
        Linux before 6.1.90 leaves poisoned entries out of smaps. 4 KiB of no pool can be what is
        left of a page of any size.
        """
        pages = [page for page in self.record.pages if not page.places and page.file is None]
        in_pool = sum(page.in_pool is True and page.page_size == page_size for page in pages)
        return in_pool + sum(page.in_pool is False for page in pages)


class _Bad(NamedTuple):
    """A bad page by its flags: a huge page, or 4 KiB of no pool (`bare`: as dissolving leaves)."""

    pfn: int
    page_size: int
    node: int
    in_pool: bool
    bare: bool = False


class _Match(NamedTuple):
    """A lost page and the bad one that it was; `bad` None: none with a flag. `node` is known less
    often than there is a bad page.
    """

    lost: LostPage
    bad: _Bad | None
    node: int


def poison(look: PoisonLook) -> PoisonView:
    """Each page lost to a memory error once: those still mapped, those that mappings lost, and
    those that nobody misses.
    """
    pool, outside = _bad_frames(look.frames), _bad_outside(look.outside)
    mapped = _mapped_places(look.owned, pool)
    free = [bad for bad in pool if bad.pfn not in mapped]
    matches = _matches(look, [*pool, *outside], free, outside)
    bad_bytes = _bad_bytes(look, pool)
    also = {match.bad.pfn: match for match in matches if match.bad and match.bad.pfn in mapped}
    pages = [
        _frame_page(bad, bad_bytes, mapped[bad.pfn], also.get(bad.pfn))
        for bad in pool
        if bad.pfn in mapped
    ]
    lost = [match for match in matches if match.bad is None or match.bad.pfn not in mapped]
    lost = _believed(lost, look, len(pool) + (0 if look.outside is None else len(look.outside.pfn)))
    pages += [_lost_page(match, bad_bytes, look) for match in lost]
    pages += [_frame_page(bad, bad_bytes, [], None) for bad in free]
    pages += [_outside_page(bad) for bad in outside]
    record = Poison(
        pages=pages,
        failures=list(look.failures),
        hardware_corrupted_bytes=look.hardware_corrupted_bytes,
    )
    in_files = (match.lost for match in lost if match.bad is not None and match.bad.in_pool)
    unmapped = Counter((page.file, page.page_size) for page in in_files if not page.private)
    return PoisonView(record, dict(unmapped))


def _bad_frames(frames: HugeFrames | None) -> list[_Bad]:
    if frames is None:
        return []
    index = np.flatnonzero(frames.poisoned)
    columns = (frames.head_pfn[index], frames.page_size[index], frames.node[index])
    return [
        _Bad(pfn, size, node, True)
        for pfn, size, node in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _bad_outside(outside: BadPages | None) -> list[_Bad]:
    if outside is None:
        return []
    columns = (outside.pfn.tolist(), outside.node.tolist(), outside.bare.tolist())
    return [
        _Bad(pfn, PAGE_BYTES, node, False, bare) for pfn, node, bare in zip(*columns, strict=True)
    ]


def _mapped_places(
    owned: Sequence[OwnedMapping], pool: Sequence[_Bad]
) -> dict[int, list[LostPlace]]:
    """Cells that still map a bad page, by its head PFN."""
    places: dict[int, list[LostPlace]] = defaultdict(list)
    heads = np.array([bad.pfn for bad in pool], np.uint64)
    for one in owned if len(heads) else ():
        present = one.mapping.present_index
        for cell in present[np.isin(one.mapping.head_pfn[present], heads)].tolist():
            places[int(one.mapping.head_pfn[cell])].append(LostPlace(one, cell))
    return dict(places)


def _matches(
    look: PoisonLook, known: Sequence[_Bad], free: list[_Bad], outside: list[_Bad]
) -> list[_Match]:
    """Find out for each lost page which of the `known` bad ones it was, and take it out of `free`
    (in the pool and unmapped) or `outside`.
    """
    matches, left = [], []
    for page in look.lost:
        bad = _by_last_pfn(page, known)
        if bad is None:
            left.append(page)
            continue
        matches.append(_Match(page, bad, bad.node))
        for column in (free, outside):
            if bad in column:
                column.remove(bad)
    of_files = [page for page in left if not page.private]
    copies = [page for page in left if page.private]
    matches += _claim(of_files, free, look)
    bare = [bad for bad in outside if bad.bare]
    rest = [bad for bad in outside if not bad.bare]
    dissolved = _claim(copies, bare, look)
    outside[:] = bare + rest
    matches += [match for match in dissolved if match.bad is not None]
    # A private copy that could not be dissolved is a bad page of the pool.
    return matches + _claim([match.lost for match in dissolved if match.bad is None], free, look)


def _believed(lost: Sequence[_Match], look: PoisonLook, found: int) -> list[_Match]:
    """Without what smaps alone tells of where the errors do not suffice for all of it, or are not
    counted; `found`: bad pages with a flag.
    """
    unsure = sum(match.bad is None and match.lost.evidence == "smaps" for match in lost)
    if unsure <= _errors(look) - found:
        return list(lost)
    return [match for match in lost if match.bad or match.lost.evidence != "smaps"]


def _errors(look: PoisonLook) -> int:
    """Memory errors, as far as they are counted: each is 4 KiB in meminfo, an event of a node."""
    events = sum(failure.total or 0 for failure in look.failures)
    corrupted = look.hardware_corrupted_bytes
    return events if corrupted is None else corrupted // PAGE_BYTES


def _by_last_pfn(page: LostPage, known: Sequence[_Bad]) -> _Bad | None:
    if page.last_pfn == 0:
        return None
    pages = range(page.last_pfn, page.last_pfn + page.page_size // PAGE_BYTES)
    return next((bad for bad in known if bad.pfn in pages), None)


def _claim(wanted: Sequence[LostPage], bad: list[_Bad], look: PoisonLook) -> list[_Match]:
    """Give each lost page a bad one and take that out of `bad`; those sure of their node first.

    Which bad page it is matters for the node alone; where that is not sure, neither are the nodes
    of those left over.
    """
    found, unsure = [], []
    for page in wanted:
        fits = [one for one in bad if _fits(page, one, look)]
        if len({one.node for one in fits}) > 1:
            unsure.append(page)
            continue
        if fits:
            bad.remove(fits[0])
        found.append(_Match(page, fits[0], fits[0].node) if fits else _Match(page, None, 0))
    for page in unsure:
        fits = [one for one in bad if _fits(page, one, look)]
        nodes = {one.node for one in fits}
        if fits:
            bad.remove(fits[0])
        node = nodes.pop() if len(nodes) == 1 else UNKNOWN_NODE
        found.append(_Match(page, fits[0] if fits else None, node))
        if node == UNKNOWN_NODE:
            bad[:] = [one._replace(node=node) if one in fits else one for one in bad]
    return found


def _fits(page: LostPage, bad: _Bad, look: PoisonLook) -> bool:
    """Whether a lost page can have been this one."""
    if bad.in_pool and bad.page_size != page.page_size:
        return False
    # A file's page lies where whoever touched it first had it put: no mapping's policy binds it.
    nodes = [look.bound.get(place.owner.key) for place in page.places if page.private]
    return bad.node == UNKNOWN_NODE or all(bound is None or bad.node in bound for bound in nodes)


def _bad_bytes(look: PoisonLook, pool: Sequence[_Bad]) -> int | None:
    """What is really bad of each bad page of the pool, where it is the same for all of them."""
    corrupted = look.hardware_corrupted_bytes
    if corrupted is None or not pool:
        return None
    outside = 0 if look.outside is None else len(look.outside.pfn) * PAGE_BYTES
    inside = corrupted - outside
    if inside == len(pool) * PAGE_BYTES:
        return PAGE_BYTES
    single = len(pool) == 1 and look.outside is not None
    return inside if single and 0 < inside <= pool[0].page_size else None


def _frame_page(
    bad: _Bad, bad_bytes: int | None, places: Sequence[LostPlace], match: _Match | None
) -> PoisonedPage:
    """A bad page of the pool: mapped at `places` or nowhere, and perhaps lost by others."""
    found = [_place(place, inferred=False) for place in places]
    if match is not None:
        found += [_place(place, inferred=match.lost.inferred) for place in match.lost.places]
    return PoisonedPage(
        page_size=bad.page_size,
        bad_bytes=bad_bytes,
        in_pool=True,
        node=_node(bad.node),
        file=file_ref(places[0].owner.vma) if places else None,
        places=found,
        evidence="kpageflags",
    )


def _lost_page(match: _Match, bad_bytes: int | None, look: PoisonLook) -> PoisonedPage:
    """A page that mappings lost."""
    page, bad = match.lost, match.bad
    in_pool: bool | None
    if bad is not None:
        in_pool, known_bytes = bad.in_pool, bad_bytes if bad.in_pool else PAGE_BYTES
    else:
        # Nothing bad was found that it could be: not captured, or migrating all the while.
        in_pool, known_bytes = None, None
    flagged = in_pool and page.evidence == "smaps"
    return PoisonedPage(
        page_size=page.page_size,
        bad_bytes=known_bytes,
        in_pool=in_pool,
        node=None if bad is None else _node(match.node),
        file=file_ref(page.places[0].owner.vma),
        places=[_place(place, inferred=page.inferred) for place in page.places],
        evidence="kpageflags" if flagged else page.evidence,
    )


def _outside_page(bad: _Bad) -> PoisonedPage:
    """4 KiB of no pool, which no mapping of huge pages misses."""
    return PoisonedPage(
        page_size=bad.page_size,
        bad_bytes=bad.page_size,
        in_pool=False if bad.bare else None,
        node=_node(bad.node),
        file=None,
        evidence="kpageflags",
    )


def _place(place: LostPlace, *, inferred: bool) -> PoisonPlace:
    vma = place.owner.vma
    at = None if place.cell is None else place.cell * vma.page_size
    return PoisonPlace(
        process=place.owner.process,
        start=vma.start,
        address=None if at is None else vma.start + at,
        file_offset=None if at is None else vma.offset + at,
        inferred=inferred,
    )


def _node(node: int) -> int | None:
    return None if node == UNKNOWN_NODE else node
