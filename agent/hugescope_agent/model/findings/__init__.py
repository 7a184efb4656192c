"""Findings: what the owner of a host should know, from one look. Pure, one module a family."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from hugescope_agent.model.findings import words
from hugescope_agent.model.findings.account import find_idle, find_odd, find_unattributed
from hugescope_agent.model.findings.cgroup import find_cgroup_risk, find_limit_hit
from hugescope_agent.model.findings.dissolved import find_demoted, find_dissolved
from hugescope_agent.model.findings.facts import Facts
from hugescope_agent.model.findings.folios import find_in_part
from hugescope_agent.model.findings.granularity import find_split
from hugescope_agent.model.findings.guest import find_guest_memory
from hugescope_agent.model.findings.holdings import find_held
from hugescope_agent.model.findings.place import find_wrong_node
from hugescope_agent.model.findings.poison import find_poisoned
from hugescope_agent.model.findings.reservations import find_pool_risk, find_unused
from hugescope_agent.model.findings.sharing import find_sharing
from hugescope_agent.model.findings.thp import find_not_got
from hugescope_agent.model.findings.userfault import find_registered, find_stalled
from hugescope_agent.model.findings.view import find_partial
from hugescope_wire.findings import Finding, severity_rank

__all__ = ["Facts", "find"]

_FINDERS: Final[tuple[Callable[[Facts], list[Finding]], ...]] = (
    find_split,
    find_in_part,
    find_sharing,
    find_wrong_node,
    find_poisoned,
    find_held,
    find_idle,
    find_unattributed,
    find_unused,
    find_pool_risk,
    find_cgroup_risk,
    find_limit_hit,
    find_dissolved,
    find_demoted,
    find_registered,
    find_stalled,
    find_not_got,
    find_guest_memory,
    find_odd,
    find_partial,
)


def find(facts: Facts) -> list[Finding]:
    """Every finding of one look: the most severe first, then by code and key; keys are unique."""
    found = [finding for finder in _FINDERS for finding in finder(facts)]
    ordered = sorted(found, key=lambda f: (-severity_rank(f.severity), f.code, f.key, f.what))
    return list(_numbered(ordered))


def _numbered(findings: list[Finding]) -> Iterator[Finding]:
    """Things that nothing known tells apart, such as two lost pages at unknown places of a mapping,
    have the same key: the second and later ones get a number. Names in keys are made printable.
    """
    seen: Counter[str] = Counter()
    for finding in findings:
        key = words.printable(finding.key)
        seen[key] += 1
        key = key if seen[key] == 1 else f"{key}#{seen[key]}"
        yield finding if key == finding.key else finding.model_copy(update={"key": key})
