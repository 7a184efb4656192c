"""The front end's own synthetic server: hosts that have something to show in every panel."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import access

SCRIPT = Path(__file__).parents[2] / "frontend/dev/synthetic_server.py"
HOST = "#/host/synthetic-a"
OTHER_HOST = "#/host/synthetic-b"
BUFFERS = f"{HOST}/pid/812/map/7f0000000000"
LARGE = f"{HOST}/pid/4242/map/7e8000000000"
FINDINGS = f"{HOST}/pid/4300/map/7f1204a00000"


@contextmanager
def synthetic_server(cells: int = 4096, changes: int = 10) -> Iterator[str]:
    """Its address, until the block ends."""
    sizes = ["--cells", str(cells), "--changes", str(changes)]
    run = [sys.executable, str(SCRIPT), "--port", "0", *sizes]
    with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.kill()


def act(base: str, action: str) -> None:
    """Let something happen to its hosts: one of the server's own actions."""
    with access.opened(f"{base.rstrip('/')}/dev/{action}") as answer:
        assert answer.read() == b"done\n"
