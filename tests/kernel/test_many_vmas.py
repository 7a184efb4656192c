"""Processes of very many mappings, which any user can have: the agent keeps its beat, and says what
it sees late.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hugescope_agent.kernel.longwalks import PART
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.host_pool import skip_without_pool
from tests.kernel.puppets import LiveFollower, all_capabilities, following

pytestmark = pytest.mark.kernel

PROCESS = Path(__file__).with_name("many_vmas_process.py")
MAX_MAP_COUNT = Path("/proc/sys/vm/max_map_count")
SPARE = 200
MILLION = 1_000_000
PATIENCE_TICKS = 3 * (MILLION // PART)


@contextmanager
def allowed(count: int) -> Iterator[None]:
    """As many mappings a process as that; the limit is put back."""
    before = MAX_MAP_COUNT.read_text()
    if int(before) >= count + SPARE:
        yield
        return
    MAX_MAP_COUNT.write_text(str(count + SPARE))
    try:
        yield
    finally:
        MAX_MAP_COUNT.write_text(before)


@contextmanager
def many(count: int) -> Iterator[int]:
    """Such a process; its pid, once it has them all and a huge page above them."""
    command = [sys.executable, str(PROCESS), str(count)]
    with (
        extra_pages(MIB2, 2),
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        try:
            assert int(process.stdout.readline()) > count
            yield process.pid
        finally:
            process.kill()


@pytest.fixture
def host() -> Iterator[LiveFollower]:
    """What an agent knows that began before the process did."""
    skip_without_pool()
    all_capabilities()
    with following() as follower:
        follower.full()
        yield follower


@pytest.mark.parametrize("count", [60_000, MILLION], ids=["as any user", "a million"])
def test_the_process_is_seen_and_the_beat_is_kept(host: LiveFollower, count: int) -> None:
    if os.geteuid() != 0 and count == MILLION:
        pytest.skip("needs root to raise vm.max_map_count")
    with allowed(count), many(count) as pid:
        ticks = 0
        while not host.states(pid):
            host.ticks(1)
            ticks += 1
            assert ticks < PATIENCE_TICKS, "its huge page was never seen"
        # A part a tick: looked through in one go a million take 0.7 s, and their smaps 11 s.
        assert ticks >= count // PART
        assert host.states(pid) == ["mh"]
        (mapping,) = host.shown(pid)[pid]
        assert mapping["vm_flags"] is None, "smaps of all these would hold the process up"
        picture = host.picture.about
        assert picture is not None
        (limit,) = [one for one in picture.limits if one.capability == "all_mappings"]
        assert str(pid) in limit.reason
    host.ticks(60)
    assert host.states(pid) == []
    picture = host.picture.about
    assert picture is not None
    assert not [one for one in picture.limits if one.capability == "all_mappings"]


def test_without_procmap_query_too() -> None:
    """By the text of maps, a part a tick."""
    skip_without_pool()
    narrowed = all_capabilities().model_copy(update={"procmap_query": False})
    with following(narrowed=narrowed) as host:
        host.full()
        with many(60_000) as pid:
            ticks = 0
            while not host.states(pid):
                host.ticks(1)
                ticks += 1
                assert ticks < PATIENCE_TICKS, "its huge page was never seen"
            # Those that go beyond a part by the lines of one read.
            assert ticks >= 60_000 // (PART + 2000)
            assert host.states(pid) == ["mh"]


def test_a_whole_look_sees_it_at_once() -> None:
    """A command has no beat to keep."""
    skip_without_pool()
    all_capabilities()
    with many(60_000) as pid, following() as fresh:
        fresh.full()
        assert fresh.states(pid) == ["mh"]
