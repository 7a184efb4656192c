"""mapcount-differs and shared-table: what the kernel counts against who really maps a page."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hugescope_agent.model.findings import links, words
from hugescope_agent.model.findings.facts import Facts, Place, file_of
from hugescope_wire.cells import UNKNOWN_COUNT, CellFlag, Cells
from hugescope_wire.findings import CellLink, Evidence, Finding, Severity
from hugescope_wire.report import MappingReport, SharingGroup, SharingReason

_COUNTED_AT: Final = "/proc/kpagecount, and all page tables joined by page"


class _Reason(NamedTuple):
    severity: Severity
    what: str
    why: str
    advice: str


_REASONS: Final[dict[SharingReason, _Reason]] = {
    "unseen_mapping": _Reason(
        "notice",
        "more mappings than can be seen from here",
        "Something maps these pages that is not shown, so who holds them is known in part only.",
        "Look as root from the host's own PID namespace, where every process can be read.",
    ),
    "average_mapcount": _Reason(
        "info",
        "the kernel's mapcount as an average over the parts of a page",
        "This kernel keeps no count for each page (CONFIG_NO_PAGE_MAPCOUNT), so that its mapcount "
        "is no number of mappings.",
        "Go by mappers, which are counted from the page tables themselves.",
    ),
    "partly_mapped": _Reason(
        "info",
        "a mapcount of the first 4 KiB of a page only",
        "Their mappings show different parts of each page, and the kernel counts every 4 KiB by "
        "itself.",
        "Go by mappers, which count a mapping whatever part of the page it shows.",
    ),
    "alias": _Reason(
        "info",
        "several mappings of the same pages in one process",
        "A mapcount above 1 looks like sharing between processes, and here it is one process "
        "with itself.",
        "Count processes, not mapcount, to know who shares the pages.",
    ),
}
"""Reasons that are findings. A shared table is one of its own, and what moves is none."""


def find_sharing(facts: Facts) -> list[Finding]:
    """One finding a file (or private mapping) and reason, and one a file with shared tables."""
    differing: dict[tuple[SharingReason, Hashable], list[tuple[Place, MappingReport]]]
    differing = defaultdict(list)
    tables: dict[Hashable, list[Place]] = defaultdict(list)
    for mapping in facts.report.mappings:
        place = facts.places.get((mapping.pid, mapping.start))
        if place is None:
            continue
        what = file_of(place.info, private=True) or (mapping.pid, mapping.start)
        if mapping.shared_table_cells:
            tables[what].append(place)
        for reason in _REASONS:
            if any(_differs_by(reason, group) for group in mapping.sharing):
                differing[reason, what].append((place, mapping))
    findings = [
        _differs(facts, reason, _aliases(found) if reason == "alias" else found)
        for (reason, _), found in differing.items()
    ]
    return findings + [_shared_table(facts, places) for places in tables.values()]


def _differs_by(reason: SharingReason, group: SharingGroup) -> bool:
    """Whether the group's counts differ for this reason. An alias is seen in the page tables alone:
    where the mapcount is not known, nothing is known to differ.
    """
    return reason in group.reasons and (reason != "alias" or group.mapcount is not None)


def _aliases(found: list[tuple[Place, MappingReport]]) -> list[tuple[Place, MappingReport]]:
    """Mappings of the processes that have the file mapped more than once; others show the same
    pages, and are none of the reason.
    """
    times = Counter(place.process.pid for place, _ in found)
    several = [(place, mapping) for place, mapping in found if times[place.process.pid] > 1]
    return several or found


def _differs(
    facts: Facts, reason: SharingReason, found: list[tuple[Place, MappingReport]]
) -> Finding:
    said = _REASONS[reason]
    places = [place for place, _ in found]
    cells = 0
    evidence: list[Evidence] = []
    shown: list[CellLink] = []
    for place, mapping in found:
        for group in mapping.sharing:
            if _differs_by(reason, group):
                cells += group.cells
                evidence.append(_group_evidence(place, group))
                shown += _group_links(facts, place, group)
    first = places[0]
    verb = "shows" if cells == 1 else "show"
    return Finding(
        key=f"mapcount-differs:{reason}:{_key(first)}",
        code="mapcount-differs",
        severity=said.severity,
        what=f"{_who(facts, places)}: {words.counted(cells, 'cell')} of "
        f"{words.backing(first.info)} at {_where(places)} {verb} {said.what}.",
        why=said.why,
        advice=said.advice,
        evidence=evidence,
        links=shown,
        pids=_pids(places),
    )


def _group_evidence(place: Place, group: SharingGroup) -> Evidence:
    start = place.info.start + group.first * place.info.page_size
    counts = (
        f"{name} {'unknown' if count is None else count}"
        for name, count in (
            ("mapcount", group.mapcount),
            ("mappers", group.mappers),
            ("processes", group.processes),
        )
    )
    return Evidence(
        name=f"{words.counted(group.cells, 'cell')} from {words.address(start)} "
        f"in process {place.process.pid}",
        value=", ".join(counts),
        source=_COUNTED_AT,
    )


def _group_links(facts: Facts, place: Place, group: SharingGroup) -> list[CellLink]:
    """The group's cells where its counts tell them from all others, else the first of them."""
    pid, info = place.process.pid, place.info
    cells = facts.cells.get(info.id)
    if cells is not None:
        chosen = _counts_are(cells, group)
        if int(chosen.sum()) == group.cells:
            return links.to_cells(pid, info.start, chosen)
    return [links.to_address(pid, info, info.start + group.first * info.page_size)]


def _counts_are(cells: Cells, group: SharingGroup) -> npt.NDArray[np.bool_]:
    mapcount = UNKNOWN_COUNT if group.mapcount is None else group.mapcount
    mappers = UNKNOWN_COUNT if group.mappers is None else group.mappers
    counted = (cells.mapcount == mapcount) & (cells.mappers == mappers)
    chosen: npt.NDArray[np.bool_] = counted & (cells.mapped_pages > 0)
    return chosen


def _shared_table(facts: Facts, places: list[Place]) -> Finding:
    first = places[0]
    shown: list[CellLink] = []
    for process, info in places:
        cells = facts.cells.get(info.id)
        chosen = [] if cells is None else _flagged(process.pid, info.start, cells)
        shown += chosen or [links.to_mapping(process.pid, info.start)]
    counts = {key: mapping.shared_table_cells for key, mapping in facts.reports.items()}
    number = max(counts[place.process.pid, place.info.start] for place in places)
    who = _who(facts, places)
    return Finding(
        key=f"shared-table:{_key(first)}",
        code="shared-table",
        severity="info",
        what=f"{who}: {words.counted(number, 'cell')} of {words.backing(first.info)} "
        f"at {_where(places)} stand in a page table that several processes share.",
        why="The kernel counts a shared table once, so mapcount is too low, and HugetlbPages in "
        "/proc/PID/status misses this memory in all of the processes but one.",
        advice="Go by mappers, and add nothing up from HugetlbPages in /proc/PID/status.",
        evidence=[
            Evidence(
                name=f"cells in a shared table at {words.address(info.start)} "
                f"in process {process.pid}",
                value=str(counts[process.pid, info.start]),
                source=_COUNTED_AT,
            )
            for process, info in places
        ],
        links=shown,
        pids=_pids(places),
    )


def _flagged(pid: int, start: int, cells: Cells) -> list[CellLink]:
    return links.to_cells(pid, start, (cells.flags & CellFlag.SHARED_TABLE) != 0)


def _key(place: Place) -> str:
    info = place.info
    what = file_of(info)
    if what is None:
        return f"{place.process.pid}:{info.start:x}"
    page_size, kind, inode, name = what
    return f"{page_size}:{kind}:{inode}" + (f":{words.printable(name)}" if name else "")


def _pids(places: list[Place]) -> list[int]:
    return sorted({place.process.pid for place in places})


def _who(facts: Facts, places: list[Place]) -> str:
    return words.listing([facts.who(pid) for pid in _pids(places)])


def _where(places: list[Place]) -> str:
    return words.listing(sorted({words.address(place.info.start) for place in places}))
