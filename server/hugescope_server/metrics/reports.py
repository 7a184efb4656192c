"""What a host's report says: whose the pool's pages are, what was lost, misplaced and found."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import islice
from typing import Final, get_args

from hugescope_server.metrics.families import Definition, Families
from hugescope_server.metrics.hosts import HOST, MAX_POOLS, NODE_POOL, POOL
from hugescope_server.metrics.view import HostView
from hugescope_wire.account import HeldPages, PoolAccount
from hugescope_wire.findings import SEVERITIES, FindingCode
from hugescope_wire.report import HostReport, Poison

MAX_NODES: Final = 1024
"""The most that Linux can be built for."""

AGE: Final = Definition(
    "hugescope_report_age_seconds",
    "Time since the report was made that accounts, poison, places and findings come from.",
    HOST,
    "seconds",
)
_PARTS: Final = (
    "Bytes of the pool by what they are: free, mapped, held without a page table (fd, hugetlbfs, "
    "sysv, mapping), poisoned, or unattributed"
)
ACCOUNT: Final = Definition(
    "hugescope_account_bytes",
    f"{_PARTS}. Where all parts are there they sum to the pool's size.",
    (*POOL, "part"),
    "bytes",
)
NODE_ACCOUNT: Final = Definition(
    "hugescope_node_account_bytes",
    f"{_PARTS}, of one NUMA node; unplaced: held and unattributed ones together.",
    (*NODE_POOL, "part"),
    "bytes",
)
TORN: Final = Definition(
    "hugescope_account_torn_bytes",
    "Bytes that moved while the account was taken: by so much it may be wrong.",
    POOL,
    "bytes",
)
UNRESERVED: Final = Definition(
    "hugescope_unreserved_bytes",
    "Bytes of mappings that are not there and that nothing promises: touching them may raise "
    "SIGBUS.",
    POOL,
    "bytes",
)
MISPLACED: Final = Definition(
    "hugescope_misplaced_bytes",
    "Bytes on nodes that the policy of their mapping does not allow, as far as it is known.",
    POOL,
    "bytes",
)
PLACE_UNKNOWN: Final = Definition(
    "hugescope_placement_unknown_mappings",
    "Mappings of which it is not known whether their pages are where the policy wants them.",
    POOL,
    "mappings",
)
POISONED: Final = Definition(
    "hugescope_poisoned_bytes",
    "Bytes of huge pages that were lost to memory errors; in_pool: yes while the pool still counts "
    "them, no where the kernel dissolved the page, unknown.",
    (*POOL, "in_pool"),
    "bytes",
)
CORRUPTED: Final = Definition(
    "hugescope_hardware_corrupted_bytes",
    "HardwareCorrupted of /proc/meminfo: of all memory, huge pages or not.",
    HOST,
    "bytes",
)
FAILURES: Final = Definition(
    "hugescope_memory_failures",
    "Memory errors since boot that the kernel counted on a node.",
    (*HOST, "node"),
    kind="counter",
)
MISMATCH: Final = Definition(
    "hugescope_status_mismatch_processes",
    "Processes whose HugetlbPages in /proc/PID/status is not what their page tables map, by "
    "reason; unknown: none is known.",
    (*HOST, "reason"),
    "processes",
)
WAITING: Final = Definition(
    "hugescope_userfaultfd_waiting_threads",
    "Threads that wait for a userfaultfd to serve a page.",
    HOST,
    "threads",
)
STALLED: Final = Definition(
    "hugescope_userfaultfd_stalled_seconds",
    "The longest time that such a thread made no progress.",
    HOST,
    "seconds",
)
SAVED: Final = Definition(
    "hugescope_vmemmap_saved_bytes",
    "Memory for struct page that HVO (hugetlb_optimize_vmemmap) saves.",
    HOST,
    "bytes",
)
FINDINGS: Final = Definition(
    "hugescope_findings",
    "Findings by kind and severity, as docs/findings.md explains them.",
    (*HOST, "code", "severity"),
)
_IN_POOL: Final = {True: "yes", False: "no", None: "unknown"}


def put_report(out: Families, host: HostView) -> None:
    """Nothing where the host has sent no report."""
    report = host.about.report
    if report is None:
        return
    whose = [host.host_id]
    out.put(AGE, whose, _age_s(host.age_s, host.about.taken_at, report.taken_at))
    for account in islice(report.accounts, MAX_POOLS):
        _put_account(out, host.host_id, account)
    for reserved in islice(report.reservations, MAX_POOLS):
        pages, labels = reserved.unreserved_pages, [host.host_id, reserved.page_size]
        out.put(UNRESERVED, labels, None if pages is None else pages * reserved.page_size)
    _put_places(out, host.host_id, report)
    _put_poison(out, host.host_id, report.poison, {one.page_size for one in report.accounts})
    _put_processes(out, host.host_id, report)
    out.put(SAVED, whose, report.vmemmap.saved_bytes)
    found = Counter((one.code, one.severity) for one in report.findings)
    for code in get_args(FindingCode):
        for severity in SEVERITIES:
            count = found[code, severity]
            if count:
                out.put(FINDINGS, [host.host_id, code, severity], count)


def _age_s(frame_age_s: float, frame: datetime, report: datetime) -> float:
    """Both moments are by the host's clock: no other has a part in their difference."""
    return frame_age_s + max(0.0, (frame - report).total_seconds())


def _put_account(out: Families, host_id: str, account: PoolAccount) -> None:
    size = account.page_size
    parts: dict[str, int | None] = {
        name: getattr(account, name) for name in ("free", "mapped", "poisoned", "unattributed")
    }
    parts |= {name: getattr(account.held, name) for name in HeldPages.model_fields}
    what, labels = ACCOUNT, [host_id, size]
    if account.node is None:
        out.put(TORN, labels, account.torn * size)
    else:
        what, labels = NODE_ACCOUNT, [*labels, account.node]
        parts["unplaced"] = account.unplaced
    for part, pages in parts.items():
        out.put(what, [*labels, part], None if pages is None else pages * size)


def _put_places(out: Families, host_id: str, report: HostReport) -> None:
    misplaced: Counter[int] = Counter()
    unknown: Counter[int] = Counter()
    known = set()
    for mapping in report.mappings:
        size = mapping.page_size
        unknown[size] += mapping.misplaced_bytes is None
        if mapping.misplaced_bytes is not None:
            known.add(size)
            misplaced[size] += mapping.misplaced_bytes
    for size in islice(sorted(unknown), MAX_POOLS):
        out.put(PLACE_UNKNOWN, [host_id, size], unknown[size])
        if size in known:
            out.put(MISPLACED, [host_id, size], misplaced[size])


def _put_poison(out: Families, host_id: str, poison: Poison, sizes: set[int]) -> None:
    """Of pools that lost nothing that is known, 0."""
    lost: Counter[tuple[int, bool | None]] = Counter({(size, True): 0 for size in sorted(sizes)})
    for page in poison.pages:
        lost[page.page_size, page.in_pool] += page.page_size
    for (size, in_pool), count in islice(lost.items(), MAX_POOLS):
        out.put(POISONED, [host_id, size, _IN_POOL[in_pool]], count)
    out.put(CORRUPTED, [host_id], poison.hardware_corrupted_bytes)
    for node in islice(poison.failures, MAX_NODES):
        out.put(FAILURES, [host_id, node.node], node.total)


def _put_processes(out: Families, host_id: str, report: HostReport) -> None:
    differ = Counter(one.reason or "unknown" for one in report.status_differences)
    for reason in ("shared_table", "collapse", "unknown"):
        out.put(MISMATCH, [host_id, reason], differ[reason])
    out.put(WAITING, [host_id], sum(one.threads for one in report.uffd_waiters))
    stalled = [one.stalled_s for one in report.uffd_waiters if one.stalled_s is not None]
    if stalled or not report.uffd_waiters:
        out.put(STALLED, [host_id], max(stalled, default=0.0))
