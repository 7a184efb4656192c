"""What a scrape is told, what it is not told, and that no agent can spoil it for others."""

from __future__ import annotations

import asyncio
import random

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from hugescope_wire.cells import UNKNOWN_COUNT, CellState
from hugescope_wire.host import Source
from hugescope_wire.snapshot import HostInfo, Pool
from tests.unit.server.made_host import PAGE_SIZE, MadeHost, full_meta
from tests.unit.server.made_report import report
from tests.unit.server.metrics.made_metrics import (
    Site,
    account,
    definitions,
    names_of,
    value,
    whole_report,
    whole_site,
)
from tests.unit.server.migration.made_vms import pair_of

SIZE = str(PAGE_SIZE)


async def test_every_metric_is_told_where_everything_is_known() -> None:
    told = {metric.name for metric in await whole_site().scrape()}
    assert {one.name for one in definitions()} <= told
    others = told - {one.name for one in definitions()}
    assert all(name.startswith("process_") for name in others)


@pytest.mark.parametrize(
    "accept", ["text/plain;version=x", "application/openmetrics-text;version=2.\x80", ",;=", ""]
)
async def test_a_format_that_there_is_not_is_answered_in_the_plain_one(accept: str) -> None:
    body, content_type = await whole_site().services.metrics.exposition(accept)
    assert content_type.startswith("text/plain; version=0.0.4")
    assert b"hugescope_server_hosts 2.0" in body


async def test_pools_and_accounts() -> None:
    samples = await whole_site().samples()
    pool = {"host": "h2", "page_size": SIZE}
    assert value(samples, "hugescope_pool_size_pages", **pool) == 16
    assert value(samples, "hugescope_pool_free_bytes", **pool) == 4 * PAGE_SIZE
    assert value(samples, "hugescope_node_pool_free_pages", **pool, node="0") == 4
    parts = {
        dict(labels)["part"]: size_bytes
        for (name, labels), size_bytes in samples.items()
        if name == "hugescope_account_bytes" and ("host", "h2") in labels
    }
    assert parts["fd"] == PAGE_SIZE
    assert sum(parts.values()) == value(samples, "hugescope_pool_size_bytes", **pool)
    assert value(samples, "hugescope_node_account_bytes", **pool, node="0", part="unplaced") == 0
    assert value(samples, "hugescope_unreserved_bytes", **pool) == 2 * PAGE_SIZE


async def test_what_a_report_says() -> None:
    samples = await whole_site().samples()
    pool = {"host": "h2", "page_size": SIZE}
    assert value(samples, "hugescope_misplaced_bytes", **pool) == 3 * PAGE_SIZE
    assert value(samples, "hugescope_placement_unknown_mappings", **pool) == 1
    assert value(samples, "hugescope_poisoned_bytes", **pool, in_pool="yes") == 2 * PAGE_SIZE
    assert value(samples, "hugescope_poisoned_bytes", **pool, in_pool="unknown") == PAGE_SIZE
    assert value(samples, "hugescope_memory_failures_total", host="h2", node="0") == 3
    mismatch = "hugescope_status_mismatch_processes"
    assert value(samples, mismatch, host="h2", reason="shared_table") == 0
    assert value(samples, mismatch, host="h2", reason="unknown") == 1
    assert value(samples, "hugescope_userfaultfd_waiting_threads", host="h2") == 3
    assert value(samples, "hugescope_userfaultfd_stalled_seconds", host="h2") == 4.5
    finding = {"code": "wrong-node", "severity": "warning"}
    assert value(samples, "hugescope_findings", host="h2", **finding) == 2
    assert value(samples, "hugescope_agent_cpu_ratio", host="h2") == 0.125
    assert value(samples, "hugescope_agent_tick_seconds", host="h2") == 0.004


async def test_cells_by_state_and_count() -> None:
    site, made = Site(), MadeHost(random.Random(1))
    number = made.add(7, 100)
    made.cells[number].state[:] = CellState.MAPPED
    made.cells[number].mapped_pages[:] = 512
    made.cells[number].mapcount[:] = np.repeat([1, 3, 6, 65534, UNKNOWN_COUNT], 20)
    made.cells[number].mapped_pages[:10] = 0
    made.cells[number].state[:10] = CellState.HOLE
    site.take("h1", full_meta(made.processes()), made)
    samples = await site.samples()
    which = {"host": "h1", "kind": "hugetlb", "page_size": SIZE}
    assert value(samples, "hugescope_cells", **which, state="mapped") == 90
    assert value(samples, "hugescope_mapped_bytes", **which, state="mapped") == 90 * PAGE_SIZE
    assert value(samples, "hugescope_mapped_level_bytes", **which, level="pmd") == 90 * PAGE_SIZE
    name, kind = "hugescope_cell_mapcount", {"host": "h1", "kind": "hugetlb"}
    borders = {"0": 0, "1": 10, "2": 10, "3": 30, "4": 30, "8": 50, "16": 50, "32768": 50}
    for border, cells in (borders | {"+Inf": 70}).items():
        le = border if border == "+Inf" else f"{float(border)}"
        assert value(samples, f"{name}_bucket", **kind, le=le) == cells, border
    assert value(samples, f"{name}_gsum", **kind) == 10 + 60 + 120 + 20 * 65534
    unknown = "hugescope_cell_count_unknown_cells"
    assert value(samples, unknown, **kind, count="mapcount") == 20


async def test_counts_follow_changes() -> None:
    site, made = Site(), MadeHost(random.Random(1))
    number = made.add(7, 64)
    session = site.ingest.join(_hello("h1"), lambda: None)
    for frame in (made.full, lambda: made.change_cells(number, [1, 5, 9]), made.full):
        session.take(frame())
        samples = await site.samples()
        cells = made.cells[number]
        known = (cells.mapped_pages > 0) & (cells.mapcount != UNKNOWN_COUNT)
        total = int(cells.mapcount[known].sum())
        which = {"host": "h1", "kind": "hugetlb"}
        assert value(samples, "hugescope_cell_mapcount_gsum", **which) == total
        assert value(samples, "hugescope_cell_mapcount_gcount", **which) == int(known.sum())


def _hello(host_id: str):
    from tests.unit.server.made_host import hello

    return hello(host_id)


async def test_what_is_unknown_has_no_sample() -> None:
    site = Site()
    unknown = Pool(page_size=PAGE_SIZE, node=None, total=4, free=None, reserved=None, surplus=None)
    meta = full_meta([]).model_copy(update={"pools": [unknown]})
    site.take("h1", meta)
    names = names_of(await site.scrape())
    assert "hugescope_pool_size_bytes" in names
    assert "hugescope_pool_free_bytes" not in names
    for prefix in ("agent_", "account", "report", "poison", "finding", "misplaced", "cell", "map"):
        assert not any(name.startswith(f"hugescope_{prefix}") for name in names), prefix
    torn = account(unattributed=None, mapped=None)
    site.take("h1", full_meta([], report(accounts=[torn])))
    samples = await site.samples()
    which = {"host": "h1", "page_size": SIZE}
    assert value(samples, "hugescope_account_bytes", **which, part="mapped") is None
    assert value(samples, "hugescope_account_bytes", **which, part="free") == 4 * PAGE_SIZE
    assert value(samples, "hugescope_poisoned_bytes", **which, in_pool="yes") == 0


async def test_of_a_host_that_is_gone_only_that_is_told() -> None:
    site = Site()
    pair_of(site)
    site.boxes[0].leave()
    samples = await site.samples()
    assert value(samples, "hugescope_host_link_state", host="h1", state="gone") == 1
    assert value(samples, "hugescope_host_link_state", host="h1", state="live") == 0
    told = {name for name, labels in samples if ("host", "h1") in labels}
    assert told == {
        "hugescope_host_info",
        "hugescope_host_link_state",
        "hugescope_host_frame_age_seconds",
    }


@pytest.mark.parametrize("kind", ["capture", "replay"])
async def test_what_is_not_of_now_has_no_numbers(kind: str) -> None:
    site = Site()
    source = Source.model_validate({"kind": kind})
    site.take("h1", full_meta([], whole_report()).model_copy(update={"source": source}))
    samples = await site.samples()
    assert not any(name.startswith("hugescope_pool") for name, _ in samples)
    (info,) = (labels for name, labels in samples if name == "hugescope_host_info")
    assert ("source", kind) in info


async def test_a_migration_is_told_until_a_while_after_its_end() -> None:
    site = whole_site()
    (migration,) = site.desk.migrations()
    samples = await site.samples()
    which = {"migration": migration.id}
    assert value(samples, "hugescope_migration_phase", **which, phase="postcopy") == 1
    present = value(samples, "hugescope_migration_present_bytes", **which)
    assert present == 22 * PAGE_SIZE
    assert value(samples, "hugescope_migration_missing_pages", **which) == 64 - 22
    site.boxes[0].end(10)
    site.boxes[0].end(20)
    site.step()
    site.step(1.0)
    samples = await site.samples()
    assert migration.ended
    assert value(samples, "hugescope_migration_phase", **which, phase=migration.phase) == 1
    assert value(samples, "hugescope_migration_missing_pages", **which) is None
    site.now += 301
    assert not any(name.startswith("hugescope_migration") for name, _ in await site.samples())


async def test_a_thousand_processes_make_no_more_series_than_one() -> None:
    counts = []
    for processes in (1, 1000):
        site, made = Site(), MadeHost(random.Random(5))
        for pid in range(1, processes + 1):
            made.cells[made.add(pid, 3)].flags[:] = 0
        site.take("h1", full_meta(made.processes(), whole_report()), made)
        counts.append(len(await site.samples()))
    assert counts[0] == counts[1]
    assert counts[0] < 250


async def test_hostile_agents_spoil_nothing() -> None:
    """One bad line would make Prometheus refuse the whole answer."""
    site = Site()
    twice = Pool(page_size=PAGE_SIZE, node=None, total=1, free=1, reserved=10**400, surplus=-5)
    many = [
        Pool(page_size=number, node=None, total=1, free=1, reserved=0, surplus=0)
        for number in range(5000)
    ]
    name = HostInfo(name="x", kernel='6.1"}\n# EOF\n' + "k" * 5000, boot_id=None)
    lie = report(accounts=[account(), account(), *(account(node) for node in range(5000))])
    meta = full_meta([], lie).model_copy(update={"pools": [twice, twice, *many], "host": name})
    site.take("h1", meta)
    samples = await site.samples()
    assert len(samples) < 10_000
    assert value(samples, "hugescope_pool_surplus_pages", host="h1", page_size=SIZE) == -5
    assert value(samples, "hugescope_pool_reserved_pages", host="h1", page_size=SIZE) is None
    body, content_type = await site.services.metrics.exposition("")
    assert content_type.startswith("text/plain")
    lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
    assert len({line.rsplit(" ", 1)[0] for line in lines}) == len(lines)
    assert list(text_string_to_metric_families(body.decode()))


async def test_scrapes_at_once_and_one_that_is_given_up() -> None:
    site = whole_site()
    first = asyncio.create_task(site.scrape())
    await asyncio.sleep(0)
    first.cancel()
    answers = await asyncio.gather(*(site.samples() for _ in range(4)))
    assert len({len(one) for one in answers}) == 1


async def test_the_server_counts_what_it_took() -> None:
    site = Site()
    site.take("h1", full_meta([]))
    samples = await site.samples()
    assert value(samples, "hugescope_server_frames_total") == 1
    assert (value(samples, "hugescope_server_frame_bytes_total") or 0) > 100
    assert value(samples, "hugescope_server_sockets", of="viewers") == 0
