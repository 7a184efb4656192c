"""What a reader may see, from nothing to everything: each tier is tried, on other users' processes,
and never told from a version or a capability set.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from hugescope_agent.kernel.descriptors import asked_status, descriptors
from hugescope_agent.kernel.kpage import KpageFiles
from hugescope_agent.kernel.pagemap import ENTRY_BYTES
from hugescope_agent.kernel.process import is_kernel_thread
from hugescope_agent.kernel.root import Root


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier.

    Attributes:
        takes: capabilities, beside those of the tiers above it.
        gives: what is seen with it, that the tiers above do not show.
        without: what is unknown then.
        held: None where there is nothing to try it on.
        tried: on what.
    """

    name: str
    takes: str
    gives: str
    without: str
    held: bool | None
    tried: str


@dataclass(frozen=True, slots=True)
class _Told:
    takes: str
    gives: str
    without: str


_TOLD: Final = {
    "counters": _Told(
        "nothing",
        "pools, counters, control groups; own processes, without PFNs",
        "there is nothing to show",
    ),
    "maps": _Told(
        "CAP_PERFMON (older kernels: CAP_SYS_PTRACE)",
        "where processes of others map huge pages; to show their cells takes the next row too",
        "processes of others are counted and not shown",
    ),
    "page tables": _Told(
        "CAP_DAC_READ_SEARCH",
        "the state of each of their pages; flags and counts of physical pages",
        "cells of others are unknown: their processes are counted and not shown",
    ),
    "frames": _Told(
        "CAP_SYS_ADMIN",
        "page frame numbers: node, mapcount, who maps the same page",
        "node and mapcount of every page are unknown",
    ),
    "descriptors": _Told(
        "CAP_SYS_PTRACE",
        "who keeps huge pages by an open descriptor; userfaultfd; mounts of containers",
        "pages kept without a page table may look like nobody's",
    ),
    "mapped files": _Told(
        "CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN",
        "pages of files that have neither a name nor a descriptor left",
        "such pages are unattributed",
    ),
}


def tiers(root: Root, *, pfn: bool) -> list[Tier]:
    """Every tier of a running kernel, the least first; `pfn`: frame numbers were seen to be shown.

    Opens files of every process of other users (of root's: of all), and closes them again.
    """
    others = list(_others(root))
    return [
        _tier("counters", True, "pools and own processes"),
        _reach("maps", others, lambda pid: _file(root, f"proc/{pid}/maps")),
        _page_tables(root, others),
        _tier("frames", pfn, "an own page"),
        _reach("descriptors", others, lambda pid: _descriptors(root, pid)),
        _tier("mapped files", _mapped_file(root), "an own mapping"),
    ]


def _tier(name: str, held: bool | None, tried: str) -> Tier:
    told = _TOLD[name]
    return Tier(name, told.takes, told.gives, told.without, held, tried)


def _others(root: Root) -> Iterable[int]:
    """Processes with a memory of their own that need privileges to be looked at."""
    own, own_pid = os.geteuid(), root.own_pid()
    all_count = own == 0
    for pid in root.pids():
        try:
            owner = os.stat(f"{root.path}/proc/{pid}").st_uid
        except OSError:
            continue
        foreign = (all_count or owner != own) and pid != own_pid
        if foreign and not is_kernel_thread(root, pid):
            yield pid


def _reach(name: str, pids: Iterable[int], look: Callable[[int], None]) -> Tier:
    seen = denied = 0
    for pid in pids:
        try:
            look(pid)
            seen += 1
        except PermissionError:
            denied += 1
        except OSError:
            continue
    if not seen + denied:
        return _tier(name, None, "there is no process of another user")
    return _tier(name, seen > 0, f"{seen} of {seen + denied} processes")


def _page_tables(root: Root, pids: Iterable[int]) -> Tier:
    found = _reach("page tables", pids, lambda pid: _file(root, f"proc/{pid}/pagemap"))
    try:
        KpageFiles(root).close()
    except OSError as error:
        why = f"{found.tried}; kpageflags, kpagecount: {error.strerror}"
        return _tier("page tables", False, why)
    return found


def _file(root: Root, name: str) -> None:
    """Anybody may open those of a process that has left its memory already; they are empty."""
    fd = root.open(name)
    try:
        if not os.read(fd, ENTRY_BYTES):
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
    finally:
        os.close(fd)


def _descriptors(root: Root, pid: int) -> None:
    with descriptors(root, pid) as held:
        for fd, _ in held.links():
            # A list of links is given to some whom the links themselves are not.
            root.link(f"proc/{pid}/fd/{fd}")
            return


def _mapped_file(root: Root) -> bool | None:
    """By the first of our own mappings that has a file."""
    own = root.own_pid()
    for line in root.read(f"proc/{own}/maps").decode("utf-8", "replace").splitlines():
        words = line.split(None, 5)
        if len(words) == 6 and words[5].startswith("/"):
            first, _, last = words[0].partition("-")
            name = f"proc/{own}/map_files/{first.lstrip('0')}-{last.lstrip('0')}"
            try:
                if root.asked is not None:
                    return asked_status(root, name)[1] is not None
                os.stat(f"{root.path}/{name}")
            except OSError:
                return False
            return True
    return None
