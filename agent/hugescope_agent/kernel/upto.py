"""Files of /proc/PID with one entry a VMA, read no further than is needed.

smaps and numa_maps walk the page tables of a VMA when its entry is read: what is not read is not
walked, and the process is not held up for it.
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import Final

_CHUNK_BYTES: Final = 1 << 16


def read_up_to(fd: int, va: int, head_line: re.Pattern[bytes]) -> bytes:
    """The entries of VMAs that begin below `va`, whole ones only; OSError as it comes.

    `head_line` matches the first line of an entry from its beginning (re.MULTILINE) to a character
    behind the start address, which is its first group, in hex.
    """
    head_after_newline = _after_newline(head_line)
    text = b"\n"
    while chunk := os.read(fd, _CHUNK_BYTES):
        searched = text.rfind(b"\n")
        text += chunk
        for head in head_after_newline.finditer(text, searched):
            if int(head[1], 16) >= va:
                return text[1 : head.start() + 1]
    return text[1:]


@cache
def _after_newline(head_line: re.Pattern[bytes]) -> re.Pattern[bytes]:
    """The same, found ten times as fast: a search for a newline skips what is none."""
    return re.compile(b"\n" + head_line.pattern.removeprefix(b"^"))
