"""A recording that is made now and kept in memory, for one report."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Final

from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.root import Root
from hugescope_agent.sample import Sample, SamplerOptions
from hugescope_agent.sampler import Sampler
from hugescope_wire.archive import Loss
from hugescope_wire.frames import FrameKind, encode_frame, split_frame
from hugescope_wire.host import HostFrame, Source
from hugescope_wire.recording import Record

HZ: Final = 10.0


class MemoryArchive:
    """Frames of one host, in order; the first is a full one."""

    losses: tuple[Loss, ...] = ()

    def __init__(self, name: str) -> None:
        self.name = name
        self._records: list[Record] = []

    def add(self, sample: Sample) -> None:
        """Keep one sample."""
        kind = FrameKind.FULL if isinstance(sample.about, HostFrame) else FrameKind.DELTA
        frame = encode_frame(kind, len(self._records) + 1, sample.about, sample.blocks)
        self._records.append(Record(sample.about.taken_at.timestamp(), split_frame(frame)))

    @property
    def began_s(self) -> float:
        """When the first was taken."""
        return self._records[0].at_s

    @property
    def ended_s(self) -> float:
        """When the last was."""
        return self._records[-1].at_s

    def records(
        self, since_s: float | None = None, until_s: float | None = None
    ) -> Iterator[Record]:
        """As `Archive` says, but always from the first frame on: there are few."""
        for record in self._records:
            if until_s is not None and record.at_s > until_s:
                return
            yield record


def record_live(
    root: Root, seconds: float, pids: frozenset[int] | None, ended: Callable[[], bool]
) -> MemoryArchive:
    """Look at this host for so long, or until `ended()`, as `hugescope record` does.

    Raises:
        AgentError: it cannot be read.
    """
    with contextlib.ExitStack() as stack:
        files = HostFiles(root)
        stack.callback(files.close)
        source = Source(kind="live") if root.live else Source(kind="capture")
        sampler = Sampler(files, source, SamplerOptions(HZ, pids=pids, reports=True))
        stack.callback(sampler.close)
        archive = MemoryArchive("this host")
        archive.add(sampler.full())
        end_s = due_s = time.monotonic()
        end_s += seconds
        while not ended():
            due_s = max(due_s + 1 / HZ, time.monotonic())
            if due_s > end_s:
                break
            time.sleep(max(0.0, due_s - time.monotonic()))
            if (sample := sampler.tick()) is not None:
                archive.add(sample)
        # The page is of the last frame: what it finds should be of that moment too.
        sampler.survey(thorough=True)
        archive.add(sampler.as_seen())
        return archive
