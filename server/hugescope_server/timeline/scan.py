"""What happened in recordings: found by playing them once, in a thread."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import repeat

from hugescope_server.bus import FrameTaken, LocalBus
from hugescope_server.migration.desk import MigrationDesk
from hugescope_server.settings import ServerSettings
from hugescope_server.timeline.diary import Notebook
from hugescope_server.timeline.happenings import Noted
from hugescope_server.timeline.player import Player
from hugescope_wire.archive import Archive


@dataclass(slots=True)
class _Clock:
    at_s: float = 0.0

    def wall(self) -> float:
        return self.at_s


def scan(
    archives: Mapping[str, Archive],
    settings: ServerSettings,
    wanted: Callable[[], bool] = lambda: True,
) -> dict[str, list[Noted]]:
    """Events of these hosts in order of time; of some of them, where it is not wanted any more."""
    clock, bus, notebook = _Clock(), LocalBus(), Notebook()
    desk = MigrationDesk(bus, settings.forget_after_s, clock.wall, "scan")
    found: dict[str, list[Noted]] = {host_id: [] for host_id in archives}

    def note(events: list[Noted]) -> None:
        for noted in events:
            found.setdefault(noted.host_id, []).append(noted)

    frames = [
        zip(repeat(host_id), Player(archive, archive.began_s).steps(archive.ended_s))
        for host_id, archive in archives.items()
    ]
    for host_id, step in heapq.merge(*frames, key=lambda one: one[1].at_s):
        if not wanted():
            break
        clock.at_s = step.at_s
        event = FrameTaken(
            host_id, str(step.run), "", b"", step.picture, step.change, unseen=step.unseen
        )
        bus.publish(event)
        note(notebook.frame(event, step.at_s))
        note(notebook.migrations(desk))
    return {host_id: sorted(all_of, key=lambda one: one.at_s) for host_id, all_of in found.items()}
