"""The opener: holds the capabilities that looking takes, and does nothing else.

It answers the closed list of `kernel/privileged.py` to readers of one user, each on a connection of
its own. It has no network, writes nothing, opens nothing for writing, and follows no symbolic link
on its way to a kernel file. Run as `python -m hugescope_agent.opener`: it imports the standard
library and a few small modules, no more.

A file's contents are seen with the rights of who opened it. So are page frame numbers in pagemap.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import json
import logging
import os
import socket
import stat
import struct
import sys
import threading
from contextlib import suppress
from dataclasses import astuple, dataclass
from typing import Any, Final

from hugescope_agent import privileges
from hugescope_agent.errors import AgentError
from hugescope_agent.kernel import hugetlbfs, perf_event, privileged

log = logging.getLogger(__name__)

KEPT: Final = ("SYS_ADMIN", "DAC_READ_SEARCH", "SYS_PTRACE", "PERFMON", "CHECKPOINT_RESTORE")
MAX_READERS: Final = 8
TAKE_WITHIN_S: Final = 5
"""A reader that does not take its answers is let go."""

_OPENAT2: Final = 437
_RESOLVE: Final = 0x02 | 0x04 | 0x08
"""RESOLVE_NO_MAGICLINKS, NO_SYMLINKS and BENEATH."""

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
_HOW: Final = struct.pack("=QQQ", _FLAGS, 0, _RESOLVE)
_COPY_BYTES: Final = 1 << 20
_FEW_ANSWERS_BYTES: Final = 4096
_CREDENTIALS: Final = struct.Struct("3i")
_FIRST_PASSED: Final = 3

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


@dataclass(frozen=True, slots=True)
class Opener:
    """Answers requests about the files below one root, of which `top` is a descriptor."""

    path: str
    top: int

    @classmethod
    def at(cls, path: str) -> Opener:
        """Open the root; OSError as it comes."""
        base = os.path.abspath(path).rstrip("/")
        return cls(base, os.open(base or "/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))

    def answer(self, request: bytes) -> int:
        """A descriptor for what VERB NAME asks; OSError as it comes, EPERM off the list."""
        verb, _, name = os.fsdecode(request).partition(" ")
        if not privileged.is_listed(verb, name):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        if verb == "open":
            fd = self._open(name)
            return _copied(fd) if privileged.is_copied(name) else fd
        if verb == "faults":
            return perf_event.open_event(int(name.removeprefix("proc/")))
        found: Any = getattr(self, f"_{verb}")(name)
        return _in_memory(json.dumps(found).encode("ascii"))

    def _open(self, name: str, more: int = 0) -> int:
        """Beneath the root, through no link of any kind."""
        how = struct.pack("=QQQ", _FLAGS | more, 0, _RESOLVE) if more else _HOW
        path = os.fsencode(name)
        fd = int(_libc.syscall(_OPENAT2, self.top, path, how, len(how)))
        if fd >= 0:
            return fd
        error = ctypes.get_errno()
        if error != errno.ENOSYS:
            raise OSError(error, os.strerror(error))
        # Before Linux 5.6. The listed names of proc have no link before their last part.
        return os.open(path, _FLAGS | more, dir_fd=self.top)

    def _names(self, name: str) -> list[str]:
        fd = self._open(name, os.O_DIRECTORY)
        try:
            return os.listdir(fd)
        finally:
            os.close(fd)

    def _links(self, name: str) -> dict[str, str]:
        # One descriptor for all: it stays with this process, should its pid be given to another.
        directory = self._open(name, os.O_DIRECTORY)
        found = {}
        try:
            for number in os.listdir(directory):
                with suppress(FileNotFoundError):
                    found[number] = os.readlink(number, dir_fd=directory)
        finally:
            os.close(directory)
        return found

    def _look(self, name: str) -> list[Any]:
        place = f"{self.path}/{name}"
        text = os.readlink(place)
        try:
            status = os.stat(place)
        except OSError:
            return [text, None]
        return [text, [*map(int, status[:10]), status.st_blksize, status.st_blocks]]

    def _walk(self, name: str) -> list[Any] | None:
        """Only what the process' own mountinfo says is a hugetlbfs, at that very point."""
        process, _, point = name.removeprefix("proc/").partition("/root")
        fd = self._open(f"proc/{process}/mountinfo")
        with os.fdopen(fd, "rb") as file:
            text = os.fsdecode(file.read())
        for mount in hugetlbfs.mounts(text, f"proc/{process}/root"):
            if mount.point == point:
                found = hugetlbfs.files_at(f"{self.path}/{name}", mount)
                if found is not None:
                    return [mount.device, [[astuple(file) for file in found.files], found.cut]]
        return None


def serve(listening: socket.socket, opener: Opener, uid: int) -> None:
    """Answer readers of this user, each in a thread of its own, until the socket is closed."""
    room = threading.BoundedSemaphore(MAX_READERS)
    while True:
        try:
            reader, _ = listening.accept()
        except OSError:
            return
        peer = peer_uid(reader)
        if peer != uid or not room.acquire(blocking=False):
            log.warning("refused a reader of uid %d", peer)
            reader.close()
            continue

        def talk(reader: socket.socket = reader) -> None:
            try:
                converse(reader, opener)
            finally:
                room.release()

        threading.Thread(target=talk, name="reader", daemon=True).start()


def converse(reader: socket.socket, opener: Opener) -> None:
    """Answer one reader until it leaves, or says what is no request."""
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", TAKE_WITHIN_S, 0))
    # A few answers under way at most: each may hold memory, and counts against nobody's limit.
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _FEW_ANSWERS_BYTES)
    with reader, suppress(OSError):
        while True:
            data, _, flags, _ = reader.recvmsg(privileged.MAX_REQUEST_BYTES)
            if flags & socket.MSG_TRUNC or len(data) <= privileged.REQUEST.size:
                return
            (number,) = privileged.REQUEST.unpack_from(data)
            try:
                fd = opener.answer(data[privileged.REQUEST.size :])
            except (OSError, ValueError) as error:
                why = error.errno if isinstance(error, OSError) else None
                reader.send(privileged.ANSWER.pack(number, why or errno.EINVAL))
                continue
            try:
                socket.send_fds(reader, [privileged.ANSWER.pack(number, 0)], [fd])
            finally:
                os.close(fd)


def peer_uid(connection: socket.socket) -> int:
    """Who is at the other end, by SO_PEERCRED."""
    size = _CREDENTIALS.size
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return int(_CREDENTIALS.unpack(raw)[1])


def bound(path: str, uid: int, gid: int) -> socket.socket:
    """A listening socket at `path` that only this user can connect to; OSError as it comes.

    A socket that is there and that nobody listens on is replaced; anything else is left alone.
    """
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.lstat(path).st_mode) and not _answers(path):
            os.unlink(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    before = os.umask(0o177)
    try:
        listening.bind(path)
        if (uid, gid) != (os.geteuid(), os.getegid()):
            os.chown(path, uid, gid, follow_symlinks=False)
        listening.listen(MAX_READERS)
    except BaseException:
        listening.close()
        raise
    finally:
        os.umask(before)
    return listening


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        try:
            probe.connect(path)
        except (ConnectionRefusedError, PermissionError):
            # One that is kept from us is none that we run; it was left by an opener of before.
            return False
        return True


def passed_by_systemd() -> int | None:
    """The descriptor of a socket unit (sd_listen_fds(3)); None where there is none."""
    ours = os.environ.get("LISTEN_PID") == str(os.getpid())
    return _FIRST_PASSED if ours and os.environ.get("LISTEN_FDS") == "1" else None


def _copied(fd: int) -> int:
    with os.fdopen(fd, "rb", buffering=0) as file:
        return _in_memory(file.read(_COPY_BYTES) or b"")


def _in_memory(data: bytes) -> int:
    """A descriptor at the beginning of a file that holds this, for reading only."""
    writable = os.memfd_create("hugescope-answer", os.MFD_CLOEXEC)
    with os.fdopen(writable, "wb") as file:
        file.write(data)
        file.flush()
        return os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY | os.O_CLOEXEC)


def main(arguments: list[str]) -> None:
    """Take the socket, give up all but what looking takes, answer."""
    parser = argparse.ArgumentParser(prog="hugescope opener", description=__doc__)
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--socket", help="listen at this path")
    place.add_argument("--fd", type=int, help="an inherited socket: listening, or of one reader")
    parser.add_argument("--reader", default=str(os.geteuid()), help="answer this user only")
    parser.add_argument("--user", help="run as this user, with capabilities for looking only")
    parser.add_argument("--root", default="/", help="the host's root, in a container")
    given = parser.parse_args(arguments)
    uid, gid = privileges.user_id(given.reader)
    opener = Opener.at(given.root)
    number = given.fd if given.socket is None else None
    if given.socket is None and number is None and (number := passed_by_systemd()) is None:
        parser.error("needs --socket PATH, --fd NUMBER, or a socket unit of systemd")
    ours = bound(given.socket, uid, gid) if number is None else socket.socket(fileno=number)
    if not privileges.leave_network():
        log.warning("keeps the network of its surroundings: it takes CAP_SYS_ADMIN to leave it")
    if given.user is None:
        privileges.keep_only(KEPT)
    else:
        privileges.become(*privileges.user_id(given.user), KEPT)
    if ours.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        serve(ours, opener, uid)
    else:
        converse(ours, opener)


if __name__ == "__main__":
    logging.basicConfig(format="hugescope opener: %(message)s")
    try:
        main(sys.argv[1:])
    except (OSError, AgentError) as failed:
        sys.exit(f"hugescope opener: {failed}")
    except KeyboardInterrupt:
        sys.exit(130)
