"""poisoned-page: memory lost to a hardware error, by page, or by mapping where only the number is
known.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from hugescope_agent.model.findings import links, words
from hugescope_agent.model.findings.facts import Facts, Place
from hugescope_wire.cells import PAGE_BYTES, CellState
from hugescope_wire.findings import CellLink, Evidence, Finding
from hugescope_wire.report import MappingReport, PoisonedPage, PoisonPlace

_COMMAND: Final = "dmesg | grep -iE 'memory failure|hardware error'"
_SOURCES: Final = {
    "kpageflags": "/proc/kpageflags (HWPOISON)",
    "pagemap_scan": "PAGEMAP_SCAN on /proc/PID/pagemap",
    "smaps": "/proc/PID/smaps against /proc/PID/pagemap",
}
_WHY: Final = (
    "The kernel takes the whole huge page away for a few bad bytes: its data is gone, and whoever "
    "touches it gets SIGBUS."
)
_WHY_NOBODY: Final = (
    "No process is known to miss it, but one may have been killed for it, and memory that fails "
    "once tends to fail again."
)


def find_poisoned(facts: Facts) -> list[Finding]:
    """One finding a lost page, and one a mapping that lost more than those."""
    pages = [_page(facts, page) for page in facts.report.poison.pages]
    reports = facts.reports
    starts = dict.fromkeys([*reports, *facts.places])
    more = (_mapping(facts, key, reports.get(key), facts.places.get(key)) for key in starts)
    return pages + [finding for finding in more if finding is not None]


def _page(facts: Facts, page: PoisonedPage) -> Finding:
    missed = bool(page.places) or page.file is not None
    return Finding(
        key=f"poisoned-page:{_key(page)}",
        code="poisoned-page",
        severity="critical" if missed else "warning",
        what=_page_what(facts, page),
        why=_WHY if missed else _WHY_NOBODY,
        advice="Restart what maps it or restore its data, and have the memory module checked: "
        "errors tend to come again."
        if missed
        else "Have the memory module checked.",
        command=_COMMAND,
        evidence=[
            Evidence(name="seen in", value=page.evidence, source=_SOURCES[page.evidence]),
            *_page_evidence(facts, page),
            *_counters(facts),
        ],
        links=[_link(facts, place) for place in page.places],
        pids=sorted({place.process.pid for place in page.places}),
    )


def _page_what(facts: Facts, page: PoisonedPage) -> str:
    """A page that is bad as a whole is 4 KiB of no pool: huge pages go bad in part."""
    size = words.size(page.page_size)
    if page.page_size == PAGE_BYTES and page.in_pool is not True:
        node = "" if page.node is None else f" on node {page.node}"
        left = ", as a huge page leaves that the kernel dissolved" if page.in_pool is False else ""
        return f"A memory error took {size}{node} outside of the huge page pools{left}."
    bad = "" if page.bad_bytes is None else f"{words.size(page.bad_bytes)} are bad and "
    of = "" if page.file is None else f" of {words.file(page.file)}"
    where = _where(facts, page.places) if page.places else "no process is known to have mapped it"
    return f"A memory error took a huge page{of}: {bad}all {size} are gone; {where}."


def _key(page: PoisonedPage) -> str:
    """By file and offset, or by address: neither moves while the page is lost."""
    for place in page.places:
        if page.file is not None and page.file.inode is not None and place.file_offset is not None:
            return f"{page.page_size}:{page.file.kind}:{page.file.inode}:{place.file_offset}"
    for place in page.places:
        if place.address is not None:
            return f"{place.process.pid}:{place.address:x}"
    for place in page.places:
        return f"{place.process.pid}:{place.start:x}:unplaced"
    if page.file is not None and page.file.inode is not None:
        return f"{page.page_size}:{page.file.kind}:{page.file.inode}:unplaced"
    return f"{page.page_size}:node{page.node}"


def _where(facts: Facts, places: list[PoisonPlace]) -> str:
    said = []
    for place in places:
        guess = "likely " if place.inferred else ""
        at = (
            f"somewhere in the mapping at {words.address(place.start)}"
            if place.address is None
            else f"{guess}at {words.address(place.address)}"
        )
        said.append(f"{facts.who(place.process)} had it {at}")
    return words.listing(said)


def _page_evidence(facts: Facts, page: PoisonedPage) -> list[Evidence]:
    evidence = []
    if page.in_pool is not None:
        kept = "still counted" if page.in_pool else "dissolved by the kernel"
        evidence.append(Evidence(name="in the pool", value=kept))
    if page.node is not None:
        evidence.append(Evidence(name="node", value=str(page.node)))
    for place in page.places:
        parts = [
            "address unknown" if place.address is None else words.address(place.address),
            *([] if place.file_offset is None else [f"file offset {place.file_offset}"]),
            *(["inferred"] if place.inferred else []),
        ]
        evidence.append(Evidence(name=facts.who(place.process), value=", ".join(parts)))
    return evidence


def _counters(facts: Facts) -> list[Evidence]:
    poison = facts.report.poison
    evidence = []
    if poison.hardware_corrupted_bytes:
        value = words.size(poison.hardware_corrupted_bytes)
        evidence.append(Evidence(name="HardwareCorrupted", value=value, source="/proc/meminfo"))
    for failure in poison.failures:
        if failure.total:
            path = f"/sys/devices/system/node/node{failure.node}/memory_failure/total"
            name = f"memory failures on node {failure.node}"
            evidence.append(Evidence(name=name, value=str(failure.total), source=path))
    return evidence


def _link(facts: Facts, place: PoisonPlace) -> CellLink:
    found = facts.places.get((place.process.pid, place.start))
    if found is None or place.address is None:
        return links.to_mapping(place.process.pid, place.start)
    return links.to_address(place.process.pid, found.info, place.address)


def _mapping(
    facts: Facts, key: tuple[int, int], report: MappingReport | None, place: Place | None
) -> Finding | None:
    """What a mapping lost beyond the pages that are known.

    A cell that is shown as migrating is an entry of the kind that smaps counts and pagemap hides,
    and it is not lost; where no memory is bad all of them are.
    """
    pid, start = key
    known = sum(
        (where.process.pid, where.start) == key
        for page in facts.report.poison.pages
        for where in page.places
    )
    cells = None if place is None else facts.cells.get(place.info.id)
    states = [0] * len(CellState) if cells is None else cells.state_counts()
    shown, moving = states[CellState.POISONED], states[CellState.MIGRATING]
    lost = 0 if report is None or report.lost_pages is None else report.lost_pages
    certain = max(0, shown - known)
    none_bad = facts.report.poison.hardware_corrupted_bytes == 0
    unclear = 0 if none_bad else max(0, lost - max(known, shown) - moving)
    if not certain and not unclear:
        return None
    poisoned = np.zeros(0, np.bool_) if cells is None else cells.state == CellState.POISONED
    return Finding(
        key=f"poisoned-page:{pid}:{start:x}",
        code="poisoned-page",
        severity="critical" if certain else "warning",
        what=_mapping_what(facts, key, certain, unclear),
        why=_WHY
        if certain
        else "A migration is over in a moment and costs nothing; a page that "
        "stays away is poisoned, and whoever touches it gets SIGBUS.",
        advice="Look again: what is still there was lost to a memory error, which the kernel's "
        "log tells of."
        if not certain
        else "Restart the process or restore its data, and have the memory module checked.",
        command=_COMMAND,
        evidence=[
            Evidence(
                name="entries in smaps that pagemap does not show",
                value=str(lost),
                source=f"/proc/{pid}/smaps against /proc/{pid}/pagemap",
            ),
            Evidence(name="cells shown as poisoned", value=str(shown)),
            Evidence(name="lost pages known one by one", value=str(known)),
            *_counters(facts),
        ],
        links=links.to_cells(pid, start, poisoned) or [links.to_mapping(pid, start)],
        pids=[pid],
    )


def _mapping_what(facts: Facts, key: tuple[int, int], certain: int, unclear: int) -> str:
    who, at = facts.who(key[0]), words.address(key[1])
    if not certain:
        entries = words.counted(unclear, "entry", "entries")
        verb = "is" if unclear == 1 else "are"
        return f"{who} has {entries} in its mapping at {at} that {verb} poisoned or migrating."
    and_more = f" and {unclear} more that are poisoned or migrating" if unclear else ""
    return f"{who} lost {words.counted(certain, 'huge page')} of its mapping at {at}{and_more}."
