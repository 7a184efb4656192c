"""The file-system root that everything is read from: `/`, a container's `/host`, or a captured
tree.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from typing import Final

from hugescope_agent.errors import (
    BadRoot,
    ProcessDenied,
    ProcessError,
    ProcessGone,
    ProcessUnreadable,
)
from hugescope_wire.cells import PAGE_BYTES

_PID: Final = re.compile(r"[0-9]{1,10}")
_READ_BYTES: Final = 1 << 16
_GONE: Final = frozenset({errno.ENOENT, errno.ESRCH})
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM})


@dataclass(frozen=True, slots=True)
class Root:
    """Where proc and sys are read from.

    Attributes:
        path: absolute, without a trailing slash; "" for the machine itself.
        live: a running kernel answers there, so that ioctls work and files change. In a captured
            tree files have a size; procfs shows every file as empty.
    """

    path: str
    live: bool

    @classmethod
    def at(cls, path: str) -> Root:
        """Check that `path` holds a readable proc.

        Raises:
            BadRoot: naming what is missing.
        """
        if not path:
            raise BadRoot("the root to read from is an empty name")
        base = os.path.abspath(path).rstrip("/")
        try:
            entries = os.listdir(f"{base}/proc")
        except OSError as error:
            shown = path if os.path.isdir(path) is False else f"{base}/proc"
            raise BadRoot(f"root {path}: cannot read {shown}: {error.strerror}") from None
        known = [name for name in ("version", "meminfo") if name in entries]
        if not known and not any(map(_PID.fullmatch, entries)):
            raise BadRoot(f"root {path}: {base}/proc holds neither version nor any process")
        live = bool(known) and os.stat(f"{base}/proc/{known[0]}").st_size == 0
        if live and os.sysconf("SC_PAGE_SIZE") != PAGE_BYTES:
            size = os.sysconf("SC_PAGE_SIZE")
            raise BadRoot(f"root {path}: base pages of {size} bytes; only 4096 are known")
        return cls(base, live)

    def open(self, name: str) -> int:
        """A descriptor for reading `name`, such as "proc/kpagecount"; OSError as it comes.

        Never waits: a FIFO in a captured tree reads as empty.
        """
        return os.open(f"{self.path}/{name}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)

    def read(self, name: str) -> bytes:
        """The whole of `name`; OSError as it comes."""
        fd = self.open(name)
        try:
            return read_all(fd)
        finally:
            os.close(fd)

    def read_text(self, name: str) -> str | None:
        """The stripped text of a small file, None where there is none to be read."""
        try:
            return self.read(name).decode("utf-8", "replace").strip()
        except OSError:
            return None

    def names(self, directory: str) -> list[str]:
        """Entries of a directory, none where it is missing."""
        try:
            return os.listdir(f"{self.path}/{directory}")
        except OSError:
            return []

    def pids(self) -> list[int]:
        """Every process there, rising."""
        return sorted(map(int, filter(_PID.fullmatch, os.listdir(f"{self.path}/proc"))))

    def has_own_pids(self) -> bool:
        """Whether processes have the numbers here that they have for system calls of ours."""
        try:
            return self.live and os.readlink(f"{self.path}/proc/self") == str(os.getpid())
        except OSError:
            return False

    def process_error(self, error: OSError, name: str) -> ProcessError:
        """What an OSError from a process' file `name` means for the scan."""
        if error.errno in _GONE:
            # Nobody leaves a captured tree: what is missing there was never captured.
            return ProcessGone(f"{name}: the process left") if self.live else _missing(name)
        if error.errno in _DENIED:
            return ProcessDenied(f"{name}: {error.strerror}")
        return ProcessUnreadable(f"{name}: {error.strerror}")


def _missing(name: str) -> ProcessUnreadable:
    return ProcessUnreadable(f"{name}: is not in the captured tree")


def read_all(fd: int) -> bytes:
    """From the present offset to the end."""
    chunks = []
    while chunk := os.read(fd, _READ_BYTES):
        chunks.append(chunk)
    return b"".join(chunks)
