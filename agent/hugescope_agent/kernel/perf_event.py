"""perf_event_open(2) for page faults of one thread; see `perf.py` for what comes of it.

Apart from that, because the opener asks it too and is to import little.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from typing import Final

_NUMBERS: Final = {"x86_64": 298, "aarch64": 241, "riscv64": 241}
_ATTRIBUTES: Final = struct.Struct("=IIQQQQQIIQQQQIiQIHH")
"""struct perf_event_attr up to and with sample_max_stack: PERF_ATTR_SIZE_VER5, 112 bytes."""

_SOFTWARE: Final = 1
_PAGE_FAULTS: Final = 2
_SAMPLED: Final = 1 << 1 | 1 << 2 | 1 << 3
"""PERF_SAMPLE_TID, TIME and ADDR."""

_USE_CLOCKID: Final = 1 << 25
_WRITE_BACKWARD: Final = 1 << 27
_MONOTONIC: Final = 1
_CLOSE_ON_EXEC: Final = 8
_ANY_CPU: Final = -1
_NO_GROUP: Final = -1


def open_event(tid: int) -> int:
    """A descriptor of the faults of a thread from now on, of the calling one for 0; OSError as it
    comes.
    """
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
