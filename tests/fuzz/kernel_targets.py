"""Targets: text and binary of the kernel, and what processes say of themselves in it."""

from __future__ import annotations

import os
import re
from typing import Final

import numpy as np

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel import (
    boot,
    cgroup_mounts,
    fds,
    frames,
    hugetlbfs,
    maps,
    mountinfo,
    namespaces,
    nodes,
    numa,
    perf,
    privileged,
    smaps,
    sysvipc,
    upto,
    userfault,
    vmemmap,
)
from hugescope_agent.kernel.nodes import NodeMap
from hugescope_agent.kernel.pagemap import PFN_MASK
from hugescope_agent.model import decode
from hugescope_wire.levels import PMD_BYTES
from tests.fuzz.registry import WHERE, Target, of_names, of_text
from tests.fuzz.seeds import captured

_KERNEL: Final = "hugescope_agent.kernel"
_HEAD_LINE: Final = re.compile(rb"^([0-9a-f]+)-", re.MULTILINE)
_GIB: Final = 1 << 30


def _maps(data: bytes) -> None:
    lines = maps.parse(data, WHERE)
    on_files = [line for line in lines if line.device != (0, 0)]
    assert maps.of_devices(data, lambda devices: devices) == on_files
    for line in lines:
        for vma in (line.as_huge(PMD_BYTES), line.as_thp()):
            assert vma.backing.offset == line.offset
            assert vma.cell_count > 0


def _smaps(data: bytes) -> None:
    huge = smaps.parse_huge(data, WHERE)
    assert len(huge) <= smaps.count(data)
    for one in huge:
        assert one.vma.cell_count > 0
        assert one.vma.backing.kind != "file"
        assert one.hugetlb_bytes is None or one.hugetlb_bytes >= 0


def _other_smaps(data: bytes) -> None:
    for one in smaps.parse_others(data, WHERE):
        assert one.vma.cell_count > 0


def _numa_maps(data: bytes) -> None:
    for start, vma in numa.parse(data, WHERE).items():
        assert vma.start == start
        assert all(size >= 0 for size in vma.node_bytes.values())


def _policy(text: str) -> None:
    policy = numa.parse_policy(text)
    assert sorted(set(policy.nodes)) == policy.nodes
    numa.parse_nodes(text)


def _mounts(text: str) -> None:
    found = list(mountinfo.parse(text))
    assert len(found) <= text.count("\n") + 1
    for mount in hugetlbfs.mounts(text, "proc/7/root", "/proc/7/root"):
        assert mount.min_pages >= 0
        hugetlbfs.printable(mount.point).encode()
    for place in cgroup_mounts.parse_mountinfo(text):
        place.place("/a/b")
    for point in namespaces._waiting_points(text):
        assert point.endswith("/")


def _membership(text: str) -> None:
    for version, path in cgroup_mounts.membership(text, WHERE):
        assert version in (1, 2)
        assert path.startswith("/")
        for base in ("/", "/a"):
            shown = cgroup_mounts.Mount(version, "sys/fs/cgroup", base).place(path)
            assert shown is None or ".." not in shown.split("/")


def _zones(text: str) -> None:
    spans = nodes.zone_spans(text)
    nodes.overlap(spans)
    found = NodeMap.of_spans(spans).of(np.array([0, 1, 1 << 20, PFN_MASK], np.uint64))
    assert len(found) == 4


def _boot(text: str) -> None:
    for one in boot.parse(text, PMD_BYTES):
        assert one.page_size & (one.page_size - 1) == 0
    boot.parse_size(text)


def _segments(text: str) -> None:
    found = sysvipc.parse(text, WHERE)
    clues = sysvipc.SegmentClues(unaccounted={PMD_BYTES: 7}, kernel=text[:20])
    for one in sysvipc.huge_segments(found, [PMD_BYTES, _GIB], clues):
        assert one.pages >= 0


def _sections(text: str) -> None:
    for count in (vmemmap.counted_pages, vmemmap.ram_sections, vmemmap.zone_sections):
        try:
            count(text)
        except vmemmap.NoAnswer:
            continue


def _entries(data: bytes) -> None:
    """What is read of smaps and numa_maps up to an address is where it begins, whole."""
    fd = os.memfd_create("fuzz")
    try:
        os.write(fd, data)
        for va in (0, 1 << 46, 1 << 64):
            os.lseek(fd, 0, os.SEEK_SET)
            assert data.startswith(upto.read_through(fd, va))
            os.lseek(fd, 0, os.SEEK_SET)
            assert data.startswith(upto.read_up_to(fd, va, _HEAD_LINE))
    finally:
        os.close(fd)


def _words(data: bytes) -> None:
    """Pagemap entries, of whole cells, of cells in parts, and of physical pages."""
    words = np.frombuffer(data, np.uint64, len(data) // 8)
    assert len(decode.decode_heads(words, _GIB).state) == len(words)
    rows = words[: len(words) // 8 * 8].reshape(-1, 8)
    cells = decode.decode_entries(rows)
    assert (cells.mapped_pages <= 8).all()
    if len(rows):
        assert (decode.chunks_of(rows).full <= 1).all()
    zones = NodeMap.of_spans([(0, 1 << 20, 0), (1 << 20, 1 << 40, 1)])
    sizes = [PMD_BYTES, _GIB]
    pfns = np.arange(len(words), dtype=np.int64) * (PMD_BYTES // 4096)
    huge = frames.decode_steps(pfns, words, zones, sizes)
    assert set(huge.page_size.tolist()) <= set(sizes)
    huge.marked(words[:3])


def _records(data: bytes) -> None:
    found = perf.parse_records(data)
    assert len(found.at_s) == len(found.address) <= len(data) // 32
    assert found.lost >= 0


def _listed(text: str) -> None:
    verb, _, name = text.partition(" ")
    if privileged.is_listed(verb, name):
        assert not name.startswith("/")
        assert ".." not in name.split("/")
    privileged.is_copied(name)


def _waiters(data: bytes) -> None:
    switches = userfault.parse_switches(data)
    assert switches is None or switches >= 0
    fds.parse_uffd_fdinfo(data.decode("utf-8", "replace"))


_SYSVIPC: Final = (
    b"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid"
    b"      atime      dtime      ctime                   rss                  swap\n"
    b"         0          7  1600               4194304  1234  1234      1     0     0     0     0"
    b" 1700000000          0 1700000000            1073741824                     0\n"
)
_MOUNTINFO: Final = (
    b"36 25 0:32 / /dev/hugepages rw,relatime shared:16 - hugetlbfs hugetlbfs "
    b"rw,pagesize=2M,size=16M,min_size=4M\n"
    b"41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    b"42 31 0:39 /a\\040b /sys/fs/cgroup/hugetlb rw - cgroup cgroup rw,hugetlb\n"
    b"43 31 0:40 / /mnt\\011x rw - fuse.sshfs me@there: rw\n"
)
_VMSTAT: Final = b"nr_memmap_pages 4\nnr_memmap_boot_pages 65536\n"
_IOMEM: Final = b"00001000-0009fbff : System RAM\n100000000-63fffffff : System RAM\n"
_FDINFO: Final = b"pos:\t0\nflags:\t02\npending:\t0\ntotal:\t3\nAPI:\taa:0:0\n"
_SWITCHES: Final = b"Name:\tx\nState:\tS (sleeping)\nvoluntary_ctxt_switches:\t7\n"
_BOOT: Final = b"root=/dev/vda hugepagesz=1G hugepages=2 hugepagesz=2M hugepages=0:48,1:48 quiet"
_POLICIES: Final = (b"bind=static:0-1,3", b"prefer (many):0-1", b"weighted interleave:0", b"0-3,8")
_MEMBERSHIP: Final = (b"0::/a/b\n", b"5:hugetlb,cpu:/x\n1:name=systemd:/\n0::/../y\n")
_LISTED: Final = (
    b"open proc/12/pagemap",
    b"look proc/12/fd/3",
    b"walk proc/12/root/dev/hugepages",
    b"names sys/kernel/debug/kvm",
)


def _word_seeds() -> list[bytes]:
    kinds = (0, 1 << 63 | 1 << 61 | 0x1000, 1 << 57, 1 << 63 | 1 << 56 | 7, 1 << 15 | 1 << 17)
    return [np.array(kinds * 4, np.uint64).tobytes(), np.full(16, 1 << 17, np.uint64).tobytes()]


def _record_seeds() -> list[bytes]:
    sample = np.array([32 << 48 | 9, 7 << 32 | 7, 10**9, 0x7F0000001000], np.uint64).tobytes()
    lost = np.array([24 << 48 | 2, 1, 5], np.uint64).tobytes()
    return [sample * 3, sample + lost + sample, lost]


def _covers(module: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{_KERNEL}.{module}.{name}" for name in names)


TARGETS: Final = (
    Target(
        "maps",
        _maps,
        lambda: captured("maps"),
        (*_covers("maps", "parse", "parse_line", "of_devices"), *_covers("vma", "unescape_path")),
        (BadCapture,),
    ),
    Target(
        "smaps",
        _smaps,
        lambda: captured("smaps"),
        _covers("smaps", "parse_huge", "count"),
        (BadCapture,),
    ),
    Target(
        "smaps-others",
        _other_smaps,
        lambda: captured("smaps"),
        _covers("smaps", "parse_others"),
        (BadCapture,),
    ),
    Target(
        "numa-maps",
        _numa_maps,
        lambda: captured("numa_maps"),
        _covers("numa", "parse"),
        (BadCapture,),
    ),
    Target(
        "numa-policy",
        of_text(_policy),
        lambda: _POLICIES,
        _covers("numa", "parse_policy", "parse_nodes"),
    ),
    Target(
        "mountinfo",
        of_names(_mounts),
        lambda: [_MOUNTINFO],
        (
            *_covers("mountinfo", "parse"),
            *_covers("hugetlbfs", "mounts", "printable"),
            *_covers("cgroup_mounts", "parse_mountinfo"),
            *_covers("namespaces", "_waiting_points"),
        ),
    ),
    Target(
        "cgroup-membership",
        of_text(_membership),
        lambda: [*_MEMBERSHIP, *captured("cgroup")],
        _covers("cgroup_mounts", "membership", "Mount.place"),
        (BadCapture,),
    ),
    Target(
        "zoneinfo",
        of_text(_zones),
        lambda: captured("zoneinfo"),
        _covers("nodes", "zone_spans"),
    ),
    Target("boot", of_text(_boot), lambda: [_BOOT], _covers("boot", "parse", "parse_size")),
    Target(
        "sysvipc",
        of_text(_segments),
        lambda: [_SYSVIPC],
        _covers("sysvipc", "parse", "rss_is_scaled"),
        (BadCapture,),
    ),
    Target(
        "vmemmap",
        of_text(_sections),
        lambda: [_VMSTAT, _IOMEM, *captured("zoneinfo")],
        _covers("vmemmap", "counted_pages", "ram_sections", "zone_sections"),
    ),
    Target(
        "entries-up-to",
        _entries,
        lambda: captured("smaps"),
        _covers("upto", "read_up_to", "read_through"),
    ),
    Target(
        "pagemap-words",
        _words,
        _word_seeds,
        ("hugescope_agent.model.decode.decode_heads", *_covers("frames", "decode_steps")),
    ),
    Target("perf-records", _records, _record_seeds, _covers("perf", "parse_records")),
    Target(
        "opener-list",
        of_names(_listed),
        lambda: _LISTED,
        _covers("privileged", "is_listed", "is_copied"),
    ),
    Target(
        "userfault",
        _waiters,
        lambda: [_FDINFO, _SWITCHES],
        (*_covers("userfault", "parse_switches"), *_covers("fds", "parse_uffd_fdinfo")),
    ),
)
