"""What is told of each mapping beyond its cells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import numpy as np

from hugescope_agent.model.granularity import lost_pages, split_facts
from hugescope_agent.model.owned import MappingKey, OwnedMapping
from hugescope_agent.model.place import place
from hugescope_agent.model.sharing import Sharing
from hugescope_agent.model.thp import ThpMapping, thp_facts
from hugescope_wire.cells import CellFlag
from hugescope_wire.report import MappingReport, Policy

_SHARED_TABLE: Final = np.uint8(CellFlag.SHARED_TABLE)

Mode = Literal["missing", "wp", "minor"]
_MODES: Final[dict[str, Mode]] = {"um": "missing", "uw": "wp", "ui": "minor"}
"""VmFlags of a VMA that is registered with a userfaultfd."""


def report_mapping(
    one: OwnedMapping,
    sharing: Sharing,
    policy: Policy | None,
    reserved: Mapping[MappingKey, int | None],
) -> MappingReport:
    """One hugetlb mapping."""
    mapping = one.mapping
    cells = mapping.cells
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
        uffd=registered(() if mapping.smaps is None else mapping.smaps.vm_flags),
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
