import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hugescope_agent.workloads.child import module_environment
from hugescope_agent.workloads.errors import PoolNotReturned, PoolUnavailable
from hugescope_agent.workloads.pool import (
    FREE_ONLY_ATTEMPTS,
    GIVE_BACK_ATTEMPTS,
    GROW_STEP_BYTES,
    LOCK_ATTEMPTS,
    Grant,
    HostPool,
    PoolCounters,
    PoolLease,
    give_back,
    grow,
)
from tests.unit.agent.workloads.kernel_model import MIB2, ModelPool, set_free, write_pool


def no_sleep(seconds):
    assert seconds > 0


def never(seconds):
    raise AssertionError("slept")


@pytest.mark.parametrize(
    ("counters", "usable", "persistent"),
    [
        (PoolCounters(total=10, free=8, reserved=3, surplus=0), 5, 10),
        (PoolCounters(total=10, free=2, reserved=3, surplus=4), 0, 6),
        (PoolCounters(total=10, free=8, reserved=-5, surplus=0), 8, 10),
        (PoolCounters(total=0, free=-1, reserved=0, surplus=0), 0, 0),
        (PoolCounters(total=3, free=0, reserved=0, surplus=-2), 0, 3),
        (PoolCounters(total=1, free=0, reserved=0, surplus=5), 0, 0),
    ],
)
def test_usable_and_persistent_pages_survive_nonsense(counters, usable, persistent):
    assert (counters.usable, counters.persistent) == (usable, persistent)


def test_counters_are_read_as_signed(tmp_path):
    write_pool(tmp_path, total=7, free=5, reserved=18446744073709551611, surplus=2)
    assert HostPool(MIB2, tmp_path).read() == PoolCounters(7, 5, -5, 2)


def test_surplus_pages_that_leave_between_two_counters_are_no_persistent_ones(
    tmp_path, monkeypatch
):
    write_pool(tmp_path, total=7, surplus=2)
    counter = HostPool._counter
    left: list[bool] = []

    def counted(pool, name):
        value = counter(pool, name)
        if name == "nr_hugepages" and not left:
            left.append(True)
            write_pool(tmp_path, total=5, surplus=0)
        return value

    monkeypatch.setattr(HostPool, "_counter", counted)
    assert HostPool(MIB2, tmp_path).read().persistent == 5


def test_a_missing_size_names_those_that_are_there(tmp_path):
    write_pool(tmp_path)
    write_pool(tmp_path, size=64 << 10)
    with pytest.raises(PoolUnavailable, match=r"no huge pages of 1 GiB.*64 KiB, 2 MiB") as caught:
        HostPool(1 << 30, tmp_path).read()
    assert caught.value.reason == str(caught.value)


def test_no_hugetlbfs_at_all(tmp_path):
    with pytest.raises(PoolUnavailable, match="no hugetlbfs"):
        HostPool(MIB2, tmp_path).read()


def test_a_counter_that_is_no_number(tmp_path):
    (write_pool(tmp_path) / "free_hugepages").write_text("many\n")
    with pytest.raises(PoolUnavailable, match="cannot read the pool's counters"):
        HostPool(MIB2, tmp_path).read()


def test_enough_free_pages_need_no_write():
    pool = ModelPool(persistent=10, used=2, reserved=3)
    assert grow(pool, 5, 5, sleep=never) == Grant(granted=5, added=0)
    assert pool.written == []


def test_adds_what_is_missing_and_no_more():
    pool = ModelPool(persistent=10, used=2, reserved=3)
    assert grow(pool, 9, 9, sleep=never) == Grant(granted=9, added=4)
    assert pool.persistent == 14


def test_adds_all_where_free_pages_are_not_to_be_used():
    pool = ModelPool(persistent=10)
    assert grow(pool, 4, 4, use_free=False, sleep=never) == Grant(granted=4, added=4)


def test_surplus_pages_are_taken_over_and_handed_back():
    pool = ModelPool(persistent=2, surplus=3, used=5)
    assert grow(pool, 4, 4, sleep=never) == Grant(granted=4, added=7)
    assert pool.read().usable == 4
    assert give_back(pool, 7, sleep=no_sleep) == 0
    assert (pool.persistent, pool.surplus) == (2, 3)


def test_too_few_says_asked_and_got_and_gives_back():
    pool = ModelPool(persistent=4, used=1, room=5)
    with pytest.raises(PoolUnavailable, match="asked for 20 huge pages of 2 MiB, could get 8") as e:
        grow(pool, 20, 9, sleep=never)
    assert (e.value.asked_pages, e.value.got_pages) == (20, 8)
    assert (pool.persistent, pool.surplus) == (4, 0)


def test_fewer_are_fine_down_to_the_minimum():
    pool = ModelPool(persistent=4, used=1, room=5)
    assert grow(pool, 20, 8, sleep=never) == Grant(granted=8, added=5)


def test_a_refused_write_is_named():
    pool = ModelPool()
    pool.error = OSError(errno.EROFS, os.strerror(errno.EROFS))
    with pytest.raises(PoolUnavailable, match="could get 0: Read-only file system"):
        grow(pool, 1, 1, sleep=never)


def test_growth_comes_in_steps_and_stops_when_nobody_wants_it_any_more():
    step = GROW_STEP_BYTES // MIB2
    pool = ModelPool()
    answers = iter([False, False, True])
    grant = grow(pool, 10 * step, 1, cancelled=lambda: next(answers), sleep=never)
    assert grant == Grant(granted=2 * step, added=2 * step)
    assert pool.written == [step, 2 * step]


def test_giving_back_is_relative_to_what_others_made_of_it():
    pool = ModelPool(persistent=4)
    added = grow(pool, 10, 10, sleep=never).added
    pool.set_persistent(pool.persistent + 3)
    assert give_back(pool, added, sleep=never) == 0
    assert pool.persistent == 7


def test_giving_back_what_others_have_taken_away_stops_at_nothing():
    pool = ModelPool()
    added = grow(pool, 10, 10, sleep=never).added
    pool.set_persistent(2)
    assert give_back(pool, added, sleep=never) == 0
    assert pool.persistent == 0


def test_pages_in_use_leave_the_pool_when_they_are_freed():
    pool = ModelPool(persistent=4)
    added = grow(pool, 10, 10, sleep=never).added
    pool.use(10)
    pauses: list[float] = []
    assert give_back(pool, added, sleep=pauses.append) == 0
    assert len(pauses) == FREE_ONLY_ATTEMPTS
    assert (pool.persistent, pool.surplus) == (4, 6)
    pool.use(-10)
    assert pool.read() == PoolCounters(total=4, free=4, reserved=0, surplus=0)


def test_pages_about_to_be_freed_are_waited_for():
    pool = ModelPool(persistent=4)
    added = grow(pool, 10, 10, sleep=never).added
    pool.use(10)
    assert give_back(pool, added, sleep=lambda _: pool.use(-5 if pool.used else 0)) == 0
    assert pool.read() == PoolCounters(total=4, free=4, reserved=0, surplus=0)
    assert pool.written[-2:] == [5, 4]


def test_reserved_pages_are_not_free_ones():
    pool = ModelPool(persistent=10, reserved=7)
    assert give_back(pool, 5, sleep=no_sleep) == 0
    assert pool.written == [7, 5]


def test_giving_back_tries_again():
    pool = ModelPool(persistent=10)
    pool.stuck = 3
    assert give_back(pool, 6, sleep=no_sleep) == 0
    assert pool.persistent == 4


def test_giving_back_ends_and_says_what_is_left():
    pool = ModelPool(persistent=10)
    pool.error = OSError(errno.EIO, "input/output error")
    assert give_back(pool, 6, sleep=no_sleep) == 6
    assert len(pool.written) == GIVE_BACK_ATTEMPTS
    assert pool.persistent == 10


def test_giving_back_nothing_does_nothing():
    pool = ModelPool(persistent=10)
    assert give_back(pool, 0, sleep=never) == 0
    assert pool.written == []


@settings(deadline=None)  # a busy machine is no failure
@given(
    before=st.integers(0, 50),
    surplus=st.integers(0, 10),
    used=st.integers(0, 60),
    reserved=st.integers(-5, 20),
    asked=st.integers(1, 60),
    others=st.lists(st.integers(0, 30), max_size=4),
)
def test_whatever_others_add_stays_and_ours_goes(before, surplus, used, reserved, asked, others):
    used = min(used, before + surplus)
    # The kernel reserves no more than is free; below zero it has been seen.
    pool = ModelPool(before, surplus, used, min(reserved, before + surplus - used))
    grant = grow(pool, asked, asked, sleep=never)
    assert pool.read().usable >= asked
    for pages in others:
        pool.set_persistent(pool.persistent + pages)
    assert give_back(pool, grant.added, sleep=no_sleep) == 0
    assert pool.persistent == before + sum(others)


def test_the_lock_is_waited_for_and_then_done_without(tmp_path):
    pool = HostPool(MIB2, tmp_path)
    slept: list[float] = []
    with (write_pool(tmp_path) / "nr_hugepages").open() as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pool.locked(slept.append) as had:
            assert had is False
    assert len(slept) == LOCK_ATTEMPTS
    with pool.locked(never) as had:
        assert had is True


def test_a_shorter_number_replaces_a_longer_one(tmp_path):
    write_pool(tmp_path, total=1000)
    pool = HostPool(MIB2, tmp_path)
    pool.set_persistent(7)
    assert pool.read().total == 7


@pytest.mark.parametrize(("pages", "minimum"), [(0, None), (-1, None), (4, 5), (4, -1)])
def test_an_impossible_lease_is_refused(tmp_path, pages, minimum):
    with pytest.raises(ValueError, match="cannot be leased"):
        PoolLease(MIB2, pages, min_pages=minimum, root=tmp_path)


def nr(root) -> int:
    return HostPool(MIB2, root).read().total


def test_a_lease_on_free_pages_has_no_guardian(tmp_path):
    write_pool(tmp_path, total=8, free=8, reserved=2)
    with PoolLease(MIB2, 6, root=tmp_path) as lease:
        assert (lease.granted_pages, lease.added_pages, lease.guardian_pid) == (6, 0, None)
    assert nr(tmp_path) == 8


def test_a_lease_adds_and_gives_back_once(tmp_path):
    write_pool(tmp_path, total=8, free=8, reserved=6)
    lease = PoolLease(MIB2, 6, root=tmp_path)
    with lease:
        assert lease.acquire() is lease
        assert (lease.granted_pages, lease.added_pages) == (6, 4)
        assert lease.guardian_pid is not None
        assert os.getsid(lease.guardian_pid) == lease.guardian_pid
        assert nr(tmp_path) == 12
        write_pool(tmp_path, total=20, free=20)
        assert lease.release() == 4
        assert lease.release() == 0
    assert nr(tmp_path) == 16
    assert lease.guardian_pid is None


def test_a_lease_can_be_taken_again(tmp_path):
    write_pool(tmp_path)
    lease = PoolLease(MIB2, 2, root=tmp_path)
    for _ in range(2):
        with lease:
            assert nr(tmp_path) == 2
            set_free(tmp_path)
        assert nr(tmp_path) == 0
        set_free(tmp_path, 0)


def test_a_lease_that_may_not_add_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(HostPool, "writable", False)
    write_pool(tmp_path, total=4, free=4)
    with pytest.raises(PoolUnavailable, match=r"could get 4 and may not add.*is not writable"):
        PoolLease(MIB2, 6, root=tmp_path).acquire()
    with PoolLease(MIB2, 6, min_pages=3, root=tmp_path) as lease:
        assert lease.granted_pages == 4


def test_an_unknown_size_is_found_before_anything_starts(tmp_path):
    write_pool(tmp_path)
    lease = PoolLease(1 << 30, 1, root=tmp_path)
    with pytest.raises(PoolUnavailable, match="no huge pages of 1 GiB"):
        lease.acquire()
    assert lease.guardian_pid is None


def test_the_guardian_ignores_what_ends_others(tmp_path):
    write_pool(tmp_path)
    with PoolLease(MIB2, 3, root=tmp_path) as lease:
        assert lease.guardian_pid is not None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(lease.guardian_pid, number)
        set_free(tmp_path)
        assert lease.release() == 3
    assert nr(tmp_path) == 0


def test_a_killed_guardian_is_replaced_by_its_owner(tmp_path):
    write_pool(tmp_path, total=5)
    with PoolLease(MIB2, 3, root=tmp_path) as lease:
        assert lease.guardian_pid is not None
        os.kill(lease.guardian_pid, signal.SIGKILL)
        set_free(tmp_path)
    assert nr(tmp_path) == 5


def test_pages_that_stay_are_reported(tmp_path):
    write_pool(tmp_path)
    lease = PoolLease(MIB2, 3, root=tmp_path).acquire()
    guardian = lease._guardian
    assert guardian is not None
    assert guardian.stdin is not None
    set_free(tmp_path)
    # What the guardian would say had the kernel not taken them: it is played by another process.
    guardian.stdin.close()
    guardian.wait()
    assert guardian.stdout is not None
    guardian.stdout.close()
    lease._guardian = subprocess.Popen(
        [sys.executable, "-c", "print('{\"left\": 2}')"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with pytest.raises(PoolNotReturned, match="2 of 3 huge pages of 2 MiB"):
        lease.release()


FORKING_OWNER = """
import os, sys
from pathlib import Path
from hugescope_agent.workloads.pool import PoolLease
root, keep = Path(sys.argv[1]), int(sys.argv[2])
lease = PoolLease(2 << 20, 3, root=root).acquire()
(root / "kernel/mm/hugepages/hugepages-2048kB/free_hugepages").write_text("3")
if os.fork() == 0:
    os.close(2)
    assert lease.release() == 0
    os.read(keep, 1)
    os._exit(0)
os.kill(os.getpid(), 9)
"""


def test_a_forked_child_does_not_keep_the_pages(tmp_path):
    """It outlives the owner with copies of its descriptors, and does not give back either."""
    write_pool(tmp_path, total=1)
    keep, gate = os.pipe()
    with os.fdopen(gate, "wb"), os.fdopen(keep, "rb"):
        # stderr is the owner's and the guardian's: its end tells that both are gone.
        ended = subprocess.run(
            [sys.executable, "-c", FORKING_OWNER, str(tmp_path), str(keep)],
            pass_fds=[keep],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=module_environment(),
            check=False,
        )
        assert ended.returncode == -signal.SIGKILL
        assert ended.stderr == b""
        assert nr(tmp_path) == 1
