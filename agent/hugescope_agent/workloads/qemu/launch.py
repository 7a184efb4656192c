"""Becomes QEMU, or another program, and is killed with the thread that started it.

Run as ``python -m hugescope_agent.workloads.qemu.launch PARENT_PID PROGRAM ARGUMENT...``. The
kernel keeps the parent-death signal over an execve (prctl(2)).
"""

from __future__ import annotations

import os
import sys
from typing import Final

from hugescope_agent.workloads.child import die_with_parent

LAUNCH: Final = "hugescope_agent.workloads.qemu.launch"


def main(argv: list[str]) -> int:
    """Does not return where the program can be run."""
    parent_pid, program, *arguments = argv
    die_with_parent(int(parent_pid))
    try:
        os.execv(program, [os.path.basename(program), *arguments])  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"{program}: {error.strerror}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
