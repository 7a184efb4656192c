"""A host itself: its link, its pools, and what its agent costs.

Of a host whose link is gone, or whose pages are not this moment's (a recording, a captured tree),
no more is told than that: old numbers would look like new ones.
"""

from __future__ import annotations

from itertools import islice
from typing import Final, get_args

from hugescope_server.hoststate import Link
from hugescope_server.metrics.families import Definition, Families
from hugescope_server.metrics.view import HostView
from hugescope_wire.host import AgentCost
from hugescope_wire.snapshot import Pool

MAX_POOLS: Final = 512
"""Of one host, nodes' included: 64 nodes with four page sizes have 260."""

HOST: Final = ("host",)
POOL: Final = ("host", "page_size")
NODE_POOL: Final = ("host", "page_size", "node")

INFO: Final = Definition(
    "hugescope_host",
    "What is watched: kernel, agent's version, and whether its pages are read live, from a capture "
    "or from a replay. Of the last two no numbers are told.",
    HOST,
    kind="info",
)
LINK: Final = Definition(
    "hugescope_host_link_state",
    "1 for the present state of the link to the host's agent: live, late or gone.",
    (*HOST, "state"),
)
AGE: Final = Definition(
    "hugescope_host_frame_age_seconds",
    "Time since the host's last frame came, by the server's clock.",
    HOST,
    "seconds",
)
CLOCK: Final = Definition(
    "hugescope_host_clock_behind_seconds",
    "By how much the host's clock is behind the server's; negative: ahead of it.",
    HOST,
    "seconds",
)
PROCESSES: Final = Definition(
    "hugescope_host_processes", "Processes that map huge pages.", HOST, "processes"
)
SKIPPED: Final = Definition(
    "hugescope_host_skipped_processes",
    "Processes that could not be read in the last discovery, by reason: what they map is not seen.",
    (*HOST, "reason"),
    "processes",
)

_COUNTERS: Final = {
    "total": ("size", "Huge pages of the pool, surplus ones included"),
    "free": ("free", "Huge pages that nobody uses, reserved ones included"),
    "reserved": ("reserved", "Huge pages that are promised to mappings and not touched yet"),
    "surplus": ("surplus", "Huge pages beyond the pool's own size, taken by overcommit"),
}
"""Attributes of `Pool`: as they are named here, and what they are."""


_WHOLE: Final = "of the host as a whole"
"""Nodes have no reservations of their own."""


def _of_pool(prefix: str, labels: tuple[str, ...], whose: str) -> dict[str, list[Definition]]:
    return {
        attribute: [
            Definition(f"{prefix}_{name}_{unit}", f"{words}, {whose}.", labels, unit)
            for unit in ("bytes", "pages")
        ]
        for attribute, (name, words) in _COUNTERS.items()
        if whose == _WHOLE or attribute != "reserved"
    }


POOLS: Final = _of_pool("hugescope_pool", POOL, _WHOLE)
NODE_POOLS: Final = _of_pool("hugescope_node_pool", NODE_POOL, "of one NUMA node")

CPU: Final = Definition(
    "hugescope_agent_cpu_ratio", "CPU that the agent uses, of one core.", HOST, "ratio"
)
TICK: Final = Definition(
    "hugescope_agent_tick_seconds", "Mean time that one look takes.", HOST, "seconds"
)
TICK_RATE: Final = Definition("hugescope_agent_ticks_per_second", "Looks that were reached.", HOST)
RESIDENT: Final = Definition(
    "hugescope_agent_resident_memory_bytes", "Resident memory of the agent.", HOST, "bytes"
)
CELLS: Final = Definition("hugescope_agent_cells", "Huge pages watched.", HOST, "cells")
REFRESH: Final = Definition(
    "hugescope_agent_refresh_seconds",
    "Time until every page's number, count and flags were read again.",
    HOST,
    "seconds",
)


def put_link(out: Families, host: HostView) -> None:
    """Whether it is there, and what it is."""
    about = host.about
    out.put_info(
        INFO,
        [host.host_id],
        kernel=about.host.kernel,
        agent_version=host.agent_version,
        source=about.source.kind,
    )
    for state in get_args(Link):
        out.put(LINK, [host.host_id, state], float(state == host.link))
    out.put(AGE, [host.host_id], host.age_s)


def put_host(out: Families, host: HostView) -> None:
    """Everything else that stands in each frame."""
    about, whose = host.about, [host.host_id]
    out.put(CLOCK, whose, host.clock_behind_s)
    out.put(PROCESSES, whose, len(about.processes))
    for reason in ("gone", "denied", "failed"):
        out.put(SKIPPED, [*whose, reason], getattr(about.skipped, reason))
    for pool in islice(about.pools, MAX_POOLS):
        _put_pool(out, host.host_id, pool)
    if about.cost is not None:
        _put_cost(out, whose, about.cost)


def _put_pool(out: Families, host_id: str, pool: Pool) -> None:
    labels = [host_id, pool.page_size, *([] if pool.node is None else [pool.node])]
    for attribute, (in_bytes, in_pages) in (POOLS if pool.node is None else NODE_POOLS).items():
        pages = getattr(pool, attribute)
        out.put(in_bytes, labels, None if pages is None else pages * pool.page_size)
        out.put(in_pages, labels, pages)


def _put_cost(out: Families, whose: list[str], cost: AgentCost) -> None:
    out.put(CPU, whose, cost.cpu_percent / 100)
    out.put(TICK, whose, cost.tick_ms / 1000)
    out.put(TICK_RATE, whose, cost.tick_hz)
    out.put(RESIDENT, whose, cost.rss_bytes)
    out.put(CELLS, whose, cost.cells)
    out.put(REFRESH, whose, cost.refresh_s)
