"""One process: who it is, and its hugetlb mappings by the cheapest way that this kernel has."""

from __future__ import annotations

import os
import re
from typing import Final

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel import maps, smaps
from hugescope_agent.kernel.longwalks import LongWalks
from hugescope_agent.kernel.maps import MapsLine
from hugescope_agent.kernel.root import Root, read_all
from hugescope_agent.kernel.smaps import SmapsVma
from hugescope_agent.kernel.textwalks import TextQuery
from hugescope_agent.kernel.upto import read_through
from hugescope_agent.kernel.vma import HugeVma
from hugescope_wire.host import Limit

_START_TIME_FIELD: Final = 19
"""starttime of proc(5) stat, counted from the field after the closing parenthesis of comm."""

_FLAGS_FIELD: Final = 6
"""flags, counted likewise."""

_PF_KTHREAD: Final = 0x200000

_PARENT: Final = re.compile(rb"^PPid:\s+([0-9]{1,10})$", re.MULTILINE)
_THP_DISABLED: Final = re.compile(rb"^THP_enabled:\s+0$", re.MULTILINE)
_HUGETLB_PAGES: Final = re.compile(r"^HugetlbPages:\s+([0-9]{1,15}) kB$", re.MULTILINE)
_NUMBER: Final = re.compile(rb"[0-9]{1,20}")
_SMALL_BYTES: Final = 1 << 12
"""comm, stat and status are shorter, and the kernel writes each of them whole for one read."""


def comm(root: Root, pid: int) -> str | None:
    """The name of the process; None where it cannot be read."""
    text = _read_small(root, f"proc/{pid}/comm")
    return None if text is None else text.decode("utf-8", "replace").removesuffix("\n")


def start_ticks(root: Root, pid: int) -> int | None:
    """When it started, in clock ticks since boot: tells a reused pid. None in a captured tree."""
    text = _read_small(root, f"proc/{pid}/stat")
    if text is None:
        return None
    fields = text.rpartition(b")")[2].split(None, _START_TIME_FIELD + 1)
    ticks = fields[_START_TIME_FIELD] if len(fields) > _START_TIME_FIELD else b""
    return int(ticks) if _NUMBER.fullmatch(ticks) else None


def read_maps(root: Root, pid: int) -> list[MapsLine]:
    """All of its VMAs; errors as in `read_smaps`."""
    name = f"proc/{pid}/maps"
    try:
        return maps.parse(root.read(name), name)
    except OSError as error:
        raise root.process_error(error, name) from None


def read_other_smaps(root: Root, pid: int) -> list[SmapsVma]:
    """Its VMAs that are not hugetlb, as smaps tells of them; cost and errors as in `read_smaps`."""
    name = f"proc/{pid}/smaps"
    try:
        return smaps.parse_others(root.read(name), name)
    except OSError as error:
        raise root.process_error(error, name) from None


def parent_pid(root: Root, pid: int) -> int | None:
    """PPid of its status; None where that cannot be read."""
    match = _PARENT.search(_read_small(root, f"proc/{pid}/status") or b"")
    return int(match[1]) if match else None


def is_kernel_thread(root: Root, pid: int) -> bool:
    """Whether its stat has PF_KTHREAD (include/linux/sched.h): it has no files and no memory."""
    text = _read_small(root, f"proc/{pid}/stat") or b""
    fields = text.rpartition(b")")[2].split(None, _FLAGS_FIELD + 1)
    flags = fields[_FLAGS_FIELD] if len(fields) > _FLAGS_FIELD else b""
    return bool(_NUMBER.fullmatch(flags)) and bool(int(flags) & _PF_KTHREAD)


def thp_disabled(root: Root, pid: int) -> bool:
    """Whether it, or who started it, gave up transparent huge pages (prctl PR_SET_THP_DISABLE), by
    THP_enabled of its status; False where that cannot be read, as on Linux before 5.0.
    """
    return _THP_DISABLED.search(_read_small(root, f"proc/{pid}/status") or b"") is not None


def _read_small(root: Root, name: str) -> bytes | None:
    """A file of a few lines in one read; None where it cannot be read."""
    try:
        fd = root.open(name)
    except OSError:
        return None
    try:
        return os.read(fd, _SMALL_BYTES)
    except OSError:
        return None
    finally:
        os.close(fd)


def status_hugetlb_bytes(root: Root, pid: int) -> int | None:
    """HugetlbPages of its status; None where that is not there."""
    match = _HUGETLB_PAGES.search(root.read_text(f"proc/{pid}/status") or "")
    return int(match[1]) * 1024 if match else None


def read_smaps(root: Root, pid: int, up_to_va: int | None = None) -> list[SmapsVma]:
    """Its hugetlb VMAs as smaps tells of them: a walk of all its page tables.

    With `up_to_va`, the end of the last hugetlb VMA, the walk ends there: the kernel walks as far
    as is read, and what lies above, its libraries mostly, is left alone.

    Raises:
        ProcessError: by the kernel's answer.
        BadCapture: the file is not what the kernel writes.
    """
    name = f"proc/{pid}/smaps"
    try:
        fd = root.open(name)
    except OSError as error:
        raise root.process_error(error, name) from None
    try:
        text = read_all(fd) if up_to_va is None else read_through(fd, up_to_va)
    except OSError as error:
        raise root.process_error(error, name) from None
    finally:
        os.close(fd)
    return smaps.parse_huge(text, name)


class VmaFinder:
    """Finds hugetlb VMAs: by PROCMAP_QUERY, or by the devices of their files, or from a captured
    smaps.
    """

    def __init__(self, root: Root, *, procmap_query: bool, page_sizes: list[int]) -> None:
        self._root = root
        self._query = maps.VmaQuery() if procmap_query else None
        self._text = TextQuery(root, page_sizes) if root.live and not procmap_query else None
        query = self._query or self._text
        self._long = None if query is None else LongWalks(query)

    def vmas(self, pid: int) -> list[HugeVma]:
        """The hugetlb VMAs of a process, in address order.

        Raises:
            ProcessError: this process cannot be read; the scan goes on.
            BadCapture: a captured file is not what the kernel writes.
        """
        name = f"proc/{pid}/maps"
        try:
            fd = self._root.open(name)
        except OSError as error:
            raise self._root.process_error(error, name) from None
        try:
            if self._query is not None:
                return self._query.huge_vmas(fd)
            if self._text is not None:
                return self._text.huge_vmas(fd, pid)
            return self._captured(fd, pid)
        except OSError as error:
            raise self._root.process_error(error, name) from None
        finally:
            os.close(fd)

    def close(self) -> None:
        """Close what is open of walks that go on."""
        if self._long is not None:
            self._long.close()

    def limits(self) -> list[Limit]:
        """What looking through long processes part by part costs."""
        return [] if self._long is None else self._long.limits()

    def is_long(self, pid: int) -> bool:
        """Whether it has so many mappings that it is looked through part by part."""
        return self._long is not None and pid in self._long

    def next_turn(self) -> list[int]:
        """The process whose walk goes on in this tick, where there is one."""
        return [] if self._long is None else self._long.next_turn(self._lives)

    def _lives(self, pid: int) -> bool:
        return os.path.exists(f"{self._root.path}/proc/{pid}")

    def vmas_now(self, pid: int, *, part: bool) -> list[HugeVma] | None:
        """As `vmas`; None for a process that is looked through part by part and not to its end yet.
        Without `part` one that is not known to be long is looked through whole.
        """
        if self._long is None or not (part or pid in self._long):
            return self.vmas(pid)
        if not part:
            return None
        name = f"proc/{pid}/maps"
        try:
            return self._long.look(pid, lambda: self._root.open(name))
        except OSError as error:
            raise self._root.process_error(error, name) from None

    def stands(self, pid: int, vma: HugeVma) -> bool:
        """Whether this very VMA is still mapped; True where it cannot be asked cheaply."""
        if self._query is None:
            return True
        name = f"proc/{pid}/maps"
        try:
            fd = self._root.open(name)
        except OSError as error:
            raise self._root.process_error(error, name) from None
        try:
            return self._query.stands(fd, vma)
        except OSError as error:
            raise self._root.process_error(error, name) from None
        finally:
            os.close(fd)

    def _captured(self, fd: int, pid: int) -> list[HugeVma]:
        self._agree(pid, len(maps.parse(read_all(fd), f"proc/{pid}/maps")))
        return [entry.vma for entry in read_smaps(self._root, pid)]

    def _agree(self, pid: int, mappings: int) -> None:
        """A captured smaps that was cut between two entries shows only against maps."""
        name = f"proc/{pid}/smaps"
        try:
            entries = smaps.count(self._root.read(name))
        except OSError as error:
            raise self._root.process_error(error, name) from None
        if entries != mappings:
            raise BadCapture(
                f"{name}: tells of {entries} mappings, proc/{pid}/maps of {mappings}: one is cut"
            )
