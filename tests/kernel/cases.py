"""Real processes with huge pages in known patterns, as context managers that clean up.

Every case adds the pages it needs to the pool, relative to what is there, and gives back exactly
those. Without root or without huge pages it skips the test with the reason.
"""

import ctypes
import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

MIB2 = 2 << 20
GIB = 1 << 30
PROCESS = Path(__file__).with_name("case_process.py")
# The page in clearing can be 1 GiB; a hang is a failure and must not hold the suite for ever.
READY_WITHIN_S = 120


@dataclass(frozen=True)
class Case:
    """A set-up that stands still: its processes, the first one holding the others."""

    name: str
    pids: tuple[int, ...]

    @property
    def pid(self) -> int:
        """The process that was started; any others are its children."""
        return self.pids[0]


def resize_pool(page_size: int, change: int) -> int:
    """Change the host's pool by ``change`` pages and return by how many it really changed.

    The file is written with the number of persistent pages, and read with surplus ones added.
    """
    directory = f"/sys/kernel/mm/hugepages/hugepages-{page_size // 1024}kB"
    with open(f"{directory}/nr_hugepages", "r+", buffering=1) as file:
        # The file takes an absolute number only: the lock keeps our own parallel runs apart.
        fcntl.flock(file, fcntl.LOCK_EX)
        before = persistent(directory)
        file.write(f"{max(0, before + change)}\n")
        return persistent(directory) - before


def persistent(directory: str) -> int:
    """The pool's pages without surplus ones: those may leave between the reading of both files."""
    total, surplus = (Path(f"{directory}/{name}_hugepages") for name in ("nr", "surplus"))
    while True:
        first = surplus.read_text()
        pages = int(total.read_text()) - int(first)
        if surplus.read_text() == first:
            return pages


@contextmanager
def extra_pages(page_size: int, count: int) -> Iterator[None]:
    """Have ``count`` more pages in the pool, and give back exactly the ones that were added."""
    size = "1 GiB page" if page_size == GIB else "2 MiB page"
    if os.geteuid() != 0:
        pytest.skip("no root: pages cannot be added to the hugetlb pool")
    try:
        added = resize_pool(page_size, count)
    except OSError as error:
        pytest.skip(f"no {size} to be had: {error}")
    try:
        if added < count:
            pytest.skip(f"no {size} to be had: asked for {count} more, the pool grew by {added}")
        yield
    finally:
        resize_pool(page_size, -max(0, added))


@contextmanager
def running(name: str, *arguments: str, script: Path = PROCESS) -> Iterator[Case]:
    """Run one case's process from the time it is set up until the block ends."""
    command = [sys.executable, str(script), name, *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"case {name} did not come up: {process.stderr.read()}")
            answer = json.loads(line)
            if "skip" in answer:
                pytest.skip(answer["skip"])
            yield Case(name, tuple(answer["pids"]))
        finally:
            process.stdin.close()
            try:
                process.wait(READY_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def mounted_hugetlbfs(page_size: int) -> Iterator[Path]:
    """A hugetlbfs in a directory of its own, unmounted at the end."""
    libc = ctypes.CDLL(None, use_errno=True)
    with tempfile.TemporaryDirectory(prefix="hs-hugetlbfs-") as directory:
        place = os.fsencode(directory)
        if libc.mount(b"none", place, b"hugetlbfs", 0, f"pagesize={page_size}".encode()) != 0:
            pytest.skip(f"hugetlbfs cannot be mounted: {os.strerror(ctypes.get_errno())}")
        try:
            yield Path(directory)
        finally:
            for file in Path(directory).iterdir():
                file.unlink()
            if libc.umount2(place, 0) != 0:
                raise OSError(ctypes.get_errno(), f"{directory} cannot be unmounted")


@contextmanager
def detached_sysv_segment(pages: int, touched: int) -> Iterator[int]:
    """The id of a SysV segment of huge pages, some of them there, that nobody has attached."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
    libc.shmdt.argtypes = [ctypes.c_void_p]
    flags = 0o1000 | 0o600 | 0o4000 | 21 << 26  # IPC_CREAT, mode, SHM_HUGETLB, SHM_HUGE_2MB
    segment = libc.shmget(0, ctypes.c_size_t(pages * MIB2), flags)
    if segment < 0:
        pytest.skip(f"no SysV segment of huge pages: {os.strerror(ctypes.get_errno())}")
    try:
        address = libc.shmat(segment, None, 0)
        assert address not in (None, ctypes.c_void_p(-1).value)
        for page in range(touched):
            ctypes.memset(address + page * MIB2, 1, 1)
        assert libc.shmdt(address) == 0
        yield int(segment)
    finally:
        libc.shmctl(segment, 0, None)


@contextmanager
def alternating_memfd() -> Iterator[Case]:
    """64 x 2 MiB shared memfd pages, the even ones touched; an untouched memfd; a 4 KiB decoy."""
    with extra_pages(MIB2, 68), running("alternating_memfd") as case:
        yield case


@contextmanager
def forked_private() -> Iterator[Case]:
    """Private pages, 3 of 8 the child's own after a fork; and 3 shared anonymous pages."""
    with extra_pages(MIB2, 14), running("forked_private") as case:
        yield case


@contextmanager
def aliased_memfd() -> Iterator[Case]:
    """One memfd of 8 pages in three mappings of two processes."""
    with extra_pages(MIB2, 8), running("aliased_memfd") as case:
        yield case


@contextmanager
def shared_table() -> Iterator[Case]:
    """Two mappings of 512 pages that share one PMD table; 3 pages touched."""
    with extra_pages(MIB2, 3), running("shared_table") as case:
        yield case


@contextmanager
def one_gib_page() -> Iterator[Case]:
    """A memfd of two 1 GiB pages, the second one touched."""
    with extra_pages(GIB, 1), running("one_gib_page") as case:
        yield case


@contextmanager
def hugetlbfs_file() -> Iterator[Case]:
    """A hugetlbfs file of 6 pages, mapped shared from an offset and private from its start."""
    with (
        extra_pages(MIB2, 10),
        mounted_hugetlbfs(MIB2) as directory,
        running("hugetlbfs_file", str(directory / "guest ram.img")) as case,
    ):
        yield case


@contextmanager
def sysv_segment() -> Iterator[Case]:
    """A SysV segment of 4 huge pages, two of them touched."""
    with extra_pages(MIB2, 4), running("sysv_segment") as case:
        yield case


@contextmanager
def first_sysv_segment() -> Iterator[Case]:
    """The same as `sysv_segment`, as the first segment of an IPC namespace."""
    with extra_pages(MIB2, 4), running("first_sysv_segment") as case:
        yield case


@contextmanager
def uffd_marker() -> Iterator[Case]:
    """Mapped, mapped and write-protected, marker only, hole: one page each."""
    with extra_pages(MIB2, 4), running("uffd_marker") as case:
        yield case


ALL: dict[str, Callable[[], AbstractContextManager[Case]]] = {
    "alternating_memfd": alternating_memfd,
    "forked_private": forked_private,
    "aliased_memfd": aliased_memfd,
    "shared_table": shared_table,
    "one_gib_page": one_gib_page,
    "hugetlbfs_file": hugetlbfs_file,
    "sysv_segment": sysv_segment,
    "first_sysv_segment": first_sysv_segment,
    "uffd_marker": uffd_marker,
}
