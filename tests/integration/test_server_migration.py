"""A migration through a real server and real sockets."""

import asyncio
import struct
import time

from httpx import AsyncClient

from hugescope_wire.messages import TO_VIEWER, parse
from hugescope_wire.migration import (
    FollowMigration,
    MigrationMissing,
    Migrations,
    MigrationState,
    PairEnd,
)
from tests.integration.live_server import PATIENCE_S, agent, http_to, live_server, socket_to
from tests.unit.server.made_host import MadeHost
from tests.unit.server.migration.made_vms import MadeBox, MadeVm, World

VIEWER = "/api/v1/viewer"


class Frames:
    """What a made box sends, kept for a socket."""

    def __init__(self) -> None:
        self.world = World()
        self.world.now = time.time()
        self.sent: list[bytes] = []
        self.box: MadeBox = self.world.box()
        self.box._session.take = self.sent.append  # type: ignore[method-assign,assignment]
        self.source = self.box.add(MadeVm(10))
        self.source.fill()
        self.destination = self.box.add(MadeVm(20, incoming=True))

    def next(self) -> bytes:
        self.world.now = time.time()
        self.box.frame()
        return self.sent[-1]


async def _arrivals(client: AsyncClient, path: str, count: int) -> list[tuple[int, ...]]:
    """The log from its begin, asked for until it has so many."""
    records: list[tuple[int, ...]] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(records) < count:
            await asyncio.sleep(0.05)
            data = (await client.get(path, params={"since": len(records)})).content
            assert struct.unpack_from("<Q", data, 8)[0] == len(records)
            records += struct.iter_unpack("<IHBBff", data[32:])
    return records


async def test_a_post_copy_from_waiting_to_done() -> None:
    frames = Frames()
    phases: list[str] = []
    with live_server() as url:
        async with (
            agent(url, MadeHost(rng=None, epoch="e1")) as link,  # type: ignore[arg-type]
            socket_to(url, VIEWER) as socket,
            http_to(url) as client,
        ):
            pair = (PairEnd(host_id="h1", pid=10), PairEnd(host_id="h1", pid=20))
            await socket.send(FollowMigration(pair=pair).model_dump_json())

            async def next_of(kind: type) -> object:
                async with asyncio.timeout(PATIENCE_S):
                    while True:
                        text = await socket.recv()
                        message = parse(TO_VIEWER, text)
                        if isinstance(message, kind):
                            return message

            async def until(phase: str) -> MigrationState:
                while True:
                    state = await next_of(MigrationState)
                    assert isinstance(state, MigrationState)
                    phases.extend(span.phase for span in state.phases)
                    if state.summary.phase == phase:
                        return state

            first = await next_of(Migrations)
            assert first == Migrations(migrations=[])
            assert isinstance(await next_of(MigrationMissing), MigrationMissing)
            await link.send(frames.next())
            state = await until("waiting")
            assert state.summary.paired_by == ["name", "ram", "incoming"]
            frames.destination.come(*range(40))
            await link.send(frames.next())
            await until("precopy")
            frames.destination.go(*range(10))
            frames.destination.listen()
            await link.send(frames.next())
            await until("switchover")
            frames.destination.come(50)
            await link.send(frames.next())
            await until("postcopy")
            frames.destination.fill()
            await link.send(frames.next())
            state = await until("done")
            assert state.left == 0
            assert state.collapse is not None
            assert state.collapse.punched == 10
            path = f"/api/v1/migrations/{state.summary.id}/arrivals"
            records = await _arrivals(client, path, 40 + 10 + 34)
            assert len(records) == 40 + 10 + 34
            assert {record[0] for record in records} == set(range(64))
    assert set(phases) == {"waiting", "precopy", "switchover", "postcopy", "done"}
