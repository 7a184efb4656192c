"""A server and an agent, run as people run them, with a network between them and the viewers that
fails on demand.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, Final

from hugescope_server.auth.principal import Role
from hugescope_server.auth.store import TokenStore
from tests.kernel.commands import free_port
from tests.proxy import Proxy, proxy

HOST_ID: Final = "faulty"
READY_S: Final = 60.0
COMMAND: Final = (sys.executable, "-P", "-m", "hugescope")


class Stand:
    """The processes, and the two networks.

    Attributes:
        link: between agent and server.
        view: between viewers and server.
        viewer_token: an operator's, of the present state directory.
        killed_at_s: when the server was killed last, on the monotonic clock.
    """

    def __init__(self, scratch: Path, port: int, link: Proxy, view: Proxy) -> None:
        self.link, self.view = link, view
        self.killed_at_s = 0.0
        self.viewer_token = ""
        self._scratch, self._port = scratch, port
        self._state_dir = scratch / "state"
        self._token_file = scratch / "agent.token"
        self.server = self.agent = subprocess.Popen(["true"])

    async def start(self) -> None:
        """Both, as on the first day."""
        self._issue_tokens()
        await self.start_server()
        self.start_agent()

    async def start_server(self) -> None:
        """Returns once it listens."""
        arguments = ["serve", "--port", str(self._port), "--state-dir", str(self._state_dir)]
        self.server = self._run("server", arguments)
        until_s = time.monotonic() + READY_S
        while time.monotonic() < until_s and self.server.poll() is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return
        raise AssertionError(f"the server did not listen: {self.tail('server')}")

    def start_agent(self) -> None:
        """A new run of it."""
        arguments = ["agent", "--server", self.link.url, "--host-id", HOST_ID]
        self.agent = self._run("agent", [*arguments, "--token-file", str(self._token_file)])

    def kill_server(self) -> None:
        """SIGKILL."""
        self.killed_at_s = time.monotonic()
        _kill(self.server)

    def kill_agent(self) -> None:
        """SIGKILL."""
        _kill(self.agent)

    def lose_state(self) -> None:
        """What the server kept on disk is gone."""
        shutil.rmtree(self._state_dir)

    async def give_new_tokens(self) -> None:
        """What an operator does then: a token for the agent, into the file that it reads."""
        await asyncio.to_thread(self._issue_tokens)

    def ended(self) -> str | None:
        """Which of the two ended by itself, and its last words."""
        for name, process in (("server", self.server), ("agent", self.agent)):
            if process.poll() is not None:
                return f"the {name} ended by itself ({process.returncode}): {self.tail(name)}"
        return None

    def tracebacks(self) -> int:
        """In the logs of all runs."""
        logs = (self._scratch / f"{name}.log" for name in ("server", "agent"))
        return sum(log.read_text(errors="replace").count("Traceback") for log in logs)

    def tail(self, name: str) -> str:
        """The end of a log."""
        return (self._scratch / f"{name}.log").read_text(errors="replace")[-2000:]

    def close(self) -> None:
        """End both."""
        for process in (self.agent, self.server):
            _kill(process)

    def _issue_tokens(self) -> None:
        arguments = ("token", "create", "--role", "agent", "--host-id", HOST_ID)
        text = subprocess.check_output(
            [*COMMAND, *arguments, "--state-dir", str(self._state_dir)],
            text=True,
            stderr=subprocess.DEVNULL,
        )
        # Replaced as a whole: an agent may read it at any time.
        new = self._token_file.with_suffix(".new")
        new.write_text(text)
        new.replace(self._token_file)
        self.viewer_token = TokenStore(self._state_dir).create(Role.OPERATOR)[0]

    def _run(self, name: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        with self._log(name) as log:
            return subprocess.Popen([*COMMAND, *arguments], stdout=log, stderr=log)

    def _log(self, name: str) -> IO[bytes]:
        return (self._scratch / f"{name}.log").open("ab")


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@asynccontextmanager
async def stand(scratch: Path) -> AsyncIterator[Stand]:
    """One that runs until the block ends."""
    port = free_port()
    target = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        link = await stack.enter_async_context(proxy(target))
        view = await stack.enter_async_context(proxy(target))
        made = Stand(scratch, port, link, view)
        stack.callback(made.close)
        await made.start()
        yield made


async def suspend(process: subprocess.Popen[bytes], for_s: float) -> None:
    """SIGSTOP, and SIGCONT after a while."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(for_s)
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGCONT)


def lasting(rng: random.Random, longest_s: float) -> float:
    """Mostly short, sometimes long."""
    return rng.triangular(0.1, longest_s, 0.1)
