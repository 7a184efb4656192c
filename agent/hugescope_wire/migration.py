"""A live migration: one VM's RAM on two hosts, or twice on one, as it is seen to move.

All of it is seen from outside, by looking at page tables; what QEMU says of itself is beside it,
and marked as QEMU's. Times are seconds since 1970 on the server's clock: what agents and QEMUs say
is brought to it. Places in RAM are cells of a block, which begins at `MigrationBlock.offset` of the
guest's RAM: both ends count alike, wherever their mappings are.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from hugescope_wire.host import MappingId, Source
from hugescope_wire.record import Count, Record
from hugescope_wire.secrecy import DestinationAddress, Name, SourceAddress
from hugescope_wire.vm import QmpReading

MAX_MIGRATION_POINTS: Final = 1200
MAX_DEMANDED: Final = 200
"""Pages listed by how long they were missing."""

Phase = Literal["waiting", "precopy", "switchover", "postcopy", "done", "failed", "cancelled"]
Evidence = Literal["seen", "qmp"]
PairReason = Literal["hand", "uuid", "name", "ram", "incoming", "userfaultfd", "filling"]
Side = Literal["source", "destination"]


class MigrationEnd(Record):
    """One of the two processes.

    Attributes:
        host_source: what its host's pages were read from.
        simulated: it stands in for a VM.
        gone: it ended, or its agent is away: what is said of it is the last that was seen.
        present_pages: of all blocks.
    """

    host_id: Name
    host_source: Source
    epoch: Name
    pid: Annotated[int, Field(ge=1)]
    name: Name | None
    simulated: bool
    gone: bool
    present_pages: Count
    qmp: QmpReading | None = None


class MigrationBlock(Record):
    """A piece of RAM that both ends map: a RAM block of QEMU's, or a mapping of one.

    Attributes:
        backend: what QEMU calls it; null: not known.
        offset: bytes into the guest's RAM; from `low_bytes` on at guest-physical 4 GiB and above.
        source, destination: the mappings, null where that end has none any more.
    """

    backend: Name | None
    offset: Count
    low_bytes: Count | None
    page_size: Count
    pages: Count
    source: MappingId | None
    source_start: SourceAddress | None
    destination: MappingId | None
    destination_start: DestinationAddress | None


class PhaseSpan(Record):
    """A phase, in order of time; `ended_s` null: it lasts. `evidence`: what told that it began.

    Attributes:
        words: what was seen, for people.
    """

    phase: Phase
    began_s: float
    ended_s: float | None
    evidence: Evidence
    words: str


class Collapse(Record):
    """What the switch-over cost at the destination: huge pages of which some 4 KiB were dirty are
    punched out whole.

    Attributes:
        at_s: of the look that showed it.
        punched: pages that were present and were gone.
        reservations_lost: of the pool, by which free - reserved rose; null: the pool was not seen.
        left: pages left in the pool for anyone else after it, free - reserved; null: not seen.
        without_reservation: pages that are still to come and that nothing is reserved for.
        margin: pages that others may take before a page of the migration finds none; negative: it
            will fail unless pages come free; null: not known. Of the pool with `growth`, or of a
            limit of the destination's cgroups where that leaves less; of nodes nothing is known.
        limited_by: which of the two; null with `margin`.
        growth: surplus pages that the pool may still take (overcommit) if the host has memory for
            them, which is not known; null: not known, and counted as none.
        fails_at_s: when the margin is used up, if the pool goes on as in the last ten seconds;
            null: not at all.
    """

    at_s: float
    punched: Count
    reservations_lost: int | None
    left: int | None
    without_reservation: Count | None
    margin: int | None
    limited_by: Literal["pool", "cgroup"] | None
    growth: Count | None
    fails_at_s: float | None


class TimeLeft(Record):
    """Seconds until the last page came, at the rate of the last ten seconds; `low` and `high`: at
    the fastest and the slowest second of them. Null: nothing came.
    """

    likely_s: float | None
    low_s: float | None
    high_s: float | None


class Demanded(Record):
    """A page that was fetched because the guest touched it.

    Attributes:
        missing_s: from the switch-over, or from the begin of watching, until it came.
        stalled_s: from the first fault that was seen on it until it came; null: no fault was seen.
        inferred: that it was demanded follows from the order of arrivals; false: a fault was seen.
        arrived_s: when it came; null: it is still missing.
    """

    block: Count
    cell: Count
    missing_s: float
    stalled_s: float | None
    inferred: bool
    arrived_s: float | None


class WhatIf(Record):
    """The demand of this migration at another page size: computed, not seen.

    Attributes:
        pages: that the demanded addresses lie in, at this size.
        bytes: of those.
        wait_s: that one fault waits for its page at `rate_bytes_per_s`.
        total_wait_s: of all of them, one after another.
    """

    page_size: Count
    actual: bool
    pages: Count
    bytes: Count
    wait_s: float
    total_wait_s: float


class MigrationPoint(Record):
    """About one second of it. Rates in pages a second, sweep and demand of the destination only.

    Attributes:
        left: pages that the destination has not.
        pool_left: free - reserved of the destination's pool; null: not seen.
    """

    at_s: float
    source_present: Count
    destination_present: Count
    sweep: float
    demand: float
    punched: float
    left: Count
    pool_left: int | None


class MigrationSummary(Record):
    """A migration as lists show it. `id` lasts as long as the server runs."""

    id: Name
    paired_by: list[PairReason]
    name: Name | None
    source: MigrationEnd | None
    destination: MigrationEnd | None
    phase: Phase
    page_size: Count
    pages: Count
    present: Count


class MigrationState(Record):
    """Everything about one migration but its cells and the log of arrivals.

    Attributes:
        sweep, demand: arrivals at the destination since the switch-over, in order and scattered.
        precopied: arrivals before it.
        arrivals: entries in the log of arrivals.
        inflated_pages: present pages that the source gained meanwhile.
        rate_bytes_per_s: that pages arrived with in the post-copy; null: none did.
        faults: faults that were seen on the destination's RAM; null: they are not watched, as
            before the switch-over, or cannot be seen there, which the limits of its host say.
        demanded: those that were missing longest; still missing ones first.
        dark: pages that a fault was seen on and that have not come.
        begins: `points` are all that are kept; forget others.
    """

    type: Literal["migration"] = "migration"
    summary: MigrationSummary
    blocks: list[MigrationBlock]
    phases: list[PhaseSpan]
    collapse: Collapse | None
    precopied: Count
    sweep: Count
    demand: Count
    arrivals: Count
    left: Count
    time_left: TimeLeft | None
    inflated_pages: int
    rate_bytes_per_s: float | None
    faults: Count | None
    demanded: list[Demanded] = Field(max_length=MAX_DEMANDED)
    dark: Count
    what_if: list[WhatIf]
    begins: bool
    points: list[MigrationPoint]


class PairEnd(Record):
    """An end that was named by hand."""

    host_id: Name = Field(min_length=1, max_length=128)
    pid: Annotated[int, Field(ge=1)]


class FollowMigration(Record):
    """Ask for the state of one migration, twice a second, in place of the one before: by its id, or
    by both ends, source first. Neither: of none any more.
    """

    type: Literal["follow_migration"] = "follow_migration"
    id: Name | None = Field(None, max_length=64)
    pair: tuple[PairEnd, PairEnd] | None = None


class MigrationMissing(Record):
    """There is no such migration, or the two ends that were named cannot be one."""

    type: Literal["migration_missing"] = "migration_missing"
    code: Literal["no_such_migration", "no_such_process", "no_huge_pages", "sizes_differ"]
    message: str


class Migrations(Record):
    """All migrations that the server knows, the newest first; sent whenever one changes, at most
    twice a second.
    """

    type: Literal["migrations"] = "migrations"
    migrations: list[MigrationSummary]
