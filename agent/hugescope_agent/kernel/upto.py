"""Files of /proc/PID with one entry a VMA, read no further than is needed.

smaps and numa_maps walk the page tables of a VMA when its entry is read: what is not read is not
walked, and the process is not held up for it.
"""

from __future__ import annotations

import errno
import os
import re
from functools import cache
from typing import Final

_CHUNK_BYTES: Final = 1 << 16
_ENTRY_BYTES: Final = 1 << 11
_FEW_BYTES: Final = 1 << 15
"""What is longer than that is read in large pieces: a system call costs as much as an entry."""

MOST_BYTES: Final = 16 << 20
"""Some 20,000 entries of smaps, which hold a process up for tenths of a second."""

_TOO_LONG: Final = f"more than {MOST_BYTES} bytes of entries, which would hold the process up"
_SMAPS_HEAD: Final = re.compile(rb"\n([0-9a-f]+)-([0-9a-f]+) ")
_LAST_LINE: Final = b"\nVmFlags:"


def read_up_to(fd: int, va: int, head_line: re.Pattern[bytes]) -> bytes:
    """The entries of VMAs that begin below `va`, whole ones only; OSError as it comes, and EFBIG
    where they are more than `MOST_BYTES`.

    `head_line` matches the first line of an entry from its beginning (re.MULTILINE) to a character
    behind the start address, which is its first group, in hex.
    """
    head_after_newline = _after_newline(head_line)
    text = bytearray(b"\n")
    while chunk := os.read(fd, _CHUNK_BYTES):
        searched = text.rfind(b"\n")
        text += chunk
        if len(text) > MOST_BYTES:
            raise OSError(errno.EFBIG, _TOO_LONG)
        for head in head_after_newline.finditer(text, searched):
            if int(head[1], 16) >= va:
                return bytes(text[1 : head.start() + 1])
    return bytes(text[1:])


def read_through(fd: int, end_va: int) -> bytes:
    """Entries of smaps up to the VMA that ends at `end_va`, which is the last one; without it those
    of VMAs that begin below. Whole ones only; errors as in `read_up_to`.

    An entry a read, more or less: the kernel makes no more of them than a read has room for.
    """
    text = bytearray(b"\n")
    searched, last = 0, -1
    while chunk := os.read(fd, _ENTRY_BYTES if len(text) < _FEW_BYTES else _CHUNK_BYTES):
        text += chunk
        if len(text) > MOST_BYTES:
            raise OSError(errno.EFBIG, _TOO_LONG)
        if last < 0:
            for head in _SMAPS_HEAD.finditer(text, searched):
                if int(head[1], 16) >= end_va:
                    return bytes(text[1 : head.start() + 1])
                if int(head[2], 16) >= end_va:
                    last = head.end()
                    break
            searched = text.rfind(b"\n")
        if last >= 0 and (flags := text.find(_LAST_LINE, last)) >= 0:
            end = text.find(b"\n", flags + 1) + 1
            if end:
                return bytes(text[1:end])
    return bytes(text[1:])


@cache
def _after_newline(head_line: re.Pattern[bytes]) -> re.Pattern[bytes]:
    """The same, found ten times as fast: a search for a newline skips what is none."""
    return re.compile(b"\n" + head_line.pattern.removeprefix(b"^"))
