"""What this kernel and these privileges give, by trying; what is missing, what that costs, how to
get it.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Final

import numpy as np

from hugescope_agent.errors import ProcessError
from hugescope_agent.kernel import captured_scan
from hugescope_agent.kernel.kpage import KpageFiles
from hugescope_agent.kernel.maps import procmap_query_works
from hugescope_agent.kernel.pagemap import PFN_MASK, Pagemap, pagemap_scan_works
from hugescope_agent.kernel.root import Root
from hugescope_wire.host import Limit
from hugescope_wire.snapshot import Capabilities

_NO_PFN: Final = Limit(
    capability="pfn",
    reason="pagemap shows page frame numbers only to an opener with CAP_SYS_ADMIN",
    cost="node and mapcount of every page are unknown; mappers are known for shared mappings only",
    remedy="run the agent as root, or grant CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH",
)
_NO_KPAGE: Final = Limit(
    capability="kpageflags",
    reason="/proc/kpageflags and /proc/kpagecount cannot be read",
    cost="mapcount of every page is unknown; poison is told from migration by duration only",
    remedy="run the agent as root, or grant CAP_DAC_READ_SEARCH",
)
_NO_SCAN: Final = Limit(
    capability="pagemap_scan",
    reason="no PAGEMAP_SCAN ioctl (Linux 6.7 has it)",
    cost="each look reads one entry a huge page; poisoned and migrating pages look like holes",
    remedy="run Linux 6.7 or newer",
)
_NO_QUERY: Final = Limit(
    capability="procmap_query",
    reason="no PROCMAP_QUERY ioctl (Linux 6.11 has it)",
    cost="finding mappings reads maps, and smaps of processes that seem to have hugetlb mappings",
    remedy="run Linux 6.11 or newer",
)


_INITIAL_PID_NAMESPACE: Final = "pid:[4026531836]"
"""PROC_PID_INIT_INO: the number of the host's own."""

_NOT_ALL: Final = Limit(
    capability="pid_namespace",
    reason="this is not the host's own PID namespace: processes outside of it cannot be seen",
    cost="what is mapped or open there is not known, and what seems to be nobody's may be theirs",
    remedy="run the agent in the host's PID namespace (docker run --pid=host, or a --root that "
    "shows the host's proc)",
)


def sees_all_processes(root: Root) -> bool:
    """Whether processes are seen of the whole host, and not of a PID namespace below it."""
    try:
        space = root.link("proc/self/ns/pid")
    except OSError:
        return True
    return not root.live or space == _INITIAL_PID_NAMESPACE


def denied_limit(count: int) -> Limit:
    """For processes whose page tables these privileges do not reach."""
    return Limit(
        capability="processes",
        reason=f"{count} {'process' if count == 1 else 'processes'} may not be read",
        cost="their mappings are not shown, and mappers counts those of the others only",
        # Root that is refused is root of another user namespace only, or lacks a capability.
        remedy=None if os.geteuid() == 0 else _NO_PFN.remedy,
    )


def probe(root: Root) -> Capabilities:
    """Try each on the agent itself. In a captured tree `pfn` and `hgm` show only after a look."""
    return Capabilities(
        pfn=_pfn_visible(root) if root.live else False,
        kpageflags=_kpage_readable(root),
        pagemap_scan=_works(root, "proc/self/pagemap", pagemap_scan_works)
        if root.live
        else captured_scan.is_there(root),
        procmap_query=root.live and _works(root, "proc/self/maps", procmap_query_works),
        hgm=False,
    )


def limits(capabilities: Capabilities, root: Root) -> list[Limit]:
    """What is missing of `capabilities`."""
    found = []
    if not capabilities.pfn:
        found.append(_NO_PFN)
    if not capabilities.kpageflags:
        found.append(_NO_KPAGE)
    if not capabilities.pagemap_scan:
        found.append(_NO_SCAN)
    if not capabilities.procmap_query:
        found.append(_NO_QUERY)
    if not sees_all_processes(root):
        found.append(_NOT_ALL)
    return found if root.live else [_of_capture(limit) for limit in found]


def _of_capture(limit: Limit) -> Limit:
    """The same of a captured tree, which no privilege of ours would change."""
    update = {"reason": f"not in a captured tree: {limit.reason}", "remedy": None}
    if limit.capability in ("pfn", "kpageflags"):
        update["remedy"] = "capture as root, with proc/kpagecount and proc/kpageflags"
    return limit.model_copy(update=update)


def _pfn_visible(root: Root) -> bool:
    # Without an opener the own proc shows the same, also in a container whose --root does not show
    # this process.
    place = Root("", live=True) if root.asked is None else root
    own_pid = os.getpid() if root.asked is None else root.own_pid()
    page = ctypes.create_string_buffer(b"touched", 2 * 4096)
    try:
        own = Pagemap(place, own_pid or 0)
    except ProcessError:
        return False
    try:
        word = own.words_at(np.array([ctypes.addressof(page)], np.int64))[0]
    finally:
        own.close()
    return bool(int(word) & PFN_MASK)


def _kpage_readable(root: Root) -> bool:
    try:
        KpageFiles(root).close()
    except OSError:
        return False
    return True


def _works(root: Root, name: str, probe_fd: Callable[[int], bool]) -> bool:
    try:
        fd = root.open(name)
    except OSError:
        return False
    try:
        return probe_fd(fd)
    finally:
        os.close(fd)
