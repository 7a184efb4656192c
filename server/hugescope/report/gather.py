"""What a report is about: a moment of recorded time, and how things went around it.

One pass over the frames: the picture of the moment is kept, and of every other moment only sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope.errors import CommandError
from hugescope_wire.archive import Archive, Loss, applied
from hugescope_wire.cells import Cells, CellState
from hugescope_wire.errors import WireError
from hugescope_wire.host import HostFrame
from hugescope_wire.picture import HostPicture
from hugescope_wire.recording import Record
from hugescope_wire.snapshot import Pool, Snapshot

MAX_POINTS: Final = 600
"""Of a chart: more than it has pixels would only cost."""

GAP_S: Final = 3.0
"""An agent tells something every second; it is late from here on."""

StateBytes = npt.NDArray[np.int64]
"""Bytes of cells in each `CellState`: how much memory could be there, not how much is mapped."""


@dataclass(frozen=True, slots=True)
class Point:
    """One moment: `states` of the mappings that are shown, `pools` of the host."""

    at_s: float
    states: StateBytes
    mapped_bytes: int
    pools: tuple[Pool, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which no frame came."""

    since_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that a report tells.

    Attributes:
        name: of the file, or of the live recording, for people.
        pids: processes that are shown; None: all.
        frames, first: how many there were in the range, and the first, which says how it was made.
        until_s, since_s: the range of `points`.
        last_frame_s: when the picture's newest frame was taken.
    """

    name: str
    live: bool
    pids: frozenset[int] | None
    since_s: float
    until_s: float
    at_s: float
    picture: HostPicture
    snapshot: Snapshot
    points: tuple[Point, ...]
    losses: tuple[Loss, ...]
    gaps: tuple[Gap, ...]
    frames: int

    @property
    def about(self) -> HostFrame:
        """What is told beside cells."""
        assert self.picture.about is not None
        return self.picture.about


def gather(
    archive: Archive,
    since_s: float,
    until_s: float,
    at_s: float,
    pids: frozenset[int] | None,
    *,
    live: bool,
) -> Gathered:
    """Read the range; the moment lies in it.

    Raises:
        CommandError: the frames do not fit together, or a process that is asked for is not there.
    """
    walk = _Walk(pids, at_s)
    try:
        walk.through(archive.records(since_s, until_s), since_s, until_s)
    except WireError as error:
        raise CommandError(f"{archive.name}: {error}") from None
    picture = walk.picture_then
    assert picture.about is not None
    missing = set(pids or ()) - {process.pid for process in picture.about.processes}
    if missing:
        listed = ", ".join(map(str, sorted(missing)))
        raise CommandError(f"--pid {listed}: no such process in {archive.name} at that time")
    return Gathered(
        name=archive.name,
        live=live,
        pids=pids,
        since_s=since_s,
        until_s=until_s,
        at_s=at_s,
        picture=picture,
        snapshot=picture.snapshot(pids),
        points=tuple(walk.points),
        losses=tuple(loss for loss in archive.losses if _touches(loss, since_s, until_s)),
        gaps=tuple(walk.gaps),
        frames=walk.frames,
    )


def _touches(loss: Loss, since_s: float, until_s: float) -> bool:
    return loss.since_s <= until_s and (loss.until_s is None or loss.until_s >= since_s)


class _Walk:
    """Goes through frames once, and keeps what the report needs."""

    def __init__(self, pids: frozenset[int] | None, at_s: float) -> None:
        self._pids = pids
        self._at_s = at_s
        self._sums: dict[int, tuple[Cells, StateBytes, int]] = {}
        self.picture_then = HostPicture()
        self.points: list[Point] = []
        self.gaps: list[Gap] = []
        self.frames = 0

    def through(self, records: Iterator[Record], since_s: float, until_s: float) -> None:
        """All frames of the range; a point at its beginning, then one a step at most."""
        step_s = (until_s - since_s) / (MAX_POINTS - 1)
        picture = HostPicture()
        before_s = due_s = since_s
        for record in records:
            if record.at_s > self._at_s:
                self._keep(picture)
            if record.at_s > since_s and not self.points and picture.about is not None:
                self._add(since_s, picture)
                due_s = since_s + step_s
            applied(picture, record.frame)
            if record.at_s < since_s:
                continue
            self.frames += 1
            if record.at_s - before_s > GAP_S:
                self.gaps.append(Gap(before_s, record.at_s))
            before_s = record.at_s
            if record.at_s >= due_s or record.at_s >= until_s:
                self._add(record.at_s, picture)
                due_s = max(due_s + step_s, record.at_s)
        if picture.about is None:
            raise WireError("bad_recording", "holds nothing of that time")
        self._keep(picture)
        if not self.points or self.points[-1].at_s < until_s:
            self._add(max(since_s, until_s), picture)

    def _keep(self, picture: HostPicture) -> None:
        """The picture of the moment, the first time that this is asked for."""
        if self.picture_then.about is None and picture.about is not None:
            self.picture_then = replace(picture)

    def _add(self, at_s: float, picture: HostPicture) -> None:
        assert picture.about is not None
        states, mapped = np.zeros(len(CellState), np.int64), 0
        sums: dict[int, tuple[Cells, StateBytes, int]] = {}
        for process in picture.about.processes:
            if self._pids is not None and process.pid not in self._pids:
                continue
            for info in process.mappings:
                cells = picture.cells[info.id]
                known = self._sums.get(info.id)
                if known is None or known[0] is not cells:
                    counted = np.array(cells.state_counts(), np.int64) * info.page_size
                    known = (cells, counted, int(cells.mapped_pages.sum(dtype=np.uint64)) * 4096)
                sums[info.id] = known
                states += known[1]
                mapped += known[2]
        self._sums = sums
        self.points.append(Point(at_s, states, mapped, tuple(picture.about.pools)))
