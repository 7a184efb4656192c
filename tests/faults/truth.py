"""What the kernel has, in the columns of the wire; the reader shares no code with the product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hugescope_wire.cells import (
    PAGE_BYTES,
    UNKNOWN_COUNT,
    UNKNOWN_NODE,
    CellFlag,
    Cells,
    CellState,
)
from hugescope_wire.messages import HostSummary
from tests.kernel import plain_reader
from tests.kernel.plain_reader import Cell, Vma

LIVE = Path("/")
Place = tuple[int, int]
"""Process id and start address of a mapping."""

Facts = tuple[int, int, bool, str, str | None]
"""End, page size, whether it is shared, kind and name of the backing."""


@dataclass(frozen=True)
class Truth:
    """Every hugetlb mapping of every process that this /proc shows, and their cells."""

    facts: Mapping[Place, Facts]
    cells: Mapping[Place, Cells]


def read_truth() -> Truth:
    """Entry by entry; nothing may change meanwhile."""
    found: dict[Vma, list[Cell]] = {}
    readings = []
    for pid in plain_reader.pids(LIVE):
        try:
            readings.append(plain_reader.read_process(LIVE, pid))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it left
        found |= readings[-1]
    mappers = plain_reader.mappers(readings)
    facts, cells = {}, {}
    for vma, read in found.items():
        kind, name = vma.backing
        place = (vma.pid, vma.start)
        known = None if kind == "anonymous" else name
        facts[place] = (vma.end, vma.page_size, vma.shared, kind, known)
        cells[place] = _columns(
            read, [0 if one.head_pfn is None else mappers[one.head_pfn] for one in read]
        )
    return Truth(facts, cells)


def _columns(read: list[Cell], mappers: list[int]) -> Cells:
    there = [cell.mapped_bytes > 0 for cell in read]
    flags = [
        (CellFlag.EXCLUSIVE if cell.exclusive and present else 0)
        | (CellFlag.WRITE_PROTECTED if cell.write_protected else 0)
        for cell, present in zip(read, there, strict=True)
    ]
    counts = [count if ok else UNKNOWN_COUNT for count, ok in zip(mappers, there, strict=True)]
    return Cells(
        mapped_pages=np.array([cell.mapped_bytes // PAGE_BYTES for cell in read], np.uint32),
        mapcount=np.array(
            [UNKNOWN_COUNT if cell.mapcount is None else cell.mapcount for cell in read], np.uint16
        ),
        mappers=np.array(counts, np.uint16),
        state=np.array([CellState[cell.state.upper()] for cell in read], np.uint8),
        flags=np.array(flags, np.uint8),
        node=np.array(
            [UNKNOWN_NODE if cell.node is None else cell.node for cell in read], np.uint8
        ),
    )


def facts_of(host: HostSummary) -> dict[Place, Facts]:
    """The same of what a viewer was told."""
    return {
        (process.pid, mapping.start): (
            mapping.end,
            mapping.page_size,
            mapping.shared,
            mapping.backing.kind,
            None if mapping.backing.kind == "anonymous" else mapping.backing.name,
        )
        for process in host.processes
        for mapping in process.mappings
    }


def difference_of_cells(place: Place, true: Cells, shown: Cells | None) -> str | None:
    """In words, of the first cell that differs; None where none does."""
    pid, start = place
    where = f"mapping {start:#x} of process {pid}"
    if shown is None:
        return f"{where}: no cells are shown"
    if len(shown) != len(true):
        return f"{where}: {len(shown)} cells are shown of {len(true)}"
    differing = true.differing(shown)
    if not len(differing):
        return None
    at = int(differing[0])
    rows = f"cell {at} is {_row(true, at)}, shown {_row(shown, at)}"
    return f"{where}: {len(differing)} cells differ; {rows}"


def _row(cells: Cells, at: int) -> str:
    names = ("state", "mapped_pages", "mapcount", "mappers", "flags", "node")
    return " ".join(f"{name}={getattr(cells, name)[at]}" for name in names)
