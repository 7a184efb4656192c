"""/sys/kernel/mm/hugepages and its twins under each NUMA node: the counters of the hugetlb pools.

Counters are signed here whatever the kernel prints: resv_hugepages is known to underflow.
"""

from __future__ import annotations

import os
import re
from typing import Final

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.decimals import decimal
from hugescope_agent.kernel.root import Root
from hugescope_wire.snapshot import Pool

_HOST: Final = "sys/kernel/mm/hugepages"
_NODES: Final = "sys/devices/system/node"
_SIZE: Final = re.compile(r"hugepages-([0-9]{1,15})kB")
_NODE: Final = re.compile(r"node([0-9]{1,9})")
_FILES: Final = ("nr_hugepages", "free_hugepages", "resv_hugepages", "surplus_hugepages")
_COUNTER_BYTES: Final = 32
_SIGN: Final = 1 << 63


class PoolFiles:
    """The counters of all pools, kept open: reading them again costs a pread each."""

    def __init__(self, root: Root) -> None:
        self._pools: list[tuple[int, int | None, list[tuple[str, int | None]]]] = []
        directories = [(_HOST, None)] + [
            (f"{_NODES}/{name}/hugepages", int(match[1]))
            for name in sorted(root.names(_NODES))
            if (match := _NODE.fullmatch(name))
        ]
        for directory, node in sorted(directories, key=lambda d: -1 if d[1] is None else d[1]):
            for name in root.names(directory):
                if match := _SIZE.fullmatch(name):
                    files = [(path, _open(root, path)) for path in _paths(directory, name)]
                    self._pools.append((int(match[1]) * 1024, node, files))
        self._pools.sort(key=lambda pool: (pool[0], -1 if pool[1] is None else pool[1]))
        self._fds = [fd for pool in self._pools for _, fd in pool[2]]

    def close(self) -> None:
        """Close all descriptors."""
        for fd in self._fds:
            if fd is not None:
                os.close(fd)

    @property
    def page_sizes(self) -> list[int]:
        """Bytes of each huge page size that the kernel has, rising."""
        return sorted({size for size, _, _ in self._pools if size & (size - 1) == 0 < size})

    def raw(self) -> list[bytes | None]:
        """Every counter as printed: two looks compare without parsing."""
        return [_read(fd) for fd in self._fds]

    def parse(self, raw: list[bytes | None]) -> list[Pool]:
        """The pools, by size, the host's before the nodes'.

        Raises:
            BadCapture: a counter is no number; names the file.
        """
        values = iter(raw)
        pools = []
        for size, node, files in self._pools:
            total, free, reserved, surplus = (_counter(next(values), path) for path, _ in files)
            pools.append(
                Pool(
                    page_size=size,
                    node=node,
                    total=total,
                    free=free,
                    reserved=reserved,
                    surplus=surplus,
                )
            )
        return pools


def overcommit(root: Root, page_size: int) -> int | None:
    """nr_overcommit_hugepages: surplus pages that the pool of a size may take; None: not there.

    Raises:
        BadCapture: it is no number.
    """
    path = f"{_HOST}/hugepages-{page_size // 1024}kB/nr_overcommit_hugepages"
    text = root.read_text(path)
    return None if text is None else _counter(text.encode(), path)


def _paths(directory: str, name: str) -> list[str]:
    return [f"{directory}/{name}/{file}" for file in _FILES]


def _open(root: Root, path: str) -> int | None:
    """A descriptor that can be read; None where there is no such counter, or not for us."""
    try:
        fd = root.open(path)
    except (FileNotFoundError, PermissionError):
        return None
    except OSError as error:
        raise BadCapture(f"{path}: {error.strerror}") from None
    try:
        os.pread(fd, _COUNTER_BYTES, 0)
    except OSError as error:
        os.close(fd)
        raise BadCapture(f"{path}: {error.strerror}") from None
    return fd


def _read(fd: int | None) -> bytes | None:
    """None too for a counter of a node that was taken away."""
    try:
        return None if fd is None else os.pread(fd, _COUNTER_BYTES, 0)
    except OSError:
        return None


def _counter(raw: bytes | None, path: str) -> int | None:
    if raw is None:
        return None
    text = raw.strip()
    value = decimal(text)
    if value is None:
        raise BadCapture(f"{path}: {text[:40]!r} is no counter")
    return value - 2 * _SIGN if value >= _SIGN else value
