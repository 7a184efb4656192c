"""The host's own files in a capture, as the kernel printed them, but for what tells too much."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from hugescope_agent.capture.texts import boot_words
from hugescope_agent.kernel.cgroup_mounts import find_mounts, membership
from hugescope_agent.kernel.cgroups import Cgroups
from hugescope_agent.kernel.root import Root

_FILES: Final = (
    *("proc/version", "proc/meminfo", "proc/vmstat", "proc/sysvipc/shm"),
    *("proc/sys/kernel/osrelease", "proc/sys/kernel/hostname", "proc/sys/kernel/random/boot_id"),
    "proc/sys/vm/hugetlb_optimize_vmemmap",
    "sys/module/memory_hotplug/parameters/memmap_on_memory",
)
_RAW_FILES: Final = (
    *("proc/zoneinfo", "proc/iomem"),
    "sys/devices/system/memory/block_size_bytes",
)
"""They tell where memory lies in the machine."""

_POOLS: Final = "sys/kernel/mm/hugepages"
_THP: Final = "sys/kernel/mm/transparent_hugepage"
_NODES: Final = "sys/devices/system/node"
_KVM: Final = "sys/kernel/debug/kvm"
_NODE: Final = re.compile(r"node[0-9]+")
_BLOCK: Final = re.compile(r"memory[0-9]+")
_CONFIG: Final = re.compile(rb"^(?:# )?CONFIG_(?:NO_PAGE_MAPCOUNT|HUGETLB|TRANSPARENT_HUGE)[^\n]*")
_GZIP: Final = 31
_USUAL: Final[dict[Literal[1, 2], str]] = {1: "sys/fs/cgroup/hugetlb", 2: "sys/fs/cgroup"}
"""Where a tree without mountinfo has its cgroups."""

Named = tuple[str, bytes]


def host_files(root: Root, *, raw: bool) -> Iterator[Named]:
    """Names with contents of everything that is not of a process; `raw`: where memory lies, too."""
    names = [*_FILES, *(_RAW_FILES if raw else ())]
    names += _below(root, _POOLS) + [f"{_THP}/{name}" for name in root.names(_THP)]
    for node in sorted(filter(_NODE.fullmatch, root.names(_NODES))):
        names += _below(root, f"{_NODES}/{node}/hugepages")
        counters = f"{_NODES}/{node}/memory_failure"
        names += [f"{counters}/{name}" for name in root.names(counters)]
    yield from _those_there(root, names)
    if (words := root.read_text("proc/cmdline")) is not None:
        yield "proc/cmdline", boot_words(words).encode()
    yield from _config(root)


def memory_blocks(root: Root) -> list[str]:
    """Directories that say which memory is on which node."""
    return [
        f"{_NODES}/{node}/{block}"
        for node in root.names(_NODES)
        if _NODE.fullmatch(node)
        for block in root.names(f"{_NODES}/{node}")
        if _BLOCK.fullmatch(block)
    ]


def machine_files(root: Root, pids: Iterable[int]) -> Iterator[Named]:
    """What KVM tells of the machines of these processes."""
    begins = tuple(f"{pid}-" for pid in pids)
    names = [name for name in root.names(_KVM) if name.startswith(begins)] if begins else []
    counters = ("pages_4k", "pages_2m", "pages_1g")
    yield from _those_there(root, [f"{_KVM}/{name}/{one}" for name in names for one in counters])


def cgroup_files(root: Root, pids: list[int], *, walk: bool) -> Iterator[Named]:
    """hugetlb files of the cgroups of these processes and of all above them; with `walk` of every
    other one with use or limits too. They lie where v1 and v2 are usually mounted.
    """
    places: dict[tuple[Literal[1, 2], str], str] = {}
    mounts = find_mounts(root)
    for use in Cgroups(root).look(pids, walk=walk).uses:
        for mount in mounts:
            if mount.version == use.version:
                for path in _with_those_above(use.path):
                    if (place := mount.place(path)) is not None:
                        places[use.version, path] = place
    for pid in pids:
        for version, path in membership(root.read_text(f"proc/{pid}/cgroup") or "", "cgroup"):
            for mount in mounts:
                place = mount.place(path) if mount.version == version else None
                if place is not None:
                    places[version, path] = place
    for mount in mounts:
        if mount.version == 2:
            controllers = root.read_text(f"{mount.directory}/cgroup.controllers") or ""
            yield f"{_USUAL[2]}/cgroup.controllers", f"{controllers}\n".encode()
    for (version, path), place in sorted(places.items()):
        for name in sorted(root.names(place)):
            if name.startswith("hugetlb."):
                to = f"{_USUAL[version]}{path.rstrip('/')}/{name}"
                yield from ((to, text) for _, text in _those_there(root, [f"{place}/{name}"]))


def _with_those_above(path: str) -> list[str]:
    parts = path.strip("/").split("/")
    return ["/", *("/" + "/".join(parts[:end]) for end in range(1, len(parts) + 1) if parts[0])]


def _below(root: Root, directory: str) -> list[str]:
    """Files one directory below."""
    return [
        f"{directory}/{inner}/{name}"
        for inner in sorted(root.names(directory))
        for name in sorted(root.names(f"{directory}/{inner}"))
    ]


def _those_there(root: Root, names: Iterable[str]) -> Iterator[Named]:
    """What can be read; a counter that cannot is missing in the tree, as on a kernel without it."""
    for name in names:
        try:
            yield name, root.read(name)
        except OSError:
            continue


def _config(root: Root) -> Iterator[Named]:
    """Of how the kernel was built, what is about huge pages."""
    try:
        config = zlib.decompress(root.read("proc/config.gz"), _GZIP)
    except (OSError, zlib.error):
        return
    lines = [line for line in config.split(b"\n") if _CONFIG.match(line)]
    yield "proc/config.gz", gzip.compress(b"\n".join([b"", *lines, b""]), mtime=0)
