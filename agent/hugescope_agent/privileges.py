"""Giving up privileges, for good: another user, no capability but those that are named, none to
be had again.

Constants: include/uapi/linux/{prctl,capability,sched}.h. For a process of one thread, which a
program is when it starts: the kernel does all this to the thread that asks.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import struct
from collections.abc import Iterable
from typing import Final

from hugescope_agent.errors import AgentError
from hugescope_agent.kernel.decimals import decimal

CAPABILITIES: Final = {
    "DAC_READ_SEARCH": 2,
    "SYS_PTRACE": 19,
    "SYS_ADMIN": 21,
    "PERFMON": 38,
    "CHECKPOINT_RESTORE": 40,
}
"""Those that let somebody look, and not change, by their numbers."""

_PR_CAPBSET_DROP: Final = 24
_PR_SET_KEEPCAPS: Final = 8
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAP_AMBIENT: Final = 47
_AMBIENT_RAISE: Final = 2
_AMBIENT_CLEAR: Final = 4
_VERSION_3: Final = 0x20080522
_HIGHEST: Final = 63
_CLONE_NEWNET: Final = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def user_id(name: str) -> tuple[int, int]:
    """The uid and gid of a user by name, or by number (then of that number).

    Raises:
        AgentError: there is no such user.
    """
    number = decimal(name)
    try:
        entry = pwd.getpwnam(name) if number is None else pwd.getpwuid(number)
    except (KeyError, OverflowError, ValueError):
        if number is not None and number < 1 << 32:
            return number, number
        raise AgentError(f"there is no user {name[:64]!r}") from None
    return entry.pw_uid, entry.pw_gid


def become(uid: int, gid: int, keep: Iterable[str] = (), *, ambient: bool = False) -> None:
    """Be this user, with no group but `gid` and no capability but those of `keep`, of which there
    may be fewer; with `ambient` a program that is run keeps them too.

    Raises:
        OSError: it may not become another user.
    """
    have = permitted()
    _drop_bounding(keep)
    if (os.getuid(), os.geteuid(), os.getgid(), os.getegid()) != (uid, uid, gid, gid):
        _prctl(_PR_SET_KEEPCAPS, 1)
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    _reduce(have, keep, ambient=ambient)


def keep_only(keep: Iterable[str]) -> None:
    """No capability but those of `keep`, of which there may be fewer; the user stays."""
    _drop_bounding(keep)
    _reduce(permitted(), keep, ambient=False)


def permitted() -> int:
    """The capabilities that this process may use, a bit each."""
    with open("/proc/self/status", "rb") as file:
        line = next(line for line in file if line.startswith(b"CapPrm:"))
    return int(line.split()[1], 16)


def leave_network() -> bool:
    """Have no network but one with nothing in it, as a unit or container may have given already;
    whether that is so (it takes CAP_SYS_ADMIN).
    """
    return _libc.unshare(_CLONE_NEWNET) == 0 or _interfaces() == ["lo"]


def _interfaces() -> list[str]:
    with open("/proc/self/net/dev") as file:
        return [line.partition(":")[0].strip() for line in file if ":" in line]


def _reduce(have: int, keep: Iterable[str], *, ambient: bool) -> None:
    kept = sum(1 << CAPABILITIES[name] for name in keep) & have
    _prctl(_PR_CAP_AMBIENT, _AMBIENT_CLEAR)
    _set(kept, inheritable=kept if ambient else 0)
    for number in range(_HIGHEST + 1) if ambient else ():
        if kept >> number & 1:
            _prctl(_PR_CAP_AMBIENT, _AMBIENT_RAISE, number)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _drop_bounding(keep: Iterable[str]) -> None:
    """What was never in the bounding set, or is not ours to drop, stays as it is."""
    numbers = {CAPABILITIES[name] for name in keep}
    for number in range(_HIGHEST + 1):
        if number not in numbers:
            _libc.prctl(_PR_CAPBSET_DROP, *map(ctypes.c_ulong, (number, 0, 0, 0)))


def _set(kept: int, *, inheritable: int) -> None:
    header = struct.pack("=Ii", _VERSION_3, 0)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    data = struct.pack("=6I", low, low, inheritable & 0xFFFFFFFF, high, high, inheritable >> 32)
    if _libc.capset(header, data):
        raise OSError(ctypes.get_errno(), f"capset: {os.strerror(ctypes.get_errno())}")


def _prctl(option: int, *arguments: int) -> None:
    words = [ctypes.c_ulong(word) for word in (*arguments, 0, 0, 0, 0)[:4]]
    if _libc.prctl(option, *words):
        error = ctypes.get_errno()
        raise OSError(error, f"prctl({option}): {os.strerror(error)}")
