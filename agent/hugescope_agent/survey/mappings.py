"""What is told of each mapping beyond its cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import numpy as np

from hugescope_agent.kernel.numa import NumaVma
from hugescope_agent.kernel.process import status_hugetlb_bytes
from hugescope_agent.kernel.root import Root
from hugescope_agent.model.granularity import lost_pages, split_facts
from hugescope_agent.model.mapping import TrackedMapping
from hugescope_agent.model.owned import MappingKey, OwnedMapping
from hugescope_agent.model.place import place
from hugescope_agent.model.sharing import Sharing
from hugescope_agent.model.thp import ThpMapping, thp_facts
from hugescope_wire.cells import PAGE_BYTES, CellFlag
from hugescope_wire.report import MappingReport, StatusDifference

_SHARED_TABLE: Final = np.uint8(CellFlag.SHARED_TABLE)

Mode = Literal["missing", "wp", "minor"]
_MODES: Final[dict[str, Mode]] = {"um": "missing", "uw": "wp", "ui": "minor"}
"""VmFlags of a VMA that is registered with a userfaultfd."""


def report_mapping(
    one: OwnedMapping,
    sharing: Sharing,
    numa: NumaVma | None,
    reserved: Mapping[MappingKey, int | None],
) -> MappingReport:
    """One hugetlb mapping."""
    mapping = one.mapping
    cells = mapping.cells
    policy = None if numa is None else numa.policy
    placed = place(cells, policy)
    return MappingReport(
        pid=one.process.pid,
        start=one.vma.start,
        page_size=one.vma.page_size,
        policy=policy,
        node_bytes=placed.node_bytes,
        misplaced_bytes=None if mapping.uncaptured else placed.misplaced_bytes,
        reserved_pages=reserved.get(one.key),
        sharing=sharing.groups(mapping),
        shared_table_cells=int(np.count_nonzero(cells.flags & _SHARED_TABLE)),
        split=split_facts(mapping),
        lost_pages=lost_pages(mapping),
        mapmax=None if numa is None else numa.mapmax,
        uffd=registered(() if mapping.smaps is None else mapping.smaps.vm_flags),
    )


def status_difference(
    root: Root, pid: int, comm: str | None, mappings: Sequence[TrackedMapping]
) -> StatusDifference | None:
    """Where HugetlbPages of status is not what page tables map; None where it is, or not there."""
    status_bytes = status_hugetlb_bytes(root, pid)
    pages = sum(int(one.cells.mapped_pages.sum(dtype=np.uint64)) for one in mappings)
    mapped_bytes = pages * PAGE_BYTES
    uncaptured = any(one.uncaptured for one in mappings)
    if status_bytes is None or status_bytes == mapped_bytes or uncaptured:
        return None
    less = status_bytes < mapped_bytes
    shared = any((one.cells.flags & CellFlag.SHARED_TABLE).any() for one in mappings)
    reason: Literal["shared_table", "collapse"] | None = None
    if less and shared:
        reason = "shared_table"
    elif less and any(one.hgm for one in mappings):
        reason = "collapse"
    return StatusDifference(
        pid=pid, comm=comm, status_bytes=status_bytes, mapped_bytes=mapped_bytes, reason=reason
    )


def report_thp(pid: int, mapping: ThpMapping) -> MappingReport:
    """One THP mapping; sharing and reservations are hugetlb's."""
    placed = place(mapping.cells, None)
    return MappingReport(
        pid=pid,
        start=mapping.vma.start,
        page_size=mapping.vma.page_size,
        node_bytes=placed.node_bytes,
        thp=thp_facts(mapping),
        uffd=registered(() if mapping.smaps is None else mapping.smaps.vm_flags),
    )


def registered(vm_flags: Iterable[str]) -> list[Mode]:
    """The userfaultfd modes that a VMA is registered with."""
    return [_MODES[flag] for flag in vm_flags if flag in _MODES]
