"""What bounds the pages of a migration beside the pool's free ones, by the host's last report: the
surplus pages that the pool may take (nr_overcommit_hugepages), and limits of cgroups.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hugescope_wire.account import CgroupUse, PoolAccount
from hugescope_wire.snapshot import Pool


@dataclass(frozen=True, slots=True)
class CgroupBound:
    """The limit that leaves least.

    Attributes:
        margin: pages that others in the cgroup may take before one of the migration is refused. It
            stays the same while pages of the migration come and go.
        by_reservation: it limits reservations, so that a page which has one is not charged again.
    """

    margin: int
    by_reservation: bool


def pool_growth(
    accounts: Iterable[PoolAccount], pools: Iterable[Pool], page_size: int
) -> int | None:
    """Surplus pages that the host's pool may still take, where there is memory for them; None: not
    known, or no bound that is one.
    """
    overcommit = next(
        (one.overcommit for one in accounts if one.node is None and one.page_size == page_size),
        None,
    )
    surplus = next(
        (one.surplus for one in pools if one.node is None and one.page_size == page_size), None
    )
    if overcommit is None or surplus is None or min(overcommit, surplus) < 0:
        return None
    return max(0, overcommit - surplus)


def cgroup_bound(
    cgroups: Iterable[CgroupUse], pid: int, page_size: int, to_come: int, without: int
) -> CgroupBound | None:
    """Of the cgroups that a destination is in; None: none of them has a limit that is known.

    Args:
        to_come: pages that it has not, as of the report.
        without: of those, the ones that nothing is reserved for.
    """
    found = []
    for one in cgroups:
        if one.page_size != page_size or pid not in one.pids:
            continue
        if one.limit_bytes is not None and one.usage_bytes is not None:
            room = (one.limit_bytes - one.usage_bytes) // page_size
            found.append(CgroupBound(room - to_come, False))
        if one.reserved_limit_bytes is not None and one.reserved_bytes is not None:
            room = (one.reserved_limit_bytes - one.reserved_bytes) // page_size
            found.append(CgroupBound(room - without, True))
    return min(found, key=lambda bound: bound.margin, default=None)
