"""Who may hold pages that nobody was seen to hold: sentences for an account's `candidates`.

Their number is exact; which pages they are and whose cannot be read anywhere, so everything here is
a candidate and never more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hugescope_wire.report import ProcessRef

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
        hidden_pfns: private pages were counted without their PFN.
        flags_unread: poisoned pages could not be told, because kpageflags could not be read.
    """

    unread: Sequence[ProcessRef] = ()
    unread_count: int = 0
    unread_fds: Sequence[ProcessRef] = ()
    exiting: Sequence[ProcessRef] = ()
    pinning: Sequence[ProcessRef] = ()
    other_namespaces: int = 0
    migrating: int = 0
    hidden_pfns: bool = False
    flags_unread: bool = False


def candidates(unattributed: int, torn: int, clues: Clues) -> list[str]:
    """Sentences, the likeliest first; none where no page is unattributed."""
    if unattributed == 0:
        return []
    found = []
    if torn:
        found.append(f"{_pages(torn)} moved between the readings of counters and of page tables")
    if unattributed < 0:
        if clues.hidden_pfns:
            found.append("copies that forked processes share counted once each: PFNs are hidden")
        return found
    return [*found, *_holders(clues)]


def _holders(clues: Clues) -> list[str]:
    found = []
    unread = max(clues.unread_count, len(clues.unread))
    if unread:
        what = "the mapping" if unread == 1 else "mappings"
        found.append(f"{what} of {_who(clues.unread, unread)} that could not be read")
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
        count = clues.other_namespaces
        found.append(
            f"files of a hugetlbfs mounted in {count} mount namespace"
            f"{'' if count == 1 else 's'} that could not be looked through"
        )
    if clues.flags_unread:
        found.append("poisoned pages, which only kpageflags would tell")
    found.append("a file kept by the kernel alone: in flight in a socket, or held by a driver")
    return found


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"


def _who(processes: Sequence[ProcessRef], count: int) -> str:
    named = [f"{one.comm} ({one.pid})" if one.comm else str(one.pid) for one in processes[:_NAMED]]
    if not named:
        return f"{count} process{'' if count == 1 else 'es'}"
    rest = count - len(named)
    return ", ".join(named) + (f" and {rest} more" if rest else "")
