"""What is known of a host's huge pages beyond cells: accounts, reservations, places, poison.

Counts of pages are in huge pages of the `page_size` beside them unless a name says bytes. Null is
unknown, with the reason in the record's `reason` or in the host's limits; never 0.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from hugescope_wire.account import (
    CgroupUse,
    FdHolder,
    FileRef,
    Holding,
    NodeNumber,
    Pid,
    PoolAccount,
    ProcessRef,
    ReservationAccount,
    Vmemmap,
)
from hugescope_wire.findings import Finding
from hugescope_wire.record import Count, Record
from hugescope_wire.secrecy import Address, Name


class Policy(Record):
    """A mapping's NUMA policy as numa_maps prints it: `mode` such as bind, and its nodes."""

    text: str
    mode: Name
    nodes: list[NodeNumber]


class MemoryFailures(Record):
    """node*/memory_failure: events since boot; null: no such counter (Linux 6.1)."""

    node: NodeNumber
    total: Count | None
    ignored: Count | None
    failed: Count | None
    delayed: Count | None
    recovered: Count | None


class PoisonPlace(Record):
    """Where a lost page was mapped. `address` null: somewhere in this mapping, which cannot be
    told.
    """

    process: ProcessRef
    start: Address
    address: Address | None
    file_offset: Count | None
    inferred: bool = False


class PoisonedPage(Record):
    """One page lost to a memory error.

    Attributes:
        page_size: bytes gone; `bad_bytes` bytes that are really bad, where it is known.
        in_pool: still counted in the pool; False when the kernel dissolved it, and for a single bad
            page such as a dissolved one leaves; null: of no pool, or not known.
        evidence: what told of it.
    """

    page_size: Count
    bad_bytes: Count | None
    in_pool: bool | None
    node: NodeNumber | None
    file: FileRef | None
    places: list[PoisonPlace] = Field(default_factory=list)
    evidence: Literal["kpageflags", "pagemap_scan", "smaps"]


class Poison(Record):
    """All that tells of memory errors. `hardware_corrupted_bytes` from meminfo."""

    pages: list[PoisonedPage]
    failures: list[MemoryFailures]
    hardware_corrupted_bytes: Count | None


class SharingGroup(Record):
    """Cells of a mapping with the same counts, and why the counts differ.

    Attributes:
        mapcount, mappers, processes: null: unknown, or different among the rest of a mapping that
            has too many groups.
        processes: distinct processes among the mappers.
        reasons: empty where mapcount, mappers and processes agree. "partly_mapped": mappings show
            different parts of the page, and the kernel counts each 4 KiB by itself.
    """

    cells: Count
    first: Count
    mapcount: Count | None
    mappers: Count | None
    processes: Count | None
    reasons: list[SharingReason]


SharingReason = Literal[
    "shared_table", "alias", "unseen_mapping", "average_mapcount", "partly_mapped", "moving"
]


class SplitFacts(Record):
    """Huge pages that are present in full and mapped by smaller entries.

    Attributes:
        pages: exact number; null where smaps and pagemap do not fit together.
        chunks: 2 MiB chunks of larger pages that are present in full and mapped by 512 entries, in
            full and in partly mapped pages; null as `pages`. Which they are is not known.
        placed: of the pages, how many cells are known to be split; the rest is marked inferred.
        collapse_frees_bytes: page tables that a collapse of all these pages and chunks would free,
            one each. That of a whole partly mapped page, which fills its holes, frees more.
    """

    pages: Count | None
    chunks: Count | None
    placed: Count
    collapse_frees_bytes: Count | None


class ThpFacts(Record):
    """Transparent huge pages of a mapping, in bytes.

    Attributes:
        anon_huge_bytes, shmem_pmd_bytes, file_pmd_bytes: as smaps has them (AnonHugePages,
            ShmemPmdMapped, FilePmdMapped); null: smaps unreadable.
        pmd_bytes: mapped by PMDs by our count.
        folio_bytes: present bytes by the size of their folio (bytes -> bytes); 4096 are base pages.
        eligible: VmFlags and settings let huge pages in; null: unknown.
    """

    anon_huge_bytes: Count | None
    shmem_pmd_bytes: Count | None
    file_pmd_bytes: Count | None
    pmd_bytes: Count | None
    folio_bytes: dict[int, int] | None
    swapped_bytes: Count | None
    eligible: bool | None


class MappingReport(Record):
    """What is known of one mapping beyond its cells.

    Attributes:
        misplaced_bytes: on nodes that the policy does not allow; null: policy or nodes unknown.
        lost_pages: entries that smaps counts and pagemap does not show: poisoned or migrating.
        mapmax: the highest mapcount among its pages by numa_maps; null: not read.
    """

    pid: Pid
    start: Address
    page_size: Count
    policy: Policy | None = None
    node_bytes: dict[int, int] = Field(default_factory=dict)
    misplaced_bytes: Count | None = None
    reserved_pages: Count | None = None
    sharing: list[SharingGroup] = Field(default_factory=list)
    shared_table_cells: Count = 0
    split: SplitFacts | None = None
    thp: ThpFacts | None = None
    lost_pages: Count | None = None
    mapmax: Count | None = None
    uffd: list[Literal["missing", "wp", "minor"]] = Field(default_factory=list)


class StatusDifference(ProcessRef):
    """A process whose HugetlbPages in /proc/PID/status is not what its page tables map.

    Attributes:
        reason: "shared_table": the kernel counts a PMD table that processes share for one of them
            only; "collapse": HGM kernels take off what MADV_COLLAPSE unmaps, and add nothing for
            what it maps; null: not known, or pages moved between the readings.
    """

    status_bytes: Count
    mapped_bytes: Count
    reason: Literal["shared_table", "collapse"] | None


class UffdHolder(FdHolder):
    """An open userfaultfd, by its fdinfo: faults not yet read, and all that wait."""

    pending: Count | None
    total: Count | None


class UffdWaiter(ProcessRef):
    """Threads of a process that wait for a userfaultfd.

    `stalled_s`: at least so long without progress, over two readings; null after one.
    """

    threads: Count
    stalled_s: float | None


class GuestMemory(ProcessRef):
    """A guest_memfd: memory of a confidential VM that no page table on this host maps."""

    fd: Count
    size_bytes: Count | None
    allocated_bytes: Count | None


class Stage2(ProcessRef):
    """KVM's own page tables of one VM: pages mapped at each size; null where debugfs has no such
    file.
    """

    vm_fd: Count
    pages_4k: Count | None
    pages_2m: Count | None
    pages_1g: Count | None


class BootPages(Record):
    """Pages that the kernel command line asked for; `node` null: spread by the kernel."""

    page_size: Count
    node: NodeNumber | None
    pages: Count


class HostReport(Record):
    """Everything above of one host at one moment."""

    taken_at: AwareDatetime
    accounts: list[PoolAccount]
    holdings: list[Holding]
    reservations: list[ReservationAccount]
    cgroups: list[CgroupUse]
    vmemmap: Vmemmap
    poison: Poison
    mappings: list[MappingReport]
    status_differences: list[StatusDifference] = Field(default_factory=list)
    uffd_holders: list[UffdHolder]
    uffd_waiters: list[UffdWaiter]
    guest_memory: list[GuestMemory]
    stage2: list[Stage2]
    boot: list[BootPages]
    findings: list[Finding]


SharingGroup.model_rebuild()
