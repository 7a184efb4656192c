"""Commands whose reader leaves: each in a process of its own, for it ends as one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hugescope.piped import PIPE_EXIT

RECORDING = Path(__file__).parents[2] / "data/recordings/format-2.hsrec"
COMMANDS = {
    "a table": ("cat", str(RECORDING)),
    "JSON": ("cat", str(RECORDING), "--json"),
}


def ran(arguments: tuple[str, ...], *, both: bool = False) -> tuple[int, bytes]:
    """Exit code and stderr of a command whose output nobody reads; with `both`, nor its errors."""
    reads, writes = os.pipe()
    os.close(reads)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "hugescope", *arguments],
            stdout=writes,
            stderr=writes if both else subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writes)
    return done.returncode, done.stderr or b""


@pytest.mark.parametrize("what", COMMANDS)
def test_a_reader_that_left_ends_a_command_quietly(what: str) -> None:
    assert ran(COMMANDS[what]) == (PIPE_EXIT, b"")


def test_an_error_that_nobody_reads_ends_it_as_quietly() -> None:
    assert ran(("cat", "/nowhere"), both=True)[0] == PIPE_EXIT


def test_what_is_read_ends_as_ever() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hugescope", *COMMANDS["JSON"]], capture_output=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.endswith(b"}\n")
    failed = subprocess.run(
        [sys.executable, "-m", "hugescope", "cat", "/nowhere"], capture_output=True, check=False
    )
    assert (failed.returncode, failed.stdout) == (1, b"")
    assert failed.stderr == b"hugescope: /nowhere: No such file or directory\n"
