"""A real server with a made-up host whose cells move when a test says so."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator

from tests import access
from tests.browser.live import only_host
from tests.browser.made_agent import HOST, STARTS
from tests.browser.screen import Screen
from tests.kernel.commands import command


class MadeServer:
    """Where it answers, and the input of the host's agent."""

    def __init__(self, base: str, agent: "subprocess.Popen[str]") -> None:
        self.base = base
        self._agent = agent

    def map_of(self, pid: int, mapping: int, query: str = "") -> str:
        """Where one of the host's maps is."""
        return f"{self.base}/#/host/{HOST}/pid/{pid}/map/{STARTS[mapping]:x}{query}"

    def put(self, mapping: int, cell: int, state: str) -> None:
        """Bring a cell into another state; returns when the agent has told it."""
        assert self._agent.stdin is not None
        assert self._agent.stdout is not None
        self._agent.stdin.write(f"{mapping} {cell} {state}\n")
        self._agent.stdin.flush()
        assert self._agent.stdout.readline() == "done\n"

    def end_agent(self) -> None:
        """The agent goes."""
        self._agent.kill()


@contextmanager
def made_server() -> Iterator[MadeServer]:
    """Server and agent, until the block ends."""
    with command("serve", "--port", "0") as server:
        base = access.base_of(server.line("http://"))
        socket = base.replace("http", "ws", 1)
        with subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("made_agent.py")), socket],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=access.agent_environment(HOST),
        ) as agent:
            try:
                assert only_host(base) == HOST
                yield MadeServer(base, agent)
            finally:
                agent.kill()


def open_map(screen: Screen, url: str) -> Locator:
    """The map's canvas, once all of the map is there and has its axes."""
    screen.open(url)
    screen.known("h.mapping.complete")
    screen.seen(screen.page.locator(".plot .xtick text"))
    return screen.seen("heatmap-canvas")
