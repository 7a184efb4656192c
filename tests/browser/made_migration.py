"""A real server with both ends of a made-up migration, whose pages move when a test says so."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from tests import access
from tests.browser.live import only_host
from tests.browser.made_migration_agent import DESTINATION, HOST, MIB2, SOURCE
from tests.kernel.commands import Command, command

Side = Literal["source", "destination"]


class MadeMigration:
    """Where the server answers, and the input of the host's agent."""

    def __init__(self, base: str, agent: "subprocess.Popen[str]", server: Command) -> None:
        self.base = base
        self._agent = agent
        self._server = server

    @property
    def by_hand(self) -> str:
        """The screen, with both ends named."""
        return f"{self.base}/#/migration?pair={HOST}:{SOURCE},{HOST}:{DESTINATION}"

    def put(self, side: Side, cells: Iterable[int], state: str = "mapped", block: int = 0) -> None:
        """Bring pages into another state."""
        self._do(do="put", side=side, block=block, cells=list(cells), state=state)

    def flags(self, *flags: str) -> None:
        """The destination's VmFlags beside the usual ones."""
        self._do(do="flags", side="destination", flags=flags)

    def fault(self, cell: int, block: int = 0) -> None:
        """The guest at the destination touches a page."""
        self._do(do="fault", block=block, cell=cell)

    def qmp(self, side: Side, **said: object) -> None:
        """What this side's QEMU says."""
        self._do(do="qmp", side=side, **said)

    def pool(self, **counts: int) -> None:
        """Counters of the host's pool."""
        self._do(do="pool", **counts)

    def limit(self, reason: str) -> None:
        """Why faults are not seen on the host."""
        self._do(do="limit", reason=reason)

    def end(self, side: Side) -> None:
        """This side's process goes."""
        self._do(do="end", side=side)

    def end_agent(self) -> None:
        """The agent goes."""
        self._agent.kill()

    def end_server(self) -> None:
        """The server goes."""
        self._server.end(signal.SIGTERM)

    def _do(self, **what: object) -> None:
        """Returns when the agent has told it."""
        assert self._agent.stdin is not None
        assert self._agent.stdout is not None
        self._agent.stdin.write(json.dumps(what) + "\n")
        self._agent.stdin.flush()
        assert self._agent.stdout.readline() == "done\n"


@contextmanager
def made_migration(
    blocks: Iterable[int] = (256,),
    page_size: int = MIB2,
    *,
    simulated: bool = False,
    watched: bool = True,
) -> Iterator[MadeMigration]:
    """Server and agent, until the block ends.

    Args:
        simulated: both ends only stand in for VMs.
        watched: the destination's faults are, from the begin on.
    """
    with command("serve", "--port", "0") as server:
        base = access.base_of(server.line("http://"))
        script = str(Path(__file__).with_name("made_migration_agent.py"))
        given = map(str, (page_size, int(simulated), int(watched), *blocks))
        with subprocess.Popen(
            [sys.executable, script, base.replace("http", "ws", 1), *given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=access.agent_environment(HOST),
        ) as agent:
            try:
                assert only_host(base) == HOST
                yield MadeMigration(base, agent, server)
            finally:
                agent.kill()
