"""A pid that is another process' by the next look: what is shown is the new one's, or nothing."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.host_pool import eventually, lives, skip_without_pool
from tests.kernel.puppets import (
    KERNELS,
    PROCESS,
    LiveFollower,
    Puppet,
    agrees_with_a_fresh_look,
    all_capabilities,
    following,
    puppet,
)

pytestmark = pytest.mark.kernel

TAKER = Path(__file__).with_name("pid_taker.py")
TRIES = 20


@contextmanager
def puppet_called(pid: int) -> Iterator[Puppet | None]:
    """A puppet of this very pid; None where somebody else has got it."""
    command = [sys.executable, str(TAKER), str(pid), sys.executable, str(PROCESS)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as taker:
        try:
            one = Puppet(taker)
            try:
                one.do("call", "taken")
            except (AssertionError, BrokenPipeError):
                code = taker.wait()
                if code != errno.EEXIST:
                    pytest.skip(f"clone3 with set_tid gives error {code} here")
                yield None
                return
            one.pid = pid
            yield one
        finally:
            assert taker.stdin is not None
            # The puppet ends with its input, and the taker with the puppet. One that ended at once
            # left unread what it was told.
            with suppress(BrokenPipeError):
                taker.stdin.close()
            taker.wait()


@pytest.fixture(params=KERNELS)
def host(request: pytest.FixtureRequest) -> Iterator[LiveFollower]:
    """On this kernel, and on what older ones have."""
    skip_without_pool()
    narrowed = all_capabilities().model_copy(update=KERNELS[request.param])
    with extra_pages(MIB2, 8), following(narrowed=narrowed) as follower:
        yield follower


@contextmanager
def replaced(host: LiveFollower) -> Iterator[Puppet]:
    """A process that was seen with two pages left, and another one has its pid: nothing was looked
    at between.
    """
    for _ in range(TRIES):
        with puppet() as first:
            first.do("memfd", 0, 3)
            first.do("touch", 0, [0, 1])
            host.full()
            assert host.states(first.pid) == ["mmh"]
            first.kill()
            eventually(lambda pid=first.pid: not lives(pid), "the first is gone")  # type: ignore[misc]
            with puppet_called(first.pid) as second:
                if second is not None:
                    yield second
                    return
    pytest.fail(f"the pid was always taken by somebody else, {TRIES} times")


def test_the_same_mapping_of_another_process(host: LiveFollower) -> None:
    """The same address, size and kind of file: only the process is another."""
    with replaced(host) as second:
        second.do("memfd", 0, 3)
        second.do("touch", 0, [2])
        agrees_with_a_fresh_look(host, second.pid)
        assert host.states(second.pid) == ["hhm"]
        (process,) = host.picture.snapshot(frozenset({second.pid})).processes
        assert process.comm == "taken"
    host.ticks()
    assert host.states(second.pid) == []


def test_another_process_without_huge_pages(host: LiveFollower) -> None:
    with replaced(host) as second:
        host.ticks()
        assert host.states(second.pid) == []


def test_not_one_tick_shows_the_old_pages_as_the_new_ones(host: LiveFollower) -> None:
    """Tick by tick: what is shown is gone, or the new process', never a mixture."""
    with replaced(host) as second:
        second.do("memfd", 0, 3)
        second.do("touch", 0, [2])
        for _ in range(25):
            host.ticks(1)
            shown = host.picture.snapshot(frozenset({second.pid})).processes
            assert host.states(second.pid) in ([], ["mmh"], ["hhm"])
            assert not shown or (shown[0].comm == "taken") == (
                host.states(second.pid) == ["hhm"]
            ), "the old one's pages under the new one's name"
        assert host.states(second.pid) == ["hhm"]
