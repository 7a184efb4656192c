"""idle-pool, unattributed-pages and odd-counter: what the sums of the pools say."""

from __future__ import annotations

from typing import Final

from hugescope_agent.model.findings import words
from hugescope_agent.model.findings.facts import Facts
from hugescope_wire.account import PoolAccount, ReservationAccount
from hugescope_wire.findings import Evidence, Finding
from hugescope_wire.snapshot import Pool

_FILES: Final = {
    "total": "nr_hugepages",
    "free": "free_hugepages",
    "reserved": "resv_hugepages",
    "surplus": "surplus_hugepages",
}


def find_idle(facts: Facts) -> list[Finding]:
    """One finding a page size of which nobody uses any page.

    A pool that a mapping could still draw from is not idle, though nothing be touched or promised.
    """
    wanted = {m.page_size for p in facts.processes for m in p.mappings if m.kind == "hugetlb"}
    wanted |= {held.page_size for held in facts.report.holdings}
    return [
        _idle(account)
        for account in facts.accounts.values()
        if account.total is not None
        and account.total - (account.surplus or 0) > 0
        and account.free == account.total
        and account.reserved == 0
        and account.page_size not in wanted
    ]


def _idle(account: PoolAccount) -> Finding:
    size, total = account.page_size, account.total or 0
    return Finding(
        key=f"idle-pool:{size}",
        code="idle-pool",
        severity="notice",
        what=f"Nobody uses or has reserved any of the {words.pages(total, size)} in the pool.",
        why="The pool keeps this memory from everybody who does not ask for huge pages.",
        advice="Give it back if no program is about to use it.",
        command=words.resize(size, 0),
        evidence=[_counter(account, name) for name in ("total", "free", "reserved")],
    )


def _counter(account: PoolAccount, name: str) -> Evidence:
    value, file = getattr(account, name), _FILES[name]
    return Evidence(name=name, value=str(value), source=words.pool_file(account.page_size, file))


def find_unattributed(facts: Facts) -> list[Finding]:
    """One finding a page size whose account closes only with pages that nobody was seen to use."""
    return [
        _unattributed(facts, account, account.unattributed)
        for account in facts.accounts.values()
        if account.unattributed is not None and account.unattributed > 0 and account.torn == 0
    ]


def _unattributed(facts: Facts, account: PoolAccount, count: int) -> Finding:
    verb = "is" if count == 1 else "are"
    held = account.held
    parts = {
        "mapped": account.mapped,
        "held by a descriptor": held.fd,
        "in files that nobody maps": held.hugetlbfs,
        "in detached segments": held.sysv,
        "in mapped files and in no page table": held.mapping,
        "poisoned": account.poisoned,
    }
    evidence = [_counter(account, "total"), _counter(account, "free")]
    evidence += [
        Evidence(name=name, value="unknown" if number is None else str(number))
        for name, number in parts.items()
    ]
    evidence += [Evidence(name="candidate, a guess", value=text) for text in account.candidates]
    if facts.unread:
        evidence.append(Evidence(name="processes not readable", value=str(facts.unread)))
    return Finding(
        key=f"unattributed-pages:{account.page_size}",
        code="unattributed-pages",
        severity="notice",
        what=f"{words.pages(count, account.page_size)} {verb} in use, and {facts.nobody}, file or "
        f"segment was seen to have {'it' if count == 1 else 'them'}.",
        why="The pages are missing from the pool, and who could give them back is not known.",
        advice="Look for what cannot be seen from here: processes and hugetlbfs mounts of other "
        "namespaces, and pages that a driver or io_uring keeps pinned after they were unmapped.",
        command="hugescope doctor" if facts.unread else None,
        evidence=evidence,
    )


def find_odd(facts: Facts) -> list[Finding]:
    """One finding a pool whose counters, or a host account whose parts, cannot be true."""
    odd = {(pool.page_size, pool.node): _odd_counters(pool) for pool in facts.pools}
    for account in facts.accounts.values():
        found = _odd_parts(account, still=facts.source.kind == "capture")
        odd.setdefault((account.page_size, None), []).extend(found)
    for reservations in facts.report.reservations:
        found = _odd_reservations(facts, reservations)
        odd.setdefault((reservations.page_size, None), []).extend(found)
    return [
        _odd(page_size, node, evidence) for (page_size, node), evidence in odd.items() if evidence
    ]


def _odd_counters(pool: Pool) -> list[Evidence]:
    """Below zero. Counters are read one after another: what is more than the total of a moment
    before is no proof of anything.
    """
    values = {name: getattr(pool, name) for name in _FILES}
    return [
        Evidence(name=name, value=str(value), source=_file(pool, name))
        for name, value in values.items()
        if value is not None and value < 0
    ]


def _odd_parts(account: PoolAccount, *, still: bool) -> list[Evidence]:
    """`still`: counters do not move between their readings here, so pages that do excuse none."""
    found = []
    total = account.total
    if total is not None and total >= 0 and (still or not account.torn):
        for name in ("free", "reserved", "surplus"):
            value = getattr(account, name)
            if value is not None and value > total:
                source = words.pool_file(account.page_size, _FILES[name])
                found.append(Evidence(name=f"{name}, of {total}", value=str(value), source=source))
    if account.unattributed is not None and account.unattributed < 0 and not account.torn:
        found.append(
            Evidence(
                name="pages in use less than those that were found",
                value=str(account.unattributed),
                source="total - free, less mapped, held and poisoned pages",
            )
        )
    return found


def _odd_reservations(facts: Facts, reservations: ReservationAccount) -> list[Evidence]:
    account = facts.accounts.get(reservations.page_size)
    count = reservations.unattributed
    negative = reservations.reserved is None or reservations.reserved < 0
    if count is None or count >= 0 or negative or account is None or account.torn:
        return []
    if any(owner.inferred for owner in reservations.owners):
        return []
    return [
        Evidence(
            name="reserved pages less than those of the owners found",
            value=str(count),
            source=words.pool_file(reservations.page_size, _FILES["reserved"]),
        )
    ]


def _file(pool: Pool, name: str) -> str:
    if pool.node is None:
        return words.pool_file(pool.page_size, _FILES[name])
    return words.node_pool_file(pool.node, pool.page_size, _FILES[name])


def _odd(page_size: int, node: int | None, evidence: list[Evidence]) -> Finding:
    where = "" if node is None else f" on node {node}"
    what = words.listing([f"{item.name} {item.value}" for item in evidence])
    reserved = any(item.name.partition(",")[0] == "reserved" for item in evidence)
    return Finding(
        key=f"odd-counter:{page_size}:{'host' if node is None else node}",
        code="odd-counter",
        severity="warning" if reserved else "notice",
        what=f"The {words.size(page_size)} pool{where} shows numbers that cannot be: {what}.",
        why="With such a count of reservations the kernel promises more pages than it has, and a "
        "touch of a page that was promised can end in SIGBUS."
        if reserved
        else "Whatever is computed from these numbers is wrong, here and in every other tool.",
        advice="Go by the page tables rather than by these counters; a counter that the kernel "
        "lost track of is right again after a restart.",
        evidence=evidence,
    )
