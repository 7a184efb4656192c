"""What a host tells of a virtual machine beside its memory."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from hugescope_wire.record import Count, Record
from hugescope_wire.secrecy import Address, Name

MAX_QMP_EVENTS: Final = 64
MAX_FAULTS: Final = 4096
"""In one delta; what is beyond them is counted."""


class Vm(Record):
    """What its command line says.

    Attributes:
        uuid: as `-uuid` has it, in lower case.
        incoming: it was started to take a migration in; true stays when that is over.
        ram_bytes: of the guest's RAM; null: not understood.
        simulated: a workload of HugeScope's own that stands in for a VM.
    """

    uuid: Name | None = Field(None, pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
    incoming: bool = False
    ram_bytes: Count | None = None
    simulated: bool = False


class QmpEvent(Record):
    """An event of QEMU's, with QEMU's time in seconds since 1970 on its host's clock.

    Attributes:
        status: of a MIGRATION event; null for others.
    """

    at_s: float
    name: Name = Field(max_length=64)
    status: Name | None = Field(None, max_length=64)


class QmpReading(Record):
    """What QEMU said of its migration when it was last asked (query-migrate, query-status).

    Attributes:
        read_at_s: seconds since 1970 on the host's clock.
        status: QEMU's word, such as `active`, `postcopy-active`, `completed`; null: none yet.
        run_state: of the guest, such as `running`, `paused`, `inmigrate`.
        fault: why it could not be asked; null: it could.
        events: the latest, in order.
    """

    read_at_s: float
    status: Name | None = Field(None, max_length=64)
    run_state: Name | None = Field(None, max_length=64)
    fault: str | None = Field(None, max_length=256)
    total_bytes: Count | None = None
    transferred_bytes: Count | None = None
    remaining_bytes: Count | None = None
    duplicate_pages: Count | None = None
    normal_pages: Count | None = None
    page_bytes: Count | None = None
    postcopy_requests: Count | None = None
    dirty_sync_count: Count | None = None
    mbps: float | None = Field(None, description="megabits a second, as QEMU gives it")
    total_time_ms: Count | None = None
    setup_time_ms: Count | None = None
    downtime_ms: Count | None = None
    error: str | None = Field(None, max_length=256)
    events: list[QmpEvent] = Field(default_factory=list, max_length=MAX_QMP_EVENTS)


class Fault(Record):
    """A page fault that the kernel counted, with its address.

    Attributes:
        at_s: CLOCK_MONOTONIC of the host.
    """

    pid: Annotated[int, Field(ge=1)]
    address: Annotated[Address, Field(lt=1 << 64)]
    at_s: float


class Faults(Record):
    """Faults since the last sample. They are an overlay: scans remain the truth.

    Attributes:
        watched: processes whose faults are seen at all.
        lost: that the kernel or this sample had no room for; of any memory of these processes, so
            as many as that at most were on a guest's RAM.
    """

    watched: list[int]
    faults: list[Fault] = Field(default_factory=list, max_length=MAX_FAULTS)
    lost: Count = 0
