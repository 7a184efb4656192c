"""userfaultfd(2): page faults of a range of memory, served by a process of ours.

A thin wrapper. Numbers and layouts are those of ``linux/userfaultfd.h`` (Linux 6.12) and hold on
machines with the generic ioctl encoding (x86, arm64, riscv). A message is 32 bytes in native byte
order::

    u8 event, u8 and u16 and u32 reserved, then for a page fault
    u64 flags, u64 address, u32 thread id, u32 padding

Without EXACT_ADDRESS the kernel reports the address rounded down to the page; for hugetlb that is
the huge page.
"""

import ctypes
import errno
import os
import platform
import struct
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

NR_USERFAULTFD = {"x86_64": 323, "aarch64": 282, "riscv64": 282}
DEVICE = "/dev/userfaultfd"

UFFD_API = 0xAA
UFFD_USER_MODE_ONLY = 1
UFFD_FEATURE_MISSING_HUGETLBFS = 1 << 4
UFFDIO_REGISTER_MODE_MISSING = 1 << 0
UFFD_EVENT_PAGEFAULT = 0x12
UFFD_PAGEFAULT_FLAG_WRITE = 1 << 0

MESSAGE = struct.Struct("=BBHIQQI4x")
READ_MESSAGES = 64  # a read; more simply come with the next
AGAIN_LIMIT = 1000  # EAGAIN without progress: another thread changes the mapping right now
AGAIN_PAUSE_S = 0.001

_UFFDIO = 0xAA
_IOC_READ, _IOC_WRITE = 2, 1


class UffdioRange(ctypes.Structure):
    """``struct uffdio_range``."""

    _fields_ = (("start", ctypes.c_uint64), ("len", ctypes.c_uint64))


class UffdioApi(ctypes.Structure):
    """``struct uffdio_api``."""

    _fields_ = (
        ("api", ctypes.c_uint64),
        ("features", ctypes.c_uint64),
        ("ioctls", ctypes.c_uint64),
    )


class UffdioRegister(ctypes.Structure):
    """``struct uffdio_register``."""

    _fields_ = (
        ("range", UffdioRange),
        ("mode", ctypes.c_uint64),
        ("ioctls", ctypes.c_uint64),
    )


class UffdioCopy(ctypes.Structure):
    """``struct uffdio_copy``; ``copy`` is the answer: bytes copied, or a negative errno."""

    _fields_ = (
        ("dst", ctypes.c_uint64),
        ("src", ctypes.c_uint64),
        ("len", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("copy", ctypes.c_int64),
    )


def _ioc(direction: int, number: int, size: int) -> int:
    """``_IOC`` of ``asm-generic/ioctl.h``."""
    return direction << 30 | size << 16 | _UFFDIO << 8 | number


UFFDIO_API = _ioc(_IOC_READ | _IOC_WRITE, 0x3F, ctypes.sizeof(UffdioApi))
UFFDIO_REGISTER = _ioc(_IOC_READ | _IOC_WRITE, 0x00, ctypes.sizeof(UffdioRegister))
UFFDIO_UNREGISTER = _ioc(_IOC_READ, 0x01, ctypes.sizeof(UffdioRange))
UFFDIO_WAKE = _ioc(_IOC_READ, 0x02, ctypes.sizeof(UffdioRange))
UFFDIO_COPY = _ioc(_IOC_READ | _IOC_WRITE, 0x03, ctypes.sizeof(UffdioCopy))
USERFAULTFD_IOC_NEW = _ioc(0, 0x00, 0)

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ioctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p)
_libc.syscall.restype = ctypes.c_long


@dataclass(frozen=True)
class PageFault:
    """One fault that waits for its page. ``thread_id`` is 0 unless THREAD_ID was asked for."""

    address: int
    flags: int
    thread_id: int

    @property
    def write(self) -> bool:
        """Whether the access was a write."""
        return bool(self.flags & UFFD_PAGEFAULT_FLAG_WRITE)


@dataclass(frozen=True)
class Copied:
    """How far a copy came. ``met_present``: it stopped at a page that was there already."""

    size_bytes: int
    met_present: bool


def parse_page_faults(data: bytes) -> list[PageFault]:
    """The page faults in what a read of a userfaultfd gave, in order.

    Raises ValueError for a torn message or an event other than a page fault: none was asked for.
    """
    if len(data) % MESSAGE.size:
        raise ValueError(
            f"userfaultfd: {len(data)} bytes are not whole messages of {MESSAGE.size} bytes"
        )
    faults = []
    for event, _, _, _, flags, address, thread_id in MESSAGE.iter_unpack(data):
        if event != UFFD_EVENT_PAGEFAULT:
            raise ValueError(f"userfaultfd: event {event:#x} is not a page fault (0x12)")
        faults.append(PageFault(address, flags, thread_id))
    return faults


def open_userfaultfd(*, user_mode_only: bool = False) -> int:
    """A new userfaultfd: close-on-exec, and non-blocking, without which poll(2) refuses it.

    Tries the system call, then ``/dev/userfaultfd``. With ``user_mode_only`` no privilege is
    needed, and a fault taken inside the kernel (a read(2) into the range) fails instead of
    waiting. Raises OSError, PermissionError where neither way is open.
    """
    flags = os.O_CLOEXEC | os.O_NONBLOCK
    number = NR_USERFAULTFD.get(platform.machine())
    error = errno.ENOSYS
    if number is not None:
        wanted = flags | (UFFD_USER_MODE_ONLY if user_mode_only else 0)
        descriptor = int(_libc.syscall(ctypes.c_long(number), ctypes.c_long(wanted)))
        if descriptor >= 0:
            return descriptor
        error = ctypes.get_errno()
    try:
        device = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        raise OSError(error, f"userfaultfd: {os.strerror(error)}") from None
    try:
        descriptor = int(_libc.ioctl(device, USERFAULTFD_IOC_NEW, flags))
        if descriptor < 0:
            error = ctypes.get_errno()
            raise OSError(error, f"{DEVICE}: {os.strerror(error)}")
        return descriptor
    finally:
        os.close(device)


class Userfaultfd:
    """Operations on a userfaultfd, own or received from the process whose memory it watches."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def open(cls, *, user_mode_only: bool = False) -> Self:
        """Open a new one (see :func:`open_userfaultfd`) for this process's memory."""
        return cls(open_userfaultfd(user_mode_only=user_mode_only))

    def fileno(self) -> int:
        """The descriptor, for poll and for sending."""
        return self.descriptor

    def close(self) -> None:
        """Close this descriptor. The last one of all to close wakes every waiting fault."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def handshake(self, features: int = 0) -> int:
        """UFFDIO_API, once, before anything else; the features this kernel has.

        Raises OSError (EINVAL) where one of those asked for is missing.
        """
        api = UffdioApi(api=UFFD_API, features=features)
        self._ioctl("UFFDIO_API", UFFDIO_API, api)
        return int(api.features)

    def register_missing(self, start_va: int, size_bytes: int) -> None:
        """Have faults on absent pages of the range wait for us; both aligned to the page size."""
        register = UffdioRegister(
            range=UffdioRange(start=start_va, len=size_bytes), mode=UFFDIO_REGISTER_MODE_MISSING
        )
        self._ioctl("UFFDIO_REGISTER", UFFDIO_REGISTER, register)

    def unregister(self, start_va: int, size_bytes: int) -> None:
        """Stop watching the range; faults that wait in it are woken."""
        self._ioctl("UFFDIO_UNREGISTER", UFFDIO_UNREGISTER, UffdioRange(start_va, size_bytes))

    def wake(self, start_va: int, size_bytes: int) -> None:
        """Wake the faults that wait in the range; they look again."""
        self._ioctl("UFFDIO_WAKE", UFFDIO_WAKE, UffdioRange(start_va, size_bytes))

    def copy(self, destination_va: int, source_va: int, size_bytes: int) -> Copied:
        """Put pages in place, filled from this process's memory, and wake who waits for them.

        A partial copy (EAGAIN) is carried on with. It ends at a page that is present already
        (EEXIST), which is not an error and wakes nobody. Raises OSError otherwise: ENOMEM where
        the pool has no page, ESRCH where the other process is gone.
        """
        done, idle = 0, 0
        while done < size_bytes:
            request = UffdioCopy(
                dst=destination_va + done, src=source_va + done, len=size_bytes - done
            )
            error = self._try_ioctl(UFFDIO_COPY, request)
            done += max(0, request.copy) if error in (0, errno.EAGAIN) else 0
            if error == errno.EEXIST:
                return Copied(done, met_present=True)
            if error == errno.EAGAIN:
                idle = 0 if request.copy > 0 else idle + 1
                if idle:
                    time.sleep(AGAIN_PAUSE_S)
            if (error and error != errno.EAGAIN) or idle > AGAIN_LIMIT:
                raise OSError(
                    error, f"UFFDIO_COPY to {destination_va + done:#x}: {os.strerror(error)}"
                )
        return Copied(done, met_present=False)

    def read_faults(self) -> list[PageFault]:
        """The faults that have come since the last read; empty if none, never waits."""
        try:
            data = os.read(self.descriptor, READ_MESSAGES * MESSAGE.size)
        except BlockingIOError:
            return []
        return parse_page_faults(data)

    def _try_ioctl(self, request: int, argument: ctypes.Structure) -> int:
        """The errno of an ioctl, 0 for success; ``argument`` holds the answer either way."""
        if _libc.ioctl(self.descriptor, request, ctypes.addressof(argument)) >= 0:
            return 0
        return ctypes.get_errno()

    def _ioctl(self, name: str, request: int, argument: ctypes.Structure) -> None:
        error = self._try_ioctl(request, argument)
        if error:
            raise OSError(error, f"{name}: {os.strerror(error)}")
