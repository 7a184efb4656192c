"""partial-view: what could not be read, so that counts are lower bounds."""

from __future__ import annotations

from typing import Final

from hugescope_agent.model.findings import words
from hugescope_agent.model.findings.facts import Facts
from hugescope_wire.findings import Evidence, Finding

_HARMLESS: Final = frozenset({"pagemap_scan", "procmap_query"})
"""Without these looks cost more; what they would have shown is read in another way, or said to be
unknown where it stands.
"""

_PROCESSES: Final = "processes"


def find_partial(facts: Facts) -> list[Finding]:
    """One finding for all processes that could not be read, and one a capability that lacks."""
    findings = [
        Finding(
            key=f"partial-view:{words.printable(limit.capability)}",
            code="partial-view",
            severity="notice",
            what=f"This view is partial: {words.printable(limit.reason.rstrip('.'))}.",
            why=f"{_sentence(limit.cost)}.",
            advice=f"{_sentence(limit.remedy)}."
            if limit.remedy
            else "Nothing can be done from here; take what depends on it as a lower bound.",
            command="hugescope doctor" if facts.source.kind == "live" else None,
            evidence=[Evidence(name="missing", value=limit.capability)],
        )
        for limit in facts.limits
        if limit.capability not in _HARMLESS and limit.capability != _PROCESSES
    ]
    if facts.unread:
        findings.append(_processes(facts))
    return findings


def _processes(facts: Facts) -> Finding:
    denied, failed = facts.skipped.denied, facts.skipped.failed
    reasons = (
        ("for want of privileges", denied),
        ("as files of theirs are missing or make no sense", failed),
    )
    told = [(reason, count) for reason, count in reasons if count]
    why = " and ".join(f"{count} {reason}" for reason, count in told)
    if len(told) == 1:
        why = told[0][0]
    remedy = next((limit.remedy for limit in facts.limits if limit.capability == _PROCESSES), None)
    return Finding(
        key="partial-view:processes",
        code="partial-view",
        severity="notice",
        what=f"{words.counted(facts.unread, 'process', 'processes')} could not be read, {why}.",
        why="What is mapped there is not among the mappers and the mapped pages, and a page or "
        "file that seems to be nobody's may be in use there.",
        advice=f"{_sentence(remedy)}." if remedy else "See in the log which, and why.",
        command="hugescope -v snapshot" if failed or not remedy else "hugescope doctor",
        evidence=[
            Evidence(name="denied", value=str(denied), source="/proc"),
            Evidence(name="failed", value=str(failed), source="/proc"),
        ],
    )


def _sentence(text: str) -> str:
    text = words.printable(text.rstrip("."))
    return text[:1].upper() + text[1:]
