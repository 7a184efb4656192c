"""Limits of huge pages by cgroup v2 on the real kernel: use, reservations, and what is refused."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from hugescope_agent.kernel.cgroups import Cgroups
from hugescope_agent.kernel.root import Root
from hugescope_wire.account import CgroupUse
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.host_pool import eventually
from tests.kernel.puppets import Puppet, puppet

pytestmark = pytest.mark.kernel


def v2_root() -> Path:
    """Where v2 is mounted with the hugetlb controller; skips where it is not."""
    if os.geteuid() != 0:
        pytest.skip("needs root to make a cgroup")
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = Path(line.split()[4])
        controllers = place / "cgroup.controllers"
        if " - cgroup2 " not in line or not controllers.is_file():
            continue
        if "hugetlb" in controllers.read_text().split():
            return place
    pytest.skip("no cgroup v2 with the hugetlb controller is mounted")


@contextmanager
def controller(top: Path) -> Iterator[None]:
    """The hugetlb controller for the children of the root; off again only if it was off."""
    file = top / "cgroup.subtree_control"
    lock = os.open(top, os.O_RDONLY)
    try:
        # Another run of this test must not switch it off under us.
        fcntl.flock(lock, fcntl.LOCK_EX)
        was_on = "hugetlb" in file.read_text().split()
        try:
            file.write_text("+hugetlb")
        except OSError as error:
            pytest.skip(f"the hugetlb controller cannot be enabled: {error}")
        try:
            yield
        finally:
            if not was_on:
                file.write_text("-hugetlb")
    finally:
        os.close(lock)


@pytest.fixture
def group() -> Iterator[Path]:
    """A cgroup of our own with one below it, removed at the end; 4 more pages in the pool."""
    top = v2_root()
    with extra_pages(MIB2, 4), controller(top):
        above = top / f"hugescope-test-{os.getpid()}"
        below = above / "vm"
        try:
            above.mkdir()
            (above / "cgroup.subtree_control").write_text("+hugetlb")
            below.mkdir()
            yield below
        finally:
            for directory in (below, above):
                eventually(partial(removed, directory), f"{directory} is removed")


def removed(directory: Path) -> bool:
    """Remove a cgroup, once its last process is gone."""
    with suppress(FileNotFoundError):
        try:
            directory.rmdir()
        except OSError:
            return False
    return True


@contextmanager
def inhabitant(group: Path) -> Iterator[Puppet]:
    """A process in the cgroup."""
    with puppet() as made:
        (group / "cgroup.procs").write_text(f"{made.pid}\n")
        yield made
        made.kill()


def uses(group: Path, *pids: int) -> dict[str, CgroupUse]:
    """What is read of 2 MiB pages in the cgroup and the one above it, by name."""
    look = Cgroups(Root.at("/")).look(pids, walk=not pids)
    assert look.reasons == []
    return {
        Path(use.path).name: use
        for use in look.uses
        if use.page_size == MIB2 and group.parent.name in use.path
    }


def test_use_limit_and_sigbus(group: Path) -> None:
    (group / "hugetlb.2MB.max").write_text(f"{2 * MIB2}")
    with inhabitant(group) as one:
        one.do("memfd", 0, 3, "cgroup", False)
        one.do("touch", 0, [0, 2])
        found = uses(group, one.pid)
        below, above = found["vm"], found[group.parent.name]
        assert (below.usage_bytes, below.limit_bytes) == (2 * MIB2, 2 * MIB2)
        # A page that nothing promised is charged there when it is touched.
        assert (below.reserved_bytes, below.reserved_limit_bytes) == (2 * MIB2, None)
        assert (below.failures, below.pids) == (0, [one.pid])
        assert sum((below.node_bytes or {}).values()) == 2 * MIB2
        assert (above.usage_bytes, above.limit_bytes, above.pids) == (2 * MIB2, None, [one.pid])
        with pytest.raises(AssertionError, match="died"):
            one.do("touch", 0, [1])
        assert one.process.wait() == -signal.SIGBUS
        assert uses(group)["vm"].failures == uses(group)[group.parent.name].failures == 1


def test_a_limit_above_refuses_a_reservation(group: Path) -> None:
    (group.parent / "hugetlb.2MB.rsvd.max").write_text(f"{2 * MIB2}")
    with inhabitant(group) as one:
        one.do("memfd", 0, 2)
        with pytest.raises(AssertionError, match="memfd"):
            one.do("memfd", 1, 1)
        found = uses(group, one.pid)
        below, above = found["vm"], found[group.parent.name]
        assert (below.reserved_bytes, below.reserved_limit_bytes) == (2 * MIB2, None)
        assert (above.reserved_bytes, above.reserved_limit_bytes) == (2 * MIB2, 2 * MIB2)
        assert (below.usage_bytes, below.node_bytes) == (0, {})
        assert below.failures == above.failures == 1


def test_a_walk_finds_limits_where_nobody_is(group: Path) -> None:
    (group / "hugetlb.2MB.max").write_text("0")
    assert {name: use.limit_bytes for name, use in uses(group).items()} == {"vm": 0}
    assert uses(group, os.getpid()) == {}
