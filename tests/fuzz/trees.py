"""A captured tree that has one file of every kind that is read, for one of them to be changed.

A target's input is a byte that says which file, and what stands in it.
"""

from __future__ import annotations

import atexit
import gzip
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from tests.fuzz.seeds import captured
from tests.unit.agent.tree_builder import (
    HOLE,
    MARKER,
    MadeCell,
    MadeMapping,
    MadeProcess,
    MadeTree,
    build,
    frame,
    mapped,
)

_RAM, _LEVELS = 0x7F0000000000, 0x7E0000000000
_IN_PART: Final = MadeCell(frame(5), True, frozenset(range(7)))
_HGM: Final = "rd wr sh mr mw me ms de ht hm um"
_TREE: Final = MadeTree(
    {
        7: MadeProcess(
            (
                MadeMapping(_RAM, (mapped(1), HOLE, mapped(2), MARKER), lost_pages=1),
                MadeMapping(
                    _LEVELS, (mapped(3), _IN_PART), inode=9, flags=_HGM, levels_kib=(0, 2048, 28)
                ),
            )
        ),
        9: MadeProcess((MadeMapping(_RAM, (mapped(1), HOLE)),), "other"),
    }
)
_CGROUP: Final = "sys/fs/cgroup/a/hugetlb.2MB"
_POOL: Final = "sys/kernel/mm/hugepages/hugepages-2048kB"
_THP: Final = "sys/kernel/mm/transparent_hugepage"
_MORE: Final = {
    "proc/7/cgroup": b"0::/a\n",
    "proc/7/status": b"Name:\tqemu\nPPid:\t9\nHugetlbPages:\t    6144 kB\nTHP_enabled:\t1\n",
    "proc/7/stat": b"7 (qemu) S 9 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 12345 6 7 8\n",
    "proc/7/numa_maps": b"7f0000000000 bind:0-1 file=/memfd:ram\\040(deleted) huge dirty=2 "
    b"mapmax=2 N0=2 kernelpagesize_kB=2048\n",
    "proc/7/cmdline": b"qemu-system-x86_64\0-name\0web\0-m\x008M\0",
    "proc/7/task/7/wchan": b"handle_userfault",
    "proc/7/task/7/status": b"State:\tS\nvoluntary_ctxt_switches:\t7\n",
    "proc/7/fdinfo/3": b"pending:\t1\ntotal:\t2\n",
    "proc/meminfo": b"HugePages_Total: 64\nHugepagesize:    2048 kB\nHardwareCorrupted:     4 kB\n"
    b"Shmem:      100 kB\n",
    "proc/cmdline": b"quiet hugepagesz=2M hugepages=64 hugetlb_free_vmemmap=on",
    "proc/vmstat": b"nr_memmap_pages 4\nnr_memmap_boot_pages 65536\n",
    "proc/iomem": b"00001000-0009fbff : System RAM\n100000000-63fffffff : System RAM\n",
    "proc/sysvipc/shm": b"key shmid perms size cpid lpid nattch uid ctime rss\n"
    b"0 7 1600 4194304 7 9 0 0 1700000000 1073741824\n",
    "proc/config.gz": gzip.compress(b"#\nCONFIG_NO_PAGE_MAPCOUNT=y\n", mtime=0),
    "proc/sys/kernel/hostname": b"made-up\n",
    "proc/sys/kernel/osrelease": b"6.12.1\n",
    "proc/sys/kernel/random/boot_id": b"01234567-89ab-cdef-0123-456789abcdef\n",
    "proc/sys/vm/hugetlb_optimize_vmemmap": b"1\n",
    "sys/fs/cgroup/cgroup.controllers": b"hugetlb memory\n",
    f"{_CGROUP}.current": b"4194304\n",
    f"{_CGROUP}.max": b"8388608\n",
    f"{_CGROUP}.rsvd.current": b"0\n",
    f"{_CGROUP}.rsvd.max": b"max\n",
    f"{_CGROUP}.events": b"max 3\n",
    f"{_CGROUP}.numa_stat": b"total=4194304 N0=4194304\n",
    f"{_POOL}/nr_overcommit_hugepages": b"2\n",
    f"{_THP}/enabled": b"always [madvise] never\n",
    f"{_THP}/hugepages-64kB/enabled": b"always [inherit] madvise never\n",
    "sys/devices/system/node/node0/memory_failure/total": b"1\n",
    "sys/devices/system/node/node0/memory_failure/ignored": b"0\n",
    "sys/devices/system/memory/block_size_bytes": b"8000000\n",
    "sys/kernel/debug/kvm/7-5/pages_4k": b"512\n",
    "sys/kernel/debug/kvm/7-5/pages_2m": b"1\n",
}


class _Place(NamedTuple):
    """A file, and the byte of it that input is written over; None: input takes its place."""

    name: str
    at: int | None = None


_BUILT: Final = (
    *("proc/7/maps", "proc/7/smaps", "proc/7/comm", "proc/zoneinfo", "proc/version"),
    *("proc/kpageflags", "proc/kpagecount", f"{_POOL}/nr_hugepages", f"{_POOL}/resv_hugepages"),
)
PLACES: Final = (
    *map(_Place, (*_BUILT, *sorted(_MORE))),
    _Place("proc/7/pagemap", _RAM // 4096 * 8),
    _Place("proc/7/pagemap", _LEVELS // 4096 * 8),
    _Place("proc/kpageflags", frame(0) * 8),
    _Place("proc/kpagecount", frame(0) * 8),
)


@cache
def made_root() -> Path:
    """The tree, for as long as this process lives."""
    root = Path(tempfile.mkdtemp(prefix="hugescope-fuzz-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    build(root, _TREE)
    for name, data in _MORE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    (root / "proc/7/fd").mkdir()
    (root / "proc/7/fd/3").symlink_to("anon_inode:[userfaultfd]")
    return root


@contextmanager
def changed(data: bytes) -> Iterator[Path]:
    """The tree with the file that this input names as it says, until the block ends."""
    place = PLACES[(data or b"\0")[0] % len(PLACES)]
    file = made_root() / place.name
    with _with(file, data[1:]) if place.at is None else _over(file, place.at, data[1:]):
        yield made_root()


@contextmanager
def _with(file: Path, data: bytes) -> Iterator[None]:
    before = file.with_name(f".{file.name}")
    file.rename(before)
    try:
        file.write_bytes(data)
        yield
    finally:
        before.replace(file)


@contextmanager
def _over(file: Path, at: int, data: bytes) -> Iterator[None]:
    with open(file, "r+b") as words:
        words.seek(at)
        before = words.read(len(data))
        words.seek(at)
        words.write(data[: len(before)])
        words.flush()
        try:
            yield
        finally:
            words.seek(at)
            words.write(before)


@cache
def file_seeds() -> tuple[bytes, ...]:
    """Every file as it is, and what real kernels wrote in its place."""
    seeds = []
    for number, place in enumerate(PLACES):
        with open(made_root() / place.name, "rb") as file:
            file.seek(place.at or 0)
            seeds.append(bytes((number,)) + file.read(1 << 12))
    for name in ("zoneinfo", "smaps", "maps"):
        number = PLACES.index(_Place(f"proc/{'7/' if name[-1] == 's' else ''}{name}"))
        seeds += [bytes((number,)) + one for one in captured(name, most=2)]
    return tuple(seeds)
