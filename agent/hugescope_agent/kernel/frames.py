"""The physical side of the hugetlb pools, from /proc/kpageflags: where huge pages lie, and which
memory is bad.

A huge page of 2 MiB shows as HEAD|HUGE at a PFN that its size divides, one of 1 GiB as the same
followed by TAIL|HUGE at each 2 MiB step, so one word in 512 tells all of them: 11 to 29 ms for
24 GiB. Free pages of a pool are among them: no flag tells them from those in use. HWPOISON of a
huge page stands on its head (on Linux 6.1 and, beside the head, on all of it since 6.10); should it
stand on the bad 4 KiB alone, only the look at every word finds it.
Bad memory outside of the pools has to be looked for word by word, 1.2 s for 24 GiB.

KPF_* (include/uapi/linux/kernel-page-flags.h): 15 COMPOUND_HEAD, 16 COMPOUND_TAIL, 17 HUGE, 19
HWPOISON.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.kpage import KPF_HWPOISON
from hugescope_agent.kernel.nodes import NodeMap
from hugescope_agent.kernel.pagemap import ENTRY_BYTES, read_words
from hugescope_agent.kernel.root import Root
from hugescope_wire.cells import PAGE_BYTES, U8

KPF_COMPOUND_HEAD: Final = 1 << 15
KPF_COMPOUND_TAIL: Final = 1 << 16
KPF_HUGE: Final = 1 << 17

_NAME: Final = "proc/kpageflags"
_CHUNK_WORDS: Final = 1 << 17
"""Words read at once in a full scan: 1 MiB."""

_UNREADABLE: Final = frozenset({errno.ENOENT, errno.EACCES, errno.EPERM})
_GENERIC_FLAGS: Final = (1 << 32) - 1
"""Bits from 32 on are the kernel's own and come and go."""

Words = npt.NDArray[np.uint64]
Span = tuple[int, int]
"""First PFN and the PFN after the last."""


@dataclass(frozen=True, slots=True)
class HugeFrames:
    """Every hugetlb page of the machine, free ones too, rising; columns of one length.

    Attributes:
        head_pfn: u64.
        page_size: bytes, i64.
        poisoned: HWPOISON stands on it.
        node: u8, `UNKNOWN_NODE` where it could not be told.
    """

    head_pfn: Words
    page_size: npt.NDArray[np.int64]
    poisoned: npt.NDArray[np.bool_]
    node: U8

    def bad(self, page_size: int) -> HugeFrames:
        """Those of a size that are poisoned."""
        index = np.flatnonzero(self.poisoned & (self.page_size == page_size))
        return HugeFrames(
            self.head_pfn[index], self.page_size[index], self.poisoned[index], self.node[index]
        )

    def marked(self, pfns: Words) -> HugeFrames:
        """The same with the pages that hold any of these PFNs poisoned too."""
        at = np.searchsorted(self.head_pfn, pfns, side="right") - 1
        at = np.unique(at[at >= 0]) if len(self.head_pfn) else np.empty(0, np.intp)
        ends = self.head_pfn[at] + (self.page_size[at] // PAGE_BYTES).astype(np.uint64)
        held = np.searchsorted(pfns, self.head_pfn[at]) < np.searchsorted(pfns, ends)
        poisoned = self.poisoned.copy()
        poisoned[at[held]] = True
        return replace(self, poisoned=poisoned)


@dataclass(frozen=True, slots=True)
class BadPages:
    """4 KiB pages with HWPOISON that belong to no hugetlb page, rising; columns of one length.

    Attributes:
        pfn: u64.
        flags: their KPF_* words, u64.
        node: u8, `UNKNOWN_NODE` where it could not be told.
        in_pools: u64, rising: 4 KiB pages with HWPOISON that do belong to one.
    """

    pfn: Words
    flags: Words
    node: U8
    in_pools: Words = field(default_factory=lambda: np.empty(0, np.uint64))

    @property
    def bare(self) -> npt.NDArray[np.bool_]:
        """Which have no flag beside HWPOISON.

        So the kernel leaves the bad page of a huge page that it took out of the pool; a bad page
        that was free before looks the same. One of a process' small pages keeps flags such as ANON.
        """
        mask: npt.NDArray[np.bool_] = self.flags & np.uint64(_GENERIC_FLAGS) == KPF_HWPOISON
        return mask


def read_frames(root: Root, nodes: NodeMap, page_sizes: Sequence[int]) -> HugeFrames | None:
    """Every hugetlb page of the machine; `page_sizes` are those that the kernel has, in bytes.

    None where kpageflags is missing or not for us. A page of the pool that a captured tree does not
    hold is not among them.

    Raises:
        BadCapture: the file ends inside a word.
    """
    fd = _open(root)
    if fd is None:
        return None
    try:
        # A kernel without huge pages has none to look for.
        spans = _spans(fd, nodes) if page_sizes else []
        stride = max(min(page_sizes, default=PAGE_BYTES), PAGE_BYTES) // PAGE_BYTES
        steps = [
            np.arange(-(-first // stride) * stride, end, stride, dtype=np.int64)
            for first, end in spans
        ]
        pfns = np.concatenate([np.empty(0, np.int64), *steps])
        words = _at(fd, pfns)
    finally:
        os.close(fd)
    return decode_steps(pfns[: len(words)], words, nodes, sorted(page_sizes))


def decode_steps(
    pfns: npt.NDArray[np.int64], words: Words, nodes: NodeMap, page_sizes: Sequence[int]
) -> HugeFrames:
    """Huge pages from the flags of rising PFNs, each a multiple of the smallest page size.

    Sizes come out as the largest of the rising `page_sizes` that the tails behind a head reach.
    """
    huge = (words & np.uint64(KPF_HUGE)) != 0
    head = huge & ((words & np.uint64(KPF_COMPOUND_HEAD)) != 0)
    smallest = page_sizes[0] if page_sizes else PAGE_BYTES
    follows = np.diff(pfns, prepend=-1) == smallest // PAGE_BYTES
    tail = huge & ~head & follows
    heads = np.flatnonzero(head)
    others = np.append(np.flatnonzero(~tail), len(tail))
    steps = others[np.searchsorted(others, heads, side="right")] - heads
    known = np.array(page_sizes or [smallest], np.int64)
    sizes = known[np.searchsorted(known, steps * smallest, side="right") - 1]
    bad = huge & ((words & np.uint64(KPF_HWPOISON)) != 0)
    poisoned = np.logical_or.reduceat(bad, heads) if len(heads) else np.empty(0, np.bool_)
    return HugeFrames(pfns[heads].astype(np.uint64), sizes, poisoned, nodes.of(pfns[heads]))


def poisoned_pfns(root: Root, nodes: NodeMap) -> BadPages | None:
    """Every bad 4 KiB page, those outside of the pools apart, by reading the flags of all memory.

    Slow: ask only where /proc/meminfo tells of HardwareCorrupted. None and errors as in
    `read_frames`.
    """
    fd = _open(root)
    if fd is None:
        return None
    pfns, flags = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
    try:
        for first, words in _chunks(fd, nodes):
            found = np.flatnonzero(words & np.uint64(KPF_HWPOISON))
            pfns.append(first + found)
            flags.append(words[found])
    finally:
        os.close(fd)
    pfn, flag = np.concatenate(pfns), np.concatenate(flags)
    inside = (flag & np.uint64(KPF_HUGE)) != 0
    bad = pfn.astype(np.uint64)
    return BadPages(bad[~inside], flag[~inside], nodes.of(pfn[~inside]), bad[inside])


def _open(root: Root) -> int | None:
    """A descriptor that can be read: opening proves nothing. None too for an empty capture."""
    try:
        fd = root.open(_NAME)
    except OSError as error:
        if error.errno in _UNREADABLE:
            return None
        raise BadCapture(f"{_NAME}: {error.strerror}") from None
    try:
        first = os.pread(fd, ENTRY_BYTES, 0)
    except OSError as error:
        os.close(fd)
        if error.errno in _UNREADABLE:
            return None
        raise BadCapture(f"{_NAME}: {error.strerror}") from None
    if not first:
        os.close(fd)
        return None
    return fd


def _spans(fd: int, nodes: NodeMap) -> list[Span]:
    """PFNs worth reading, rising and apart: the memory of a live machine, or what a captured file
    really holds.
    """
    size = os.fstat(fd).st_size
    if size % ENTRY_BYTES:
        raise BadCapture(f"{_NAME}: {size} bytes are no whole number of words")
    if size == 0:
        return list(zip(nodes.starts.tolist(), nodes.ends.tolist(), strict=True))
    return [(first // ENTRY_BYTES, -(-end // ENTRY_BYTES)) for first, end in _extents(fd, size)]


def _extents(fd: int, size: int) -> Iterator[Span]:
    """Byte ranges of a sparse file that hold data."""
    end = 0
    while end < size:
        try:
            first = os.lseek(fd, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        end = os.lseek(fd, first, os.SEEK_HOLE)
        yield first, end


def _at(fd: int, pfns: npt.NDArray[np.int64]) -> Words:
    """The word of each PFN; fewer where the file ends before them."""
    raw = read_words(fd, (pfns * ENTRY_BYTES).tolist())
    return np.frombuffer(raw[: len(raw) // ENTRY_BYTES * ENTRY_BYTES], np.uint64)


def _chunks(fd: int, nodes: NodeMap) -> Iterator[tuple[int, Words]]:
    """All words in pieces, each with its first PFN."""
    for first, end in _spans(fd, nodes):
        for pfn in range(first, end, _CHUNK_WORDS):
            count = min(_CHUNK_WORDS, end - pfn)
            raw = os.pread(fd, count * ENTRY_BYTES, pfn * ENTRY_BYTES)
            yield pfn, np.frombuffer(raw[: len(raw) // ENTRY_BYTES * ENTRY_BYTES], np.uint64)
