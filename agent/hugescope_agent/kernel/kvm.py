"""KVM's own page tables (stage 2, EPT, NPT): how many pages of each size they map, by VM.

/sys/kernel/debug/kvm/PID-FD/pages_{4k,2m,1g}, of the process that made the VM and its descriptor
then. A 1 GiB hugetlb page behind a guest may still be mapped to it by 4 KiB.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.decimals import decimal
from hugescope_agent.kernel.process import comm
from hugescope_agent.kernel.root import Root
from hugescope_wire.report import Stage2

_DEBUG: Final = "sys/kernel/debug"
_VMS: Final = f"{_DEBUG}/kvm"
_VM: Final = re.compile(r"([1-9][0-9]{0,9})-([0-9]{1,10})")
_MODULE: Final = "sys/module/kvm"


@dataclass(frozen=True, slots=True)
class Stage2Look:
    """The VMs found; `reason` says why there may be more, None where there are none more."""

    vms: list[Stage2] = field(default_factory=list)
    reason: str | None = None


def stage2(root: Root) -> Stage2Look:
    """The VMs of a host, by process and descriptor.

    Raises:
        BadCapture: a counter is no number; names the file.
    """
    names = root.names(_VMS)
    found = sorted((int(m[1]), int(m[2])) for m in map(_VM.fullmatch, names) if m)
    vms = [
        Stage2(
            pid=pid,
            comm=comm(root, pid),
            vm_fd=vm_fd,
            pages_4k=_count(root, pid, vm_fd, "pages_4k"),
            pages_2m=_count(root, pid, vm_fd, "pages_2m"),
            pages_1g=_count(root, pid, vm_fd, "pages_1g"),
        )
        for pid, vm_fd in found
    ]
    hidden = not names and bool(root.names(_MODULE))
    reason = f"{_VMS} is not there for us: mount debugfs, and read it as root"
    return Stage2Look(vms, reason if hidden else None)


def _count(root: Root, pid: int, vm_fd: int, counter: str) -> int | None:
    name = f"{_VMS}/{pid}-{vm_fd}/{counter}"
    text = root.read_text(name)
    if text is None:
        return None
    count = decimal(text)
    if count is None:
        raise BadCapture(f"{name}: {text[:40]!r} is no counter")
    return count
