"""Made-up reports and page details for the synthetic hosts: nothing here was read from a kernel."""

from __future__ import annotations

from datetime import UTC, datetime

from synthetic_hosts import ONE_GIB, TWO_MIB, Host

from hugescope_wire.account import (
    CgroupUse,
    FdHolder,
    FileRef,
    HeldPages,
    Holding,
    MappedGroup,
    PoolAccount,
    ProcessRef,
    Reservation,
    ReservationAccount,
    Unreserved,
    Vmemmap,
    VmemmapSaving,
)
from hugescope_wire.cells import PAGE_BYTES
from hugescope_wire.findings import CellLink, Evidence, Finding
from hugescope_wire.report import (
    BootPages,
    GuestMemory,
    HostReport,
    MappingReport,
    MemoryFailures,
    Poison,
    PoisonedPage,
    PoisonPlace,
    Policy,
    SharingGroup,
    SplitFacts,
    Stage2,
    UffdHolder,
    UffdWaiter,
)

GUEST = (4242, 0x7F2A4C000000)
VRAM = (4242, 0x7F1A50400000)
STATES = (4300, 0x7F1204A00000)
BUFFERS = (812, 0x7F0000000000)
QEMU = ProcessRef(pid=4242, comm="qemu-system-x86")
POSTGRES = ProcessRef(pid=812, comm="postgres")
MEMFD = FileRef(kind="memfd", device="0:15", inode=4_211_873, name="pc.ram")
LEFT = FileRef(kind="hugetlbfs", device="0:31", inode=77, name="/dev/hugepages/spdk_pid31337map_0")
SEGMENT = FileRef(kind="sysv", device="0:15", inode=32_771, name="SYSV0052e2c1")


def finding(key: str, code: str, severity: str, what: str, why: str, **more: object) -> Finding:
    """One finding whose advice is to look at the cells."""
    given = {"advice": "Look at the cells and decide whether it is meant to be so.", **more}
    return Finding.model_validate(
        {"key": key, "code": code, "severity": severity, "what": what, "why": why, **given}
    )


def link(where: tuple[int, int], first: int = 0, count: int = 0) -> CellLink:
    """Cells of a mapping."""
    return CellLink(pid=where[0], start=where[1], first=first, count=count)


def some_findings() -> list[Finding]:
    """One of most kinds."""
    return [
        finding(
            "split/4300",
            "split-mapping",
            "notice",
            "hgm-guest 4300 maps 150 full huge pages by 4 KiB entries.",
            "Each costs a page table and 512 times the TLB entries.",
            advice="Collapse them once the migration is over.",
            command="hugescope collapse --pid 4300 --start 0x7f1204a00000 --count 150 --dry-run",
            evidence=[
                Evidence(name="HugetlbPteMapped", value="300 MiB", source="/proc/4300/smaps"),
                Evidence(name="present in full", value="150 pages", source="/proc/4300/pagemap"),
            ],
            links=[link(STATES, 300, 150)],
        ),
        finding(
            "poison/4242",
            "poisoned-page",
            "critical",
            "qemu-system-x86 4242 lost 2 MiB of vram to a memory error.",
            "The guest gets a machine check when it touches the page.",
            evidence=[Evidence(name="HWPOISON", value="set", source="/proc/kpageflags")],
            links=[link(VRAM, 47, 1)],
        ),
        finding(
            "sigbus/812",
            "sigbus-risk",
            "warning",
            "postgres 812 may be killed: 1,096 pages are neither there nor promised, 40 are left.",
            "A touch of a page that cannot be had raises SIGBUS.",
            advice="Reserve at start, or grow the pool.",
            command="sysctl vm.nr_hugepages=42016",
            evidence=[Evidence(name="unfaulted, not reserved", value="1,096 pages", source=None)],
            links=[link(BUFFERS, 3000, 1096), link((999, 0x7F0000000000), 0, 4)],
        ),
        finding(
            "leak/77",
            "leaked-file",
            "notice",
            "/dev/hugepages/spdk_pid31337map_0 keeps 512 pages, and nobody maps it.",
            "The pages are lost to everyone until the file is removed.",
            command="rm /dev/hugepages/spdk_pid31337map_0",
        ),
        finding(
            "counts/812",
            "mapcount-differs",
            "info",
            "The kernel counts fewer mappings than there are of 1,300 pages of postgres 812.",
            "Page tables that processes share are counted once.",
            links=[link(BUFFERS)],
        ),
    ]


def many_findings() -> list[Finding]:
    """More than a panel shows at once."""
    return [
        finding(
            f"node/{number}",
            "wrong-node",
            "info",
            f"A page of qemu-system-x86 4242 is on node 1, and its policy says node 0 ({number}).",
            "Each access crosses the interconnect.",
            links=[link(GUEST, 31 * number, 1 + number % 3)],
        )
        for number in range(50)
    ]


def account(page_size: int, node: int | None, **given: object) -> PoolAccount:
    """One account; what is not given is zero, or unknown on a node."""
    host = node is None
    base: dict[str, object] = {
        "page_size": page_size,
        "node": node,
        "reserved": 0 if host else None,
        "surplus": 0,
        "overcommit": 0 if host else None,
        "available": None,
        "mapped_by": [] if host else None,
        "held": HeldPages(fd=0, hugetlbfs=0, sysv=0, mapping=0),
        "poisoned": 0,
        "unattributed": 0,
        "unplaced": None,
    }
    return PoolAccount.model_validate({**base, **given})


def accounts(torn: int) -> list[PoolAccount]:
    """Two sizes; of the smaller one two nodes, one of which does not know all parts."""
    nothing = HeldPages(fd=None, hugetlbfs=None, sysv=None, mapping=None)
    groups = [
        ([4242], 25_000),
        ([812], 2000),
        ([812, 813, 814, 815, 816, 817], 1000),
        ([4300], 800),
    ]
    two = account(
        TWO_MIB,
        None,
        total=40_960,
        free=8192,
        reserved=6144,
        overcommit=1024,
        available=2048,
        mapped=28_800,
        mapped_by=[MappedGroup(pids=pids, pages=pages) for pids, pages in groups],
        held=HeldPages(fd=1536, hugetlbfs=512, sysv=1024, mapping=256),
        poisoned=1,
        unattributed=639 - torn,
        candidates=["the file descriptors of containerd-shim 2211, which may not be read"],
        torn=torn,
        looks=3 if torn else 1,
    )
    zero = account(
        TWO_MIB, 0, total=20_480, free=4000, mapped=14_400, held=nothing,
        unattributed=None, unplaced=2079, poisoned=1,
    )  # fmt: skip
    one = account(
        TWO_MIB, 1, total=20_480, free=4192, mapped=14_400,
        held=HeldPages(fd=1000, hugetlbfs=256, sysv=512, mapping=0), unattributed=120,
    )  # fmt: skip
    return [two, zero, one, account(ONE_GIB, None, total=2, free=1, mapped=1, reserved=1,
            available=0, mapped_by=[MappedGroup(pids=[4242], pages=1)])]  # fmt: skip


def report_of(host: Host) -> HostReport:
    """A rich one of the first host, an empty one of the other."""
    if host.host_id != "synthetic-a":
        return empty()
    return empty().model_copy(
        update={
            "accounts": accounts(torn=5),
            "holdings": holdings(),
            "reservations": [reservations()],
            "cgroups": cgroups(),
            "vmemmap": Vmemmap(
                enabled=True,
                memmap_bytes=402 * 2**20,
                saved_bytes=1120 * 2**20,
                sizes=[
                    VmemmapSaving(
                        page_size=TWO_MIB, bytes_per_page=28_672, at_most_bytes=1120 * 2**20
                    )
                ],
            ),
            "poison": poison(),
            "mappings": mappings(),
            "uffd_holders": [
                UffdHolder(pid=4242, comm="qemu-system-x86", fd=31, pending=2, total=5)
            ],
            "uffd_waiters": [UffdWaiter(pid=4242, comm="qemu-system-x86", threads=5, stalled_s=7)],
            "guest_memory": [
                GuestMemory(
                    pid=4242,
                    comm="qemu-system-x86",
                    fd=40,
                    size_bytes=8 * ONE_GIB,
                    allocated_bytes=None,
                )
            ],
            "stage2": [
                Stage2(
                    pid=4242,
                    comm="qemu-system-x86",
                    vm_fd=12,
                    pages_4k=41_002,
                    pages_2m=24_100,
                    pages_1g=0,
                )
            ],
            "boot": [BootPages(page_size=ONE_GIB, node=0, pages=2)],
            "findings": [*some_findings(), *many_findings()],
        }
    )


def empty() -> HostReport:
    """Nothing to say."""
    return HostReport(
        taken_at=datetime.now(UTC),
        accounts=[],
        holdings=[],
        reservations=[],
        cgroups=[],
        vmemmap=Vmemmap(
            enabled=None, memmap_bytes=None, saved_bytes=None, reason="Linux 6.1 has no counter"
        ),
        poison=Poison(pages=[], failures=[], hardware_corrupted_bytes=None),
        mappings=[],
        uffd_holders=[],
        uffd_waiters=[],
        guest_memory=[],
        stage2=[],
        boot=[],
        findings=[],
    )


def holdings() -> list[Holding]:
    """One of each kind."""
    holder = FdHolder(pid=4242, comm="qemu-system-x86", fd=9)
    mapper = FdHolder(pid=5100, comm="alternate", fd=None)
    made = [
        ("fd", 1536, 32_768, MEMFD, [holder]),
        ("hugetlbfs", 512, 512, LEFT, []),
        ("sysv", 1024, 4096, SEGMENT, []),
        ("mapping", 256, 300, MEMFD, [mapper, holder]),
    ]
    return [
        Holding.model_validate(
            {
                "by": by,
                "page_size": TWO_MIB,
                "pages": pages,
                "file_pages": of,
                "file": file,
                "holders": holders,
                "inferred": by == "mapping",
            }
        )
        for by, pages, of, file, holders in made
    ]


def reservations() -> ReservationAccount:
    """Two owners, and a mapping without."""
    return ReservationAccount(
        page_size=TWO_MIB,
        reserved=6144,
        owners=[
            Reservation(
                owner="mapping",
                page_size=TWO_MIB,
                pages=6000,
                faulted=25_000,
                process=QEMU,
                start=GUEST[1],
            ),
            Reservation(
                owner="mount",
                page_size=TWO_MIB,
                pages=128,
                faulted=None,
                file=FileRef(kind="hugetlbfs", device="0:31", inode=None, name="/dev/hugepages"),
            ),
        ],
        unattributed=16,
        unreserved=[Unreserved(process=POSTGRES, start=BUFFERS[1], page_size=TWO_MIB, pages=1096)],
        unreserved_pages=1096,
    )


def cgroups() -> list[CgroupUse]:
    """One with limits, one without."""
    limited = CgroupUse(
        path="/machine.slice/machine-qemu\\x2d1\\x2dguest.scope",
        version=2,
        page_size=TWO_MIB,
        usage_bytes=50 * ONE_GIB,
        limit_bytes=64 * ONE_GIB,
        reserved_bytes=62 * ONE_GIB,
        reserved_limit_bytes=None,
        failures=3,
    )
    free = limited.model_copy(
        update={"path": "/system.slice", "limit_bytes": None, "reserved_bytes": None, "failures": 0}
    )
    return [limited, free]


def poison() -> Poison:
    """One page, known in one place and guessed in another."""
    places = [
        PoisonPlace(
            process=QEMU, start=VRAM[1], address=VRAM[1] + 47 * TWO_MIB, file_offset=47 * TWO_MIB
        ),
        PoisonPlace(
            process=POSTGRES, start=BUFFERS[1], address=None, file_offset=None, inferred=True
        ),
    ]
    lost = PoisonedPage(
        page_size=TWO_MIB,
        bad_bytes=4096,
        in_pool=True,
        node=0,
        file=MEMFD,
        places=places,
        evidence="kpageflags",
    )
    failures = [
        MemoryFailures(node=0, total=1, ignored=0, failed=0, delayed=0, recovered=1),
        MemoryFailures(node=1, total=0, ignored=0, failed=0, delayed=0, recovered=0),
    ]
    return Poison(pages=[lost], failures=failures, hardware_corrupted_bytes=TWO_MIB)


def mappings() -> list[MappingReport]:
    """Of two mappings."""
    return [
        MappingReport(
            pid=STATES[0],
            start=STATES[1],
            page_size=TWO_MIB,
            policy=Policy(text="bind:0", mode="bind", nodes=[0]),
            node_bytes={0: 400 * TWO_MIB, 1: 50 * TWO_MIB},
            misplaced_bytes=50 * TWO_MIB,
            reserved_pages=240,
            shared_table_cells=60,
            split=SplitFacts(pages=150, chunks=0, placed=0, collapse_frees_bytes=150 * PAGE_BYTES),
            lost_pages=4,
            uffd=["missing", "wp"],
        ),
        MappingReport(
            pid=BUFFERS[0],
            start=BUFFERS[1],
            page_size=TWO_MIB,
            sharing=[
                SharingGroup(
                    cells=1300,
                    first=0,
                    mapcount=1,
                    mappers=2,
                    processes=2,
                    reasons=["shared_table"],
                )
            ],
        ),
    ]
