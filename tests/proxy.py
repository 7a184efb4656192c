"""A TCP proxy that does to connections what networks do: delay, stall, cut, and half-open."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

_CHUNK = 1 << 16


class Proxy:
    """Passes bytes on between clients and one server, as long as it is told to.

    Attributes:
        delay_s: each chunk is held for so long, in either direction.
        accepted: connections so far.
    """

    def __init__(self, target: str) -> None:
        self.aim(target)
        self.delay_s = 0.0
        self.accepted = 0
        self.port = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._closed = False
        self._half_open: set[asyncio.StreamWriter] = set()
        self._pairs: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def aim(self, target: str) -> None:
        """Where new connections go: an http:// or ws:// URL."""
        parts = urlsplit(target)
        assert parts.hostname is not None
        assert parts.port is not None
        self._target = (parts.hostname, parts.port)

    @property
    def url(self) -> str:
        """For an agent."""
        return f"ws://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """End every connection at once, at both ends, by a reset."""
        for near, far in self._pairs:
            near.transport.abort()
            far.transport.abort()
        self._pairs.clear()

    def half_open(self) -> None:
        """End every connection at the client's end alone; the server hears nothing of it, and
        nothing more at all.
        """
        for near, _ in self._pairs:
            self._half_open.add(near)
            near.transport.abort()

    def stall(self) -> None:
        """Pass nothing on, and read nothing; connections stay open."""
        self._flowing.clear()

    def flow(self) -> None:
        """Go on after a stall."""
        self._flowing.set()

    def close(self) -> None:
        """Cut, and refuse whoever comes."""
        self._closed = True
        self.cut()

    def reopen(self) -> None:
        """Take connections again."""
        self._closed = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closed:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self.accepted += 1
        self._pairs.append((writer, far_writer))
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pass_on(source, sink, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, near: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while True:
                await self._flowing.wait()
                data = await source.read(_CHUNK)
                if not data:
                    break
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._flowing.wait()
                sink.write(data)
                await sink.drain()
        if near not in self._half_open:
            sink.close()

    async def end(self) -> None:
        """Close everything."""
        self.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def proxy(target: str) -> AsyncIterator[Proxy]:
    """One that listens on a free port."""
    made = Proxy(target)
    server = await asyncio.start_server(made._serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.end()
