r"""/proc/PID/numa_maps: the NUMA policy of each hugetlb VMA, and its pages by node.

A line: `7e0000000000 bind:0 file=/anon_hugepage\040(deleted) huge anon=3 dirty=3 mapmax=2 N0=3
kernelpagesize_kB=2048`. The policy may hold spaces (`prefer (many):0-1`, `weighted interleave:0`);
a file name holds none, for seq_path() escapes them; a hugetlb VMA always has a file. Counts are in
pages of kernelpagesize_kB and are missing where nothing is mapped. On HGM kernels a huge page of
which 4 KiB are mapped counts as one. Source: show_numa_map() in fs/proc/task_mmu.c and
mpol_to_str() in mm/mempolicy.c.

A VMA without a policy of its own is shown with that of its process, or `default`. Reading walks the
page tables under mmap_lock and holds the process up: ask seldom, a policy rarely changes.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from typing import Final

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.decimals import decimal
from hugescope_agent.kernel.root import Root, read_all
from hugescope_agent.kernel.upto import read_up_to
from hugescope_wire.report import Policy

_HEAD_LINE: Final = re.compile(rb"^([0-9a-f]{1,16}) ", re.MULTILINE)
_HUGE_LINE: Final = re.compile(
    rb"^([0-9a-f]{1,16}) ([^\n]*?) file=[^ \n]* huge(?: ([^\n]*))?$", re.MULTILINE
)
_NODE: Final = re.compile(r"N[0-9]{1,9}")
_RANGE: Final = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_MODE_END: Final = re.compile("[=:]")
_POLICY_CHARACTERS: Final = 63
"""The kernel prints a policy into 64 bytes and cuts what is longer."""

_HIGHEST_NODE: Final = 1 << 10
"""NODES_SHIFT is at most 10."""

_KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class NumaVma:
    """One hugetlb VMA of numa_maps.

    Attributes:
        page_bytes: of the pages counted; None where none is mapped.
        node_pages: mapped pages by node.
        anon, dirty: of these, pages of a private mapping's own, and dirty ones.
        mapmax: the highest mapcount among them; 0 where none is mapped.
    """

    start: int
    policy: Policy
    page_bytes: int | None
    node_pages: dict[int, int]
    anon: int
    dirty: int
    mapmax: int

    @property
    def node_bytes(self) -> dict[int, int]:
        """Bytes of the mapped pages by node; on HGM kernels whole pages where parts are mapped."""
        size = self.page_bytes or 0
        return {node: pages * size for node, pages in self.node_pages.items()}


def policies(root: Root, pid: int, up_to_va: int | None = None) -> dict[int, NumaVma]:
    """The hugetlb VMAs of a process by start address: a walk of its page tables.

    With `up_to_va`, the end of its last hugetlb VMA, the walk ends there. Empty on a kernel without
    NUMA, in a tree without the file, and for a process that left before it was opened.

    Raises:
        ProcessError: by the kernel's answer.
        BadCapture: the file is not what the kernel writes.
    """
    name = f"proc/{pid}/numa_maps"
    try:
        fd = root.open(name)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return {}
        raise root.process_error(error, name) from None
    try:
        text = read_all(fd) if up_to_va is None else read_below(fd, up_to_va)
    except OSError as error:
        raise root.process_error(error, name) from None
    finally:
        os.close(fd)
    return parse(text, name)


def read_below(fd: int, va: int) -> bytes:
    """The lines of VMAs that begin below `va`: the kernel walks no further. OSError as it comes."""
    return read_up_to(fd, va, _HEAD_LINE)


def parse(text: bytes, where: str) -> dict[int, NumaVma]:
    """The hugetlb VMAs of a numa_maps text by start address; `where` is its name, for errors.

    Raises:
        BadCapture: a hugetlb line is not what the kernel prints, or the text ends inside a line.
    """
    if text and not text.endswith(b"\n"):
        raise BadCapture(f"{where}: ends inside a line, at byte {len(text)}")
    found = {}
    for line in _HUGE_LINE.finditer(text):
        start = int(line[1], 16)
        counts = _counts((line[3] or b"").decode("utf-8", "replace"), f"{where}: {start:x}")
        kib = counts.pop("kernelpagesize_kB", None)
        nodes = {name: counts[name] for name in counts if _NODE.fullmatch(name)}
        found[start] = NumaVma(
            start,
            parse_policy(line[2].decode("utf-8", "replace")),
            None if kib is None else kib * _KIB,
            {int(name[1:]): pages for name, pages in nodes.items()},
            counts.get("anon", 0),
            counts.get("dirty", 0),
            # The kernel prints no mapmax of 1.
            counts.get("mapmax", 1 if nodes else 0),
        )
    return found


def parse_policy(text: str) -> Policy:
    """A policy as mpol_to_str() prints it: `MODE[=FLAGS][:NODES]`.

    `nodes` is empty where there are none, where the kernel cut the list, and where it is none.
    """
    mode = _MODE_END.split(text, maxsplit=1)[0]
    nodes = parse_nodes(text.partition(":")[2]) if len(text) < _POLICY_CHARACTERS else None
    return Policy(text=text, mode=mode, nodes=nodes or [])


def parse_nodes(text: str) -> list[int] | None:
    """A list such as `0-3,8`, rising; None for what is none."""
    found: set[int] = set()
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < _HIGHEST_NODE:
            return None
        found |= set(range(first, last + 1))
    return sorted(found)


def _counts(text: str, place: str) -> dict[str, int]:
    """NAME=NUMBER words; a word without a number, such as `writeback`, tells nothing here."""
    counts = {}
    for word in text.split():
        name, equals, number = word.partition("=")
        if not equals:
            continue
        count = decimal(number)
        if count is None:
            raise BadCapture(f"{place}: {word[:40]!r}, expected {name[:30]}=NUMBER")
        counts[name] = count
    return counts
