"""What the guest needs of this machine: QEMU, a static busybox, a kernel; or what is missing."""

from __future__ import annotations

import platform
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hugescope_agent.workloads.errors import GuestUnavailable
from hugescope_agent.workloads.qemu.commandline import GuestFiles
from hugescope_agent.workloads.qemu.initramfs import initramfs
from hugescope_agent.workloads.qemu.kernel import guest_kernel

QEMU: Final = "qemu-system-x86_64"
BUSYBOX: Final = "busybox"
FIRST_MAJOR: Final = 8
"""QEMU 7.2 loses memory of the guest in precopy under TCG."""

_VERSION: Final = re.compile(r"version (\d+)\.(\d+)")
_VERSION_WAIT_S: Final = 30.0
_ELF_64: Final = b"\x7fELF\x02"
_PT_INTERP: Final = 3


def guest_files(kernel: Path | None, into: Path, tell: Callable[[str], None]) -> GuestFiles:
    """Find all of it, and write the initramfs below `into`; `tell` gets lines for people.

    Raises:
        GuestUnavailable: says in one line what is missing and which package has it.
    """
    if platform.machine() != "x86_64":
        raise GuestUnavailable(f"the guest is an x86-64 one, and this is {platform.machine()}")
    qemu, busybox = shutil.which(QEMU), shutil.which(BUSYBOX)
    missing = [
        package
        for package, found in (("qemu-system-x86", qemu), ("busybox-static", busybox))
        if found is None
    ]
    if qemu is None or busybox is None:
        raise GuestUnavailable(f"install {' and '.join(missing)} first (the names are Debian's)")
    _check_version(qemu)
    program = Path(busybox).read_bytes()
    if not is_static(program):
        raise GuestUnavailable(f"{busybox} needs shared libraries: install busybox-static")
    image = into / "initramfs"
    image.write_bytes(initramfs(program))
    return GuestFiles(Path(qemu), guest_kernel(kernel, tell), image)


def major_version(said: str) -> int | None:
    """Of QEMU, from what `--version` says; None where that is not understood."""
    match = _VERSION.search(said)
    return int(match[1]) if match else None


def is_static(program: bytes) -> bool:
    """Whether an x86-64 ELF program names no interpreter; False for what is none."""
    if program[:5] != _ELF_64 or len(program) < 64:
        return False
    (table,) = struct.unpack_from("<Q", program, 0x20)
    size, count = struct.unpack_from("<HH", program, 0x36)
    try:
        kinds = [struct.unpack_from("<I", program, table + size * at)[0] for at in range(count)]
    except struct.error:
        return False
    return _PT_INTERP not in kinds


def _check_version(qemu: str) -> None:
    try:
        answer = subprocess.run(
            [qemu, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_VERSION_WAIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GuestUnavailable(f"{qemu} does not run: {error}") from None
    major = major_version(answer.stdout)
    if major is None:
        said = (answer.stdout + answer.stderr).strip()[:160]
        raise GuestUnavailable(f"{qemu} --version says {said!r}, expected a version")
    if major < FIRST_MAJOR:
        raise GuestUnavailable(
            f"QEMU {FIRST_MAJOR} or newer is needed, this is {major}: older ones lose memory of the"
            " guest in precopy (Debian 12 has a newer one in bookworm-backports)"
        )
