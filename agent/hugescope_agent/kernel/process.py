"""One process: who it is, and its hugetlb mappings by the cheapest way that this kernel has."""

from __future__ import annotations

import os
import re
import time
from typing import Final

from hugescope_agent.errors import BadCapture, ProcessError
from hugescope_agent.kernel import hugetlbfs, maps, smaps
from hugescope_agent.kernel.maps import MapsLine
from hugescope_agent.kernel.mountinfo import Device
from hugescope_agent.kernel.root import Root, read_all
from hugescope_agent.kernel.smaps import SmapsVma
from hugescope_agent.kernel.upto import read_through
from hugescope_agent.kernel.vma import HugeVma

_START_TIME_FIELD: Final = 19
"""starttime of proc(5) stat, counted from the field after the closing parenthesis of comm."""

_FLAGS_FIELD: Final = 6
"""flags, counted likewise."""

_PF_KTHREAD: Final = 0x200000

_ASK_AGAIN_S: Final = 10.0
_PARENT: Final = re.compile(rb"^PPid:\s+(\d+)$", re.MULTILINE)
_THP_DISABLED: Final = re.compile(rb"^THP_enabled:\s+0$", re.MULTILINE)
_HUGETLB_PAGES: Final = re.compile(r"^HugetlbPages:\s+(\d+) kB$", re.MULTILINE)
_NUMBER: Final = re.compile(rb"[0-9]+")
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
    """Finds hugetlb VMAs: by PROCMAP_QUERY, or by device numbers and then smaps, or from a captured
    smaps.
    """

    def __init__(self, root: Root, *, procmap_query: bool, page_sizes: list[int]) -> None:
        self._root = root
        self._query = maps.VmaQuery() if procmap_query else None
        self._devices = frozenset[Device]()
        if root.live and not procmap_query:
            self._devices = hugetlbfs.internal(page_sizes)
        self._others: dict[Device, float] = {}
        self._known: dict[int, tuple[list[MapsLine], list[HugeVma]]] = {}

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
            return self._by_text(fd, pid)
        except ProcessError:
            self._known.pop(pid, None)
            raise
        except OSError as error:
            raise self._root.process_error(error, name) from None
        finally:
            os.close(fd)

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

    def _by_text(self, fd: int, pid: int) -> list[HugeVma]:
        lines = maps.parse(read_all(fd), f"proc/{pid}/maps")
        if not self._root.live:
            self._agree(pid, len(lines))
            return [entry.vma for entry in read_smaps(self._root, pid)]
        candidates = self._candidates(pid, lines)
        before, found = self._known.get(pid, ([], []))
        if candidates != before:
            found = [entry.vma for entry in read_smaps(self._root, pid)]
            self._known[pid] = (candidates, found)
        if not candidates:
            self._known.pop(pid, None)
        return found

    def _candidates(self, pid: int, lines: list[MapsLine]) -> list[MapsLine]:
        """VMAs that lie in a hugetlbfs.

        A device number not known yet is looked up among the mounts of the process itself, whose
        mount namespace may be its own; what is none is asked again after a while, for numbers are
        reused.
        """
        now_s = time.monotonic()
        devices = {line.device for line in lines if line.device[0] == 0 and line.inode}
        unknown = {
            device
            for device in devices - self._devices
            if now_s - self._others.get(device, -_ASK_AGAIN_S) >= _ASK_AGAIN_S
        }
        if unknown:
            self._devices |= hugetlbfs.mounted(self._root.read_text(f"proc/{pid}/mountinfo") or "")
            self._others |= dict.fromkeys(unknown - self._devices, now_s)
        return [line for line in lines if line.device in self._devices]

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
