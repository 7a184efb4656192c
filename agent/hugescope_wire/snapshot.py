"""The snapshot that other people's scripts read: schema `hugescope/snapshot/1`.

Addresses, offsets and inodes are JSON integers. They are exact in any reader that keeps numbers as
doubles too: addresses and offsets are multiples of a huge page, so they need fewer than 53 bits.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from hugescope_wire.record import Count, Record, State
from hugescope_wire.report import HostReport
from hugescope_wire.secrecy import Address, EndAddress, Name
from hugescope_wire.vm import Vm

SNAPSHOT_SCHEMA: Final = "hugescope/snapshot/1"

Flag = Literal["exclusive", "write_protected", "shared_table", "inferred"]
BackingKind = Literal["anonymous", "memfd", "hugetlbfs", "sysv", "file"]
"""`file` is a file of any other file system, and occurs with kind thp only."""


class HostInfo(Record):
    """Which kernel this is. `boot_id` is null where the root does not hold it."""

    name: Name | None
    kernel: Name | None
    boot_id: Name | None


class Capabilities(Record):
    """What this kernel and these privileges allow, as probed, not as versions promise."""

    pfn: bool = Field(description="pagemap gives page frame numbers (CAP_SYS_ADMIN)")
    kpageflags: bool = Field(description="/proc/kpageflags and /proc/kpagecount can be read")
    pagemap_scan: bool = Field(description="the PAGEMAP_SCAN ioctl works (Linux 6.7)")
    procmap_query: bool = Field(description="the PROCMAP_QUERY ioctl works (Linux 6.11)")
    hgm: bool = Field(description="a mapping with VmFlags hm was seen (HugeTLB HGM series)")


class Pool(Record):
    """One hugetlb pool: the host's (`node` null) or one NUMA node's, in pages of `page_size`.

    Null where the kernel has no such counter: nodes have no `reserved`. Counters are shown as read,
    and
    signed: the kernel is known to print -5 as 18446744073709551611.
    """

    page_size: Count = Field(description="bytes")
    node: Count | None
    total: int | None
    free: int | None
    reserved: int | None
    surplus: int | None


class Backing(Record):
    """What a mapping maps; `offset` in bytes into the file or segment."""

    kind: BackingKind
    name: Name | None
    inode: Count | None
    offset: Count


class LevelBytes(Record):
    """Bytes that entries of each page-table level map; null where it cannot be told."""

    pud: Count | None
    pmd: Count | None
    pte: Count | None


class GuestRam(Record):
    """A mapping that is a virtual machine's memory.

    Attributes:
        offset: of the mapping's first byte in the guest's RAM, in bytes.
        backend: what the VMM calls this piece of memory; null: it has no name.
        low_bytes: RAM from this offset on lies at guest-physical 4 GiB and above, RAM before it at
            its own offset. Null: not known, and guest-physical addresses are not either.
        inferred: read from the command line's words, not asked of the VMM.
    """

    offset: Count
    backend: Name | None
    low_bytes: Count | None
    inferred: bool = True


class Run(Record):
    """Equal neighbours: `count` cells from index `first`; `mapped_bytes` is per cell."""

    first: Count
    count: Annotated[int, Field(ge=1)]
    state: State
    mapped_bytes: Count
    mapcount: Count | None
    mappers: Count | None
    node: Count | None
    flags: list[Flag]


class MappingFacts(Record):
    """One VMA, without its cells.

    Cell 0 begins at `start` rounded down to `page_size`, and the last holds `end` - 1. A hugetlb
    mapping begins and ends at huge page borders; a THP mapping need not.
    """

    start: Address
    end: EndAddress
    page_size: Annotated[int, Field(ge=4096, description="bytes of one cell")]
    kind: Literal["hugetlb", "thp"]
    shared: bool
    backing: Backing
    vm_flags: list[Name] | None = Field(description="two-letter VmFlags; null: smaps unreadable")
    level_bytes: LevelBytes
    guest: GuestRam | None = Field(None, description="of a virtual machine; null: not known")


class Mapping(MappingFacts):
    """One VMA with its cells as runs, in order, without gap or overlap."""

    runs: list[Run]


class ProcessName(Record):
    """What people call a process that its comm does not tell: a virtual machine, as `source` has it
    (`-name` of QEMU, the domain of libvirt, ...; `demo`: HugeScope's own workload, no real one).
    """

    name: Name = Field(min_length=1, max_length=256)
    kind: Literal["vm", "process"]
    source: Literal[
        "qemu", "libvirt", "cloud-hypervisor", "firecracker", "crosvm", "cmdline", "demo"
    ]


class Process(Record):
    """A process that maps huge pages."""

    pid: Annotated[int, Field(ge=1)]
    comm: Name | None
    name: ProcessName | None = None
    vm: Vm | None = Field(None, description="of a virtual machine; null: it is none, or not known")
    mappings: list[Mapping]


class Snapshot(Record):
    """One look at one host."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, serialize_by_alias=True
    )

    schema_name: Literal["hugescope/snapshot/1"] = Field(SNAPSHOT_SCHEMA, alias="schema")
    taken_at: AwareDatetime
    host: HostInfo
    capabilities: Capabilities
    pools: list[Pool]
    processes: list[Process]
    report: HostReport | None = Field(
        None, description="accounts, reservations, places, poison and findings of the whole host"
    )
