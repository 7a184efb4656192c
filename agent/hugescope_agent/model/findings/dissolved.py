"""pages-dissolved and pages-demoted: pools that hold less than they were given."""

from __future__ import annotations

from typing import Final, NamedTuple

from hugescope_agent.model.findings import words
from hugescope_agent.model.findings.facts import Facts
from hugescope_agent.model.poolhistory import PoolEvent
from hugescope_wire.findings import Evidence, Finding

_BASE_PAGE: Final = 4096
"""What HardwareCorrupted counts for each error, whatever the size of the page."""


class _Pool(NamedTuple):
    """The host's pool of one size; `boot` None: the command line asked for none of this size."""

    page_size: int
    total: int
    surplus: int
    boot: int | None

    @property
    def persistent(self) -> int:
        return self.total - self.surplus

    @property
    def missing(self) -> int:
        """Pages fewer than at boot, as far as the command line tells."""
        return 0 if self.boot is None else max(0, self.boot - self.persistent)


def find_dissolved(facts: Facts) -> list[Finding]:
    """One finding a page size.

    A pool that shrank is the operator's own doing unless memory errors can account for all of it:
    each takes one huge page at most.
    """
    pools = _pools(facts)
    findings = []
    for pool in pools.values():
        seen = _lost(facts, pool.page_size, "shrunk")
        known = _known_dissolved(facts, pool.page_size)
        missing = 0 if _came_back(pools, pool) else pool.missing
        missing = max(missing - _lost(facts, pool.page_size, "demoted"), seen)
        if pool.boot is None and not seen:
            missing = known
        # Of more than errors can have taken, only what is known page by page is theirs.
        count = missing if missing <= _errors_unaccounted(facts) else min(missing, known)
        if count:
            findings.append(_dissolved(facts, pool, count, seen, known))
    return findings


def find_demoted(facts: Facts) -> list[Finding]:
    """One finding a page size that was split: seen to happen, or what is missing since boot came
    back exactly in a smaller size.
    """
    pools = _pools(facts)
    findings = []
    for pool in pools.values():
        seen = _lost(facts, pool.page_size, "demoted")
        small = _came_back(pools, pool)
        if seen:
            into = {e.into_size for e in facts.history if _is(e, pool.page_size, "demoted")}
            small = pools.get(next(iter(into)) or 0) if len(into) == 1 else None
        if seen or small:
            findings.append(_demoted(pool, seen, small))
    return findings


def _pools(facts: Facts) -> dict[int, _Pool]:
    """Host pools whose counters make sense, by page size."""
    found = {}
    for page_size, account in sorted(facts.accounts.items()):
        total, surplus = account.total, account.surplus or 0
        if total is not None and 0 <= surplus <= total:
            asked = [boot.pages for boot in facts.report.boot if boot.page_size == page_size]
            found[page_size] = _Pool(page_size, total, surplus, sum(asked) if asked else None)
    return found


def _came_back(pools: dict[int, _Pool], pool: _Pool) -> _Pool | None:
    """The pool of a smaller size that has beyond its pages of boot exactly what this one lacks."""
    for small in pools.values():
        ratio = pool.page_size // small.page_size
        beyond = small.persistent - (small.boot or 0)
        if ratio > 1 and pool.missing and beyond == pool.missing * ratio:
            return small
    return None


def _is(event: PoolEvent, page_size: int, kind: str) -> bool:
    return (event.page_size, event.kind) == (page_size, kind)


def _lost(facts: Facts, page_size: int, kind: str) -> int:
    return sum(event.pages for event in facts.history if _is(event, page_size, kind))


def _known_dissolved(facts: Facts, page_size: int) -> int:
    """Lost pages that are known one by one to be in the pool no more."""
    pages = facts.report.poison.pages
    return sum(page.page_size == page_size and page.in_pool is False for page in pages)


def _errors_unaccounted(facts: Facts) -> int:
    """Memory errors that no page known to be still in its pool accounts for; at most so many huge
    pages were dissolved.
    """
    poison = facts.report.poison
    events = sum(failure.total or 0 for failure in poison.failures)
    corrupted = (poison.hardware_corrupted_bytes or 0) // _BASE_PAGE
    return max(0, max(events, corrupted) - sum(page.in_pool is True for page in poison.pages))


def _dissolved(facts: Facts, pool: _Pool, missing: int, seen: int, known: int) -> Finding:
    poison = facts.report.poison
    certain = known >= missing
    how = "gone from the pool, taken by" if certain else "missing from the pool, perhaps taken by"
    evidence = [Evidence(name="pages now", value=str(pool.total), source=_file(pool))]
    if pool.boot is not None:
        evidence.append(_boot_evidence(pool))
    if seen:
        evidence.append(Evidence(name="seen to vanish", value=str(seen), source=_file(pool)))
    if known:
        evidence.append(Evidence(name="lost pages no longer in the pool", value=str(known)))
    if poison.hardware_corrupted_bytes:
        value = words.size(poison.hardware_corrupted_bytes)
        evidence.append(Evidence(name="HardwareCorrupted", value=value, source="/proc/meminfo"))
    evidence += [
        Evidence(
            name=f"memory failures on node {failure.node}",
            value=f"{failure.total}, {failure.recovered} recovered",
            source=f"/sys/devices/system/node/node{failure.node}/memory_failure",
        )
        for failure in poison.failures
        if failure.total
    ]
    verb = "is" if missing == 1 else "are"
    return Finding(
        key=f"pages-dissolved:{pool.page_size}",
        code="pages-dissolved",
        severity="warning",
        what=f"{words.pages(missing, pool.page_size)} {verb} {how} memory errors; "
        f"the pool has {pool.total}.",
        why="The pool is smaller than it was made, and what was sized to fill it no longer fits.",
        advice="Give the pool its pages back, and have the memory module checked.",
        command=words.resize(pool.page_size, pool.persistent + missing),
        evidence=evidence,
    )


def _demoted(pool: _Pool, seen: int, small: _Pool | None) -> Finding:
    count = seen or pool.missing
    verb = "was" if count == 1 else "were"
    evidence = [Evidence(name="pages now", value=str(pool.total), source=_file(pool))]
    if pool.boot is not None:
        evidence.append(_boot_evidence(pool))
    if seen:
        evidence.append(Evidence(name="seen to be demoted", value=str(seen), source=_file(pool)))
    if small is not None:
        beyond = small.persistent - (small.boot or 0)
        name = f"pages of {words.size(small.page_size)} beyond those of boot"
        evidence.append(Evidence(name=name, value=str(beyond), source=_file(small)))
    into = ""
    if small is not None:
        parts = count * (pool.page_size // small.page_size)
        into = f" into {words.counted(parts, 'page')} of {words.size(small.page_size)}"
    return Finding(
        key=f"pages-demoted:{pool.page_size}",
        code="pages-demoted",
        severity="notice",
        what=f"{words.pages(count, pool.page_size)} {verb} demoted{into}.",
        why=f"Pages of {words.size(pool.page_size)} are hard to come by after boot: what is cut up "
        "stays so until enough neighbours are free again.",
        advice="If the larger pages are wanted back, shrink the smaller pool and ask for them; the "
        "kernel gives as many as it can put together.",
        command=words.resize(pool.page_size, pool.persistent + count),
        evidence=evidence,
    )


def _file(pool: _Pool) -> str:
    return words.pool_file(pool.page_size)


def _boot_evidence(pool: _Pool) -> Evidence:
    return Evidence(name="pages asked for at boot", value=str(pool.boot), source="/proc/cmdline")
