"""Whose the huge pages of a host are: accounts, holders, reservations, limits.

Counts of pages are in huge pages of the `page_size` beside them unless a name says bytes. Null is
unknown, with the reason in the record or in the host's limits; never 0.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hugescope_wire.record import Count, Record
from hugescope_wire.secrecy import Address, Name

Pid = Annotated[int, Field(ge=1)]
NodeNumber = Annotated[int, Field(ge=0)]


class ProcessRef(Record):
    """A process by number and name."""

    pid: Pid
    comm: Name | None


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
    device: Name | None
    inode: Count | None
    name: Name | None


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
    start: Address | None = None
    file: FileRef | None = None
    inferred: bool = False


class Unreserved(Record):
    """Pages of a mapping that are neither there nor promised: touching them may raise SIGBUS."""

    process: ProcessRef
    start: Address
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

    path: Name
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
    directory: Name | None = None


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
