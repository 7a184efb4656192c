"""The command line of a QEMU that runs the guest, or waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hugescope_agent.workloads.qemu.initramfs import FILL, HOT, REST
from hugescope_agent.workloads.qemu.plan import GuestPlan

_TRANSLATED_MIB: Final = 64
"""For TCG's translated code; so small a guest gains nothing by QEMU's far larger default."""


@dataclass(frozen=True, slots=True)
class GuestFiles:
    """What the guest boots, and QEMU itself."""

    qemu: Path
    kernel: Path
    initramfs: Path


@dataclass(frozen=True, slots=True)
class Places:
    """Where one QEMU has its sockets and what it says, below a directory of ours."""

    directory: Path
    name: str

    @property
    def driving(self) -> Path:
        """The QMP socket that we drive it by."""
        return self.directory / f"{self.name}.qmp"

    @property
    def watched(self) -> Path:
        """A second QMP socket, for a reader."""
        return self.directory / f"{self.name}.watch"

    @property
    def console(self) -> Path:
        """What the guest says."""
        return self.directory / f"{self.name}.console"

    @property
    def errors(self) -> Path:
        """What QEMU says on stderr."""
        return self.directory / f"{self.name}.errors"


def qemu_arguments(
    plan: GuestPlan, files: GuestFiles, places: Places, *, incoming: bool
) -> list[str]:
    """The arguments behind the program's name. Both ends must have the same machine."""
    size_mib = plan.size_bytes >> 20
    memory = ",".join(
        (
            f"memory-backend-memfd,id=ram,size={size_mib}M,share=on",
            f"hugetlb=on,hugetlbsize={plan.page_size_bytes >> 10}K",
        )
    )
    said = f"console=ttyS0 quiet panic=-1 mitigations=off {FILL}={plan.filled_mib}"
    return [
        *("-name", plan.name, "-uuid", plan.uuid),
        *("-machine", "pc,memory-backend=ram", "-m", f"{size_mib}M", "-object", memory),
        *("-accel", f"tcg,tb-size={_TRANSLATED_MIB}", "-cpu", "max", "-smp", "1"),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-nographic"),
        *("-kernel", str(files.kernel), "-initrd", str(files.initramfs)),
        *("-append", f"{said} {HOT}={plan.hot_mib} {REST}={plan.rest_us}"),
        *("-serial", f"file:{places.console}"),
        *("-qmp", f"unix:{places.driving},server=on,wait=off"),
        *("-qmp", f"unix:{places.watched},server=on,wait=off"),
        *(("-incoming", "defer") if incoming else ()),
    ]
