"""`make faults`: random faults against a real server and agent, on this kernel's huge pages.

    python -m tests.faults [--faults N] [--seed N] [--kinds KIND,...] [--longest S] [--settle S]
        [--limit S] [--lag S]

After each fault the puppet stands still, and then:

- What two viewers show (every mapping, and every column of every cell, from frames over the
  websocket) must equal an independent reading of the kernel within `--settle` seconds of the
  fault's end.
- No time may have passed unseen (`tests/faults/unseen.py` says what that is).
- Neither server nor agent may have ended by itself, or logged a traceback.

Everything runs in a process id namespace of its own, so that this machine's other processes are not
in the sums, and none is left behind. Needs root; adds 2 MiB pages to the pool and gives them back.
The last line is one JSON object; the exit code is 1 where a bound was not kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from tests.faults.kinds import KINDS, drawn
from tests.faults.restless import POOL_PAGES
from tests.faults.run import Bounds, run
from tests.kernel.cases import MIB2, extra_pages

INSIDE: Final = "HUGESCOPE_FAULTS_SCRATCH"
"""Set inside the namespace, to a directory."""


def arguments() -> argparse.Namespace:
    """As given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    bounds = Bounds()
    parser.add_argument("--faults", type=int, default=200, help="default: 200")
    parser.add_argument("--seed", type=int, default=None, help="default: another each time")
    parser.add_argument("--kinds", default=",".join(sorted(KINDS)), help="default: %(default)s")
    for name, value, text in (
        ("longest", bounds.longest_s, "a fault lasts at most"),
        ("settle", bounds.settle_s, "until viewers see what the kernel has"),
        ("limit", bounds.limit_s, "that may pass without a look and without a word"),
        ("lag", bounds.lag_s, "that a point of the timeline may be behind its time"),
    ):
        text = f"seconds: {text}; default: {value:g}"
        parser.add_argument(f"--{name}", type=float, default=value, help=text, metavar="S")
    given = parser.parse_args()
    unknown = sorted(set(given.kinds.split(",")) - KINDS.keys())
    if unknown:
        parser.error(f"--kinds: there is no {unknown[0]!r}")
    return given


def in_own_namespace() -> int:
    """Run this program again as the first process of a namespace; its exit code."""
    fence = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child=KILL"]
    command = [*fence, sys.executable, "-m", "tests.faults", *sys.argv[1:]]
    try:
        with (
            extra_pages(MIB2, POOL_PAGES),
            TemporaryDirectory(prefix="hugescope-faults-") as scratch,
        ):
            inside = subprocess.Popen(command, env={**os.environ, INSIDE: scratch})
            try:
                return inside.wait()
            finally:
                inside.kill()
                inside.wait()
    except pytest.skip.Exception as reason:
        sys.exit(f"faults: {reason}")


def main() -> None:
    """Outside: make room, and go inside."""
    given, scratch = arguments(), os.environ.pop(INSIDE, None)
    if scratch is None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: sys.exit(128 + number))
        sys.exit(in_own_namespace())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one outside ends this
    seed = random.randrange(1 << 31) if given.seed is None else given.seed
    print(f"faults: seed {seed}", file=sys.stderr, flush=True)
    bounds = Bounds(given.settle, given.limit, given.lag, given.longest)
    rounds = drawn(random.Random(seed), given.faults, sorted(given.kinds.split(",")))
    found = asyncio.run(run(rounds, seed, bounds, Path(scratch)))
    print(json.dumps(found.figures()))
    sys.exit(0 if found.good else 1)


if __name__ == "__main__":
    main()
