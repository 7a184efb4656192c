"""What a report is made from beside page tables: read once for each look, or seldom and kept.

Who keeps files open, which files stand in mounts, SysV segments and the pools' counters belong to
one moment and are read with every look. Policies, bad pages outside of the pools and what the boot
line asked for change seldom and cost more; they are kept from report to report.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from hugescope_agent.errors import ProcessError
from hugescope_agent.kernel import boot, hugetlbfs, memory_failure, namespaces, numa, sysvipc
from hugescope_agent.kernel.fds import FdScan, MappedFiles, mapped_files, scan_fds
from hugescope_agent.kernel.frames import BadPages, HugeFrames, poisoned_pfns, read_frames
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.mountinfo import Device
from hugescope_agent.kernel.namespaces import MountedFiles, MountView
from hugescope_agent.kernel.numa import NumaVma
from hugescope_agent.kernel.pools import overcommit
from hugescope_agent.kernel.process import parent_pid
from hugescope_agent.model.owned import MappingKey, OwnedMapping
from hugescope_agent.model.sharing import ProcessMappings
from hugescope_wire.account import ProcessRef
from hugescope_wire.report import BootPages

log = logging.getLogger(__name__)

_POLICY_EVERY_S: Final = 60.0
"""numa_maps walks every page table of its process; policies hardly ever change."""

_POLICY_DUTY: Final = 0.001
"""Most of the time that may go into numa_maps of one process."""

_NODES_TO_CHOOSE: Final = 2


@dataclass(frozen=True, slots=True)
class Holders:
    """What keeps huge pages without a page table, at one moment."""

    fds: FdScan
    mounts: MountView
    linked: MountedFiles
    mapped: MappedFiles
    segments: Sequence[sysvipc.Segment] | None
    internal: dict[int, Device]


@dataclass(slots=True)
class _Policies:
    """Of one process: what was read, for which mappings, and when it is due again."""

    starts: tuple[int, ...]
    due_s: float
    found: dict[int, NumaVma]


@dataclass(slots=True)
class Sources:
    """Reads a host's files for reports."""

    files: HostFiles
    boot: list[BootPages] = field(init=False)
    _internal: dict[int, Device] = field(init=False)
    _policies: dict[int, _Policies] = field(default_factory=dict)
    _outside: tuple[int, BadPages | None] | None = None

    def __post_init__(self) -> None:
        self.boot = boot.read(self.files.root)
        live = self.files.root.live
        sizes = self.files.pools.page_sizes
        self._internal = hugetlbfs.internal_by_size(sizes) if live else {}

    def holders(self, processes: Sequence[ProcessMappings]) -> Holders:
        """Everything that was seen to keep huge pages now."""
        root = self.files.root
        pids = root.pids()
        mounts = namespaces.survey(root, pids)
        devices = frozenset(self._internal.values()) | mounts.devices
        fds = scan_fds(root, pids, devices, mounts)
        linked = namespaces.walk_all(root, mounts)
        known = {one.file.key for one in fds.huge} | {file.key for file in linked.files}
        vmas = [(pid, one.vma) for pid, _, mappings in processes for one in mappings]
        mapped = mapped_files(root, vmas, known)
        return Holders(fds, mounts, linked, mapped, sysvipc.read(root), self._internal)

    def overcommit(self, page_size: int) -> int | None:
        """Surplus pages that the pool may take; None: not there."""
        return overcommit(self.files.root, page_size)

    def owned(self, processes: Sequence[ProcessMappings]) -> list[OwnedMapping]:
        """Every hugetlb mapping with its process; parents where a private mapping may be shared
        with one.
        """
        found = []
        for pid, comm, mappings in processes:
            private = any(not mapping.vma.shared for mapping in mappings)
            ppid = parent_pid(self.files.root, pid) if private else None
            process = ProcessRef(pid=pid, comm=comm)
            found += [OwnedMapping(process, mapping, ppid) for mapping in mappings]
        return found

    def policies(
        self, processes: Sequence[ProcessMappings], now_s: float
    ) -> dict[MappingKey, NumaVma]:
        """What numa_maps tells by mapping, read again when a mapping is new and once a minute.

        A running host with one node is spared: no policy can be broken there.
        """
        if self.files.root.live and len(np.unique(self.files.nodes.nodes)) < _NODES_TO_CHOOSE:
            return {}
        pids = {pid for pid, _, _ in processes}
        self._policies = {pid: kept for pid, kept in self._policies.items() if pid in pids}
        found = {}
        for pid, _, mappings in processes:
            starts = tuple(mapping.vma.start for mapping in mappings)
            kept = self._policies.get(pid)
            if kept is None or kept.starts != starts or now_s >= kept.due_s:
                end = max((mapping.vma.end for mapping in mappings), default=0)
                begin_s = time.thread_time()
                policies = self._read_policies(pid, end)
                pause_s = max(_POLICY_EVERY_S, (time.thread_time() - begin_s) / _POLICY_DUTY)
                kept = self._policies[pid] = _Policies(starts, now_s + pause_s, policies)
            for mapping in mappings:
                told = kept.found.get(mapping.vma.start)
                if told is not None:
                    found[(pid, mapping.vma.start)] = told
        return found

    def frames(self, corrupted_bytes: int | None) -> HugeFrames | None:
        """All huge pages of the machine; None too where no memory is bad, and nothing to find."""
        if corrupted_bytes == 0:
            return None
        found = read_frames(self.files.root, self.files.nodes, self.files.pools.page_sizes)
        bad = self.outside(corrupted_bytes)
        return found if found is None or bad is None else found.marked(bad.in_pools)

    def outside(self, corrupted_bytes: int | None) -> BadPages | None:
        """Bad pages of no pool; None where no memory is bad. Looked for again when more is."""
        if not corrupted_bytes:
            return None
        if self._outside is None or self._outside[0] != corrupted_bytes:
            found = poisoned_pfns(self.files.root, self.files.nodes)
            self._outside = (corrupted_bytes, found)
        return self._outside[1]

    def corrupted_bytes(self) -> int | None:
        """HardwareCorrupted of meminfo."""
        return memory_failure.hardware_corrupted_bytes(self.files.root)

    def shmem_bytes(self) -> int | None:
        """Shmem of meminfo."""
        return memory_failure.meminfo_bytes(self.files.root, "Shmem")

    def _read_policies(self, pid: int, end: int) -> dict[int, NumaVma]:
        try:
            return numa.policies(self.files.root, pid, end)
        except ProcessError as error:
            log.info("process %d: no policies: %s", pid, error)
            return {}
