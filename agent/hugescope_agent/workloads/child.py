"""How this package starts its small processes, and how those end with the one that started them.

Constants: ``linux/prctl.h``.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15

_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
_libc = ctypes.CDLL(None, use_errno=True)


def module_argv(module: str, *arguments: str) -> list[str]:
    """The argv that runs a module of ours in this interpreter; ``ps`` then shows what it is.

    ``-P`` keeps the working directory out of the module path: root may stand anywhere.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def module_environment() -> dict[str, str]:
    """The environment in which :func:`module_argv` finds this package, installed or not."""
    environment = dict(os.environ)
    path = [str(_PACKAGE_PARENT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(entry for entry in path if entry)
    return environment


def set_comm(comm: str) -> None:
    """Set this process's name in ``/proc/PID/comm``; the kernel keeps 15 bytes."""
    _prctl(PR_SET_NAME, ctypes.c_char_p(comm.encode()))


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when the thread that started it ends.

    SIGKILL, because a process that waits in a userfault runs no Python handler. The parent may
    have died before the request was made; then this raises SystemExit at once.
    """
    _prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != parent_pid:
        raise SystemExit(f"started by process {parent_pid}, which is gone")


def _prctl(option: int, argument: ctypes.c_char_p | ctypes.c_ulong) -> None:
    zero = ctypes.c_ulong(0)
    if _libc.prctl(ctypes.c_int(option), argument, zero, zero, zero):
        error = ctypes.get_errno()
        raise OSError(error, f"prctl({option}): {os.strerror(error)}")
