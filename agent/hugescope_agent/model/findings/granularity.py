"""split-mapping: huge pages that are there in full and mapped by smaller entries."""

from __future__ import annotations

import numpy as np

from hugescope_agent.model.findings import links, words
from hugescope_agent.model.findings.facts import Facts, Place
from hugescope_wire.cells import PAGE_BYTES, CellFlag, CellState
from hugescope_wire.findings import Evidence, Finding
from hugescope_wire.report import SplitFacts


def find_split(facts: Facts) -> list[Finding]:
    """One finding a mapping."""
    findings = []
    for key, place in facts.places.items():
        report = facts.reports.get(key)
        finding = _split_mapping(facts, place, None if report is None else report.split)
        if finding is not None:
            findings.append(finding)
    return findings


def _split_mapping(facts: Facts, place: Place, split: SplitFacts | None) -> Finding | None:
    process, info = place
    cells = facts.cells.get(info.id)
    chosen = certain = np.zeros(0, np.bool_)
    if cells is not None:
        whole = cells.mapped_pages == info.page_size // PAGE_BYTES
        chosen = (cells.state == CellState.SPLIT) & whole
        certain = chosen & ((cells.flags & CellFlag.INFERRED) == 0)
    placed = int(certain.sum())
    exact = split is not None and split.pages is not None
    count = split.pages if split is not None and split.pages is not None else placed
    if not count:
        return None
    unplaced = max(0, count - placed)
    evidence = [
        Evidence(
            name="present in full and split",
            value=f"{'' if exact or info.kind == 'thp' else 'at least '}{count}",
            source=_source(info.kind, process.pid),
        ),
        Evidence(name="at known places", value=str(placed), source=f"/proc/{process.pid}/pagemap"),
    ]
    if split is not None and split.collapse_frees_bytes is not None:
        freed = words.size(split.collapse_frees_bytes)
        evidence.append(Evidence(name="page tables that a collapse frees", value=freed))
    where = f", {unplaced} of them at places that are not certain" if unplaced else ""
    kind = "transparent huge" if info.kind == "thp" else "huge"
    who = words.process(facts.ref(process.pid))
    return Finding(
        key=f"split-mapping:{process.pid}:{info.start:x}",
        code="split-mapping",
        severity="notice",
        what=f"{who} maps {words.counted(count, f'{kind} page')} of {words.size(info.page_size)} "
        f"at {words.address(info.start)} in full but by smaller entries{where}.",
        why=_why(split),
        advice="Have the process call madvise(MADV_COLLAPSE) on the range, which maps each of "
        "them by one entry again.",
        command=f"hugescope snapshot {_kind_option(info.kind)}--pid {process.pid} --runs",
        evidence=evidence,
        links=links.to_cells(process.pid, info.start, chosen)
        or [links.to_mapping(process.pid, info.start)],
        pids=[process.pid],
    )


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
