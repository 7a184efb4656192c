"""/proc/sysvipc/shm: SysV shared memory segments, and which of them hold huge pages.

Columns by their names in the first line; `perms` in octal with SHM_DEST (01000) in it, `size`,
`rss` and `swap` in bytes. Nothing says whether a segment is of huge pages: the kernel keeps
SHM_HUGETLB nowhere. What tells is, without attaching it:

- A VMA of it: the inode in maps is the shmid, on the device of a hugetlbfs.
- `rss`. ipc/shm.c, shm_add_rss_swap() multiplies the pages in the page cache by the base pages of a
  huge page. Since Linux 6.7 the page cache counts base pages already, so rss is too big by that
  factor: a 2 MiB page counts 1 GiB, a 1 GiB page 256 TiB. More than the size proves huge pages;
  so does more than all the machine's Shmem, in which pages of hugetlbfs are not counted.

Everything else is a guess, marked as inferred. A segment without pages that nobody has attached
cannot be told from one of base pages. Only segments of the reader's own IPC namespace are listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from hugescope_agent.errors import BadCapture
from hugescope_agent.kernel.root import Root
from hugescope_wire.cells import PAGE_BYTES

NAME: Final = "proc/sysvipc/shm"
_COLUMNS: Final = ("key", "shmid", "perms", "size", "cpid", "lpid", "nattch", "uid", "ctime", "rss")
_SHM_DEST: Final = 0o1000
_KERNEL: Final = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})")
_FIRST_SCALED: Final = (6, 7)
_PMD_BYTES: Final = 2 << 20
_U64: Final = 1 << 64
_SHMEM_SLACK_BYTES: Final = 64 << 20
"""Shmem is summed up from counters of each CPU, and read at another moment."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment.

    Attributes:
        key: 0 for IPC_PRIVATE.
        size_bytes: as asked for; the kernel rounds it up to whole pages.
        attached: how often; 0: nobody has it attached.
        removed: marked for removal, and gone with the last to detach it.
        created_s: ctime, seconds since 1970; with `shmid` it names the segment.
        rss_bytes: as printed, whatever that means.
    """

    key: int
    shmid: int
    size_bytes: int
    creator_pid: int
    last_pid: int
    attached: int
    uid: int
    removed: bool
    created_s: int
    rss_bytes: int

    @property
    def identity(self) -> tuple[int, int]:
        """What names it, also when its shmid is given again."""
        return self.shmid, self.created_s


@dataclass(frozen=True, slots=True)
class HugeSegment:
    """A segment of huge pages and how many it holds. `inferred`: that, or that it has any, is the
    likeliest reading and not certain.
    """

    segment: Segment
    page_size: int
    pages: int
    inferred: bool


@dataclass(frozen=True, slots=True)
class SegmentClues:
    """What is known of segments beside their list.

    Attributes:
        known: page size by shmid of segments that some VMA shows to be of huge pages. It says
            nothing of a detached one: the VMA is then of another IPC namespace.
        remembered: page size by shmid and `created_s` of those that `known` told of in an earlier
            look, attached or not.
        all_seen: the VMAs of every process were read: what is attached and not in `known` is of
            base pages.
        unaccounted: by page size, huge pages in use that nothing else explains; a guess never
            takes more. Where there is none for a size, nothing is guessed.
        shmem_bytes: Shmem of meminfo; None: not read.
        kernel: release, such as 6.12.9; None: not known.
    """

    known: Mapping[int, int] = field(default_factory=dict)
    remembered: Mapping[tuple[int, int], int] = field(default_factory=dict)
    all_seen: bool = False
    unaccounted: Mapping[int, int] = field(default_factory=dict)
    shmem_bytes: int | None = None
    kernel: str | None = None


def read(root: Root) -> list[Segment] | None:
    """Every segment of the reader's IPC namespace; None where the file cannot be read.

    Raises:
        BadCapture: a line is not what the kernel prints.
    """
    try:
        text = root.read(NAME)
    except OSError:
        return None
    return parse(text.decode("ascii", "replace"), NAME)


def parse(text: str, where: str) -> list[Segment]:
    """The segments in the text of the file; columns that are unknown here are passed over.

    Raises:
        BadCapture: names `where`, the line, and what is wrong with it.
    """
    lines = text.split("\n")
    columns = lines[0].split()
    missing = [name for name in _COLUMNS if name not in columns]
    if missing:
        raise BadCapture(f"{where}:1: no column {missing[0]}")
    found = []
    for number, line in enumerate(lines[1:], start=2):
        if line.strip():
            found.append(_segment(dict(zip(columns, line.split(), strict=False)), where, number))
    return found


def _segment(fields: Mapping[str, str], where: str, number: int) -> Segment:
    try:
        mode = int(fields["perms"], 8)
        key, *values = (int(fields[name]) for name in _COLUMNS if name != "perms")
    except (KeyError, ValueError):
        raise BadCapture(f"{where}:{number}: expected numbers, a column each") from None
    if min(values) < 0 or mode < 0:
        raise BadCapture(f"{where}:{number}: a number is negative")
    if max(values) >= _U64:
        raise BadCapture(f"{where}:{number}: a number is too large")
    shmid, size, creator, last, attached, uid, created, rss = values
    removed = bool(mode & _SHM_DEST)
    return Segment(key, shmid, size, creator, last, attached, uid, removed, created, rss)


def huge_segments(
    segments: Sequence[Segment], page_sizes: Iterable[int], clues: SegmentClues
) -> list[HugeSegment]:
    """The segments that are of huge pages, or may well be: then `inferred` is set."""
    sizes = sorted(page_sizes)
    scaled = rss_is_scaled(segments, sizes, clues.kernel)
    left = dict(clues.unaccounted)
    found = []
    for segment in segments:
        size = clues.known.get(segment.shmid) if segment.attached else None
        size = size or clues.remembered.get(segment.identity)
        huge = None if size is None else _known(segment, size, scaled)
        if huge is not None:
            found.append(huge)
            continue
        if segment.attached and clues.all_seen:
            continue
        huge = _told_by_rss(segment, sizes, scaled, left, clues.shmem_bytes)
        if huge is None:
            huge = _guessed(segment, sizes, scaled, left)
        if huge is not None:
            left[huge.page_size] = left.get(huge.page_size, 0) - huge.pages
            found.append(huge)
    return found


def rss_is_scaled(
    segments: Iterable[Segment], page_sizes: Sequence[int], kernel: str | None
) -> bool | None:
    """Whether rss is too big for huge pages: seen on a segment, else by the kernel's release; None:
    not known.
    """
    for segment in segments:
        plain = (_pages(segment, size, scaled=False) for size in page_sizes)
        if _too_long(segment) and not any(plain):
            return True
    version = _KERNEL.match(kernel or "")
    return (int(version[1]), int(version[2])) >= _FIRST_SCALED if version else None


def _too_long(segment: Segment) -> bool:
    """More rss than base pages could be, of which the last may belong to a transparent huge one."""
    return segment.rss_bytes > -(-segment.size_bytes // _PMD_BYTES) * _PMD_BYTES


def _pages(segment: Segment, page_size: int, *, scaled: bool) -> int | None:
    """Huge pages by rss, by one way to read it; None: not in that way."""
    unit = page_size * (page_size // PAGE_BYTES) if scaled else page_size
    pages, rest = divmod(segment.rss_bytes, unit)
    return None if rest or pages > -(-segment.size_bytes // page_size) else pages


def _known(segment: Segment, page_size: int, scaled: bool | None) -> HugeSegment | None:
    """A segment of a known page size, of which only rss may be read in two ways; None: in neither,
    so it is not the segment that was meant but one of another IPC namespace.
    """
    plain, by_scale = (_pages(segment, page_size, scaled=way) for way in (False, True))
    if plain is None or by_scale is None or plain == by_scale:
        pages = plain if by_scale is None else by_scale
        return None if pages is None else HugeSegment(segment, page_size, pages, False)
    return HugeSegment(segment, page_size, plain if scaled is False else by_scale, True)


def _told_by_rss(
    segment: Segment,
    sizes: Sequence[int],
    scaled: bool | None,
    left: Mapping[int, int],
    shmem_bytes: int | None,
) -> HugeSegment | None:
    """Where rss proves huge pages: certain if one size and one reading fit what is in use."""
    in_shmem = shmem_bytes is None or segment.rss_bytes <= shmem_bytes + _SHMEM_SLACK_BYTES
    if in_shmem and not _too_long(segment):
        return None
    fits = [
        (size, pages, way)
        for way in (True, False)
        for size in sizes
        if (pages := _pages(segment, size, scaled=way))
    ]
    fits = [fit for fit in fits if fit[1] <= left.get(fit[0], 0)] or fits
    likely = [fit for fit in fits if fit[2] == scaled] or fits
    if not likely:
        return None
    size, pages, _ = likely[0]
    return HugeSegment(segment, size, pages, inferred=len(fits) > 1)


def _guessed(
    segment: Segment, sizes: Sequence[int], scaled: bool | None, left: Mapping[int, int]
) -> HugeSegment | None:
    """A segment of which rss would fit, where as many huge pages have no other explanation."""
    if scaled is None:
        return None
    for size in sizes:
        pages = _pages(segment, size, scaled=scaled)
        if pages and pages <= left.get(size, 0):
            return HugeSegment(segment, size, pages, inferred=True)
    return None
