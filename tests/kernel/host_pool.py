"""The host's pool and processes as a test sees them, read without any code of ours."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

MIB2 = 2 << 20
GIB = 1 << 30
PRESENT = 1 << 63
PATIENCE_S = 60.0  # only a failure takes so long


class Pool(NamedTuple):
    """One page size's counters, in pages."""

    total: int
    free: int
    reserved: int
    surplus: int

    @property
    def kept(self) -> int:
        """Pages that stay when nobody uses them: those on top go when whoever has them ends."""
        return self.total - self.surplus


def pool(page_size_bytes: int = MIB2) -> Pool:
    """The counters now."""
    directory = Path(f"/sys/kernel/mm/hugepages/hugepages-{page_size_bytes >> 10}kB")
    names = ("nr", "free", "resv", "surplus")
    return Pool(*(int((directory / f"{name}_hugepages").read_text()) for name in names))


def skip_without_pool(page_size_bytes: int = MIB2) -> None:
    """Skip where huge pages cannot be added."""
    if os.geteuid() != 0:
        pytest.skip("needs root to add huge pages to the pool")
    file = Path(f"/sys/kernel/mm/hugepages/hugepages-{page_size_bytes >> 10}kB/nr_hugepages")
    if not os.access(file, os.W_OK):
        pytest.skip(f"{file} is missing or not writable")


def eventually(reached: Callable[[], bool], what: str) -> None:
    """Look again and again until it is so; fail, naming it, after a minute."""
    until_s = time.monotonic() + PATIENCE_S
    while not reached():
        if time.monotonic() > until_s:
            pytest.fail(f"not within {PATIENCE_S:.0f} s: {what}; the pool: {pool()}")
        time.sleep(0.01)


def lives(pid: int) -> bool:
    """Whether the process runs; a zombie that nobody reaps does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def children_of(pid: int) -> dict[str, int]:
    """Pids of the process's children by comm."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            comm, _, rest = (
                (entry / "stat").read_text(errors="replace").partition("(")[2].rpartition(")")
            )
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(rest.split()[1]) == pid:
            found[comm] = int(entry.name)
    return found


def pagemap(pid: int, start_va: int, size_bytes: int) -> list[int]:
    """The entry of every 4 KiB of a range."""
    with Path(f"/proc/{pid}/pagemap").open("rb") as file:
        file.seek(start_va // 4096 * 8)
        data = file.read(size_bytes // 4096 * 8)
    return list(memoryview(data).cast("Q"))


def memory(pid: int, start_va: int, size_bytes: int) -> bytes:
    """What a process holds there; absent pages of it must not be asked for."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
        file.seek(start_va)
        parts = []
        while size_bytes:
            parts.append(file.read(size_bytes))
            size_bytes -= len(parts[-1])
    return b"".join(parts)
