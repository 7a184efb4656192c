"""What smaps and the cells of one mapping say together: split pages, and pages that pagemap lost.

smaps is read seldom; the cells move meanwhile. Each number here is None where the two do not speak
of the same moment.
"""

from __future__ import annotations

import numpy as np

from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.split import SplitCount
from hugescope_wire.cells import PAGE_BYTES, CellFlag, CellState
from hugescope_wire.report import SplitFacts


def split_facts(mapping: TrackedMapping) -> SplitFacts | None:
    """Split pages of an HGM mapping; None for any other, whose pages are mapped whole or not at
    all.
    """
    if not mapping.hgm:
        return None
    unknown = SplitCount(None, None, None)
    count = unknown if mapping.splits is None else mapping.splits.count()
    cells = mapping.cells
    placed = (cells.state == CellState.SPLIT) & (cells.flags & CellFlag.INFERRED == 0)
    return SplitFacts(
        pages=count.pages,
        chunks=count.chunks,
        placed=int(placed.sum()),
        collapse_frees_bytes=count.collapse_frees_bytes,
    )


def lost_pages(mapping: TrackedMapping) -> int | None:
    """Huge pages that smaps counts as mapped and pagemap does not show: their entries are poisoned
    or migrating, which reads 0 like a hole.

    A kernel that leaves poisoned entries out of smaps gives 0. None where smaps has no such field,
    or another moment, or the capture no entries of the mapping, or (under HGM, where a page may be
    lost in part) no whole number of pages.
    """
    smaps = mapping.smaps
    counted = None if smaps is None else smaps.hugetlb_bytes
    if counted is None or mapping.uncaptured:
        return None
    cells = mapping.cells
    present = int(cells.mapped_pages.sum(dtype=np.uint64)) * PAGE_BYTES
    lost, rest = divmod(counted - present, mapping.vma.page_size)
    if rest or not (mapping.smaps_fits or (lost == 0 and mapping.unmoved_since_smaps)):
        return None
    absent = len(cells) - len(mapping.present_index)
    return lost if 0 <= lost <= absent else None
