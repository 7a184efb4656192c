"""Hostile frames and messages to a real server: each is refused by its code, and the server goes on
serving everybody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from hugescope_wire.frames import FrameKind, encode_range
from hugescope_wire.messages import VIEWER_PATH
from tests.integration.live_server import (
    PATIENCE_S,
    LiveViewer,
    agent,
    close_code,
    http_to,
    live_server,
    socket_to,
    viewer,
)
from tests.unit.server.made_host import PAGE_SIZE, MadeHost
from tests.unit.server.made_viewer import same

MIB10 = 10 << 20
HEADER = struct.Struct("<4sBBHQI")
Json = dict[str, Any]


def made_host(epoch: str = "e1") -> MadeHost:
    host = MadeHost(random.Random(5), epoch)
    host.add(7, 60)
    host.add(8, 30)
    return host


def framed(text: bytes, blocks: bytes = b"", count: int = 0) -> bytes:
    """A full frame of any JSON."""
    padding = bytes(-len(text) % 4)
    return HEADER.pack(b"HSF1", FrameKind.FULL, 0, count, 1, len(text)) + text + padding + blocks


def told(change: Callable[[Json], object]) -> bytes:
    """The full frame of a made-up host of which the JSON says something else."""
    frame = made_host().full()
    *_, count, _, length = HEADER.unpack_from(frame)
    about = json.loads(frame[HEADER.size : HEADER.size + length])
    change(about)
    at = HEADER.size + length + -length % 4
    return framed(json.dumps(about).encode(), frame[at:], count)


def first_mapping(about: Json) -> Json:
    found: Json = about["processes"][0]["mappings"][0]
    return found


def one_block(block: bytes) -> bytes:
    """The full frame of a made-up host with one block only."""
    frame = made_host().full()
    length = HEADER.unpack_from(frame)[-1]
    return framed(frame[HEADER.size : HEADER.size + length], block, 1)


def runs(*firsts: int, covered: int) -> bytes:
    """A block of runs that begin anywhere."""
    rows = len(firsts)
    columns = struct.pack(f"<{rows}I", *firsts) + bytes(7 * rows)
    block = struct.pack("<IBBHIII", 1, 1, 0, 0, 0, covered, rows) + columns
    return block + bytes(-len(block) % 4)


CELLS = made_host().cells[1]
HOSTILE = {
    "10 MiB of nothing": (bytes(MIB10), "bad_magic"),
    "10 MiB of open brackets": (framed(b"[" * MIB10), "bad_json"),
    "10 MiB of open objects": (framed(b'{"type":' * (MIB10 // 8)), "bad_json"),
    "10 MiB behind a frame": (made_host().full() + bytes(MIB10), "trailing_bytes"),
    "a JSON longer than the frame": (HEADER.pack(b"HSF1", 1, 0, 0, 1, 0xFFFFFFFF), "short_frame"),
    "NaN": (told(lambda about: about.update(monotonic_s=float("nan"))), "bad_json"),
    "Infinity": (told(lambda about: about.update(monotonic_s=float("inf"))), "bad_json"),
    "a number of 5000 digits": (framed(b'{"monotonic_s":' + b"7" * 5000 + b"}"), "bad_json"),
    "a negative address": (told(lambda about: first_mapping(about).update(start=-1)), "bad_json"),
    "an id beyond 32 bits": (
        told(lambda about: first_mapping(about).update(id=1 << 32)),
        "bad_json",
    ),
    "an id that stands twice": (told(lambda about: first_mapping(about).update(id=2)), "bad_json"),
    "a pid that stands twice": (
        told(lambda about: about["processes"][0].update(pid=8)),
        "bad_json",
    ),
    "more cells than the mapping": (
        told(lambda about: first_mapping(about).update(cell_count=61)),
        "bad_json",
    ),
    "cells that do not come": (one_block(encode_range(1, PAGE_SIZE, CELLS)), "missing_cells"),
    "cells of nobody": (one_block(encode_range(99, PAGE_SIZE, CELLS)), "bad_block"),
    "runs that overlap": (one_block(runs(0, 5, 5, covered=60)), "bad_block"),
    "runs that go back": (one_block(runs(0, 9, 4, covered=60)), "bad_block"),
    "a run past the end": (one_block(runs(0, 70, covered=60)), "bad_block"),
    "four thousand million cells": (one_block(runs(0, covered=0xFFFFFFFE)), "bad_block"),
}


@pytest.fixture(scope="module")
def server() -> Any:
    """One for all: what a test leaves behind is a part of the next one's surroundings."""
    with live_server() as url:
        yield url


@pytest.fixture
async def neighbour(server: str) -> AsyncIterator[tuple[LiveViewer, Any, MadeHost]]:
    """Another host with its agent, and somebody who looks at it."""
    host = made_host("good")
    async with agent(server, host, "good") as link, viewer(server) as browser:
        await link.send(host.full())
        await browser.until(
            lambda: any(h.host_id == "good" and h.link == "live" for h in _hosts(browser)), "host"
        )
        await browser.subscribe(1, "good")
        yield browser, link, host


def _hosts(browser: LiveViewer) -> Any:
    return browser.seen.overview.hosts if browser.seen.overview is not None else ()


async def still_served(url: str, neighbour: tuple[LiveViewer, Any, MadeHost]) -> None:
    """The neighbour's next change is on its viewer's screen, and HTTP answers."""
    browser, link, host = neighbour
    await link.send(host.change_cells(1, [3, 4]))
    await browser.until(lambda: same(browser.seen.cells, host.cells[1]), "the neighbour's change")
    async with http_to(url) as client:
        assert (await client.get("/api/v1/health")).status_code == 200


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_frame_is_refused_and_all_else_goes_on(
    server: str, neighbour: tuple[LiveViewer, Any, MadeHost], name: str
) -> None:
    frame, code = HOSTILE[name]
    async with agent(server, made_host(), "bad") as link:
        await link.send(frame)
        refusal = await link.refusal()
        assert refusal.code == code
        assert len(refusal.message) < 300
    await still_served(server, neighbour)


@pytest.mark.parametrize(
    "message",
    [
        '{"type":"ack","seq":NaN}',
        '{"type":"ack","seq":' + "7" * 5000 + "}",
        "[" * 16_000,
        '{"type":' * 2_000,
        '{"type":"subscribe","host_id":"good","mapping_id":4294967296,"epoch":"good"}',
        '{"type":"subscribe","host_id":"<img src=x>\\u001b[31m","mapping_id":1,"epoch":"e"}',
        '{"type":"ack","seq":18446744073709551616000}',
    ],
    ids=["nan", "digits", "brackets", "objects", "id", "name", "large"],
)
async def test_a_hostile_viewer_is_refused_or_served_and_all_else_goes_on(
    server: str, neighbour: tuple[LiveViewer, Any, MadeHost], message: str
) -> None:
    async with viewer(server) as bad:
        await bad.socket.send(message)
        await bad.until(
            lambda: bad.seen.refusal is not None or bad.seen.overviews > 1, "an answer of any kind"
        )
    await still_served(server, neighbour)


async def test_ten_mebibytes_of_a_viewer_end_its_socket_and_nothing_else(
    server: str, neighbour: tuple[LiveViewer, Any, MadeHost]
) -> None:
    async with socket_to(server, VIEWER_PATH) as loud:
        with contextlib.suppress(ConnectionClosed):
            await asyncio.wait_for(loud.send("x" * MIB10), PATIENCE_S)
        assert await close_code(loud) in (1009, None)
    await still_served(server, neighbour)


async def test_ten_mebibytes_of_a_stranger_are_not_read(server: str) -> None:
    async with http_to(server) as client:
        client.headers.pop("authorization")
        answer = await client.post("/api/v1/login", content=b"x" * MIB10)
        assert answer.status_code == 422
        assert (await client.get("/api/v1/health")).status_code == 200
