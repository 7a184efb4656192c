"""Processes that do what a test tells them, and a sampler that follows the live kernel."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.sample import Sample, SamplerOptions
from hugescope_agent.sampler import Sampler
from hugescope_wire.frames import FrameKind, decode_frame, encode_frame
from hugescope_wire.host import HostFrame, Source
from hugescope_wire.picture import HostPicture
from hugescope_wire.snapshot import Capabilities
from tests.kernel.commands import children_of
from tests.kernel.host_pool import eventually, lives

PROCESS = Path(__file__).with_name("puppet_process.py")
ROUND = 25
"""Ticks in which everyone was looked through and every present cell was read again."""

LOOKS = 5
"""The kernel may move a page during a look; it does not during so many."""

KERNELS: dict[str, dict[str, bool]] = {
    "all": {},
    "no scan": {"pagemap_scan": False},
    "no query": {"procmap_query": False},
    "neither": {"pagemap_scan": False, "procmap_query": False},
}
"""What older kernels lack: PAGEMAP_SCAN came with 6.7, PROCMAP_QUERY with 6.11."""

Mappings = list[dict[str, Any]]


class Puppet:
    """One such process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid

    def do(self, *command: object) -> Any:
        """Do one thing, and be done with it when this returns."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        # The surrogates of a name that is not UTF-8 travel as they are.
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the puppet died at {command}"
        answer = json.loads(line)
        assert not isinstance(answer, dict), answer
        return answer

    def kill(self) -> None:
        """End it at once, and have it gone, with its children: they may hold pages of the pool."""
        below = children_of(self.pid)
        self.process.kill()
        self.process.wait()
        eventually(lambda: not any(map(lives, below)), f"the end of its children, {below}")


@contextmanager
def puppet() -> Iterator[Puppet]:
    """A process that ends with the block."""
    command = [sys.executable, str(PROCESS)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        made = Puppet(process)
        try:
            yield made
        finally:
            if process.poll() is None:
                made.kill()


class LiveFollower:
    """A sampler of this machine, and the picture that a server builds from what it says."""

    def __init__(
        self, options: SamplerOptions | None = None, narrowed: Capabilities | None = None
    ) -> None:
        self.files = HostFiles(Root.at("/"), narrowed)
        options = options or SamplerOptions(rotation_cells=1 << 14)
        self.now_s = 1000.0
        self.sampler = Sampler(self.files, Source(kind="live"), options, lambda: self.now_s)
        self.picture = HostPicture()

    def close(self) -> None:
        """Close all."""
        self.sampler.close()
        self.files.close()

    def take(self, sample: Sample) -> None:
        """Through the bytes, as it travels."""
        full = isinstance(sample.about, HostFrame)
        kind = FrameKind.FULL if full else FrameKind.DELTA
        data = encode_frame(kind, self.picture.seq + 1, sample.about, sample.blocks)
        self.picture.apply(decode_frame(data))

    def full(self) -> None:
        """Look at everything."""
        self.take(self.sampler.full())

    def ticks(self, count: int = ROUND) -> None:
        """Look at what changed, so many times: ten a second by the sampler's clock."""
        for _ in range(count):
            self.now_s += 0.1
            sample = self.sampler.tick()
            if sample is not None:
                self.take(sample)

    def shown(self, *pids: int) -> dict[int, Mappings]:
        """The mappings of these processes as a snapshot has them, by pid."""
        snapshot = self.picture.snapshot(frozenset(pids))
        return {
            process.pid: [mapping.model_dump() for mapping in process.mappings]
            for process in snapshot.processes
        }

    def states(self, pid: int) -> list[str]:
        """The cells of each mapping of a process, a letter a cell: m, h, w for marker."""
        letters = {"mapped": "m", "hole": "h", "marker": "w", "migrating": "g", "poisoned": "p"}
        return [
            "".join(letters[run["state"]] * run["count"] for run in mapping["runs"])
            for mapping in self.shown(pid).get(pid, [])
        ]


@contextmanager
def following(
    options: SamplerOptions | None = None, narrowed: Capabilities | None = None
) -> Iterator[LiveFollower]:
    """A follower that closes with the block."""
    follower = LiveFollower(options, narrowed)
    try:
        yield follower
    finally:
        follower.close()


def fresh_look(*pids: int, narrowed: Capabilities | None = None) -> dict[int, Mappings]:
    """What a sampler shows that knows nothing from before."""
    with following(narrowed=narrowed) as other:
        other.full()
        return other.shown(*pids)


def agrees_with_a_fresh_look(follower: LiveFollower, *pids: int) -> dict[int, Mappings]:
    """Tick until what is followed is what a fresh look gives; gives it back."""
    narrowed = follower.files.capabilities
    for _ in range(LOOKS):
        follower.ticks()
        fresh = fresh_look(*pids, narrowed=narrowed)
        if follower.shown(*pids) == fresh:
            return fresh
    assert follower.shown(*pids) == fresh
    return fresh


def all_capabilities() -> Capabilities:
    """Those of this kernel and this user; skips where one is missing that tests narrow."""
    files = HostFiles(Root.at("/"))
    files.close()
    missing = [
        name
        for name in ("pfn", "kpageflags", "pagemap_scan", "procmap_query")
        if not getattr(files.capabilities, name)
    ]
    if missing:
        pytest.skip(f"this kernel or user lacks {', '.join(missing)}")
    return files.capabilities
