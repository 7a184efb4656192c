"""What happened: noted as frames come, found in recordings by a scan, and kept.

Of each host so many events are kept in memory. Those of live hosts are written once a second, one
JSON line each, to a file of its own: a torn last line is passed over when it is read.
"""

from __future__ import annotations

import bisect
import contextlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from hugescope_server.bus import Bus, FrameTaken, HostEvent
from hugescope_server.migration.desk import MigrationDesk
from hugescope_server.timeline.happenings import Known, Noted, gap, happened, known, phases
from hugescope_server.unseen import words_of
from hugescope_wire.migration import Phase
from hugescope_wire.travel import TimeEvent

MAX_EVENTS: Final = 1000
"""Of one host."""

MAX_FILE_BYTES: Final = 1 << 20
_SUFFIX: Final = ".events"
_log: Final = logging.getLogger(__name__)


class Notebook:
    """Turns frames and phases, in their order, into events: of live hosts and of recorded ones."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}
        self._last_s: dict[str, float] = {}
        self._told: dict[str, tuple[object, set[Phase]]] = {}

    def frame(self, event: FrameTaken, at_s: float) -> list[Noted]:
        """What a frame that came at `at_s` shows."""
        host_id, about = event.host_id, event.picture.about
        assert about is not None, "a frame was applied to the picture"
        found = []
        if event.unseen is not None:
            since_s = self._last_s.get(host_id, at_s)
            found.append(gap(host_id, event.unseen, words_of(event.unseen), since_s, at_s))
        self._last_s[host_id] = at_s
        before = self._known.get(host_id)
        if before is None or event.change.about or event.change.full:
            after = self._known[host_id] = known(about, before)
            if before is not None:
                found += happened(host_id, before, after, at_s)
        return found

    def migrations(self, desk: MigrationDesk) -> list[Noted]:
        """Phases that began since this was asked last."""
        found = []
        here = desk.migrations()
        for migration in here:
            run, told = self._told.get(migration.id, (None, set()))
            if run is not migration.run:
                told = set()
            for phase, noted in phases(migration, told):
                told.add(phase)
                found.append(noted)
            self._told[migration.id] = (migration.run, told)
        for gone in self._told.keys() - {migration.id for migration in here}:
            del self._told[gone]
        return found

    def forget(self, host_id: str) -> None:
        """This host is not known any more."""
        self._known.pop(host_id, None)
        self._last_s.pop(host_id, None)


class Diary:
    """Events of all hosts.

    Args:
        bus: of live hosts.
        wall_clock: seconds since 1970.
        directory: where events of live hosts are kept; None: in memory only.

    Attributes:
        version: rises with each event.
    """

    def __init__(
        self, bus: Bus, wall_clock: Callable[[], float], directory: Path | None = None
    ) -> None:
        self.version = 0
        self._wall_clock = wall_clock
        self._directory = directory
        self._events: dict[str, list[Noted]] = {}
        self._unwritten: dict[str, list[Noted]] = {}
        self._phases: tuple[int, list[Noted]] | None = None
        self._notebook: Final = Notebook()
        bus.subscribe(None, self._follow)

    def between(
        self,
        spans: Mapping[str, tuple[float, float]],
        since_s: float,
        until_s: float,
        limit: int,
    ) -> tuple[list[TimeEvent], bool]:
        """The newest `limit` events of that time, in order of time, and whether there are older
        ones; of the hosts of `spans` and within those only.
        """
        found = sorted(
            (
                noted
                for host_id, (began_s, ended_s) in spans.items()
                for noted in self._events.get(host_id, ())
                if max(since_s, began_s) <= noted.at_s <= min(until_s, ended_s)
            ),
            key=lambda noted: noted.at_s,
        )
        newest = found[max(0, len(found) - limit) :]
        return [noted.event for noted in newest], len(found) > limit

    def migrating_since(self, host_id: str, at_s: float) -> float | None:
        """When the migration began that this host had a part in at that moment; None: in none."""
        began: dict[str, float] = {}
        for noted in self._all_phases():
            place = noted.place or ""
            if noted.at_s > at_s:
                break
            if host_id not in noted.hosts:
                continue
            if noted.over:
                began.pop(place, None)
            else:
                began.setdefault(place, noted.at_s)
        return min(began.values(), default=None)

    def _all_phases(self) -> list[Noted]:
        """Of all hosts, in order of time."""
        if self._phases is None or self._phases[0] != self.version:
            all_of = (noted for events in self._events.values() for noted in events)
            found = sorted((one for one in all_of if one.hosts), key=lambda one: one.at_s)
            self._phases = (self.version, found)
        return self._phases[1]

    def take(self, events: Sequence[Noted], *, keep: bool = True) -> None:
        """Note these; with `keep` they will be written."""
        for noted in events:
            host_id = noted.host_id
            here = self._events.setdefault(host_id, [])
            bisect.insort(here, noted, key=lambda one: one.at_s)
            del here[: max(0, len(here) - MAX_EVENTS)]
            if keep and self._directory is not None:
                self._unwritten.setdefault(host_id, []).append(noted)
            self.version += 1

    def replace(self, host_id: str, events: list[Noted]) -> None:
        """These are all events of a recorded host."""
        self._events[host_id] = events[-MAX_EVENTS:]
        self.version += 1

    def look_at(self, desk: MigrationDesk) -> None:
        """Note phases that began."""
        self.take(self._notebook.migrations(desk))

    def forget(self, host_id: str) -> None:
        """For good."""
        self._events.pop(host_id, None)
        self._unwritten.pop(host_id, None)
        self.version += 1
        if self._directory is not None:
            with contextlib.suppress(FileNotFoundError):
                (self._directory / f"{host_id}{_SUFFIX}").unlink()

    def unwritten(self) -> dict[str, list[Noted]]:
        """What `write` has to write; it is handed out once."""
        out, self._unwritten = self._unwritten, {}
        return out

    def load(self) -> dict[str, list[Noted]]:
        """What was written before; for a thread. `take` it without keeping it."""
        if self._directory is None or not self._directory.is_dir():
            return {}
        return {
            path.name.removesuffix(_SUFFIX): read_events(path.read_bytes())[-MAX_EVENTS:]
            for path in sorted(self._directory.glob(f"*{_SUFFIX}"))
        }

    def write(self, unwritten: dict[str, list[Noted]]) -> None:
        """Append to the files; for a thread. A disk that is full loses events and nothing else."""
        if self._directory is None:
            return
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for host_id, events in unwritten.items():
                _append(self._directory / f"{host_id}{_SUFFIX}", events)
        except OSError as error:
            _log.error("events are not kept: %s: %s", error.filename, error.strerror)

    def _follow(self, event: HostEvent) -> None:
        if isinstance(event, FrameTaken):
            at_s = self._wall_clock()
            about = event.picture.about
            if event.late and about is not None:
                at_s = min(at_s, about.taken_at.timestamp())
            self.take(self._notebook.frame(event, at_s))


def read_events(data: bytes) -> list[Noted]:
    """Whole lines, in order of time; what is no event is passed over."""
    found = []
    for line in data.split(b"\n")[:-1]:
        with contextlib.suppress(ValidationError):
            found.append(Noted.read(line))
    return sorted(found, key=lambda noted: noted.at_s)


def _append(path: Path, events: list[Noted]) -> None:
    """Write whole lines, after whole lines; of a file that is too long only the latest stay."""
    lines = b"".join(noted.line() + b"\n" for noted in events)
    with open(path, "ab+", buffering=0, opener=_private) as file:
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            if file.read(1) != b"\n":
                lines = b"\n" + lines
        file.write(lines)
    if end + len(lines) > MAX_FILE_BYTES:
        kept = path.read_bytes().split(b"\n")[:-1][-MAX_EVENTS:]
        other = path.with_suffix(".new")
        with open(other, "wb", opener=_private) as file:
            file.write(b"".join(line + b"\n" for line in kept))
        other.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
