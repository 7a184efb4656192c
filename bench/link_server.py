"""A real server in a process of its own for `bench/`, and peers that read nothing from it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests import access
from websockets.asyncio.client import connect

from hugescope_agent.link import LinkOptions
from hugescope_server.auth.principal import Role

SERVE = """
import logging, sys
from hugescope_server.run import serve
from hugescope_server.settings import ServerSettings
logging.basicConfig(level=logging.INFO, format="%(message)s")
logging.getLogger("uvicorn").setLevel(logging.WARNING)
serve(ServerSettings(port=int(sys.argv[1]), max_hosts=4000), lambda url: print(url, flush=True))
"""


@dataclass
class Served:
    process: subprocess.Popen[str]
    url: str
    log: Path

    def rss_mib(self) -> float:
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def lines(self, text: str) -> int:
        return self.log.read_text().count(text)


@contextlib.contextmanager
def served(port: int, log: Path, first: str = "") -> Iterator[Served]:
    """One that listens until the block ends; `first` is run before it is made."""
    with log.open("a") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", first + SERVE, str(port)],
            stdout=subprocess.PIPE,
            stderr=out,
            text=True,
        )
    try:
        assert process.stdout is not None
        yield Served(process, process.stdout.readline().strip().replace("http", "ws", 1), log)
    finally:
        process.kill()
        process.wait()


@contextlib.asynccontextmanager
async def stalled(
    url: str, path: str, headers: Mapping[str, str], *first: str | bytes, then: bytes = b""
) -> AsyncIterator[socket.socket]:
    """A peer that sends its first messages, reads nothing, and ends without a word.

    Args:
        then: bytes for the socket itself, such as half a message.
    """
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, _, port = url.removeprefix("ws://").rpartition(":")
    raw.connect((host, int(port)))
    async with connect(
        url + path,
        sock=raw,
        additional_headers=headers,
        compression=None,
        proxy=None,
        ping_interval=None,
        max_queue=1,
    ) as link:
        link.transport.pause_reading()
        for message in first:
            await link.send(message)
        link.transport.write(then)
        yield raw
        link.transport.abort()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def options(url: str, host_id: str, tick_hz: float) -> LinkOptions:
    """Of an agent that may speak for this host."""
    shown = access.token(Role.AGENT, host_id)
    return LinkOptions(url, host_id, "1", tick_hz=tick_hz, token=shown)
