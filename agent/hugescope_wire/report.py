"""What is known of a host's huge pages beyond cells: accounts, reservations, places, poison.

Counts of pages are in huge pages of the `page_size` beside them unless a name says bytes. Null is
unknown, with the reason in the record's `reason` or in the host's limits; never 0.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from hugescope_wire.findings import Finding
from hugescope_wire.record import Count, Record, State

Pid = Annotated[int, Field(ge=1)]
NodeNumber = Annotated[int, Field(ge=0)]


class ProcessRef(Record):
    """A process by number and name."""

    pid: Pid
    comm: str | None


# --- the pool's account -------------------------------------------------------------------------


class MappedGroup(Record):
    """Pages that exactly these processes map, each page counted once.

    `pids` empty: pages of all further groups together, where there are too many to tell apart.
    """

    pids: list[Pid]
    pages: Count


class FileRef(Record):
    """A file of a hugetlbfs, internal mounts too: the thing that keeps pages without page tables.

    Attributes:
        kind: "hugetlbfs" is a file of a mounted hugetlbfs.
        device: "major:minor".
        name: path for a hugetlbfs file, else what the kernel calls it.
    """

    kind: Literal["anonymous", "memfd", "hugetlbfs", "sysv"]
    device: str | None
    inode: Count | None
    name: str | None


class FdHolder(ProcessRef):
    """A process that keeps a file by an open descriptor, or (`fd` null) by a mapping of it."""

    fd: Count | None


class Holding(Record):
    """Pages of one file that no page table maps.

    Attributes:
        by: what keeps them: an open descriptor; a name in a mounted hugetlbfs; a SysV segment that
            nobody has attached; a mapping whose page tables do not hold them.
        pages: unmapped pages; `file_pages` all pages of the file.
        holders: processes with it open or mapped; empty for a leaked file.
        inferred: the number follows from more than one reading, and is not certain.
    """

    by: Literal["fd", "hugetlbfs", "sysv", "mapping"]
    page_size: Count
    pages: Count
    file_pages: Count
    file: FileRef
    holders: list[FdHolder] = Field(default_factory=list)
    inferred: bool = False


class HeldPages(Record):
    """Pages in no page table by what keeps them; null: not known for this node."""

    fd: Count | None
    hugetlbfs: Count | None
    sysv: Count | None
    mapping: Count | None


class PoolAccount(Record):
    """total = free + mapped + held (fd + hugetlbfs + sysv + mapping) + poisoned + unattributed.

    It holds where no part is null. Where `guessed` is not 0, what the known parts leave of the
    total, and up to `guessed` more, is unattributed.

    Attributes:
        node: null for the host.
        mapped: pages in at least one page table, each once; null on nodes where the node of a page
            is not known. `mapped_by` sums to it where it is not null (host only).
        poisoned: pages of the pool lost to poison and in no page table any more.
        unattributed: in use by nobody that was seen; the count is exact when `torn` is 0; null
            where a counter is missing, or `guessed` is not 0.
        unplaced: node accounts only: held and unattributed pages together, where only the sum is
            known; the parts are then null. Null where the parts are known, or `mapped` is not.
        guessed: pages by which `mapped` may be too high: page frames are hidden, and a private page
            that forked processes share counts once for each of them. `unattributed` would be too
            low by as much.
        candidates: who may hold the unattributed pages, in words; guesses by name.
        notes: in what the numbers are bounds only, in words; on the host's account.
        torn: pages that moved while the look was taken; 0 for a consistent look.
        looks: how often the look was taken to get there.
        available: free - reserved: what is left for a new mapping; null on nodes.
    """

    page_size: Count
    node: NodeNumber | None
    total: int | None
    free: int | None
    reserved: int | None
    surplus: int | None
    overcommit: int | None
    available: int | None
    mapped: Count | None
    mapped_by: list[MappedGroup] | None
    held: HeldPages
    poisoned: Count | None
    unattributed: int | None
    unplaced: int | None
    guessed: Count = 0
    candidates: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    torn: Count = 0
    looks: Count = 1


class Reservation(Record):
    """Pages that are promised and not yet faulted, and whose they are.

    Attributes:
        owner: a mapping (pid, start), a file nobody maps any more, or a mount with min_size.
        pages: reserved.
        faulted: pages of it that are there already; null where that is not known.
        inferred: parent and child share the mapping, or it was punched: the split is a guess.
    """

    owner: Literal["mapping", "file", "mount"]
    page_size: Count
    pages: Count
    faulted: Count | None
    process: ProcessRef | None = None
    start: Count | None = None
    file: FileRef | None = None
    inferred: bool = False


class Unreserved(Record):
    """Pages of a mapping that are neither there nor promised: touching them may raise SIGBUS."""

    process: ProcessRef
    start: Count
    page_size: Count
    pages: Count
    inferred: bool = False


class ReservationAccount(Record):
    """One pool's reservations: reserved = sum of owners + unattributed (signed, as it comes out).

    `unreserved` lists mappings with unfaulted pages that nothing promises; `unreserved_pages` are
    all of them, those that several mappings of a file show counted once.
    """

    page_size: Count
    reserved: int | None
    owners: list[Reservation]
    unattributed: int | None
    unreserved: list[Unreserved] = Field(default_factory=list)
    unreserved_pages: Count | None = None


class CgroupUse(Record):
    """One cgroup's hugetlb counters of one page size, in bytes; null: not there.

    A limit is null too where there is none (max). `failures` counts faults and mappings that were
    refused at the limit (v2 events max, which holds both; v1 failcnt). `pids` are the processes
    that map huge pages in it or below. `directory` has its files, below the root that was read.
    """

    path: str
    version: Literal[1, 2]
    page_size: Count
    usage_bytes: Count | None
    limit_bytes: Count | None
    reserved_bytes: Count | None
    reserved_limit_bytes: Count | None
    failures: Count | None
    reserved_failures: Count | None = None
    node_bytes: dict[int, int] | None = None
    pids: list[Pid] = Field(default_factory=list)
    directory: str | None = None


class VmemmapSaving(Record):
    """HugeTLB vmemmap optimization (HVO) of one page size.

    Attributes:
        bytes_per_page: what one optimized huge page frees.
        at_most_bytes: if every page of the pool were optimized.
    """

    page_size: Count
    bytes_per_page: Count
    at_most_bytes: Count


class Vmemmap(Record):
    """`enabled`: vm.hugetlb_optimize_vmemmap; null where the kernel has no such setting.

    `saved_bytes` by what vmstat says of struct page memory; null where it does not.
    """

    enabled: bool | None
    memmap_bytes: Count | None
    saved_bytes: Count | None
    sizes: list[VmemmapSaving] = Field(default_factory=list)
    reason: str | None = None


# --- place and poison ---------------------------------------------------------------------------


class Policy(Record):
    """A mapping's NUMA policy as numa_maps prints it: `mode` such as bind, and its nodes."""

    text: str
    mode: str
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
    start: Count
    address: Count | None
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


# --- mappings -----------------------------------------------------------------------------------


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
        waiting_threads: of this process in handle_userfault now; null: not readable.
    """

    pid: Pid
    start: Count
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
    uffd: list[Literal["missing", "wp", "minor"]] = Field(default_factory=list)


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
    uffd_holders: list[UffdHolder]
    uffd_waiters: list[UffdWaiter]
    guest_memory: list[GuestMemory]
    stage2: list[Stage2]
    boot: list[BootPages]
    findings: list[Finding]


# --- one page -----------------------------------------------------------------------------------


class PageMapper(ProcessRef):
    """One mapping of the page: at `address`, in the mapping that begins at `start`."""

    address: Count
    start: Count
    shared: bool
    shared_table: bool


class PartRun(Record):
    """Equal neighbours inside a huge page: `count` parts of `part_bytes` from index `first`.

    `level` is the page-table level of the entries: pud, pmd or pte; null: cannot be told.
    """

    first: Count
    count: Annotated[int, Field(ge=1)]
    part_bytes: Count
    state: State
    level: Literal["pud", "pmd", "pte"] | None
    present_bytes: Count
    folio_bytes: Count | None = None
    inferred: bool = False


class PageDetail(Record):
    """Everything about the page behind one cell: who maps it, and how, part by part.

    Attributes:
        address: of the cell; `first` its index in the mapping at `start`.
        explanation: a sentence for each reason why the counts differ.
        mapped_by: every mapping seen; null where pages cannot be joined.
        parts: 2 MiB chunks of a 1 GiB page, 4 KiB entries of a smaller one.
    """

    pid: Pid
    comm: str | None
    start: Count
    first: Count
    address: Count
    page_size: Count
    state: State
    mapped_bytes: Count
    mapcount: Count | None
    mappers: Count | None
    processes: Count | None
    node: NodeNumber | None
    flags: list[str]
    file: FileRef | None
    file_offset: Count | None
    reasons: list[SharingReason]
    explanation: list[str]
    mapped_by: list[PageMapper] | None
    parts: list[PartRun]


SharingGroup.model_rebuild()
