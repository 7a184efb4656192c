"""Makes a host's report: a consistent look, then everything that follows from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final, Protocol

from hugescope_agent.kernel import cgroups, kvm, memory_failure, userfault, vmemmap
from hugescope_agent.kernel.host import HostFiles
from hugescope_agent.kernel.numa import NumaVma
from hugescope_agent.model.account import PoisonCount
from hugescope_agent.model.findings import Facts, find
from hugescope_agent.model.granularity import lost_pages as lost_by_smaps
from hugescope_agent.model.lost import LostPage, lost_pages
from hugescope_agent.model.mapped import MappedFrames
from hugescope_agent.model.owned import MappingKey
from hugescope_agent.model.poison import PoisonLook, PoisonView, poison
from hugescope_agent.model.poolhistory import PoolHistory
from hugescope_agent.model.reservations import ReservationLook, ReservationView, reservations
from hugescope_agent.model.thp import ThpMapping
from hugescope_agent.not_huge import NotHugeFinder
from hugescope_agent.survey.look import LOOKS, Accountant, Accounted, Joined, Looker, join
from hugescope_agent.survey.mappings import (
    registered,
    report_mapping,
    report_thp,
    status_difference,
)
from hugescope_agent.survey.sources import Sources
from hugescope_wire.cells import Cells
from hugescope_wire.host import Limit, ProcessInfo, Skipped, Source
from hugescope_wire.report import GuestMemory, HostReport, UffdHolder, UffdWaiter
from hugescope_wire.snapshot import Pool

_LOOKS_TO_BELIEVE: Final = 3
"""A page on its way into a page table is nobody's too, for as long as it takes to clear it."""

_PAUSE_S: Final = 0.02
_SOONEST_S: Final = 2.0
_LATEST_S: Final = 20.0
"""A report that is older misleads more than a new one costs."""

_DUTY: Final = 0.02
"""Of one core, most of the time that may go into reports of a host that is watched."""


class Host(Looker, Protocol):
    """The sampler, as a whole report needs it."""

    def thp_mappings(self) -> list[tuple[int, ThpMapping]]:
        """THP mappings with their pids."""

    def shown(self) -> tuple[list[ProcessInfo], dict[int, Cells]]:
        """What travels of processes, and cells by mapping id, as they were read."""

    def limits(self) -> list[Limit]:
        """What this kernel or these privileges do not give."""

    def skipped(self) -> Skipped:
        """Processes that could not be read."""


@dataclass(slots=True)
class Surveyor:
    """Makes reports of one host, one after another; remembers what one look cannot show.

    Attributes:
        looks: how often a torn look is taken again.
        due_s: when the next report may be made without going over its share of time.
    """

    files: HostFiles
    source: Source
    clock: Callable[[], float]
    looks: int = LOOKS
    due_s: float = 0.0
    _history: PoolHistory = field(default_factory=PoolHistory)
    _waits: dict[int, dict[int, userfault.Standing]] = field(default_factory=dict)
    _sources: Sources = field(init=False)
    _accountant: Accountant = field(init=False)
    _cgroups: cgroups.Cgroups = field(init=False)
    _not_huge: NotHugeFinder = field(init=False)

    def __post_init__(self) -> None:
        self.use(self.files)

    def use(self, files: HostFiles) -> None:
        """Read from another root from now on."""
        self.files = files
        self._sources = Sources(files)
        self._accountant = Accountant(self._sources)
        self._cgroups = cgroups.Cgroups(files.root)
        self._not_huge = NotHugeFinder(files)
        self.due_s = 0.0

    def take(self, host: Host, *, thorough: bool = False) -> HostReport:
        """Look until the look holds together, and report. `thorough`: walk all cgroups too.

        Raises:
            BadCapture: a captured tree holds what no kernel writes.
        """
        begin_s = time.thread_time()
        now_s = self.clock()
        joined, accounted, poisoned, lost = self._consistent(host, now_s)
        self._history.see(joined.after, now_s)
        views = self._reservations(joined, accounted, lost, poisoned)
        report = self._report(host, joined, accounted, poisoned, views, thorough=thorough)
        facts = self._facts(host, joined, report)
        report = report.model_copy(update={"findings": find(facts)})
        spent_s = time.thread_time() - begin_s
        self.due_s = self.clock() + min(max(_SOONEST_S, spent_s / _DUTY), _LATEST_S)
        return report

    def _consistent(
        self, host: Host, now_s: float
    ) -> tuple[Joined, Accounted, PoisonView, list[LostPage]]:
        """Look again while pages moved under the look, or seem to be nobody's."""
        seen: list[tuple[int, list[Pool]]] = []
        for looks in range(1, self.looks + 1):
            joined = join(host, self._sources)
            sizes = self.files.pools.page_sizes
            mapped = {size: MappedFrames.of(joined.owned, size) for size in sizes}
            poisoned, counts, lost = self._poison(joined, mapped, now_s)
            book = partial(self._accountant.account, joined, mapped, poisoned, counts, looks)
            accounted = book()
            if not self.files.root.live or accounted.torn == accounted.unattributed == 0:
                break
            seen = [] if accounted.torn else [*seen, (accounted.unattributed, joined.after)]
            if _agree(seen):
                break
            time.sleep(_PAUSE_S)
        else:
            spread = [pages for pages, _ in seen] or [0]
            accounted = book(unsteady=max(1, max(spread) - min(spread)))
        return joined, accounted, poisoned, lost

    def _poison(
        self, joined: Joined, mapped: Mapping[int, MappedFrames], now_s: float
    ) -> tuple[PoisonView, dict[int, PoisonCount], list[LostPage]]:
        sources = self._sources
        corrupted = sources.corrupted_bytes()
        frames = sources.frames(corrupted)
        by_smaps = {one.key: lost_by_smaps(one.mapping) or 0 for one in joined.owned}
        lost = lost_pages(joined.owned, by_smaps)
        policies = sources.policies(joined.processes, now_s) if lost else {}
        view = poison(
            PoisonLook(
                owned=joined.owned,
                lost=lost,
                frames=frames,
                outside=sources.outside(corrupted),
                failures=memory_failure.failures(self.files.root),
                hardware_corrupted_bytes=corrupted,
                bound=_bound(policies),
            )
        )
        counts = {
            size: PoisonCount.of(frames, of_size, size, corrupted)
            for size, of_size in mapped.items()
        }
        return view, counts, lost

    def _reservations(
        self,
        joined: Joined,
        accounted: Accounted,
        lost: Sequence[LostPage],
        poisoned: PoisonView,
    ) -> list[ReservationView]:
        hosts = {one.page_size: one for one in accounted.accounts if one.node is None}
        return [
            reservations(
                ReservationLook(
                    page_size=size,
                    reserved=account.reserved,
                    owned=joined.owned,
                    files=accounted.uses,
                    lost=lost,
                    mounts=joined.holders.mounts.hugetlbfs,
                    unattributed=None if account.torn else account.unattributed,
                    all_read=not joined.unread,
                    adrift=poisoned.adrift(size),
                )
            )
            for size, account in hosts.items()
        ]

    def _report(
        self,
        host: Host,
        joined: Joined,
        accounted: Accounted,
        poisoned: PoisonView,
        views: Sequence[ReservationView],
        *,
        thorough: bool,
    ) -> HostReport:
        root = self.files.root
        sharing = host.sharing(torn=accounted.torn > 0)
        policies = self._sources.policies(joined.processes, self.clock())
        reserved = {key: pages for view in views for key, pages in view.by_mapping.items()}
        mappings = [
            report_mapping(one, sharing, policies.get(one.key), reserved) for one in joined.owned
        ]
        mappings += [report_thp(pid, mapping) for pid, mapping in host.thp_mappings()]
        fds = joined.holders.fds
        pids = [pid for pid, _, _ in joined.processes]
        return HostReport(
            taken_at=datetime.now(UTC),
            accounts=accounted.accounts,
            holdings=accounted.holdings,
            reservations=[view.account for view in views],
            cgroups=self._cgroups.look(pids, walk=thorough).uses,
            vmemmap=vmemmap.read(root, joined.after),
            poison=poisoned.record,
            mappings=mappings,
            status_differences=[
                found
                for pid, comm, owned in joined.processes
                if (found := status_difference(root, pid, comm, owned)) is not None
            ],
            uffd_holders=sorted(fds.uffd, key=_by_fd),
            uffd_waiters=self._waiters(joined),
            guest_memory=sorted(fds.guest, key=_by_fd),
            stage2=kvm.stage2(root).vms,
            boot=self._sources.boot,
            findings=[],
        )

    def _waiters(self, joined: Joined) -> list[UffdWaiter]:
        """Threads that wait, of processes with a registered mapping."""
        found, waits = [], {}
        now_s = self.clock()
        for pid, comm, mappings in joined.processes:
            flags = [m.smaps.vm_flags for m in mappings if m.smaps is not None]
            if not any(registered(words) for words in flags):
                continue
            waiting = userfault.waiters(self.files.root, pid)
            waits[pid] = userfault.follow(self._waits.get(pid, {}), waiting or (), now_s)
            record = userfault.waiter_record(pid, comm, waits[pid], now_s)
            if record is not None:
                found.append(record)
        self._waits = waits
        return found

    def _facts(self, host: Host, joined: Joined, report: HostReport) -> Facts:
        infos, cells = host.shown()
        pids = sorted({pid for pid, _, _ in joined.processes} | {p for p, _ in host.thp_mappings()})
        return Facts(
            report=report,
            pools=joined.after,
            processes=infos,
            cells=cells,
            limits=host.limits(),
            skipped=host.skipped(),
            source=self.source,
            history=self._history.lost,
            not_huge=self._not_huge.look(pids, self.clock()),
            available_bytes=memory_failure.meminfo_bytes(self.files.root, "MemAvailable"),
        )


def _agree(seen: list[tuple[int, list[Pool]]]) -> bool:
    """Whether enough looks in a row found the same counters, and as many pages to be nobody's."""
    last = seen[-_LOOKS_TO_BELIEVE:]
    return len(last) == _LOOKS_TO_BELIEVE and all(one == last[0] for one in last)


def _bound(told: dict[MappingKey, NumaVma]) -> dict[MappingKey, frozenset[int]]:
    """Nodes on which pages have to lie, of mappings that are bound to some."""
    return {
        key: frozenset(vma.policy.nodes)
        for key, vma in told.items()
        if vma.policy.mode == "bind" and vma.policy.nodes
    }


def _by_fd(holder: UffdHolder | GuestMemory) -> tuple[int, int]:
    return holder.pid, holder.fd or 0
