"""A viewer that goes on as a browser does: it keeps what it was sent, follows one mapping by
process and address, and connects again with the browser's own waits (`frontend/src/lib/backoff.ts`,
`frontend/src/backends/live.ts`).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from hugescope_wire.cells import Cells
from hugescope_wire.follow import FollowedHost
from hugescope_wire.messages import VIEWER_PATH, Follow, HostSummary
from tests.faults.truth import Place
from tests.faults.unseen import Told
from tests.unit.server.made_viewer import MadeViewer

SILENCE_S: Final = 15.0
CONNECT_DEADLINE_S: Final = 10.0
LONGEST_WAIT_S: Final = 10.0
_LOST: Final = (OSError, ConnectionClosed, InvalidHandshake, TimeoutError)


class Watcher:
    """One browser.

    Args:
        url: of the server, or of what is before it.
        host_id: the host that it looks at.
        token: what it shows, asked anew for each connection.

    Attributes:
        points: sums of the timeline in bytes, by their times on the server's monotonic clock.
        gaps: every gap that was ever told, by the same clock, which is this machine's.
        server_epochs: in the order in which they were met.
        error: what the server sent that no server may.
    """

    def __init__(self, url: str, host_id: str, token: Callable[[], str]) -> None:
        self.points: dict[float, int] = {}
        self.gaps: set[Told] = set()
        self.server_epochs: list[str] = []
        self.error: BaseException | None = None
        self.seen = MadeViewer()
        self._url, self._host_id, self._token = url, host_id, token
        self._wanted: Place | None = None
        self._asked: tuple[str, int] | None = None
        self._socket: ClientConnection | None = None
        self._attempt = 0

    async def run(self) -> None:
        """Connect, and again after any loss, until cancelled."""
        while True:
            try:
                await self._connected()
            except _LOST:
                pass
            except Exception as error:
                self.error = error
                raise
            ceiling_s = min(LONGEST_WAIT_S, 0.5 * 2 ** min(self._attempt + 1, 10))
            self._attempt += 1
            await asyncio.sleep(ceiling_s * random.uniform(0.5, 1))

    @property
    def host(self) -> HostSummary | None:
        """The host as the last overview has it."""
        hosts = self.seen.overview.hosts if self.seen.overview else []
        return next((host for host in hosts if host.host_id == self._host_id), None)

    async def look_at(self, place: Place) -> None:
        """Follow this mapping from now on, wherever the overview has it."""
        self._wanted = place
        if self._socket is not None:
            with suppress(*_LOST):
                await self._ask(self._socket)

    def cells(self, place: Place) -> Cells | None:
        """Those of this mapping; None while they are not what is on screen."""
        if place != self._wanted or self._asked is None or self._asked != self._found():
            return None
        subscribed = self.seen.subscribed
        if subscribed is None or (subscribed.epoch, subscribed.mapping.id) != self._asked:
            return None
        return self.seen.cells

    async def _connected(self) -> None:
        self.seen, self._asked = MadeViewer(), None
        async with connect(
            self._url + VIEWER_PATH,
            additional_headers={"Authorization": f"Bearer {self._token()}"},
            compression=None,
            proxy=None,
            max_size=None,
            open_timeout=CONNECT_DEADLINE_S,
            ping_interval=None,
            close_timeout=0.2,
        ) as socket:
            followed = FollowedHost(host_id=self._host_id, statistics=True)
            await socket.send(Follow(hosts=[followed]).model_dump_json())
            self._socket = socket
            try:
                while True:
                    async with asyncio.timeout(SILENCE_S):
                        message = await socket.recv()
                    await self._take(socket, message)
            finally:
                self._socket = None

    async def _take(self, socket: ClientConnection, message: str | bytes) -> None:
        ack = self.seen.take(message)
        if ack is not None:
            await socket.send(ack.model_dump_json())
        self._remember()
        await self._ask(socket)

    def _remember(self) -> None:
        welcome, host = self.seen.welcome, self.host
        if welcome is not None and welcome.server_epoch not in self.server_epochs[-1:]:
            self._attempt = 0
            self.server_epochs.append(welcome.server_epoch)
        for statistics in self.seen.statistics:
            self.points.update({point.at_s: point.present_bytes for point in statistics.points})
        self.seen.statistics.clear()
        ahead_s = time.time() - time.monotonic()
        for gap in host.gaps if host is not None else []:
            since_s, until_s = (at.timestamp() - ahead_s for at in (gap.since, gap.until))
            # Rounded, so that the same gap is the same although two clocks were read.
            self.gaps.add(Told(round(since_s, 2), round(until_s, 2), gap.reason))

    async def _ask(self, socket: ClientConnection) -> None:
        """Subscribe to what is wanted where it is another than what was asked for."""
        if self.seen.ended is not None:
            self.seen.ended, self._asked = None, None
        found = self._found()
        if found is None or found == self._asked:
            return
        self._asked = found
        wish = self.seen.wish(self._host_id, found[1], found[0])
        await socket.send(wish.model_dump_json())

    def _found(self) -> tuple[str, int] | None:
        """Epoch and id of the mapping that is wanted."""
        if self.host is None or self._wanted is None:
            return None
        for process in self.host.processes:
            for mapping in process.mappings:
                if (process.pid, mapping.start) == self._wanted:
                    return self.host.epoch, mapping.id
        return None
