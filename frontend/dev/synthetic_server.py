"""The real server with agents that make everything up, for developing the front end.

    .venv/bin/python frontend/dev/synthetic_server.py [--port N] [--cells N] [--changes N]

Server and link are those of the product; what comes over the link was read from no kernel, and is
marked as replay or capture on screen. GET /dev/ACTION makes things happen: see `ACTIONS`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from synthetic_hosts import Host, first_host, replaced, second_host
from synthetic_page import page_of
from synthetic_report import report_of

from hugescope_agent.errors import AskError
from hugescope_agent.link import AgentLink, LinkOptions
from hugescope_agent.sample import Sample
from hugescope_server.app import create_app
from hugescope_server.auth.principal import Role
from hugescope_server.auth.store import TokenStore
from hugescope_server.settings import ServerSettings
from hugescope_wire.frames import encode_range, encode_scattered
from hugescope_wire.host import HostDelta, HostFrame, ProcessInfo
from hugescope_wire.messages import MAX_AGENT_MESSAGE_BYTES
from hugescope_wire.page import PageDetail
from hugescope_wire.snapshot import ProcessName

FREEZE_S = 12
GUEST = ProcessName(name="web-01", kind="vm", source="libvirt")


class Played:
    """Looks at a made-up host, as the sampler looks at a real one."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.anew = False

    def full(self) -> Sample:
        """Everything."""
        self.anew = False
        host, summary = self.host, self.host.summary()
        by_pid: dict[int, ProcessInfo] = {}
        for mapping in host.mappings:
            before = by_pid[mapping.pid].mappings if mapping.pid in by_pid else []
            by_pid[mapping.pid] = ProcessInfo(
                pid=mapping.pid,
                comm=mapping.comm,
                name=GUEST if mapping.comm.startswith("qemu") else None,
                mappings=sorted([*before, mapping.info], key=lambda info: info.start),
            )
        about = HostFrame(
            taken_at=datetime.now(UTC),
            monotonic_s=time.monotonic(),
            source=host.source,
            host=host.info,
            capabilities=host.capabilities,
            limits=host.limits,
            pools=host.pools,
            processes=[process for _, process in sorted(by_pid.items())],
            skipped=host.skipped,
            cost=summary.cost,
            report=report_of(host),
        )
        return Sample(
            about, [encode_range(m.info.id, m.info.page_size, m.cells) for m in host.mappings]
        )

    def tick(self) -> Sample:
        """What moved; everything where mappings came or went."""
        if self.anew:
            return self.full()
        blocks = []
        for mapping in self.host.mappings:
            index = np.asarray(mapping.tick())
            if len(index):
                cells = mapping.cells.take(index)
                blocks.append(
                    encode_scattered(mapping.info.id, mapping.info.page_size, index, cells)
                )
        return Sample(HostDelta(taken_at=datetime.now(UTC), monotonic_s=time.monotonic()), blocks)

    def page(self, pid: int, address: int, part: int | None) -> PageDetail:
        """A made-up page."""
        for mapping in self.host.mappings:
            if mapping.pid == pid and mapping.info.start <= address < mapping.info.end:
                return page_of(mapping, address, part)
        raise AskError("no_such_page", "The process maps nothing there any more.")


class World:
    """The server, and made-up hosts that are linked to it."""

    def __init__(self, port: int, cells: int, changes: int, static: Path, state: Path) -> None:
        self.make: Callable[[], list[Host]] = lambda: [first_host(cells, changes), second_host()]
        self.socket = socket.create_server(("127.0.0.1", port))
        port = self.socket.getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}"
        self.app = create_app(ServerSettings(port=port, static_dir=static, state_dir=state))
        self.store: TokenStore = self.app.state.services.access.store
        self.app.router.routes.insert(0, Route("/dev/{action}", self.act))
        self.server = uvicorn.Server(
            uvicorn.Config(
                self.app,
                port=port,
                ws="websockets-sansio",
                ws_max_size=MAX_AGENT_MESSAGE_BYTES,
                ws_per_message_deflate=False,
                log_level="warning",
            )
        )
        self.played: list[Played] = []
        self.links: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until stopped."""
        serving = asyncio.create_task(self.server.serve([self.socket]))
        # It listens already: who comes now is answered soon.
        base = self.url.replace("ws:", "http:")
        print(base, flush=True)
        print(f"{base}/login#code={self.store.new_code(Role.ADMIN)}", flush=True)
        await reset(self)
        await serving

    async def act(self, request: Request) -> PlainTextResponse:
        """GET /dev/ACTION."""
        action = ACTIONS.get(request.path_params["action"])
        if action is None:
            return PlainTextResponse(f"one of {', '.join(ACTIONS)}\n", 404)
        await action(self)
        return PlainTextResponse("done\n")

    def link(self, host: Host) -> None:
        """Connect a host."""
        played = Played(host)
        self.played.append(played)
        token = self.store.lend(Role.AGENT, host.host_id)
        options = LinkOptions(self.url, host.host_id, "synthetic", token=token)
        self.links[host.host_id] = asyncio.create_task(AgentLink(played, options).run())

    async def unlink(self, host_id: str) -> None:
        """Cut a host off."""
        link = self.links.pop(host_id)
        link.cancel()
        await asyncio.gather(link, return_exceptions=True)


async def restart_agent(world: World) -> None:
    """The first host's agent starts anew."""
    host = world.played.pop(0).host
    await world.unlink(host.host_id)
    host.restart()
    world.link(host)
    world.played.insert(0, world.played.pop())


async def end_mapping(world: World) -> None:
    """The first host's second mapping, the guest, goes."""
    world.played[0].host.mappings.pop(1)
    world.played[0].anew = True


async def replace_mapping(world: World) -> None:
    """Another mapping takes the guest's address."""
    mappings = world.played[0].host.mappings
    mappings[1] = replaced(mappings[1])
    world.played[0].anew = True


async def host_gone(world: World) -> None:
    """The first host's agent goes away."""
    await world.unlink(world.played[0].host.host_id)


async def no_hosts(world: World) -> None:
    """A server that no agent has found yet."""
    for host_id in list(world.links):
        await world.unlink(host_id)
    hub = world.app.state.services.hub
    hub._hosts.clear()
    hub.version += 1


async def many_hosts(world: World) -> None:
    """More hosts than fit a page in full."""
    for number in range(60):
        host = second_host()
        host.host_id = f"synthetic-{number:03}"
        host.info = host.info.model_copy(update={"name": host.host_id})
        world.link(host)


async def freeze(world: World) -> None:
    """The server hangs for a while: sockets stay open and nothing comes."""
    asyncio.get_running_loop().call_later(0.1, time.sleep, FREEZE_S)


async def reset(world: World) -> None:
    """As at the start."""
    await no_hosts(world)
    world.played = []
    for host in world.make():
        world.link(host)


async def drop(world: World) -> None:
    """Cut everybody off."""

    def cut() -> None:
        for connection in list(world.server.server_state.connections):
            connection.transport.abort()

    asyncio.get_running_loop().call_later(0.1, cut)


Action = Callable[[World], Awaitable[None]]
ACTIONS: dict[str, Action] = {
    action.__name__.replace("_", "-"): action
    for action in (
        restart_agent,
        end_mapping,
        replace_mapping,
        host_gone,
        no_hosts,
        many_hosts,
        freeze,
        reset,
        drop,
    )
}


async def main() -> None:
    """Run until stopped."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=8766)
    parser.add_argument("--cells", type=int, default=524_288, help="of the largest mapping")
    parser.add_argument("--changes", type=int, default=5000, help="cells of it changed a tick")
    parser.add_argument(
        "--static", type=Path, default=ServerSettings().static_dir, help="the built page"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hugescope-synthetic-") as own:
        # A test that started this has a token in a directory of its own.
        state = Path(os.environ.get("HUGESCOPE_STATE_DIR", own))
        await World(given.port, given.cells, given.changes, given.static, state).run()


if __name__ == "__main__":
    asyncio.run(main())
