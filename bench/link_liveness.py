"""How soon a viewer is told that an agent is late or gone, and how soon a server ends that has
stalled peers of both kinds.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from pathlib import Path

from bench.link_host import Host
from bench.link_server import Served, served, stalled
from tests import access
from websockets.asyncio.client import connect

from hugescope_wire.host import PROTOCOL_VERSION
from hugescope_wire.messages import (
    AGENT_PATH,
    TO_VIEWER,
    VIEWER_PATH,
    AgentHello,
    Overview,
    Subscribe,
    parse,
)
from hugescope_wire.view import View

CELLS = 20_000
STALLED = 4
"""Agents, and as many viewers."""

HALF_A_MESSAGE = b"\x82\xfe\xff\xff" + b"mask" + b"half"
"""A masked binary message of 64 KiB of which four bytes come."""


async def liveness(log: Path) -> dict[str, float]:
    """Seconds since the last frame until a viewer is told, and from SIGTERM to the server's end."""
    with served(0, log) as server:
        silent_for = await _silence(server)
        end_s = await _end_beside_stalled(server)
    return {**silent_for, "sigterm_beside_stalled_agents_s": round(end_s, 2)}


def _hello(host_id: str) -> str:
    hello = AgentHello(
        protocol=PROTOCOL_VERSION, agent_version="1", host_id=host_id, epoch="e", keeps=True
    )
    return hello.model_dump_json()


async def _silence(server: Served) -> dict[str, float]:
    host, shown = Host(CELLS), access.agent_bearer("h")
    async with (
        connect(server.url + AGENT_PATH, additional_headers=shown, proxy=None) as agent,
        connect(
            server.url + VIEWER_PATH,
            additional_headers=access.bearer(),
            proxy=None,
            max_size=None,
        ) as viewer,
    ):
        await agent.send(_hello("h"))
        await agent.recv()
        for _ in range(20):
            await agent.send(host.frame())
            await asyncio.sleep(0.1)
        last_s = time.perf_counter()
        found: dict[str, float] = {}
        async for message in viewer:
            told = parse(TO_VIEWER, message)
            link = told.hosts[0].link if isinstance(told, Overview) and told.hosts else "live"
            if link != "live" and time.perf_counter() > last_s:
                found.setdefault(f"{link}_told_after_s", round(time.perf_counter() - last_s, 2))
            if link == "gone":
                break
    return found


async def _end_beside_stalled(server: Served) -> float:
    wish = Subscribe(host_id="s0", mapping_id=1, epoch="e", view=View(rate_hz=60))
    async with contextlib.AsyncExitStack() as stack:
        for number in range(STALLED):
            shown = access.agent_bearer(f"s{number}")
            first = (_hello(f"s{number}"), Host(CELLS).frame())
            agent = stalled(server.url, AGENT_PATH, shown, *first, then=HALF_A_MESSAGE)
            await stack.enter_async_context(agent)
        for _ in range(STALLED):
            viewer = stalled(server.url, VIEWER_PATH, access.bearer(), wish.model_dump_json())
            await stack.enter_async_context(viewer)
        await asyncio.sleep(2.0)
        began = time.perf_counter()
        server.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(server.process.wait)
        return time.perf_counter() - began
