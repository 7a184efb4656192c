"""Links from a finding to the cells that it is of."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_wire.findings import CellLink
from hugescope_wire.host import MappingInfo

LINKS_PER_MAPPING: Final = 16
"""Every other cell of a large mapping would make a list that nobody walks, in every report; beyond
this the stretch that holds them all is linked.
"""


def to_mapping(pid: int, start: int) -> CellLink:
    """The mapping as a whole."""
    return CellLink(pid=pid, start=start)


def to_cells(pid: int, start: int, chosen: npt.NDArray[np.bool_]) -> list[CellLink]:
    """The chosen cells of a mapping, neighbours joined; none for none."""
    index = np.flatnonzero(chosen)
    if not len(index):
        return []
    heads = np.flatnonzero(np.diff(index, prepend=-2) != 1)
    if len(heads) > LINKS_PER_MAPPING:
        first, last = int(index[0]), int(index[-1])
        return [CellLink(pid=pid, start=start, first=first, count=last - first + 1)]
    counts = np.diff(heads, append=len(index))
    return [
        CellLink(pid=pid, start=start, first=int(index[at]), count=int(count))
        for at, count in zip(heads, counts, strict=True)
    ]


def to_address(pid: int, info: MappingInfo, address: int) -> CellLink:
    """The one cell that holds an address."""
    first = address // info.page_size - info.start // info.page_size
    if not 0 <= first < info.cell_count:
        return to_mapping(pid, info.start)
    return CellLink(pid=pid, start=info.start, first=first, count=1)
