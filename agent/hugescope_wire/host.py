"""A host as it travels: everything but the cells, which go in binary blocks beside it."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from hugescope_wire.record import Count, Record
from hugescope_wire.report import HostReport
from hugescope_wire.secrecy import Name
from hugescope_wire.snapshot import Capabilities, HostInfo, MappingFacts, Pool, ProcessName
from hugescope_wire.vm import Faults, QmpReading, Vm

PROTOCOL_VERSION: Final = 1
"""Of the link, the frames and the viewer messages together."""

MAX_CELLS: Final = 1 << 24
"""Of all mappings of a host together: 32 TiB of 2 MiB pages, 184 MB as columns."""

MAX_PAGE_BYTES: Final = 1 << 40
"""Beyond any huge page; the number of its 4 KiB pages still fits a u32."""

MappingId = Annotated[int, Field(ge=0, le=0xFFFFFFFF)]


class Source(Record):
    """Where the pages come from: a running kernel, a captured tree, or a recorded series."""

    kind: Literal["live", "capture", "replay"]
    name: Name | None = Field(None, description="what is replayed, in words for people")


class Limit(Record):
    """Something that this kernel or these privileges do not give, and what that costs."""

    capability: Name
    reason: str
    cost: str
    remedy: str | None


class MappingInfo(MappingFacts):
    """One VMA under the number by which frames name it: unique within an agent's epoch."""

    id: MappingId
    cell_count: Annotated[int, Field(ge=1, le=MAX_CELLS)]

    @model_validator(mode="after")
    def _cells_cover_the_mapping(self) -> Self:
        if self.page_size & (self.page_size - 1) or self.page_size > MAX_PAGE_BYTES:
            raise ValueError(f"page_size {self.page_size} is no page size")
        if self.kind == "hugetlb" and (self.start | self.end) % self.page_size:
            raise ValueError(f"{self.start:#x}-{self.end:#x} is no whole number of huge pages")
        first, last = self.start // self.page_size, -(-self.end // self.page_size)
        if last - first != self.cell_count:
            raise ValueError(
                f"{self.cell_count} cells of {self.page_size} bytes do not cover "
                f"{self.start:#x}-{self.end:#x}"
            )
        return self


class ProcessInfo(Record):
    """A process that maps huge pages, without cells."""

    pid: Annotated[int, Field(ge=1)]
    comm: Name | None
    name: ProcessName | None = None
    vm: Vm | None = None
    qmp: QmpReading | None = None
    mappings: list[MappingInfo]


class Skipped(Record):
    """Processes that could not be read in the last discovery, by reason."""

    gone: Count = 0
    denied: Count = 0
    failed: Count = 0


class AgentCost(Record):
    """What watching costs, measured by the agent on itself over about the last second."""

    cpu_percent: float = Field(ge=0, description="of one core")
    tick_ms: float = Field(ge=0, description="mean wall time of a tick")
    tick_hz: float = Field(ge=0, description="ticks a second that were reached")
    rss_bytes: Count | None
    cells: Count = Field(description="cells watched")
    refresh_s: float | None = Field(
        description="seconds until every cell's PFN, count and flags were read again; null: unknown"
    )


class HostFrame(Record):
    """The JSON part of a full frame: all there is but the cells."""

    type: Literal["full"] = "full"
    taken_at: AwareDatetime
    monotonic_s: float
    source: Source
    host: HostInfo
    capabilities: Capabilities
    limits: list[Limit]
    pools: list[Pool]
    processes: list[ProcessInfo]
    skipped: Skipped
    cost: AgentCost | None
    report: HostReport | None = None
    faults: Faults | None = None


class HostDelta(Record):
    """The JSON part of a delta: null or empty means unchanged.

    A process in `processes` replaces the one of that pid; its mappings keep their cells by id, and
    a mapping that is new comes with a block that covers all its cells.
    """

    type: Literal["delta"] = "delta"
    taken_at: AwareDatetime
    monotonic_s: float
    capabilities: Capabilities | None = None
    limits: list[Limit] | None = None
    pools: list[Pool] | None = None
    processes: list[ProcessInfo] = Field(default_factory=list)
    gone_pids: list[int] = Field(default_factory=list)
    skipped: Skipped | None = None
    cost: AgentCost | None = None
    report: HostReport | None = None
    faults: Faults | None = None
