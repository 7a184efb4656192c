"""unused-reservation and sigbus-risk: promises that nobody uses, and pages that
nobody promised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hugescope_agent.model.findings import links, words
from hugescope_agent.model.findings.facts import Facts
from hugescope_wire.account import PoolAccount, Reservation, ReservationAccount, Unreserved
from hugescope_wire.findings import Evidence, Finding

_WHY: Final = "Reserved pages count as free and nobody else can have them."
_MOST_PARTLY_USED: Final = 4
"""A process that is still filling its memory is no news, and 300 of them would bury what is."""

_MOST_OF_A_KIND: Final = 8
_LARGEST: Final = 8
"""Owners named in the evidence of a finding that stands for many."""


def find_unused(facts: Facts) -> list[Finding]:
    """One finding an owner, or one for many owners of a kind; one a page size for what has none."""
    findings = []
    for account in facts.report.reservations:
        owners = [owner for owner in account.owners if owner.pages]
        partly = [owner for owner in owners if _is_partly_used(owner)]
        untouched = [owner for owner in owners if owner not in partly and owner.start is not None]
        others = [owner for owner in owners if owner not in partly and owner.start is None]
        findings += _of_a_kind(facts, partly, "used-in-part", _MOST_PARTLY_USED)
        findings += _of_a_kind(facts, untouched, "untouched", _MOST_OF_A_KIND)
        findings += _of_a_kind(facts, others, "unmapped", _MOST_OF_A_KIND)
        finding = _ownerless(facts, account)
        if finding is not None:
            findings.append(finding)
    return findings


def _is_partly_used(owned: Reservation) -> bool:
    return owned.owner == "mapping" and owned.faulted != 0


def _of_a_kind(facts: Facts, owners: Sequence[Reservation], kind: str, most: int) -> list[Finding]:
    if len(owners) <= most:
        return [_unused(facts, owner) for owner in owners]
    return [_many_unused(facts, owners, kind)]


def _many_unused(facts: Facts, owners: Sequence[Reservation], kind: str) -> Finding:
    """One finding for more owners than anybody reads about one by one."""
    size, total = owners[0].page_size, sum(owner.pages for owner in owners)
    partly = kind == "used-in-part"
    pids = sorted({owner.process.pid for owner in owners if owner.process is not None})
    about = "about " if any(owner.inferred for owner in owners) else ""
    who = f"{len(owners)} files and mounts"
    if kind != "unmapped":
        who = f"{len(owners)} mappings of {words.counted(len(pids), 'process', 'processes')}"
    largest = sorted(owners, key=lambda owner: -owner.pages)[:_LARGEST]
    more = len(owners) - len(largest)
    return Finding(
        key=f"unused-reservation:{size}:{kind}",
        code="unused-reservation",
        severity="info" if partly else "notice",
        what=f"{who} have {about}{words.pages(total, size)} reserved and not touched"
        f"{' beside what they use' if partly else ''}.",
        why=_WHY,
        advice=_advice(facts, owners[0])
        if kind != "unmapped"
        else "See which of them are wanted, and remove or unmount the others.",
        evidence=[
            *(_largest(facts, owner) for owner in largest),
            *([Evidence(name="owners with fewer", value=str(more))] if more else []),
        ],
        links=[
            links.to_mapping(owner.process.pid, owner.start)
            for owner in owners
            if owner.process is not None and owner.start is not None
        ],
        pids=pids,
    )


def _largest(facts: Facts, owned: Reservation) -> Evidence:
    who, where = _owner(facts, owned)
    beside = "" if owned.faulted is None else f", {owned.faulted} in use"
    return Evidence(
        name=f"{who}{where}",
        value=f"{owned.pages} reserved and not touched{' (inferred)' if owned.inferred else ''}"
        f"{beside}",
        source=words.pool_file(owned.page_size, "resv_hugepages"),
    )


def _unused(facts: Facts, owned: Reservation) -> Finding:
    partly = _is_partly_used(owned)
    about = "about " if owned.inferred else ""
    beside = f", beside {owned.faulted} in use" if owned.faulted else ""
    who, where = _owner(facts, owned)
    return Finding(
        key=f"unused-reservation:{_owner_key(owned)}",
        code="unused-reservation",
        severity="info" if partly else "notice",
        what=f"{who} has {about}{words.pages(owned.pages, owned.page_size)} reserved and "
        f"not touched{where}{beside}.",
        why=_WHY,
        advice=_advice(facts, owned),
        command=_command(facts, owned),
        evidence=[
            Evidence(
                name="reserved and not touched",
                value=f"{owned.pages}{' (inferred)' if owned.inferred else ''}",
                source=words.pool_file(owned.page_size, "resv_hugepages"),
            ),
            Evidence(
                name="pages that are there",
                value="unknown" if owned.faulted is None else str(owned.faulted),
            ),
        ],
        links=[links.to_mapping(owned.process.pid, owned.start)]
        if owned.process is not None and owned.start is not None
        else [],
        pids=[] if owned.process is None else [owned.process.pid],
    )


def _owner(facts: Facts, owned: Reservation) -> tuple[str, str]:
    """Who has the promise, and what for."""
    if owned.process is not None:
        where = ""
        if owned.start is not None:
            place = facts.places.get((owned.process.pid, owned.start))
            of = "" if place is None else f" of {words.backing(place.info)}"
            where = f" in its mapping at {words.address(owned.start)}{of}"
        return facts.who(owned.process), where
    if owned.file is None:
        return f"A hugetlbfs {owned.owner}", ""
    if owned.owner == "mount":
        return f"The hugetlbfs mounted at {words.printable(owned.file.name)}", ""
    text = words.file(owned.file)
    return text[0].upper() + text[1:], ""


def _advice(facts: Facts, owned: Reservation) -> str:
    if owned.owner == "mapping":
        return (
            "If others need the pages, map no more than is used, or map with MAP_NORESERVE and "
            "take the risk of SIGBUS."
        )
    if owned.owner == "mount":
        return "If others need the pages, mount it again with a smaller min_size."
    if facts.unread:
        return "Ask who uses the file before you remove it: not every process could be read."
    return "Remove the file, unless a program means to map it again."


def _owner_key(owned: Reservation) -> str:
    if owned.process is not None and owned.start is not None:
        return f"{owned.process.pid}:{owned.start:x}"
    file = owned.file
    what = "" if file is None else f"{file.device}:{file.inode}:{words.printable(file.name)}"
    return f"{owned.owner}:{owned.page_size}:{what}"


def _command(facts: Facts, owned: Reservation) -> str | None:
    path = None if owned.file is None else words.path_argument(owned.file.name)
    if path is None or owned.file is None or owned.owner == "mapping":
        return None
    if owned.owner == "mount":
        return f"umount {path}"
    if owned.file.kind != "hugetlbfs":
        return None
    return f"rm {path}" if facts.all_seen else f"fuser -v {path}"


def _ownerless(facts: Facts, reservations: ReservationAccount) -> Finding | None:
    """Reserved pages of nobody that was seen; not while pages move, when counters do not fit."""
    count, size = reservations.unattributed, reservations.page_size
    account = facts.accounts.get(size)
    if count is None or count <= 0 or account is None or account.torn:
        return None
    reserved, total = reservations.reserved, account.total
    if reserved is None or count > reserved or (total is not None and reserved > total):
        return None
    return Finding(
        key=f"unused-reservation:{size}:unattributed",
        code="unused-reservation",
        severity="notice",
        what=f"{words.pages(count, size)} {'is' if count == 1 else 'are'} reserved, and "
        f"{facts.nobody}, file or mount was seen to have reserved them.",
        why=_WHY,
        advice="Look for processes and hugetlbfs mounts that cannot be seen from here; a "
        "reservation that the kernel lost track of goes with a restart only.",
        command="hugescope doctor" if facts.unread else None,
        evidence=[
            Evidence(
                name="reserved",
                value=str(reservations.reserved),
                source=words.pool_file(size, "resv_hugepages"),
            ),
            Evidence(name="reserved by nobody seen", value=str(count)),
            Evidence(name="processes not readable", value=str(facts.unread)),
        ],
    )


# --- sigbus-risk by the pool --------------------------------------------------------------------


def find_pool_risk(facts: Facts) -> list[Finding]:
    """One finding a page size: more pages may be touched without a promise than anyone can get.

    While pages move, a page may be missing from its mapping and its reservation be gone already: so
    many as are known to have moved prove nothing.
    """
    findings = []
    for reservations in facts.report.reservations:
        account = facts.accounts.get(reservations.page_size)
        left = None if account is None else _left(account)
        if account is None or left is None:
            continue
        owed = reservations.unreserved_pages
        if owed is not None and owed - account.torn > left:
            findings.append(_risk(facts, account, reservations.unreserved, owed, left))
    return findings


def _left(account: PoolAccount) -> int | None:
    """Pages for whoever touches first: free, not promised, or still to be had as surplus; None
    where the counters are missing or nonsense, or overcommit knows no bound (as -1 has none).
    """
    free, reserved = account.free, account.reserved
    overcommit, surplus = account.overcommit, account.surplus
    if free is None or reserved is None or overcommit is None or surplus is None:
        return None
    if min(free, reserved, overcommit, surplus) < 0:
        return None
    if account.total is not None and max(free, reserved, surplus) > account.total:
        return None
    return max(0, free - reserved) + max(0, overcommit - surplus)


def _risk(
    facts: Facts, account: PoolAccount, unreserved: Sequence[Unreserved], owed: int, left: int
) -> Finding:
    size = account.page_size
    items = sorted((item for item in unreserved if item.pages), key=lambda item: -item.pages)
    pids = list(dict.fromkeys(item.process.pid for item in items))
    who = words.listing([facts.who(pid) for pid in pids])
    persistent = (account.total or 0) - (account.surplus or 0)
    verb = "is" if left == 1 else "are"
    missing_bytes = (owed - left) * size
    fits = facts.available_bytes is None or missing_bytes <= facts.available_bytes
    return Finding(
        key=f"sigbus-risk:{size}",
        code="sigbus-risk",
        severity="warning" if left else "critical",
        what=f"{who} can touch {words.pages(owed, size)} that nothing is reserved for, and "
        f"{left if left else 'none'} {verb} left.",
        why="A touch that finds no page left ends the process with SIGBUS, and a userfaultfd copy "
        "fails.",
        advice="Make the pool larger before the pages are touched, or have them reserved (mapped "
        "without MAP_NORESERVE)."
        if fits
        else "This host has no memory for so many: map less, or have what is needed reserved "
        "(mapped without MAP_NORESERVE).",
        command=words.resize(size, persistent + owed - left) if fits else None,
        evidence=[
            *(
                Evidence(
                    name=f"{facts.who(item.process)} at {words.address(item.start)}",
                    value=f"{item.pages} without reservation"
                    f"{' (inferred)' if item.inferred else ''}",
                    source=f"/proc/{item.process.pid}/pagemap, VmFlags and the pool's counters",
                )
                for item in items
            ),
            *(
                Evidence(name=name, value=str(value), source=words.pool_file(size, file))
                for name, value, file in (
                    ("free", account.free, "free_hugepages"),
                    ("reserved", account.reserved, "resv_hugepages"),
                    ("overcommit", account.overcommit, "nr_overcommit_hugepages"),
                    ("surplus", account.surplus, "surplus_hugepages"),
                )
            ),
        ],
        links=[links.to_mapping(item.process.pid, item.start) for item in items],
        pids=pids,
    )
