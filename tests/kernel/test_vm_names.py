"""A process with the command line of a machine, on the real kernel: its name and its RAM."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hugescope_wire.snapshot import GuestRam, ProcessName
from tests.kernel.cases import MIB2, extra_pages
from tests.kernel.puppets import following
from tests.kernel.snapshot_command import run

pytestmark = pytest.mark.kernel

MACHINE = """
import mmap, os, sys
kept = []
for pages in (2, 1):
    fd = os.memfd_create("memory-backend-memfd", os.MFD_HUGETLB)
    os.ftruncate(fd, pages << 21)
    kept.append(mmap.mmap(fd, pages << 21))
    kept[-1][0] = 1
print("ready", flush=True)
sys.stdin.read()
"""
BACKEND = "memory-backend-memfd,id={},hugetlb=on,size={}M"


@contextmanager
def machine() -> Iterator[int]:
    """The pid of a process that was started like QEMU, with RAM of two nodes."""
    line = [
        *("qemu-system-x86_64", "-c", MACHINE, "-name", "guest=web,,1,debug-threads=on"),
        *("-machine", "pc-q35-8.2", "-m", "6"),
        *("-object", BACKEND.format("two", 2), "-object", BACKEND.format("four", 4)),
        *("-numa", "node,nodeid=0,memdev=two", "-numa", "node,nodeid=1,memdev=four"),
    ]
    with subprocess.Popen(
        line, executable=sys.executable, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"ready\n"
            yield process.pid
        finally:
            process.stdin.close()


def test_a_machine_has_its_name_and_its_ram_its_offsets() -> None:
    with extra_pages(MIB2, 3), machine() as pid, following() as host:
        host.full()
        (process,) = host.picture.snapshot(frozenset({pid})).processes
        assert process.name == ProcessName(name="web,1", kind="vm", source="qemu")
        ram = {mapping.end - mapping.start: mapping.guest for mapping in process.mappings}
        low = 3 * MIB2
        assert ram == {
            MIB2: GuestRam(offset=0, backend="two", low_bytes=low),
            2 * MIB2: GuestRam(offset=MIB2, backend="four", low_bytes=low),
        }
        # Rich breaks a long cell into lines.
        shown = "".join(run("snapshot", "--pid", str(pid)).stdout.split())
        assert "web,1(" in shown
        assert f"pid{pid})" in shown
