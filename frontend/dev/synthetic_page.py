"""Made-up answers about one page of the synthetic hosts: nothing here was read from a kernel."""

from __future__ import annotations

from synthetic_hosts import ONE_GIB, TWO_MIB, Mapping
from synthetic_report import MEMFD

from hugescope_wire.cells import PAGE_BYTES, UNKNOWN_COUNT, UNKNOWN_NODE, CellState
from hugescope_wire.page import PageDetail, PageMapper, PartRun


def page_of(mapping: Mapping, address: int, part: int | None) -> PageDetail:
    """What an agent would answer about this page."""
    info, cells = mapping.info, mapping.cells
    cell = address // info.page_size - info.start // info.page_size
    state = CellState(cells.state[cell])
    mappers = [known(cells.mapcount[cell]), known(cells.mappers[cell])]
    node = int(cells.node[cell])
    differs = mappers[0] != mappers[1]
    return PageDetail.model_validate(
        {
            "pid": mapping.pid,
            "comm": mapping.comm,
            "start": info.start,
            "first": cell,
            "address": (info.start // info.page_size + cell) * info.page_size,
            "page_size": info.page_size,
            "state": state.name.lower(),
            "mapped_bytes": int(cells.mapped_pages[cell]) * PAGE_BYTES,
            "mapcount": mappers[0],
            "mappers": mappers[1],
            "processes": mappers[1] and min(mappers[1], 2),
            "node": None if node == UNKNOWN_NODE else node,
            "flags": ["exclusive"] if mappers[1] == 1 else ["shared_table"],
            "file": MEMFD,
            "file_offset": cell * info.page_size,
            "reasons": ["shared_table"] if differs else [],
            "explanation": ["The kernel counts a page table that two processes share once."]
            if differs
            else [],
            "mapped_by": None if mappers[1] is None else mapped_by(mapping, address, mappers[1]),
            "parts": parts(state, info.page_size, part),
        }
    )


def known(count: int) -> int | None:
    """Null for the marker of what is not known."""
    return None if count == UNKNOWN_COUNT else int(count)


def mapped_by(mapping: Mapping, address: int, mappers: int) -> list[PageMapper]:
    """The mapping itself, then strangers that no overview shows."""
    here = PageMapper(
        pid=mapping.pid,
        comm=mapping.comm,
        address=address,
        start=mapping.info.start,
        shared=mapping.info.shared,
        shared_table=mappers > 1,
    )
    there = here.model_copy(update={"pid": mapping.pid + 1})
    return [here, *[there] * (mappers - 1)]


def parts(state: CellState, page_size: int, part: int | None) -> list[PartRun]:
    """Runs inside the page."""
    if state in (CellState.HOLE, CellState.POISONED, CellState.MIGRATING):
        return []
    size = TWO_MIB if page_size == ONE_GIB and part is None else PAGE_BYTES
    level = "pmd" if size == TWO_MIB else "pte"
    runs = [(0, 96, "mapped", False), (96, 100, "hole", False), (196, 60, "split", True),
            (256, 40, "partial", False), (296, 216, "mapped", False)]  # fmt: skip
    if state is CellState.MAPPED and size == PAGE_BYTES and part is None:
        return [
            PartRun(
                first=0,
                count=1,
                part_bytes=page_size,
                state="mapped",
                level="pmd",
                present_bytes=page_size,
            )
        ]
    return [
        PartRun.model_validate(
            {
                "first": first,
                "count": count,
                "part_bytes": size,
                "state": name,
                "level": level,
                "present_bytes": 0 if name == "hole" else size,
                "inferred": inferred,
            }
        )
        for first, count, name, inferred in runs
        if size == TWO_MIB or name in ("mapped", "hole")
    ]
