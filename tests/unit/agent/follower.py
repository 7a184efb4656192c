"""Follows a captured tree with a sampler, as a server does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.sample import Sample, SamplerOptions
from hugescope_agent.sampler import Sampler
from hugescope_wire.frames import FrameKind, decode_frame, encode_frame
from hugescope_wire.host import HostDelta, HostFrame, Source
from hugescope_wire.picture import HostPicture

START = 0x7E0000000000
"""Where the made-up processes' mappings begin."""


class Clock:
    """Moves by the test's hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Follower:
    """A sampler, and the picture that a server builds from what it says."""

    def __init__(self, root: Path, options: SamplerOptions | None = None) -> None:
        self.clock = Clock()
        self.files = HostFiles(Root.at(str(root)))
        self.sampler = Sampler(self.files, Source(kind="capture"), options, self.clock)
        self.picture = HostPicture()

    def take(self, sample: Sample) -> None:
        """Through the bytes, as it travels."""
        full = isinstance(sample.about, HostFrame)
        kind = FrameKind.FULL if full else FrameKind.DELTA
        seq = self.picture.seq + 1
        data = encode_frame(kind, seq, sample.about, sample.blocks)
        self.picture.apply(decode_frame(data))

    def full(self) -> None:
        self.take(self.sampler.full())

    def tick(self, seconds: float = 0.1) -> HostDelta | None:
        self.clock.now_s += seconds
        sample = self.sampler.tick()
        if sample is None:
            return None
        self.take(sample)
        assert isinstance(sample.about, HostDelta)
        return sample.about

    def use(self, root: Path) -> None:
        fresh = HostFiles(Root.at(str(root)))
        self.sampler.use(fresh)
        self.files.close()
        self.files = fresh

    def close(self) -> None:
        self.sampler.close()
        self.files.close()

    def cells(self) -> dict[int, dict[int, list[tuple[Any, ...]]]]:
        """What a snapshot shows, unrolled: by pid, start and cell."""
        return {
            process.pid: {
                mapping.start: [
                    (r.state, r.mapped_bytes, r.mapcount, r.mappers, r.node, frozenset(r.flags))
                    for r in mapping.runs
                    for _ in range(r.count)
                ]
                for mapping in process.mappings
            }
            for process in self.picture.snapshot().processes
        }
