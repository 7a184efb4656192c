"""Threads that wait for a userfaultfd: faults on memory that another thread or process serves.

Such a thread sleeps in the kernel's handle_userfault(), which /proc/PID/task/TID/wchan names. While
it waits its count of voluntary context switches stands still; a thread that is served and faults
again has a higher one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hugescope_agent.errors import ProcessGone
from hugescope_agent.kernel.root import Root
from hugescope_wire.report import UffdWaiter

_FUNCTION: Final = b"handle_userfault"
"""A compiler may add a suffix, such as .isra.0."""

_NOTHING: Final = b"0"
"""What wchan prints for a thread that runs, and for one that we may not look at."""

_SWITCHES: Final = re.compile(rb"^voluntary_ctxt_switches:[ \t]*([0-9]{1,19})$", re.MULTILINE)
_STATE: Final = re.compile(rb"^State:[ \t]*(\S)", re.MULTILINE)
_ASLEEP: Final = b"SD"


@dataclass(frozen=True, slots=True)
class Waiter:
    """A thread that waits, and its voluntary context switches so far."""

    tid: int
    switches: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A wait and when it was seen first, in monotonic seconds."""

    waiter: Waiter
    since_s: float


def waiters(root: Root, pid: int) -> list[Waiter] | None:
    """The threads of a process that wait for a userfaultfd now, by id; None: it cannot be told,
    or the process left.

    Costs a read for each thread, so ask of processes with registered mappings.
    """
    threads = _threads(root, pid)
    if not threads:
        return None
    found: list[Waiter] = []
    for tid in threads:
        where = f"proc/{pid}/task/{tid}"
        try:
            waiting = _waits(root, where)
            status = root.read(f"{where}/status") if waiting else b""
        except OSError as error:
            if isinstance(root.process_error(error, where), ProcessGone):
                continue
            return None
        if waiting is None:
            return None
        switches = parse_switches(status)
        if waiting and switches is not None:
            found.append(Waiter(tid, switches))
    return found


def parse_switches(status: bytes) -> int | None:
    """Voluntary context switches by the status of a thread; None where they are not there."""
    match = _SWITCHES.search(status)
    return int(match[1]) if match else None


def follow(
    before: Mapping[int, Standing], now: Iterable[Waiter], now_s: float
) -> dict[int, Standing]:
    """The waits of one process by thread: those that go on keep the time they were seen first."""
    standing = {}
    for waiter in now:
        known = before.get(waiter.tid)
        goes_on = known is not None and known.waiter == waiter
        standing[waiter.tid] = known if known and goes_on else Standing(waiter, now_s)
    return standing


def waiter_record(
    pid: int, comm: str | None, standing: Mapping[int, Standing], now_s: float
) -> UffdWaiter | None:
    """What is told of a process' waits; None where no thread waits.

    `stalled_s` is the longest of them, null while none was seen in two readings.
    """
    if not standing:
        return None
    longest_s = max(now_s - wait.since_s for wait in standing.values())
    return UffdWaiter(
        pid=pid, comm=comm, threads=len(standing), stalled_s=longest_s if longest_s > 0 else None
    )


def _threads(root: Root, pid: int) -> list[int]:
    names = root.names(f"proc/{pid}/task")
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


def _waits(root: Root, where: str) -> bool | None:
    """Whether a thread waits for a userfaultfd; None: not told. OSError as it comes."""
    function = root.read(f"{where}/wchan").strip()
    if function != _NOTHING:
        return function.startswith(_FUNCTION)
    state = _STATE.search(root.read(f"{where}/status"))
    if state is None or state[1] not in _ASLEEP:
        return False
    # Asleep, so wchan is kept from us, or fell asleep just now; the stack says more.
    stack = root.read_text(f"{where}/stack")
    return None if stack is None else _FUNCTION.decode() in stack
