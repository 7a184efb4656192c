"""Asking an opener for what takes privileges; see `privileged.py` for what travels."""

from __future__ import annotations

import errno
import itertools
import json
import os
import socket
import threading
import time
from typing import Any, Final, TypeAlias

from hugescope_agent.kernel import privileged

ANSWER_WITHIN_S: Final = 10.0
_AGAIN_AFTER_S: Final = 1.0
"""Between two tries to connect: a scan asks thousands of times a second."""

Json: TypeAlias = Any
"""What JSON may hold: an opener is believed to keep to privileged.py."""

_NUMBERS: Final = 1 << 32
_READ_BYTES: Final = 1 << 16


class AskedOpener:
    """An opener at the other end of a socket; for several threads, one request at a time.

    Where it is away, everything that takes privileges is refused with EACCES, as without any: what
    is open stays open, and nothing is read with lesser rights in its place. It is looked for again
    once a second.
    """

    def __init__(self, place: str | socket.socket) -> None:
        """`place` is the path of its socket, or a connection to it, which is not made again."""
        self._path = place if isinstance(place, str) else None
        self._connection = place if isinstance(place, socket.socket) else None
        if self._connection is not None:
            self._connection.settimeout(ANSWER_WITHIN_S)
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._next_try_s = 0.0

    def close(self) -> None:
        """Let go of it."""
        with self._lock:
            self._let_go()

    def open(self, name: str) -> int:
        """A descriptor for reading a listed file; OSError as it came."""
        return self._ask("open", name)

    def faults(self, tid: int) -> int:
        """A descriptor of a thread's page faults from now on; OSError as it came."""
        return self._ask("faults", f"proc/{tid}")

    def data(self, verb: str, name: str) -> Json:
        """What any other verb tells; OSError as it came."""
        fd = self._ask(verb, name)
        chunks = []
        try:
            while chunk := os.read(fd, _READ_BYTES):
                chunks.append(chunk)
        finally:
            os.close(fd)
        return json.loads(b"".join(chunks))

    def _ask(self, verb: str, name: str) -> int:
        request = os.fsencode(f"{verb} {name}")
        if len(request) + privileged.REQUEST.size > privileged.MAX_REQUEST_BYTES:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        with self._lock:
            try:
                connection = self._connected()
                number = next(self._numbers) % _NUMBERS
                connection.send(privileged.REQUEST.pack(number) + request)
                return self._answer(connection, number)
            except _Refused as refused:
                raise OSError(refused.number, os.strerror(refused.number)) from None
            except OSError as error:
                self._let_go()
                why = f"the opener does not answer: {error.strerror or error}"
                raise PermissionError(errno.EACCES, why) from None

    def _answer(self, connection: socket.socket, number: int) -> int:
        """The descriptor of this very answer; those of others, given up earlier, are closed."""
        while True:
            data, fds, _, _ = socket.recv_fds(connection, privileged.ANSWER.size, 1)
            if len(data) != privileged.ANSWER.size:
                raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
            answered, error = privileged.ANSWER.unpack(data)
            if answered != number:
                for fd in fds:
                    os.close(fd)
            elif error or len(fds) != 1:
                raise _Refused(error or errno.EMFILE)
            else:
                return fds[0]

    def _connected(self) -> socket.socket:
        if self._connection is not None:
            return self._connection
        now_s = time.monotonic()
        if self._path is None or now_s < self._next_try_s:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        self._next_try_s = now_s + _AGAIN_AFTER_S
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.settimeout(ANSWER_WITHIN_S)
            connection.connect(self._path)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Refused(Exception):
    """The opener's own word, as an errno."""

    def __init__(self, number: int) -> None:
        self.number = number
