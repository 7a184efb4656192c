"""Whose the reserved pages of a pool are: resv_hugepages against what its owners can claim.

More reserved than claimed: the rest is unattributed, or an unmapped file's if it can only be that
one's. Less: some owners lost their reservations, as memory does that was punched out (QEMU's
postcopy) or a child does whose parent left; the owners that lose them most easily are then cut
down, all of their kind are marked inferred, and what they lack is listed as unreserved. With a
counter that underflowed nothing is computed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hugescope_agent.kernel.hugetlbfs import HugetlbfsMount, printable
from hugescope_agent.model.claims import (
    MOUNT,
    WEAKEST,
    Claim,
    Claims,
    FileView,
    Gap,
    by_file,
    claim_private,
    claim_shared,
)
from hugescope_agent.model.holdings import FileUse
from hugescope_agent.model.lost import LostPage
from hugescope_agent.model.owned import FileKey, MappingKey, OwnedMapping, device_text
from hugescope_wire.account import FileRef, Reservation, ReservationAccount, Unreserved


@dataclass(frozen=True, slots=True)
class ReservationLook:
    """Everything that one page size's reservations are told from.

    Attributes:
        reserved: resv_hugepages, signed; None: not there.
        owned: hugetlb mappings, of other sizes too.
        files: what files hold and who keeps them, of other sizes too.
        lost: pages lost to poison: entries of a page table, so not unfaulted.
        mounts: of hugetlbfs; one of them for each device is enough.
        unattributed: pages in use whose holder is not known, by the pool's account; 0: a file that
            is not among `files` holds what page tables show and no more. None: not known.
        all_read: every process could be read.
        adrift: bad pages that some owner may have lost, which is not known: their reservations are
            used up, and what seems to lack is no gap.
    """

    page_size: int
    reserved: int | None
    owned: Sequence[OwnedMapping]
    files: Sequence[FileUse] = ()
    lost: Sequence[LostPage] = ()
    mounts: Sequence[HugetlbfsMount] = ()
    unattributed: int | None = None
    all_read: bool = True
    adrift: int = 0


@dataclass(frozen=True, slots=True)
class ReservationView:
    """The record, and for each mapping the pages that it can still fault on a reservation; None:
    not known. Mappings of one file share theirs, so these may sum to more than is reserved.
    """

    account: ReservationAccount
    by_mapping: Mapping[MappingKey, int | None] = field(default_factory=dict)


def reservations(look: ReservationLook) -> ReservationView:
    """The reservations of one page size."""
    claims = _claims(look)
    claims.claims += _mount_claims(look, claims.claims)
    claims.claims += [claim for claim in _file_claims(look) if _is_segment(claim)]
    left = _settle(look, claims)
    account = ReservationAccount(
        page_size=look.page_size,
        reserved=look.reserved,
        owners=[_reservation(claim) for claim in claims.claims if claim.pages],
        unattributed=left,
        unreserved=[_unreserved(gap, look.page_size) for gap in claims.gaps],
        unreserved_pages=pages_at_least(claims.gaps),
    )
    return ReservationView(account, claims.by_mapping)


def _settle(look: ReservationLook, claims: Claims) -> int | None:
    """Bring the claims to what is reserved; what is left over, None where the counter is odd."""
    claimed = sum(claim.pages for claim in claims.claims)
    odd = look.reserved is None or look.reserved < 0
    left = None if odd or look.reserved is None else look.reserved - claimed
    if left != 0:
        claims.claims = [
            replace(claim, inferred=claim.inferred or claim.at_most) for claim in claims.claims
        ]
    if left is not None and left < 0:
        left = _shrink(claims, -left, look.adrift)
    doubted = {claim.one.file for claim in claims.claims if claim.one and claim.inferred}
    for one in look.owned:
        if one.file in doubted and claims.by_mapping.get(one.key):
            claims.by_mapping[one.key] = None
    hidden = not look.all_read or any(one.mapping.uncaptured for one in look.owned)
    return left - _by_elimination(look, claims, left) if left and not hidden else left


def _claims(look: ReservationLook) -> Claims:
    """What mappings claim, file by file."""
    owned = [one for one in look.owned if one.vma.page_size == look.page_size]
    lost = [page for page in look.lost if page.page_size == look.page_size]
    files = {file.key: file for file in look.files if not file.detached}
    claims = Claims()
    for key, (members, gone) in by_file(owned, lost).items():
        if any(one.mapping.uncaptured for one in members):
            # What is not there yet of this file is not known, of none of its mappings.
            claims.by_mapping |= {one.key: None for one in members}
            continue
        view = FileView.of(members, gone, files.get(key), all_seen=look.unattributed == 0)
        claim_shared(view, claims)
        claim_private(view, [page for page in gone if page.private], claims)
    return claims


def _mount_claims(look: ReservationLook, claims: Sequence[Claim]) -> list[Claim]:
    """What is left of each min_size after the pages that files of the mount hold or reserve."""
    found = []
    for mount in {mount.device: mount for mount in look.mounts}.values():
        if mount.page_size != look.page_size:
            continue
        files = {file.key: file.file_pages for file in look.files if file.device == mount.device}
        on_mount = [one for one in look.owned if one.vma.device == mount.device]
        reserved = sum(c.pages for c in claims if c.one and c.one.vma.device == mount.device)
        left = mount.min_pages - sum(files.values()) - reserved
        unknown = any(
            one.file not in files or not one.vma.shared or one.mapping.uncaptured
            for one in on_mount
        )
        ref = FileRef(
            kind="hugetlbfs",
            device=device_text(mount.device),
            inode=None,
            name=printable(mount.point),
        )
        if left > 0:
            found.append(Claim("mount", look.page_size, left, None, None, ref, unknown, weak=MOUNT))
    return found


def _file_claims(look: ReservationLook) -> list[Claim]:
    """What files that nobody maps may have reserved: all of their length that holds no page."""
    mapped = {one.file for one in look.owned}
    return [
        Claim(
            "file",
            file.page_size,
            file.size_pages - file.file_pages,
            file.file_pages,
            None,
            file.file,
            inferred=True,
            weak=WEAKEST,
        )
        for file in look.files
        if file.page_size == look.page_size
        and (file.detached or file.key not in mapped)
        and (file.file.kind == "sysv" or not file.mapped)
        and file.size_pages is not None
        and file.size_pages > file.file_pages
    ]


def _is_segment(claim: Claim) -> bool:
    """A SysV segment reserves all of itself when it is made, unless asked not to."""
    return claim.ref is not None and claim.ref.kind == "sysv"


def _by_elimination(look: ReservationLook, claims: Claims, left: int) -> int:
    """Pages reserved that can only be those of the one unmapped file, or that are exactly what all
    unmapped files lack; 0 where neither is so.
    """
    files = [claim for claim in _file_claims(look) if not _is_segment(claim)]
    if left < 0 or sum(claim.pages for claim in files) < left:
        return 0
    if len(files) == 1:
        files = [replace(files[0], pages=left)]
    if sum(claim.pages for claim in files) != left:
        return 0
    claims.claims += files
    return left


def _shrink(claims: Claims, lacking: int, adrift: int) -> int:
    """Cut owners down by what they lack, the weakest kind first; what could not be cut, negative.

    Among owners of a kind the largest is cut first: which it was is not known, so all are inferred.
    The first `adrift` pages leave no gap: they are there, and bad.
    """
    for weak in sorted({claim.weak for claim in claims.claims}):
        if not lacking:
            break
        kind = [claim for claim in claims.claims if claim.weak == weak]
        kept = [claim for claim in claims.claims if claim.weak != weak]
        for claim in sorted(kind, key=lambda claim: -claim.pages):
            cut = min(claim.pages, lacking)
            lacking -= cut
            kept.append(replace(claim, pages=claim.pages - cut, inferred=True))
            bad = min(cut, adrift)
            adrift -= bad
            if claim.one is not None and cut > bad:
                claims.gaps.append(Gap(claim.one, cut - bad, inferred=True))
        claims.claims = kept
    return -lacking


def pages_at_least(gaps: Sequence[Gap]) -> int:
    """Pages that all these can ask for: of mappings that show the same part of a file, which may
    lack the same pages, the one that lacks most.
    """
    spans: dict[FileKey, list[tuple[int, int, int]]] = defaultdict(list)
    for gap in gaps:
        vma = gap.one.vma
        if vma.shared:
            spans[gap.one.file].append((vma.offset, vma.offset + vma.end - vma.start, gap.pages))
    private = sum(gap.pages for gap in gaps if not gap.one.vma.shared)
    return private + sum(_of_one_file(of_file) for of_file in spans.values())


def _of_one_file(spans: list[tuple[int, int, int]]) -> int:
    """Stretches of a file (first byte, end, pages): overlapping ones count once, with the most of
    them.
    """
    count = most = end = 0
    for first, last, pages in sorted(spans):
        if first >= end:
            count, most = count + most, 0
        most, end = max(most, pages), max(end, last)
    return count + most


def _reservation(claim: Claim) -> Reservation:
    return Reservation(
        owner=claim.owner,
        page_size=claim.page_size,
        pages=claim.pages,
        faulted=claim.faulted,
        process=None if claim.one is None else claim.one.process,
        start=None if claim.one is None else claim.one.vma.start,
        file=claim.ref,
        inferred=claim.inferred,
    )


def _unreserved(gap: Gap, page_size: int) -> Unreserved:
    return Unreserved(
        process=gap.one.process,
        start=gap.one.vma.start,
        page_size=page_size,
        pages=gap.pages,
        inferred=gap.inferred,
    )
