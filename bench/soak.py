"""A server under agents and viewers for long: does its memory or its number of descriptors grow?

    python -m bench.soak [--minutes M] [--agents N] [--viewers N] [--hz HZ] [--only-check]

A real server process; made-up agents with the product's own link, and viewers that each follow one
host's cells and all overviews. A tenth of the agents leave without a word and come back as new
runs, a fifth of the viewers come and go, some of them having read nothing. Every second the
server's resident memory and open descriptors are noted.

The first two fifths of the time, five minutes at most, are warm-up: what has a bound fills, and the
heap finds its size. What follows is cut in twelve equal blocks, since neighbouring seconds are not
independent; a line is fitted through their means, with the 95 % interval of its slope. A slope is 0
where the interval holds 0, or where it is below `SMALL_KIB_PER_MIN`. Timelines of ten minutes would
still fill at the end of the default run, 250 bytes a second and host by design; so this server
keeps one minute, and is full after the warm-up.

At the end all peers leave, and the descriptors must be as many as before the first came: histories
are written, and their files close some time after their hosts are forgotten, which this server does
after seconds in place of minutes. The last line is one JSON object; the exit code is 1 where
something grows or, as with `--only-check`, where descriptors stay.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import random
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from bench.link_host import PAGE_SIZE, Clocked
from bench.link_server import Served, options, served
from tests import access
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from hugescope_agent.link import AgentLink
from hugescope_wire.follow import FollowedHost
from hugescope_wire.frames import decode_frame
from hugescope_wire.messages import VIEWER_PATH, Ack, Follow, Subscribe
from hugescope_wire.view import View

CELLS: Final = 4096
BLOCKS: Final = 12
T_95: Final = 2.228
"""Student's t for the 95 % interval with ten degrees of freedom."""

SMALL_KIB_PER_MIN: Final = 64.0
SMALL_FDS_PER_MIN: Final = 0.5
KEPT_POINTS: Final = 60
FORGOTTEN_AFTER_S: Final = 15.0
CLOSED_AFTER_S: Final = 5.0
LEAVE_S: Final = 60.0
"""For the server to notice that everyone left, and to close their histories. A stalled peer takes
ten seconds, and what may be closed is looked for every fifteen.
"""

SERVE: Final = f"""
import hugescope_server.history.history as history
import hugescope_server.statistics as statistics
history.CLOSED_AFTER_S = {CLOSED_AFTER_S}
statistics.MAX_POINTS = {KEPT_POINTS}
"""


@dataclass
class Fleet:
    """The agents, and what is known of each.

    Attributes:
        links: by number of the host; another one after each restart.
        waits_ms: from a look to each viewer that got it.
    """

    server: Served
    hz: float
    rng: random.Random
    links: dict[int, AgentLink] = field(default_factory=dict)
    lookers: dict[int, Clocked] = field(default_factory=dict)
    waits_ms: list[float] = field(default_factory=list)
    measuring: bool = False
    agents_came: int = 0
    viewers_came: int = 0

    async def agent(self, number: int, passing: bool) -> None:
        """One host's agent; a passing one ends without a word now and then, and is run anew."""
        looker = self.lookers[number] = Clocked(CELLS)
        while True:
            given = options(self.server.url, f"h{number}", tick_hz=self.hz)
            link = self.links[number] = AgentLink(looker, given, epoch=secrets.token_hex(8))
            self.agents_came += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.rng.uniform(5, 20) if passing else None):
                    await link.run()

    async def viewer(self, number: int, passing: bool) -> None:
        """One that follows one host; a passing one leaves now and then, mostly without a word."""
        while True:
            with contextlib.suppress(OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
                await self._one_visit(number % len(self.lookers), passing)
            await asyncio.sleep(self.rng.uniform(0.2, 1.0))

    async def _one_visit(self, host: int, passing: bool) -> None:
        async with connect(
            self.server.url + VIEWER_PATH,
            additional_headers=access.bearer(),
            compression=None,
            proxy=None,
            max_size=None,
            max_queue=4,
            close_timeout=1,
        ) as socket:
            self.viewers_came += 1
            followed = FollowedHost(host_id=f"h{host}", statistics=True)
            await socket.send(Follow(hosts=[followed]).model_dump_json())
            await socket.send(self._wish(host))
            how = self.rng.choice(["stall", "vanish", "close"]) if passing else "stay"
            if how == "stall":
                socket.transport.pause_reading()
            try:
                async with asyncio.timeout(self.rng.uniform(2, 15) if passing else None):
                    await self._follow(socket, host)
            finally:
                if how != "close":
                    socket.transport.abort()

    async def _follow(self, socket: ClientConnection, host: int) -> None:
        async for message in socket:
            if isinstance(message, bytes):
                await self._take(socket, host, message)
            elif message.startswith('{"type":"ended"'):
                await asyncio.sleep(0.5)
                await socket.send(self._wish(host))

    async def _take(self, socket: ClientConnection, host: int, message: bytes) -> None:
        came = time.perf_counter()
        frame = decode_frame(message)
        await socket.send(Ack(seq=frame.seq).model_dump_json())
        if not self.measuring or frame.seq == 1:
            return
        code = int(frame.blocks[0].decode(CELLS, PAGE_SIZE).cells.mapped_pages[0])
        self.waits_ms.append((came - self.lookers[host].looked_at_s[code]) * 1e3)

    def _wish(self, host: int) -> str:
        wish = Subscribe(
            host_id=f"h{host}", mapping_id=1, epoch=self.links[host].epoch, view=View(rate_hz=10)
        )
        return wish.model_dump_json()


def descriptors(server: Served) -> int:
    """Open ones of the server."""
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def _has_open(server: Served, end: str) -> bool:
    """Whether it has a file open whose path ends so."""
    directory = Path(f"/proc/{server.process.pid}/fd")
    found = []
    for one in directory.iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(one))
    return any(path.endswith(end) for path in found)


def slope(samples: list[tuple[float, float]]) -> tuple[float, float]:
    """Units a minute, and half of its 95 % interval, of samples at seconds."""
    blocks = [part for part in np.array_split(np.array(samples), BLOCKS) if len(part)]
    if len(blocks) < BLOCKS:
        return float("nan"), float("nan")
    at_min, value = np.array([part.mean(axis=0) for part in blocks]).T / [[60.0], [1.0]]
    centered = at_min - at_min.mean()
    squares = float((centered**2).sum())
    found = float((centered * value).sum() / squares)
    left = value - value.mean() - found * centered
    error = float(np.sqrt((left**2).sum() / (BLOCKS - 2) / squares))
    return found, T_95 * error


async def soak(given: argparse.Namespace, log: Path) -> dict[str, Any]:
    """All figures."""
    with served(0, log, first=SERVE) as server:
        await _all_came(server, lambda: _has_open(server, "/history/.lock"))
        fds_before = descriptors(server)
        fleet = Fleet(server, given.hz, random.Random(1))
        agents = [
            asyncio.create_task(fleet.agent(number, number % 10 == 9))
            for number in range(given.agents)
        ]
        await _all_came(server, lambda: server.lines("connected,") >= given.agents)
        viewers = [
            asyncio.create_task(fleet.viewer(number, number % 5 == 4))
            for number in range(given.viewers)
        ]
        await _all_came(server, lambda: fleet.viewers_came >= given.viewers)
        figures = await _watch(fleet, given.minutes * 60)
        for task in (*agents, *viewers):
            task.cancel()
        ended = await asyncio.gather(*agents, *viewers, return_exceptions=True)
        figures["fds_before"], figures["fds_after"] = fds_before, await _left(server, fds_before)
        failed = [error for error in ended if isinstance(error, Exception)]
        figures["failed"] = [repr(error) for error in failed][:3]
        figures["tracebacks"] = server.lines("Traceback")
    return {"agents": given.agents, "viewers": given.viewers, "hz": given.hz, **figures}


async def _watch(fleet: Fleet, seconds: float) -> dict[str, Any]:
    warm_up_s = min(seconds * 0.4, 300.0)
    memory: list[tuple[float, float]] = []
    fds: list[tuple[float, float]] = []
    began = time.monotonic()
    while (at_s := time.monotonic() - began) < seconds:
        fleet.measuring = at_s >= warm_up_s
        if fleet.measuring:
            memory.append((at_s, fleet.server.rss_mib() * 1024))
            fds.append((at_s, float(descriptors(fleet.server))))
        if int(at_s) % 30 == 0:
            print(f"{at_s:6.0f} s  {fleet.server.rss_mib():7.1f} MiB", file=sys.stderr, flush=True)
        await asyncio.sleep(1.0)
    (memory_slope, memory_pm), (fd_slope, fd_pm) = slope(memory), slope(fds)
    return {
        "minutes": round(seconds / 60, 2),
        "warm_up_s": round(warm_up_s),
        "agents_came": fleet.agents_came,
        "viewers_came": fleet.viewers_came,
        "rss_mib": [round(kib / 1024, 1) for _, kib in (memory[0], memory[-1])],
        "memory_slope_kib_per_min": round(memory_slope, 1),
        "memory_slope_95_pm": round(memory_pm, 1),
        "fd_slope_per_min": round(fd_slope, 3),
        "fd_slope_95_pm": round(fd_pm, 3),
        "updates": len(fleet.waits_ms),
        "p50_ms": _percentile(fleet.waits_ms, 50),
        "p99_ms": _percentile(fleet.waits_ms, 99),
    }


def _percentile(values: list[float], share: float) -> float | None:
    return round(float(np.percentile(values, share)), 1) if values else None


async def _all_came(server: Served, came: Callable[[], bool]) -> None:
    while not came():
        await asyncio.sleep(0.05)
        if server.process.poll() is not None:
            raise RuntimeError(f"the server ended: {server.log.read_text()[-2000:]}")


async def _left(server: Served, before: int) -> int:
    """Descriptors once they are as many as before, or after a while."""
    until = time.monotonic() + LEAVE_S
    while True:
        now = descriptors(server)
        if now <= before or time.monotonic() > until:
            return now
        await asyncio.sleep(0.1)


def grows(figures: dict[str, Any], slope_name: str, interval_name: str, small: float) -> bool:
    """Whether a slope is above 0 beyond doubt, and not small."""
    found, pm = figures[slope_name], figures[interval_name]
    return not (found - pm <= 0 or found <= small)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--hz", type=float, default=5.0, help="looks a second of each agent")
    parser.add_argument("--only-check", action="store_true", help="judge no slope")
    given = parser.parse_args()
    logging.getLogger("hugescope_agent").setLevel(logging.ERROR)
    with TemporaryDirectory() as scratch:
        os.environ["HUGESCOPE_STATE_DIR"] = scratch
        os.environ["HUGESCOPE_HISTORY"] = "true"
        os.environ["HUGESCOPE_FORGET_AFTER_S"] = str(FORGOTTEN_AFTER_S)
        figures = asyncio.run(soak(given, Path(scratch, "server.log")))
    grown = not given.only_check and (
        grows(figures, "memory_slope_kib_per_min", "memory_slope_95_pm", SMALL_KIB_PER_MIN)
        or grows(figures, "fd_slope_per_min", "fd_slope_95_pm", SMALL_FDS_PER_MIN)
    )
    stayed = figures["fds_after"] > figures["fds_before"]
    figures["grows"] = grown
    print(json.dumps(figures))
    sys.exit(1 if grown or stayed or figures["failed"] or figures["tracebacks"] else 0)


if __name__ == "__main__":
    main()
