"""A real server, a real agent, and a process whose huge pages a test touches."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests import access
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.commands import command, get, mappings_of, until

MAPPED = 1
HOLE = 0


class Toucher:
    """A process with 64 huge pages, none touched yet."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.pid = int(self._answer())

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def touch(self, page: int) -> None:
        """Write to this page; returns when it is there."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{page}\n")
        self.process.stdin.flush()
        assert self._answer() == "touched\n"


@contextmanager
def toucher() -> Iterator[Toucher]:
    """Run one until the block ends."""
    script = Path(__file__).with_name("toucher.py")
    with (
        extra_pages(MIB2, 64),
        subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        try:
            yield Toucher(process)
        finally:
            process.kill()


class Live(NamedTuple):
    """Where a server with one host answers, and the host's name there."""

    base: str
    host_id: str

    def map_of(self, pid: int) -> str:
        """Where the map of a process' first mapping is, once the server knows of it."""
        return map_url(self.base, self.host_id, pid)


def map_url(base: str, host_id: str, pid: int) -> str:
    """The same for any server."""
    api = f"{base}/api/v1/hosts/{host_id}/snapshot"
    mappings = until(lambda: mappings_of(get(api), pid), f"process {pid} at the server")
    return f"{base}/#/host/{host_id}/pid/{pid}/map/{mappings[0][0]:x}"


def only_host(base: str) -> str:
    """The name of a server's host, once there is one."""
    hosts = until(lambda: (get(f"{base}/api/v1/hosts") or {}).get("hosts"), "the host")
    return str(hosts[0]["host_id"])


@contextmanager
def up(*options: str) -> Iterator[Live]:
    """Server and agent, until the block ends."""
    with command("up", "--port", "0", *options) as running:
        base = access.base_of(running.line("http://"))
        yield Live(base, only_host(base))
