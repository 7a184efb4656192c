"""What slow, stalled and returning peers cost: a real server, real sockets, figures beside those
of a peer that was measured in the same run.

    python -m bench.link [--viewers N] [--agents N] [--seconds S]

1. Good viewers alone, then with as many stalled ones that they are 20 % of all: the time from an
   agent's frame of 20,000 changed cells to each good viewer, and the server's memory.
2. How long a stalled viewer stays, and how long the server takes to end beside stalled ones.
3. A link that was cut: bytes to go on from where it was, beside a full frame.
4. A server that starts anew: until all agents are back, by their own waits.
5. An agent that is silent: until a viewer is told that it is late, and gone. How long a server
   takes to end beside stalled agents and viewers.

The last line is one JSON object. Whether a figure is good decides no test.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from bench.link_host import PAGE_SIZE, Host, Looker
from bench.link_liveness import liveness
from bench.link_server import Served, free_port, options, served, stalled
from tests import access
from tests.proxy import Proxy, proxy
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from hugescope_agent.link import AgentLink
from hugescope_wire.frames import FrameKind, decode_frame, encode_frame
from hugescope_wire.host import (
    PROTOCOL_VERSION,
)
from hugescope_wire.messages import AGENT_PATH, VIEWER_PATH, Ack, AgentHello, Subscribe
from hugescope_wire.view import View

CELLS = 20_000
HZ = 10.0
SHARE_STALLED = 0.2
GIVE_UP_S = 60.0
ROUNDS = 4
"""Each is shorter than a stalled viewer stays."""


@dataclass
class Bench:
    """One agent and its viewers on one server."""

    server: Served
    host: Host = field(default_factory=lambda: Host(CELLS))
    sent_at: dict[int, float] = field(default_factory=dict)
    waits_ms: list[float] = field(default_factory=list)
    measuring: bool = False

    async def send(self, stop: asyncio.Event) -> None:
        hello = AgentHello(protocol=PROTOCOL_VERSION, agent_version="1", host_id="h", epoch="e")
        async with connect(
            self.server.url + AGENT_PATH,
            additional_headers=access.agent_bearer("h"),
            compression=None,
            proxy=None,
        ) as link:
            await link.send(hello.model_dump_json())
            await link.recv()
            due = time.perf_counter()
            while not stop.is_set():
                frame = self.host.frame()
                self.sent_at[self.host.seq % 500 + 1] = time.perf_counter()
                await link.send(frame)
                due = max(due + 1 / HZ, time.perf_counter())
                await asyncio.sleep(due - time.perf_counter())

    async def view(self) -> None:
        async with connect(
            self.server.url + VIEWER_PATH,
            additional_headers=access.bearer(),
            compression=None,
            proxy=None,
            max_size=None,
        ) as link:
            await link.send(self.wish())
            async for message in link:
                if isinstance(message, str):
                    continue
                came = time.perf_counter()
                frame = decode_frame(message)
                await link.send(Ack(seq=frame.seq).model_dump_json())
                cells = frame.blocks[0].decode(CELLS, PAGE_SIZE).cells
                if self.measuring:
                    self.waits_ms.append((came - self.sent_at[int(cells.mapped_pages[0])]) * 1e3)

    def stalled(self) -> AbstractAsyncContextManager[socket.socket]:
        return stalled(self.server.url, VIEWER_PATH, access.bearer(), self.wish())

    def wish(self) -> str:
        view = View(rate_hz=60)
        return Subscribe(host_id="h", mapping_id=1, epoch="e", view=view).model_dump_json()

    async def measured(self, seconds: float) -> list[float]:
        self.waits_ms, self.measuring = [], True
        await asyncio.sleep(seconds)
        self.measuring = False
        return self.waits_ms


async def slow_viewers(viewers: int, seconds: float, log: Path) -> dict[str, float]:
    with served(0, log) as server:
        bench, stop = Bench(server), asyncio.Event()
        sender = asyncio.create_task(bench.send(stop))
        await asyncio.sleep(1.0)
        good = [asyncio.create_task(bench.view()) for _ in range(viewers)]
        await asyncio.sleep(2.0)
        count = round(viewers * SHARE_STALLED / (1 - SHARE_STALLED))
        before_mib = server.rss_mib()
        alone: list[float] = []
        beside: list[float] = []
        # In turns, so that whatever else the machine does falls on both.
        for _ in range(ROUNDS):
            alone += await bench.measured(seconds / ROUNDS)
            async with contextlib.AsyncExitStack() as stack:
                for _ in range(count):
                    await stack.enter_async_context(bench.stalled())
                beside += await bench.measured(seconds / ROUNDS)
        async with contextlib.AsyncExitStack() as stack:
            began = time.perf_counter()
            raw = [await stack.enter_async_context(bench.stalled()) for _ in range(count)]
            gone_s = await _until_dropped(server, raw, began)
            after_mib = server.rss_mib()
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(count):
                await stack.enter_async_context(bench.stalled())
            await asyncio.sleep(2.0)
            began = time.perf_counter()
            server.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(server.process.wait)
            end_s = time.perf_counter() - began
        stop.set()
        await asyncio.gather(sender, *good, return_exceptions=True)
    return {
        "good_viewers": viewers,
        "stalled_viewers": count,
        "updates_alone": len(alone),
        "updates_beside_stalled": len(beside),
        "p50_alone_ms": _percentile(alone, 50),
        "p50_beside_stalled_ms": _percentile(beside, 50),
        "p99_alone_ms": _percentile(alone, 99),
        "p99_beside_stalled_ms": _percentile(beside, 99),
        "server_alone_mib": round(before_mib, 1),
        "server_beside_stalled_mib": round(after_mib, 1),
        "last_stalled_gone_s": round(gone_s, 2),
        "sigterm_to_end_s": round(end_s, 2),
    }


async def _until_dropped(server: Served, stalled: list[socket.socket], began: float) -> float:
    """Seconds until the server's end of none of these is open: a peer that the kernel gives up is
    not told.
    """
    ports = {one.getsockname()[1] for one in stalled}
    while ports & _open_to(server):
        await asyncio.sleep(0.05)
        if time.perf_counter() - began > GIVE_UP_S:
            return GIVE_UP_S
    return time.perf_counter() - began


def _open_to(server: Served) -> set[int]:
    """Clients' ports of the server's established connections."""
    port = int(server.url.rpartition(":")[2])
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, near, far, state = line.split()[:4]
        if state == "01" and int(near.rpartition(":")[2], 16) == port:
            found.add(int(far.rpartition(":")[2], 16))
    return found


def _percentile(values: list[float], share: float) -> float:
    return round(float(np.percentile(values, share)), 2)


async def return_of_one(log: Path) -> dict[str, float]:
    """Bytes that a cut of some two seconds costs, beside a full frame."""
    looker = Looker(1_000_000)
    with served(0, log) as server:
        async with proxy(server.url) as between:
            return await _cut_once(looker, server, between)


async def _cut_once(looker: Looker, server: Served, between: Proxy) -> dict[str, float]:
    link = AgentLink(looker, options(between.url, "one", HZ), epoch="e")
    task = asyncio.create_task(link.run())
    await _logged(server, "connected, begins", 1)
    await asyncio.sleep(3.0)
    sample = looker.full()
    full_bytes = len(encode_frame(FrameKind.FULL, 1, sample.about, sample.blocks))
    taken = [0]
    take = link.outbox.take_unsent

    def counted() -> bytes | None:
        data = take()
        taken[0] += len(data or b"") if data and data[5] else 0
        return data

    link.outbox.take_unsent = counted  # type: ignore[method-assign]
    between.cut()
    await _logged(server, "connected, goes on", 1)
    await asyncio.sleep(1.0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return {"full_frame_bytes": full_bytes, "bytes_to_go_on": taken[0]}


async def return_of_all(agents: int, log: Path) -> dict[str, float]:
    """A server that starts anew, and agents that find out by themselves."""
    port = free_port()
    url = f"ws://127.0.0.1:{port}"
    links = [
        AgentLink(Looker(16), options(url, f"h{number}", tick_hz=1.0), epoch=f"e{number}")
        for number in range(agents)
    ]
    with served(port, log) as server:
        tasks = [asyncio.create_task(link.run()) for link in links]
        await _logged(server, "connected,", len(links))
    await asyncio.sleep(5.0)
    _empty(log)
    with served(port, log) as server:
        began = time.perf_counter()
        await _logged(server, "connected,", len(links))
        back_s = time.perf_counter() - began
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return {"agents": agents, "all_back_s": round(back_s, 2)}


def _empty(log: Path) -> None:
    log.write_text("")


async def _logged(server: Served, text: str, times: int) -> None:
    """Wait until the server's log says this so often."""
    while server.lines(text) < times:
        await asyncio.sleep(0.05)
        if server.process.poll() is not None:
            raise RuntimeError("the server ended")


def measure(given: argparse.Namespace, logging_to: Path) -> dict[str, float]:
    """All figures, printed as they come."""
    figures: dict[str, float] = {}
    parts = (
        slow_viewers(given.viewers, given.seconds, logging_to),
        return_of_one(logging_to),
        return_of_all(given.agents, logging_to),
        liveness(logging_to),
    )
    try:
        for part in parts:
            logging_to.write_text("")
            found = asyncio.run(part)
            for name, value in found.items():
                print(f"{name:28} {value:g}", flush=True)
            figures.update(found)
    except ConnectionClosed as error:
        sys.exit(f"a connection ended: {error}")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=8)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=16.0)
    given = parser.parse_args()
    logging.getLogger("hugescope_agent").setLevel(logging.ERROR)
    with TemporaryDirectory() as scratch:
        # Inherited by each server that is started here.
        os.environ["HUGESCOPE_STATE_DIR"] = scratch
        figures = measure(given, Path(scratch, "server.log"))
    figures["p99_more_ms"] = round(figures["p99_beside_stalled_ms"] - figures["p99_alone_ms"], 2)
    figures["p99_ratio"] = round(figures["p99_beside_stalled_ms"] / figures["p99_alone_ms"], 3)
    figures["resume_ratio"] = round(figures["bytes_to_go_on"] / figures["full_frame_bytes"], 6)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
