"""One cell of a THP mapping, as a question about its page is answered."""

from __future__ import annotations

from collections.abc import Sequence

from hugescope_agent.model.thp import ThpMapping
from hugescope_wire.cells import FLAG_LABELS, PAGE_BYTES, UNKNOWN_COUNT, UNKNOWN_NODE, CellState
from hugescope_wire.report import PageDetail, PartRun

_UNJOINED = (
    "Which other processes map these pages is not known: transparent huge pages are read of the "
    "processes asked for only."
)


def thp_page(
    pid: int, comm: str | None, mapping: ThpMapping, cell: int, parts: Sequence[PartRun]
) -> PageDetail:
    """Everything about one cell; its mappers are not known."""
    cells, vma = mapping.cells, mapping.vma
    mapcount, node, flags = int(cells.mapcount[cell]), int(cells.node[cell]), int(cells.flags[cell])
    address = max(vma.first_va + cell * vma.page_size, vma.start)
    return PageDetail(
        pid=pid,
        comm=comm,
        start=vma.start,
        first=cell,
        address=address,
        page_size=vma.page_size,
        state=CellState(int(cells.state[cell])).label,
        mapped_bytes=int(cells.mapped_pages[cell]) * PAGE_BYTES,
        mapcount=None if mapcount == UNKNOWN_COUNT else mapcount,
        mappers=None,
        processes=None,
        node=None if node == UNKNOWN_NODE else node,
        flags=[label for flag, label in FLAG_LABELS.items() if flags & flag],
        file=None,
        file_offset=vma.offset + address - vma.start if vma.inode else None,
        reasons=[],
        explanation=[_UNJOINED],
        mapped_by=None,
        parts=list(parts),
    )
