"""Virtual machines on the real kernel: their registration with userfaultfd, their guests' faults,
and what a real QEMU says.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from hugescope_agent import watch as watch_module
from hugescope_agent.kernel import perf
from hugescope_agent.kernel.perf import FaultRing
from hugescope_agent.kernel.root import Root
from hugescope_agent.qmp import QmpClient
from hugescope_agent.sample import SamplerOptions
from hugescope_agent.workloads.child import module_environment
from hugescope_agent.workloads.postcopy import DESTINATION, SOURCE, Postcopy, PostcopyPlan
from hugescope_agent.workloads.userfault import Userfaultfd
from hugescope_wire.host import HostDelta, ProcessInfo
from hugescope_wire.snapshot import GuestRam, ProcessName
from hugescope_wire.vm import Fault, Vm
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.host_pool import eventually
from tests.kernel.puppets import LiveFollower, following

pytestmark = pytest.mark.kernel

PROCESS = Path(__file__).with_name("machine_process.py")
UUID = "0a1b2c3d-0000-4000-8000-00000000beef"
LINE = (
    *("-name", "guest=web1", "-uuid", UUID, "-incoming", "defer", "-m", "8"),
    *("-machine", "q35,memory-backend=ram"),
    *("-object", "memory-backend-memfd,id=ram,hugetlb=on,size=8M"),
)
PATIENCE_S = 120.0  # only a failure takes so long
REST_S = 0.01
PIDFD_GETFD = 438
ACCEPTS = 1 << 16  # __SO_ACCEPTCON in /proc/net/unix


class Machine:
    """Such a process, and the userfaultfd of its memory in our hands."""

    def __init__(self, process: subprocess.Popen[str], start_va: int) -> None:
        self.process = process
        self.pid = process.pid
        self.start_va = start_va

    def begin(self, *command: object) -> None:
        """Have it do something that may wait."""
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(map(str, command)) + "\n")
        self.process.stdin.flush()

    def ended(self) -> int:
        """Wait for its answer: the number of its userfaultfd."""
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def do(self, *command: object) -> int:
        self.begin(*command)
        return self.ended()

    def bring(self, page: int, fd: int) -> None:
        """Put a page of zeros in place, as the source of a migration does."""
        pidfd = os.pidfd_open(self.pid)
        try:
            ours = int(ctypes.CDLL(None).syscall(PIDFD_GETFD, pidfd, fd, 0))
        finally:
            os.close(pidfd)
        assert ours >= 0
        content = ctypes.create_string_buffer(2 * MIB2)
        aligned = -(-ctypes.addressof(content) // MIB2) * MIB2
        with Userfaultfd(ours) as faults:
            faults.copy(self.start_va + page * MIB2, aligned, MIB2)


@contextmanager
def machine() -> Iterator[Machine]:
    """A machine that ends with the block."""
    line = ["qemu-system-x86_64", str(PROCESS), *LINE]
    with (
        extra_pages(MIB2, 4),
        subprocess.Popen(
            line,
            executable=sys.executable,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Python finds its own library by its name, which is another here.
            env={**module_environment(), "PYTHONHOME": sys.base_prefix},
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield Machine(process, int(process.stdout.readline()))
        finally:
            process.kill()


class Seen:
    """What a follower heard of one machine, whatever others there are.

    Its clock is the machine's, as that of faults is.

    Attributes:
        watched: whether its faults were seen, first and after each change.
    """

    def __init__(self, host: LiveFollower, pid: int) -> None:
        self.host = host
        self.pid = pid
        self.faults: list[Fault] = []
        self.watched = [False]

    def tick(self) -> None:
        self.host.now_s = time.monotonic()
        sample = self.host.sampler.tick()
        if sample is None:
            return
        self.host.take(sample)
        told = sample.about.faults if isinstance(sample.about, HostDelta) else None
        if told is not None:
            if (self.pid in told.watched) != self.watched[-1]:
                self.watched.append(self.pid in told.watched)
            self.faults += [one for one in told.faults if one.pid == self.pid]

    def until(self, reached: Callable[[], object], what: str) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not reached():
            assert time.monotonic() < end_s, f"never came: {what}"
            self.tick()
            time.sleep(REST_S)

    def has(self, address: int) -> bool:
        return address in [one.address for one in self.faults]

    def places(self, start_va: int) -> list[int]:
        """Of each fault; one that was interrupted by a signal counts anew, here as the same."""
        return list(dict.fromkeys(one.address - start_va for one in self.faults))

    def info(self) -> ProcessInfo:
        assert self.host.picture.about is not None
        (found,) = [one for one in self.host.picture.about.processes if one.pid == self.pid]
        return found

    def flags(self) -> list[str]:
        (mapping,) = self.info().mappings
        return mapping.vm_flags or []


@pytest.fixture
def asked_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """smaps is not read from time to time: only when something asks for it."""
    monkeypatch.setattr(watch_module, "SMAPS_EVERY_S", 1e9)


@pytest.fixture
def waiting(asked_only: None) -> Iterator[tuple[Machine, Seen]]:
    """A machine that waits for a migration, and a follower that knows it well."""
    with machine() as made, following() as host:
        host.now_s = time.monotonic()
        host.full()
        if host.files.no_faults is not None:
            pytest.skip(host.files.no_faults.reason)
        seen = Seen(host, made.pid)
        for _ in range(20):
            seen.tick()
        assert "um" not in seen.flags()
        yield made, seen


def test_what_a_machine_is(waiting: tuple[Machine, Seen]) -> None:
    _, seen = waiting
    assert seen.info().name == ProcessName(name="web1", kind="vm", source="qemu")
    assert seen.info().vm == Vm(uuid=UUID, incoming=True, ram_bytes=4 * MIB2)
    assert seen.watched == [False]


def test_memory_that_is_registered_shows_without_polling(waiting: tuple[Machine, Seen]) -> None:
    made, seen = waiting
    made.do("probe")
    for _ in range(5):
        seen.tick()
    made.do("register")
    seen.until(lambda: "um" in seen.flags(), "um in VmFlags")
    seen.until(lambda: seen.watched == [False, True], "that its faults are seen")
    made.do("close")
    seen.until(lambda: "um" not in seen.flags(), "um gone")
    seen.until(lambda: seen.watched == [False, True, False], "that they are not any more")


def test_faults_are_seen_while_they_wait_with_their_address(
    waiting: tuple[Machine, Seen],
) -> None:
    made, seen = waiting
    fd = made.do("register")
    seen.until(lambda: seen.watched[-1], "that its faults are seen")
    for page, offset in ((2, 0x5123), (0, 0)):
        made.begin("touch", page * MIB2 + offset)
        address = made.start_va + page * MIB2 + offset
        seen.until(partial(seen.has, address), "the fault")
        made.bring(page, fd)
        made.ended()
    for _ in range(3):
        seen.tick()
    assert seen.places(made.start_va) == [2 * MIB2 + 0x5123, 0]
    times = [one.at_s for one in seen.faults]
    assert times == sorted(times)
    # A page that is there makes no fault.
    made.do("touch", 2 * MIB2 + 0x777)
    seen.tick()
    assert seen.places(made.start_va) == [2 * MIB2 + 0x5123, 0]


def test_the_first_faults_are_kept_until_the_flag_is_seen(waiting: tuple[Machine, Seen]) -> None:
    made, seen = waiting
    made.begin("register", 3 * MIB2 + 0x10)
    seen.until(lambda: seen.faults, "the fault")
    assert seen.places(made.start_va) == [3 * MIB2 + 0x10]


def test_the_newest_fault_is_there_however_many_came_before() -> None:
    """As a thread of a QEMU waits for a page after 260,000 faults on other memory."""
    if (limit := perf.limit(Root.at("/"))) is not None:
        pytest.skip(limit.reason)
    pages, tail = 5000, 7
    with closing(FaultRing(0)) as ring, mmap.mmap(-1, pages * mmap.PAGESIZE) as memory:
        memory.madvise(mmap.MADV_NOHUGEPAGE)
        start_va = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for page in (*range(tail, pages), *range(tail)):
            memory[page * mmap.PAGESIZE] = 1
        samples = ring.take()
        assert samples is not None
        addresses = samples.address.tolist()
        touched = [(a - start_va) // mmap.PAGESIZE for a in addresses]
        touched = [page for page in touched if 0 <= page < pages]
        assert touched[-tail:] == list(range(tail))
        assert len(addresses) + samples.lost >= pages
        assert samples.at_s.tolist() == sorted(samples.at_s.tolist())


def test_our_own_post_copy_is_a_machine_at_both_ends() -> None:
    plan = PostcopyPlan(size_bytes=8 * MIB2, sweep_bytes_per_s=1e9, touch_per_s=0, pause_s=1e6)
    with extra_pages(MIB2, 16), Postcopy(plan) as postcopy, following() as host:
        host.full()
        ends = {name: Seen(host, pid).info() for name, pid in postcopy.pids.items()}
    for name, info in ends.items():
        assert info.name == ProcessName(name="demo-vm", kind="vm", source="demo")
        assert info.vm is not None
        assert (info.vm.simulated, info.vm.ram_bytes) == (True, 8 * MIB2)
        assert info.vm.incoming == (name == DESTINATION)
        ram = GuestRam(offset=0, backend="ram", low_bytes=None)
        assert [mapping.guest for mapping in info.mappings] == [ram]
    source, destination = ends[SOURCE].vm, ends[DESTINATION].vm
    assert source is not None
    assert destination is not None
    assert source.uuid == destination.uuid is not None


def listens(path: Path) -> bool:
    """Whether a connection to this socket would be taken: its file is there before that."""
    for line in Path("/proc/net/unix").read_text().splitlines():
        words = line.split()
        if words[-1] == str(path):
            return int(words[3], 16) & ACCEPTS != 0
    return False


@contextmanager
def empty_qemu(*sockets: Path) -> Iterator[int]:
    """A QEMU without a machine, with 4 huge pages; its pid."""
    program = shutil.which("qemu-system-x86_64")
    if program is None:
        pytest.skip("no qemu-system-x86_64")
    line = [program, "-machine", "none", "-nodefaults", "-nographic", "-uuid", UUID]
    line += ["-object", "memory-backend-memfd,id=ram,hugetlb=on,hugetlbsize=2M,size=8M"]
    for path in sockets:
        line += ["-qmp", f"unix:{path},server=on,wait=off"]
    with extra_pages(MIB2, 4), subprocess.Popen(line, stdin=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: all(map(listens, sockets)), "QEMU's sockets")
            yield process.pid
        finally:
            process.kill()


def test_a_real_qemu_is_read_and_a_socket_that_is_taken_is_said(tmp_path: Path) -> None:
    free, taken, missing = (tmp_path / name for name in ("free", "taken", "missing"))
    sockets = tuple(map(str, (taken, free, missing)))
    with empty_qemu(free, taken) as pid, QmpClient(taken):
        options = SamplerOptions(rotation_cells=1 << 14, qmp=sockets)
        with following(options) as host:
            host.full()
            seen = Seen(host, pid)

            def reasons() -> list[str]:
                seen.tick()
                assert host.picture.about is not None
                limits = host.picture.about.limits
                return [limit.reason for limit in limits if limit.capability == "qmp"]

            def said() -> bool:
                found = reasons()
                reading = seen.info().qmp
                told = reading is not None and reading.run_state == "running"
                return told and len(found) == 2

            eventually(said, "what QEMU says, and two sockets that say nothing")
            busy, absent = sorted(reasons(), key=lambda why: "missing" in why)
            assert "another client" in busy
            assert str(taken) in busy
            assert str(missing) in absent
            reading = seen.info().qmp
            assert reading is not None
            assert (reading.fault, reading.status, reading.events) == (None, None, [])
