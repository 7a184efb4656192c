"""perf_event_open(2): page faults of a thread, with their addresses, as the kernel counts them.

An event of type PERF_TYPE_SOFTWARE, config PERF_COUNT_SW_PAGE_FAULTS, writes a sample for each
fault into a ring that both sides map (include/uapi/linux/perf_event.h)::

    page 0        struct perf_event_mmap_page: u64 data_head at 1024
    then 2^n pages of records, each with u32 type, u16 misc, u16 size, and of
    PERF_RECORD_SAMPLE (9)   u32 pid, u32 tid, u64 time in ns, u64 address
    PERF_RECORD_LOST (2)     u64 id, u64 count

The ring is written backward and over what is oldest: data_head falls, and the newest record begins
there. A thread that waits for a page made its newest fault on it, so that one is always found,
also when hundreds of thousands on other memory came before, as in a QEMU at the switch-over. While
the ring is read, writing is paused (PERF_EVENT_IOC_PAUSE_OUTPUT, Linux 4.7).

The kernel counts a fault when the processor takes it, before it is served: one that waits for a
userfaultfd is seen while it waits, once, with the very address that was touched. A signal that
interrupts the wait makes it a new fault. What the kernel itself looks up for somebody, such as KVM
for a guest, is no fault in this sense.

One event a thread, without inheritance: a ring of an event that is inherited has to be of one
processor, so each thread would need as many as there are. Who follows a process looks for new
threads.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import platform
import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.kernel.root import Root
from hugescope_wire.cells import PAGE_BYTES
from hugescope_wire.host import Limit

_NUMBERS: Final = {"x86_64": 298, "aarch64": 241, "riscv64": 241}
_ATTRIBUTES: Final = struct.Struct("=IIQQQQQIIQQQQIiQIHH")
"""struct perf_event_attr up to and with sample_max_stack: PERF_ATTR_SIZE_VER5, 112 bytes."""

_SOFTWARE: Final = 1
_PAGE_FAULTS: Final = 2
_SAMPLED: Final = 1 << 1 | 1 << 2 | 1 << 3
"""PERF_SAMPLE_TID, TIME and ADDR."""

_USE_CLOCKID: Final = 1 << 25
_WRITE_BACKWARD: Final = 1 << 27
_PAUSE: Final = 0x40042409
_MONOTONIC: Final = 1
_CLOSE_ON_EXEC: Final = 8
_ANY_CPU: Final = -1
_NO_GROUP: Final = -1

RING_PAGES: Final = 8
"""1024 samples: 10,000 faults a second of one thread, looked at ten times a second."""

_HEAD: Final = 1024
_U64: Final = struct.Struct("=Q")
_RECORD: Final = struct.Struct("=IHH")
_LOST: Final = struct.Struct("=QQ")
_LOST_TYPE: Final = 2
_SAMPLE_TYPE: Final = 9
_SAMPLE_BYTES: Final = 32
_SPARE_BYTES: Final = 64
"""Of a full ring the oldest are left out: a record that was begun may lie over them."""

_SAMPLE_WORD: Final = np.uint64(_SAMPLE_BYTES << 48 | _SAMPLE_TYPE)
_MISC_MASK: Final = np.uint64(0xFFFF_0000_FFFF_FFFF)
"""All of a record's first word but misc, which tells user from kernel mode."""

CAPABILITY: Final = "page_faults"
COST: Final = (
    "what a guest demands in a post-copy is told from the sweep by the order of arrivals only, and "
    "when it began to wait is not known"
)


@dataclass(frozen=True, slots=True)
class Samples:
    """Faults in order, and how many more there was no room for.

    Attributes:
        at_s: CLOCK_MONOTONIC, f64[faults].
        address: u64[faults].
    """

    at_s: npt.NDArray[np.float64]
    address: npt.NDArray[np.uint64]
    lost: int = 0


def parse_records(data: bytes) -> Samples:
    """Records one after the other; those of other types, and one that is cut off, are passed
    over.
    """
    words = np.frombuffer(data, np.uint64, len(data) // 8)
    if len(data) % _SAMPLE_BYTES == 0:
        rows = words.reshape(-1, 4)
        if ((rows[:, 0] & _MISC_MASK) == _SAMPLE_WORD).all():
            return Samples(_seconds(rows[:, 2]), rows[:, 3].copy())
    places, lost, at = [], 0, 0
    while at + _RECORD.size <= len(data):
        kind, _, size = _RECORD.unpack_from(data, at)
        if size < _RECORD.size or at + size > len(data):
            break
        if kind == _SAMPLE_TYPE and size == _SAMPLE_BYTES:
            places.append(at // 8)
        elif kind == _LOST_TYPE and size >= _RECORD.size + _LOST.size:
            lost += _LOST.unpack_from(data, at + _RECORD.size)[1]
        at += size
    index = np.array(places, np.intp)
    return Samples(_seconds(words[index + 2]), words[index + 3], lost)


def _seconds(times_ns: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    return times_ns.astype(np.float64) * 1e-9


class FaultRing:
    """The faults of one thread from now on."""

    def __init__(self, tid: int) -> None:
        """Open the event and map its ring; OSError as it comes: ESRCH where the thread left, EACCES
        or EPERM where these privileges do not reach it.
        """
        self._fd = _open_event(tid)
        self._bytes = RING_PAGES * PAGE_BYTES
        try:
            # Only a ring that we cannot write to is written over.
            self._map = mmap.mmap(self._fd, PAGE_BYTES + self._bytes, prot=mmap.PROT_READ)
        except BaseException:
            os.close(self._fd)
            raise
        self._head = self._data_head()

    def take(self) -> Samples | None:
        """What came since the last call, as far as it was not written over; None: nothing."""
        if self._data_head() == self._head:
            return None
        fcntl.ioctl(self._fd, _PAUSE, 1)
        try:
            head, before = self._data_head(), self._head
            written = (before - head) % (1 << 64)
            length = min(written, self._bytes - _SPARE_BYTES)
            begin = PAGE_BYTES + head % self._bytes
            data = self._map[begin : begin + length]
            data += self._map[PAGE_BYTES : PAGE_BYTES + length - len(data)]
        finally:
            fcntl.ioctl(self._fd, _PAUSE, 0)
        self._head = head
        newest_first = parse_records(data)
        return Samples(
            newest_first.at_s[::-1],
            newest_first.address[::-1],
            newest_first.lost + (written - length) // _SAMPLE_BYTES,
        )

    def close(self) -> None:
        """Stop."""
        self._map.close()
        os.close(self._fd)

    def _data_head(self) -> int:
        head: int = _U64.unpack_from(self._map, _HEAD)[0]
        return head


def limit(root: Root) -> Limit | None:
    """Why faults cannot be seen on this host at all; None where they can. None of a captured tree,
    in which nothing happens.
    """
    if not root.live:
        return None
    if not root.has_own_pids():
        return denied(
            "processes have other numbers here than in the PID namespace that is shown",
            "run the agent in the host's PID namespace (docker run --pid=host)",
        )
    try:
        FaultRing(0).close()
    except OSError as error:
        return denied(
            f"perf_event_open gives no page faults: {error.strerror}",
            "run the agent as root or grant CAP_PERFMON; in a container, allow perf_event_open",
        )
    return None


def denied(reason: str, remedy: str | None) -> Limit:
    """That faults are not seen."""
    return Limit(capability=CAPABILITY, reason=reason, cost=COST, remedy=remedy)


def _open_event(tid: int) -> int:
    number = _NUMBERS.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, f"its number on {platform.machine()} is not known")
    fields = [0] * 19
    fields[0], fields[1], fields[2] = _SOFTWARE, _ATTRIBUTES.size, _PAGE_FAULTS
    fields[3], fields[4], fields[6] = 1, _SAMPLED, _USE_CLOCKID | _WRITE_BACKWARD
    fields[14] = _MONOTONIC
    attributes = ctypes.create_string_buffer(_ATTRIBUTES.pack(*fields))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    arguments = (number, attributes, tid, _ANY_CPU, _NO_GROUP, _CLOSE_ON_EXEC)
    longs = [one if isinstance(one, ctypes.Array) else ctypes.c_long(one) for one in arguments]
    fd = int(libc.syscall(*longs))
    if fd < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return fd
