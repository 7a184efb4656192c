"""split-mapping: huge pages, and 2 MiB chunks of larger ones, that are there in full and mapped by
smaller entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from hugescope_agent.model.decode import Mask
from hugescope_agent.model.findings import links, words
from hugescope_agent.model.findings.facts import Facts, Place
from hugescope_wire.cells import PAGE_BYTES, CellFlag, Cells, CellState
from hugescope_wire.findings import Evidence, Finding
from hugescope_wire.host import MappingInfo
from hugescope_wire.levels import PMD_BYTES
from hugescope_wire.report import SplitFacts

_SPLIT: Final = np.uint8(CellState.SPLIT)


def find_split(facts: Facts) -> list[Finding]:
    """One finding a mapping."""
    findings = []
    for key, place in facts.places.items():
        report = facts.reports.get(key)
        finding = _split_mapping(facts, place, None if report is None else report.split)
        if finding is not None:
            findings.append(finding)
    return findings


@dataclass(frozen=True, slots=True)
class _Split:
    """What of one mapping is split.

    Attributes:
        pages, chunks: huge pages, and 2 MiB chunks of larger ones, present in full and mapped by
            smaller entries; `exact`: `pages` is all of them.
        of_chunks: chunks present in full that no entry of the page's own size maps.
        placed: of the pages, those at known places.
        cells: those that are split, or among which the split ones are.
    """

    pages: int
    chunks: int
    of_chunks: int
    exact: bool
    placed: int
    cells: Mask


def _split_of(cells: Cells | None, info: MappingInfo, split: SplitFacts | None) -> _Split | None:
    """None where nothing is split."""
    if cells is None:
        cells = Cells.holes(0)
    chosen: Mask = cells.state == _SPLIT
    if split is None and not chosen.any():
        return None
    inferred = cells.flags & CellFlag.INFERRED != 0
    chosen &= cells.mapped_pages == info.page_size // PAGE_BYTES
    placed = int((chosen & ~inferred).sum())
    exact = split is not None and split.pages is not None
    count = split.pages if split is not None and split.pages is not None else placed
    if count > placed:
        chosen |= (cells.state == CellState.FULL) & inferred
    chunks = 0 if split is None else split.chunks or 0
    if chunks:
        chosen |= (cells.mapped_pages >= PMD_BYTES // PAGE_BYTES) & (
            cells.state != CellState.MAPPED
        )
    of_chunks = chunks + (info.level_bytes.pmd or 0) // PMD_BYTES
    return _Split(count, chunks, of_chunks, exact, placed, chosen) if count + chunks else None


def _split_mapping(facts: Facts, place: Place, facts_of: SplitFacts | None) -> Finding | None:
    process, info = place
    split = _split_of(facts.cells.get(info.id), info, facts_of)
    if split is None:
        return None
    who = facts.who(process.pid)
    return Finding(
        key=f"split-mapping:{process.pid}:{info.start:x}",
        code="split-mapping",
        severity="notice",
        what=f"{who} maps {_what(split, info)}.",
        why=_why(facts_of),
        advice="Have the process call madvise(MADV_COLLAPSE) on the range, which maps each of "
        "them by one entry again.",
        command=f"hugescope snapshot {_kind_option(info.kind)}--pid {process.pid} --runs",
        evidence=_evidence(split, place, facts_of),
        links=links.to_cells(process.pid, info.start, split.cells)
        or [links.to_mapping(process.pid, info.start)],
        pids=[process.pid],
    )


def _what(split: _Split, info: MappingInfo) -> str:
    """What is mapped by smaller entries, and where."""
    address = words.address(info.start)
    chunks = f"{split.chunks} of {split.of_chunks} full 2 MiB chunks"
    if not split.pages:
        return f"{chunks} of pages of {words.size(info.page_size)} at {address} by 512 entries each"
    kind = "transparent huge" if info.kind == "thp" else "huge"
    unplaced = max(0, split.pages - split.placed)
    where = f", {unplaced} of them at places that are not certain" if unplaced else ""
    beside = f"; beside, {chunks} by 512 entries each" if split.chunks else ""
    pages = f"{words.counted(split.pages, f'{kind} page')} of {words.size(info.page_size)}"
    return f"{pages} at {address} in full but by smaller entries{where}{beside}"


def _evidence(split: _Split, place: Place, facts_of: SplitFacts | None) -> list[Evidence]:
    process, info = place
    found = []
    if split.pages:
        at_least = "" if split.exact or info.kind == "thp" else "at least "
        found += [
            Evidence(
                name="present in full and split",
                value=f"{at_least}{split.pages}",
                source=_source(info.kind, process.pid),
            ),
            Evidence(
                name="at known places",
                value=str(split.placed),
                source=f"/proc/{process.pid}/pagemap",
            ),
        ]
    if split.chunks:
        found.append(
            Evidence(
                name="full 2 MiB chunks mapped by 512 entries",
                value=f"{split.chunks} of {split.of_chunks}",
                source=_source(info.kind, process.pid),
            )
        )
    if facts_of is not None and facts_of.collapse_frees_bytes is not None:
        freed = words.size(facts_of.collapse_frees_bytes)
        found.append(Evidence(name="page tables that a collapse frees", value=freed))
    return found


def _source(kind: str, pid: int) -> str:
    if kind == "thp":
        return f"/proc/{pid}/pagemap and /proc/kpageflags"
    return f"/proc/{pid}/smaps (HugetlbPteMapped) and /proc/{pid}/pagemap"


def _kind_option(kind: str) -> str:
    return "--kind thp " if kind == "thp" else ""


def _why(split: SplitFacts | None) -> str:
    """Collapsing a transparent page keeps its page table in store, so only HGM frees any."""
    if split is not None and split.collapse_frees_bytes:
        freed = words.size(split.collapse_frees_bytes)
        return (
            "Each small entry takes a place in the TLB that one large entry would take for all, "
            f"and their page tables hold {freed}."
        )
    return "Each small entry takes a place in the TLB that one large entry would take for all."
