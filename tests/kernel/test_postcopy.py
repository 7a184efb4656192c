"""The post-copy on real huge pages: what arrives, what it leaves behind, how its ends are told."""

import mmap
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from ctypes import addressof, c_char
from pathlib import Path

import pytest

from hugescope_agent.workloads import userfault
from hugescope_agent.workloads.child import module_argv, module_environment
from hugescope_agent.workloads.errors import PoolUnavailable, PostcopyFailed
from hugescope_agent.workloads.pool import PoolLease
from hugescope_agent.workloads.postcopy import (
    DESTINATION,
    SOURCE,
    Phase,
    Postcopy,
    PostcopyPlan,
    Progress,
    Side,
)
from hugescope_agent.workloads.userfault import Copied, Userfaultfd
from tests.kernel.host_pool import (
    GIB,
    MIB2,
    PATIENCE_S,
    PRESENT,
    Pool,
    children_of,
    eventually,
    lives,
    memory,
    pagemap,
    pool,
    skip_without_pool,
)

pytestmark = pytest.mark.kernel

PAGES = 32
SEED = 77
FAST = 1e9
NEVER = 1e-3  # bytes a second: the first page of such a sweep comes after 66 years
FOREVER_S = 1e6


def plan(**changes) -> PostcopyPlan:
    """32 pages, swept in a moment, then at rest until stopped; no touches."""
    fields = {
        "size_bytes": PAGES * MIB2,
        "sweep_bytes_per_s": FAST,
        "touch_per_s": 0.0,
        "pause_s": FOREVER_S,
        "seed": SEED,
    }
    return PostcopyPlan(**(fields | changes))


@pytest.fixture
def before() -> Iterator[Pool]:
    """Pages for both sides; afterwards the pool is as it was."""
    skip_without_pool()
    try:
        Userfaultfd.open().close()
    except OSError as error:
        pytest.skip(str(error))
    counters = pool()
    with PoolLease(MIB2, 2 * PAGES, use_free=False):
        yield counters
    eventually(lambda: pool() == counters, f"the pool as before, {counters}")


def present_pages(side: Side) -> int:
    """Pages of which every 4 KiB is present in /proc/PID/pagemap; none is in part."""
    entries = pagemap(side.pid, side.start_va, side.size_bytes)
    step = side.page_size_bytes // 4096
    whole = 0
    for at in range(0, len(entries), step):
        present = sum(1 for entry in entries[at : at + step] if entry & PRESENT)
        assert present in (0, step)
        whole += present == step
    return whole


def expected(offset_bytes: int, size_bytes: int, page_size_bytes: int = MIB2) -> bytes:
    """The pattern, from its description."""
    page = offset_bytes // page_size_bytes
    return struct.pack("<8sQQQ", b"HUGESCOP", SEED, offset_bytes, page) * (size_bytes // 32)


def holds_the_pattern(side: Side) -> bool:
    return all(
        memory(side.pid, side.start_va + at, MIB2) == expected(at, MIB2, side.page_size_bytes)
        for at in range(0, side.size_bytes, MIB2)
    )


def vm_flags(side: Side) -> list[str]:
    """VmFlags of the VMA that starts where the side does."""
    lines = iter(Path(f"/proc/{side.pid}/smaps").read_text().splitlines())
    for line in lines:
        if line.startswith(f"{side.start_va:x}-"):
            return next(line for line in lines if line.startswith("VmFlags:")).split()[1:]
    raise AssertionError(f"no mapping at {side.start_va:#x}")


def reached(postcopy: Postcopy, phase: Phase, number: int) -> Progress:
    assert postcopy.wait_for(phase, number, PATIENCE_S)
    progress = postcopy.progress()
    assert progress is not None
    return progress


@pytest.mark.parametrize(
    ("changes", "demanded", "swept"),
    [
        ({}, 0, PAGES),
        ({"sweep_bytes_per_s": NEVER, "touch_per_s": 1000.0}, PAGES, 0),
        ({"sweep_bytes_per_s": 64.0 * MIB2, "touch_per_s": 100.0}, None, None),
    ],
    ids=["swept", "demanded", "mixed"],
)
def test_a_round_brings_every_page_with_its_content(before, changes, demanded, swept):
    with Postcopy(plan(**changes)) as postcopy:
        progress = reached(postcopy, Phase.PAUSED, 1)
        assert (progress.pages, progress.present) == (PAGES, PAGES)
        assert progress.demanded + progress.swept == PAGES
        assert demanded in (None, progress.demanded)
        assert swept in (None, progress.swept)
        source, destination = postcopy.sides[SOURCE], postcopy.sides[DESTINATION]
        for side in (source, destination):
            assert present_pages(side) == PAGES
            assert holds_the_pattern(side)
        pids = list(postcopy.pids.values())
        assert len(set(pids)) == 2
    assert not any(map(lives, pids))
    assert dict(postcopy.pids) == {}
    assert not {SOURCE, DESTINATION} & set(children_of(os.getpid()))


def test_both_sides_look_as_the_field_expects(before):
    with Postcopy(plan(sweep_bytes_per_s=NEVER)) as postcopy:
        reached(postcopy, Phase.COPYING, 1)
        source, destination = postcopy.sides[SOURCE], postcopy.sides[DESTINATION]
        for side in (source, destination):
            assert Path(f"/proc/{side.pid}/comm").read_text() == f"{side.name}\n"
            assert side.start_va % GIB == 0
            assert "ht" in vm_flags(side)
        assert source.start_va != destination.start_va
        assert "um" in vm_flags(destination)
        assert "um" not in vm_flags(source)
        assert (present_pages(source), present_pages(destination)) == (PAGES, 0)
        arguments = Path(f"/proc/{destination.pid}/cmdline").read_text().split("\0")
        assert arguments[2:5] == ["-m", "hugescope_agent.workloads.postcopy", "destination"]


def test_rounds_come_to_their_end(before):
    postcopy = Postcopy(plan(rounds=3, pause_s=0.0, touch_per_s=50.0))
    with postcopy:
        assert postcopy.wait(PATIENCE_S)
        last = postcopy.progress()
        assert last is not None
        assert (last.round, last.phase, last.present) == (3, Phase.PAUSED, PAGES)
    assert not any(lives(side.pid) for side in postcopy.sides.values())


EMPTYING = f"""
import sys
from hugescope_agent.workloads.hugemem import HugeMemory
from tests.kernel.host_pool import PRESENT, pagemap, pool
memory = HugeMemory("t", {PAGES * MIB2}, {MIB2}, 0x20_0000_0000)
def look():
    entries = pagemap("self", memory.start_va, memory.size_bytes)
    return sum(1 for entry in entries[::512] if entry & PRESENT), pool()[1:3]
mapped = look()
for again in range(2):
    memory.fill(5)
    full = look()
    assert full[0] == {PAGES}, full
    assert full[1] == (mapped[1][0] - {PAGES}, mapped[1][1] - {PAGES}), (mapped, full)
    assert all(memory.block_matches(page * {MIB2}, 5) for page in range({PAGES}))
    assert not memory.block_matches(0, 6)
    memory.punch()
    assert look() == mapped, (look(), mapped)
second = HugeMemory("t", {MIB2}, {MIB2}, 0x20_0000_0000)
assert second.start_va == 0x20_4000_0000, hex(second.start_va)
"""


def test_emptied_memory_is_absent_and_reserved_again(before):
    ended = subprocess.run(
        [sys.executable, "-c", EMPTYING],
        env=module_environment(),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr == ""
    assert ended.returncode == 0


def test_a_toucher_that_waits_for_a_stopped_source_can_be_ended(before):
    with Postcopy(plan(sweep_bytes_per_s=NEVER, touch_per_s=5.0)) as postcopy:
        reached(postcopy, Phase.COPYING, 1)
        pids = dict(postcopy.pids)
        os.kill(pids[SOURCE], signal.SIGSTOP)
        postcopy.stop()
        assert not any(map(lives, pids.values()))


@pytest.mark.parametrize(
    ("name", "number"),
    [
        (SOURCE, signal.SIGKILL),
        (DESTINATION, signal.SIGKILL),
        (SOURCE, signal.SIGTERM),
        (DESTINATION, signal.SIGTERM),
        (DESTINATION, signal.SIGINT),
    ],
)
@pytest.mark.parametrize("phase", [Phase.COPYING, Phase.PAUSED])
def test_a_side_that_is_ended_is_named_and_ends_the_other(before, name, number, phase):
    speed = NEVER if phase is Phase.COPYING else FAST
    postcopy = Postcopy(plan(sweep_bytes_per_s=speed))
    postcopy.start()
    reached(postcopy, phase, 1)
    pids = dict(postcopy.pids)
    os.kill(pids[name], number)
    with pytest.raises(PostcopyFailed, match=f"^{name} was ended by {number.name}$"):
        postcopy.wait(PATIENCE_S)
    with pytest.raises(PostcopyFailed):
        postcopy.progress()
    postcopy.stop()
    assert not any(map(lives, pids.values()))


def test_a_failure_inside_the_context_surfaces_at_its_end(before):
    def run():
        with Postcopy(plan()) as postcopy:
            os.kill(postcopy.pids[SOURCE], signal.SIGKILL)
            eventually(lambda: not postcopy.pids, "the end of both sides")

    with pytest.raises(PostcopyFailed, match="SIGKILL"):
        run()


def test_too_few_pages_are_told_with_the_reason(before):
    with pytest.raises(PostcopyFailed, match=r"hs-\w+: 524288 huge pages of 2 MiB cannot be res"):
        Postcopy(plan(size_bytes=1 << 40)).start()


def test_the_thread_that_starts_it_may_end(before):
    """The parent-death signal follows a thread, and this is not the one it follows."""
    postcopy = Postcopy(plan())
    starter = threading.Thread(target=postcopy.start)
    starter.start()
    starter.join()
    assert reached(postcopy, Phase.PAUSED, 1).present == PAGES
    assert all(map(lives, postcopy.pids.values()))
    postcopy.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_demo_leaves_nothing_behind(number):
    skip_without_pool()
    counters = pool()
    demo = subprocess.Popen(
        module_argv("hugescope_agent.workloads.postcopy", "demo", "--size=64M", "--rate=16M"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=module_environment(),
    )
    assert demo.stdout is not None
    line = ""
    while "copying" not in line:
        line = demo.stdout.readline()
        if not line:
            pytest.fail(demo.communicate()[1])
    children = children_of(demo.pid)
    assert {SOURCE, DESTINATION} <= set(children)
    demo.send_signal(number)
    _, said = demo.communicate()
    assert said == ""
    assert demo.returncode == (-number if number == signal.SIGKILL else 128 + number)
    eventually(lambda: not any(map(lives, children.values())), f"the end of {children}")
    eventually(lambda: pool() == counters, f"the pool as before, {counters}")


def test_pages_of_1_gib():
    skip_without_pool(GIB)
    try:
        lease = PoolLease(GIB, 2, use_free=False).acquire()
    except PoolUnavailable as error:
        pytest.skip(f"no 1 GiB page to be had: {error}")
    big = plan(size_bytes=GIB, page_size_bytes=GIB, sweep_bytes_per_s=4.0 * GIB)
    with lease, Postcopy(big) as postcopy:
        assert reached(postcopy, Phase.PAUSED, 1).swept == 1
        destination = postcopy.sides[DESTINATION]
        assert present_pages(destination) == 1
        for at in (0, GIB // 2, GIB - MIB2):
            assert memory(destination.pid, destination.start_va + at, MIB2) == expected(
                at, MIB2, GIB
            )


@pytest.mark.parametrize("way", ["system call", "device", "user mode only"])
def test_userfaultfd_on_memory_of_our_own(monkeypatch, way):
    """Two pages of 4 KiB: placed once, met the second time, and told by /proc."""
    if way == "device":
        monkeypatch.setattr(userfault, "NR_USERFAULTFD", {})
    size = 2 * mmap.PAGESIZE
    target = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    source = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    source[:] = b"a" * mmap.PAGESIZE + b"b" * mmap.PAGESIZE
    target_va = addressof(c_char.from_buffer(target))
    source_va = addressof(c_char.from_buffer(source))
    try:
        faults = Userfaultfd.open(user_mode_only=way == "user mode only")
    except OSError as error:
        pytest.skip(str(error))
    with faults:
        assert faults.handshake() & userfault.UFFD_FEATURE_MISSING_HUGETLBFS
        faults.register_missing(target_va, size)
        assert faults.copy(target_va, source_va, mmap.PAGESIZE) == Copied(mmap.PAGESIZE, False)
        entries = pagemap(os.getpid(), target_va, size)
        assert [bool(entry & PRESENT) for entry in entries] == [True, False]
        assert faults.copy(target_va, source_va, size) == Copied(0, True)
        second = mmap.PAGESIZE
        assert faults.copy(target_va + second, source_va + second, second) == Copied(second, False)
        assert target[:] == source[:]
        faults.wake(target_va, size)
        faults.unregister(target_va, size)
        assert faults.read_faults() == []
        with pytest.raises(OSError, match="UFFDIO_REGISTER: Invalid argument"):
            faults.register_missing(target_va + 1, size)
