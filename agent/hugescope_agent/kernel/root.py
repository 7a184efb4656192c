"""The file-system root that everything is read from: `/`, a container's `/host`, or a captured
tree.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass, field
from typing import Final

from hugescope_agent.errors import (
    BadRoot,
    ProcessDenied,
    ProcessError,
    ProcessGone,
    ProcessUnreadable,
)
from hugescope_agent.kernel import privileged
from hugescope_agent.kernel.asking import AskedOpener, Json
from hugescope_wire.cells import PAGE_BYTES

_PID: Final = re.compile(r"[0-9]{1,10}")
_OWN: Final = "proc/self/"
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
        asked: the opener of what takes privileges; None: all is opened here.
    """

    path: str
    live: bool
    asked: AskedOpener | None = field(default=None, repr=False)

    @classmethod
    def at(cls, path: str, asked: AskedOpener | None = None) -> Root:
        """Check that `path` holds a readable proc; a captured tree needs no opener.

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
        return cls(base, live, asked if live else None)

    def open(self, name: str) -> int:
        """A descriptor for reading `name`, such as "proc/kpagecount"; OSError as it comes.

        Never waits: a FIFO in a captured tree reads as empty.
        """
        if self.asked is not None:
            numbered = self._numbered(name)
            if privileged.is_listed("open", numbered):
                return self.asked.open(numbered)
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

    def link(self, name: str) -> str:
        """What a link such as "proc/1/ns/mnt" says; OSError as it comes."""
        if self.asked is not None:
            numbered = self._numbered(name)
            if privileged.is_listed("look", numbered):
                return str(self.asked.data("look", numbered)[0])
        return os.readlink(f"{self.path}/{name}")

    def data(self, verb: str, name: str) -> Json:
        """What the opener tells; OSError as it comes."""
        assert self.asked is not None
        return self.asked.data(verb, self._numbered(name))

    def names(self, directory: str) -> list[str]:
        """Entries of a directory, none where it is missing."""
        try:
            if self.asked is not None and privileged.is_listed("names", directory):
                return list(map(str, self.asked.data("names", directory)))
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

    def own_pid(self) -> int | None:
        """The number that this process has here; None where it is not to be seen."""
        try:
            own = os.readlink(f"{self.path}/proc/self")
        except OSError:
            return None
        return int(own) if _PID.fullmatch(own) else None

    def _numbered(self, name: str) -> str:
        """The opener has a proc/self of its own."""
        if not name.startswith(_OWN):
            return name
        own = self.own_pid()
        return name if own is None else f"proc/{own}/{name.removeprefix(_OWN)}"

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
