"""wrong-node: pages that lie on a node which the mapping's policy does not name."""

from __future__ import annotations

from typing import Final

import numpy as np

from hugescope_agent.model.findings import links, words
from hugescope_agent.model.findings.facts import Facts
from hugescope_wire.cells import UNKNOWN_NODE, Cells
from hugescope_wire.findings import CellLink, Evidence, Finding
from hugescope_wire.report import MappingReport, Policy

_WISHES: Final = ("prefer", "local")
"""Policies that the kernel may depart from when the node is full: a page elsewhere costs, and
breaks no promise.
"""


def find_wrong_node(facts: Facts) -> list[Finding]:
    """One finding a mapping."""
    return [
        _wrong_node(facts, mapping, mapping.policy)
        for mapping in facts.report.mappings
        if mapping.misplaced_bytes and mapping.policy is not None
    ]


def _wrong_node(facts: Facts, mapping: MappingReport, policy: Policy) -> Finding:
    bytes_ = mapping.misplaced_bytes or 0
    allowed = set(policy.nodes)
    away = sorted(n for n, held in mapping.node_bytes.items() if held and n not in allowed)
    wish = policy.mode.startswith(_WISHES)
    text = words.printable(policy.text)
    nodes = words.listing([f"node {number}" for number in away]) if away else "other nodes"
    return Finding(
        key=f"wrong-node:{mapping.pid}:{mapping.start:x}",
        code="wrong-node",
        severity="notice" if wish else "warning",
        what=f"{facts.who(mapping.pid)} has {words.size(bytes_)} on {nodes} of its "
        f"mapping at {words.address(mapping.start)}, whose policy is {text}.",
        why="Every access from the nodes of the policy to these pages crosses between nodes, "
        "which is slower and takes bandwidth from others.",
        advice=_advice(facts, mapping, policy),
        command=_command(mapping, policy, away),
        evidence=[
            Evidence(name="policy", value=policy.text, source=f"/proc/{mapping.pid}/numa_maps"),
            *(
                Evidence(
                    name=f"on node {node}",
                    value=words.size(held),
                    source="page frame numbers against /proc/zoneinfo",
                )
                for node, held in sorted(mapping.node_bytes.items())
            ),
        ],
        links=_misplaced(facts, mapping, policy),
        pids=[mapping.pid],
    )


def _misplaced(facts: Facts, mapping: MappingReport, policy: Policy) -> list[CellLink]:
    place = facts.places.get((mapping.pid, mapping.start))
    cells: Cells | None = None if place is None else facts.cells.get(place.info.id)
    found: list[CellLink] = []
    if cells is not None:
        known = (cells.mapped_pages > 0) & (cells.node != UNKNOWN_NODE)
        elsewhere = known & ~np.isin(cells.node, policy.nodes)
        found = links.to_cells(mapping.pid, mapping.start, elsewhere)
    return found or [links.to_mapping(mapping.pid, mapping.start)]


def _advice(facts: Facts, mapping: MappingReport, policy: Policy) -> str:
    """Pages can only move to pages that are free over there."""
    free = [
        pool.free
        for pool in facts.pools
        if pool.page_size == mapping.page_size and pool.node in policy.nodes
    ]
    known = [count for count in free if count is not None]
    short = -(-(mapping.misplaced_bytes or 0) // mapping.page_size) - sum(known)
    if not known or len(known) < len(free):
        return "Move the pages, if there are as many free ones on the nodes of the policy."
    if short > 0:
        path = words.node_pool_file(policy.nodes[0], mapping.page_size)
        return (
            f"Add {words.counted(short, 'free page')} to the pool of the policy's nodes "
            f"(such as by {path}), then move the process's memory there."
        )
    return (
        "Move the process's memory there; the nodes of the policy have "
        f"{words.counted(sum(known), 'free page')} of this size."
    )


def _command(mapping: MappingReport, policy: Policy, away: list[int]) -> str | None:
    if not away or not policy.nodes:
        return None
    from_, to = (",".join(map(str, nodes)) for nodes in (away, policy.nodes))
    return f"migratepages {mapping.pid} {from_} {to}"
