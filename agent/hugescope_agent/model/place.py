"""On which nodes the pages of a mapping lie, and which of them its policy does not allow: pure
arithmetic on columns.

Only for hugetlb mappings: a huge page lies on one node as a whole, so that a page mapped in part
(HGM) counts with the bytes that are mapped.

What a policy allows: `bind`, `interleave` and `weighted interleave` the nodes they name, as do
`prefer` and `prefer (many)`, which are wishes only: from those the kernel departs when the
nodes are full. `default` and `local` name no node, and nothing is misplaced under them. A page
of a shared file was placed under the policy of whoever touched it first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_wire.cells import PAGE_BYTES, UNKNOWN_NODE, Cells
from hugescope_wire.report import Policy

NAMING_MODES: Final = frozenset(
    {"bind", "interleave", "weighted interleave", "prefer", "prefer (many)"}
)
PREFERRING_MODES: Final = frozenset({"prefer", "prefer (many)"})
"""A page elsewhere is no breach of these."""

FREE_MODES: Final = frozenset({"default", "local"})


@dataclass(frozen=True, slots=True)
class CellRun:
    """`count` cells from index `first`."""

    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the mapped bytes of one mapping lie.

    Attributes:
        node_bytes: mapped bytes by node; they and `unknown_bytes`, whose node is not known, sum to
            what is mapped.
        misplaced_bytes: on nodes that the policy does not name; 0 under a policy that names none;
            None where the policy is not known, or names nodes and that of a mapped page is not.
        misplaced: runs of cells known to be misplaced, also where the sum is None.
    """

    node_bytes: dict[int, int] = field(default_factory=dict)
    unknown_bytes: int = 0
    misplaced_bytes: int | None = None
    misplaced: tuple[CellRun, ...] = ()


def place(cells: Cells, policy: Policy | None) -> Placement:
    """Where the pages of a mapping lie against its policy; None: the policy is not known."""
    present = np.flatnonzero(cells.mapped_pages)
    nodes = cells.node[present]
    pages = cells.mapped_pages[present]
    by_node = {
        int(node): int(pages[nodes == node].sum(dtype=np.uint64)) * PAGE_BYTES
        for node in np.flatnonzero(np.bincount(nodes))
    }
    unknown_bytes = by_node.pop(UNKNOWN_NODE, 0)
    if policy is not None and policy.mode in FREE_MODES:
        return Placement(by_node, unknown_bytes, 0)
    if policy is None or policy.mode not in NAMING_MODES or not policy.nodes:
        return Placement(by_node, unknown_bytes)
    stray = sum(size for node, size in by_node.items() if node not in policy.nodes)
    fits = np.isin(nodes, [*policy.nodes, UNKNOWN_NODE])
    return Placement(
        by_node, unknown_bytes, None if unknown_bytes else stray, _runs(present[~fits])
    )


def _runs(index: npt.NDArray[np.intp]) -> tuple[CellRun, ...]:
    """Neighbours of a rising index joined."""
    starts = np.flatnonzero(np.diff(index, prepend=-2) != 1)
    counts = np.diff(starts, append=len(index))
    return tuple(CellRun(int(index[at]), int(n)) for at, n in zip(starts, counts, strict=True))
