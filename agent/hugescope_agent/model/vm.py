"""What people call a process, whether it is a virtual machine, and which of its memory is the
guest's: by its command line alone.

Nothing of a command line but these leaves the host. What it does not say stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from hugescope_agent.model import simulated
from hugescope_agent.model.qemu import (
    Options,
    RamLayout,
    machine_name,
    machine_uuid,
    ram_bytes,
    ram_layout,
    takes_migration,
)
from hugescope_wire.snapshot import ProcessName
from hugescope_wire.vm import Vm

_Source = Literal["qemu", "libvirt", "cloud-hypervisor", "firecracker", "crosvm", "demo"]

_MOST_CHARACTERS: Final = 256
_COMM_BYTES: Final = 15
"""The kernel keeps no more of a name."""

_LIBVIRT_DIRECTORY: Final = "libvirt/qemu/"
"""In the paths of the secrets and sockets that libvirt gives every QEMU."""

_SCOPE: Final = re.compile(r"/machine-ch\\x2d[0-9]+\\x2d(?P<name>[^/\n]+)\.scope(?:/|$)", re.M)
"""systemd's scope of a domain of libvirt that cloud-hypervisor runs."""

_CLOUD_HYPERVISOR: Final = "cloud-hypervisor"
"""It has no option for a name."""

_ESCAPED: Final = re.compile(r"\\x([0-9a-f]{2})")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9._+-]+")


@dataclass(frozen=True, slots=True)
class Told:
    """What a command line tells of its process. `vm`: None where it is no virtual machine."""

    name: ProcessName | None = None
    vm: Vm | None = None
    ram: RamLayout = field(default_factory=RamLayout)


def tell(
    comm: str | None,
    arguments: Sequence[str] | None,
    cgroup: Callable[[], str | None] = lambda: None,
) -> Told:
    """Read a command line; None where it could not be read. `cgroup` gives the text of that file,
    where it is needed.
    """
    if not arguments or not arguments[0]:
        return Told()
    program = arguments[0].rpartition("/")[2]
    if any(_is_qemu(one) for one in (program, comm or "")):
        options = Options(arguments)
        of_libvirt = any(_LIBVIRT_DIRECTORY in one for one in arguments)
        source: _Source = "libvirt" if of_libvirt else "qemu"
        return _machine(options, ram_layout(options), source)
    if _CLOUD_HYPERVISOR in (program, comm) or comm == _CLOUD_HYPERVISOR[:_COMM_BYTES]:
        return Told(_name(_scope_name(cgroup()), "libvirt"), Vm())
    if "firecracker" in (program, comm):
        return Told(_name(_value(arguments, "--id"), "firecracker"), Vm())
    if "crosvm" in (program, comm):
        return Told(_name(_value(arguments, "--name"), "crosvm"), Vm())
    if side := simulated.side_of(arguments):
        return _machine(Options(side), simulated.layout(side), "demo")
    return Told(_whole_name(comm, program))


def printable(text: str | None) -> str | None:
    """A name as it may be shown: what is not printable replaced, cut where it is too long; None
    where nothing is left.
    """
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text or "")
    return shown.strip()[:_MOST_CHARACTERS] or None


def _machine(options: Options, layout: RamLayout, source: _Source) -> Told:
    vm = Vm(
        uuid=machine_uuid(options),
        incoming=takes_migration(options),
        ram_bytes=ram_bytes(options, layout),
        simulated=source == "demo",
    )
    return Told(_name(machine_name(options), source), vm, layout)


def _name(name: str | None, source: _Source) -> ProcessName | None:
    shown = printable(name)
    return None if shown is None else ProcessName(name=shown, kind="vm", source=source)


def _is_qemu(program: str) -> bool:
    return program.startswith("qemu-system-") or program in ("qemu-kvm", "kvm")


def _value(arguments: Sequence[str], option: str) -> str | None:
    """Of the last such option, behind it or behind an equals sign."""
    found = None
    for one, following in zip(arguments, [*arguments[1:], None], strict=True):
        if one == "--":
            break
        if one == option:
            found = following
        elif one.startswith(f"{option}="):
            found = one.partition("=")[2]
    return found


def _scope_name(cgroup: str | None) -> str | None:
    match = _SCOPE.search(cgroup or "")
    return None if match is None else _ESCAPED.sub(lambda hit: chr(int(hit[1], 16)), match["name"])


def _whole_name(comm: str | None, program: str) -> ProcessName | None:
    """The name of a program that the kernel cut off."""
    cut = comm is not None and len(comm.encode()) >= _COMM_BYTES
    if not cut or program == comm or not program.startswith(comm or ""):
        return None
    # What a process writes over its arguments, such as a title, is no file's name.
    if not _PLAIN_NAME.fullmatch(program):
        return None
    shown = printable(program)
    return None if shown is None else ProcessName(name=shown, kind="process", source="cmdline")
