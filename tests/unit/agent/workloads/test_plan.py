import argparse
import math

import pytest

from hugescope_agent.workloads.errors import PoolUnavailable
from hugescope_agent.workloads.plan import PostcopyPlan, lease_for
from hugescope_agent.workloads.pool import HostPool
from tests.unit.agent.workloads.kernel_model import MIB2, set_free, write_pool

GIB = 1 << 30


def meminfo(root, available_bytes, total_bytes=8 * GIB):
    sizes = {"MemTotal": total_bytes, "MemFree": 1024, "MemAvailable": available_bytes}
    (root / "meminfo").write_text("".join(f"{n}: {size >> 10} kB\n" for n, size in sizes.items()))


def test_the_defaults():
    plan = PostcopyPlan()
    assert (plan.size_bytes, plan.page_size_bytes, plan.pages) == (512 << 20, MIB2, 256)
    assert (plan.sweep_bytes_per_s, plan.touch_per_s, plan.pause_s) == (64 << 20, 12, 3)
    assert plan.rounds is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("page_size_bytes", 0),
        ("page_size_bytes", 3 << 20),
        ("size_bytes", 0),
        ("size_bytes", (3 << 20)),
        ("sweep_bytes_per_s", 0.0),
        ("sweep_bytes_per_s", math.nan),
        ("sweep_bytes_per_s", math.inf),
        ("touch_per_s", -1.0),
        ("touch_per_s", math.nan),
        ("pause_s", -0.1),
        ("pause_s", math.inf),
        ("rounds", 0),
    ],
)
def test_a_field_that_is_off_is_named(field, value):
    with pytest.raises(ValueError, match=f"^{field}: "):
        PostcopyPlan(**{field: value})


@pytest.mark.parametrize("rounds", [None, 3])
def test_a_plan_travels_on_a_command_line(rounds):
    plan = PostcopyPlan(32 * MIB2, MIB2, 1.5e6, 0.25, 0.1, rounds, -7)
    parser = argparse.ArgumentParser()
    PostcopyPlan.add_arguments(parser)
    assert PostcopyPlan.from_options(parser.parse_args(plan.arguments())) == plan


def test_free_pages_are_enough(tmp_path):
    write_pool(tmp_path, total=100, free=80, reserved=16)
    meminfo(tmp_path, 0)
    lease, plan, notice = lease_for(PostcopyPlan(32 * MIB2), sysfs=tmp_path, proc=tmp_path)
    with lease:
        assert (lease.granted_pages, lease.added_pages, plan.pages) == (64, 0, 32)
        assert notice is None


def test_what_is_missing_is_added_for_both_sides(tmp_path):
    write_pool(tmp_path, total=10, free=10)
    meminfo(tmp_path, 4 * GIB)
    lease, plan, notice = lease_for(PostcopyPlan(32 * MIB2), sysfs=tmp_path, proc=tmp_path)
    with lease:
        assert (lease.added_pages, plan.pages, notice) == (54, 32, None)
        set_free(tmp_path)
    assert HostPool(MIB2, tmp_path).read().total == 10


def test_short_memory_scales_the_plan_and_says_so(tmp_path):
    write_pool(tmp_path, total=4, free=4)
    # A tenth of 8 GiB stays with the others; of what is above it 51 pages can be had.
    meminfo(tmp_path, 8 * GIB // 10 + 51 * MIB2 + 4096)
    wanted = PostcopyPlan(64 * MIB2, seed=5)
    lease, plan, notice = lease_for(wanted, sysfs=tmp_path, proc=tmp_path)
    with lease:
        set_free(tmp_path)
        assert lease.granted_pages == 55
        assert (plan.pages, plan.seed) == (27, 5)
        assert notice == (
            "54 MiB a side instead of 128 MiB: 55 of 128 huge pages of 2 MiB could be had"
        )


def test_a_pool_that_may_not_grow_scales_the_plan(tmp_path, monkeypatch):
    monkeypatch.setattr(HostPool, "writable", False)
    write_pool(tmp_path, total=40, free=40)
    meminfo(tmp_path, 4 * GIB)
    lease, plan, notice = lease_for(PostcopyPlan(64 * MIB2), sysfs=tmp_path, proc=tmp_path)
    with lease:
        assert plan.pages == 20
        assert notice is not None


def test_below_the_minimum_there_is_a_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(HostPool, "writable", False)
    write_pool(tmp_path, total=31, free=31)
    meminfo(tmp_path, 4 * GIB)
    with pytest.raises(PoolUnavailable, match="asked for 128 huge pages of 2 MiB, could get 31"):
        lease_for(PostcopyPlan(64 * MIB2), sysfs=tmp_path, proc=tmp_path)


def test_memory_too_short_to_add_any(tmp_path):
    write_pool(tmp_path, total=1, free=1)
    meminfo(tmp_path, 100 << 20)
    with pytest.raises(PoolUnavailable, match="1 are free, and memory for more is short"):
        lease_for(PostcopyPlan(), sysfs=tmp_path, proc=tmp_path)


def test_one_page_of_1_gib_is_enough(tmp_path):
    write_pool(tmp_path, total=2, free=2, size=GIB)
    meminfo(tmp_path, 0)
    plan = PostcopyPlan(4 * GIB, GIB)
    lease, plan, _ = lease_for(plan, sysfs=tmp_path, proc=tmp_path)
    with lease:
        assert plan.pages == 1


def test_a_plan_smaller_than_the_minimum_is_its_own_minimum(tmp_path):
    write_pool(tmp_path, total=4, free=4)
    meminfo(tmp_path, 0)
    lease, plan, notice = lease_for(PostcopyPlan(2 * MIB2), sysfs=tmp_path, proc=tmp_path)
    with lease:
        assert (plan.pages, notice) == (2, None)
