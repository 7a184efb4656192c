"""What a look gives, and how looks spend their time."""

from __future__ import annotations

from dataclasses import dataclass

from hugescope_wire.host import HostDelta, HostFrame


@dataclass(frozen=True, slots=True)
class Sample:
    """One look, ready to be framed: `blocks` are encoded cells."""

    about: HostFrame | HostDelta
    blocks: list[bytes]


@dataclass(frozen=True, slots=True)
class SamplerOptions:
    """How the sampler spends its time.

    Attributes:
        tick_hz: ticks a second that the caller means to make.
        budget: share of one core for the rotation.
        rotation_cells: read exactly so many cells a tick in rotation; None: as the budget allows.
        pids: watch only these processes; None: all. Others may map the same pages, so mappers are
            then unknown.
        join_anyway: count mappers among `pids` all the same, to measure what it costs.
        thp_pids: watch transparent huge pages too, of these processes only.
        qmp: sockets of QEMUs to ask what they say of their migrations.
        reports: make a report from time to time, and send it with the tick.
    """

    tick_hz: float = 10.0
    budget: float = 0.01
    rotation_cells: int | None = None
    pids: frozenset[int] | None = None
    join_anyway: bool = False
    thp_pids: frozenset[int] = frozenset()
    qmp: tuple[str, ...] = ()
    reports: bool = False
