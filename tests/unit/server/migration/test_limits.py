"""What bounds a migration beside the pool's free pages."""

from __future__ import annotations

from typing import Any

import pytest

from hugescope_server.migration.collapse import CollapseWatch
from hugescope_server.migration.limits import CgroupBound, cgroup_bound, pool_growth
from hugescope_wire.account import CgroupUse, PoolAccount
from hugescope_wire.migration import Collapse
from hugescope_wire.snapshot import Pool
from tests.unit.server.made_report import report
from tests.unit.server.migration.made_track import precopy
from tests.unit.server.migration.made_vms import World, pair_of

SIZE = 2 << 20


def pool(surplus: int | None, node: int | None = None, size: int = SIZE) -> Pool:
    return Pool(page_size=size, node=node, total=9, free=9, reserved=0, surplus=surplus)


def account(overcommit: int | None, node: int | None = None, size: int = SIZE) -> PoolAccount:
    names = ("total", "free", "reserved", "surplus", "available", "mapped", "mapped_by")
    unknown = dict.fromkeys((*names, "unattributed", "unplaced"))
    held = dict.fromkeys(("fd", "hugetlbfs", "sysv", "mapping"))
    known = {"page_size": size, "node": node, "overcommit": overcommit, "poisoned": 0}
    return PoolAccount.model_validate(unknown | known | {"held": held})


def cgroup(*pids: int, size: int = SIZE, path: str = "/vm", **pages: int) -> CgroupUse:
    """Limits and uses in pages, by the record's names without `_bytes`."""
    names = ("usage", "limit", "reserved", "reserved_limit")
    counters: dict[str, Any] = {
        f"{name}_bytes": pages[name] * size if name in pages else None for name in names
    }
    return CgroupUse(path=path, version=2, page_size=size, failures=0, pids=list(pids), **counters)


@pytest.mark.parametrize(
    ("accounts", "pools", "growth"),
    [
        ([account(7, node=0), account(10)], [pool(99, node=0), pool(4)], 6),
        ([account(3)], [pool(4)], 0),
        ([account(-1)], [pool(4)], None),
        ([account(None)], [pool(4)], None),
        ([account(10)], [pool(None)], None),
        ([account(10, size=1 << 30)], [pool(4)], None),
        ([], [pool(4)], None),
    ],
)
def test_what_a_pool_may_grow_by(
    accounts: list[PoolAccount], pools: list[Pool], growth: int | None
) -> None:
    assert pool_growth(accounts, pools, SIZE) == growth


def test_the_cgroup_that_leaves_least() -> None:
    groups = [
        cgroup(20, usage=10, limit=100),
        cgroup(20, usage=40, limit=100, path="/"),
        cgroup(21, usage=99, limit=100, path="/other"),
        cgroup(20, usage=1, limit=1, size=1 << 30),
        cgroup(20, usage=50),
    ]
    assert cgroup_bound(groups, 20, SIZE, to_come=30, without=5) == CgroupBound(30, False)
    assert cgroup_bound(groups, 22, SIZE, 30, 5) is None


def test_a_limit_of_reservations_is_charged_by_pages_without_one() -> None:
    groups = [cgroup(20, usage=10, limit=100, reserved=95, reserved_limit=100)]
    assert cgroup_bound(groups, 20, SIZE, 30, 7) == CgroupBound(-2, True)


def told(watch: CollapseWatch, *, ended: bool = False, to_come: int = 60) -> Collapse:
    """Of 20 punched pages that lost their reservations, with ten pages a second coming."""
    found = watch.told(1.3, to_come, 20, 10.0, ended=ended)
    assert found is not None
    return found


def watched(spare: int, growth: int | None, bound: CgroupBound | None) -> CollapseWatch:
    watch = CollapseWatch()
    watch.pool_seen(0.0, spare - 20, 0, True)
    watch.pages_went(1.0, 20)
    watch.limits_seen(growth, bound)
    watch.pool_seen(1.0, spare, 20, True)
    watch.pool_seen(1.3, spare, 20, True)
    return watch


def test_a_pool_that_may_grow_does_not_fail_yet() -> None:
    short = told(watched(15, None, None))
    assert (short.margin, short.limited_by, short.growth) == (-5, "pool", None)
    assert short.fails_at_s == pytest.approx(1.3 + 1.5)
    grows = told(watched(15, 100, None))
    assert (grows.margin, grows.growth, grows.fails_at_s) == (95, 100, None)


def test_a_cgroup_that_leaves_less_than_the_pool() -> None:
    enough = told(watched(500, None, CgroupBound(40, False)))
    assert (enough.margin, enough.limited_by, enough.fails_at_s) == (40, "cgroup", None)
    short = told(watched(500, None, CgroupBound(-10, False)))
    assert (short.margin, short.limited_by) == (-10, "cgroup")
    assert short.fails_at_s == pytest.approx(1.3 + 5.0), "50 of the 60 are let in"
    reserved = told(watched(500, None, CgroupBound(-10, True)))
    assert reserved.fails_at_s == pytest.approx(1.3 + 1.0), "10 of the 20 without reservation are"
    more = told(watched(40, None, CgroupBound(30, False)))
    assert (more.margin, more.limited_by) == (20, "pool")


def test_after_the_end_nothing_bounds() -> None:
    over = told(watched(15, 0, CgroupBound(-10, False)), ended=True)
    assert (over.margin, over.limited_by, over.fails_at_s) == (None, None, None)


def test_by_the_hosts_report() -> None:
    world = World()
    _, destination = pair_of(world)
    box = world.boxes[0]
    box.free, box.reserved = 30, 30
    precopy(world, destination, 40)
    destination.go(*range(20))
    box.free = 50
    box.report = report(
        accounts=[account(8)],
        cgroups=[cgroup(20, usage=20, limit=60), cgroup(10, usage=9, limit=9)],
    )
    world.step()
    box.report = None
    destination.listen()
    world.wait(0.5)
    state = world.state()
    assert state.collapse is not None
    assert (state.collapse.margin, state.collapse.limited_by) == (-4, "cgroup")
    assert state.collapse.growth == 8
    destination.come(*range(12))
    world.step()
    state = world.state()
    assert state.collapse is not None
    assert state.collapse.margin == -4, "what came is charged, and not to come any more"
