"""split-mapping, the milder kind: folios of 2 MiB of which small entries map a part only."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hugescope_agent.model.findings import links, words
from hugescope_agent.model.findings.facts import Facts, Place
from hugescope_wire.cells import CellFlag, CellState
from hugescope_wire.findings import Evidence, Finding
from hugescope_wire.host import ProcessInfo
from hugescope_wire.levels import PMD_BYTES
from hugescope_wire.report import ThpFacts

_LINKS: Final = 64
"""Of a process with many such mappings; more would be walked by nobody."""


class _Parts(NamedTuple):
    """Cells of one mapping that show a part of such a folio, and its bytes that they map.

    `at_least`: other cells of the mapping may have some of these bytes.
    """

    place: Place
    chosen: npt.NDArray[np.bool_]
    bytes_: int
    at_least: bool


def find_in_part(facts: Facts) -> list[Finding]:
    """One finding a process: what split one folio may have made three mappings of one.

    Files are left out. Reading a file ahead makes large folios too, and nothing of them was split.
    """
    by_process: dict[int, list[_Parts]] = {}
    for key, place in facts.places.items():
        report = facts.reports.get(key)
        if report is None or report.thp is None or place.info.backing.kind == "file":
            continue
        parts = _parts(facts, place, report.thp)
        if parts is not None:
            by_process.setdefault(place.process.pid, []).append(parts)
    return [_in_part(facts, parts[0].place.process, parts) for parts in by_process.values()]


def _parts(facts: Facts, place: Place, thp: ThpFacts) -> _Parts | None:
    cells = facts.cells.get(place.info.id)
    if cells is None or thp.folio_bytes is None:
        return None
    certain = (cells.flags & CellFlag.INFERRED) == 0
    chosen = (cells.state == CellState.PARTIAL) & certain
    in_full = int((cells.state == CellState.SPLIT).sum() + (cells.state == CellState.FULL).sum())
    held = thp.folio_bytes.get(PMD_BYTES, 0) - (thp.pmd_bytes or 0) - in_full * PMD_BYTES
    if not chosen.any() or (held <= 0 and not in_full):
        return None
    return _Parts(place, chosen, max(held, 0), bool(in_full))


def _in_part(facts: Facts, process: ProcessInfo, parts: list[_Parts]) -> Finding:
    pid = process.pid
    bytes_ = sum(one.bytes_ for one in parts)
    cells = sum(int(one.chosen.sum()) for one in parts)
    least = "at least " if any(one.at_least for one in parts) else ""
    much = f"{least}{words.size(bytes_)} of 2 MiB folios" if bytes_ else "parts of 2 MiB folios"
    found = [
        link for one in parts for link in links.to_cells(pid, one.place.info.start, one.chosen)
    ]
    return Finding(
        key=f"split-mapping:{pid}:in-part",
        code="split-mapping",
        severity="info",
        what=f"{facts.who(pid)} maps {much} by small entries, in part only, in "
        f"{words.counted(cells, 'cell')} of {words.counted(len(parts), 'mapping')}.",
        why="Each small entry takes a place in the TLB of its own, and a folio keeps all of its 2 "
        "MiB until the kernel finds time to free the part that nobody maps.",
        advice="Where one mapping covers the whole 2 MiB again, with one protection, have the "
        "process call madvise(MADV_COLLAPSE) on it, or wait for khugepaged where it asked for huge "
        "pages; else change protections, unmap and discard in steps of 2 MiB.",
        command=f"hugescope snapshot --kind thp --pid {pid} --runs",
        evidence=[
            Evidence(
                name="of 2 MiB folios by small entries",
                value=f"{least}{words.size(bytes_)}",
                source=f"/proc/{pid}/pagemap and /proc/kpageflags",
            ),
            Evidence(name="cells mapped in part", value=str(cells), source=f"/proc/{pid}/pagemap"),
        ],
        links=found[:_LINKS],
        pids=[pid],
    )
