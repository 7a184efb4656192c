"""Leases on the host's real pool: what was added goes back, however the owner ends."""

import mmap
import os
import signal
import subprocess
import sys

import pytest

from hugescope_agent.workloads.child import module_environment
from hugescope_agent.workloads.pool import PoolLease
from tests.kernel.host_pool import MIB2, eventually, lives, pool, skip_without_pool

pytestmark = pytest.mark.kernel

PAGES = 8

# Holds a lease, uses all of its pages, says so, and waits to be ended.
OWNER = f"""
import mmap, os, signal, sys
from hugescope_agent.workloads.pool import PoolLease
with PoolLease({MIB2}, {PAGES}, use_free=False) as lease:
    fd = os.memfd_create("t", os.MFD_CLOEXEC | os.MFD_HUGETLB | 21 << os.MFD_HUGE_SHIFT)
    os.ftruncate(fd, {PAGES * MIB2})
    memory = mmap.mmap(fd, {PAGES * MIB2})
    for page in range({PAGES}):
        memory[page * {MIB2}] = 1
    print(lease.added_pages, lease.guardian_pid, flush=True)
    signal.pause()
"""


@pytest.fixture(autouse=True)
def _needs_a_pool():
    skip_without_pool()


def start_owner() -> tuple[subprocess.Popen[str], int]:
    """A process that holds a lease and uses its pages, and its guardian's pid."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=module_environment(),
    )
    assert owner.stdout is not None
    line = owner.stdout.readline()
    if not line:
        pytest.fail(owner.communicate()[1])
    added, guardian = map(int, line.split())
    assert added == PAGES
    return owner, guardian


def test_pages_are_added_and_given_back():
    before = pool()
    with PoolLease(MIB2, PAGES, use_free=False) as lease:
        assert lease.granted_pages == lease.added_pages == PAGES
        assert pool().total == before.total + PAGES
        assert pool().free == before.free + PAGES
    assert pool() == before


def test_free_pages_are_used_before_any_is_added():
    before = pool()
    with (
        PoolLease(MIB2, PAGES, use_free=False),
        PoolLease(MIB2, PAGES) as second,
    ):
        assert (second.granted_pages, second.added_pages, second.guardian_pid) == (PAGES, 0, None)
    assert pool() == before


def test_pages_in_use_leave_the_pool_when_they_are_freed():
    before = pool()
    lease = PoolLease(MIB2, PAGES, use_free=False).acquire()
    descriptor = os.memfd_create("t", os.MFD_CLOEXEC | os.MFD_HUGETLB | 21 << os.MFD_HUGE_SHIFT)
    os.ftruncate(descriptor, PAGES * MIB2)
    with mmap.mmap(descriptor, PAGES * MIB2) as memory:
        for page in range(PAGES):
            memory[page * MIB2] = 1
        assert lease.release() == PAGES
        during = pool()
        # Free pages of others, if there are any, go in place of ours until ours are freed.
        assert during.total - during.surplus == before.total - before.surplus
    os.close(descriptor)
    eventually(lambda: pool() == before, f"the pool as before, {before}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_killed_owner_leaves_nothing_behind(number):
    before = pool()
    owner, guardian = start_owner()
    owner.send_signal(number)
    # The guardian has the owner's stderr, so its end is the end of both.
    _, said = owner.communicate()
    assert owner.returncode == -number, said
    eventually(lambda: not lives(guardian), "the guardian's end")
    eventually(lambda: pool() == before, f"the pool as before, {before}")


def test_signals_to_the_whole_group_do_not_reach_the_guardian():
    before = pool()
    owner, guardian = start_owner()
    assert os.getsid(guardian) == guardian != os.getsid(owner.pid)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(guardian, number)
    assert lives(guardian)
    owner.kill()
    owner.communicate()
    eventually(lambda: pool() == before, f"the pool as before, {before}")


def test_owners_that_come_and_go_together_do_not_lose_each_others_pages():
    before = pool()
    owners = [start_owner()[0] for _ in range(3)]
    assert pool().total == before.total + 3 * PAGES
    for owner in owners:
        owner.kill()
    for owner in owners:
        owner.communicate()
    eventually(lambda: pool() == before, f"the pool as before, {before}")
