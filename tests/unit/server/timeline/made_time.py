"""Recordings of hosts that are made up, and what was there at each moment of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from hugescope_wire.frames import FrameKind, RawFrame, split_frame
from hugescope_wire.host import HostDelta, HostFrame
from hugescope_wire.recording import Loss, Record
from tests.unit.server.made_host import MadeHost

BEGAN: Final = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
BEGAN_S: Final = BEGAN.timestamp()
PERIOD_S: Final = 0.125
"""A whole number of its kind: times stay equal however they are added up."""


def at(raw: bytes, after_s: float) -> RawFrame:
    """A frame as it was taken so long after the beginning."""
    frame = split_frame(raw)
    update = {"taken_at": BEGAN + timedelta(seconds=after_s), "monotonic_s": 100 + after_s}
    meta: HostFrame | HostDelta = frame.meta.model_copy(update=update)
    return RawFrame(frame.kind, meta, frame.blocks)


def made_records(rng: random.Random, frames: int, restart_at: int = 0) -> list[Record]:
    """A host that changes with each frame, one every `PERIOD_S`; its agent starts anew before frame
    `restart_at`, and numbers mappings otherwise.
    """
    host = MadeHost(rng)
    host.add(9, 300)
    records = [Record(0.0, at(host.full(), 0.0))]
    for number in range(1, frames):
        if number == restart_at:
            host.restart_agent()
            renumber(host)
            raw = host.full()
        else:
            raw = host.step()
        records.append(Record(number * PERIOD_S, at(raw, number * PERIOD_S)))
    return records


def renumber(host: MadeHost) -> None:
    """As an agent does that started anew: each number stands for another mapping."""
    numbers = sorted(host.cells)
    others = dict(zip(numbers, [*numbers[1:], host.next_id], strict=True))
    host.next_id += 1
    host.cells = {others[number]: cells for number, cells in host.cells.items()}
    host.infos = {
        pid: {
            others[number]: info.model_copy(update={"id": others[number]})
            for number, info in infos.items()
        }
        for pid, infos in host.infos.items()
    }


def recorded(frames: list[bytes], period_s: float = PERIOD_S) -> list[Record]:
    """These frames, one every `period_s`."""
    return [
        Record(number * period_s, at(raw, number * period_s)) for number, raw in enumerate(frames)
    ]


@dataclass(frozen=True)
class MadeArchive:
    """A recording in memory; its records are of seconds since it began."""

    made: tuple[Record, ...]
    name: str
    losses: tuple[Loss, ...] = ()

    @property
    def began_s(self) -> float:
        return BEGAN_S + self.made[0].at_s

    @property
    def ended_s(self) -> float:
        return BEGAN_S + self.made[-1].at_s

    def records(
        self, since_s: float | None = None, until_s: float | None = None
    ) -> Iterator[Record]:
        all_of = [Record(BEGAN_S + one.at_s, one.frame) for one in self.made]
        keys = [
            number
            for number, one in enumerate(all_of)
            if one.frame.kind is FrameKind.FULL and (since_s is None or one.at_s <= since_s)
        ]
        begin = 0 if since_s is None else max(keys, default=0)
        for record in all_of[begin:]:
            if until_s is not None and record.at_s > until_s:
                return
            yield record


def made_archive(
    records: list[Record], name: str = "made", losses: tuple[Loss, ...] = ()
) -> MadeArchive:
    return MadeArchive(tuple(records), name, losses)
