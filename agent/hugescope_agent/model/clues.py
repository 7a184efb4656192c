"""What an account's numbers leave open, in words: who may hold pages that nobody was seen to hold
(`candidates`), and which numbers are bounds only (`notes`).

The number of such pages is exact; which they are and whose cannot be read anywhere, so those are
candidates and never more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hugescope_wire.account import ProcessRef

_NAMED: Final = 5
"""Processes named in a sentence before the rest is counted."""


@dataclass(frozen=True, slots=True)
class Clues:
    """What is known of things that keep huge pages out of our sight.

    Attributes:
        unread: processes whose mappings could not be read; `unread_count` where they are more than
            are named.
        unread_fds: processes whose open files could not be read.
        exiting: processes that have left their memory or are about to: zombies with threads, and
            tasks that are exiting.
        pinning: processes with vfio, iommufd or io_uring open: a driver keeps a page that it pinned
            after page table and file have let go of it.
        other_namespaces: mount namespaces whose hugetlbfs mounts could not be looked through.
        migrating: cells whose page is being moved, which takes a second one.
        flags_unread: poisoned pages could not be told, because kpageflags could not be read.
        uncaptured: mappings whose page-table entries a capture lacks; smaps counts so many bytes in
            them, `uncaptured_bytes`.
        captured: of a captured tree, whose files are of different moments for good.
    """

    unread: Sequence[ProcessRef] = ()
    unread_count: int = 0
    unread_fds: Sequence[ProcessRef] = ()
    exiting: Sequence[ProcessRef] = ()
    pinning: Sequence[ProcessRef] = ()
    other_namespaces: int = 0
    migrating: int = 0
    flags_unread: bool = False
    uncaptured: int = 0
    uncaptured_bytes: int = 0
    captured: bool = False


def candidates(unattributed: int, torn: int, clues: Clues) -> list[str]:
    """Sentences, the likeliest first; none where no page is unattributed."""
    if unattributed == 0:
        return []
    found = []
    if torn:
        found.append(
            f"the counters and page tables of this capture differ by {_pages(torn)}"
            if clues.captured
            else f"{_pages(torn)} moved between the readings of counters and of page tables"
        )
    return found if unattributed < 0 else [*found, *_holders(clues)]


def notes(guessed: int, clues: Clues) -> list[str]:
    """Sentences for numbers of an account that are bounds; `guessed` as the account has it."""
    found = []
    if guessed:
        found.append(
            f"up to {_pages(guessed)} of those mapped may be counted twice, and how many are "
            "unattributed cannot be told: page frames are hidden, and a private page that forked "
            "processes share counts once for each of them"
        )
    if clues.uncaptured:
        found.append(
            f"pages mapped are at least so many: among the others are {_uncaptured(clues)}"
        )
    unread = []
    if clues.unread_fds:
        unread.append(f"files open in {_who(clues.unread_fds, len(clues.unread_fds))}")
    if clues.other_namespaces:
        unread.append(_namespaces(clues.other_namespaces))
    if unread:
        found.append(
            "pages kept by a descriptor, a file or a segment are at least so many: "
            f"{' and '.join(unread)} could not be looked through"
        )
    return found


def _holders(clues: Clues) -> list[str]:
    found = []
    unread = max(clues.unread_count, len(clues.unread))
    if unread:
        what = "the mapping" if unread == 1 else "mappings"
        found.append(f"{what} of {_who(clues.unread, unread)} that could not be read")
    if clues.uncaptured:
        found.append(_uncaptured(clues))
    if clues.unread_fds:
        who = _who(clues.unread_fds, len(clues.unread_fds))
        found.append(f"files open in {who} that could not be looked into")
    if clues.exiting:
        who = _who(clues.exiting, len(clues.exiting))
        found.append(f"memory not yet given back by {who}, on the way out")
    if clues.migrating:
        found.append(f"copies being made of {_pages(clues.migrating)} under migration")
    if clues.pinning:
        who = _who(clues.pinning, len(clues.pinning))
        found.append(f"pages pinned for a device or io_uring by {who}")
    if clues.other_namespaces:
        found.append(f"{_namespaces(clues.other_namespaces)} that could not be looked through")
    if clues.flags_unread:
        found.append("poisoned pages, which only kpageflags would tell")
    found.append("a file kept by the kernel alone: in flight in a socket, or held by a driver")
    return found


def _uncaptured(clues: Clues) -> str:
    mappings = "1 mapping" if clues.uncaptured == 1 else f"{clues.uncaptured} mappings"
    return (
        f"pages of {mappings} of which the capture holds no pagemap entries; smaps counts "
        f"{clues.uncaptured_bytes} bytes there"
    )


def _namespaces(count: int) -> str:
    plural = "" if count == 1 else "s"
    return f"files of a hugetlbfs mounted in {count} mount namespace{plural}"


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"


def _who(processes: Sequence[ProcessRef], count: int) -> str:
    named = [
        f"{one.comm} ({one.pid})" if one.comm else f"process {one.pid}"
        for one in processes[:_NAMED]
    ]
    if not named:
        return f"{count} process{'' if count == 1 else 'es'}"
    rest = count - len(named)
    return ", ".join(named) + (f" and {rest} more" if rest else "")
