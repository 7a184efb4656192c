"""Readers of user nobody with chosen capabilities, and openers for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.commands import command, until

READER = Path(__file__).with_name("as_tier.py")
NOBODY = 65534


class Reader:
    """A process of user nobody that looks when it is told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def look(self, *pids: int) -> dict[str, Any]:
        """What it sees of these processes."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(pids) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the reader ended with code {self._process.wait()}"
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer


@contextmanager
def reader(*arguments: str) -> Iterator[Reader]:
    """One that ends with the block."""
    if os.geteuid() != 0:
        pytest.skip("no root: there is no other user to become")
    with subprocess.Popen(
        [sys.executable, str(READER), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Reader(process)
        finally:
            process.kill()


@contextmanager
def opener(*, reader_uid: int = NOBODY) -> Iterator[str]:
    """An opener that runs as nobody and answers this user; its socket."""
    with opener_process(reader_uid=reader_uid) as (path, _):
        yield path


@contextmanager
def opener_process(*, reader_uid: int = NOBODY) -> Iterator[tuple[str, int]]:
    """The same, with its pid."""
    if os.geteuid() != 0:
        pytest.skip("no root: an opener has nothing to open with")
    with tempfile.TemporaryDirectory(prefix="hs-opener-") as directory:
        os.chmod(directory, 0o755)
        path = f"{directory}/socket"
        words = ["opener", "--socket", path, "--reader", str(reader_uid), "--user", str(NOBODY)]
        with command(*words) as running:
            until(lambda: became(running.process.pid), "an opener that has become nobody")
            yield path, running.process.pid


def became(pid: int) -> bool:
    """Whether a process has become nobody."""
    with open(f"/proc/{pid}/status") as file:
        return f"\nUid:\t{NOBODY}\t" in file.read()
