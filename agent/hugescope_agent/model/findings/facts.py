"""What findings are made from: one look at a host, joined and accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

from hugescope_agent.model.findings import words
from hugescope_agent.model.poolhistory import PoolEvent
from hugescope_wire.account import FileRef, PoolAccount, ProcessRef
from hugescope_wire.cells import Cells
from hugescope_wire.host import Limit, MappingInfo, ProcessInfo, Skipped, Source
from hugescope_wire.report import HostReport, MappingReport
from hugescope_wire.snapshot import Pool

FileKey = tuple[int, str, int, str | None]
"""What tells a file from others: page size, kind, inode, and the path where inodes may repeat."""


class NotHuge(Protocol):
    """A mapping that huge pages would fit and that has none."""

    @property
    def pid(self) -> int:
        """Of its process."""

    @property
    def comm(self) -> str | None:
        """The name of its process."""

    @property
    def start(self) -> int:
        """Its first address."""

    @property
    def end(self) -> int:
        """The address after its last."""

    @property
    def present_bytes(self) -> int:
        """Mapped by base pages."""

    @property
    def asked(self) -> bool | None:
        """By madvise (VmFlags hg); None where smaps could not be read."""

    @property
    def wanted(self) -> bool:
        """It asked, or this host gives huge pages to every mapping."""


class Place(NamedTuple):
    """A mapping and the process that it is in."""

    process: ProcessInfo
    info: MappingInfo


@dataclass(frozen=True)
class Facts:
    """One look at one host.

    Attributes:
        report: all but its `findings`, which are made from it.
        cells: by mapping id; a mapping of `processes` may lack.
        history: what the pools lost since the agent started (`PoolHistory.lost`); empty for a
            single look.
        not_huge: mappings that wanted huge pages and have none.
        available_bytes: of memory that a pool could still take; None: not known.
    """

    report: HostReport
    pools: Sequence[Pool] = ()
    processes: Sequence[ProcessInfo] = ()
    cells: Mapping[int, Cells] = field(default_factory=dict)
    limits: Sequence[Limit] = ()
    skipped: Skipped = field(default_factory=Skipped)
    source: Source = field(default_factory=lambda: Source(kind="live"))
    history: Sequence[PoolEvent] = ()
    not_huge: Sequence[NotHuge] = ()
    available_bytes: int | None = None

    @cached_property
    def places(self) -> dict[tuple[int, int], Place]:
        """Every mapping by process and start."""
        return {
            (process.pid, info.start): Place(process, info)
            for process in self.processes
            for info in process.mappings
        }

    @cached_property
    def reports(self) -> dict[tuple[int, int], MappingReport]:
        """What is known of each mapping beyond its cells, by process and start."""
        return {(mapping.pid, mapping.start): mapping for mapping in self.report.mappings}

    @cached_property
    def sharers(self) -> dict[FileKey, list[Place]]:
        """Shared mappings by their file."""
        found: dict[FileKey, list[Place]] = {}
        for place in self.places.values():
            what = file_of(place.info)
            if what is not None:
                found.setdefault(what, []).append(place)
        return found

    @cached_property
    def comms(self) -> dict[int, str | None]:
        """The name of each process that maps huge pages."""
        return {process.pid: process.comm for process in self.processes}

    @cached_property
    def _names(self) -> dict[int, str]:
        return {one.pid: one.name.name for one in self.processes if one.name is not None}

    @cached_property
    def accounts(self) -> dict[int, PoolAccount]:
        """The host's account of each page size."""
        return {a.page_size: a for a in self.report.accounts if a.node is None}

    @property
    def unread(self) -> int:
        """Processes that are there and could not be read: what they hold is not seen."""
        return self.skipped.denied + self.skipped.failed

    @property
    def all_seen(self) -> bool:
        """Whether every process of the host was seen and read."""
        hidden = any(limit.capability == "pid_namespace" for limit in self.limits)
        return not (hidden or self.unread)

    @property
    def nobody(self) -> str:
        """No process, as far as that is known."""
        if any(limit.capability == "pagemap" for limit in self.limits):
            return "no process whose page tables were captured"
        return "no process" if self.all_seen else "no process that could be read"

    def ref(self, pid: int) -> ProcessRef:
        """A process by number, with its name where it maps huge pages."""
        return ProcessRef(pid=pid, comm=self.comms.get(pid))

    def name(self, pid: int) -> str | None:
        """What people call a process that maps huge pages; None where that is not known."""
        return self._names.get(pid)

    def who(self, process: ProcessRef | int) -> str:
        """A process in words, by what people call it where that is known."""
        ref = self.ref(process) if isinstance(process, int) else process
        return words.process(ref, self.name(ref.pid))


def file_of(info: MappingInfo, *, private: bool = False) -> FileKey | None:
    """What tells the file of a shared mapping from others; None: no other mapping shows it.

    `private`: of a private mapping too, which shows the file's pages until it writes to them.
    """
    backing = info.backing
    shows = info.shared or (private and backing.kind != "anonymous")
    if not shows or backing.inode is None:
        return None
    # The kernel's own mounts name inodes apart; files of two mounts differ at least by path.
    name = backing.name if backing.kind in ("hugetlbfs", "file") else None
    return (info.page_size, backing.kind, backing.inode, name)


def same_file(one: FileKey, ref: FileRef, page_size: int) -> bool:
    """Whether a `FileRef` and what `file_of` gave are of the same file."""
    size, kind, inode, name = one
    if (size, kind, inode) != (page_size, ref.kind, ref.inode):
        return False
    return name is None or ref.name is None or name == ref.name
