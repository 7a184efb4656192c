"""What takes privileges to read: the closed list that an opener answers, and how it is asked.

Over a SOCK_SEQPACKET socket, one packet each way, as many requests in turn as one likes:

    request   u32 number, then VERB NAME (a verb, one space, a name below the root)
    answer    u32 the same number, i32 errno; with errno 0 one descriptor, by SCM_RIGHTS

The descriptor of `open` is for reading, that of `faults` is a perf event, and those of the other
verbs hold JSON:

    open    the kernel's own file, or a copy where the kernel looks at who reads and not at who
            opened
    faults  the page faults of the thread proc/TID from now on, and of no other kind of event
    names   of a directory: its entries
    links   of proc/PID/fd: an object of links by number
    look    of a link: [text, status], the status as [ten integers, st_blksize, st_blocks], null
            where there is nothing behind it
    walk    of proc/PID/root/POINT, which has to be a mounted hugetlbfs of that process: every file
            in it, as [device, walk], null where it is out of reach
"""

from __future__ import annotations

import re
import struct
from typing import Final

REQUEST: Final = struct.Struct("<I")
ANSWER: Final = struct.Struct("<Ii")
MAX_REQUEST_BYTES: Final = 4608
"""A number, a verb, and a path as long as the kernel takes."""

_PID: Final = "[1-9][0-9]{0,9}"
_HEX: Final = "[0-9a-f]{1,16}"
_KERNEL_FILE: Final = rf"proc/(?:{_PID}/(?:maps|smaps|numa_maps|pagemap)|kpageflags|kpagecount)"
_COPY: Final = (
    rf"proc/iomem|proc/{_PID}/(?:task/{_PID}/(?:wchan|stack)|fdinfo/[0-9]{{1,10}})"
    rf"|sys/kernel/debug/kvm/{_PID}-[0-9]{{1,10}}/pages_(?:4k|2m|1g)"
)
_VERBS: Final = {
    "open": re.compile(f"{_KERNEL_FILE}|{_COPY}"),
    "faults": re.compile(rf"proc/{_PID}"),
    "names": re.compile(r"sys/kernel/debug/kvm"),
    "links": re.compile(rf"proc/{_PID}/fd"),
    "look": re.compile(rf"proc/{_PID}/(?:fd/[0-9]{{1,10}}|map_files/{_HEX}-{_HEX}|ns/(?:mnt|pid))"),
    "walk": re.compile(rf"proc/{_PID}/root/[^\0]{{0,4096}}"),
}
_COPIED: Final = re.compile(_COPY)


def is_listed(verb: str, name: str) -> bool:
    """Whether the list has this; nothing that is not in it is ever answered."""
    pattern = _VERBS.get(verb)
    matches = pattern is not None and pattern.fullmatch(name) is not None
    return matches and ".." not in name.split("/")


def is_copied(name: str) -> bool:
    """Whether a listed file is copied, because the kernel looks at who reads it."""
    return _COPIED.fullmatch(name) is not None
