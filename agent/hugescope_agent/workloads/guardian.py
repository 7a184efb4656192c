"""The process that adds pages to the pool and gives them back when its owner is done or dead.

Run as ``python -m hugescope_agent.workloads.guardian --page-size-bytes=N --pages=N --min-pages=N
--sysfs=DIR [--add-all]``. Its standard input is the read end of a pipe that only the owner can
write to; nothing is ever written, its end is the signal. On standard output it says, a JSON line
each: ``{"granted", "added"}`` or ``{"unavailable", "got"}``, and at the end ``{"left"}``, the
pages that could not be taken out again.
"""

import argparse
import json
import os
import select
import signal
import sys
from pathlib import Path

from hugescope_agent.workloads.child import set_comm
from hugescope_agent.workloads.errors import PoolUnavailable
from hugescope_agent.workloads.pool import HostPool, give_back, grow

STDIN, STDOUT = 0, 1


def main(argv: list[str] | None = None) -> int:
    """Add, wait for the pipe's end, give back; 0 when all went back."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    parser = argparse.ArgumentParser(prog="hugescope-guardian")
    for name in ("--page-size-bytes", "--pages", "--min-pages"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--sysfs", type=Path, required=True)
    parser.add_argument("--add-all", action="store_true")
    options = parser.parse_args(argv)
    set_comm("hs-guardian")

    pool = HostPool(options.page_size_bytes, options.sysfs)
    try:
        grant = grow(
            pool,
            options.pages,
            options.min_pages,
            use_free=not options.add_all,
            cancelled=_owner_gone,
        )
    except PoolUnavailable as error:
        _say({"unavailable": error.reason, "got": error.got_pages})
        return 1
    _say({"granted": grant.granted, "added": grant.added})
    while os.read(STDIN, 4096):
        pass
    left = give_back(pool, grant.added)
    if not _say({"left": left}) and left:
        sys.stderr.write(f"hugescope: {left} huge pages were added to the pool and remain there\n")
    return 1 if left else 0


def _owner_gone() -> bool:
    return bool(select.select([STDIN], [], [], 0)[0])


def _say(message: dict[str, int | str | None]) -> bool:
    """Write one line to the owner; whether it was there to be told."""
    try:
        os.write(STDOUT, json.dumps(message).encode() + b"\n")
    except OSError:
        return False
    return True


if __name__ == "__main__":
    raise SystemExit(main())
