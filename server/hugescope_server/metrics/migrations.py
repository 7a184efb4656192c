"""Migrations: those that last, and those that ended a moment ago, so that how they ended is seen.

Each is a series of its own under its id: at most as many as the desk keeps at once.
"""

from __future__ import annotations

from typing import Final, get_args

from hugescope_server.metrics.families import Definition, Families
from hugescope_server.migration.desk import MigrationDesk
from hugescope_server.migration.phases import ENDED
from hugescope_wire.migration import MigrationState, Phase

TOLD_S: Final = 300.0
"""A migration that ended is told for so long: several scrapes at any usual interval."""

MIGRATION: Final = ("migration",)

INFO: Final = Definition(
    "hugescope_migration",
    "A live migration and the hosts of its ends; five minutes after its end it is told no more.",
    MIGRATION,
    kind="info",
)
PHASE: Final = Definition(
    "hugescope_migration_phase", "1 for the present phase.", (*MIGRATION, "phase")
)
SIZE: Final = Definition("hugescope_migration_size_bytes", "The guest's RAM.", MIGRATION, "bytes")
PRESENT: Final = Definition(
    "hugescope_migration_present_bytes",
    "RAM that is present at the destination.",
    MIGRATION,
    "bytes",
)
MISSING: Final = Definition(
    "hugescope_migration_missing_pages",
    "Huge pages that the destination has not and the source had.",
    MIGRATION,
    "pages",
)
DARK: Final = Definition(
    "hugescope_migration_waited_for_pages",
    "Huge pages that the guest was seen to touch and that have not come.",
    MIGRATION,
    "pages",
)
ARRIVED: Final = Definition(
    "hugescope_migration_arrived_pages",
    "Huge pages that came to the destination: in the precopy, in order after the switch-over "
    "(sweep), or on demand.",
    (*MIGRATION, "how"),
    kind="counter",
)
RATE: Final = Definition(
    "hugescope_migration_arrival_bytes_per_second",
    "Bytes that came a second since the post-copy began.",
    MIGRATION,
)
LEFT: Final = Definition(
    "hugescope_migration_time_left_seconds",
    "Time until the last page came, at the rate of the last ten seconds.",
    MIGRATION,
    "seconds",
)


def migrations_now(desk: MigrationDesk, now_s: float) -> list[MigrationState]:
    """Those to tell of; `now_s` is seconds since 1970 of the desk's clock."""
    return [
        MigrationState.model_validate_json(one.message(desk.state_json(one), True, []))
        for one in desk.migrations()
        if not one.ended or now_s - one.spans[-1].began_s < TOLD_S
    ]


def put_migration(out: Families, state: MigrationState) -> None:
    """Everything about one."""
    summary = state.summary
    which = [summary.id]
    ends = {"source_host": summary.source, "destination_host": summary.destination}
    hosts = {name: None if end is None else end.host_id for name, end in ends.items()}
    out.put_info(INFO, which, **hosts, page_size=str(summary.page_size))
    for phase in get_args(Phase):
        out.put(PHASE, [*which, phase], float(phase == summary.phase))
    out.put(SIZE, which, summary.pages * summary.page_size)
    out.put(PRESENT, which, summary.present * summary.page_size)
    for how in ("precopied", "sweep", "demand"):
        out.put(ARRIVED, [*which, how], getattr(state, how))
    if summary.phase in ENDED:
        return
    out.put(MISSING, which, state.left)
    out.put(DARK, which, None if state.faults is None else state.dark)
    out.put(RATE, which, state.rate_bytes_per_s)
    out.put(LEFT, which, None if state.time_left is None else state.time_left.likely_s)
