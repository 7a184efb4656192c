"""Serves the built page and plays a server with made-up hosts, for developing the front end.

    PYTHONPATH=agent python frontend/dev/synthetic_server.py [--port N] [--cells N] [--changes N]

speaks the viewer socket of `hugescope_wire.messages`. All of it is marked as replay or capture on
screen. GET /dev/ACTION makes things happen: see `ACTIONS`.
"""

from __future__ import annotations

import argparse
import asyncio
import http
import itertools
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
from synthetic_hosts import Host, Mapping, first_host, replaced, second_host
from synthetic_page import page_of
from synthetic_report import report_of
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from hugescope_wire.frames import encode_cells, encode_range, encode_scattered
from hugescope_wire.host import PROTOCOL_VERSION
from hugescope_wire.messages import (
    CREDIT,
    FROM_VIEWER,
    Ack,
    Overview,
    ReportMessage,
    Subscribe,
    Subscribed,
    SubscriptionEnded,
    ViewerWelcome,
    parse,
)

STATIC = Path(__file__).parents[2] / "server/hugescope_server/static"
CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:"
)
TICK_S = 0.1


@dataclass(eq=False)
class Viewer:
    """One page: what it watches and what it has not been sent yet."""

    socket: ServerConnection
    host: Host | None = None
    mapping: Mapping | None = None
    pending: np.ndarray | None = None
    everything: bool = False
    sent: int = 0
    acked: int = 0


class World:
    """All made-up hosts and the pages that look at them."""

    def __init__(self, cells: int, changes: int) -> None:
        self.make: Callable[[], list[Host]] = lambda: [first_host(cells, changes), second_host()]
        self.hosts = self.make()
        self.viewers: set[Viewer] = set()
        self.frozen = False

    async def run(self) -> None:
        """Move everything, ten times a second."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += TICK_S
            await asyncio.sleep(max(0, due - loop.time()))
            if self.frozen:
                continue
            for host in self.hosts:
                if host.link == "live":
                    self.move(host)
            for viewer in list(self.viewers):
                await self.send_cells(viewer)

    def move(self, host: Host) -> None:
        """One tick of one host."""
        host.seq += 1
        for mapping in host.mappings:
            changed = mapping.tick()
            for viewer in self.viewers:
                if viewer.mapping is mapping and len(changed):
                    before = viewer.pending
                    viewer.pending = changed if before is None else np.union1d(before, changed)

    async def send_cells(self, viewer: Viewer) -> None:
        """What is pending, if the viewer has credit."""
        mapping = viewer.mapping
        if mapping is None or viewer.sent - viewer.acked >= CREDIT:
            return
        info = mapping.info
        if viewer.everything:
            block = encode_range(info.id, info.page_size, mapping.cells)
        elif viewer.pending is not None:
            cells = mapping.cells.take(viewer.pending)
            block = encode_scattered(info.id, info.page_size, viewer.pending, cells)
        else:
            return
        viewer.sent += 1
        viewer.everything, viewer.pending = False, None
        await send(viewer, encode_cells(viewer.sent, [block]))

    async def end(self, mapping: Mapping, code: str, message: str) -> None:
        """Tell those who watch it that it is no more."""
        for viewer in list(self.viewers):
            if viewer.mapping is mapping and viewer.host is not None:
                viewer.mapping = None
                ended = SubscriptionEnded(
                    host_id=viewer.host.host_id,
                    mapping_id=mapping.info.id,
                    code=code,  # type: ignore[arg-type]
                    message=message,
                )
                await send(viewer, ended.model_dump_json())


async def restart_agent(world: World) -> None:
    """The first host's agent starts anew."""
    for mapping in world.hosts[0].mappings:
        await world.end(mapping, "host_restarted", "the agent restarted")
    world.hosts[0].restart()


async def end_mapping(world: World) -> None:
    """The first host's second mapping, the guest, goes."""
    gone = world.hosts[0].mappings.pop(1)
    await world.end(gone, "mapping_gone", "the mapping is gone")


async def replace_mapping(world: World) -> None:
    """Another mapping takes the guest's address."""
    old = world.hosts[0].mappings[1]
    world.hosts[0].mappings[1] = replaced(old)
    await world.end(old, "mapping_gone", "the mapping is gone")


async def host_gone(world: World) -> None:
    """The first host's agent goes away."""
    world.hosts[0].link, world.hosts[0].age_s = "gone", 42.0


async def no_hosts(world: World) -> None:
    """A server that no agent has found yet."""
    world.hosts = []


async def many_hosts(world: World) -> None:
    """More hosts than fit a page in full."""
    for number in range(60):
        host = second_host()
        host.host_id = f"synthetic-{number:03}"
        host.info = host.info.model_copy(update={"name": host.host_id})
        world.hosts.append(host)


async def freeze(world: World) -> None:
    """The server hangs: sockets stay open and nothing comes."""
    world.frozen = True


async def reset(world: World) -> None:
    """As at the start."""
    world.frozen = False
    world.hosts = world.make()


async def drop(world: World) -> None:
    """Cut all viewers off."""
    for viewer in list(world.viewers):
        await viewer.socket.close(1011)


ACTIONS = {
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


async def send(viewer: Viewer, message: str | bytes) -> None:
    """A viewer that left meanwhile is no fault."""
    try:
        await viewer.socket.send(message)
    except ConnectionClosed:
        viewer.mapping = None


async def overviews(world: World, viewer: Viewer) -> None:
    """The overview, four times a second, and the reports, once."""
    for tick in itertools.count():
        if not world.frozen:
            overview = Overview(hosts=[host.summary() for host in world.hosts])
            await send(viewer, overview.model_dump_json())
            for host in world.hosts if tick % 4 == 0 else []:
                await send(viewer, report_message(host))
        await asyncio.sleep(0.25)


def report_message(host: Host) -> str:
    """The host's report as a viewer gets it."""
    told = ReportMessage(host_id=host.host_id, epoch=f"epoch-{host.epoch}", report=report_of(host))
    return told.model_dump_json()


async def subscribe(world: World, viewer: Viewer, wish: Subscribe) -> None:
    """Answer one wish."""
    viewer.mapping = None
    for host in world.hosts:
        for mapping in host.mappings:
            if host.host_id == wish.host_id and mapping.info.id == wish.mapping_id:
                viewer.host, viewer.mapping = host, mapping
                viewer.everything, viewer.pending = True, None
                viewer.sent = viewer.acked = 0
                epoch = f"epoch-{host.epoch}"
                told = Subscribed(host_id=host.host_id, epoch=epoch, mapping=mapping.info)
                await send(viewer, told.model_dump_json())
                await world.send_cells(viewer)
                return
    ended = SubscriptionEnded(
        host_id=wish.host_id,
        mapping_id=wish.mapping_id,
        code="no_such_mapping",
        message="there is no such mapping",
    )
    await send(viewer, ended.model_dump_json())


async def converse(world: World, socket: ServerConnection) -> None:
    """One page, from welcome to goodbye."""
    viewer = Viewer(socket)
    welcome = ViewerWelcome(
        protocol=PROTOCOL_VERSION, server_version="synthetic", server_epoch="synthetic"
    )
    await send(viewer, welcome.model_dump_json())
    world.viewers.add(viewer)
    telling = asyncio.create_task(overviews(world, viewer))
    try:
        async for text in socket:
            message = parse(FROM_VIEWER, text)
            if isinstance(message, Ack):
                viewer.acked = max(viewer.acked, message.seq)
            elif isinstance(message, Subscribe):
                await subscribe(world, viewer, message)
            else:
                viewer.mapping = None
    finally:
        telling.cancel()
        world.viewers.discard(viewer)


async def answer(world: World, request: Request) -> Response | None:
    """Files, actions, and for the socket's path nothing: the handshake goes on."""
    path = request.path.split("?")[0]
    if path == "/api/v1/viewer":
        return None
    headers = Headers({"Content-Security-Policy": CSP, "Connection": "close"})
    if path.startswith("/api/v1/hosts/") and path.endswith("/page"):
        return page_answer(world, request.path, headers)
    name = path.removeprefix("/dev/")
    if path.startswith("/dev/") and name in ACTIONS:
        await ACTIONS[name](world)
        return Response(200, "OK", headers, b"done\n")
    file = STATIC / ("index.html" if path == "/" else path.lstrip("/"))
    if not file.resolve().is_relative_to(STATIC.resolve()) or not file.is_file():
        return Response(http.HTTPStatus.NOT_FOUND, "Not Found", headers, b"not here\n")
    body = file.read_bytes()
    headers["Content-Type"] = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    headers["Content-Length"] = str(len(body))
    return Response(200, "OK", headers, body)


def page_answer(world: World, target: str, headers: Headers) -> Response:
    """The page route: a detail, or an error as the server words it."""
    headers["Content-Type"] = "application/json"
    asked = urlsplit(target)
    host_id = asked.path.split("/")[4]
    query = {name: values[0] for name, values in parse_qs(asked.query).items()}
    address, part = int(query["address"], 16), query.get("part")
    for host in world.hosts:
        for mapping in host.mappings:
            here = host.host_id == host_id and mapping.pid == int(query["pid"])
            if here and mapping.info.start <= address < mapping.info.end:
                detail = page_of(mapping, address, None if part is None else int(part))
                return Response(200, "OK", headers, detail.model_dump_json().encode())
    fault = b'{"code": "no_such_page", "message": "The process maps nothing there any more."}'
    return Response(404, "Not Found", headers, fault)


async def start(port: int, cells: int, changes: int) -> Server:
    """Listen on loopback."""
    world = World(cells, changes)
    world_task = asyncio.create_task(world.run())
    server = await serve(
        lambda socket: converse(world, socket),
        "127.0.0.1",
        port,
        process_request=lambda _, request: answer(world, request),
        compression=None,
    )
    server.world_task = world_task  # type: ignore[attr-defined]
    return server


async def main() -> None:
    """Run until stopped."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=8766)
    parser.add_argument("--cells", type=int, default=524_288, help="of the largest mapping")
    parser.add_argument("--changes", type=int, default=5000, help="cells of it changed a tick")
    arguments = parser.parse_args()
    server = await start(arguments.port, arguments.cells, arguments.changes)
    port = next(iter(server.sockets)).getsockname()[1]
    print(f"synthetic hosts on http://127.0.0.1:{port}/", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
