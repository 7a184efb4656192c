"""/proc/PID/fd: the links of a process' open descriptors, and the files behind them.

They take CAP_SYS_PTRACE: by our own, or an opener's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from hugescope_agent.kernel.root import Root

_OPEN_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Descriptors(Protocol):
    """Of one process."""

    def links(self) -> Iterator[tuple[str, str]]:
        """Number and text of each; OSError as it comes."""

    def status(self, fd: str, text: str) -> os.stat_result | None:
        """Of the file behind a link that reads `text`; None: it is closed, or not to be had."""


@contextmanager
def descriptors(root: Root, pid: int) -> Iterator[Descriptors]:
    """The descriptors of a process; OSError as it comes."""
    name = f"proc/{pid}/fd"
    if root.asked is not None:
        yield _Asked(root, name)
        return
    # The descriptor stays with this process, should its pid be given to another.
    directory = os.open(f"{root.path}/{name}", _OPEN_DIRECTORY)
    try:
        yield _Own(directory)
    finally:
        os.close(directory)


def asked_status(root: Root, name: str) -> tuple[str, os.stat_result | None]:
    """Text and status of a link by the opener; OSError as it comes."""
    text, status = root.data("look", name)
    return text, None if status is None else _status(status)


class _Own:
    def __init__(self, directory: int) -> None:
        self._directory = directory

    def links(self) -> Iterator[tuple[str, str]]:
        directory, readlink = self._directory, os.readlink
        for fd in os.listdir(directory):
            try:
                text = readlink(fd, dir_fd=directory)
            except FileNotFoundError:
                continue
            yield fd, text

    def status(self, fd: str, text: str) -> os.stat_result | None:
        del text
        try:
            return os.stat(fd, dir_fd=self._directory)
        except OSError:
            return None


class _Asked:
    def __init__(self, root: Root, name: str) -> None:
        self._root = root
        self._name = name

    def links(self) -> Iterator[tuple[str, str]]:
        found: dict[str, str] = self._root.data("links", self._name)
        return iter(found.items())

    def status(self, fd: str, text: str) -> os.stat_result | None:
        # Asked by name again: the number, and even the pid, may be another's by now.
        try:
            now, status = asked_status(self._root, f"{self._name}/{fd}")
        except OSError:
            return None
        return status if now == text else None


def _status(values: list[int]) -> os.stat_result:
    *ten, block_bytes, blocks = values
    return os.stat_result(tuple(ten), {"st_blksize": block_bytes, "st_blocks": blocks})
