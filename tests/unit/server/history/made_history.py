"""A server's history with the test's clocks, fed by a made-up host."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

from hugescope_server.bus import LocalBus
from hugescope_server.history.history import History
from hugescope_server.ingest import AgentSession, Ingest
from hugescope_server.settings import ServerSettings
from hugescope_wire.archive import Archive, applied
from hugescope_wire.frames import marked_late
from hugescope_wire.picture import HostPicture
from hugescope_wire.statehash import state_hash
from tests.unit.server.made_host import MadeHost, hello

BEGAN_S = 1_800_000_000.0
STEP_S = 0.1


class World:
    """A bus, an ingest and a history; time passes when a test says so.

    Attributes:
        truth: of each host, the times of its frames as they were taken, and hashes after them.
    """

    def __init__(self, directory: Path, **more: object) -> None:
        given = {"history_dir": directory, "state_dir": directory.parent / "state", **more}
        self.settings = ServerSettings(history=True, **given)  # type: ignore[arg-type]
        self.now_s = 50.0
        self.ahead_s = BEGAN_S
        self.bus = LocalBus()
        self.ingest = Ingest(self.bus, 300, 1 << 24, 3.0, lambda: self.now_s)
        self.history = History(self.settings, self.bus, lambda: self.now_s, self.wall_s)
        self.truth: dict[str, list[tuple[float, str]]] = {}

    def wall_s(self) -> float:
        return self.now_s + self.ahead_s

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        await self.history.start()
        try:
            yield self
        finally:
            await self.history.stop()

    async def write(self) -> None:
        """As if the second were over."""
        await self.history.write_now()

    def archive(self, host_id: str) -> Archive:
        found = self.history.archive(host_id)
        assert found is not None
        return found


class Sender:
    """An agent of a made-up host."""

    def __init__(self, world: World, host_id: str = "h1", seed: int = 1) -> None:
        self.world = world
        self.host_id = host_id
        self.host = MadeHost(random.Random(seed))
        self.host.add(1, 30)
        self.session: AgentSession | None = None

    def join(self) -> None:
        said = hello(self.host_id, self.host.epoch)
        self.session = self.world.ingest.join(said, lambda: None)

    def send(self, count: int = 1, full: bool = False) -> None:
        """Frames, a step of time apart."""
        for _ in range(count):
            if self.session is None:
                self.join()
                full = True
            self.world.now_s += STEP_S
            self.take(self.host.full() if full else self.host.step())
            full = False

    def take(self, frame: bytes, at_s: float | None = None) -> None:
        """One frame that comes now; `at_s`: it was late, and made then."""
        assert self.session is not None
        self.session.take(frame if at_s is None else marked_late(frame))
        kept = self.session.kept
        assert kept is not None
        when_s = self.world.wall_s() if at_s is None else at_s
        self.world.truth.setdefault(self.host_id, []).append((when_s, state_hash(kept.picture)))

    def leave(self) -> None:
        assert self.session is not None
        self.session.leave()
        self.session = None


def read(archive: Archive) -> list[tuple[float, str]]:
    """The times of all its frames, and the hashes after them."""
    picture, found = HostPicture(), []
    for record in archive.records():
        applied(picture, record.frame)
        found.append((record.at_s, state_hash(picture)))
    return found


def same(found: list[tuple[float, str]], truth: list[tuple[float, str]]) -> bool:
    """The same pictures, at times that differ by what a microsecond's rounding may do."""
    return [one for _, one in found] == [one for _, one in truth] and all(
        abs(at_s - when_s) < 1e-4 for (at_s, _), (when_s, _) in zip(found, truth, strict=True)
    )


def files_of(directory: Path) -> list[Path]:
    """All history files below."""
    return sorted(directory.glob("**/*.hsrec"))
