"""cgroup-limit-hit, and sigbus-risk by a cgroup's limit.

Use, limits and refusals of a cgroup count what lies below it too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.model.findings import links, words
from hugescope_agent.model.findings.facts import Facts, FileKey, Place, file_of, same_file
from hugescope_wire.account import CgroupUse
from hugescope_wire.cells import CellFlag, CellState
from hugescope_wire.findings import Evidence, Finding
from hugescope_wire.host import MappingInfo

_LIMIT_FILES: Final = {1: "limit_in_bytes", 2: "max"}
_USE_FILES: Final = {1: "usage_in_bytes", 2: "current"}
_FAILURE_FILES: Final = {1: "failcnt", 2: "events"}

Offsets = npt.NDArray[np.int64]


def find_limit_hit(facts: Facts) -> list[Finding]:
    """One finding a cgroup and page size that was refused pages at a limit.

    v2 counts a refusal in the cgroup that asked and in all above it: those are not the place to
    look, and count only what they do not have from below.
    """
    findings = []
    for use in facts.report.cgroups:
        count = _own_failures(use, facts.report.cgroups)
        reserved = use.reserved_failures or 0
        if count or reserved:
            findings.append(_limit_hit(facts, use, count, reserved))
    return findings


def _own_failures(use: CgroupUse, uses: list[CgroupUse]) -> int:
    count = use.failures or 0
    if use.version == 1 or not count:
        return count
    below = [other for other in uses if _is_below(other, use)]
    children = [other for other in below if not any(_is_below(other, between) for between in below)]
    return max(0, count - sum(child.failures or 0 for child in children))


def _is_below(one: CgroupUse, other: CgroupUse) -> bool:
    """Whether `one` lies below `other`, of the same hierarchy and page size."""
    if (one.version, one.page_size) != (other.version, other.page_size):
        return False
    return one.path != other.path and one.path.startswith(f"{other.path.rstrip('/')}/")


def _limit_hit(facts: Facts, use: CgroupUse, count: int, reserved: int) -> Finding:
    limited = _limiting(use, facts.report.cgroups)
    refused = "once" if count + reserved == 1 else f"{count + reserved} times"
    size = words.size(use.page_size)
    limit = "a limit"
    if limited is not None and limited.limit_bytes is not None:
        whose = "its limit" if limited is use else f"the limit of {words.printable(limited.path)}"
        limit = f"{whose} (now {words.size(limited.limit_bytes)})"
    evidence = [_evidence(use, "refusals", count, _FAILURE_FILES[use.version])]
    if reserved:
        evidence.append(_evidence(use, "refused reservations", reserved, "rsvd.failcnt"))
    if use.usage_bytes is not None:
        used = words.size(use.usage_bytes)
        evidence.append(_evidence(use, "in use", used, _USE_FILES[use.version]))
    return Finding(
        key=f"cgroup-limit-hit:v{use.version}:{use.page_size}:{words.printable(use.path)}",
        code="cgroup-limit-hit",
        severity="warning",
        what=f"Cgroup {words.printable(use.path)} was refused {size} pages {refused} at {limit} "
        "since it was made.",
        why="A refused fault ends the process with SIGBUS, and a refused reservation fails mmap "
        "with ENOMEM.",
        advice="Raise the limit, or have the processes of the cgroup use fewer huge pages.",
        command=None
        if limited is None or limited.limit_bytes is None
        else _raise(limited, limited.limit_bytes + use.page_size),
        evidence=evidence,
        pids=sorted(set(use.pids)),
    )


def _limiting(use: CgroupUse, uses: list[CgroupUse]) -> CgroupUse | None:
    """The nearest cgroup with a limit, from this one upwards."""
    line = [use, *(other for other in uses if _is_below(use, other))]
    limited = [one for one in line if one.limit_bytes is not None]
    return max(limited, key=lambda one: len(one.path), default=None)


def _evidence(use: CgroupUse, name: str, value: object, file: str) -> Evidence:
    return Evidence(name=name, value=str(value), source=_file(use, file))


def _file(use: CgroupUse, file: str) -> str:
    """The name of a file, with its directory where that is known."""
    size = use.page_size
    unit = next((u, s) for u, s in (("GB", 30), ("MB", 20), ("KB", 10)) if size >= 1 << s)
    name = f"hugetlb.{size >> unit[1]}{unit[0]}.{file}"
    return name if use.directory is None else f"{words.printable(use.directory)}/{name}"


def _raise(use: CgroupUse, limit_bytes: int) -> str | None:
    if use.directory is None or not use.directory.isprintable():
        return None
    path = words.path_argument(_file(use, _LIMIT_FILES[use.version]))
    return None if path is None else f"echo {limit_bytes} > {path}"


# --- sigbus-risk --------------------------------------------------------------------------------


def find_cgroup_risk(facts: Facts) -> list[Finding]:
    """One finding a cgroup and page size whose processes can touch more pages than its limit lets
    in: also reserved ones, which are charged when they are touched.
    """
    findings = []
    for use in facts.report.cgroups:
        if use.limit_bytes is None or use.usage_bytes is None:
            continue
        room = max(0, use.limit_bytes - use.usage_bytes) // use.page_size
        places = _places(facts, use)
        if sum(len(_empty(facts, place)) for place in places) <= room:
            continue
        owed = _pages_to_come(facts, places)
        if owed > room:
            findings.append(_risk(facts, use, places, owed, room))
    return findings


def _places(facts: Facts, use: CgroupUse) -> list[Place]:
    """Mappings of the processes in a cgroup or below it."""
    pids = set(use.pids)
    for other in facts.report.cgroups:
        if _is_below(other, use):
            pids.update(other.pids)
    return [
        place
        for (pid, _), place in facts.places.items()
        if pid in pids and (place.info.kind, place.info.page_size) == ("hugetlb", use.page_size)
    ]


def _empty(facts: Facts, place: Place) -> npt.NDArray[np.intp]:
    """Cells that a touch would have to find a page for."""
    cells = facts.cells.get(place.info.id)
    if cells is None:
        return np.empty(0, np.intp)
    # A hole that is inferred may hold a page already: its entries were not captured.
    hole = (cells.state == CellState.HOLE) & (cells.flags & CellFlag.INFERRED == 0)
    return np.flatnonzero(hole | (cells.state == CellState.MARKER))


def _pages_to_come(facts: Facts, places: list[Place]) -> int:
    """Pages that these mappings lack and that touching them would charge, each page once.

    A page that a file has already is charged already: those that any mapping shows are left out by
    place, those that no page table shows by number.
    """
    count = 0
    files: dict[FileKey, list[Place]] = defaultdict(list)
    for place in places:
        what = file_of(place.info)
        if what is None:
            count += max(0, len(_empty(facts, place)) - _hidden(facts, place))
        else:
            files[what].append(place)
    for what, of_file in files.items():
        wanted = _union(_offsets(place.info, _empty(facts, place)) for place in of_file)
        shown = _union(
            _offsets(place.info, _present(facts, place)) for place in facts.sharers[what]
        )
        held = sum(
            holding.pages
            for holding in facts.report.holdings
            if same_file(what, holding.file, holding.page_size)
        )
        missing = len(wanted) - int(np.isin(wanted, shown).sum())
        hidden = max(_hidden(facts, place) for place in of_file)
        count += max(0, missing - held - hidden)
    return count


def _hidden(facts: Facts, place: Place) -> int:
    """Poisoned or migrating entries that smaps counts and that look like holes here: a touch of
    them finds no new page.
    """
    report = facts.reports.get((place.process.pid, place.info.start))
    lost = None if report is None else report.lost_pages
    cells = facts.cells.get(place.info.id)
    states = [0] * len(CellState) if cells is None else cells.state_counts()
    return max(0, (lost or 0) - states[CellState.POISONED] - states[CellState.MIGRATING])


def _present(facts: Facts, place: Place) -> npt.NDArray[np.intp]:
    cells = facts.cells.get(place.info.id)
    return np.empty(0, np.intp) if cells is None else np.flatnonzero(cells.mapped_pages)


def _offsets(info: MappingInfo, index: npt.NDArray[np.intp]) -> Offsets:
    """Where in the file these cells lie, in huge pages."""
    return index.astype(np.int64) + info.backing.offset // info.page_size


def _union(parts: Iterable[Offsets]) -> Offsets:
    found = list(parts)
    return np.unique(np.concatenate(found)) if found else np.empty(0, np.int64)


def _risk(facts: Facts, use: CgroupUse, places: list[Place], owed: int, room: int) -> Finding:
    size = use.page_size
    lacking = [place for place in places if len(_empty(facts, place))]
    pids = sorted({place.process.pid for place in lacking})
    who = words.listing([facts.who(pid) for pid in pids])
    limit, used = use.limit_bytes or 0, use.usage_bytes or 0
    return Finding(
        key=f"sigbus-risk:cgroup:v{use.version}:{size}:{words.printable(use.path)}",
        code="sigbus-risk",
        severity="warning" if room else "critical",
        what=f"{who} can touch {words.pages(owed, size)} more, and the limit of cgroup "
        f"{words.printable(use.path)} leaves room for {room if room else 'none'}.",
        why="A page is charged to the cgroup when it is touched, reserved or not, and a touch "
        "beyond the limit ends the process with SIGBUS.",
        advice="Raise the limit before the pages are touched, or set the reservation limit "
        "(rsvd), which refuses an mmap instead of ending a process.",
        command=_raise(use, limit + (owed - room) * size),
        evidence=[
            _evidence(use, "limit", words.size(limit), _LIMIT_FILES[use.version]),
            _evidence(use, "in use", words.size(used), _USE_FILES[use.version]),
            *(
                Evidence(
                    name=f"not present in {facts.who(place.process.pid)} "
                    f"at {words.address(place.info.start)}",
                    value=f"{len(_empty(facts, place))} of {place.info.cell_count}",
                    source=f"/proc/{place.process.pid}/pagemap",
                )
                for place in lacking
            ),
        ],
        links=[links.to_mapping(place.process.pid, place.info.start) for place in lacking],
        pids=pids,
    )
