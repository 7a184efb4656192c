"""A server of which everything is known that metrics tell, and what it answers to a scrape."""

from __future__ import annotations

import random
from types import ModuleType

from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from hugescope_server.metrics import cells, exposition, hosts, migrations, reports
from hugescope_server.metrics.families import Definition
from hugescope_server.routes.services import Services
from hugescope_wire.account import HeldPages, PoolAccount, ReservationAccount, Vmemmap
from hugescope_wire.host import AgentCost, HostFrame
from hugescope_wire.report import (
    HostReport,
    MappingReport,
    MemoryFailures,
    Poison,
    PoisonedPage,
    StatusDifference,
    UffdWaiter,
)
from hugescope_wire.snapshot import Pool
from tests.unit.server.made_host import PAGE_SIZE, MadeHost, full_meta
from tests.unit.server.made_report import finding, report
from tests.unit.server.migration.made_vms import MadeBox, pair_of
from tests.unit.server.routes.test_migrations import Served

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
SUFFIXES = ("_bucket", "_gcount", "_gsum")

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def definitions() -> list[Definition]:
    """Every one of the server's."""
    return [
        one for module in (hosts, cells, reports, migrations, exposition) for one in _of(module)
    ]


def _of(module: ModuleType) -> list[Definition]:
    found = [one for one in vars(module).values() if isinstance(one, Definition)]
    if module is hosts:
        for group in (hosts.POOLS, hosts.NODE_POOLS):
            found += [one for pair in group.values() for one in pair]
    return found


def account(node: int | None = None, **parts: object) -> PoolAccount:
    facts: dict[str, object] = {
        "page_size": PAGE_SIZE,
        "node": node,
        "total": 16,
        "free": 4,
        "reserved": 1,
        "surplus": 0,
        "overcommit": 0,
        "available": 3,
        "mapped": 5,
        "mapped_by": [],
        "held": HeldPages(fd=1, hugetlbfs=2, sysv=0, mapping=0),
        "poisoned": 1,
        "unattributed": 3,
        "unplaced": None if node is None else 0,
        "torn": 0,
    }
    return PoolAccount.model_validate(facts | parts)


def whole_report() -> HostReport:
    """Each part says something."""
    lost = {"page_size": PAGE_SIZE, "bad_bytes": 4096, "node": 0, "file": None}
    placed = {"pid": 10, "start": 0, "page_size": PAGE_SIZE}
    return report(
        finding(),
        finding("wrong-node", severity="warning"),
        finding("wrong-node", severity="warning", key="another"),
        accounts=[account(), account(0)],
        reservations=[
            ReservationAccount(
                page_size=PAGE_SIZE, reserved=1, owners=[], unattributed=0, unreserved_pages=2
            )
        ],
        vmemmap=Vmemmap(enabled=True, memmap_bytes=1, saved_bytes=28672),
        poison=Poison(
            pages=[
                PoisonedPage.model_validate(lost | {"in_pool": in_pool, "evidence": "kpageflags"})
                for in_pool in (True, True, False, None)
            ],
            failures=[MemoryFailures(node=0, total=3, ignored=0, failed=0, delayed=0, recovered=3)],
            hardware_corrupted_bytes=8192,
        ),
        mappings=[
            MappingReport.model_validate(placed | {"misplaced_bytes": size_bytes})
            for size_bytes in (PAGE_SIZE, 2 * PAGE_SIZE, None)
        ],
        status_differences=[
            StatusDifference(pid=10, comm="x", status_bytes=0, mapped_bytes=9, reason="collapse"),
            StatusDifference(pid=11, comm="x", status_bytes=0, mapped_bytes=9, reason=None),
        ],
        uffd_waiters=[
            UffdWaiter(pid=10, comm="x", threads=2, stalled_s=4.5),
            UffdWaiter(pid=11, comm="x", threads=1, stalled_s=None),
        ],
    )


def node_pool(node: int | None, free: int | None = 4) -> Pool:
    reserved = 1 if node is None else None
    return Pool(page_size=PAGE_SIZE, node=node, total=16, free=free, reserved=reserved, surplus=0)


class Site(Served):
    """A served world; `scrape` reads it as Prometheus does."""

    @property
    def services(self) -> Services:
        services = self.app.state.services
        assert isinstance(services, Services)
        return services

    async def scrape(self) -> list[Metric]:
        """The answer, taken apart by a strict reader of OpenMetrics."""
        body, _ = await self.services.metrics.exposition(OPENMETRICS)
        return list(text_string_to_metric_families(body.decode()))

    async def samples(self) -> Samples:
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in await self.scrape()
            for sample in family.samples
        }

    def take(self, host_id: str, meta: HostFrame, made: MadeHost | None = None) -> None:
        """A host with these facts, and the cells of `made`."""
        from hugescope_wire.frames import FrameKind, encode_frame, encode_range
        from tests.unit.server.made_host import hello

        cells = {} if made is None else made.cells
        blocks = [encode_range(number, PAGE_SIZE, one) for number, one in cells.items()]
        session = self.ingest.join(hello(host_id, "e"), lambda: None)
        session.take(encode_frame(FrameKind.FULL, 1, meta, blocks))


def whole_site() -> Site:
    """Two hosts, and a migration in its post-copy, with everything known."""
    site = Site()
    _, destination = pair_of(site)
    box = site.boxes[0]
    box.report = whole_report()
    destination.come(1, 2, 3)
    site.step()
    destination.go(2)
    destination.listen()
    site.step()
    for cell in range(20, 40):
        destination.come(cell)
        _watched_step(site, box)
    made = MadeHost(random.Random(3))
    made.add(7, 300)
    cost = AgentCost(
        cpu_percent=12.5, tick_ms=4, tick_hz=10, rss_bytes=1000, cells=300, refresh_s=2.5
    )
    meta = full_meta(made.processes(), whole_report())
    pools = [node_pool(None), node_pool(0)]
    site.take("h2", meta.model_copy(update={"cost": cost, "pools": pools}), made)
    return site


def _watched_step(site: Site, box: MadeBox) -> None:
    site.now += 0.1
    box.frame(watched=[20])


def names_of(metrics: list[Metric]) -> set[str]:
    """Of all series."""
    return {sample.name for metric in metrics for sample in metric.samples}


def value(samples: Samples, name: str, **labels: str) -> float | None:
    """Of one series; None: it is not there."""
    return samples.get((name, frozenset(labels.items())))
