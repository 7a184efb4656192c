"""The sampler on live processes: deltas build up what a fresh look gives, whatever they do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hugescope_agent.sample import SamplerOptions
from hugescope_agent.sampler import Sampler
from tests.kernel.cases import (
    MIB2,
    extra_pages,
    mounted_hugetlbfs,
    shared_table,
    uffd_marker,
)
from tests.kernel.puppets import (
    KERNELS,
    LiveFollower,
    Puppet,
    agrees_with_a_fresh_look,
    all_capabilities,
    following,
    fresh_look,
    puppet,
)

pytestmark = pytest.mark.kernel


@pytest.fixture(autouse=True)
def pages() -> Iterator[None]:
    """Enough for any one test of this file."""
    with extra_pages(MIB2, 16):
        yield


@pytest.fixture
def one() -> Iterator[Puppet]:
    """A process without huge pages yet."""
    with puppet() as made:
        yield made


@pytest.fixture(params=list(KERNELS))
def host(request: pytest.FixtureRequest) -> Iterator[LiveFollower]:
    """Followed with all capabilities and as on older kernels."""
    narrowed = all_capabilities().model_copy(update=KERNELS[request.param])
    with following(narrowed=narrowed) as follower:
        yield follower


def test_first_mapping_then_pages_one_by_one(host: LiveFollower, one: Puppet) -> None:
    host.full()
    assert host.shown(one.pid) == {}
    one.do("memfd", 0, 4)
    agrees_with_a_fresh_look(host, one.pid)
    assert host.states(one.pid) == ["hhhh"]
    for cells, expected in (([1], "hmhh"), ([3, 0], "mmhm"), ([2], "mmmm")):
        one.do("touch", 0, cells)
        host.ticks(1)
        assert host.states(one.pid) == [expected]
        agrees_with_a_fresh_look(host, one.pid)


def test_pages_that_are_punched_out(host: LiveFollower, one: Puppet) -> None:
    one.do("memfd", 0, 4)
    one.do("touch", 0, [0, 1, 2, 3])
    host.full()
    one.do("punch", 0, 2)
    host.ticks(1)
    assert host.states(one.pid) == ["mmhm"]
    agrees_with_a_fresh_look(host, one.pid)


def test_something_else_mapped_in_the_same_place(host: LiveFollower, one: Puppet) -> None:
    """With the same cells present: a scan sees no difference."""
    one.do("memfd", 0, 4, "before")
    one.do("touch", 0, [0, 2])
    host.full()
    one.do("unmap", 0)
    one.do("memfd", 0, 4, "after")
    one.do("touch", 0, [0, 2])
    fresh = agrees_with_a_fresh_look(host, one.pid)
    assert [mapping["backing"]["name"] for mapping in fresh[one.pid]] == ["after"]


def test_other_cells_mapped_in_the_same_place(host: LiveFollower, one: Puppet) -> None:
    one.do("memfd", 0, 4, "before")
    one.do("touch", 0, [0, 2])
    host.full()
    one.do("memfd", 0, 4, "after")
    one.do("touch", 0, [1])
    fresh = agrees_with_a_fresh_look(host, one.pid)
    assert [mapping["backing"]["name"] for mapping in fresh[one.pid]] == ["after"]
    assert host.states(one.pid) == ["hmhh"]


def test_a_longer_and_a_shorter_mapping_in_the_same_place(host: LiveFollower, one: Puppet) -> None:
    one.do("memfd", 0, 2)
    host.full()
    for count in (5, 1, 3):
        one.do("unmap", 0)
        one.do("memfd", 0, count)
        one.do("touch", 0, [count - 1])
        agrees_with_a_fresh_look(host, one.pid)
        assert host.states(one.pid) == ["h" * (count - 1) + "m"]


def test_the_same_pages_moved_with_mremap(host: LiveFollower, one: Puppet) -> None:
    one.do("memfd", 0, 4)
    one.do("touch", 0, [0, 3])
    host.full()
    moved = one.do("move", 0, 3)
    fresh = agrees_with_a_fresh_look(host, one.pid)
    assert [mapping["start"] for mapping in fresh[one.pid]] == [moved]
    assert host.states(one.pid) == ["mhhm"]


def test_unmapped_and_nothing_else(host: LiveFollower, one: Puppet) -> None:
    one.do("memfd", 0, 4)
    one.do("touch", 0, [0])
    host.full()
    one.do("unmap", 0)
    agrees_with_a_fresh_look(host, one.pid)
    assert host.shown(one.pid) == {}


def test_one_file_mapped_again_and_again(host: LiveFollower, one: Puppet) -> None:
    """The counts of pages that a process has rise though nothing in its own table changes."""
    with puppet() as other:
        one.do("memfd", 0, 4)
        one.do("touch", 0, [0, 1])
        host.full()
        one.do("again", 0, 1)
        one.do("touch", 1, [1])
        fresh = agrees_with_a_fresh_look(host, one.pid, other.pid)
    first = fresh[one.pid][0]["runs"]
    assert [(run["mapcount"], run["mappers"]) for run in first][:2] == [(1, 1), (2, 2)]


def test_copy_on_write_is_found_by_rotation(host: LiveFollower, one: Puppet) -> None:
    """A copy leaves a present page where one was: only its PFN and the counts tell."""
    one.do("private", 0, 4)
    one.do("touch", 0, [0, 1, 2])
    host.full()
    child = one.do("fork")
    agrees_with_a_fresh_look(host, one.pid, child)
    one.do("child_touch", 0, [1, 3])
    fresh = agrees_with_a_fresh_look(host, one.pid, child)
    for pid in (one.pid, child):
        counts = [run["mapcount"] for run in fresh[pid][0]["runs"] for _ in range(run["count"])]
        assert counts[:3] == [2, 1, 2]
    one.do("child_end")
    fresh = agrees_with_a_fresh_look(host, one.pid, child)
    assert set(fresh) == {one.pid}
    assert [run["mapcount"] for run in fresh[one.pid][0]["runs"]] == [1, None]


def test_a_process_that_ends(host: LiveFollower, one: Puppet) -> None:
    one.do("memfd", 0, 4)
    one.do("touch", 0, [0])
    host.full()
    one.kill()
    agrees_with_a_fresh_look(host, one.pid)
    assert host.shown(one.pid) == {}


@pytest.mark.parametrize("touched", [[0, 1, 2, 3], []], ids=["with pages", "without"])
def test_a_process_that_becomes_another_program(
    host: LiveFollower, one: Puppet, touched: list[int]
) -> None:
    """Same pid, same start time, and an address space that the open pagemap does not belong to."""
    one.do("memfd", 0, 4)
    one.do("touch", 0, touched)
    host.full()
    one.do("become", 0)
    agrees_with_a_fresh_look(host, one.pid)
    assert host.states(one.pid) == ["hhhh"]
    one.do("touch", 0, [0, 2])
    agrees_with_a_fresh_look(host, one.pid)
    assert host.states(one.pid) == ["mhmh"]


def test_a_new_name(host: LiveFollower, one: Puppet) -> None:
    one.do("memfd", 0, 1)
    host.full()
    one.do("call", "  odd\n\udcff\t ")
    host.ticks()
    (process,) = host.picture.snapshot(frozenset({one.pid})).processes
    assert process.comm == "  odd\n\ufffd\t "


NAMES = [
    "\\777",
    "a\rb",
    "a\nb",
    "x\\101y",
    "\rKernelPageSize: 4 kB\r",
    "\rHugetlbPteMapped: y",
    "\rVmFlags: rd",
    "\nVmFlags: rd",
    "\udcff\udcfe",
    " (deleted)",
    "",
    "n" * 249,
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_any_name_of_a_memfd(host: LiveFollower, one: Puppet, name: str) -> None:
    """Any user may give one; it takes no page."""
    host.full()
    one.do("memfd", 0, 1, name, False)
    fresh = agrees_with_a_fresh_look(host, one.pid)
    (mapping,) = fresh[one.pid]
    shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    assert mapping["backing"]["name"] == shown
    assert mapping["backing"]["kind"] == "memfd"
    assert "ht" in mapping["vm_flags"]


def test_a_file_whose_path_is_longer_than_any_buffer(host: LiveFollower) -> None:
    """Its name may be unknown then; its pages, and the process' other mappings, are not."""
    with mounted_hugetlbfs(MIB2) as top, deep_directory(top, 25) as place, puppet() as one:
        one.do("memfd", 0, 1)
        one.do("touch", 0, [0])
        one.do("file", 1, 2, place)
        one.do("touch", 1, [1])
        host.full()
        assert host.states(one.pid) == ["m", "hm"]


@contextmanager
def deep_directory(top: Path, depth: int) -> Iterator[str]:
    """A file's place by way of a descriptor, in a directory whose path exceeds PATH_MAX."""
    name = "d" * 200
    fds = [os.open(top, os.O_RDONLY)]
    for _ in range(depth):
        os.mkdir(name, dir_fd=fds[-1])
        fds.append(os.open(name, os.O_RDONLY, dir_fd=fds[-1]))
    try:
        yield f"/proc/{os.getpid()}/fd/{fds[-1]}/file"
    finally:
        os.unlink("file", dir_fd=fds[-1])
        while len(fds) > 1:
            os.close(fds.pop())
            os.rmdir(name, dir_fd=fds[-1])
        os.close(fds[0])


def test_two_processes_that_share_one_page_table(host: LiveFollower) -> None:
    """mapcount counts the table once; the mappers are two."""
    with shared_table() as case:
        host.full()
        fresh = agrees_with_a_fresh_look(host, *case.pids)
        assert set(fresh) == set(case.pids)
    agrees_with_a_fresh_look(host, *case.pids)
    assert host.shown(*case.pids) == {}


def test_markers(host: LiveFollower) -> None:
    with uffd_marker() as case:
        agrees_first = fresh_look(case.pid, narrowed=host.files.capabilities)
        host.full()
        assert host.shown(case.pid) == agrees_first
        assert host.states(case.pid) == ["mmwh"]


def test_only_some_processes(one: Puppet) -> None:
    """What is not watched is not shown, and what is not looked at is not counted as nothing."""
    with puppet() as other:
        one.do("memfd", 0, 2)
        one.do("touch", 0, [0])
        other.do("memfd", 0, 2)
        options = SamplerOptions(rotation_cells=64, pids=frozenset({one.pid}))
        with following(options) as host:
            host.full()
            host.ticks()
            assert [p.pid for p in host.picture.snapshot().processes] == [one.pid]
            one.do("touch", 0, [1])
            other.do("touch", 0, [0])
            host.ticks()
            assert [p.pid for p in host.picture.snapshot().processes] == [one.pid]
            assert host.states(one.pid) == ["mm"]


def test_mappers_of_a_page_whose_other_mapper_is_not_watched(one: Puppet) -> None:
    """It may be unknown; it is not one."""
    one.do("private", 0, 1)
    one.do("touch", 0, [0])
    one.do("fork")
    with following(SamplerOptions(pids=frozenset({one.pid}))) as host:
        host.full()
        (run,) = host.shown(one.pid)[one.pid][0]["runs"]
    assert run["mapcount"] == 2
    assert run["mappers"] in (2, None)


def test_a_full_look_after_ticks_is_a_fresh_look(host: LiveFollower, one: Puppet) -> None:
    """A server that comes back gets what is there now, and later deltas fit to it."""
    one.do("memfd", 0, 4)
    one.do("touch", 0, [0])
    host.full()
    host.ticks(3)
    one.do("touch", 0, [1])
    one.do("memfd", 1, 2)
    # What smaps says of a new mapping may be a second late.
    host.now_s += 2
    host.full()
    assert host.shown(one.pid) == fresh_look(one.pid, narrowed=host.files.capabilities)
    one.do("touch", 1, [1])
    agrees_with_a_fresh_look(host, one.pid)


def test_nothing_is_touched_by_looking(host: LiveFollower, one: Puppet) -> None:
    """A read of a hole would allocate its page."""
    one.do("memfd", 0, 4)
    host.full()
    host.ticks()
    assert host.states(one.pid) == ["hhhh"]
    assert isinstance(host.sampler, Sampler)
