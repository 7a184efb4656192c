"""A finding: something about a host's huge pages that its owner should know, with the evidence."""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from hugescope_wire.record import Count, Record
from hugescope_wire.secrecy import Address, Key

Severity = Literal["info", "notice", "warning", "critical"]
"""info: worth knowing; notice: costs something; warning: will cost or fail; critical: data or a
process is lost or about to be.
"""

SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
"""The mildest first."""

FindingCode = Literal[
    "split-mapping",
    "mapcount-differs",
    "shared-table",
    "wrong-node",
    "poisoned-page",
    "leaked-file",
    "fd-held-pages",
    "detached-segment",
    "idle-pool",
    "unattributed-pages",
    "unused-reservation",
    "sigbus-risk",
    "cgroup-limit-hit",
    "pages-dissolved",
    "pages-demoted",
    "userfaultfd-registered",
    "userfaultfd-stalled",
    "huge-pages-not-got",
    "guest-memory-unmapped",
    "odd-counter",
    "partial-view",
]
"""Stable: scripts and docs/findings.md name findings by these."""


class Evidence(Record):
    """One thing that was read or counted; `value` in the words and units of the screen."""

    name: str
    value: str
    source: str | None = Field(None, description="the file it was read from, or how it was counted")


class CellLink(Record):
    """Cells to look at: `count` from index `first` of the mapping at `start` in process `pid`.

    `count` 0 points at the mapping as a whole.
    """

    pid: Annotated[int, Field(ge=1)]
    start: Address
    first: Count = 0
    count: Count = 0


class Finding(Record):
    """One finding.

    Attributes:
        key: the same for the same thing from look to look, unique in a report.
        what, why, advice: one sentence each.
        command: what to type on that host, null where no command helps.
        pids: processes that it is about, also where there is no cell to link to.
    """

    key: Key
    code: FindingCode
    severity: Severity
    what: str
    why: str
    advice: str
    command: str | None = None
    evidence: list[Evidence] = Field(default_factory=list)
    links: list[CellLink] = Field(default_factory=list)
    pids: list[Annotated[int, Field(ge=1)]] = Field(default_factory=list)


def severity_rank(severity: Severity) -> int:
    """0 for the mildest; the higher, the worse."""
    return SEVERITIES.index(severity)
